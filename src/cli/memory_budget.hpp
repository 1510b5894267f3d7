// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_MEMORY_BUDGET_HPP
#define FUSED_SCAN_MEMORY_BUDGET_HPP

#include <string>

namespace fused_scan::cli {

/// How many bytes this process may take without harm: three quarters of what the machine has free,
/// of what the process may address (ulimit -v), and of what its container may use.
double memory_budget();

/// As "1.5 GiB".
std::string bytes_as_text(double bytes);

}  // namespace fused_scan::cli

#endif
