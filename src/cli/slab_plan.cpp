// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "slab_plan.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace fused_scan::cli {

namespace {

hsize_t parts(hsize_t extent, hsize_t part) { return (extent + part - 1) / part; }

double bytes_of(const SlabPlan& plan, const ScannerCosts& costs) {
  double lines = 1;
  for (std::size_t d = 0; d < plan.slab.size(); ++d) {
    if (static_cast<int>(d) != plan.axis) lines *= static_cast<double>(plan.slab[d]);
  }
  const auto axis = static_cast<std::size_t>(plan.axis);
  const double elements = lines * static_cast<double>(plan.slab[axis]);
  if (!plan.cut()) return elements * static_cast<double>(costs.an_element);
  // A row of states for each bit of the number of pieces, and four more; a row of padding.
  const int rows = 4 + std::bit_width(parts(plan.extents[axis], plan.slab[axis]));
  return elements * static_cast<double>(costs.an_element_in_piece) +
         lines * static_cast<double>(rows * costs.a_line_in_piece + costs.an_element);
}

}  // namespace

bool SlabPlan::cut() const {
  const auto d = static_cast<std::size_t>(axis);
  return slab[d] < extents[d];
}

hsize_t SlabPlan::slabs() const {
  hsize_t count = 1;
  if (size_of(extents) == 0) return count;
  for (std::size_t d = 0; d < slab.size(); ++d) count *= parts(extents[d], slab[d]);
  return count;
}

SlabShape SlabPlan::shape(const Extents& count) const {
  SlabShape shape{1, 1, 1};
  for (int d = 0; d < static_cast<int>(count.size()); ++d) {
    (d < axis    ? shape.outer
     : d == axis ? shape.length
                 : shape.inner) *= count[static_cast<std::size_t>(d)];
  }
  return shape;
}

Share share_of(const Extents& extents, const Extents& chunk, int axis, int rank, int ranks) {
  Share share{{Extents(extents.size(), 0), extents}, false};
  if (ranks == 1 || size_of(extents) == 0) return share;
  const auto r = static_cast<hsize_t>(rank), n = static_cast<hsize_t>(ranks);
  const auto along = static_cast<std::size_t>(axis);
  const auto cut = [&](std::size_t first, std::size_t last) {
    for (std::size_t d = first; d < last; ++d) {
      const hsize_t chunks = parts(extents[d], chunk[d]);
      if (chunks < n) continue;
      const hsize_t begin = chunks * r / n * chunk[d];
      const hsize_t end = std::min(extents[d], chunks * (r + 1) / n * chunk[d]);
      share.box.offset[d] = begin;
      share.box.count[d] = end - begin;
      return true;
    }
    return false;
  };
  constexpr hsize_t long_piece = 1024;
  if (cut(0, along)) return share;
  if (extents[along] < long_piece * n && cut(along + 1, extents.size())) return share;
  share.along_axis = true;
  return share;
}

SlabPlan cut_for_ranks(SlabPlan plan, int ranks) {
  const auto axis = static_cast<std::size_t>(plan.axis);
  hsize_t& piece = plan.slab[axis];
  const hsize_t least = 16;  // a chunk of the tree
  const hsize_t share = parts(plan.extents[axis], static_cast<hsize_t>(ranks));
  piece = std::min(piece, std::max(least, std::bit_floor(share)));
  return plan;
}

std::optional<SlabPlan> plan_slabs(const Extents& extents, const Extents& chunk, int axis,
                                   const ScannerCosts& costs, double memory) {
  SlabPlan plan{extents, axis, extents};
  if (size_of(extents) == 0) return plan;
  const auto fits = [&] { return bytes_of(plan, costs) <= memory; };

  // As much of dimension d as fits, but at least `least`; whole chunks.
  const auto cut = [&](std::size_t d, hsize_t least) {
    if (fits() || plan.slab[d] <= least) return;
    hsize_t low = least, high = plan.slab[d];  // low is taken whether it fits or not
    while (high - low > 1) {
      plan.slab[d] = low + (high - low) / 2;
      (fits() ? low : high) = plan.slab[d];
    }
    if (low > chunk[d]) low -= low % chunk[d];
    plan.slab[d] = low;
  };
  const auto cut_axis = [&](hsize_t least) {
    hsize_t& piece = plan.slab[static_cast<std::size_t>(axis)];
    while (!fits() && piece > least) piece = std::bit_floor(piece - 1);
  };
  const auto behind = static_cast<std::size_t>(axis) + 1;
  const auto before = static_cast<std::size_t>(axis);
  const hsize_t chunk_on_axis = std::bit_ceil(chunk[before]);
  for (std::size_t d = 0; d < before; ++d) cut(d, chunk[d]);
  cut_axis(std::max<hsize_t>(1024, chunk_on_axis));
  for (std::size_t d = behind; d < extents.size(); ++d) cut(d, chunk[d]);
  // Where not even one chunk fits, it is read several times.
  for (std::size_t d = 0; d < before; ++d) cut(d, 1);
  cut_axis(1024);
  for (std::size_t d = behind; d < extents.size(); ++d) cut(d, 1);
  if (!fits()) return std::nullopt;
  return plan;
}

void for_each_slab(const SlabPlan& plan, Direction direction,
                   const std::function<void(const Box&, bool, bool)>& visit) {
  if (size_of(plan.extents) == 0) {
    return visit({Extents(plan.extents.size(), 0), plan.extents}, true, true);
  }
  const auto axis = static_cast<std::size_t>(plan.axis);
  const hsize_t length = plan.extents[axis];
  const hsize_t pieces = parts(length, plan.slab[axis]);
  Box box{Extents(plan.extents.size(), 0), plan.slab};
  const auto visit_pieces = [&] {
    for (hsize_t piece = 0; piece < pieces; ++piece) {
      const hsize_t begin = piece * plan.slab[axis];
      box.count[axis] = std::min(plan.slab[axis], length - begin);
      box.offset[axis] = direction == Direction::forward ? begin : length - begin - box.count[axis];
      visit(box, piece == 0, piece + 1 == pieces);
    }
  };
  const std::function<void(std::size_t)> cover = [&](std::size_t d) {
    if (d == plan.extents.size()) return visit_pieces();
    if (d == axis) return cover(d + 1);
    for (hsize_t first = 0; first < plan.extents[d]; first += plan.slab[d]) {
      box.offset[d] = first;
      box.count[d] = std::min(plan.slab[d], plan.extents[d] - first);
      cover(d + 1);
    }
  };
  cover(0);
}

}  // namespace fused_scan::cli
