// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_SWEEP_DATA_HPP
#define FUSED_SCAN_SWEEP_DATA_HPP

// The numbers that are scanned: each follows from its place, so that filling is parallel.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <type_traits>

#include "sweep_shapes.hpp"

namespace fused_scan::perf {

/// uniform: in [0, 1), of as many bits as the type has. alternating: 1e8 and 1e-8 along a line.
/// whole: from -128 to 127, whose sums are exact in any order of additions.
enum class Data { uniform, normal, alternating, whole };

/// Everything is a multiple of 2^-70, which makes exact sums possible (sweep_reference.hpp).
inline constexpr double data_unit = 0x1p-70;

/// Bits of a significand.
template <class T>
inline constexpr int significand_bits = sizeof(T) == 8                                    ? 53
                                        : sizeof(T) == 4                                  ? 24
                                        : std::is_same_v<T, Kokkos::Experimental::half_t> ? 11
                                                                                          : 8;

template <class T>
inline constexpr bool is_complex = false;
template <class T>
inline constexpr bool is_complex<Kokkos::complex<T>> = true;

/// SplitMix64: bits without a pattern.
KOKKOS_INLINE_FUNCTION std::uint64_t random_bits(std::uint64_t i) {
  std::uint64_t bits = (i + 1) * 0x9e3779b97f4a7c15U;
  bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9U;
  bits = (bits ^ bits >> 27) * 0x94d049bb133111ebU;
  return bits ^ bits >> 31;
}

KOKKOS_INLINE_FUNCTION double random_unit(std::uint64_t i, int digits) {
  return static_cast<double>(random_bits(i) >> (64 - digits)) /
         static_cast<double>(std::uint64_t{1} << digits);
}

KOKKOS_INLINE_FUNCTION double in_units(double number) {
  return Kokkos::round(number / data_unit) * data_unit;
}

KOKKOS_INLINE_FUNCTION double random_normal(std::uint64_t i) {
  const double radius = Kokkos::sqrt(-2 * Kokkos::log(1 - random_unit(2 * i, 53)));
  return in_units(radius * Kokkos::cos(6.283185307179586 * random_unit(2 * i + 1, 53)));
}

/// Halves know floats only.
template <class T, class Number>
KOKKOS_FUNCTION T rounded_to(Number number) {
  if constexpr (sizeof(T) == 2) {
    return static_cast<T>(static_cast<float>(number));
  } else {
    return static_cast<T>(number);
  }
}

/// The number of place i in memory, at this position of its line.
template <class T>
KOKKOS_FUNCTION T random_number(Data data, std::uint64_t i, std::int64_t position) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(random_bits(i));
  } else if constexpr (is_complex<T>) {
    using Part = typename T::value_type;
    return T(random_number<Part>(data, 2 * i, position),
             random_number<Part>(data, 2 * i + 1, position));
  } else {
    if (data == Data::uniform) return rounded_to<T>(random_unit(i, significand_bits<T>));
    if (data == Data::normal) return rounded_to<T>(random_normal(i));
    if (data == Data::alternating) return rounded_to<T>(position % 2 == 0 ? 1e8 : in_units(1e-8));
    return rounded_to<T>(static_cast<int>(random_bits(i) % 256) - 128);
  }
}

/// Fills an array of lines that lie in memory as `lines` says.
template <class T>
void fill(T* x, const Shape& lines, Data data) {
  Kokkos::parallel_for(
      "fill", Kokkos::RangePolicy<Kokkos::IndexType<std::int64_t>>(0, lines.size()),
      KOKKOS_LAMBDA(std::int64_t i) {
        x[i] = random_number<T>(data, i, i / lines.inner % lines.length);
      });
}

}  // namespace fused_scan::perf

#endif
