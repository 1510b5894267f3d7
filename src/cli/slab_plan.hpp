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

/// A rank's part of a data set.
struct Share {
  Box box;
  /// Every rank's box is the whole data set, of which they scan neighbouring pieces of lines, one a
  /// rank, in rounds; else its lines are whole, and no other rank's.
  bool along_axis;
};

/// Whole lines where there are enough for every rank: of neighbouring dimensions before the axis,
/// which lie in one part of the file; else pieces of the axis, where it is long; else of lines of
/// dimensions behind it. A chunk isn't cut but along the axis.
Share share_of(const Extents& extents, const Extents& chunk, int axis, int rank, int ranks);

/// For ranks that scan neighbouring pieces of all lines: pieces of a power of two elements, no
/// larger than the plan has them, and so small that most ranks have one in each round.
SlabPlan cut_for_ranks(SlabPlan plan, int ranks);

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
