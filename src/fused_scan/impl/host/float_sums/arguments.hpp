// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_FLOAT_SUMS_ARGUMENTS_HPP
#define FUSED_SCAN_IMPL_HOST_FLOAT_SUMS_ARGUMENTS_HPP

// What the kernels that add floats in vectors are given: pointers and strides, no templates.

#include <cstddef>
#include <cstdint>

namespace fused_scan::impl::float_sums {

/// What is stored.
struct Results {
  bool exclusive = false;
  bool zeros_first = false;  // the first result of a line is 0, not the state that it starts from
  bool streaming = false;    // by stores that bypass the caches
  // A line starts from a state with places below those of floats: its sums may be ties of floats
  // below the normal ones, which ties() doesn't see.
  bool below_floats = false;
};

/// Whether a state may have such places: those of a double above 2^-96 are multiples of 2^-149.
inline bool is_below_floats(double state) {
  return state != 0 && state > -0x1p-96 && state < 0x1p-96;
}

/// A tree over the chunks of lines side by side, as LineStates, in doubles. Rows are `pitch` apart,
/// a multiple of `padding`, and what is beyond the lines may be anything.
struct Tree {
  static constexpr int padding = 8;

  int pitch = 0;
  int level = 0;  // of the largest node that ends with the last chunk
  std::int64_t chunks = 0;
  double* prefix = nullptr;
  double* sum = nullptr;
  double* node = nullptr;
  double* before = nullptr;
};

/// At most a chunk of rows, the first of which begins one.
struct Rows {
  const float* x = nullptr;
  std::int64_t x_stride = 0;
  float* y = nullptr;
  std::int64_t y_stride = 0;
  int count = 0;
  int columns = 0;
  bool begin_lines = false;
};

/// Slabs of few columns, or pieces of them, which lie at the same distance from each other.
struct Slabs {
  const float* x = nullptr;
  std::int64_t x_stride = 0;  // from row to row
  std::int64_t x_slab = 0;    // from slab to slab
  float* y = nullptr;
  std::int64_t y_stride = 0;
  std::int64_t y_slab = 0;
  int count = 0;
  int columns = 0;
  std::int64_t length = 0;
  bool begin_lines = false;
  bool in_place = false;
  // Where lines start from states, or what they end in is asked for: of each slab a row of whole
  // vectors. First the one, then the other.
  bool has_states = false;
  double* states = nullptr;
};

/// A piece of one line, neighbours in memory, up or down (reverse) from x and y.
struct Line {
  const float* x = nullptr;
  float* y = nullptr;
  std::int64_t length = 0;
  bool reverse = false;
  bool begins = false;
  // What is asked for meanwhile, to be read and to be written, if it isn't the line's next block:
  // as many floats as the line has.
  const float* next_x = nullptr;
  const float* next_y = nullptr;
};

/// The chunks of a line that are added side by side: two squares of 16 by 16 elements.
inline constexpr int block_chunks = 32;
inline constexpr int block_length = 16 * block_chunks;

/// Columns that are made lines of, at most.
inline constexpr int most_interleaved = 4;

/// The tree over the blocks of one line.
struct LineTree {
  static constexpr int max_levels = 40;

  double prefix = 0;
  double last = 0;  // after the last element
  int level = 0;
  std::int64_t blocks = 0;
  double node[max_levels];
  double before[max_levels];
  // For the kernels' own use: zeros at first.
  alignas(64) std::byte memory[11 << 10] = {};
};

/// Segments of a line that follow each other, neighbours in memory.
inline constexpr int window_length = 512, window_segments = 512;
struct Window {
  const float* x = nullptr;
  float* y = nullptr;
  const int* ends = nullptr;  // of the segments, from x on; the last one is at most window_length
  int segments = 0;           // at most window_segments; some may be empty
  bool reverse = false;
  bool exclusive = false;
};

/// The kernels for one set of instructions.
struct Kernels {
  int lanes;           // doubles in a vector
  int narrow_columns;  // of scan_slabs, at most
  void (*sum_rows)(const Rows&, Tree&);
  void (*scan_rows)(const Rows&, const Results&, Tree&);
  void (*push)(Tree&);
  void (*scan_slabs)(const Slabs&, const Results&, Tree&);
  void (*sum_line)(const Line&, LineTree&);
  void (*scan_line)(const Line&, const Results&, LineTree&);
  // Rows of 2 to most_interleaved columns that follow each other, to lines, and back.
  void (*part)(const float* from, int columns, int rows, float* to, int pitch);
  void (*join)(const float* from, int pitch, int columns, int rows, float* to);
  bool (*scan_segments)(const Window&);
};

}  // namespace fused_scan::impl::float_sums

#endif
