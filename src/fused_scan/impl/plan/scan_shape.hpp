// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_PLAN_SCAN_SHAPE_HPP
#define FUSED_SCAN_IMPL_PLAN_SCAN_SHAPE_HPP

// What a plan is made from: a scan and a machine as plain numbers.

#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/array/lines.hpp>

namespace fused_scan::impl {

/// One side of a scan: what it reads from or writes to.
struct AccessShape {
  bool is_memory = false;  // else a functor
  int element_size = 0;    // in bytes, as it is held between memory and arithmetic
  std::uintptr_t address = 0;
  std::int64_t axis_stride = 0;
  std::int64_t column_stride = 0;
  // Of the outer dimensions, where they are one: else 0.
  std::int64_t slab_stride = 0;
};

inline AccessShape memory_shape(const void* data, int element_size, const Lines& lines, int array) {
  const Lines::Strides& strides = lines.of[array];
  return {true,         element_size,   reinterpret_cast<std::uintptr_t>(data),
          strides.axis, strides.column, lines.outer_rank == 1 ? strides.outer[0] : 0};
}

/// Neighbours of a functor are neighbours along the axis where there is one column.
inline AccessShape functor_shape(int element_size, std::int64_t length, std::int64_t inner) {
  AccessShape shape;
  shape.element_size = element_size;
  shape.axis_stride = inner;
  shape.column_stride = 1;
  shape.slab_stride = length * inner;
  return shape;
}

struct ScanShape {
  std::int64_t outer = 1;
  std::int64_t length = 0;
  std::int64_t inner = 1;
  AccessShape in;
  AccessShape beside;  // an array that is read along with `in`, if it is memory
  AccessShape out;
  int alignment = 1;   // of elements and results, in bytes
  int value_size = 0;  // of the operator
  int held_run = 0;    // elements that a GPU's thread can hold, where that is faster
  bool reverse = false;
  bool in_place = false;
  bool lines_together = false;  // many lines are walked side by side rather than chunks of one
  bool can_stream = false;      // a host has kernels for it whose stores can bypass the caches
  // Of a line that a host adds at a time; what is left takes as long. 0: no matter how many.
  int line_block = 0;
  int block_size = 0;  // as in ScanOptions

  std::int64_t lines() const { return outer * inner; }
  /// That are read.
  int arrays() const { return beside.is_memory ? 2 : 1; }
  bool is_one_array() const { return in.is_memory && arrays() == 1; }
  /// Bytes that are read for an element.
  int read_size() const { return in.element_size + beside.element_size; }
  /// Whether neighbours in memory are neighbours on the axis.
  bool along_axis() const {
    return inner == 1 || in.axis_stride + out.axis_stride < in.column_stride + out.column_stride;
  }
};

/// A GPU. Sizes in bytes.
struct DeviceMachine {
  int multiprocessors = 1;
  int warp = 32;
  std::size_t scratch_of_team = 48 << 10;
  std::size_t scratch_of_multiprocessor = 228 << 10;
};

/// A host.
struct HostMachine {
  int threads = 1;
  std::size_t first_level_cache = 32 << 10;
  std::size_t second_level_cache = 512 << 10;
  std::size_t last_level_cache = 32 << 20;
};

}  // namespace fused_scan::impl

#endif
