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
#include <fused_scan/impl/operator/bound_operator.hpp>
#include <fused_scan/impl/operator/extrema.hpp>
#include <fused_scan/impl/operator/products.hpp>
#include <fused_scan/impl/operator/sums.hpp>

namespace fused_scan {

/// The sum, as exact as if it were rounded once: of floats carried in a double, of doubles in a
/// CompensatedValue, and what doesn't fit rounded to odd, which breaks ties by terms that there is
/// no room for. Of integers the exact sum, in 64 bits where the results are floating-point numbers.
struct CompensatedSum {
  /// The monoid on numbers of type T.
  template <class T>
  using monoid = typename impl::CompensatedSumOf<T>::type;
  /// That on half-precision numbers from View to View: a double holds their sums as they are.
  using monoid_of_halves = impl::SumMonoid<float>;
  static constexpr bool adds_integers_exactly = true;
};

/// The sum, each addition rounded to nearest: of floats in double, of doubles in double (and what
/// is beyond their range on the way in a second one). Integers wrap around; they are summed in 64
/// bits where the results are floating-point numbers.
struct Sum {
  /// The monoid on numbers of type T.
  template <class T>
  using monoid = typename impl::SumOf<T>::type;
  static constexpr bool adds_integers_exactly = true;
};

/// The product, of floating-point numbers carried with an exponent of its own, so that nothing
/// overflows on the way. Integers wrap around.
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

/// log(exp(x_0) + .. + exp(x_i)) of floating-point numbers, without overflow; the identity is minus
/// infinity, the logarithm of nothing. Source: the running maximum is taken out of the sum, as in
/// Blanchard, Higham and Higham, "Accurately computing the log-sum-exp and softmax functions", IMA
/// Journal of Numerical Analysis 41 (4), 2021.
struct LogSumExp {
  /// The monoid on numbers of type T.
  template <class T>
  using monoid = impl::LogSumExpMonoid<T>;
};

}  // namespace fused_scan

#endif
