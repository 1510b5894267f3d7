// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <fused_scan/operators.hpp>

#include "run_request.hpp"

namespace fused_scan::python {

void log_sum_exp(const Request& request) {
  scan_converted<double>(request, impl::bind_operator<double, double, false>(LogSumExp()));
}

}  // namespace fused_scan::python
