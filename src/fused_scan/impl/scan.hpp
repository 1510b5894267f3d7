// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_SCAN_HPP
#define FUSED_SCAN_IMPL_SCAN_HPP

// From Views to lines.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <cstdlib>
#include <fused_scan/impl/access/strided_lines.hpp>
#include <fused_scan/impl/array/checks.hpp>
#include <fused_scan/impl/engine.hpp>
#include <fused_scan/impl/operator/bound_operator.hpp>
#include <type_traits>
#include <vector>

namespace fused_scan::impl {

template <class Exec, class View>
inline constexpr bool is_accessible =
    Kokkos::SpaceAccessibility<Exec, typename View::memory_space>::accessible;

/// Views of the same extents, but for the axis, as lines.
template <class In, class Out, class Initial, class Final>
struct ViewGeometry {
  enum { of_out, of_in, of_initial, of_final, views };

  std::vector<Dimension<views>> dims;
  ScanExtents extents;

  ViewGeometry(const In& in, const Out& out, const Initial& initial, const Final& final, int axis) {
    for (int d = 0; d < static_cast<int>(In::rank); ++d) {
      if (d == axis) continue;
      const int state_d = d < axis ? d : d - 1;
      dims.push_back(
          {static_cast<std::int64_t>(in.extent(d)),
           {stride(out, d), stride(in, d), stride(initial, state_d), stride(final, state_d)}});
    }
    dims = impl::merged_dimensions(dims);
    extents = {1, static_cast<std::int64_t>(in.extent(axis)), 1};
    for (const auto& dim : dims)
      (&dim == &dims.back() ? extents.inner : extents.outer) *= dim.extent;
  }

 private:
  template <class View>
  static std::int64_t stride(const View& view, int d) {
    if constexpr (std::is_same_v<View, None>) {
      return 0;
    } else {
      return static_cast<std::int64_t>(view.stride(d));
    }
  }
};

template <class In, class Out, class Initial, class Final>
void check_views(const In& in, const Out& out, const Initial& initial, const Final& final, int axis,
                 const Call& call) {
  impl::check_options(call.function, call.options);
  for (int d = 0; d < static_cast<int>(In::rank); ++d) {
    impl::require(in.extent(d) == out.extent(d), call.function,
                  "extents of " + impl::quoted(in) + " " + impl::extents_of(in) + " and " +
                      impl::quoted(out) + " " + impl::extents_of(out) + " differ");
  }
  impl::check_no_overlap(call.function, in, out, true);
  if constexpr (!std::is_same_v<Initial, None>) {
    impl::check_state_extents(call.function, "initial", in, axis, initial);
    impl::check_no_overlap(call.function, initial, out, false);
  }
  if constexpr (!std::is_same_v<Final, None>) {
    impl::check_state_extents(call.function, "final", in, axis, final);
    impl::check_no_overlap(call.function, in, final, false);
    impl::check_no_overlap(call.function, out, final, false);
    if constexpr (!std::is_same_v<Initial, None>) {
      impl::check_no_overlap(call.function, initial, final, true);
    }
  }
}

template <class Op, class T>
struct FinalStateView {
  Op op;
  StridedLines<T> lines;
  KOKKOS_FUNCTION void operator()(std::int64_t outer, std::int64_t lane,
                                  const typename Op::value_type& value) const {
    lines(outer, lane) = op.template state_of_value<T>(op.finished(value));
  }
};

template <class Exec, class In, class Out, class Initial, class Final, class Op>
void scan_views(const Exec& exec, const In& in, const Out& out, const Initial& initial,
                const Final& final, int any_axis, const Op& op, const Call& call) {
  static_assert(In::rank >= 1, "fused_scan: a View of rank 0 has no axis to scan along");
  static_assert(In::rank == Out::rank, "fused_scan: input and output must have the same rank");
  static_assert(!std::is_const_v<typename Out::value_type>,
                "fused_scan: the output must not be const");
  static_assert(is_accessible<Exec, In> && is_accessible<Exec, Out>,
                "fused_scan: input and output must be accessible from the execution space");
  const int axis = impl::checked_axis(call.function, in, any_axis);
  impl::check_views(in, out, initial, final, axis, call);
  const ViewGeometry<In, Out, Initial, Final> geometry(in, out, initial, final, axis);
  using Geometry = decltype(geometry);
  const auto& dims = geometry.dims;

  using InT = typename In::value_type;
  using OutT = typename Out::value_type;
  const auto bound = bind_operator<std::remove_const_t<InT>, OutT>(op);
  using Bound = std::decay_t<decltype(bound)>;
  const auto initial_state = [&] {
    if constexpr (std::is_same_v<Initial, None>) {
      return NoInitialState<Bound>{bound};
    } else {
      static_assert(
          Initial::rank + 1 == In::rank && is_accessible<Exec, Initial>,
          "fused_scan: the initial state must be an accessible View of the input's rank less one");
      using Lines = StridedLines<typename Initial::value_type>;
      return InitialStateFunctor<Bound, Lines>{
          bound, Lines(initial.data(), 0, dims, Geometry::of_initial)};
    }
  }();
  const auto final_state = [&] {
    if constexpr (std::is_same_v<Final, None>) {
      return NoFinalState();
    } else {
      static_assert(
          Final::rank + 1 == In::rank && is_accessible<Exec, Final>,
          "fused_scan: the final state must be an accessible View of the input's rank less one");
      using T = typename Final::value_type;
      static_assert(!std::is_const_v<T>, "fused_scan: the final state must not be const");
      return FinalStateView<Bound, T>{bound, {final.data(), 0, dims, Geometry::of_final}};
    }
  }();

  const auto lines = [&](const auto& view, int which) {
    using T = typename std::decay_t<decltype(view)>::value_type;
    const auto stride = static_cast<std::int64_t>(view.stride(axis));
    if (!call.reverse()) return StridedLines<T>(view.data(), stride, dims, which);
    const std::int64_t to_last = (geometry.extents.length - 1) * stride;
    return StridedLines<T>(view.data() + to_last, -stride, dims, which);
  };
  const auto from = lines(in, Geometry::of_in);
  const auto to = lines(out, Geometry::of_out);
  const bool along_axis =
      geometry.extents.inner == 1 || std::abs(from.axis_stride()) + std::abs(to.axis_stride()) <
                                         from.lane_stride() + to.lane_stride();
  const auto scan = impl::line_scan(bound, ViewLines<InT>{from}, ViewLines<OutT>{to}, initial_state,
                                    final_state, geometry.extents, call);
  impl::run_line_scan(exec, along_axis, call, scan);
}

}  // namespace fused_scan::impl

#endif
