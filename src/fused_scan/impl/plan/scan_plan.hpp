// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_PLAN_SCAN_PLAN_HPP
#define FUSED_SCAN_IMPL_PLAN_SCAN_PLAN_HPP

#include <fused_scan/impl/plan/device_plan.hpp>
#include <fused_scan/impl/plan/host_plan.hpp>
#include <string>

namespace fused_scan {

/// How a scan is carried out, which has no influence on its bits.
struct ScanPlan {
  /// Which engine carries it out. `plain`: constructs of Kokkos alone, for backends without an
  /// engine of their own.
  enum class Engine { none, host, device, plain } engine = Engine::none;
  impl::HostPlan host;
  impl::DevicePlan device;

  /// In words, for people: "columns, tiles of 32 x 256".
  std::string name() const {
    switch (engine) {
      case Engine::host:
        return host.name();
      case Engine::device:
        return device.name();
      case Engine::plain:
        return "plain";
      default:
        return "nothing to do";
    }
  }
};

}  // namespace fused_scan

#endif
