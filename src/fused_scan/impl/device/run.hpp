// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_RUN_HPP
#define FUSED_SCAN_IMPL_DEVICE_RUN_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <fused_scan/impl/device/tile_scan.hpp>
#include <fused_scan/impl/plan/device_plan.hpp>
#include <fused_scan/impl/workspace.hpp>
#include <string>

namespace fused_scan::impl {

template <class Exec, class Scan, bool holds_runs>
void run_tiles(const Exec& exec, const Scan& scan, DevicePlan plan, const std::string& label) {
  using Kernel = TileScan<Exec, Scan, holds_runs>;
  plan.threads = std::min(plan.threads, Kernel::threads);
  Kernel kernel{scan, plan, {}, plan.nodes()};
  if (plan.line_tiles > 1) {
    const std::int64_t places =
        LineExchange<typename Scan::Op>::places(plan.groups * plan.columns, plan.line_tiles);
    kernel.state =
        typename Kernel::State(Workspace<Exec>::get(exec, Kernel::State::bytes_for(places), label));
  }
  const std::int64_t teams = plan.groups * plan.line_tiles;
  typename Kernel::Policy policy(exec, static_cast<int>(teams), plan.threads);
  policy.set_scratch_size(0, Kokkos::PerTeam(plan.scratch_bytes + Kernel::scratch_alignment));
  Kokkos::parallel_for(label + (plan.line_tiles > 1 ? "::tiles" : "::lines"), policy, kernel);
}

/// Carries out a plan of make_device_plan.
template <class Exec, class Scan>
void run_on_device(const Exec& exec, const Scan& scan, const DevicePlan& plan,
                   const std::string& label) {
  if constexpr (can_hold_runs<Scan>) {
    if (plan.holds_runs) return run_tiles<Exec, Scan, true>(exec, scan, plan, label);
  }
  run_tiles<Exec, Scan, false>(exec, scan, plan, label);
}

/// Lines without elements end in the state that they start from, or the identity.
template <class Exec, class Scan>
void run_empty_lines(const Exec& exec, const Scan& scan, const std::string& label) {
  Kokkos::parallel_for(
      label + "::empty_lines",
      Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>(exec, 0, scan.outer * scan.inner),
      KOKKOS_LAMBDA(std::int64_t line) {
        const std::int64_t outer = line / scan.inner, column = line % scan.inner;
        scan.final(outer, column, scan.first_output(scan.initial(outer, column)));
      });
}

}  // namespace fused_scan::impl

#endif
