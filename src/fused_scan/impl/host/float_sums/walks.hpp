// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_FLOAT_SUMS_WALKS_HPP
#define FUSED_SCAN_IMPL_HOST_FLOAT_SUMS_WALKS_HPP

// Walks over floats in memory, whose sums the kernels for vectors add up.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/access/sequential_line.hpp>
#include <fused_scan/impl/host/float_sums/arguments.hpp>
#include <fused_scan/impl/host/float_sums/kernels.hpp>
#include <fused_scan/impl/host/line_group.hpp>
#include <fused_scan/impl/operator/sums.hpp>
#include <fused_scan/impl/order/streamed_tree.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <memory>
#include <type_traits>

namespace fused_scan::impl::float_sums {

template <class Access>
constexpr bool of_floats() {
  if constexpr (Access::is_memory) return std::is_same_v<typename Access::value_type, float>;
  return false;
}

/// Whether a scan's sums are those of the kernels.
template <class Scan>
inline constexpr bool rounds_to_odd =
    std::is_same_v<typename Scan::Op::monoid_type, OddSumMonoid<float>>;
template <class Scan>
inline constexpr bool serves =
    of_floats<typename Scan::Load>() && (Scan::reduces || of_floats<typename Scan::Store>()) &&
    (rounds_to_odd<Scan> || std::is_same_v<typename Scan::Op::monoid_type, SumMonoid<float>>);

template <class Scan>
Results results_of(const Scan& scan, bool streaming) {
  return {scan.exclusive, !scan.starts_from_state(), streaming};
}

/// Whether the kernel for few columns would write results where it is still to read elements: it
/// stores those of an exclusive scan one row later.
template <class Scan>
bool needs_old_rows(const Scan& scan) {
  return scan.exclusive && static_cast<const void*>(scan.load.slab(0).begin) ==
                               static_cast<const void*>(scan.store.slab(0).begin);
}

/// Whether results go to a slab of which the condition holds, or nowhere.
template <class Scan, class Condition>
bool stores_at(const Scan& scan, const Condition& condition) {
  if constexpr (Scan::reduces)
    return true;
  else
    return condition(scan.store.slab(0));
}

/// Neighbouring columns of one slab, row by row.
template <class Scan>
class FloatColumnWalk {
 public:
  FloatColumnWalk(const Scan& scan, const HostPlan& plan, const Kernels& kernels, std::byte* memory,
                  int levels)
      : m_scan(scan), m_kernels(kernels), m_results(results_of(scan, plan.streaming)) {
    const std::int64_t pitch = padded(plan.columns);
    m_tree.prefix = reinterpret_cast<double*>(memory);
    m_tree.sum = m_tree.prefix + pitch;
    m_start = m_tree.sum + pitch;
    m_tree.node = m_start + pitch;
    m_tree.before = m_tree.node + levels * pitch;
  }
  static bool can_walk(const Scan& scan) {
    return scan.load.slab(0).column_stride == 1 &&
           stores_at(scan, [](const auto& slab) { return slab.column_stride == 1; });
  }

  void begin(const LineGroup& group) {
    m_group = group;
    m_tree.pitch = padded(group.columns);
    m_tree.chunks = 0;
    m_results.below_floats = false;
    for (int j = 0; j < m_tree.pitch; ++j) {
      m_tree.prefix[j] = j < group.columns ? m_scan.initial(group.outer, group.column + j) : 0;
      m_results.below_floats |= is_below_floats(m_tree.prefix[j]);
      m_start[j] = m_tree.prefix[j];
    }
  }
  void sum(std::int64_t first, std::int64_t last) {
    for (std::int64_t step = first; step < last; step += chunk_length) {
      m_kernels.sum_rows(rows(step, last), m_tree);
      m_kernels.push(m_tree);
    }
  }
  /// sum(), and what comes after the last element.
  void reduce(std::int64_t first, std::int64_t last)
    requires Scan::reduces
  {
    for (std::int64_t step = first; step < last; step += chunk_length) {
      m_kernels.sum_rows(rows(step, last), m_tree);
      if (step + chunk_length < last || Scan::ends_in_prefix) m_kernels.push(m_tree);
    }
    m_narrow = Scan::ends_in_prefix;
  }
  void scan(std::int64_t first, std::int64_t last)
    requires(!Scan::reduces)
  {
    m_narrow = m_group.columns <= m_kernels.narrow_columns && !needs_old_rows(m_scan);
    if (m_narrow) return scan_narrow(first, last);
    for (std::int64_t step = first; step < last; step += chunk_length) {
      const Rows chunk = rows(step, last);
      m_kernels.scan_rows(chunk, m_results, m_tree);
      if (step + chunk.count == m_scan.length) return;
      m_kernels.push(m_tree);
    }
  }
  void end() {
    for (int j = 0; j < m_group.columns; ++j) {
      m_scan.final(
          m_group.outer, m_group.column + j,
          m_narrow ? m_tree.prefix[j] : m_scan.op.combine(m_tree.prefix[j], m_tree.sum[j]));
    }
  }
  void restart() {
    m_tree.chunks = 0;
    std::copy_n(m_start, m_tree.pitch, m_tree.prefix);
  }
  double* prefix() const { return m_tree.prefix; }
  double* largest_node() { return m_tree.node + std::int64_t{m_tree.level} * m_tree.pitch; }

 private:
  static int padded(int columns) {
    return (columns + Tree::padding - 1) / Tree::padding * Tree::padding;
  }

  void scan_narrow(std::int64_t first, std::int64_t last) {
    const Rows from = rows(first, last);
    Slabs slabs;
    slabs.x = from.x;
    slabs.x_stride = from.x_stride;
    slabs.y = from.y;
    slabs.y_stride = from.y_stride;
    slabs.count = 1;
    slabs.columns = m_group.columns;
    slabs.length = last - first;
    slabs.begin_lines = first == 0;
    slabs.in_place = from.x == from.y;
    slabs.has_states = true;
    slabs.states = m_tree.prefix;
    m_kernels.scan_slabs(slabs, m_results, m_tree);
  }

  Rows rows(std::int64_t step, std::int64_t last) const {
    const auto from = m_scan.load.slab(m_group.outer);
    const std::int64_t i = m_scan.position(step), direction = m_scan.reverse ? -1 : 1;
    Rows rows;
    rows.x = from.at(i, m_group.column);
    rows.x_stride = direction * from.axis_stride;
    if constexpr (!Scan::reduces) {
      const auto to = m_scan.store.slab(m_group.outer);
      rows.y = to.at(i, m_group.column);
      rows.y_stride = direction * to.axis_stride;
    }
    rows.count = static_cast<int>(std::min<std::int64_t>(chunk_length, last - step));
    rows.columns = m_group.columns;
    rows.begin_lines = step == 0;
    return rows;
  }

  const Scan& m_scan;
  const Kernels& m_kernels;
  Results m_results;
  Tree m_tree;
  double* m_start;  // what the lines start from
  LineGroup m_group;
  bool m_narrow = false;  // the prefixes are what comes after the last element
};

/// Slabs of few columns.
template <class Scan>
class FloatSlabWalk {
 public:
  FloatSlabWalk(const Scan& scan, const HostPlan& plan, const Kernels& kernels, std::byte* memory,
                int levels)
      : m_scan(scan), m_plan(plan), m_kernels(kernels), m_results(results_of(scan, false)) {
    const std::int64_t pitch = most_doubles;
    m_tree.prefix = reinterpret_cast<double*>(memory);
    m_tree.sum = m_tree.prefix + pitch;
    m_tree.node = m_tree.sum + pitch;
    m_tree.before = m_tree.node + levels * pitch;
    m_states = m_tree.before + levels * pitch;
  }
  static bool can_walk(const Scan& scan, const HostPlan& plan, const Kernels& kernels) {
    return plan.columns <= kernels.narrow_columns && plan.in_unit_stride != 0 &&
           plan.out_unit_stride != 0 && !needs_old_rows(scan) &&
           (plan.columns == 1 ||
            (scan.load.slab(0).column_stride == 1 && scan.store.slab(0).column_stride == 1));
  }
  static std::size_t bytes(int levels) {
    return sizeof(double) * (most_doubles * (2 * levels + 2) + slabs_with_states * 16 * 2);
  }

  void walk_groups(std::int64_t first, std::int64_t last) {
    const std::int64_t end = std::min(last * m_plan.slabs, m_plan.units);
    for (std::int64_t unit = first * m_plan.slabs; unit < end;) {
      const std::int64_t most = has_states ? slabs_with_states : 1 << 20;
      const int count = static_cast<int>(std::min(end - unit, most));
      scan_slabs(unit, count);
      unit += count;
    }
  }

 private:
  static constexpr int most_doubles = 256;      // of the slabs that are walked at once
  static constexpr int slabs_with_states = 32;  // a call
  static constexpr bool has_states = Scan::Initial::given || Scan::Final::given;

  void scan_slabs(std::int64_t unit, int count) {
    const HostUnit first = unit_of(m_plan, m_scan.inner, unit);
    const auto from = m_scan.load.slab(first.outer);
    const auto to = m_scan.store.slab(first.outer);
    const std::int64_t i = m_scan.position(0), direction = m_scan.reverse ? -1 : 1;
    Slabs slabs;
    slabs.x = from.at(i, first.column);
    slabs.x_stride = direction * from.axis_stride;
    slabs.x_slab = m_plan.in_unit_stride;
    slabs.y = to.at(i, first.column);
    slabs.y_stride = direction * to.axis_stride;
    slabs.y_slab = m_plan.out_unit_stride;
    slabs.count = count;
    slabs.columns = m_plan.columns;
    slabs.length = m_scan.length;
    slabs.begin_lines = true;
    slabs.in_place = slabs.x == slabs.y;
    slabs.has_states = has_states;
    slabs.states = m_states;
    m_results.below_floats = false;
    if constexpr (has_states) {
      for_states(unit, count, [&](double& state, std::int64_t outer, std::int64_t column) {
        state = m_scan.initial(outer, column);
        m_results.below_floats |= is_below_floats(state);
      });
    }
    m_kernels.scan_slabs(slabs, m_results, m_tree);
    if constexpr (has_states) {
      for_states(unit, count, [&](double& state, std::int64_t outer, std::int64_t column) {
        m_scan.final(outer, column, state);
      });
    }
  }
  template <class F>
  void for_states(std::int64_t unit, int count, const F& f) {
    const int lanes = m_kernels.lanes;
    const int pitch = (m_plan.columns + lanes - 1) / lanes * lanes;
    for (int s = 0; s < count; ++s) {
      const HostUnit line = unit_of(m_plan, m_scan.inner, unit + s);
      for (int j = 0; j < m_plan.columns; ++j) {
        f(m_states[s * pitch + j], line.outer, line.column + j);
      }
    }
  }

  const Scan& m_scan;
  const HostPlan& m_plan;
  const Kernels& m_kernels;
  Results m_results;
  Tree m_tree;
  double* m_states;
};

/// One line whose elements are neighbours.
template <class Scan>
class FloatLineWalk {
 public:
  FloatLineWalk(const Scan& scan, const HostPlan&, const Kernels& kernels, std::byte*, int)
      : m_scan(scan), m_kernels(kernels), m_results(results_of(scan, false)) {}

  static bool can_walk(const Scan& scan, const HostPlan& plan) {
    // What doesn't fill blocks of a reduction is summed up by plain loops, which take their time.
    if (Scan::reduces && scan.length < 16 * block_length) return false;
    return plan.columns == 1 && scan.load.slab(0).axis_stride == 1 &&
           stores_at(scan, [](const auto& slab) { return slab.axis_stride == 1; });
  }

  void begin(const LineGroup& group) {
    m_group = group;
    m_tree.blocks = 0;
    m_start = m_scan.initial(group.outer, group.column);
    m_tree.prefix = m_start;
    m_results.below_floats = is_below_floats(m_tree.prefix);
  }
  void sum(std::int64_t first, std::int64_t last) { m_kernels.sum_line(line(first, last), m_tree); }
  /// The blocks are summed up by the kernel, what is left by plain loops.
  void reduce(std::int64_t first, std::int64_t last)
    requires Scan::reduces
  {
    const std::int64_t of_blocks = last - first - (Scan::ends_in_prefix ? 0 : 1);
    const std::int64_t rest = first + of_blocks / block_length * block_length;
    sum(first, rest);
    StreamedTree<typename Scan::Op> tree(m_scan.op, m_tree.prefix);
    m_tree.last = scan_line(m_scan, tree, m_group.outer, m_group.column, rest, last);
    if (Scan::ends_in_prefix) m_tree.last = tree.prefix();
  }
  void scan(std::int64_t first, std::int64_t last)
    requires(!Scan::reduces)
  {
    m_kernels.scan_line(line(first, last), m_results, m_tree);
  }
  void end() { m_scan.final(m_group.outer, m_group.column, m_tree.last); }
  void restart() {
    m_tree.blocks = 0;
    m_tree.prefix = m_start;
  }
  double* prefix() { return &m_tree.prefix; }
  double* largest_node() { return &m_tree.node[m_tree.level]; }

 private:
  Line line(std::int64_t first, std::int64_t last) const {
    const std::int64_t i = m_scan.position(first);
    float* to = nullptr;
    if constexpr (!Scan::reduces) to = m_scan.store.slab(m_group.outer).at(i, m_group.column);
    return {m_scan.load.slab(m_group.outer).at(i, m_group.column), to, last - first, m_scan.reverse,
            first == 0};
  }

  const Scan& m_scan;
  const Kernels& m_kernels;
  Results m_results;
  LineTree m_tree;
  double m_start = 0;
  LineGroup m_group;
};

/// Few columns of one long slab, which follow each other in memory: a thousand rows at a time are
/// copied to lines, which are scanned as such. (Where several slabs can be walked at once that is
/// as fast.)
template <class Scan>
class FloatInterleavedWalk {
 public:
  FloatInterleavedWalk(const Scan& scan, const HostPlan& plan, const Kernels& kernels,
                       std::byte* memory, int)
      : m_scan(scan), m_kernels(kernels), m_results(results_of(scan, false)) {
    m_trees = reinterpret_cast<LineTree*>(memory);
    for (int j = 0; j < plan.columns; ++j) std::construct_at(m_trees + j);
    m_copy = reinterpret_cast<float*>(m_trees + most_interleaved);
  }
  static bool can_walk(const Scan& scan, const HostPlan& plan) {
    const auto from = scan.load.slab(0);
    const auto to = scan.store.slab(0);
    return plan.columns > 1 && plan.columns <= most_interleaved &&
           scan.length >= 2 * block_length && (plan.tiles == 1 || plan.tile % block_length == 0) &&
           from.column_stride == 1 && to.column_stride == 1 && from.axis_stride == plan.columns &&
           to.axis_stride == plan.columns;
  }
  static constexpr std::size_t bytes() {
    return most_interleaved * (sizeof(LineTree) + rows_at_once * sizeof(float));
  }

  void begin(const LineGroup& group) {
    m_group = group;
    m_results.below_floats = false;
    for (int j = 0; j < group.columns; ++j) {
      m_start[j] = m_scan.initial(group.outer, j);
      m_results.below_floats |= is_below_floats(m_start[j]);
    }
    restart();
  }
  void sum(std::int64_t first, std::int64_t last) {
    for_rows<false>(first, last,
                    [&](const Line& line, int j) { m_kernels.sum_line(line, m_trees[j]); });
  }
  void scan(std::int64_t first, std::int64_t last) {
    for_rows<true>(first, last, [&](const Line& line, int j) {
      m_kernels.scan_line(line, m_results, m_trees[j]);
    });
  }
  void end() {
    for (int j = 0; j < m_group.columns; ++j) m_scan.final(m_group.outer, j, m_trees[j].last);
  }
  void restart() {
    for (int j = 0; j < m_group.columns; ++j) {
      m_trees[j].blocks = 0;
      m_prefix[j] = m_start[j];
    }
  }
  double* prefix() { return m_prefix; }
  double* largest_node() {
    for (int j = 0; j < m_group.columns; ++j) m_nodes[j] = m_trees[j].node[m_trees[j].level];
    return m_nodes;
  }

 private:
  static constexpr int rows_at_once = 2 * block_length;

  /// f(line, column) of the columns of some rows after the other, which may be results afterwards.
  template <bool results, class F>
  void for_rows(std::int64_t first, std::int64_t last, const F& f) {
    const auto from = m_scan.load.slab(m_group.outer);
    const auto to = m_scan.store.slab(m_group.outer);
    const int columns = m_group.columns;
    for (int j = 0; j < columns; ++j) m_trees[j].prefix = m_prefix[j];
    for (std::int64_t step = first; step < last; step += rows_at_once) {
      const int rows = static_cast<int>(std::min<std::int64_t>(rows_at_once, last - step));
      // What comes first in memory.
      const std::int64_t i = m_scan.position(m_scan.reverse ? step + rows - 1 : step);
      const float* const x = from.at(i, 0);
      float* const y = to.at(i, 0);
      m_kernels.part(x, columns, rows, m_copy, rows_at_once);
      for (int j = 0; j < columns; ++j) {
        float* const copy = m_copy + j * rows_at_once;
        float* const line = copy + (m_scan.reverse ? rows - 1 : 0);
        const std::int64_t part = j * rows_at_once;
        const std::int64_t next = part + (m_scan.reverse ? -1 : 1) * rows_at_once * columns;
        f(Line{line, line, rows, m_scan.reverse, step == 0, x + next, y + part}, j);
      }
      if (results) m_kernels.join(m_copy, rows_at_once, columns, rows, y);
    }
  }

  const Scan& m_scan;
  const Kernels& m_kernels;
  Results m_results;
  LineTree* m_trees;
  float* m_copy;
  LineGroup m_group;
  double m_start[most_interleaved] = {};
  double m_prefix[most_interleaved] = {};
  double m_nodes[most_interleaved] = {};
};

}  // namespace fused_scan::impl::float_sums

#endif
