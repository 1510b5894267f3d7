// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_TILE_HPP
#define FUSED_SCAN_IMPL_DEVICE_TILE_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/access/memory_access.hpp>
#include <fused_scan/impl/device/backend.hpp>
#include <fused_scan/impl/plan/device_plan.hpp>

namespace fused_scan::impl {

// A division of integers takes a GPU some twenty instructions, as many as an element. A quotient
// n / d is also that of n + 1/2, which is no closer than 1 / (2 d) to a whole number: far enough
// that a product with 1 / d, rounded, doesn't reach it.

/// n / d, given 1.0 / d.
KOKKOS_FORCEINLINE_FUNCTION std::uint32_t quotient(std::uint32_t n, double reciprocal) {
  return static_cast<std::uint32_t>((n + 0.5) * reciprocal);
}

/// A count from `start` on by steps of `step`, both below 2^20, in two digits of base `base`:
/// without a division at each step.
struct TwoDigits {
  int low;
  int high;
  int base;
  int low_step;
  int high_step;

  KOKKOS_FUNCTION TwoDigits(int start, int step, int of_base) : base(of_base) {
    const float reciprocal = approximate_reciprocal(static_cast<float>(base));
    high = static_cast<int>((static_cast<float>(start) + 0.5F) * reciprocal);
    low = start - high * base;
    high_step = static_cast<int>((static_cast<float>(step) + 0.5F) * reciprocal);
    low_step = step - high_step * base;
  }

  /// Returns by how much the high digit grew.
  KOKKOS_FORCEINLINE_FUNCTION int advance() {
    low += low_step;
    const bool carries = low >= base;
    const int growth = high_step + (carries ? 1 : 0);
    if (carries) low -= base;
    high += growth;
    return growth;
  }
};

/// The elements of one tile, as they lie in memory and in scratch memory: element i of column j of
/// slab s, all counted from 0 in the tile, i in the order of memory.
struct Tile {
  std::int64_t first_slab;    // where columns aren't interleaved, the outer index and the column
  std::int64_t first_column;  // of the first line
  std::int64_t inner;
  std::int64_t first_row;   // in memory
  std::int64_t first_step;  // in the order of the scan
  int slabs;
  int rows;
  int columns;
  int pitch;  // columns of a whole tile
  int lines;
  bool interleaved;

  template <class Scan>
  KOKKOS_FUNCTION Tile(const DevicePlan& plan, const Scan& scan, std::uint32_t group,
                       std::uint32_t number) {
    const auto blocks = static_cast<std::uint32_t>(plan.column_blocks);
    const std::uint32_t slab_group = quotient(group, plan.per_column_block);
    interleaved = plan.interleaved;
    pitch = plan.columns;
    inner = scan.inner;
    first_slab = std::int64_t{slab_group} * plan.slabs;
    first_column = std::int64_t{group - slab_group * blocks} * plan.columns;
    first_step = std::int64_t{number} * plan.rows;
    slabs = below(plan.slabs, (interleaved ? scan.outer : scan.outer * inner) - first_slab);
    if (!interleaved && inner > 1) {
      const std::int64_t line = first_slab;
      first_slab = divided(line, inner);
      first_column = line - first_slab * inner;
    }
    rows = below(plan.rows, scan.length - first_step);
    columns = interleaved ? below(plan.columns, inner - first_column) : 1;
    lines = slabs * columns;
    first_row = scan.reverse ? scan.length - first_step - rows : first_step;
  }

  /// Positions of one line, from `row` on.
  KOKKOS_FUNCTION Tile(std::int64_t outer, std::int64_t column, std::int64_t columns_of_slab,
                       std::int64_t row, int count)
      : first_slab(outer),
        first_column(column),
        inner(columns_of_slab),
        first_row(row),
        first_step(row),
        slabs(1),
        rows(count),
        columns(1),
        pitch(1),
        lines(1),
        interleaved(true) {}

  /// Of a line of the tile.
  KOKKOS_FORCEINLINE_FUNCTION int slab_of(int line) const {
    if (slabs == 1) return 0;
    return columns == 1
               ? line
               : static_cast<int>(static_cast<unsigned>(line) / static_cast<unsigned>(columns));
  }
  /// A line in the arrays: its outer index and its column.
  struct Line {
    std::int64_t outer;
    std::int64_t column;
  };
  /// Column j of slab s.
  KOKKOS_FORCEINLINE_FUNCTION Line line_of(int s, int j) const {
    if (interleaved) return {first_slab + s, first_column + j};
    if (inner == 1) return {first_slab + s, 0};
    const std::int64_t column = first_column + s;
    if (column < inner) return {first_slab, column};
    const std::int64_t slabs_further = divided(column, inner);
    return {first_slab + slabs_further, column - slabs_further * inner};
  }
  KOKKOS_FORCEINLINE_FUNCTION Line line_of(int line) const {
    const int s = slab_of(line);
    return line_of(s, line - s * columns);
  }
  /// The elements in front of element i of column j of slab s.
  KOKKOS_FORCEINLINE_FUNCTION int index(int s, int i, int j) const {
    return (s * rows + i) * pitch + j;
  }

 private:
  KOKKOS_FUNCTION static int below(int wanted, std::int64_t left) {
    return left < wanted ? static_cast<int>(left) : wanted;
  }
};

/// Rows of a tile, of all its slabs one after the other, from `start` on by steps of `step`, with
/// the lines that they are part of: without branches, so that what is read at several of them can
/// be under way at a time.
class RowWalk {
 public:
  /// `rows` of a slab.
  KOKKOS_FUNCTION RowWalk(const Tile& tile, int start, int step, int rows)
      : m_digits(start, step, rows),
        m_line(tile.line_of(m_digits.high, 0)),
        m_inner(tile.inner),
        m_interleaved(tile.interleaved) {
    const int slabs = m_digits.high_step;
    m_slabs = m_interleaved ? slabs : slabs < m_inner ? 0 : slabs / static_cast<int>(m_inner);
    m_columns = m_interleaved ? 0 : slabs - m_slabs * static_cast<int>(m_inner);
  }
  KOKKOS_FORCEINLINE_FUNCTION int row() const { return m_digits.low; }
  KOKKOS_FORCEINLINE_FUNCTION int slab() const { return m_digits.high; }
  KOKKOS_FORCEINLINE_FUNCTION const Tile::Line& line() const { return m_line; }

  KOKKOS_FORCEINLINE_FUNCTION void advance() {
    const int carry = m_digits.advance() - m_digits.high_step;
    m_line.column += m_interleaved ? 0 : m_columns + carry;
    const bool wraps = !m_interleaved && m_line.column >= m_inner;
    m_line.column -= wraps ? m_inner : 0;
    m_line.outer += m_slabs + (m_interleaved ? carry : wraps ? 1 : 0);
  }

 private:
  TwoDigits m_digits;  // row, slab
  Tile::Line m_line;
  std::int64_t m_inner;
  int m_slabs;  // of a step, and the columns beyond them
  int m_columns;
  bool m_interleaved;
};

/// Where the staging elements of a tile lie in scratch memory.
struct Staging {
  std::byte* memory;
  int shift;  // elements left out in front, so that packs are aligned
  int pad;
  int pad_shift;

  KOKKOS_FORCEINLINE_FUNCTION int place(int index) const {
    const int shifted = shift + index;
    return shifted + (shifted >> pad_shift) * pad;
  }
  template <class T, class Slot>
  KOKKOS_FORCEINLINE_FUNCTION T* at(int index) const {
    return reinterpret_cast<T*>(memory + place(index) * static_cast<int>(sizeof(Slot)));
  }
};

}  // namespace fused_scan::impl

#endif
