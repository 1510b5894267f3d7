// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_SLAB_PLAN_HPP
#define FUSED_SCAN_SLAB_PLAN_HPP

#include <functional>
#include <optional>

#include "dataset.hpp"
#include "scan_slabs.hpp"

namespace fused_scan::cli {

/// How a data set is cut into slabs that fit in memory, one after the other.
struct SlabPlan {
  Extents extents;
  int axis;
  Extents slab;  // of the largest slab

  bool cut() const;  // lines come in pieces
  hsize_t slabs() const;
  SlabShape shape(const Extents& count) const;
};

/// The largest slabs that need at most `memory` bytes; nothing where there are none so small.
///
/// Lines stay whole where that is possible without reading a chunk more than once: dimensions
/// before the axis are cut first. Then the axis is, in pieces of a power of two elements, because
/// what lies behind it is contiguous in the file; the dimensions behind it at last.
std::optional<SlabPlan> plan_slabs(const Extents& extents, const Extents& chunk, int axis,
                                   const ScannerCosts& costs, double memory);

/// Calls visit(box, first_piece, last_piece) for slab after slab: all the pieces of some lines in
/// the order of the scan, then those of the next. Where there are no elements, there is one slab of
/// none.
void for_each_slab(const SlabPlan& plan, Direction direction,
                   const std::function<void(const Box&, bool, bool)>& visit);

}  // namespace fused_scan::cli

#endif
