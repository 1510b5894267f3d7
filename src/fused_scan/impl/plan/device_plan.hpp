// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_PLAN_DEVICE_PLAN_HPP
#define FUSED_SCAN_IMPL_PLAN_DEVICE_PLAN_HPP

// How a scan is carried out on a GPU. A team takes a tile: some positions along the axis of some
// columns of some slabs. It copies the tile to its scratch memory in the order of memory, threads
// scan chunks where they lie there, and the results are copied back.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/plan/scan_shape.hpp>
#include <string>

namespace fused_scan::impl {

/// How one side's elements move between memory and scratch memory.
enum class Movement {
  linear_packs,   ///< the tile is one piece of memory: 16 bytes at a time
  linear,         ///< the tile is one piece of memory: element by element
  row_packs,      ///< rows of columns, each aligned: 16 bytes at a time
  columns_first,  ///< element by element, neighbouring threads on neighbouring columns
  axis_first,     ///< element by element, neighbouring threads on neighbouring positions
};

struct DevicePlan {
  bool interleaved = false;        // columns lie side by side; else lines one after the other
  std::int32_t columns = 1;        // of a tile
  std::int32_t rows = 1;           // positions along the axis of a tile
  std::int32_t slabs = 1;          // of a tile; not interleaved: lines
  std::int64_t line_tiles = 1;     // along the axis
  std::int64_t column_blocks = 1;  // tiles across the columns of a slab
  std::int64_t groups = 1;         // tiles that lie beside each other: outer and columns together
  double per_column_block = 1;     // 1.0 / column_blocks
  double per_group = 1;
  std::int32_t run = chunk_length;  // elements of a line that a thread scans: 1, 2 or 4 chunks
  std::int32_t run_shift = 4;       // its logarithm
  std::int32_t threads = 128;
  // A team asks for the elements of the tile that is taken so much later; 0: it doesn't.
  std::int32_t tiles_ahead = 0;
  // Of the staging elements `pad` are left out after every 2^pad_shift, so that threads that work
  // on different lines don't meet in a bank of the scratch memory.
  std::int32_t pad = 0;
  std::int32_t pad_shift = 0;
  std::int32_t slot_size = 4;      // of a staging element, in bytes
  std::int32_t arrays = 1;         // that are read, each with staging elements of its own
  std::int32_t staging_bytes = 0;  // of one array
  std::int32_t scratch_bytes = 0;  // the staging elements, a node a run, a prefix a line
  bool holds_runs = false;         // elements wait in registers: each thread has one run
  bool short_lines = false;        // of at most a chunk: a thread takes whole ones
  bool vector = false;             // chunks are read from scratch memory 16 bytes at a time
  bool shift_of_out = false;       // the tile lies in scratch memory as aligned as in the output
  Movement load = Movement::linear;
  Movement load_beside = Movement::linear;
  Movement store = Movement::linear;

  int runs() const { return static_cast<int>(ceil_div(rows, run)); }
  int lines() const { return columns * slabs; }
  int items() const { return runs() * lines(); }
  /// Nodes of runs, and prefixes of lines, that wait in scratch memory.
  int nodes() const { return runs() > 1 || line_tiles > 1 ? items() : 0; }
  int prefixes() const { return nodes() > 0 ? lines() : 0; }
  /// Shifted by less than 16 elements.
  int staging_elements() const {
    const int last = rows * lines() + 16;
    return last + (pad > 0 ? ((last >> pad_shift) + 1) * pad : 0);
  }

  std::string name() const {
    std::string text = interleaved ? "columns" : "rows";
    if (line_tiles > 1) {
      return text + ", tiles of " + std::to_string(rows) +
             (interleaved ? " x " + std::to_string(columns) : "");
    }
    return text + ", " + std::to_string(lines()) + " lines a team";
  }
};

/// Staging elements of a tile: with four teams on a multiprocessor of an H100 its 227 KiB of
/// scratch memory are full, and as many bytes are under way as its memory needs (measured: tiles of
/// 16 KiB were slower, larger ones no faster).
inline constexpr int tile_bytes = 32 << 10;

inline constexpr int team_threads = 128;

/// What a team gets of scratch memory without more ado: 48 KiB, less what Kokkos keeps for itself
/// (8 bytes a thread) and the alignment.
inline constexpr int scratch_of_kokkos = 8 * 258 + 64;
inline constexpr int largest_scratch = (48 << 10) - scratch_of_kokkos;

/// Teams that a kernel is compiled to have on a multiprocessor at the same time. Five leave 96
/// registers for a thread. With six (80) some wait in local memory, for which the scratch memory
/// leaves hardly any cache: 0.7 of the speed. Pairs of doubles take four (128 registers): 1.1 times
/// the speed of five. Large values need more, but for the maps of recurrences. Where threads hold
/// runs there is one team less: 1.1 times the speed of two less, though a few registers spill.
constexpr int teams_of(int value_size, int element_size, bool two_arrays, bool holds_runs) {
  const int size = std::max(value_size, element_size), held = holds_runs ? 1 : 0;
  const bool has_maps = two_arrays && element_size <= 8;
  if (size <= 8 || (has_maps && size <= 24)) return 5 - held;
  if (has_maps) return 4 - held;
  return size <= 24 ? 4 : size <= 40 ? 2 : 1;
}

/// Of a row of a tile that doesn't hold whole ones: a piece that begins anywhere touches a sector
/// of 32 bytes more than it fills, and that is 6% of 512 bytes and 25% of 128 bytes. More columns
/// are fewer rows.
inline constexpr int wide_row_bytes = 512;

/// The same where every row begins at a multiple of 16 bytes: fewer columns are more rows, and a
/// node of each column passes between tiles. (Measured on an H100: 0.86 of a copy rather than 0.78
/// with 64 columns, for 8 x 65536 x 512.)
inline constexpr int narrow_columns = 32;

/// Of a tile's number in its line. With more of them fewer tiles wait for each other, with fewer a
/// tile reads fewer nodes, which counts where they are large (measured on an H100: base 4 is 1.05
/// to 1.09 times as fast for maps of recurrences, base 8 up to 1.2 times for sums; base 16 for
/// neither).
constexpr int bits_of_tile_digits(int value_size) { return value_size > 16 ? 2 : 3; }

namespace device_plan {

inline bool fits_rows(const AccessShape& side, const DevicePlan& plan, const ScanShape& shape) {
  if (!plan.interleaved) return side.axis_stride == 1;
  return side.column_stride == 1 && side.axis_stride == shape.inner && plan.columns == shape.inner;
}

/// Whether the elements of every tile are one piece of memory, in the order of scratch memory.
inline bool is_linear(const AccessShape& side, const DevicePlan& plan, const ScanShape& shape) {
  if (!side.is_memory || !fits_rows(side, plan, shape)) return false;
  if (plan.slabs == 1) return true;
  if (plan.interleaved) return side.slab_stride == shape.length * shape.inner;
  return (shape.inner == 1 || side.column_stride == shape.length) &&
         (shape.outer == 1 || side.slab_stride == shape.length * shape.inner);
}

inline int elements_of_pack(const DevicePlan& plan) {
  return 16 % plan.slot_size == 0 ? 16 / plan.slot_size : 1;
}

inline bool has_aligned_rows(const AccessShape& side, const DevicePlan& plan,
                             const ScanShape& shape) {
  const int pack = elements_of_pack(plan);
  return side.is_memory && plan.interleaved && side.column_stride == 1 &&
         plan.columns % pack == 0 && shape.inner % pack == 0 && side.axis_stride % pack == 0 &&
         side.slab_stride % pack == 0 && (side.slab_stride != 0 || shape.outer == 1) &&
         side.address % 16 == 0;
}

inline Movement movement(const AccessShape& side, const DevicePlan& plan, const ScanShape& shape) {
  const bool packs = side.is_memory && side.element_size == plan.slot_size &&
                     elements_of_pack(plan) > 1 && plan.pad * plan.slot_size % 16 == 0;
  if (is_linear(side, plan, shape)) return packs ? Movement::linear_packs : Movement::linear;
  if (packs && has_aligned_rows(side, plan, shape)) return Movement::row_packs;
  return side.axis_stride < side.column_stride || !plan.interleaved ? Movement::axis_first
                                                                    : Movement::columns_first;
}

/// The tile: as many whole lines as it holds, or else a part of one or of neighbouring ones.
inline void choose_tile(DevicePlan& plan, const ScanShape& shape, int elements, bool aligned) {
  const auto rows_in = [&](std::int64_t count) {
    const int rows = std::bit_floor(static_cast<unsigned>(std::max<std::int64_t>(count, 1)));
    return std::max(chunk_length, rows);
  };
  const std::int64_t length = std::max<std::int64_t>(shape.length, 1);
  const std::int64_t columns = plan.interleaved ? shape.inner : 1;
  const std::int64_t slabs = plan.interleaved ? shape.outer : shape.lines();
  if (length * columns <= elements) {
    plan.columns = static_cast<std::int32_t>(columns);
    plan.rows = static_cast<std::int32_t>(length);
    plan.slabs = static_cast<std::int32_t>(std::min(elements / (length * columns), slabs));
    return;
  }
  // Whole rows where they are short: the tile is one piece of memory.
  // A tile of few rows hands on as many bytes of large values as it reads.
  const int wide_columns =
      std::min(wide_row_bytes / plan.slot_size, 128) / (shape.value_size > 16 ? 2 : 1);
  // A tile has at least a chunk of every column.
  const int most = std::max(elements / chunk_length, 1);
  // Lines of few tiles, the last less than half full, get shorter ones.
  const int narrow_rows = rows_in(elements / narrow_columns);
  const bool is_wasteful = length > narrow_rows && length <= 4 * narrow_rows &&
                           (length - 1) % narrow_rows < narrow_rows / 2;
  const int narrow = is_wasteful ? 2 * narrow_columns : narrow_columns;
  const int width = std::min(aligned ? narrow : wide_columns, most);
  const bool splits_evenly = aligned && columns % narrow_columns == 0;
  if (columns > (splits_evenly ? width : std::min(wide_columns, most))) {
    const std::int64_t widest =
        std::max<std::int64_t>(width, elements / std::max<std::int64_t>(length, 1) / 32 * 32);
    const std::int64_t blocks = ceil_div(columns, widest);
    // Even blocks; where rows are aligned, of whole sectors.
    const std::int64_t even = ceil_div(columns, blocks);
    plan.columns = static_cast<std::int32_t>(
        std::min(aligned ? ceil_div(even, 32) * 32 : even, std::min(widest, columns)));
  } else {
    plan.columns = static_cast<std::int32_t>(columns);
  }
  const int rows = rows_in(elements / plan.columns);
  plan.rows = static_cast<std::int32_t>(std::min<std::int64_t>(rows, length));
}

/// How many of a warp's threads, as they begin their runs, need the same bank of the scratch memory
/// at a time: it gives 128 bytes at a time, 4 of a bank.
inline int bank_conflicts(const DevicePlan& plan) {
  const int bytes = plan.vector ? 16 : std::clamp(plan.slot_size, 4, 128);
  const int banks = 128 / bytes;
  const int lines = plan.lines(), items = std::min(plan.items(), 32);
  int most = 1, last_word = -1;
  std::array<std::int8_t, 32> threads_on = {};
  for (int thread = 0, line = 0, run = 0; thread < items; ++thread) {
    if (thread % banks == 0) threads_on = {};
    const int row = line / plan.columns * plan.rows + run * plan.run;
    const int index = row * plan.columns + line % plan.columns;
    const int place = index + (plan.pad > 0 ? (index >> plan.pad_shift) * plan.pad : 0);
    const int word = place * plan.slot_size / bytes;
    if (word != last_word) most = std::max<int>(most, ++threads_on[word % banks]);
    last_word = word;
    if (++line == lines) line = 0, ++run;
  }
  return most;
}

/// Padding against bank conflicts: the one with the fewest. Whole packs leave packs whole; what
/// moves element by element in any case may take less.
inline void choose_padding(DevicePlan& plan, const ScanShape& shape, bool linear) {
  if (plan.columns >= 32) return;
  const int slot = plan.slot_size;
  const int pack = elements_of_pack(plan);
  const auto aligned = [&](const AccessShape& side) {
    const std::int64_t spacing = shape.inner > 1 ? side.column_stride : side.slab_stride;
    return !side.is_memory ||
           (side.element_size == slot && side.address % 16 == 0 &&
            (shape.lines() == 1 || (spacing % pack == 0 && side.slab_stride % pack == 0)) &&
            (shape.outer == 1 || side.slab_stride != 0));
  };
  // Along a line a thread reads 16 bytes at a time, where chunks begin at multiples of them.
  plan.vector = !plan.interleaved && !plan.short_lines && pack > 1 && shape.length % pack == 0 &&
                aligned(shape.in) && aligned(shape.beside) && aligned(shape.out);
  const bool whole_packs = plan.vector || linear || slot < 4;
  DevicePlan best = plan;
  int fewest = bank_conflicts(plan);
  const auto try_padding = [&](int pad) {
    for (int shift = 13; shift >= 5 && fewest > 1; --shift) {
      plan.pad = pad;
      plan.pad_shift = shift;
      const int conflicts = bank_conflicts(plan);
      if (conflicts < fewest) {
        fewest = conflicts;
        best = plan;
      }
    }
  };
  try_padding(pack);
  if (!whole_packs || (!plan.vector && slot >= 4 && fewest > 2)) try_padding(1);
  plan = best;
}

/// Whether each line, or slab of columns, is as aligned in one array as in the other.
inline bool is_equally_aligned(const DevicePlan& plan, const ScanShape& shape, const AccessShape& a,
                               const AccessShape& b) {
  const auto is_same = [&](std::int64_t x, std::int64_t y) {
    return (x - y) * plan.slot_size % 16 == 0;
  };
  return (a.address - b.address) % 16 == 0 &&
         (plan.interleaved || shape.inner == 1 || is_same(a.column_stride, b.column_stride)) &&
         (shape.outer == 1 ||
          (a.slab_stride != 0 && b.slab_stride != 0 && is_same(a.slab_stride, b.slab_stride)));
}

/// The sides move in packs where all lie in scratch memory as aligned as in memory: where they
/// differ in that from the first that moves in packs, they move element by element.
inline void choose_movements(DevicePlan& plan, const ScanShape& shape) {
  const AccessShape* const sides[] = {&shape.in, &shape.beside, &shape.out};
  Movement* const movements[] = {&plan.load, &plan.load_beside, &plan.store};
  const AccessShape* first = nullptr;
  for (int s = 0; s < 3; ++s) {
    *movements[s] = movement(*sides[s], plan, shape);
    if (first == nullptr && *movements[s] == Movement::linear_packs) first = sides[s];
  }
  if (first == nullptr) return;
  for (int s = 0; s < 3; ++s) {
    if (*movements[s] == Movement::row_packs) *movements[s] = Movement::columns_first;
    const bool is_first = sides[s] == first || (shape.in_place && first == &shape.in && s == 2);
    if (*movements[s] == Movement::linear_packs && !is_first &&
        !is_equally_aligned(plan, shape, *first, *sides[s])) {
      *movements[s] = Movement::linear;
    }
  }
}

/// Long runs, as long as they leave something to do for every thread: what a run costs besides its
/// elements is shared by more of them.
inline void choose_runs(DevicePlan& plan) {
  const auto set = [&](int shift) { plan.run = 1 << (plan.run_shift = shift); };
  set(4);
  for (const int shift : {6, 5}) {
    // The last run of a line may be shorter, but not that of a tile which others follow.
    const bool whole = plan.line_tiles == 1 || plan.rows % (1 << shift) == 0;
    if (whole && plan.lines() * ceil_div(plan.rows, 1 << shift) >= team_threads) {
      set(shift);
      break;
    }
  }
  plan.threads = std::clamp(static_cast<int>(std::bit_ceil(static_cast<unsigned>(plan.items()))),
                            32, team_threads);
}

/// Nodes of runs, and of each line its prefix; of large values also what teams that share it await.
inline int bytes_beside_elements(const DevicePlan& plan, const ScanShape& shape) {
  const int awaited =
      plan.line_tiles > 1 && shape.value_size > 16 ? bits_of_tile_digits(shape.value_size) : 0;
  return (plan.nodes() + plan.prefixes() * (1 + awaited)) * shape.value_size;
}

inline int largest_element(const ScanShape& shape) {
  return std::max({shape.in.element_size, shape.beside.element_size, shape.out.element_size});
}
/// Of a staging element.
inline int slot_size(const ScanShape& shape) {
  return static_cast<int>(ceil_div(largest_element(shape), shape.alignment)) * shape.alignment;
}

/// Bytes that all teams of a multiprocessor can have at the same time: Kokkos refuses kernels that
/// take more. (1 KiB of each is not to be had.)
inline int scratch_of_team(const ScanShape& shape, const DeviceMachine& machine) {
  const int teams = teams_of(shape.value_size, largest_element(shape), shape.arrays() == 2, false);
  const int share = static_cast<int>(machine.scratch_of_multiprocessor) / teams - 1024;
  return std::min(largest_scratch, share - scratch_of_kokkos);
}

/// How many tiles there are, once their extents are known.
inline void count_tiles(DevicePlan& plan, const ScanShape& shape) {
  plan.line_tiles = ceil_div(shape.length, plan.rows);
  plan.column_blocks = plan.interleaved ? ceil_div(shape.inner, plan.columns) : 1;
  plan.groups =
      plan.column_blocks * ceil_div(plan.interleaved ? shape.outer : shape.lines(), plan.slabs);
  plan.per_column_block = 1.0 / static_cast<double>(plan.column_blocks);
  plan.per_group = 1.0 / static_cast<double>(plan.groups);
}

/// Tiles of at most so many elements, or a chunk a line where that is more.
inline DevicePlan plan_of_tiles(const ScanShape& shape, int elements) {
  DevicePlan plan;
  plan.interleaved = !shape.along_axis();
  plan.slot_size = slot_size(shape);
  plan.arrays = shape.arrays();
  const auto aligned = [&](const AccessShape& side) {
    return !side.is_memory ||
           (side.address % 16 == 0 && side.axis_stride * side.element_size % 16 == 0);
  };
  choose_tile(plan, shape, elements,
              aligned(shape.in) && aligned(shape.beside) && aligned(shape.out));
  count_tiles(plan, shape);
  choose_runs(plan);
  plan.short_lines = shape.length <= chunk_length;
  choose_padding(plan, shape,
                 is_linear(shape.in, plan, shape) || is_linear(shape.beside, plan, shape) ||
                     is_linear(shape.out, plan, shape));
  choose_movements(plan, shape);
  plan.staging_bytes = (plan.staging_elements() * plan.slot_size + 15) / 16 * 16;
  plan.scratch_bytes = plan.arrays * plan.staging_bytes + bytes_beside_elements(plan, shape);
  return plan;
}

/// Elements of a tile, before what lies beside them in scratch memory is known.
inline int elements_of_tiles(const ScanShape& shape, const DeviceMachine& machine) {
  int elements = std::clamp(tile_bytes / (slot_size(shape) * shape.arrays()), 256, 16384);
  if (shape.block_size > 0) {
    const std::int64_t columns = shape.along_axis() ? 1 : std::min<std::int64_t>(shape.inner, 256);
    elements =
        static_cast<int>(std::clamp<std::int64_t>(shape.block_size * columns, 256, elements));
  }
  // Small arrays: so many tiles that every multiprocessor has some.
  const std::int64_t all = shape.lines() * shape.length;
  while (elements > 1024 && all / elements < 2 * std::int64_t{machine.multiprocessors}) {
    elements /= 2;
  }
  return elements;
}

inline DevicePlan plan_that_fits(const ScanShape& shape, int elements,
                                 const DeviceMachine& machine) {
  DevicePlan plan = plan_of_tiles(shape, elements);
  // Elements of 2 bytes that move one by one wait in registers, a few at a time: smaller tiles, of
  // which more are under way (0.43 of a copy rather than 0.35).
  if (elements > 8192 && plan.load != Movement::linear_packs && plan.load != Movement::row_packs) {
    elements = 8192;
    plan = plan_of_tiles(shape, elements);
  }
  while (plan.scratch_bytes > scratch_of_team(shape, machine) && elements > chunk_length) {
    elements /= 2;
    plan = plan_of_tiles(shape, elements);
  }
  return plan;
}

/// Tiles of so many columns, of each of which threads hold so many runs.
inline DevicePlan plan_of_held_runs(const ScanShape& shape, int columns, int runs) {
  DevicePlan plan;
  plan.holds_runs = plan.interleaved = true;
  plan.columns = columns;
  plan.run = shape.held_run;
  plan.run_shift = std::countr_zero(static_cast<unsigned>(plan.run));
  plan.rows = static_cast<std::int32_t>(
      std::min<std::int64_t>(std::int64_t{runs} * plan.run, shape.length));
  plan.threads = static_cast<int>(ceil_div(plan.items(), 32)) * 32;
  count_tiles(plan, shape);
  plan.scratch_bytes = bytes_beside_elements(plan, shape);
  return plan;
}

/// A run for every thread, of a warp's width of columns; fewer where tiles would be too few for the
/// multiprocessors, or longer than wanted.
inline DevicePlan plan_of_held_runs(const ScanShape& shape, const DeviceMachine& machine) {
  int columns = static_cast<int>(std::min<std::int64_t>(shape.inner, 32));
  const std::int64_t all = shape.lines() * shape.length;
  const auto is_too_long = [&](int runs) {
    const int rows = runs * shape.held_run;
    return rows >= 2 * shape.length || (shape.block_size > 0 && rows > shape.block_size) ||
           all / (rows * columns) < 2 * std::int64_t{machine.multiprocessors};
  };
  int runs = static_cast<int>(std::bit_floor(static_cast<unsigned>(team_threads / columns)));
  while (runs > 1 && is_too_long(runs)) runs /= 2;
  // Of short lines more columns, so that a team has its threads.
  if (runs * shape.held_run >= shape.length) {
    columns = static_cast<int>(std::min<std::int64_t>(shape.inner, team_threads / runs));
  }
  return plan_of_held_runs(shape, columns, runs);
}

/// Whether elements are at least half of what threads can hold of short lines, and three quarters
/// of longer ones that would move through scratch memory as they lie. (Functors' runs that aren't
/// whole are scanned with care.)
inline bool fills_held_runs(const ScanShape& shape, const DevicePlan& held) {
  const std::int64_t rows =
      held.line_tiles > 1 ? held.line_tiles * held.rows : held.runs() * shape.held_run;
  if (shape.length >= 2 * shape.held_run) {
    return !shape.is_one_array() || held.line_tiles == 1 || 4 * shape.length >= 3 * rows;
  }
  if (shape.length <= chunk_length || shape.inner < team_threads / 2) return false;
  if (!shape.in.is_memory && shape.length % shape.held_run != 0) return false;
  return 2 * shape.length * shape.inner >= rows * held.column_blocks * held.columns;
}

/// Whether threads should hold runs, if they fill them: of columns of which a warp reads long
/// pieces of rows at a time. Not of small arrays, whose tiles would have few threads. One array in
/// memory had better move in packs, or as one piece (measured on an H100: up to 1.2 times as fast),
/// but rows that begin anywhere are read by threads that hold them up to 1.7 times as fast;
/// elements of 2 bytes of two arrays had better move in packs, too.
inline bool should_hold_runs(const ScanShape& shape, const DevicePlan& otherwise) {
  const auto side_by_side = [](const AccessShape& side) {
    return !side.is_memory || (side.column_stride == 1 && side.axis_stride < 1 << 24);
  };
  const bool in_packs =
      otherwise.load == Movement::linear_packs || otherwise.load == Movement::row_packs;
  const bool moves_fast = shape.is_one_array() ? otherwise.load != Movement::columns_first
                                               : otherwise.slot_size < 4 && in_packs;
  return shape.held_run > 0 && otherwise.interleaved && shape.inner >= 12 &&
         shape.lines() * shape.length >= 1 << 19 && side_by_side(shape.in) &&
         side_by_side(shape.beside) && side_by_side(shape.out) && !moves_fast;
}

}  // namespace device_plan

inline DevicePlan make_device_plan(const ScanShape& shape, const DeviceMachine& machine) {
  DevicePlan plan =
      device_plan::plan_that_fits(shape, device_plan::elements_of_tiles(shape, machine), machine);
  if (device_plan::should_hold_runs(shape, plan)) {
    const DevicePlan held = device_plan::plan_of_held_runs(shape, machine);
    if (device_plan::fills_held_runs(shape, held)) return held;
  }
  // A quarter of a tile for each multiprocessor, where there are so many tiles that what the first
  // ones wait for doesn't count (measured on an H100: 5% where tiles share lines, nothing
  // elsewhere).
  const int ahead = std::max(machine.multiprocessors / 4, 1);
  if (plan.line_tiles > 1 && plan.groups * plan.line_tiles >= 100 * ahead) plan.tiles_ahead = ahead;
  return plan;
}

/// Tiles of parts of lines that begin anywhere, of which only a kernel knows how many there are.
inline DevicePlan make_piece_plan(const ScanShape& shape, const DeviceMachine& machine) {
  ScanShape of_part = shape;
  // Longer than any tile.
  of_part.length = std::int64_t{1} << 30;
  // A tile of one line finds out how it lies in memory: as if all were aligned.
  for (AccessShape* const side : {&of_part.in, &of_part.out}) {
    if (!shape.along_axis()) break;
    side->address = 0;
    side->slab_stride = side->column_stride = of_part.length;
  }
  return device_plan::plan_that_fits(of_part, device_plan::elements_of_tiles(shape, machine),
                                     machine);
}

}  // namespace fused_scan::impl

#endif
