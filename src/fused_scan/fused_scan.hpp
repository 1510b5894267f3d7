// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_FUSED_SCAN_HPP
#define FUSED_SCAN_FUSED_SCAN_HPP

/// \file
/// Everything that needs no option.

#include <fused_scan/ar_ssm.hpp>
#include <fused_scan/compensated_sum.hpp>
#include <fused_scan/operators.hpp>
#include <fused_scan/recurrence.hpp>
#include <fused_scan/running_extrema.hpp>
#include <fused_scan/scan.hpp>
#include <fused_scan/scan_options.hpp>
#include <fused_scan/segmented_scan.hpp>
#include <fused_scan/version.hpp>

#endif
