// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ENGINE_HPP
#define FUSED_SCAN_IMPL_ENGINE_HPP

// One engine under every scan: the functors of a LineScan, the choice of its path, and the way to
// the backend.

#include <Kokkos_Core.hpp>
#include <Kokkos_Profiling_ScopedRegion.hpp>
#include <cstdint>
#include <fused_scan/impl/array/checks.hpp>
#include <fused_scan/impl/device/device_scan.hpp>
#include <fused_scan/impl/host/host_scan.hpp>
#include <fused_scan/impl/line_scan.hpp>
#include <fused_scan/impl/operator/bound_operator.hpp>
#include <fused_scan/scan_options.hpp>
#include <string>
#include <type_traits>

namespace fused_scan::impl {

/// Stands for a state that isn't given.
struct None {
  static constexpr int rank = 0;
};

template <class Op>
struct NoInitialState {
  static constexpr bool reads_memory = false;
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
  static constexpr bool reads_memory = true;
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

struct Call {
  std::string function;  // "fused_scan::inclusive_scan"
  ScanOptions options;
  bool exclusive;

  bool reverse() const { return options.direction == Direction::reverse; }
};

template <class Op, class Load, class Store, class Initial, class Final>
auto line_scan(const Op& op, const Load& load, const Store& store, const Initial& initial,
               const Final& final, const ScanExtents& extents, const Call& call) {
  return LineScan<Op, Load, Store, Initial, Final>{op,    load,    store,         initial,
                                                   final, extents, call.exclusive};
}

template <class Exec>
inline constexpr bool runs_on_host = std::is_same_v<typename Exec::memory_space, Kokkos::HostSpace>;

template <class Exec>
Path choose_path(const Exec& exec, const ScanExtents& extents, int value_size, bool along_axis) {
  if constexpr (runs_on_host<Exec>) {
    return impl::choose_host_path(exec, extents, value_size, along_axis);
  } else {
    return impl::choose_device_path(extents, along_axis);
  }
}

template <Path::Shape shape, class Exec, class Scan>
void run_on_path(const Exec& exec, const Scan& scan, const Path& path, const std::string& label,
                 int block_size) {
  if constexpr (runs_on_host<Exec>) {
    impl::run_on_host<shape>(exec, scan, path, label, block_size);
  } else {
    impl::run_on_device<shape>(exec, scan, label, block_size);
  }
}

/// Chooses the path and runs the scan in a region named after it.
template <class Exec, class Scan>
void run_line_scan(const Exec& exec, bool along_axis, const Call& call, const Scan& scan) {
  if (scan.extents.outer * scan.extents.inner == 0) return;
  const Path path = impl::choose_path(exec, scan.extents, sizeof(typename Scan::Value), along_axis);
  const Kokkos::Profiling::ScopedRegion region(call.function + "[" + path.name() + "]");
  const int block_size = call.options.block_size;
  if (path.shape == Path::Shape::rows) {
    return impl::run_on_path<Path::Shape::rows>(exec, scan, path, call.function, block_size);
  }
  if constexpr (!runs_on_host<Exec>) {
    if (path.shape == Path::Shape::few_columns) {
      return impl::run_on_path<Path::Shape::few_columns>(exec, scan, path, call.function,
                                                         block_size);
    }
  }
  impl::run_on_path<Path::Shape::columns>(exec, scan, path, call.function, block_size);
}

/// A functor f(o, i, j) as the engine wants it: line(o)(i, j), with i in the order of the scan.
template <class Functor>
struct FunctorLines {
  Functor functor;
  std::int64_t first;
  std::int64_t step;

  struct Line {
    using value_type = void;  // of no memory

    const FunctorLines& lines;
    std::int64_t outer;
    void prefetch(std::int64_t, std::int64_t, int, int) const {}
    void prefetch_along_axis(std::int64_t, std::int64_t, int) const {}
    template <class... Result>
    KOKKOS_FORCEINLINE_FUNCTION decltype(auto) operator()(std::int64_t i, std::int64_t j,
                                                          const Result&... result) const {
      return lines.functor(outer, lines.first + lines.step * i, j, result...);
    }

    /// The same of every step-th element from (i, j) on.
    struct Walk {
      const Line& line;
      std::int64_t i;
      std::int64_t j;
      int step;

      KOKKOS_FORCEINLINE_FUNCTION decltype(auto) read(int r) const { return line(i + r * step, j); }
      template <class Element>
      KOKKOS_FORCEINLINE_FUNCTION void copy(int r, Element* to) const {
        *to = static_cast<Element>(read(r));
      }
      template <class Result>
      KOKKOS_FORCEINLINE_FUNCTION void write(int r, const Result& result) const {
        line(i + r * step, j, result);
      }
    };
    KOKKOS_FORCEINLINE_FUNCTION Walk walk(std::int64_t i, std::int64_t j, int step) const {
      return {*this, i, j, step};
    }
  };

  KOKKOS_FUNCTION Line line(std::int64_t outer) const { return {*this, outer}; }
};

/// Carries out a scan whose loads, stores and states are functors of (o, i, j).
template <class Exec, class Load, class Store, class Initial, class Final, class Op>
void scan_functors(const Exec& exec, const ScanExtents& extents, const Load& load,
                   const Store& store, const Initial& initial, const Final& final, const Op& op,
                   const Call& call) {
  impl::check_options(call.function, call.options);
  impl::require(extents.outer >= 0 && extents.length >= 0 && extents.inner >= 0, call.function,
                "extents (" + std::to_string(extents.outer) + ", " +
                    std::to_string(extents.length) + ", " + std::to_string(extents.inner) +
                    ") must not be negative");
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
                                    FunctorLines<Store>{store, first, step}, initial_state,
                                    final_state, extents, call);
  impl::run_line_scan(exec, extents.inner == 1, call, scan);
}

}  // namespace fused_scan::impl

#endif
