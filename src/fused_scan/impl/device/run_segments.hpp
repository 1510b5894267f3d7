// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_RUN_SEGMENTS_HPP
#define FUSED_SCAN_IMPL_DEVICE_RUN_SEGMENTS_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdint>
#include <fused_scan/impl/device/segment_lists.hpp>
#include <fused_scan/impl/device/segment_pieces.hpp>
#include <fused_scan/impl/device/segment_windows.hpp>
#include <fused_scan/impl/plan/segment_plan.hpp>
#include <fused_scan/impl/workspace.hpp>
#include <string>

namespace fused_scan::impl {

/// The pieces of the long segments that are on the list.
template <class Exec, class Scan>
void run_pieces(const Exec& exec, const Scan& scan, const SegmentPlan& plan,
                const SegmentLists& lists, const DeviceMachine& machine, const std::string& label) {
  using Kernel = SegmentPieces<Exec, Scan>;
  using State = typename Kernel::State;
  Kernel kernel{scan, plan.pieces, {}, plan.pieces.nodes(), lists};
  kernel.plan.threads = std::min(kernel.plan.threads, Kernel::Tiles::threads);
  kernel.state = State(Workspace<Exec>::get(exec, State::bytes_for(Kernel::places(plan)), label));
  // Measured on an H100: fewer are slower where there are many pieces, more take longer to end
  // where there are none.
  const std::int64_t room = std::int64_t{Kernel::Tiles::teams} * machine.multiprocessors;
  const std::int64_t teams = std::min(plan.most_pieces * plan.pieces.groups, 8 * room);
  typename Kernel::Policy policy(exec, static_cast<int>(teams), kernel.plan.threads);
  policy.set_scratch_size(
      0, Kokkos::PerTeam(plan.pieces.scratch_bytes + Kernel::Tiles::scratch_alignment));
  Kokkos::parallel_for(label + "::pieces", policy, kernel);
}

/// Carries out a plan of make_segment_plan, which was made for `machine`. Nothing is copied to the
/// host, and nobody waits: teams for which there is nothing to do end.
template <class Exec, class Scan, class Offsets>
void run_segments_on_device(const Exec& exec, const Scan& scan, const SegmentPlan& plan,
                            const Offsets& offsets, const DeviceMachine& machine,
                            const std::string& label) {
  const SegmentLists lists(
      Workspace<Exec, SegmentLists>::get(exec, SegmentLists::bytes_for(plan), label), plan);
  using Range = Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>;
  Kokkos::parallel_for(label + "::find_windows", Range(exec, 0, plan.windows_to_find() + 1),
                       FindWindows<Offsets>{offsets, lists, plan.segments, plan.window});
  if (plan.by_threads) {
    Kokkos::parallel_for(label + "::short_segments", Range(exec, 0, plan.segments * plan.lines),
                         ScanSegmentOfLineOrListIt<Scan, Offsets>{scan, offsets, lists, plan.lines,
                                                                  plan.long_length});
  } else {
    using Kernel = SegmentWindows<Exec, Scan, Offsets>;
    typename Kernel::Policy policy(exec, static_cast<int>(plan.teams()), plan.threads);
    policy.set_scratch_size(0, Kokkos::PerTeam(plan.scratch_bytes + Kernel::scratch_alignment));
    Kokkos::parallel_for(label + "::windows", policy, Kernel{scan, offsets, plan, lists});
  }
  if (plan.has_long()) run_pieces(exec, scan, plan, lists, machine, label);
}

}  // namespace fused_scan::impl

#endif
