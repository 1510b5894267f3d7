// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_EXACT_SUM_HPP
#define FUSED_SCAN_EXACT_SUM_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace fused_scan::test {

/// A binary floating-point format, in the terms of std::numeric_limits.
struct FloatFormat {
  int digits;
  int min_exponent;
  int max_exponent;
};

/// Kokkos' traits say 2 of a bhalf_t of its own.
template <class T>
constexpr int significant_bits = std::is_same_v<T, Kokkos::Experimental::bhalf_t> && sizeof(T) == 2
                                     ? 8
                                     : Kokkos::Experimental::digits_v<T>;

template <class T>
constexpr FloatFormat float_format{significant_bits<T>, Kokkos::Experimental::min_exponent_v<T>,
                                   Kokkos::Experimental::max_exponent_v<T>};

/// The exact sum of any number of doubles, rounded only when it is asked for.
///
/// A fixed-point number in two's complement, wide enough for every bit of every finite double
/// (Kulisch's long accumulator): bit 0 is 2^-1074, bit 2097 is 2^1023, and what is above is
/// headroom for 2^77 additions. Infinities and NaN count apart and come out as they would of a
/// plain sum.
class ExactSum {
 public:
  void add(double x) {
    if (!std::isfinite(x)) {
      m_not_finite += x;  // Inf stays Inf, Inf - Inf and NaN give NaN
      return;
    }
    int exponent = 0;
    const double fraction = std::frexp(x, &exponent);
    auto mantissa = static_cast<std::int64_t>(std::ldexp(fraction, 53));
    int position = exponent - 53 - lowest_exponent;
    if (position < 0) {
      mantissa >>= -position;  // a denormal: the bits that go are zeros
      position = 0;
    }
    add_shifted(mantissa, position);
  }

  /// The sum rounded once, to nearest, ties to even.
  template <class T>
  T round() const {
    return static_cast<T>(round_to(float_format<T>));
  }

  /// The same for any format that fits into a double.
  double round_to(const FloatFormat& format) const {
    if (m_not_finite != 0) return m_not_finite;
    const bool negative = (m_limbs.back() >> 31) != 0;
    const Limbs limbs = negative ? negated(m_limbs) : m_limbs;

    const int top = top_bit(limbs);
    if (top < 0) return 0.0;
    const int lowest_of_format = format.min_exponent - format.digits - lowest_exponent;
    const int last = std::max(top - (format.digits - 1), lowest_of_format);

    std::uint64_t mantissa = bits_from(limbs, last);
    if (last > 0) {
      const bool half = (bits_from(limbs, last - 1) & 1) != 0;
      if (half && ((mantissa & 1) != 0 || any_bit_below(limbs, last - 1))) ++mantissa;
    }
    const int exponent = std::bit_width(mantissa) + last + lowest_exponent;
    const double magnitude =
        exponent > format.max_exponent
            ? std::numeric_limits<double>::infinity()
            : std::ldexp(static_cast<double>(mantissa), last + lowest_exponent);
    return negative ? -magnitude : magnitude;
  }

 private:
  static constexpr int lowest_exponent = -1074;
  static constexpr std::size_t n_limbs = 68;
  using Limbs = std::array<std::uint32_t, n_limbs>;

  // Adds value * 2^position, in units of bit 0.
  void add_shifted(std::int64_t value, int position) {
    const auto first = static_cast<std::size_t>(position) / 32;
    const int shift = position % 32;
    const auto low = static_cast<std::uint64_t>(value) << shift;
    const auto high = static_cast<std::uint64_t>(value >> (63 - shift) >> 1);
    const std::array addend{static_cast<std::uint32_t>(low), static_cast<std::uint32_t>(low >> 32),
                            static_cast<std::uint32_t>(high)};

    // Above the addend come its sign bits. Together with the right carry they change nothing, and
    // neither in any limb above.
    const std::uint32_t sign = value < 0 ? ~std::uint32_t{0} : 0;
    const std::uint64_t carry_at_end = value < 0 ? 1 : 0;
    std::uint64_t carry = 0;
    for (std::size_t i = 0; first + i < n_limbs; ++i) {
      if (i >= addend.size() && carry == carry_at_end) break;
      std::uint32_t& limb = m_limbs[first + i];
      carry += std::uint64_t{limb} + (i < addend.size() ? addend[i] : sign);
      limb = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
  }

  static Limbs negated(const Limbs& limbs) {
    Limbs result{};
    std::uint64_t carry = 1;
    for (std::size_t i = 0; i < n_limbs; ++i) {
      carry += static_cast<std::uint32_t>(~limbs[i]);
      result[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    return result;
  }

  static int top_bit(const Limbs& limbs) {
    for (std::size_t i = n_limbs; i-- > 0;)
      if (limbs[i] != 0) return static_cast<int>(32 * i) + std::bit_width(limbs[i]) - 1;
    return -1;
  }

  // 64 bits, the lowest of them the bit `first`.
  static std::uint64_t bits_from(const Limbs& limbs, int first) {
    const auto limb = static_cast<std::size_t>(first) / 32;
    const int shift = first % 32;
    const auto at = [&](std::size_t i) { return i < n_limbs ? std::uint64_t{limbs[i]} : 0; };
    const std::uint64_t low = at(limb) | at(limb + 1) << 32;
    return shift == 0 ? low : low >> shift | at(limb + 2) << (64 - shift);
  }

  static bool any_bit_below(const Limbs& limbs, int end) {
    const auto last = static_cast<std::size_t>(end) / 32;
    for (std::size_t i = 0; i < last; ++i)
      if (limbs[i] != 0) return true;
    return (limbs[last] & ((std::uint32_t{1} << (end % 32)) - 1)) != 0;
  }

  Limbs m_limbs{};
  double m_not_finite = 0;
};

}  // namespace fused_scan::test

#endif
