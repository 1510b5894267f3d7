// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_SCAN_HPP
#define FUSED_SCAN_IMPL_SCAN_HPP

// From a call to a kernel: checks, the View as lines, the choice of the path.

#include <Kokkos_Core.hpp>
#include <Kokkos_Profiling_ScopedRegion.hpp>
#include <bit>
#include <cstdlib>
#include <fused_scan/concepts.hpp>
#include <fused_scan/impl/bound_operator.hpp>
#include <fused_scan/impl/device_scan.hpp>
#include <fused_scan/impl/host_scan.hpp>
#include <fused_scan/impl/line_scan.hpp>
#include <fused_scan/impl/overlap.hpp>
#include <fused_scan/impl/strided_lines.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace fused_scan::impl {

/// Stands for a state that isn't given.
struct None {
  static constexpr int rank = 0;
};

// ---- states ---------------------------------------------------------------------------------

template <class Op>
struct NoInitialState {
  Op op;
  KOKKOS_FUNCTION auto operator()(std::int64_t, std::int64_t) const { return op.identity(); }
};

struct NoFinalState {
  template <class Value>
  KOKKOS_FUNCTION void operator()(std::int64_t, std::int64_t, const Value&) const {}
};

/// `state`(o, j) is a value or an element.
template <class Op, class State>
struct InitialStateFunctor {
  Op op;
  State state;
  KOKKOS_FUNCTION auto operator()(std::int64_t outer, std::int64_t lane) const {
    return op.value_of_state(state(outer, lane));
  }
};

template <class Op, class Final>
struct FinalStateFunctor {
  Op op;
  Final final;
  KOKKOS_FUNCTION void operator()(std::int64_t outer, std::int64_t lane,
                                  const typename Op::value_type& value) const {
    final(outer, lane, op.finished(value));
  }
};

template <class Op, class T>
struct FinalStateView {
  Op op;
  StridedLines<T> lines;
  KOKKOS_FUNCTION void operator()(std::int64_t outer, std::int64_t lane,
                                  const typename Op::value_type& value) const {
    lines(outer, lane) = op.template state_of_value<T>(op.finished(value));
  }
};

// ---- checks ---------------------------------------------------------------------------------

inline void require(bool condition, const std::string& function, const std::string& message) {
  if (!condition) throw std::invalid_argument(function + ": " + message);
}

template <class View>
std::string quoted(const View& view) {
  return "'" + view.label() + "'";
}

/// "(4, 8)"; with `without`, that dimension is left out.
template <class View>
std::string extents_of(const View& view, int without = -1) {
  std::string text;
  for (int d = 0; d < static_cast<int>(view.rank()); ++d) {
    if (d != without) text += (text.empty() ? "" : ", ") + std::to_string(view.extent(d));
  }
  return "(" + text + ")";
}

template <class View>
int checked_axis(const std::string& function, const View& view, int axis) {
  const int rank = View::rank;
  impl::require(-rank <= axis && axis < rank, function,
          "axis " + std::to_string(axis) + " is out of range [" + std::to_string(-rank) + ", " +
              std::to_string(rank - 1) + "] for View " + impl::quoted(view) + " of rank " +
              std::to_string(rank));
  return axis < 0 ? axis + rank : axis;
}

template <class Options>
void check_options(const std::string& function, const Options& options) {
  const int size = options.block_size;
  impl::require(size == 0 || (size >= chunk_length && std::has_single_bit(static_cast<unsigned>(size))),
          function,
          "block_size " + std::to_string(size) + " must be 0 (chosen) or a power of two, at least " +
              std::to_string(chunk_length));
}

template <class In, class State>
void check_state_extents(const std::string& function, const char* which, const In& in, int axis,
                         const State& state) {
  bool equal = true;
  for (int d = 0; d < static_cast<int>(State::rank); ++d) {
    equal = equal && state.extent(d) == in.extent(d < axis ? d : d + 1);
  }
  impl::require(equal, function,
          std::string(which) + " state " + impl::quoted(state) + " has extents " + impl::extents_of(state) +
              " instead of " + impl::extents_of(in, axis) + ", those of View " + impl::quoted(in) +
              " without axis " + std::to_string(axis));
}

template <class A, class B>
void check_no_overlap(const std::string& function, const A& a, const B& b, bool may_be_same) {
  impl::require((may_be_same && impl::same_array(a, b)) || !impl::overlap(a, b), function,
          "Views " + impl::quoted(a) + " and " + impl::quoted(b) + " overlap in memory" +
              (may_be_same ? " without being the same array" : ""));
}

// ---- running --------------------------------------------------------------------------------

template <class Exec, class View>
inline constexpr bool is_accessible =
    Kokkos::SpaceAccessibility<Exec, typename View::memory_space>::accessible;

template <class Options>
struct Call {
  std::string function;  // "fused_scan::inclusive_scan"
  Options options;
  bool exclusive;

  bool reverse() const { return options.direction != decltype(options.direction)(); }
};

template <class Op, class Load, class Store, class Initial, class Final, class Options>
auto line_scan(const Op& op, const Load& load, const Store& store, const Initial& initial,
               const Final& final, const ScanExtents& extents, const Call<Options>& call) {
  return LineScan<Op, Load, Store, Initial, Final>{op,    load,    store,         initial,
                                                   final, extents, call.exclusive};
}

template <class Exec>
inline constexpr bool runs_on_host =
    std::is_same_v<typename Exec::memory_space, Kokkos::HostSpace>;

template <class Exec>
Path choose_path(const Exec& exec, const ScanExtents& extents, int value_size, bool along_axis) {
  if constexpr (runs_on_host<Exec>) {
    return impl::choose_host_path(exec, extents, value_size, along_axis);
  } else {
    return impl::choose_device_path(exec, extents, along_axis);
  }
}

template <Path::Shape shape, class Exec, class Scan>
void run_on_path(const Exec& exec, const Scan& scan, bool tiles, const std::string& label,
                 int block_size) {
  if constexpr (runs_on_host<Exec>) {
    impl::run_on_host<shape>(exec, scan, tiles, label, block_size);
  } else {
    impl::run_on_device<shape>(exec, scan, tiles, label);
  }
}

/// Chooses the path and runs the scan in a region named after it: `scan`, or where the path takes
/// neighbouring lines and `unit_lanes` says that they are neighbours in memory, `unit_scan`.
template <class Exec, class Options, class Scan, class UnitScan>
void run_line_scan(const Exec& exec, bool along_axis, const Call<Options>& call, const Scan& scan,
                   const UnitScan& unit_scan, bool unit_lanes = true) {
  if (scan.extents.outer * scan.extents.inner == 0) return;
  const Path path = impl::choose_path(exec, scan.extents, sizeof(typename Scan::Value), along_axis);
  const Kokkos::Profiling::ScopedRegion region(call.function + "[" + path.name() + "]");
  const int block_size = call.options.block_size;
  using Shape = Path::Shape;
  if (path.shape == Shape::rows) {
    run_on_path<Shape::rows>(exec, scan, path.tiles, call.function, block_size);
  } else if (unit_lanes) {
    run_on_path<Shape::columns>(exec, unit_scan, path.tiles, call.function, block_size);
  } else {
    run_on_path<Shape::columns>(exec, scan, path.tiles, call.function, block_size);
  }
}

/// A functor f(o, i, j) as the engine wants it: line(o)(i, j), with i in the order of the scan.
template <class Functor>
struct FunctorLines {
  Functor functor;
  std::int64_t first;
  std::int64_t step;

  struct Line {
    using value_type = void;  // of no memory
    static constexpr bool unit_lanes = false;

    const FunctorLines& lines;
    std::int64_t outer;
    void prefetch(std::int64_t, std::int64_t) const {}
    template <class... Result>
    KOKKOS_FORCEINLINE_FUNCTION decltype(auto) operator()(std::int64_t i, std::int64_t j,
                                                          const Result&... result) const {
      return lines.functor(outer, lines.first + lines.step * i, j, result...);
    }
  };

  KOKKOS_FUNCTION Line line(std::int64_t outer) const { return {*this, outer}; }
};

/// Carries out a scan whose loads, stores and states are functors of (o, i, j).
template <class Exec, class Load, class Store, class Initial, class Final, class Op, class Options>
void scan_functors(const Exec& exec, const ScanExtents& extents, const Load& load, const Store& store,
                   const Initial& initial, const Final& final, const Op& op, const Call<Options>& call) {
  impl::check_options(call.function, call.options);
  impl::require(extents.outer >= 0 && extents.length >= 0 && extents.inner >= 0, call.function,
          "extents (" + std::to_string(extents.outer) + ", " + std::to_string(extents.length) + ", " +
              std::to_string(extents.inner) + ") must not be negative");
  using Element = std::decay_t<decltype(load(0, 0, 0))>;
  const auto bound = bind_operator<Element, Element>(op);
  using Bound = std::decay_t<decltype(bound)>;
  const auto initial_state = [&] {
    if constexpr (std::is_same_v<Initial, None>) {
      return NoInitialState<Bound>{bound};
    } else {
      return InitialStateFunctor<Bound, Initial>{bound, initial};
    }
  }();
  const auto final_state = [&] {
    if constexpr (std::is_same_v<Final, None>) {
      return NoFinalState();
    } else {
      return FinalStateFunctor<Bound, Final>{bound, final};
    }
  }();
  const std::int64_t first = call.reverse() ? extents.length - 1 : 0;
  const std::int64_t step = call.reverse() ? -1 : 1;
  const auto scan = impl::line_scan(bound, FunctorLines<Load>{load, first, step},
                              FunctorLines<Store>{store, first, step}, initial_state, final_state,
                              extents, call);
  impl::run_line_scan(exec, extents.inner == 1, call, scan, scan);
}

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
      dims.push_back({static_cast<std::int64_t>(in.extent(d)),
                      {stride(out, d), stride(in, d), stride(initial, state_d), stride(final, state_d)}});
    }
    dims = impl::merged_dimensions(dims);
    extents = {1, static_cast<std::int64_t>(in.extent(axis)), 1};
    for (const auto& dim : dims) (&dim == &dims.back() ? extents.inner : extents.outer) *= dim.extent;
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

template <class In, class Out, class Initial, class Final, class Options>
void check_views(const In& in, const Out& out, const Initial& initial, const Final& final, int axis,
                 const Call<Options>& call) {
  impl::check_options(call.function, call.options);
  for (int d = 0; d < static_cast<int>(In::rank); ++d) {
    impl::require(in.extent(d) == out.extent(d), call.function,
            "extents of " + impl::quoted(in) + " " + impl::extents_of(in) + " and " + impl::quoted(out) + " " +
                impl::extents_of(out) + " differ");
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

template <class Exec, class In, class Out, class Initial, class Final, class Op, class Options>
void scan_views(const Exec& exec, const In& in, const Out& out, const Initial& initial,
                const Final& final, int any_axis, const Op& op, const Call<Options>& call) {
  static_assert(In::rank >= 1, "fused_scan: a View of rank 0 has no axis to scan along");
  static_assert(In::rank == Out::rank, "fused_scan: input and output must have the same rank");
  static_assert(!std::is_const_v<typename Out::value_type>, "fused_scan: the output must not be const");
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
      static_assert(Initial::rank + 1 == In::rank && is_accessible<Exec, Initial>,
                    "fused_scan: the initial state must be an accessible View of the input's rank less one");
      using Lines = StridedLines<typename Initial::value_type>;
      return InitialStateFunctor<Bound, Lines>{bound, Lines(initial.data(), 0, dims, Geometry::of_initial)};
    }
  }();
  const auto final_state = [&] {
    if constexpr (std::is_same_v<Final, None>) {
      return NoFinalState();
    } else {
      static_assert(Final::rank + 1 == In::rank && is_accessible<Exec, Final>,
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
  const auto scan = [&]<bool unit>(std::bool_constant<unit>) {
    return impl::line_scan(bound, ViewLines<InT, unit>{from}, ViewLines<OutT, unit>{to}, initial_state,
                     final_state, geometry.extents, call);
  };
  const bool unit_lanes = from.lane_stride() == 1 && to.lane_stride() == 1;
  impl::run_line_scan(exec, along_axis, call, scan(std::false_type()), scan(std::true_type()), unit_lanes);
}

}  // namespace fused_scan::impl

#endif
