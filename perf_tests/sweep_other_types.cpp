// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sweep_views.hpp"

namespace fused_scan::perf {

void add_double(const Setup& setup, const std::string& op, Scanners& scanners) {
  if (op != "compensated-sum") return;
  scanners.push_back(view_scanner<double, CompensatedSum>("CompensatedSum", setup, setup.data));
}

void add_complex(const Setup& setup, const std::string& op, Scanners& scanners) {
  if (op != "compensated-sum") return;
  scanners.push_back(
      view_scanner<Kokkos::complex<float>, CompensatedSum>("CompensatedSum", setup, setup.data));
}

void add_int32(const Setup& setup, const std::string& op, Scanners& scanners) {
  if (op != "sum") return;
  scanners.push_back(view_scanner<std::int32_t, Sum>("Sum", setup, setup.data));
}

}  // namespace fused_scan::perf
