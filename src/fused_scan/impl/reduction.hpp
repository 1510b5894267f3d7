// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_REDUCTION_HPP
#define FUSED_SCAN_IMPL_REDUCTION_HPP

// From a View and its totals to a LineScan that stores nothing.

#include <Kokkos_Core.hpp>
#include <fused_scan/impl/access/memory_access.hpp>
#include <fused_scan/impl/access/no_store.hpp>
#include <fused_scan/impl/access/states.hpp>
#include <fused_scan/impl/array/array.hpp>
#include <fused_scan/impl/array/checks.hpp>
#include <fused_scan/impl/array/lines.hpp>
#include <fused_scan/impl/engine.hpp>
#include <fused_scan/impl/operator/bound_operator.hpp>
#include <fused_scan/impl/scan.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// The operator of a reduction: totals are values of a scan of In to In, or results of type T.
template <class In, class T, class Op>
auto bind_reduction(const Op& op) {
  using ToIn = decltype(bind_operator<In, In, false>(op));
  constexpr bool of_numbers = requires { typename NumberOfScan<Op, In, T>::type; };
  if constexpr (std::is_same_v<ToIn, NoOperator>) {
    return NoOperator();
  } else if constexpr (of_numbers && !std::is_same_v<T, typename ToIn::value_type>) {
    return bind_operator<In, T, false>(op);
  } else {
    return bind_operator<In, In, false>(op);
  }
}

/// The reduction of the lines of an access whose memory or functor has the given shape, and the
/// array beside it, if there is one.
template <class Exec, class Op, class Load, class Final>
void reduce_scan(const Exec& exec, const Op& op, const Load& load, const AccessShape& in,
                 const Final& final, const Lines& lines, const Call& call,
                 const AccessShape& beside = {}) {
  const auto scan =
      impl::line_scan(op, load, NoStore(), NoInitialState<Op>{op}, final, lines, call);
  ScanShape shape = shape_of(scan, call);
  shape.in = in;
  shape.beside = beside;
  shape.out = in;  // lines lie as those of the input do
  shape.out.is_memory = false;
  shape.out.element_size = sizeof(typename decltype(scan)::Result);
  impl::run_scan(exec, scan, shape, call.function);
}

template <class Exec, class In, class Totals, class Op>
void reduce_views(const Exec& exec, const In& in, const Totals& totals, int any_axis, const Op& op,
                  const Call& call) {
  static_assert(In::rank >= 1, "fused_scan: a View of rank 0 has no axis to reduce along");
  static_assert(Totals::rank + 1 == In::rank,
                "fused_scan: a View of totals must have the input's rank less one");
  static_assert(!std::is_const_v<typename Totals::value_type>,
                "fused_scan: the totals must not be const");
  static_assert(is_accessible<Exec, In>,
                "fused_scan: the input must be accessible from the execution space");
  static_assert(is_accessible<Exec, Totals>,
                "fused_scan: a View of totals must be accessible from the execution space");
  using InT = typename In::value_type;
  const Array in_array = array_of(in), totals_array = array_of(totals);
  const int axis = checked_axis(call.function, in_array, any_axis);
  check_block_size(call.function, call.block_size);
  check_state_extents(call.function, "View of totals", in_array, axis, totals_array);
  check_no_self_overlap(call.function, totals_array);
  check_no_overlap(call.function, in_array, totals_array, false);
  const Array* const arrays[] = {&in_array, &totals_array};
  const Lines lines = lines_along(arrays, 2, axis);
  const auto bound =
      impl::bind_reduction<std::remove_const_t<InT>, typename Totals::value_type>(op);
  using Bound = std::remove_const_t<decltype(bound)>;
  if constexpr (!std::is_same_v<Bound, NoOperator>) {
    reduce_scan(exec, bound, MemoryAccess<const InT>(in.data(), lines, 0),
                memory_shape(in.data(), sizeof(InT), lines, 0),
                FinalArray<Bound, typename Totals::value_type>{bound, {totals.data(), lines, 1}},
                lines, call);
  }
}

}  // namespace fused_scan::impl

#endif
