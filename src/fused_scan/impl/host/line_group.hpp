// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_LINE_GROUP_HPP
#define FUSED_SCAN_IMPL_HOST_LINE_GROUP_HPP

#include <algorithm>
#include <cstdint>
#include <fused_scan/impl/plan/host_plan.hpp>

namespace fused_scan::impl {

/// A slab, or a line of one.
struct HostUnit {
  std::int64_t outer = 0;
  std::int64_t column = 0;
};

/// Lines that a thread walks together: neighbouring columns of neighbouring units.
struct LineGroup {
  std::int64_t unit = 0;  // the first
  std::int64_t outer = 0;
  std::int64_t column = 0;
  int slabs = 1;
  int columns = 1;
};

inline HostUnit unit_of(const HostPlan& plan, std::int64_t inner, std::int64_t unit) {
  if (!plan.by_line) return {unit, 0};
  if (inner == 1) return {unit, 0};
  return {unit / inner, unit % inner};
}

inline LineGroup group_of(const HostPlan& plan, std::int64_t inner, std::int64_t index) {
  LineGroup group;
  const std::int64_t number = plan.column_blocks == 1 ? index : index / plan.column_blocks;
  group.unit = number * plan.slabs;
  const HostUnit unit = unit_of(plan, inner, group.unit);
  group.outer = unit.outer;
  group.column = unit.column + (index - number * plan.column_blocks) * plan.columns;
  group.slabs = static_cast<int>(std::min<std::int64_t>(plan.slabs, plan.units - group.unit));
  group.columns =
      plan.by_line ? 1
                   : static_cast<int>(std::min<std::int64_t>(plan.columns, inner - group.column));
  return group;
}

}  // namespace fused_scan::impl

#endif
