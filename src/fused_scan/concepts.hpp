// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_CONCEPTS_HPP
#define FUSED_SCAN_CONCEPTS_HPP

/// \file
/// The concepts that template heads of this library are written in.

#include <Kokkos_Core.hpp>
#include <concepts>
#include <type_traits>

namespace fused_scan {

template <class T>
concept KokkosView = Kokkos::is_view_v<T>;

template <class T>
concept KokkosExecutionSpace = Kokkos::is_execution_space_v<T>;

/// An associative operation with an identity on value_type; it need not be commutative.
template <class Op>
concept Monoid = requires(const Op op, const typename Op::value_type a) {
  { op.identity() } -> std::convertible_to<typename Op::value_type>;
  { op.combine(a, a) } -> std::convertible_to<typename Op::value_type>;
};

/// A family of monoids, one for each number type: CompensatedSum, Sum, Prod, Max, Min.
template <class Op, class Number>
concept MonoidFamily = requires { typename Op::template monoid<Number>; };

}  // namespace fused_scan

#endif
