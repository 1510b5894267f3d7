// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_OPERATOR_PRODUCTS_HPP
#define FUSED_SCAN_IMPL_OPERATOR_PRODUCTS_HPP

// The monoid of Prod.
//
// A product of some of a line's elements may leave the range of its type where no product that
// begins with the first element does. So floating-point products are carried as number *
// 2^exponent, and scaled to their type once, at the end.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/operator/rounding.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// The exponent of a finite double that isn't 0 is taken off, unless the number is close to 1.
struct ExponentTaken {
  double number;
  std::int64_t exponent;
};
KOKKOS_FORCEINLINE_FUNCTION ExponentTaken take_exponent(double x) {
  constexpr double tiny = 0x1p-400, large = 0x1p400;
  const double size = Kokkos::abs(x);
  if (size > large && is_finite(size)) return {x * 0x1p-600, 600};
  if (size < tiny && size > 0) return {x * 0x1p600, -600};
  return {x, 0};
}

/// x * 2^exponent, rounded once but for results below the normal numbers.
KOKKOS_FORCEINLINE_FUNCTION double scaled(double x, std::int64_t exponent) {
  for (; exponent > 0 && is_finite(x) && x != 0; exponent -= 600) x *= 0x1p600;
  for (; exponent < 0 && x != 0; exponent += 600) x *= 0x1p-600;
  return x;
}

/// number * 2^exponent, with an exponent that is a multiple of 600. Number is double, or
/// Kokkos::complex<double> whose parts share the exponent.
template <class Number>
struct ScaledNumber {
  Number number;
  std::int64_t exponent;
};

template <class T>
struct FloatingProdMonoid {
  static constexpr bool of_complex = is_complex_v<T>;
  using Number = std::conditional_t<of_complex, Kokkos::complex<double>, double>;
  using value_type = ScaledNumber<Number>;

  KOKKOS_FORCEINLINE_FUNCTION value_type identity() const { return {Number(1), 0}; }
  KOKKOS_FORCEINLINE_FUNCTION value_type lift(const T& number) const {
    return normalized({Number(number), 0});
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    // A complex product by 1 + 0i may change the sign of a zero, and makes NaN of Inf.
    if (of_complex && is_one(a)) return b;
    if (of_complex && is_one(b)) return a;
    return normalized({a.number * b.number, a.exponent + b.exponent});
  }
  KOKKOS_FORCEINLINE_FUNCTION T lower(const value_type& value) const {
    if constexpr (of_complex) {
      return T(scaled(value.number.real(), value.exponent),
               scaled(value.number.imag(), value.exponent));
    } else {
      return static_cast<T>(scaled(value.number, value.exponent));
    }
  }

 private:
  KOKKOS_FORCEINLINE_FUNCTION static bool is_one(const value_type& value) {
    return value.number == Number(1) && value.exponent == 0;
  }
  KOKKOS_FORCEINLINE_FUNCTION static value_type normalized(const value_type& value) {
    if constexpr (of_complex) {
      const double re = Kokkos::abs(value.number.real()), im = Kokkos::abs(value.number.imag());
      const ExponentTaken larger = take_exponent(re > im ? re : im);
      if (larger.exponent == 0) return value;
      return {Number(scaled(value.number.real(), -larger.exponent),
                     scaled(value.number.imag(), -larger.exponent)),
              value.exponent + larger.exponent};
    } else {
      const ExponentTaken taken = take_exponent(value.number);
      return {taken.number, value.exponent + taken.exponent};
    }
  }
};

template <class T>
struct IntegerProdMonoid {
  using value_type = T;
  static constexpr bool groups_freely = true;
  KOKKOS_FORCEINLINE_FUNCTION T identity() const { return T(1); }
  KOKKOS_FORCEINLINE_FUNCTION T combine(const T& a, const T& b) const {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Unsigned>(a) * static_cast<Unsigned>(b));
  }
};

template <class T>
using ProdMonoid =
    std::conditional_t<std::is_integral_v<T>, IntegerProdMonoid<T>, FloatingProdMonoid<T>>;

}  // namespace fused_scan::impl

#endif
