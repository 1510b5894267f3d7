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
// doubles have no wider type: there a pair carries what rounding takes, and what leaves the range.

#include <Kokkos_Core.hpp>
#include <cstdint>
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
  static constexpr bool groups_freely = std::is_integral_v<T>;

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

/// Every sum rounded to odd. Sums of floats don't leave the range of double.
template <class T>
struct OddSumMonoid : CarriedSum<T> {
  using value_type = typename CarriedSum<T>::value_type;
  KOKKOS_FORCEINLINE_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    return odd_sum<true>(a, b);
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type accumulate_exactly(const value_type& value,
                                                            const T& number,
                                                            std::uint64_t& lost) const {
    return combine_exactly(value, this->lift(number), lost);
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type combine_exactly(const value_type& a, const value_type& b,
                                                         std::uint64_t& lost) const {
    return sum_if_exact(a, b, lost);
  }
  /// Up to the sign of a zero that a prefix hides.
  KOKKOS_FORCEINLINE_FUNCTION value_type exact_difference(const value_type& state,
                                                          const value_type& prefix) const {
    if constexpr (is_complex_v<T>) {
      return value_type(difference(state.real(), prefix.real()),
                        difference(state.imag(), prefix.imag()));
    } else {
      return difference(state, prefix);
    }
  }

 private:
  /// A sum of -0 alone stays one where the prefix was -0 too.
  KOKKOS_FORCEINLINE_FUNCTION static double difference(double state, double prefix) {
    return prefix == 0 ? state : state - prefix;
  }
};

// The sum of a group of a line's elements may leave the range of double where no running sum does:
// as the difference of two running sums it is less than twice the largest number. Such a sum is the
// pair of the largest number and the rest, which leaves it the places of one double, not of two.

/// a + b, which is too large for T.
template <class T>
KOKKOS_FUNCTION CompensatedValue<T> sum_beyond_range(T a, T b) {
  const T larger = Kokkos::abs(a) > Kokkos::abs(b) ? a : b;
  const T smaller = Kokkos::abs(a) > Kokkos::abs(b) ? b : a;
  const T largest = Kokkos::copysign(Kokkos::Experimental::finite_max_v<T>, larger);
  // Both differences are exact: the first is one of numbers that differ by less than a factor of
  // two, the second a multiple of the last place of `smaller`, and not larger.
  return {largest, (larger - largest) + smaller};
}

/// The rounded sum of a pair and its rounding error; the pair as it is where that is beyond the
/// range.
template <class T>
KOKKOS_FUNCTION CompensatedValue<T> in_one_number(const CompensatedValue<T>& pair) {
  const CompensatedValue<T> sum = two_sum(pair.sum, pair.compensation);
  return is_finite(sum.sum) ? sum : pair;
}

/// a + b, where one of them or their plain sum may be beyond the range. Out of line: such sums are
/// rare, and their code is long.
template <class T>
KOKKOS_FUNCTION CompensatedValue<T> sum_in_wide_range(const CompensatedValue<T>& a,
                                                      const CompensatedValue<T>& b) {
  if constexpr (is_complex_v<T>) {
    using Part = CompensatedValue<typename T::value_type>;
    const auto re = impl::sum_in_wide_range(Part(a.sum.real(), a.compensation.real()),
                                            Part(b.sum.real(), b.compensation.real()));
    const auto im = impl::sum_in_wide_range(Part(a.sum.imag(), a.compensation.imag()),
                                            Part(b.sum.imag(), b.compensation.imag()));
    return {T(re.sum, im.sum), T(re.compensation, im.compensation)};
  } else {
    if (!is_finite(a.sum) || !is_finite(b.sum)) return {a.sum + b.sum, T(0)};
    const CompensatedValue<T> x = impl::in_one_number(a), y = impl::in_one_number(b);
    CompensatedValue<T> sum = two_sum(x.sum, y.sum);
    if (!is_finite(sum.sum)) sum = impl::sum_beyond_range(x.sum, y.sum);
    const T rest = odd_sum(odd_sum(x.compensation, y.compensation), sum.compensation);
    return is_finite(rest) ? impl::in_one_number(CompensatedValue<T>(sum.sum, rest))
                           : CompensatedValue<T>(rest);
  }
}

/// What the two monoids of pairs have in common.
template <class T>
struct PairMonoid {
  using value_type = CompensatedValue<T>;
  KOKKOS_FORCEINLINE_FUNCTION value_type identity() const { return {}; }
  KOKKOS_FORCEINLINE_FUNCTION value_type neutral() const { return {negative_zero<T>(), T(0)}; }
  KOKKOS_FORCEINLINE_FUNCTION value_type lift(const T& number) const { return number; }
  KOKKOS_FORCEINLINE_FUNCTION T lower(const value_type& value) const { return value.value(); }

 protected:
  /// Whether nothing has left the range.
  KOKKOS_FORCEINLINE_FUNCTION static bool in_range(const T& sum) {
    if constexpr (is_complex_v<T>) {
      return is_finite(sum.real()) && is_finite(sum.imag());
    } else {
      return is_finite(sum);
    }
  }
};

/// Pairs, whose compensation is rounded to odd.
template <class T>
struct PairSumMonoid : PairMonoid<T> {
  using typename PairMonoid<T>::value_type;
  KOKKOS_FORCEINLINE_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    const value_type sum = two_sum(a.sum, b.sum);
    const T rest = odd_sum(odd_sum(a.compensation, b.compensation), sum.compensation);
    const value_type pair = renormalized(sum.sum, rest);
    return this->in_range(pair.sum) && this->in_range(rest) ? pair : sum_in_wide_range(a, b);
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type accumulate(const value_type& value,
                                                    const T& number) const {
    const value_type sum = two_sum(value.sum, number);
    if (!this->in_range(sum.sum)) return sum_in_wide_range(value, value_type(number));
    return {sum.sum, odd_sum(value.compensation, sum.compensation)};
  }
  /// Without a look at the range: right where is_in_range() holds for the result, which then held
  /// all the way.
  KOKKOS_FORCEINLINE_FUNCTION value_type accumulate_in_range(const value_type& value,
                                                             const T& number, bool&) const {
    const value_type sum = two_sum(value.sum, number);
    return {sum.sum, odd_sum<true>(value.compensation, sum.compensation)};
  }
  /// Sums that aren't finite stay so. Compensations are rounding errors, too small to bring one
  /// that left the range back below such a bound.
  KOKKOS_FORCEINLINE_FUNCTION bool is_in_range(const value_type& value) const {
    if constexpr (is_complex_v<T>) {
      return this->in_range(value.sum) && is_small(value.compensation.real()) &&
             is_small(value.compensation.imag());
    } else {
      return this->in_range(value.sum) && is_small(value.compensation);
    }
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type accumulate_exactly(const value_type& value,
                                                            const T& number,
                                                            std::uint64_t& lost) const
    requires std::is_floating_point_v<T>
  {
    const value_type sum = two_sum(value.sum, number);
    const value_type compensation = two_sum(value.compensation, sum.compensation);
    lost |= bits_of(compensation.compensation);
    return {sum.sum, compensation.sum};
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type combine_exactly(const value_type& a, const value_type& b,
                                                         std::uint64_t& lost) const
    requires std::is_floating_point_v<T>
  {
    const value_type sum = two_sum(a.sum, b.sum);
    const value_type terms = two_sum(a.compensation, b.compensation);
    const value_type rest = two_sum(terms.sum, sum.compensation);
    const value_type pair = renormalized(sum.sum, rest.sum);
    // The last is NaN where a sum isn't finite.
    lost |= bits_of(terms.compensation) | bits_of(rest.compensation) | bits_of(pair.sum - pair.sum);
    return pair;
  }

 private:
  template <class Part>
  KOKKOS_FORCEINLINE_FUNCTION static bool is_small(Part compensation) {
    return Kokkos::abs(compensation) < Kokkos::Experimental::finite_max_v<Part> / 1024;
  }
};

/// Sums rounded to nearest; the compensation is what is beyond the range, else 0.
template <class T>
struct RoundedSumMonoid : PairMonoid<T> {
  using typename PairMonoid<T>::value_type;
  static constexpr bool adds_plainly = true;
  KOKKOS_FORCEINLINE_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    const T sum = a.sum + b.sum;
    const bool plain = a.compensation == T(0) && b.compensation == T(0) && this->in_range(sum);
    return plain ? value_type(sum) : rounded(sum_in_wide_range(a, b));
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type accumulate(const value_type& value,
                                                    const T& number) const {
    return combine(value, value_type(number));
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type accumulate_in_range(const value_type& value,
                                                             const T& number, bool&) const {
    return {value.sum + number, value.compensation};
  }
  KOKKOS_FORCEINLINE_FUNCTION bool is_in_range(const value_type& value) const {
    return this->in_range(value.sum) && value.compensation == T(0);
  }
  template <class Number>
  KOKKOS_FORCEINLINE_FUNCTION Number lower_in_range(const value_type& value) const {
    return static_cast<Number>(value.sum);
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type accumulate_exactly(const value_type& value,
                                                            const T& number,
                                                            std::uint64_t& lost) const
    requires std::is_floating_point_v<T>
  {
    const T sum = value.sum + number;
    // NaN where the sum isn't finite.
    lost |= bits_of(sum - sum) | bits_of(value.compensation);
    return value_type(sum);
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type combine_exactly(const value_type& a, const value_type& b,
                                                         std::uint64_t& lost) const
    requires std::is_floating_point_v<T>
  {
    lost |= bits_of(b.compensation);
    return accumulate_exactly(a, b.sum, lost);
  }

 private:
  /// One number again, where there is one.
  KOKKOS_FUNCTION static value_type rounded(const value_type& pair) {
    const T sum = pair.sum + pair.compensation;
    return in_range(sum) ? value_type(sum) : pair;
  }
  using PairMonoid<T>::in_range;
};

template <class T>
struct SumOf {
  using type = SumMonoid<T>;
};
template <class T>
  requires(std::is_same_v<T, double> || std::is_same_v<T, Kokkos::complex<double>>)
struct SumOf<T> {
  using type = RoundedSumMonoid<T>;
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
