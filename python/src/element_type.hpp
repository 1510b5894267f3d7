// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_PYTHON_ELEMENT_TYPE_HPP
#define FUSED_SCAN_PYTHON_ELEMENT_TYPE_HPP

// The types of elements that an array may have, known at run time only.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <type_traits>

namespace fused_scan::python {

enum class ElementType : std::uint8_t {
  boolean,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  float16,
  bfloat16,
  float32,
  float64,
  complex64,
  complex128,
};

inline bool is_integer(ElementType type) { return type <= ElementType::uint64; }
inline bool is_signed(ElementType type) {
  return ElementType::int8 <= type && type <= ElementType::int64;
}
inline bool is_half(ElementType type) {
  return type == ElementType::float16 || type == ElementType::bfloat16;
}
inline bool is_complex(ElementType type) { return type >= ElementType::complex64; }

/// A floating-point number of 16 bits, where there is no such type: in Debian's Kokkos half_t is a
/// plain float.
template <int mantissa_bits, int bias>
struct ShortFloat {
  std::uint16_t bits = 0;

  ShortFloat() = default;
  /// Rounded to nearest, ties to even.
  KOKKOS_FUNCTION explicit ShortFloat(double x) : bits(rounded(x)) {}
  KOKKOS_FUNCTION explicit ShortFloat(float x) : bits(rounded(x)) {}
  KOKKOS_FUNCTION explicit operator float() const {
    if constexpr (is_upper_half) {
      return Kokkos::bit_cast<float>(std::uint32_t{bits} << 16);
    } else {
      return static_cast<float>(number());
    }
  }

  /// Whether it is the upper half of a float.
  static constexpr bool is_upper_half = bias == 127;

  static constexpr int unused_bits = 52 - mantissa_bits;
  static constexpr int largest_exponent = 2 * bias + 1;
  /// What the last bit of a subnormal number stands for.
  KOKKOS_FUNCTION static constexpr double unit() {
    double unit = 1;
    for (int i = 0; i < bias + mantissa_bits - 1; ++i) unit /= 2;
    return unit;
  }

  KOKKOS_FUNCTION static std::uint16_t rounded(double x) {
    const auto all = Kokkos::bit_cast<std::uint64_t>(x);
    const auto sign = static_cast<std::uint16_t>(all >> 63 << 15);
    std::uint64_t magnitude = all & ~(std::uint64_t{1} << 63);
    std::uint64_t result = 0;
    if (x != x) {
      result = (std::uint64_t{largest_exponent} << mantissa_bits) |
               (std::uint64_t{1} << (mantissa_bits - 1));
    } else if (Kokkos::abs(x) < unit() * (1 << mantissa_bits)) {
      // 2^52 leaves no room for what is below a unit; the addition rounds to nearest, even.
      result = static_cast<std::uint64_t>((Kokkos::abs(x) / unit() + 0x1p52) - 0x1p52);
    } else {
      const std::uint64_t last = (magnitude >> unused_bits) & 1;
      magnitude += (std::uint64_t{1} << (unused_bits - 1)) - 1 + last;
      result = (magnitude >> unused_bits) - (std::uint64_t{1023 - bias} << mantissa_bits);
      const std::uint64_t infinity = std::uint64_t{largest_exponent} << mantissa_bits;
      if (result > infinity) result = infinity;
    }
    return static_cast<std::uint16_t>(sign | result);
  }

  KOKKOS_FUNCTION static std::uint16_t rounded(float x) {
    if constexpr (is_upper_half) {
      const auto all = Kokkos::bit_cast<std::uint32_t>(x);
      const std::uint32_t result = (all + 0x7fff + (all >> 16 & 1)) >> 16;
      return static_cast<std::uint16_t>(x == x ? result : (all >> 16 | 0x40));
    } else {
      return rounded(static_cast<double>(x));
    }
  }

  KOKKOS_FUNCTION double number() const {
    const bool negative = (bits >> 15) != 0;
    const int exponent = (bits >> mantissa_bits) & largest_exponent;
    const std::uint64_t mantissa = bits & ((1U << mantissa_bits) - 1);
    double magnitude = static_cast<double>(mantissa) * unit();
    if (exponent > 0) {
      const int wide = exponent == largest_exponent ? 2047 : exponent + 1023 - bias;
      magnitude = Kokkos::bit_cast<double>((static_cast<std::uint64_t>(wide) << 52) |
                                           (mantissa << unused_bits));
    }
    return negative ? -magnitude : magnitude;
  }
};

using Float16 = ShortFloat<10, 15>;
using BFloat16 = ShortFloat<7, 127>;

/// Elements of such a type as an engine moves them: Kokkos' own where it has one of 16 bits, since
/// GPUs have instructions for it.
template <class Kokkos, class Own>
using half_in_memory_t = std::conditional_t<sizeof(Kokkos) == sizeof(Own), Kokkos, Own>;

}  // namespace fused_scan::python

#endif
