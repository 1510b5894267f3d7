// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_LOOP_WALK_HPP
#define FUSED_SCAN_IMPL_HOST_LOOP_WALK_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/host/line_group.hpp>
#include <fused_scan/impl/host/recurrences/blocks.hpp>
#include <fused_scan/impl/host/segment_loop.hpp>
#include <fused_scan/impl/operator/affine.hpp>
#include <fused_scan/impl/plan/host_plan.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// Whether the slabs of an access can be taken from a position on.
template <class Access>
inline constexpr bool has_parts = requires(const typename Access::Slab& slab) { slab.part(0, 0); };

/// Whole lines, one after the other by a loop: of operators for which neither compilers nor kernels
/// make vectors.
template <class Scan>
class LoopWalk {
 public:
  static constexpr bool serves =
      std::is_same_v<typename Scan::Op::monoid_type, AffineMonoid<Kokkos::complex<double>>> &&
      recurrences::takes_state<typename Scan::Final> && !Scan::reduces &&
      has_parts<typename Scan::Load> && has_parts<typename Scan::Store>;

  LoopWalk(const Scan& scan, const HostPlan& plan) : m_scan(scan), m_plan(plan) {}
  static bool can_walk(const HostPlan& plan) { return plan.tiles == 1; }

  void walk_groups(std::int64_t first, std::int64_t last) const {
    for (std::int64_t index = first; index < last; ++index) {
      const LineGroup group = group_of(m_plan, m_scan.inner, index);
      for (int s = 0; s < group.slabs; ++s) {
        const HostUnit unit = unit_of(m_plan, m_scan.inner, group.unit + s);
        const std::int64_t column = s == 0 ? group.column : unit.column;
        for (int j = 0; j < group.columns; ++j) scan_line(unit.outer, column + j);
      }
    }
  }

 private:
  void scan_line(std::int64_t outer, std::int64_t column) const {
    const SegmentLoop<Scan, 44> line(m_scan, outer, column);
    m_scan.final(outer, column, line.scan({0, m_scan.length}));
  }

  const Scan& m_scan;
  const HostPlan& m_plan;
};

}  // namespace fused_scan::impl

#endif
