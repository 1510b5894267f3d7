// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_OPERATOR_SUMS_HPP
#define FUSED_SCAN_IMPL_OPERATOR_SUMS_HPP

// The monoids of Sum and CompensatedSum.
//
// Sums of floats are carried in one double: it has 29 bits more than a float, so that nearly every
// sum on the way is exact. Sum rounds the others to nearest; CompensatedSum rounds them to odd, so
// that the one rounding to float at the end goes to the right side of a tie. A pair of floats (48
// bits) rounded to odd was slower on a CPU by a factor of three, and no faster on a GPU. Sums of
// doubles have no wider type: there a pair carries what rounding takes.

#include <Kokkos_Core.hpp>
#include <fused_scan/impl/operator/compensated_value.hpp>
#include <fused_scan/impl/operator/rounding.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// What sums of numbers of type T are carried in.
template <class T>
struct SumCarrier {
  using type = T;
};
template <>
struct SumCarrier<float> {
  using type = double;
};
template <>
struct SumCarrier<Kokkos::complex<float>> {
  using type = Kokkos::complex<double>;
};

/// Integers wrap around as unsigned ones do, signed ones too; for other numbers the plain result.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION T wrapping_sum(const T& a, const T& b) {
  if constexpr (std::is_integral_v<T>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
  } else {
    return a + b;
  }
}

/// -0 changes no number, +0 changes -0.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION T negative_zero() {
  if constexpr (is_complex_v<T>) {
    using Part = typename T::value_type;
    return T(negative_zero<Part>(), negative_zero<Part>());
  } else if constexpr (std::is_floating_point_v<T>) {
    return -T(0);
  } else {
    return T(0);
  }
}

/// A state as double pairs or pairs of floats hold it, as one double, rounded to odd.
template <class Carrier, class T>
KOKKOS_FUNCTION Carrier carrier_of_pair(const CompensatedValue<T>& pair) {
  return odd_sum(static_cast<Carrier>(pair.sum), static_cast<Carrier>(pair.compensation));
}

/// The other way. A pair of floats holds 48 of the 53 bits, the last of them rounded to odd.
template <class T, class Carrier>
KOKKOS_FUNCTION CompensatedValue<T> pair_of_carrier(const Carrier& carrier) {
  if constexpr (is_complex_v<T>) {
    using Part = typename T::value_type;
    const auto re = pair_of_carrier<Part>(carrier.real());
    const auto im = pair_of_carrier<Part>(carrier.imag());
    return {T(re.sum, im.sum), T(re.compensation, im.compensation)};
  } else {
    const T head = static_cast<T>(carrier);
    const Carrier rest = is_finite(head) ? carrier - static_cast<Carrier>(head) : Carrier(0);
    const T tail = static_cast<T>(rest);
    return {head, rounded_to_odd(tail, static_cast<T>(rest - static_cast<Carrier>(tail)))};
  }
}

/// What a monoid that carries sums of T in a wider type does with elements and states.
template <class T>
struct CarriedSum {
  using value_type = typename SumCarrier<T>::type;
  /// The prefix of an element is that of its chunk combined with the chunk's elements up to it.
  static constexpr bool combines_chunks = true;

  KOKKOS_FORCEINLINE_FUNCTION value_type identity() const { return value_type(0); }
  KOKKOS_FORCEINLINE_FUNCTION value_type neutral() const { return negative_zero<value_type>(); }
  KOKKOS_FORCEINLINE_FUNCTION value_type lift(const T& number) const { return value_type(number); }
  KOKKOS_FORCEINLINE_FUNCTION T lower(const value_type& value) const { return T(value); }
  /// Rounded once, whatever the type of the View.
  template <class Number>
  KOKKOS_FORCEINLINE_FUNCTION Number lower_to(const value_type& value) const {
    return static_cast<Number>(value);
  }
  template <class U>
  KOKKOS_FUNCTION value_type from_state(const CompensatedValue<U>& state) const {
    return carrier_of_pair<value_type>(state);
  }
  template <class U>
  KOKKOS_FUNCTION void to_state(const value_type& value, CompensatedValue<U>& state) const {
    state = pair_of_carrier<U>(value);
  }
};

template <class T>
struct SumMonoid : CarriedSum<T> {
  using value_type = typename CarriedSum<T>::value_type;
  KOKKOS_FORCEINLINE_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    return wrapping_sum(a, b);
  }
};

/// Every sum rounded to odd.
template <class T>
struct OddSumMonoid : CarriedSum<T> {
  using value_type = typename CarriedSum<T>::value_type;
  KOKKOS_FORCEINLINE_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    return odd_sum(a, b);
  }
};

/// Pairs, whose compensation is rounded to odd.
template <class T>
struct PairSumMonoid {
  using value_type = CompensatedValue<T>;
  KOKKOS_FORCEINLINE_FUNCTION value_type identity() const { return {}; }
  KOKKOS_FORCEINLINE_FUNCTION value_type neutral() const { return {negative_zero<T>(), T(0)}; }
  KOKKOS_FORCEINLINE_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    const value_type sum = two_sum(a.sum, b.sum);
    return renormalized(sum.sum,
                        odd_sum(odd_sum(a.compensation, b.compensation), sum.compensation));
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type lift(const T& number) const { return number; }
  KOKKOS_FORCEINLINE_FUNCTION T lower(const value_type& value) const { return value.value(); }
  KOKKOS_FORCEINLINE_FUNCTION value_type accumulate(const value_type& value,
                                                    const T& number) const {
    const value_type sum = two_sum(value.sum, number);
    return {sum.sum, odd_sum(value.compensation, sum.compensation)};
  }
  /// accumulate() for less, where nothing is lost; if something is, bits of `lost` are set.
  using lost_type = BitsOf<T>;
  KOKKOS_FORCEINLINE_FUNCTION value_type accumulate_exactly(const value_type& value,
                                                            const T& number, lost_type& lost) const
    requires std::is_floating_point_v<T>
  {
    const value_type sum = two_sum(value.sum, number);
    const value_type compensation = two_sum(value.compensation, sum.compensation);
    lost |= bits_of(compensation.compensation);
    return {sum.sum, compensation.sum};
  }
};

template <class T>
struct CompensatedSumOf {
  using type = PairSumMonoid<T>;
};
template <class T>
  requires std::is_integral_v<T>
struct CompensatedSumOf<T> {
  using type = SumMonoid<T>;
};
template <class T>
  requires(std::is_same_v<T, float> || std::is_same_v<T, Kokkos::complex<float>>)
struct CompensatedSumOf<T> {
  using type = OddSumMonoid<T>;
};

}  // namespace fused_scan::impl

#endif
