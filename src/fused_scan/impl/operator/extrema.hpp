// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_OPERATOR_EXTREMA_HPP
#define FUSED_SCAN_IMPL_OPERATOR_EXTREMA_HPP

// The monoids of Max, Min and LogSumExp.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <type_traits>

namespace fused_scan::impl {

/// With sign = 1 the maximum, with -1 the minimum.
template <class T, int sign>
struct ExtremumMonoid {
  static_assert(std::is_arithmetic_v<T>,
                "fused_scan: Max and Min need real numbers; complex ones have no order");
  using value_type = T;
  /// A maximum is the same however its numbers are grouped.
  static constexpr bool combines_chunks = true;
  static constexpr bool groups_freely = true;
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
    // One instruction of processors, but for a NaN in b, which fails the comparison.
    const T extremum = (sign > 0 ? b > a : b < a) ? b : a;
    return ((b != b) & (a == a)) ? b : extremum;
  }
};

/// A number and its position on the axis; before there is one the position is -1.
template <class T>
struct IndexedNumber {
  T number;
  std::int64_t index;
};

/// With sign = 1 the last of the largest, with -1 the last of the smallest; the last NaN, if there
/// is one.
template <class T, int sign>
struct IndexedExtremumMonoid {
  using value_type = IndexedNumber<T>;
  static constexpr bool combines_chunks = true;
  KOKKOS_FORCEINLINE_FUNCTION value_type identity() const {
    return {ExtremumMonoid<T, sign>().identity(), -1};
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    if (b.index < 0) return a;
    if (a.index < 0 || b.number != b.number) return b;
    if (a.number != a.number) return a;
    const bool b_is_next = sign > 0 ? b.number >= a.number : b.number <= a.number;
    return b_is_next ? b : a;
  }
};

/// The largest exponent so far, and the sum of exp(x - largest).
struct ScaledExponentials {
  double largest;
  double sum;
};

/// log(exp(x_0) + ... + exp(x_i)), carried in double for float and double.
template <class T>
struct LogSumExpMonoid {
  static_assert(std::is_floating_point_v<T>, "fused_scan: LogSumExp needs floating-point numbers");
  using value_type = ScaledExponentials;
  KOKKOS_FORCEINLINE_FUNCTION value_type identity() const {
    return {-Kokkos::Experimental::infinity_v<double>, 0};
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type lift(const T& x) const {
    return {static_cast<double>(x), 1};
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    if (a.largest != a.largest) return a;
    // Equal ones, infinite ones among them, need no scaling: inf - inf is not a number.
    if (a.largest == b.largest) return {a.largest, a.sum + b.sum};
    if (a.largest > b.largest) {
      return {a.largest, a.sum + b.sum * Kokkos::exp(b.largest - a.largest)};
    }
    return {b.largest, a.sum * Kokkos::exp(a.largest - b.largest) + b.sum};
  }
  KOKKOS_FORCEINLINE_FUNCTION T lower(const value_type& value) const {
    if (value.largest == -Kokkos::Experimental::infinity_v<double>) {
      return static_cast<T>(value.largest);
    }
    return static_cast<T>(value.largest + Kokkos::log(value.sum));
  }
};

}  // namespace fused_scan::impl

#endif
