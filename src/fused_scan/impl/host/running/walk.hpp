// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_RUNNING_WALK_HPP
#define FUSED_SCAN_IMPL_HOST_RUNNING_WALK_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/host/line_group.hpp>
#include <fused_scan/impl/host/running/arguments.hpp>
#include <fused_scan/impl/host/running/kernels.hpp>
#include <fused_scan/impl/host/stream_row.hpp>
#include <fused_scan/impl/plan/host_plan.hpp>
#include <type_traits>

namespace fused_scan::impl::running {

/// Whether running values are enough for a scan.
template <class Scan>
inline constexpr bool serves =
    Scan::Op::groups_freely && std::is_arithmetic_v<typename Scan::Value> &&
    Scan::Load::is_memory && Scan::Store::is_memory;

/// A walk from memory to memory, for operators of which it doesn't matter how numbers are grouped:
/// a line needs no tree, but one running value.
template <class Scan>
class RunningWalk {
 public:
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using In = typename Scan::Load::value_type;
  using Out = typename Scan::Store::value_type;

  static std::size_t bytes_for(int lines) { return 2 * sizeof(Value) * lines; }

  RunningWalk(const Scan& scan, const HostPlan& plan, std::byte* memory)
      : m_scan(scan),
        m_plan(plan),
        m_kernels(running::kernels<Op, In, Out>()),
        m_value(reinterpret_cast<Value*>(memory)),
        m_sum(m_value + plan.lines()) {}

  /// From the states that the lines start from.
  void begin(const LineGroup& group) {
    m_group = group;
    for_lines([&](Value& value, std::int64_t outer, std::int64_t column) {
      value = m_scan.initial(outer, column);
    });
  }
  /// The sums of a tile; a scan of the same elements is to follow.
  void sum(std::int64_t first, std::int64_t last) {
    std::fill_n(m_sum, m_group.columns, m_scan.op.neutral());
    const bool columns = m_plan.kind == HostPlan::Kind::columns;
    const auto kernel = columns ? m_kernels.sum_columns : m_kernels.sum_slabs;
    kernel(m_scan.op, rows(0, first, last), m_sum);
  }
  /// Scans the elements from one position on the axis to another, in the order of the scan.
  void scan(std::int64_t first, std::int64_t last) {
    if (m_plan.kind == HostPlan::Kind::columns) {
      m_kernels.scan_columns(m_scan.op, rows(0, first, last), m_value);
      return;
    }
    // Slabs at the same distance from each other are walked by one call.
    const bool at_once = m_plan.in_unit_stride != 0 && m_plan.out_unit_stride != 0;
    const int count = at_once ? m_group.slabs : 1;
    for (int s = 0; s < m_group.slabs; s += count) {
      Rows<In, Out> slabs = rows(s, first, last);
      slabs.slabs = count;
      m_kernels.scan_slabs(m_scan.op, slabs, m_value + s * m_group.columns);
    }
  }
  /// After the last element.
  void end() {
    for_lines([&](const Value& value, std::int64_t outer, std::int64_t column) {
      m_scan.final(outer, column, value);
    });
  }

  /// Between sum() and scan().
  void restart() {}
  Value* prefix() const { return m_value; }
  Value* largest_node() const { return m_sum; }

 private:
  template <class F>
  void for_lines(const F& f) const {
    for (int s = 0; s < m_group.slabs; ++s) {
      const HostUnit unit = this->unit(s);
      Value* const values = m_value + s * m_group.columns;
      for (int j = 0; j < m_group.columns; ++j) f(values[j], unit.outer, unit.column + j);
    }
  }
  HostUnit unit(int slab) const {
    if (slab == 0) return {m_group.outer, m_group.column};
    return unit_of(m_plan, m_scan.inner, m_group.unit + slab);
  }

  Rows<In, Out> rows(int slab, std::int64_t first, std::int64_t last) const {
    const HostUnit unit = this->unit(slab);
    const auto from = m_scan.load.slab(unit.outer);
    const auto to = m_scan.store.slab(unit.outer);
    const std::int64_t i = m_scan.position(first), direction = m_scan.reverse ? -1 : 1;
    Rows<In, Out> rows;
    rows.x = from.at(i, unit.column);
    rows.y = to.at(i, unit.column);
    rows.x_row = direction * from.axis_stride;
    rows.y_row = direction * to.axis_stride;
    rows.x_column = from.column_stride;
    rows.y_column = to.column_stride;
    rows.x_slab = m_plan.in_unit_stride;
    rows.y_slab = m_plan.out_unit_stride;
    rows.count = last - first;
    rows.columns = m_group.columns;
    rows.exclusive = m_scan.exclusive;
    constexpr int size = sizeof(Out);
    rows.streaming =
        m_plan.streaming &&
        impl::rows_bypass_caches(rows.y, rows.y_row * size, std::int64_t{rows.columns} * size);
    return rows;
  }

  const Scan& m_scan;
  const HostPlan& m_plan;
  Kernels<Op, In, Out> m_kernels;
  LineGroup m_group;
  Value* m_value;
  Value* m_sum;
};

}  // namespace fused_scan::impl::running

#endif
