// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_OPERATOR_COMPENSATED_VALUE_HPP
#define FUSED_SCAN_IMPL_OPERATOR_COMPENSATED_VALUE_HPP

#include <Kokkos_Core.hpp>
#include <fused_scan/impl/operator/rounding.hpp>
#include <type_traits>

namespace fused_scan {

/// What a CompensatedValue can be made of.
template <class T>
concept CompensableNumber =
    std::is_same_v<T, float> || std::is_same_v<T, double> ||
    std::is_same_v<T, Kokkos::complex<float>> || std::is_same_v<T, Kokkos::complex<double>>;

/// A sum and what rounding has taken from it so far: the number meant is sum + compensation.
///
/// T is float, double, or Kokkos::complex of either (then real and imaginary part are two
/// independent sums). Adding keeps |compensation| within half an ulp of |sum|, so that a float pair
/// carries 48 bits and a double pair 106: after n additions of x_i in any order the error of
/// value() is at most u |result| + 3 n u^2 sum |x_i|, where u is 2^-24 for float and 2^-53 for
/// double.
///
/// Inf and NaN come out as out of a plain sum: once `sum` is not finite it is the result, and the
/// compensation is 0. The pair is trivially copyable and has the size of two T.
///
/// Ready for Kokkos: value-initialised it is zero, `+=` takes another pair or a plain T, and
/// Kokkos::reduction_identity is there, so Kokkos::Sum, parallel_reduce and parallel_scan take it
/// at range, team and vector level. One limit is Kokkos' own (4.6): on CUDA its scan over the
/// threads of a team has room for 8 bytes of each. A policy for pairs of double must ask for
/// scratch memory of sizeof(CompensatedValue<double>) per thread, or the scan writes beyond its
/// own.
///
/// Source: TwoSum is Knuth, The Art of Computer Programming, vol. 2, section 4.2.2, theorem B; the
/// sum of two pairs is algorithm SloppyDWPlusDW with TwoSum in front, in Joldes, Muller and
/// Popescu, "Tight and rigorous error bounds for basic building blocks of double-word arithmetic",
/// ACM Transactions on Mathematical Software 44 (2), 2017.
template <CompensableNumber T>
struct CompensatedValue {
  T sum{};           ///< rounded
  T compensation{};  ///< what is missing from it

  /// Zero, a number, or a pair as it is.
  ///@{
  CompensatedValue() = default;
  KOKKOS_FUNCTION constexpr CompensatedValue(T number) : sum(number) {}
  KOKKOS_FUNCTION constexpr CompensatedValue(T head, T tail) : sum(head), compensation(tail) {}
  ///@}

  /// The sum, rounded once to T.
  KOKKOS_FORCEINLINE_FUNCTION T value() const;

  /// Adds a pair or a number.
  ///@{
  KOKKOS_FORCEINLINE_FUNCTION CompensatedValue& operator+=(const CompensatedValue& other);
  KOKKOS_FORCEINLINE_FUNCTION CompensatedValue& operator+=(const T& number);
  ///@}

  friend KOKKOS_FORCEINLINE_FUNCTION CompensatedValue operator+(CompensatedValue a,
                                                                const CompensatedValue& b) {
    return a += b;
  }
  friend KOKKOS_FUNCTION bool operator==(const CompensatedValue& a, const CompensatedValue& b) {
    return a.sum == b.sum && a.compensation == b.compensation;
  }
};

/// a + b as the rounded sum and its rounding error, exactly (unless the sum overflows).
template <CompensableNumber T>
KOKKOS_FORCEINLINE_FUNCTION CompensatedValue<T> two_sum(const T& a, const T& b);

template <CompensableNumber T>
KOKKOS_FORCEINLINE_FUNCTION CompensatedValue<T> two_sum(const T& a, const T& b) {
  if constexpr (impl::is_complex_v<T>) {
    const auto re = two_sum(a.real(), b.real());
    const auto im = two_sum(a.imag(), b.imag());
    return {T(re.sum, im.sum), T(re.compensation, im.compensation)};
  } else {
    const auto [sum, error] = impl::sum_and_error(a, b);
    return {sum, error};
  }
}

namespace impl {

/// TwoSum's error term, which isn't finite beside a sum that isn't. Where there is none to add: -0,
/// which changes no number, while +0 would change the sign of a sum of negative zeros. (Whether the
/// term is finite is asked rather than whether the sum is: where the two are computed apart,
/// compilers make a branch of the choice, which they can't vectorise.)
template <class T>
KOKKOS_FORCEINLINE_FUNCTION T term_of_error(T error) {
  const T magnitude = Kokkos::abs(error);
  const bool known = (magnitude > 0) & (magnitude < Kokkos::Experimental::infinity_v<T>);
  const auto mask = known ? BitsOf<T>(-1) : BitsOf<T>(0);
  return Kokkos::bit_cast<T>((bits_of(error) & mask) | (bits_of(-T(0)) & ~mask));
}

/// Moves into `sum` what of the compensation fits there. Without it the compensation of a long
/// sequential sum outgrows its own precision: a million times 0.1f ends hundreds of ulps off.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION CompensatedValue<T> renormalized(const T& sum, const T& compensation) {
  if constexpr (is_complex_v<T>) {
    const auto re = renormalized(sum.real(), compensation.real());
    const auto im = renormalized(sum.imag(), compensation.imag());
    return {T(re.sum, im.sum), T(re.compensation, im.compensation)};
  } else {
    const T known = term_of_error(compensation);
    const T head = sum + known;
    const T rest = known - (head - sum);
    return {head, is_finite(rest) ? rest : T(0)};
  }
}

template <class T>
KOKKOS_FORCEINLINE_FUNCTION T rounded_value(const T& sum, const T& compensation) {
  if constexpr (is_complex_v<T>) {
    return T(rounded_value(sum.real(), compensation.real()),
             rounded_value(sum.imag(), compensation.imag()));
  } else {
    return sum + term_of_error(compensation);
  }
}

}  // namespace impl

template <CompensableNumber T>
KOKKOS_FORCEINLINE_FUNCTION T CompensatedValue<T>::value() const {
  return impl::rounded_value(sum, compensation);
}

template <CompensableNumber T>
KOKKOS_FORCEINLINE_FUNCTION CompensatedValue<T>& CompensatedValue<T>::operator+=(
    const CompensatedValue& other) {
  const CompensatedValue step = two_sum(sum, other.sum);
  return *this =
             impl::renormalized(step.sum, step.compensation + (compensation + other.compensation));
}

template <CompensableNumber T>
KOKKOS_FORCEINLINE_FUNCTION CompensatedValue<T>& CompensatedValue<T>::operator+=(const T& number) {
  const CompensatedValue step = two_sum(sum, number);
  return *this = impl::renormalized(step.sum, compensation + step.compensation);
}

}  // namespace fused_scan

#endif
