// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_HOST_SCAN_HPP
#define FUSED_SCAN_IMPL_HOST_HOST_SCAN_HPP

// The kernel on a host. Threads take work items, in their order, until there are none left: groups
// of lines, or tiles of them. A tile waits for those before it only, which have been taken before.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fused_scan/impl/access/line_scan.hpp>
#include <fused_scan/impl/host/buffers.hpp>
#include <fused_scan/impl/host/chunk_walk.hpp>
#include <fused_scan/impl/host/column_walk.hpp>
#include <fused_scan/impl/host/float_sums/walks.hpp>
#include <fused_scan/impl/host/line_group.hpp>
#include <fused_scan/impl/host/line_states.hpp>
#include <fused_scan/impl/host/loop_walk.hpp>
#include <fused_scan/impl/host/recurrences/walks.hpp>
#include <fused_scan/impl/host/running/walk.hpp>
#include <fused_scan/impl/host/tile_nodes.hpp>
#include <fused_scan/impl/host/wide_vectors.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/plan/host_plan.hpp>
#include <string>
#include <type_traits>

namespace fused_scan::impl {

/// How a launch's buffer is divided: the number of the next item, a flag a tile, its nodes, and
/// each thread's own memory. Each part begins with a cache line.
struct HostBufferLayout {
  using Flag = std::uint32_t;
  static constexpr std::size_t line = 64;

  std::size_t flags = line;
  std::size_t nodes = 0;
  std::size_t threads = 0;
  std::size_t states = 0;  // of a thread's memory; the rest is for the elements of a tile
  std::size_t of_thread = 0;
  std::size_t bytes = 0;

  HostBufferLayout(const HostPlan& plan, std::size_t value_size, std::size_t bytes_of_states,
                   std::size_t bytes_of_elements)
      : states(rounded(bytes_of_states)) {
    const std::size_t tiles = plan.tiles > 1 ? plan.groups * plan.tiles : 0;
    nodes = rounded(flags + tiles * sizeof(Flag));
    threads = rounded(nodes + tiles * plan.columns * value_size);
    of_thread = states + rounded(plan.tiles > 1 ? bytes_of_elements : 0);
    bytes = threads + of_thread * plan.threads;
  }
  static std::size_t rounded(std::size_t size) { return (size + line - 1) / line * line; }
};

template <class Scan>
struct HostScan {
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using Counter = std::int64_t;

  /// Numbers, which compilers can put side by side in vectors. For sums of floats there are
  /// kernels, and plain loops are for what those leave.
  static constexpr bool wide = sizeof(Value) <= 16 && sizeof(typename Scan::Element) <= 16 &&
                               (Scan::reduces || !float_sums::serves<Scan>);
  using States = LineStates<Op, wide>;

  Scan scan;
  HostPlan plan;
  HostBufferLayout layout;
  int levels;
  std::byte* buffer;

  static int levels_of(const HostPlan& plan, std::int64_t length) {
    return levels_over(ceil_div(plan.tiles > 1 ? plan.tile : length, chunk_length)) + 1;
  }

  void operator()(int thread) const {
    std::byte* const memory = buffer + layout.threads + thread * layout.of_thread;
    if constexpr (float_sums::serves<Scan>) {
      if (run_float_sums(memory)) return;
    }
    if constexpr (recurrences::serves<Scan>) {
      if (run_recurrences(memory)) return;
    }
    if constexpr (LoopWalk<Scan>::serves) {
      if (LoopWalk<Scan>::can_walk(plan)) return take_items(LoopWalk<Scan>(scan, plan));
    }
    if constexpr (running::serves<Scan>) {
      take_items(running::RunningWalk<Scan>(scan, plan, memory));
    } else {
      run_plain_loops(memory);
    }
  }

  void run_plain_loops(std::byte* memory) const {
    States states(scan.op, memory, plan.lines(), levels);
    std::byte* const elements = memory + layout.states;
    if (plan.kind == HostPlan::Kind::columns) {
      take_items(ColumnWalk<Scan, wide>(scan, states, elements));
    } else {
      take_items(ChunkWalk<Scan, wide>(scan, plan, states, elements));
    }
  }

 private:
  /// By the kernels for vectors; false where they don't serve.
  bool run_float_sums(std::byte* memory) const {
    using namespace float_sums;
    const Kernels* const kernels = float_sums::kernels<rounds_to_odd<Scan>>();
    if (kernels == nullptr) return false;
    if (plan.kind == HostPlan::Kind::columns && FloatColumnWalk<Scan>::can_walk(scan)) {
      take_items(FloatColumnWalk<Scan>(scan, plan, *kernels, memory, levels));
      return true;
    }
    if constexpr (!Scan::reduces) {
      if (plan.kind == HostPlan::Kind::lines && FloatInterleavedWalk<Scan>::can_walk(scan, plan)) {
        take_items(FloatInterleavedWalk<Scan>(scan, plan, *kernels, memory, levels));
        return true;
      }
      if (plan.kind == HostPlan::Kind::slabs &&
          FloatSlabWalk<Scan>::can_walk(scan, plan, *kernels)) {
        take_items(FloatSlabWalk<Scan>(scan, plan, *kernels, memory, levels));
        return true;
      }
    }
    if (plan.kind == HostPlan::Kind::lines && plan.columns > 1 && !Scan::reduces &&
        FloatColumnWalk<Scan>::can_walk(scan)) {
      take_items(FloatColumnWalk<Scan>(scan, plan, *kernels, memory, levels));
      return true;
    }
    if (plan.kind == HostPlan::Kind::lines && FloatLineWalk<Scan>::can_walk(scan, plan)) {
      take_items(FloatLineWalk<Scan>(scan, plan, *kernels, memory, levels));
      return true;
    }
    return false;
  }

  /// The same of recurrences.
  bool run_recurrences(std::byte* memory) const {
    using namespace recurrences;
    using Types = Blocks<Scan>;
    const auto* const kernels = recurrences::kernels<typename Types::In, typename Types::Out>();
    if (kernels == nullptr) return false;
    const bool side_by_side = plan.kind != HostPlan::Kind::lines;
    LineStates<Op, false> states(scan.op, memory,
                                 side_by_side ? padded(plan.lines()) : plan.lines(), levels);
    if (side_by_side) {
      take_items(SideBySideWalk<Scan>(scan, plan, *kernels, states));
    } else {
      take_items(ChunksWalk<Scan>(scan, plan, *kernels, states));
    }
    return true;
  }

  template <class Walk>
  void take_items(Walk&& walk) const {
    const std::atomic_ref<Counter> next(*reinterpret_cast<Counter*>(buffer));
    const std::int64_t items = plan.items();
    for (;;) {
      const std::int64_t item = next.fetch_add(1, std::memory_order_relaxed);
      if (item >= items) return;
      const std::int64_t first = item * plan.groups_at_once;
      const std::int64_t last = std::min(first + plan.groups_at_once, plan.groups);
      if constexpr (requires { walk.walk_groups(first, last); }) {
        walk.walk_groups(first, last);
      } else if (plan.tiles > 1) {
        walk_tile(walk, item % plan.groups, item / plan.groups);
      } else {
        for (std::int64_t g = first; g < last; ++g) {
          walk.begin(group_of(plan, scan.inner, g));
          scan_last(walk, 0, scan.length);
          walk.end();
        }
      }
    }
  }

  /// Scans elements of a group's lines; of a reduction, whose last ones they are, no more than what
  /// the state after them is made of.
  template <class Walk>
  void scan_last(Walk& walk, std::int64_t first, std::int64_t last) const {
    if constexpr (requires { walk.reduce(first, last); }) {
      walk.reduce(first, last);
    } else if constexpr (Scan::reduces) {
      const std::int64_t of_chunks = Scan::ends_in_prefix ? last : last - 1;
      const std::int64_t begin_last = of_chunks / chunk_length * chunk_length;
      walk.sum(first, begin_last);
      if (!Scan::ends_in_prefix) walk.scan(begin_last, last);
    } else {
      walk.scan(first, last);
    }
  }

  template <class Walk>
  void walk_tile(Walk& walk, std::int64_t group, std::int64_t tile) const {
    const LineGroup lines = group_of(plan, scan.inner, group);
    auto* const flags = reinterpret_cast<HostBufferLayout::Flag*>(buffer + layout.flags);
    auto* const nodes = reinterpret_cast<Value*>(buffer + layout.nodes);
    const TileNodes<Op> tile_nodes(scan.op, flags + group * plan.tiles,
                                   nodes + group * plan.tiles * plan.columns, plan.tiles,
                                   lines.columns);
    const std::int64_t first = tile * plan.tile, last = std::min(first + plan.tile, scan.length);
    const bool is_last = tile + 1 == plan.tiles;
    walk.begin(lines);
    if (!is_last || Scan::ends_in_prefix) {
      walk.sum(first, last);
      // When all nodes are there the last tile writes the final states, perhaps over the initial
      // ones.
      tile_nodes.publish(tile, walk.largest_node());
      if (Scan::reduces && !is_last) return;
      walk.restart();
    }
    if constexpr (Scan::ends_in_prefix) {
      tile_nodes.combine_last(walk.prefix());
      scan_last(walk, last, last);
    } else {
      tile_nodes.combine_prefix(tile, walk.prefix());
      scan_last(walk, first, last);
    }
    if (is_last) walk.end();
  }
};

/// Work for one thread, by the one that calls, which waits for it in any case: to start all threads
/// for it would take longer. Profilers see a kernel like others.
template <class Exec, class Kernel>
void run_on_caller(const Exec& exec, const Kernel& kernel, const std::string& label) {
  std::uint64_t id = 0;
  const bool profiled = Kokkos::Tools::profileLibraryLoaded();
  if (profiled) {
    Kokkos::Tools::beginParallelFor(label, Kokkos::Tools::Experimental::device_id(exec), &id);
  }
  kernel(0);
  if (profiled) Kokkos::Tools::endParallelFor(id);
}

/// How a launch's buffer is divided for a plan of lines that have so many levels of nodes.
template <class Scan>
HostBufferLayout host_layout(const HostPlan& plan, int levels) {
  constexpr int whole = recurrences::serves<Scan> ? recurrences::block_lines : 16;  // vectors
  const int padded_lines = static_cast<int>(ceil_div(plan.lines(), whole)) * whole;
  std::size_t states = HostScan<Scan>::States::bytes_for(padded_lines, levels);
  if constexpr (float_sums::serves<Scan>) {
    if (!Scan::reduces) {
      states = std::max({states, float_sums::FloatSlabWalk<Scan>::bytes(levels),
                         float_sums::FloatInterleavedWalk<Scan>::bytes()});
    }
  }
  if constexpr (running::serves<Scan>) {
    states = running::RunningWalk<Scan>::bytes_for(plan.lines());
  }
  return HostBufferLayout(plan, sizeof(typename Scan::Value), states,
                          TileCopy<Scan>::bytes_for(plan.tile, plan.lines()));
}

/// Kernels of so many threads.
template <class Exec, class Kernel>
void launch_on_host(const Exec& exec, const Kernel& kernel, int threads, const std::string& label) {
  if (threads == 1) return run_on_caller(exec, kernel, label);
  Kokkos::parallel_for(label, Kokkos::RangePolicy<Exec, Kokkos::IndexType<int>>(exec, 0, threads),
                       kernel);
}

/// Carries out a plan of make_host_plan.
template <class Exec, class Scan>
void run_on_host(const Exec& exec, const Scan& scan, const HostPlan& plan,
                 const std::string& label) {
  using Kernel = HostScan<Scan>;
  const int levels = Kernel::levels_of(plan, scan.length);
  const HostBufferLayout layout = impl::host_layout<Scan>(plan, levels);
  const HostBuffer buffer(layout.bytes, label);
  std::memset(buffer.data(), 0, layout.nodes);
  impl::launch_on_host(exec, Kernel{scan, plan, layout, levels, buffer.data()}, plan.threads,
                       label + (plan.tiles > 1 ? "::tiles" : "::lines"));
}

}  // namespace fused_scan::impl

#endif
