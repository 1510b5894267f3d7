// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_COMPENSATED_SUM_HPP
#define FUSED_SCAN_COMPENSATED_SUM_HPP

/// \file
/// A sum carried as an unevaluated pair of numbers (CompensatedValue, in
/// impl/operator/compensated_value.hpp), and the Kokkos reducer over such pairs.

#include <Kokkos_Core.hpp>
#include <fused_scan/impl/operator/compensated_value.hpp>

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__)
#error "fused_scan: -ffast-math (-fassociative-math) deletes the compensation of a sum; remove it"
#endif

namespace fused_scan {

/// The reducer that adds pairs: for Kokkos::parallel_reduce at any level.
///
/// <!-- examples/06_reducer/reducer.cpp [range] -->
/// ```cpp
/// fused_scan::CompensatedValue<float> total;
/// Kokkos::parallel_reduce(
///     "total", Kokkos::RangePolicy<Exec>(0, rows * columns),
///     KOKKOS_LAMBDA(int i, fused_scan::CompensatedValue<float>& sum) {
///       sum += x(i / columns, i % columns);
///     },
///     fused_scan::CompensatedSumReducer<float, Kokkos::HostSpace>(total));
/// ```
///
/// `Space` is the memory space of the result. The order of the additions, and with it the last bit
/// of the pair, is Kokkos' own and may change from run to run; `inclusive_scan` fixes it.
template <CompensableNumber T, class Space>
class CompensatedSumReducer {
 public:
  /// What Kokkos asks of a reducer.
  ///@{
  using reducer = CompensatedSumReducer;
  using value_type = CompensatedValue<T>;
  using result_view_type = Kokkos::View<value_type, Space>;

  ///@}

  /// The result goes to a variable, or to a View of rank 0.
  ///@{
  KOKKOS_FUNCTION explicit CompensatedSumReducer(value_type& result)
      : m_result(&result), m_references_scalar(true) {}
  KOKKOS_FUNCTION explicit CompensatedSumReducer(const result_view_type& result)
      : m_result(result), m_references_scalar(false) {}

  ///@}

  /// What Kokkos asks of a reducer.
  ///@{
  KOKKOS_FUNCTION void join(value_type& into, const value_type& from) const { into += from; }
  KOKKOS_FUNCTION void init(value_type& value) const { value = value_type(); }
  KOKKOS_FUNCTION value_type& reference() const { return *m_result.data(); }
  KOKKOS_FUNCTION result_view_type view() const { return m_result; }
  KOKKOS_FUNCTION bool references_scalar() const { return m_references_scalar; }
  ///@}

 private:
  result_view_type m_result;
  bool m_references_scalar;
};

}  // namespace fused_scan

/// \cond
template <class T>
struct Kokkos::reduction_identity<fused_scan::CompensatedValue<T>> {
  KOKKOS_FUNCTION static fused_scan::CompensatedValue<T> sum() { return {}; }
};
/// \endcond

#endif
