// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_SCAN_DATASET_HPP
#define FUSED_SCAN_SCAN_DATASET_HPP

#include <cstddef>
#include <functional>
#include <string>

#include "number_transfer.hpp"
#include "ranks.hpp"
#include "scan_slabs.hpp"
#include "slab_plan.hpp"

namespace fused_scan::cli {

struct Measurement {
  std::string path;  // the library's word for the way it took; empty where there was nothing to do
  double seconds;    // for one scan, the median if there were several; of the slowest rank
  double bytes;      // read and written in memory by one scan
  SlabPlan plan;     // of the rank's share
  bool along_axis;   // the ranks have pieces of lines
};

/// Where results go.
struct ScanOutput {
  NumberFormat format;
  std::size_t staging;  // bytes of memory that writing an element takes, beside its number
  /// Calls write(numbers), a box of them or none, when it is the rank's turn to write, or all at
  /// once.
  std::function<void(const std::function<void(NumberTransfer&)>&)> open;
};

/// Scans the numbers of `in` along `axis`, which isn't negative, in the type that the output is
/// scanned in: slab by slab, in about `memory` bytes; of several ranks each its share.
///
/// Throws std::runtime_error, with one line for the user, where there is less.
Measurement scan_dataset(const ScanRequest& request, int axis, double memory, const Ranks& ranks,
                         NumberTransfer& in, const ScanOutput& out);

}  // namespace fused_scan::cli

#endif
