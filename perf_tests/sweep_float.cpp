// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sweep_views.hpp"

namespace fused_scan::perf {

void add_float(const Setup& setup, const std::string& op, Scanners& scanners) {
  if (op == "compensated-sum") {
    scanners.push_back(view_scanner<float, CompensatedSum>("CompensatedSum", setup, setup.data));
  } else if (op == "sum") {
    scanners.push_back(view_scanner<float, Sum>("Sum", setup, Data::whole));
  } else if (op == "max") {
    scanners.push_back(
        std::make_unique<ViewScanner<float, Max, Largest<float>>>("Max", setup, setup.data));
  }
}

}  // namespace fused_scan::perf
