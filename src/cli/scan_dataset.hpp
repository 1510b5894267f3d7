// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_SCAN_DATASET_HPP
#define FUSED_SCAN_SCAN_DATASET_HPP

#include <string>

#include "number_transfer.hpp"
#include "scan_slabs.hpp"
#include "slab_plan.hpp"

namespace fused_scan::cli {

struct Measurement {
  std::string path;  // the library's word for the way it took; empty where there was nothing to do
  double seconds;    // for one scan, the median if there were several
  double bytes;      // read and written in memory by one scan
  SlabPlan plan;
};

/// Scans the numbers of `in` along `axis`, which isn't negative, in the type that `out` is scanned
/// in, and writes the results to `out`: slab by slab, in about `memory` bytes.
///
/// Throws std::runtime_error, with one line for the user, where there is less.
Measurement scan_dataset(const ScanRequest& request, int axis, double memory, NumberTransfer& in,
                         NumberTransfer& out);

}  // namespace fused_scan::cli

#endif
