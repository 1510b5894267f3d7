// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ENGINE_HPP
#define FUSED_SCAN_IMPL_ENGINE_HPP

// From a LineScan and its shape to a plan, and to the engine that carries it out.

#include <Kokkos_Core.hpp>
#include <Kokkos_Profiling_ScopedRegion.hpp>
#include <cstdint>
#include <fused_scan/impl/access/line_scan.hpp>
#include <fused_scan/impl/device/run.hpp>
#include <fused_scan/impl/host/host_scan.hpp>
#include <fused_scan/impl/host/machine.hpp>
#include <fused_scan/impl/plain/plain_scan.hpp>
#include <fused_scan/impl/plan/scan_plan.hpp>
#include <fused_scan/impl/plan/scan_shape.hpp>
#include <string>

namespace fused_scan::impl {

template <class Exec>
ScanPlan make_plan(const Exec& exec, const ScanShape& shape) {
  ScanPlan plan;
  if (shape.lines() == 0 || shape.length == 0) return plan;
  if constexpr (has_device_engine<Exec>) {
    plan.engine = ScanPlan::Engine::device;
    plan.device = make_device_plan(shape, machine_of(exec));
  } else if constexpr (has_host_engine<Exec>) {
    plan.engine = ScanPlan::Engine::host;
    plan.host = make_host_plan(shape, host_machine_of(exec));
  } else {
    plan.engine = ScanPlan::Engine::plain;
  }
  return plan;
}

/// In a region named after the plan.
template <class Exec, class Scan>
void run_scan(const Exec& exec, const Scan& scan, const ScanShape& shape, const char* function) {
  if (shape.lines() == 0) return;
  const ScanPlan plan = make_plan(exec, shape);
  const std::string label(function);
  const Kokkos::Profiling::ScopedRegion region(label + "[" + plan.name() + "]");
  if (shape.length == 0) {
    if constexpr (Scan::Final::given) run_empty_lines(exec, scan, label);
    return;
  }
  if constexpr (has_device_engine<Exec>) {
    run_on_device(exec, scan, plan.device, label);
  } else if constexpr (has_host_engine<Exec>) {
    run_on_host(exec, scan, plan.host, label);
  } else {
    run_plain(exec, scan, label);
  }
}

}  // namespace fused_scan::impl

#endif
