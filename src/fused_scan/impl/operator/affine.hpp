// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_OPERATOR_AFFINE_HPP
#define FUSED_SCAN_IMPL_OPERATOR_AFFINE_HPP

// The monoid of linear recurrences: maps h -> a h + b, one after the other.
//
// Numbers are carried in double, whatever the type of the elements. Products are rounded before
// they are added, on every backend: a fused multiply-add would save a rounding, but processors
// without the instruction take a function call for it, and bits would depend on the flags.
//
// The product of some of a line's coefficients may leave the range of a double where the recurrence
// doesn't (a state of 0 stays 0 however large the coefficients), and so may the part of a map that
// later cancels. So both numbers of a map have an exponent of their own. In memory it costs nothing
// more than one of them would.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/operator/bound_operator.hpp>
#include <fused_scan/impl/operator/products.hpp>
#include <fused_scan/impl/operator/rounding.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// Numbers that a recurrence may be of.
template <class T>
inline constexpr bool is_recurrence_number =
    is_complex_v<scan_number_t<T>> || std::is_floating_point_v<scan_number_t<T>>;

/// double, or Kokkos::complex<double> where one of the types is complex.
template <class... T>
using carried_number_t =
    std::conditional_t<(is_complex_v<scan_number_t<std::remove_const_t<T>>> || ...),
                       Kokkos::complex<double>, double>;

/// Of any type of number; a complex number as a real one is its real part.
template <class To, class From>
KOKKOS_FORCEINLINE_FUNCTION To number_as(const From& number) {
  if constexpr (is_complex_v<From> && !is_complex_v<scan_number_t<To>>) {
    return static_cast<To>(number.real());
  } else {
    return static_cast<To>(number);
  }
}

template <class T>
KOKKOS_FORCEINLINE_FUNCTION T conjugate(const T& x) {
  if constexpr (is_complex_v<T>) {
    return T(x.real(), -x.imag());
  } else {
    return x;
  }
}

KOKKOS_FORCEINLINE_FUNCTION double product_of(double a, double b) { return rounded_product(a, b); }
KOKKOS_FORCEINLINE_FUNCTION Kokkos::complex<double> product_of(const Kokkos::complex<double>& a,
                                                               const Kokkos::complex<double>& b) {
  return {rounded_sum(rounded_product(a.real(), b.real()), -rounded_product(a.imag(), b.imag())),
          rounded_sum(rounded_product(a.real(), b.imag()), rounded_product(a.imag(), b.real()))};
}

KOKKOS_FORCEINLINE_FUNCTION double sum_of(double a, double b) { return rounded_sum(a, b); }
KOKKOS_FORCEINLINE_FUNCTION Kokkos::complex<double> sum_of(const Kokkos::complex<double>& a,
                                                           const Kokkos::complex<double>& b) {
  return {rounded_sum(a.real(), b.real()), rounded_sum(a.imag(), b.imag())};
}

/// The larger of the parts' magnitudes.
KOKKOS_FORCEINLINE_FUNCTION double magnitude_of(double x) { return Kokkos::abs(x); }
KOKKOS_FORCEINLINE_FUNCTION double magnitude_of(const Kokkos::complex<double>& x) {
  const double re = Kokkos::abs(x.real()), im = Kokkos::abs(x.imag());
  return re > im ? re : im;
}

/// x * 2^exponent, each part.
KOKKOS_FORCEINLINE_FUNCTION Kokkos::complex<double> scaled(const Kokkos::complex<double>& x,
                                                           std::int64_t exponent) {
  return {scaled(x.real(), exponent), scaled(x.imag(), exponent)};
}

/// h -> a * 2^a_exponent * h + b * 2^b_exponent. Exponents are multiples of 600; numbers that are
/// neither 0 nor infinite have magnitudes from 2^-480 to 2^430, so that products of two of them and
/// their sums are in the range of a double; but for a `b` with an exponent of 0, which may be
/// smaller. The exponent of b isn't negative.
template <class Number>
struct AffineMap {
  Number a;
  Number b;
  std::int32_t a_exponent;
  std::int32_t b_exponent;
};

/// Number is double or Kokkos::complex<double>. An element has members a and b.
template <class Number>
struct AffineMonoid {
  using value_type = AffineMap<Number>;
  /// Combined with the identity -0 would be +0, and a complex Inf NaN.
  static constexpr bool always_finished = true;
  static constexpr bool identity_is_neutral = false;

  KOKKOS_FORCEINLINE_FUNCTION value_type identity() const { return {Number(1), Number(0), 0, 0}; }

  template <class Element>
  KOKKOS_FORCEINLINE_FUNCTION value_type lift(const Element& element) const {
    value_type map{static_cast<Number>(element.a), static_cast<Number>(element.b), 0, 0};
    // Shorter types lie in the range.
    if constexpr (sizeof(element.a) >= sizeof(Number)) keep_a_in_range(map);
    if constexpr (sizeof(element.b) >= sizeof(Number)) keep_b_in_range(map);
    return map;
  }

  KOKKOS_FORCEINLINE_FUNCTION value_type combine(const value_type& first,
                                                 const value_type& then) const {
    value_type map{product_of(then.a, first.a), sum_of(product_of(then.a, first.b), then.b), 0, 0};
    const bool plain =
        (first.a_exponent | first.b_exponent | then.a_exponent | then.b_exponent) == 0;
    if (plain && is_in_range(map)) return map;
    map.a_exponent = first.a_exponent + then.a_exponent;
    keep_a_in_range(map);
    combine_b(first, then, map);
    return map;
  }
  /// The state that `then` makes of a state.
  KOKKOS_FORCEINLINE_FUNCTION value_type append(const value_type& state,
                                                const value_type& then) const {
    value_type map{Number(1), Number(0), 0, 0};
    combine_b(state, then, map);
    return map;
  }

  /// Without exponents. Four real numbers of a shorter type can't lead beyond the range of a double
  /// and back; of others every step is looked at. The bits are those of combine(), whose exponents
  /// change no bit of what they spare from leaving the range.
  template <class Element>
  KOKKOS_FORCEINLINE_FUNCTION value_type accumulate_in_range(const value_type& value,
                                                             const Element& element,
                                                             bool& left) const {
    const auto a = static_cast<Number>(element.a), b = static_cast<Number>(element.b);
    const value_type map{product_of(a, value.a), sum_of(product_of(a, value.b), b),
                         value.a_exponent, value.b_exponent};
    if constexpr (needs_every_step<Element>) left |= !is_in_range(map);
    if constexpr (is_wide<Element>) left |= !is_in_range({a, b, 0, 0});
    return map;
  }
  /// The same of a state.
  template <class Element>
  KOKKOS_FORCEINLINE_FUNCTION value_type advance_in_range(const value_type& state,
                                                          const Element& element,
                                                          bool& left) const {
    const auto a = static_cast<Number>(element.a), b = static_cast<Number>(element.b);
    const value_type next{Number(1), sum_of(product_of(a, state.b), b), 0, state.b_exponent};
    if constexpr (needs_every_step<Element>) left |= !is_in_range(next);
    if constexpr (is_wide<Element>) left |= !is_in_range({a, b, 0, 0});
    return next;
  }
  /// Where the exponent of b is 0.
  template <class T>
  KOKKOS_FORCEINLINE_FUNCTION T lower_in_range(const value_type& map) const {
    return number_as<T>(map.b);
  }
  KOKKOS_FORCEINLINE_FUNCTION bool is_in_range(const value_type& map) const {
    const double size = magnitude_of(map.a);
    return (map.a_exponent | map.b_exponent) == 0 && size <= large && (size >= tiny || size == 0) &&
           magnitude_of(map.b) <= large;
  }

  /// Of a map that stands for a state nothing counts but where it leads: its coefficient, which on
  /// long lines leaves every range, may as well be 1.
  KOKKOS_FORCEINLINE_FUNCTION value_type as_state(const value_type& map) const {
    return {Number(1), map.b, 0, map.b_exponent};
  }
  /// The state h, before which nothing counts.
  template <class State>
  KOKKOS_FORCEINLINE_FUNCTION value_type from_state(const State& state) const {
    value_type map{Number(1), static_cast<Number>(static_cast<held_number_t<State>>(state)), 0, 0};
    keep_b_in_range(map);
    return map;
  }
  template <class State>
  KOKKOS_FORCEINLINE_FUNCTION void to_state(const value_type& map, State& state) const {
    state = lower_to<State>(map);
  }
  template <class T>
  KOKKOS_FORCEINLINE_FUNCTION T lower_to(const value_type& map) const {
    if (map.b_exponent == 0) return number_as<T>(map.b);
    return number_as<T>(scaled(map.b, map.b_exponent));
  }

  /// Beyond these magnitudes a number gets another exponent, by a step.
  static constexpr double large = 0x1p400, tiny = 0x1p-400;
  static constexpr std::int32_t step = 600;

 private:
  /// Whether an element itself may need an exponent.
  template <class Element>
  static constexpr bool is_wide = sizeof(std::declval<Element>().a) >= sizeof(Number) ||
                                  sizeof(std::declval<Element>().b) >= sizeof(Number);
  template <class Element>
  static constexpr bool needs_every_step = is_complex_v<Number> || is_wide<Element>;

  /// So that the sum of two exponents is a number of 32 bits. States beyond are infinite.
  static constexpr std::int32_t largest_exponent = step << 20;

  KOKKOS_FORCEINLINE_FUNCTION static void keep_a_in_range(value_type& map) {
    const double size = magnitude_of(map.a);
    if (size > large) {
      if (!is_finite(size)) return;
      shift(map.a, map.a_exponent, step);
    } else if (size < tiny) {
      if (size == 0) {
        map.a_exponent = 0;
      } else {
        shift(map.a, map.a_exponent, -step);
      }
    }
    if (map.a_exponent > largest_exponent) map.a_exponent = largest_exponent;
    if (map.a_exponent < -largest_exponent) map.a = Number(0), map.a_exponent = 0;
  }
  KOKKOS_FORCEINLINE_FUNCTION static void keep_b_in_range(value_type& map) {
    const double size = magnitude_of(map.b);
    if (size > large && is_finite(size)) shift(map.b, map.b_exponent, step);
  }
  KOKKOS_FORCEINLINE_FUNCTION static void shift(Number& number, std::int32_t& exponent,
                                                std::int32_t by) {
    number *= by > 0 ? 0x1p-600 : 0x1p600;
    exponent += by;
  }

  /// map.b, of `first` and then `then`.
  KOKKOS_FORCEINLINE_FUNCTION static void combine_b(const value_type& first, const value_type& then,
                                                    value_type& map) {
    const Number from_state = product_of(then.a, first.b);
    const std::int32_t exponents_of_b = first.b_exponent | then.b_exponent;
    const double size = magnitude_of(first.b), product_size = magnitude_of(from_state);
    if ((exponents_of_b | then.a_exponent) == 0) {
      map.b = sum_of(from_state, then.b);
    } else if (exponents_of_b == 0 && then.a_exponent < 0 && (size >= tiny || size == 0) &&
               is_finite(product_size)) {
      // A state that has faded away, as it does on most lines that are long.
      const double once = 0x1p-600, further = then.a_exponent == -step       ? 1
                                              : then.a_exponent == -2 * step ? once
                                                                             : 0;
      map.b = sum_of(from_state * once * further, then.b);
    } else {
      combine_scaled(first, then, map);
    }
    keep_b_in_range(map);
  }

  /// The same where anything has an exponent.
  KOKKOS_FUNCTION static void combine_scaled(const value_type& first, const value_type& then,
                                             value_type& map) {
    Number b = first.b;
    std::int32_t exponent = first.b_exponent;
    if (magnitude_of(b) < tiny && magnitude_of(b) > 0) shift(b, exponent, -step);
    const Number from_state = product_of(then.a, b);
    exponent += then.a_exponent;
    if (magnitude_of(from_state) == 0) exponent = 0;
    map.b_exponent = exponent > then.b_exponent ? exponent : then.b_exponent;
    map.b = sum_of(scaled(from_state, exponent - map.b_exponent),
                   scaled(then.b, then.b_exponent - map.b_exponent));
    if (magnitude_of(map.b) == 0) map.b_exponent = 0;
    while (map.b_exponent > 0 && magnitude_of(map.b) < 0x1p-200)
      shift(map.b, map.b_exponent, -step);
    if (map.b_exponent > largest_exponent) {
      map.b = scaled(map.b, largest_exponent);
      map.b_exponent = 0;
    }
  }
};

}  // namespace fused_scan::impl

#endif
