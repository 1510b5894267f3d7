// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// In a Kokkos without half types their names are plain float.

#include "sweep_views.hpp"

namespace fused_scan::perf {

namespace {

template <class Half>
void add(const Setup& setup, const std::string& op, Scanners& scanners) {
  if constexpr (sizeof(Half) == 2) {
    if (op != "compensated-sum") return;
    scanners.push_back(view_scanner<Half, CompensatedSum>("CompensatedSum", setup, setup.data));
  }
}

}  // namespace

void add_half(const Setup& setup, const std::string& op, Scanners& scanners) {
  add<Kokkos::Experimental::half_t>(setup, op, scanners);
}
void add_bhalf(const Setup& setup, const std::string& op, Scanners& scanners) {
  add<Kokkos::Experimental::bhalf_t>(setup, op, scanners);
}

}  // namespace fused_scan::perf
