// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_COLUMN_WALK_HPP
#define FUSED_SCAN_IMPL_HOST_COLUMN_WALK_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/host/copy_row.hpp>
#include <fused_scan/impl/host/line_group.hpp>
#include <fused_scan/impl/host/line_states.hpp>
#include <fused_scan/impl/host/row_arithmetic.hpp>
#include <fused_scan/impl/host/tile_copy.hpp>
#include <fused_scan/impl/host/wide_vectors.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// Walks over neighbouring columns of one slab row by row: memory is read and written in its order,
/// and what is added lies side by side.
template <class Scan, bool wide>
class ColumnWalk {
 public:
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;
  using Result = typename Scan::Result;

  /// `memory` is for the elements of a tile.
  ColumnWalk(const Scan& scan, LineStates<Op, wide>& states, std::byte* memory)
      : m_scan(scan), m_states(states), m_copy(memory), m_rows(scan) {}

  /// From the states that the lines start from.
  void begin(const LineGroup& group) {
    m_group = group;
    m_states.begin(group.columns);
    for (int j = 0; j < group.columns; ++j) {
      set(m_states.prefix(), j, Value(m_scan.initial(group.outer, group.column + j)));
    }
    m_states.keep();
  }

  /// Sums up whole chunks; a scan of the same elements is to follow.
  void sum(std::int64_t first, std::int64_t last) {
    m_copy.begin(first, m_group.columns);
    for (std::int64_t step = first; step < last; step += chunk_length) {
      run_in_vectors<wide>([this, step] { sum_chunk(step); });
      m_states.push(m_states.sum());
    }
    m_copy.keep(true);
  }

  /// Scans the elements from one position on the axis to another, in the order of the scan.
  void scan(std::int64_t first, std::int64_t last) {
    for (std::int64_t step = first; step < last; step += chunk_length) {
      const int rows = static_cast<int>(std::min<std::int64_t>(chunk_length, last - step));
      run_in_vectors<wide>([this, step, rows] { scan_chunk(step, rows); });
      if (rows == chunk_length) m_states.push(m_states.sum());
    }
    m_copy.keep(false);
  }

  /// After the last element.
  void end() {
    for (int j = 0; j < m_group.columns; ++j) {
      m_scan.final(m_group.outer, m_group.column + j,
                   get(Scan::ends_in_prefix ? m_states.prefix() : m_states.state(), j));
    }
  }

  /// Between sum() and scan().
  void restart() { m_states.restart(); }
  row_of_t<Value> prefix() const { return m_states.prefix(); }
  row_of_t<Value> largest_node() const { return m_states.largest_node(); }

 private:
  /// Of a row's elements so many wait between memory and arithmetic at a time.
  static constexpr int piece = 64;
  /// Columns whose chunks are looked at before they are added: they stay in the second-level cache.
  static constexpr int looked_at = 128;

  int width() const { return RowArithmetic<Scan, wide>::looks ? looked_at : m_group.columns; }

  void sum_chunk(std::int64_t first) {
    for (int begin = 0; begin < m_group.columns; begin += width()) {
      const int end = std::min(begin + width(), m_group.columns);
      m_rows.begin_chunks();
      if (sum_in_memory(first, begin, end)) continue;
      for (int row = 0; row < chunk_length; ++row) {
        const std::int64_t step = first + row;
        for (int j = begin; j < end; j += piece) {
          const int n = std::min(piece, end - j);
          Element x[piece];
          read(step, j, n, x);
          if constexpr (TileCopy<Scan>::needed) impl::copy_row(x, n, m_copy.at(step, j));
          m_rows.sum({.row = row, .n = n, .x = x, .sum = m_states.sum() + j});
        }
      }
    }
  }
  void scan_chunk(std::int64_t first, int rows) {
    for (int begin = 0; begin < m_group.columns; begin += width()) {
      const int end = std::min(begin + width(), m_group.columns);
      m_rows.begin_chunks();
      if (scan_in_memory(first, rows, begin, end)) continue;
      for (int row = 0; row < rows; ++row) {
        const std::int64_t step = first + row;
        for (int j = begin; j < end; j += piece) {
          const int n = std::min(piece, end - j);
          Element x[piece];
          Result y[piece];
          read(step, j, n, x);
          m_rows.scan({.row = row,
                       .n = n,
                       .x = x,
                       .y = y,
                       .prefix = m_states.prefix() + j,
                       .sum = m_states.sum() + j,
                       .state = m_states.state() + j,
                       .begins_line = step == 0});
          write(step, j, n, y);
        }
      }
    }
  }

  // Some columns of a chunk, from where they lie to where results go. False where that isn't all
  // that there is to it, and nothing is done.

  bool sum_in_memory(std::int64_t first, int begin, int end) {
    if constexpr (RowArithmetic<Scan, wide>::looks && holds<typename Scan::Load, Element>()) {
      const auto from = m_scan.load.slab(m_group.outer);
      return from.column_stride == 1 &&
             m_rows.sum_exactly({.rows = chunk_length,
                                 .n = end - begin,
                                 .x = from.at(m_scan.position(first), m_group.column + begin),
                                 .x_pitch = direction() * from.axis_stride,
                                 .sum = m_states.sum() + begin,
                                 .in_memory = true});
    }
    return false;
  }
  bool scan_in_memory(std::int64_t first, int rows, int begin, int end) {
    if constexpr (RowArithmetic<Scan, wide>::looks && holds<typename Scan::Load, Element>() &&
                  holds<typename Scan::Store, Result>()) {
      const auto from = m_scan.load.slab(m_group.outer);
      const auto to = m_scan.store.slab(m_group.outer);
      const std::int64_t i = m_scan.position(first), column = m_group.column + begin;
      return from.column_stride == 1 && to.column_stride == 1 &&
             m_rows.scan_exactly({.rows = rows,
                                  .n = end - begin,
                                  .x = from.at(i, column),
                                  .x_pitch = direction() * from.axis_stride,
                                  .y = to.at(i, column),
                                  .y_pitch = direction() * to.axis_stride,
                                  .prefix = m_states.prefix() + begin,
                                  .sum = m_states.sum() + begin,
                                  .state = m_states.state() + begin,
                                  .begins_line = first == 0,
                                  .in_memory = true});
    }
    return false;
  }
  std::int64_t direction() const { return m_scan.reverse ? -1 : 1; }
  template <class Access, class T>
  static constexpr bool holds() {
    if constexpr (Access::is_memory) return std::is_same_v<typename Access::value_type, T>;
    return false;
  }

  void read(std::int64_t step, int j, int n, Element* KOKKOS_RESTRICT x) const {
    if (m_copy.filled()) {
      impl::copy_row<Element>(m_copy.at(step, j), n, x);
      return;
    }
    const auto slab = m_scan.load.slab(m_group.outer);
    const std::int64_t i = m_scan.position(step), column = m_group.column + j;
    if constexpr (Scan::Load::is_memory) {
      const auto* from = slab.at(i, column);
      if (slab.column_stride == 1) {
        if constexpr (std::is_same_v<typename Scan::Load::value_type, Element>) {
          impl::copy_row(from, n, x);
        } else {
          for (int k = 0; k < n; ++k) x[k] = static_cast<Element>(from[k]);
        }
        return;
      }
    }
    for (int k = 0; k < n; ++k) x[k] = static_cast<Element>(slab.read(i, column + k));
  }
  void write(std::int64_t step, int j, int n, const Result* KOKKOS_RESTRICT y) const {
    const auto slab = m_scan.store.slab(m_group.outer);
    const std::int64_t i = m_scan.position(step), column = m_group.column + j;
    if constexpr (Scan::Store::is_memory) {
      auto* to = slab.at(i, column);
      using Stored = typename Scan::Store::value_type;
      if (slab.column_stride == 1) {
        if constexpr (std::is_same_v<Stored, Result>) {
          impl::copy_row(y, n, to);
        } else {
          for (int k = 0; k < n; ++k) to[k] = static_cast<Stored>(y[k]);
        }
        return;
      }
    }
    for (int k = 0; k < n; ++k) slab.write(i, column + k, y[k]);
  }

  const Scan& m_scan;
  LineStates<Op, wide>& m_states;
  TileCopy<Scan> m_copy;
  RowArithmetic<Scan, wide> m_rows;
  LineGroup m_group;
};

}  // namespace fused_scan::impl

#endif
