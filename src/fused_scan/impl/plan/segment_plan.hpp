// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_PLAN_SEGMENT_PLAN_HPP
#define FUSED_SCAN_IMPL_PLAN_SEGMENT_PLAN_HPP

// How a GPU scans segments, made from what a host knows of them: their number, and the extent of
// the axis.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/plan/device_plan.hpp>
#include <fused_scan/impl/plan/scan_shape.hpp>
#include <limits>

namespace fused_scan::impl {

/// Long segments are cut into pieces, each of which a team takes as a tile. Short ones are taken
/// where they begin: a team has those of a line that begin in a window of the axis, or, where there
/// are many columns, a thread has one of a line.
struct SegmentPlan {
  std::int64_t length = 0;    // of the axis
  std::int64_t segments = 0;  // among them empty ones
  std::int64_t lines = 0;

  DevicePlan pieces;               // tiles along the axis, from a segment's first element on
  std::int64_t long_length = 0;    // from which on a segment is a long one
  std::int64_t most_long = 0;      // segments, of offsets that are as they should be
  std::int64_t most_pieces = 0;    // of them
  std::int64_t pieces_of_one = 0;  // of a segment as long as the axis

  bool by_threads = false;  // a short one of a line by a thread, neighbours in neighbouring lines
  bool one_by_one = false;  // fewer segments than windows: a team for each
  std::int32_t window = 0;  // positions of the axis, not more than long_length
  std::int64_t windows = 0;
  std::int32_t threads = team_threads;  // of a window's team
  std::int32_t slots = 0;               // of a chunk's length, for what begins in a window
  std::int32_t staging_bytes = 0;
  std::int32_t scratch_bytes = 0;  // with a node, heads and a span for each slot, and a maximum
  Movement load = Movement::linear;
  Movement store = Movement::linear;

  bool has_long() const { return most_long > 0; }
  std::int64_t windows_to_find() const { return one_by_one ? 0 : windows; }
  /// Of the kernel of short ones.
  std::int64_t teams() const { return std::min(windows, segments) * lines; }
};

namespace segment_plan {

/// Of the staging elements of a window: its team has as many again for what reaches beyond it, and
/// eight teams have room on a multiprocessor of an H100. (Measured there: twice as many are 0.93 of
/// the time where all segments are short, and 1.07 where most of the axis is in long ones.)
inline constexpr int window_bytes = 8 << 10;
inline constexpr int longest_window = 2048;

/// Columns from which on neighbouring threads that take them fill sectors of memory.
inline constexpr int fewest_columns = 8;

/// Elements from which on a segment is too long for a thread alone.
inline constexpr int long_for_thread = 256;

/// Staging elements left out after a chunk's length: a word of the scratch memory.
constexpr int pad_of(int slot_size) { return slot_size < 4 ? 4 / slot_size : 1; }

/// Element by element: what is padded so isn't in packs.
inline Movement movement(const AccessShape& side) {
  return side.is_memory && side.axis_stride == 1 ? Movement::linear : Movement::axis_first;
}

inline void choose_windows(SegmentPlan& plan, const ScanShape& shape) {
  const int slot_size = device_plan::slot_size(shape);
  plan.window = std::bit_floor(static_cast<unsigned>(
      std::clamp(window_bytes / slot_size, 8 * chunk_length, longest_window)));
  plan.windows = ceil_div(plan.length, plan.window);
  plan.one_by_one = plan.segments < plan.windows;
  const int elements = 2 * plan.window;
  plan.slots = elements / chunk_length;
  plan.staging_bytes = (plan.slots * (chunk_length + pad_of(slot_size)) * slot_size + 15) / 16 * 16;
  plan.scratch_bytes =
      plan.staging_bytes + plan.slots * shape.value_size + (2 * plan.slots + 3) * 4;
  const std::int64_t most = std::min<std::int64_t>(plan.window, plan.length) / chunk_length;
  plan.threads =
      std::clamp(static_cast<int>(std::bit_ceil(static_cast<unsigned>(most))), 32, team_threads);
  plan.load = movement(shape.in);
  plan.store = movement(shape.out);
}

/// Elements that are made of two arrays' pass through registers, and wait as one.
inline ScanShape with_elements_as_one(ScanShape shape) {
  if (shape.arrays() == 1) return shape;
  shape.in.element_size = 2 * std::max(shape.in.element_size, shape.beside.element_size);
  shape.in.is_memory = shape.out.is_memory = false;
  shape.beside = {};
  return shape;
}

}  // namespace segment_plan

inline SegmentPlan make_segment_plan(const ScanShape& of_scan, std::int64_t segments,
                                     const DeviceMachine& machine) {
  const ScanShape shape = segment_plan::with_elements_as_one(of_scan);
  SegmentPlan plan;
  plan.length = shape.length;
  plan.segments = segments;
  plan.lines = shape.lines();
  plan.pieces = make_piece_plan(shape, machine);
  segment_plan::choose_windows(plan, shape);
  plan.long_length = plan.window;
  plan.by_threads = (plan.pieces.interleaved && shape.inner >= segment_plan::fewest_columns) ||
                    plan.teams() > std::numeric_limits<std::int32_t>::max();
  if (plan.by_threads) {
    plan.long_length = segment_plan::long_for_thread;
    plan.windows = 0;
  }
  plan.most_long = std::min(shape.length / plan.long_length, segments);
  plan.pieces_of_one = ceil_div(shape.length, plan.pieces.rows);
  plan.most_pieces = shape.length / plan.pieces.rows + plan.most_long;
  return plan;
}

}  // namespace fused_scan::impl

#endif
