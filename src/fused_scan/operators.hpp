// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_OPERATORS_HPP
#define FUSED_SCAN_OPERATORS_HPP

/// \file
/// What a scan combines with: monoids.
///
/// A monoid is an associative operation on values of one type, with an identity. It need not be
/// commutative; a scan always calls combine(a, b) with a before b. One's own is a struct:
///
/// <!-- examples/04_own_operator/own_operator.cpp [affine] -->
/// ```cpp
/// /// The map h -> scale * h + shift.
/// struct Map {
///   double scale;
///   double shift;
/// };
///
/// /// One map after the other. This is associative, and not commutative.
/// struct Affine {
///   using value_type = Map;
///   KOKKOS_FUNCTION Map identity() const { return {1, 0}; }
///   KOKKOS_FUNCTION Map combine(const Map& first, const Map& then) const {
///     return {then.scale * first.scale, then.scale * first.shift + then.shift};
///   }
/// };
/// ```
///
/// The value_type is trivially copyable, of 1 to 64 bytes. The identity changes nothing, from the
/// left and from the right. Three more functions may be there:
///
/// - `value_type lift(const Element&) const` and `Element lower(const value_type&) const`, where
///   the elements of the Views aren't values;
/// - `value_type accumulate(const value_type&, const Element&) const`, a cheaper
///   combine(value, lift(element)), for at most 16 elements in a row.
///
/// A family of monoids, one for each type of number, names them by `template <class T> using
/// monoid`. That is how the operators here are written, CompensatedSum as well: nothing is built
/// in.
///
/// Numbers are scanned in the common type of input and output; half_t and bhalf_t in float,
/// integers of less than 32 bits in 32, and the result is rounded to the output's type once.

#include <Kokkos_Core.hpp>
#include <fused_scan/compensated_sum.hpp>
#include <fused_scan/concepts.hpp>
#include <fused_scan/impl/operator/odd_sum.hpp>
#include <type_traits>

namespace fused_scan {

namespace impl {

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

template <class T>
KOKKOS_FORCEINLINE_FUNCTION T wrapping_product(const T& a, const T& b) {
  if constexpr (std::is_integral_v<T>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Unsigned>(a) * static_cast<Unsigned>(b));
  } else {
    return a * b;
  }
}

template <class T>
struct SumMonoid {
  using value_type = T;
  KOKKOS_FORCEINLINE_FUNCTION T identity() const { return T(0); }
  KOKKOS_FORCEINLINE_FUNCTION T combine(const T& a, const T& b) const { return wrapping_sum(a, b); }
};

template <class T>
struct ProdMonoid {
  using value_type = T;
  KOKKOS_FORCEINLINE_FUNCTION T identity() const { return T(1); }
  KOKKOS_FORCEINLINE_FUNCTION T combine(const T& a, const T& b) const {
    return wrapping_product(a, b);
  }
};

/// With sign = 1 the maximum, with -1 the minimum.
template <class T, int sign>
struct ExtremumMonoid {
  static_assert(std::is_arithmetic_v<T>,
                "fused_scan: Max and Min need real numbers; complex ones have no order");
  using value_type = T;
  KOKKOS_FORCEINLINE_FUNCTION T identity() const {
    using Kokkos::Experimental::finite_max_v;
    using Kokkos::Experimental::finite_min_v;
    if constexpr (std::is_floating_point_v<T>) {
      return -sign * Kokkos::Experimental::infinity_v<T>;
    } else {
      return sign > 0 ? finite_min_v<T> : finite_max_v<T>;
    }
  }
  KOKKOS_FORCEINLINE_FUNCTION T combine(const T& a, const T& b) const {
    const bool a_stays = sign > 0 ? a >= b : a <= b;
    // a != a where a is NaN; a NaN in b fails the comparison. `|` rather than `||` vectorises.
    return (a_stays | (a != a)) ? a : b;
  }
};

template <class T>
struct CompensatedSumMonoid {
  using value_type = CompensatedValue<T>;
  KOKKOS_FORCEINLINE_FUNCTION value_type identity() const { return {}; }
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

}  // namespace impl

/// The sum, carried as a CompensatedValue and rounded once; of integers the exact sum. The
/// compensation is rounded to odd, which breaks ties by terms that the pair has no room for.
struct CompensatedSum {
  /// The monoid on numbers of type T.
  template <class T>
  using monoid =
      std::conditional_t<std::is_integral_v<T>, impl::SumMonoid<T>, impl::CompensatedSumMonoid<T>>;
};

/// The sum in the type of the numbers. Integers wrap around.
struct Sum {
  /// The monoid on numbers of type T.
  template <class T>
  using monoid = impl::SumMonoid<T>;
};

/// The product. Integers wrap around.
struct Prod {
  /// The monoid on numbers of type T.
  template <class T>
  using monoid = impl::ProdMonoid<T>;
};

/// The maximum; NaN from the first NaN on. The identity is minus infinity or the lowest integer.
struct Max {
  /// The monoid on numbers of type T.
  template <class T>
  using monoid = impl::ExtremumMonoid<T, 1>;
};

/// The minimum; NaN from the first NaN on. The identity is infinity or the highest integer.
struct Min {
  /// The monoid on numbers of type T.
  template <class T>
  using monoid = impl::ExtremumMonoid<T, -1>;
};

}  // namespace fused_scan

#endif
