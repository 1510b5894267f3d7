// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_PLAN_HOST_PLAN_HPP
#define FUSED_SCAN_IMPL_PLAN_HOST_PLAN_HPP

// How a scan is carried out on a host. Threads take line groups, one after the other: lines that
// are walked together because their elements are neighbours in memory, and that vectors add side
// by side. Where groups are fewer than threads, each is cut into tiles along the axis.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/plan/scan_shape.hpp>
#include <string>
#include <string_view>

namespace fused_scan::impl {

/// A part of a plan's name. A function by itself, since compilers take their time over strings.
[[gnu::noinline]] inline std::string in_words(std::string_view before, std::int64_t number,
                                              std::string_view after) {
  std::string text(before);
  text += std::to_string(number);
  text += after;
  return text;
}

struct HostPlan {
  enum class Kind {
    columns,  ///< row by row, over many columns of a slab
    slabs,    ///< whole short slabs of few columns, many at a time
    lines,    ///< few columns of one slab, many chunks at a time
  } kind = Kind::columns;
  std::int32_t threads = 1;
  std::int32_t columns = 1;        // of a group, in each of its slabs
  std::int32_t slabs = 1;          // of a group
  std::int32_t chunks = 1;         // of a line that are added side by side
  std::int64_t units = 1;          // all slabs; where neighbours lie along the axis: all lines
  std::int64_t column_blocks = 1;  // groups across the columns of a slab
  std::int64_t groups = 1;
  std::int64_t groups_at_once = 1;  // taken by a thread
  std::int64_t tile = 0;            // positions along the axis, a power of two of chunks
  std::int64_t tiles = 1;           // of a line
  // In memory, from unit to unit; 0 where that isn't the same everywhere.
  std::int64_t in_unit_stride = 0;
  std::int64_t out_unit_stride = 0;
  bool by_line = false;    // a unit is a line: its column is a part of its number
  bool streaming = false;  // results bypass the caches

  int lines() const { return columns * slabs; }
  /// Work items, which threads take in their order: tiles of neighbouring groups lie side by side.
  std::int64_t items() const {
    return tiles > 1 ? groups * tiles : ceil_div(groups, groups_at_once);
  }

  std::string name() const {
    std::string text;
    switch (kind) {
      case Kind::columns:
        text = in_words("columns, ", columns, " side by side");
        break;
      case Kind::slabs:
        text = in_words("slabs, ", slabs, " side by side");
        break;
      case Kind::lines:
        text = columns == 1 ? "lines" : in_words("lines, ", columns, " side by side");
        break;
    }
    if (tiles > 1) text += in_words(", tiles of ", tile, "");
    if (streaming) text += ", streaming";
    return text;
  }
};

namespace host_plan {

/// Columns up to which rows are too short to be walked one by one.
inline constexpr int few_columns = 16;

/// Positions up to which whole slabs are put side by side: a group of them stays in the first-level
/// cache.
inline constexpr int short_length = 16 * chunk_length;

/// Bytes of the sums and prefixes of the columns of a group: half of the first-level cache, the
/// rest of which is for the rows themselves. A group of whole rows may have twice as many: gaps
/// between the pieces of rows that a thread walks cost more than the second-level cache does.
inline constexpr int state_bytes = 16 << 10;

/// Elements that are worth a thread's taking them: some microseconds' work.
inline constexpr std::int64_t elements_at_once = 16 << 10;

/// Elements that are worth one more thread.
inline constexpr std::int64_t elements_of_thread = 4096;

/// Bytes of a tile's elements. They are read twice, from the second-level cache the second time.
inline constexpr std::int64_t tile_bytes = 128 << 10;

/// Bytes of a row that a thread must have for the processor to read and write them fast.
inline constexpr int piece_bytes = 2 << 10;

inline std::int32_t columns_of_strip(const ScanShape& shape) {
  const std::int64_t most = std::max(64, state_bytes / (2 * std::max(shape.value_size, 1)));
  if (shape.inner <= 2 * most) return static_cast<std::int32_t>(shape.inner);
  const std::int64_t blocks = ceil_div(shape.inner, 2 * most);
  const std::int64_t even = ceil_div(ceil_div(shape.inner, blocks), 64) * 64;
  return static_cast<std::int32_t>(std::min(even, shape.inner));
}

}  // namespace host_plan

/// Items (chunks of lines) that are added side by side, of values and elements of at most `size`
/// bytes: their 16 elements each take some KiB of a thread's stack. Of a power of two of chunks the
/// tree is made level by level.
constexpr int host_block_items(int size) {
  return static_cast<int>(
      std::bit_floor(static_cast<unsigned>(std::clamp(800 / std::max(size, 8), 8, 32))));
}

inline int host_item_size(const ScanShape& shape) {
  return std::max({shape.value_size, shape.in.element_size, shape.out.element_size});
}

namespace host_plan {

inline std::int64_t unit_stride(const AccessShape& side, const ScanShape& shape) {
  if (!shape.along_axis() || shape.inner == 1) return side.slab_stride;
  const bool continues = shape.outer == 1 || side.slab_stride == side.column_stride * shape.inner;
  return continues ? side.column_stride : 0;
}

/// Whether more than a sixteenth of what a host works on of short lines would be blocks that they
/// don't fill, and the lines are one piece of memory.
inline bool wastes_blocks(const HostPlan& plan, const ScanShape& shape) {
  const std::int64_t block = shape.line_block, length = shape.length;
  if (block == 0 || length >= 4 * block || plan.columns > 1) return false;
  return 16 * ceil_div(length, block) * block > 17 * length && shape.in.axis_stride == 1 &&
         shape.out.axis_stride == 1 && plan.in_unit_stride == length &&
         plan.out_unit_stride == length;
}

/// Whether of long slabs of two columns, which are walked 16 at a time, more than an eighth would
/// be left over: one by one they take three times as long, and as lines hardly longer.
inline bool leaves_slabs_over(const HostPlan& plan, const ScanShape& shape) {
  return shape.line_block > 0 && plan.columns == 2 && shape.length >= 2 * shape.line_block &&
         8 * (plan.units % 16) > plan.units;
}

/// Whether threads would be idle: too few groups, or so few that one thread has much more than
/// others.
inline bool leaves_threads_idle(const HostPlan& plan) {
  const std::int64_t rounds = ceil_div(plan.groups, plan.threads);
  return 10 * rounds * plan.threads > 14 * plan.groups;
}

/// Narrower strips, where that gives each thread one.
inline void split_columns(HostPlan& plan, const ScanShape& shape) {
  const std::int64_t blocks = ceil_div(plan.threads, plan.units);
  const std::int64_t columns = ceil_div(ceil_div(shape.inner, blocks), 16) * 16;
  if (columns * shape.read_size() < piece_bytes) return;
  plan.columns = static_cast<std::int32_t>(columns);
  plan.column_blocks = ceil_div(shape.inner, columns);
  plan.groups = plan.units * plan.column_blocks;
}

/// Tiles, where groups are too few for the threads.
inline void choose_tiles(HostPlan& plan, const ScanShape& shape) {
  const std::int64_t size = std::max(shape.read_size() * plan.lines(), 1);
  std::int64_t rows =
      std::bit_floor(static_cast<std::uint64_t>(std::max<std::int64_t>(tile_bytes / size, 1)));
  if (shape.block_size > 0) rows = std::bit_ceil(static_cast<std::uint64_t>(shape.block_size));
  rows = std::max<std::int64_t>(
      rows, std::bit_ceil(static_cast<std::uint64_t>(plan.chunks) * chunk_length));
  plan.tile = rows;
  if (leaves_threads_idle(plan) && shape.length * plan.lines() > elements_at_once &&
      plan.slabs == 1 && shape.length > rows) {
    plan.tiles = ceil_div(shape.length, rows);
  }
}

}  // namespace host_plan

inline HostPlan make_host_plan(const ScanShape& shape, const HostMachine& machine) {
  using Kind = HostPlan::Kind;
  HostPlan plan;
  const int items = host_block_items(host_item_size(shape));
  plan.by_line = shape.along_axis();
  plan.in_unit_stride = host_plan::unit_stride(shape.in, shape);
  plan.out_unit_stride = host_plan::unit_stride(shape.out, shape);
  plan.units = plan.by_line ? shape.lines() : shape.outer;
  const std::int64_t columns = plan.by_line ? 1 : shape.inner;
  const int few = shape.lines_together ? host_plan::few_columns / 2 - 1 : host_plan::few_columns;
  if (columns > std::min(few, items)) {
    plan.kind = Kind::columns;
    plan.columns = host_plan::columns_of_strip(shape);
    plan.column_blocks = ceil_div(columns, plan.columns);
  } else {
    plan.columns = static_cast<std::int32_t>(columns);
    const std::int64_t slabs = std::min<std::int64_t>(items / plan.columns, plan.units);
    const bool whole = slabs == items / plan.columns;
    const bool together = whole && (shape.lines_together ||
                                    (columns > 1 && !host_plan::leaves_slabs_over(plan, shape)) ||
                                    host_plan::wastes_blocks(plan, shape));
    const bool many = together && plan.units >= slabs * machine.threads;
    if (slabs > 1 && (many || shape.length <= host_plan::short_length)) {
      plan.kind = Kind::slabs;
      plan.slabs = static_cast<std::int32_t>(slabs);
    } else {
      plan.kind = Kind::lines;
      // A power of two: the tree over them is made level by level.
      plan.chunks = std::bit_floor(static_cast<unsigned>(items / plan.columns));
    }
  }
  plan.groups = ceil_div(plan.units, plan.slabs) * plan.column_blocks;
  plan.threads = static_cast<std::int32_t>(std::min<std::int64_t>(
      machine.threads, ceil_div(shape.lines() * shape.length, host_plan::elements_of_thread)));
  if (plan.kind == Kind::columns && host_plan::leaves_threads_idle(plan)) {
    host_plan::split_columns(plan, shape);
  }
  host_plan::choose_tiles(plan, shape);
  const std::int64_t bytes =
      shape.lines() * shape.length * (std::int64_t{shape.read_size()} + shape.out.element_size);
  plan.streaming = shape.can_stream && plan.kind == Kind::columns && !shape.in_place &&
                   bytes > static_cast<std::int64_t>(machine.last_level_cache);
  const std::int64_t of_group = std::max<std::int64_t>(plan.lines() * shape.length, 1);
  plan.groups_at_once =
      std::clamp<std::int64_t>(4 * host_plan::elements_at_once / of_group, 1,
                               std::max<std::int64_t>(plan.groups / plan.threads, 1));
  plan.threads = static_cast<std::int32_t>(std::min<std::int64_t>(plan.threads, plan.items()));
  return plan;
}

}  // namespace fused_scan::impl

#endif
