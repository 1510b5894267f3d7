// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_CHUNK_WALK_HPP
#define FUSED_SCAN_IMPL_HOST_CHUNK_WALK_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/host/chunk_tree.hpp>
#include <fused_scan/impl/host/copy_row.hpp>
#include <fused_scan/impl/host/line_group.hpp>
#include <fused_scan/impl/host/line_states.hpp>
#include <fused_scan/impl/host/row_arithmetic.hpp>
#include <fused_scan/impl/host/strided_elements.hpp>
#include <fused_scan/impl/host/tile_copy.hpp>
#include <fused_scan/impl/host/wide_vectors.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/plan/host_plan.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// Walks over few columns: of many short slabs, chunk by chunk, or of one long slab, many chunks of
/// it at a time. The chunks are turned, so that what is added lies side by side.
template <class Scan, bool wide>
class ChunkWalk {
 public:
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;
  using Result = typename Scan::Result;

  /// `memory` is for the elements of a tile.
  ChunkWalk(const Scan& scan, const HostPlan& plan, LineStates<Op, wide>& states, std::byte* memory)
      : m_scan(scan), m_plan(plan), m_states(states), m_copy(memory), m_rows(scan) {}

  /// From the states that the lines start from.
  void begin(const LineGroup& group) {
    m_group = group;
    m_lines = group.slabs * group.columns;
    m_states.begin(m_lines);
    for_lines([&](int line, std::int64_t outer, std::int64_t column) {
      set(m_states.prefix(), line, Value(m_scan.initial(outer, column)));
    });
    m_states.keep();
  }

  /// Sums up whole chunks; a scan of the same elements is to follow.
  void sum(std::int64_t first, std::int64_t last) {
    m_copy.begin(first, m_lines);
    Block block;
    for (std::int64_t step = first; step < last;) {
      const int chunks = chunks_from(step, last);
      read(step, chunk_length, chunks, block);
      if constexpr (TileCopy<Scan>::needed) keep(step, chunks, block);
      sum(step, chunks, block);
      push(chunks, block);
      step += chunks * chunk_length;
    }
    m_copy.keep(true);
  }

  /// Scans the elements from one position on the axis to another, in the order of the scan.
  void scan(std::int64_t first, std::int64_t last) {
    Block block;
    for (std::int64_t step = first; step < last;) {
      const int chunks = chunks_from(step, last);
      const int rows = static_cast<int>(std::min<std::int64_t>(chunk_length, last - step));
      read(step, rows, chunks, block);
      if (chunks > 1) {
        sum(step, chunks, block);
        push(chunks, block);
      } else {
        impl::copy_row(m_states.prefix(), m_lines, block.prefix);
      }
      results(step, rows, chunks, block);
      if (chunks == 1 && rows == chunk_length) m_states.push(block.sum);
      write(step, rows, chunks, block);
      step += chunks * rows;
      if (step == last)
        impl::copy_row(block.state + (chunks - 1) * m_lines, m_lines, m_states.state());
    }
    m_copy.keep(false);
  }

  /// After the last element.
  void end() {
    for_lines([&](int line, std::int64_t outer, std::int64_t column) {
      m_scan.final(outer, column,
                   get(Scan::ends_in_prefix ? m_states.prefix() : m_states.state(), line));
    });
  }

  /// Between sum() and scan().
  void restart() { m_states.restart(); }
  row_of_t<Value> prefix() const { return m_states.prefix(); }
  row_of_t<Value> largest_node() const { return m_states.largest_node(); }

 private:
  static constexpr int items = host_block_items(
      static_cast<int>(std::max({sizeof(Value), sizeof(Element), sizeof(Result)})));

  /// A row for each place in a chunk; in a row the chunks' elements, one after the other, of each
  /// chunk the lines'.
  struct Block {
    Element x[chunk_length * items];
    Result y[chunk_length * items];
    alignas(64) std::byte memory[4][items * sizeof(Value)];
    row_of_t<Value> sum = impl::row_in<Value>(memory[0], items);
    row_of_t<Value> prefix = impl::row_in<Value>(memory[1], items);
    row_of_t<Value> state = impl::row_in<Value>(memory[2], items);
    row_of_t<Value> nodes = impl::row_in<Value>(memory[3], items);
  };

  template <class F>
  void for_lines(const F& f) const {
    for (int s = 0; s < m_group.slabs; ++s) {
      const HostUnit unit = unit_of(m_plan, m_scan.inner, m_group.unit + s);
      for (int j = 0; j < m_group.columns; ++j) {
        f(s * m_group.columns + j, unit.outer, unit.column + j);
      }
    }
  }

  int chunks_from(std::int64_t step, std::int64_t last) const {
    const std::int64_t whole = (last - step) / chunk_length;
    const int most = std::max(std::min(m_plan.chunks, items / m_lines), 1);
    return static_cast<int>(std::clamp<std::int64_t>(whole, 1, most));
  }

  /// Appends the chunks' sums to the trees, and finds the prefixes before them.
  void push(int chunks, Block& block) {
    const ChunkTree<Op> tree(m_scan.op, m_lines, chunks);
    if (tree.begins_at(m_states.chunks())) {
      impl::copy_row(m_states.prefix(), m_lines, block.prefix);
      const auto node = m_rows.prefixes(tree, m_lines, block.sum, block.nodes, block.prefix);
      m_states.push(node, tree.levels());
      return;
    }
    for (int q = 0; q < chunks; ++q) {
      impl::copy_row(m_states.prefix(), m_lines, block.prefix + q * m_lines);
      m_states.push(block.sum + q * m_lines);
    }
  }
  /// Sums of the chunks from a step on; what comes after them is read next.
  void sum(std::int64_t step, int chunks, Block& block) {
    const void* const next = neighbours(m_scan.load, step + chunks * chunk_length);
    m_rows.begin_chunks();
    run_in_vectors<wide>([this, chunks, next, &block] {
      m_rows.sum({.rows = chunk_length,
                  .n = chunks * m_lines,
                  .x = block.x,
                  .x_pitch = items,
                  .sum = block.sum,
                  .next = next});
    });
  }
  void results(std::int64_t step, int rows, int chunks, Block& block) {
    if (chunks == 1) m_rows.begin_chunks();
    const bool apart = step == 0 && m_scan.exclusive;  // what comes first may be something else
    const void* const next = chunks > 1 ? neighbours(m_scan.store, step) : nullptr;
    run_in_vectors<wide>([this, rows, chunks, next, &block] {
      m_rows.scan({.rows = rows,
                   .n = chunks * m_lines,
                   .x = block.x,
                   .x_pitch = items,
                   .y = block.y,
                   .y_pitch = items,
                   .prefix = block.prefix,
                   .sum = block.sum,
                   .state = block.state,
                   .sums_known = chunks > 1,
                   .next = next});
    });
    if (!apart) return;
    for (int j = 0; j < m_lines; ++j) {
      block.y[j] = m_scan.op.lower(m_scan.first_output(get(block.prefix, j)));
    }
  }

  /// The group's elements from a step on, if all are neighbours in memory.
  template <class Access>
  const void* neighbours([[maybe_unused]] const Access& access,
                         [[maybe_unused]] std::int64_t step) const {
    if constexpr (Access::is_memory) {
      const auto slab = access.slab(m_group.outer);
      const bool dense = slab.axis_stride == m_lines && (m_lines == 1 || slab.column_stride == 1);
      if (dense && m_group.slabs == 1 && !m_scan.reverse) return slab.at(step, m_group.column);
    }
    return nullptr;
  }

  /// The group's elements from a step on, in memory.
  template <class Access>
  auto elements(const Access& access, std::int64_t unit_stride, std::int64_t step) const {
    const auto slab = access.slab(m_group.outer);
    const std::int64_t direction = m_scan.reverse ? -1 : 1;
    return StridedElements{slab.at(m_scan.position(step), m_group.column), unit_stride,
                           direction * slab.axis_stride, slab.column_stride};
  }
  void keep(std::int64_t step, int chunks, const Block& block) const {
    for (int q = 0; q < chunks; ++q) {
      for (int r = 0; r < chunk_length; ++r) {
        impl::copy_row<Element>(block.x + r * items + q * m_lines, m_lines,
                                m_copy.at(step + q * chunk_length + r, 0));
      }
    }
  }
  void read_copy(std::int64_t step, int rows, int chunks, Block& block) const {
    for (int q = 0; q < chunks; ++q) {
      for (int r = 0; r < rows; ++r) {
        impl::copy_row<Element>(m_copy.at(step + q * chunk_length + r, 0), m_lines,
                                block.x + r * items + q * m_lines);
      }
    }
  }
  void read(std::int64_t step, int rows, int chunks, Block& block) const {
    run_in_vectors<wide>(
        [this, step, rows, chunks, &block] { read_chunks(step, rows, chunks, block); });
  }
  void read_chunks(std::int64_t step, int rows, int chunks, Block& block) const {
    if (m_copy.filled()) return read_copy(step, rows, chunks, block);
    if constexpr (Scan::Load::is_memory) {
      if (m_group.slabs == 1 || m_plan.in_unit_stride != 0) {
        const auto memory = elements(m_scan.load, m_plan.in_unit_stride, step);
        impl::turn_in(memory, m_group.slabs, chunks, rows, m_group.columns, block.x, items);
        return;
      }
    }
    for (int s = 0; s < m_group.slabs; ++s) {
      const HostUnit unit = unit_of(m_plan, m_scan.inner, m_group.unit + s);
      const auto slab = m_scan.load.slab(unit.outer);
      for (int q = 0; q < chunks; ++q) {
        Element* const x = block.x + q * m_lines + s * m_group.columns;
        for (int r = 0; r < rows; ++r) {
          const std::int64_t i = m_scan.position(step + q * chunk_length + r);
          for (int j = 0; j < m_group.columns; ++j) {
            x[r * items + j] = static_cast<Element>(slab.read(i, unit.column + j));
          }
        }
      }
    }
  }
  void write(std::int64_t step, int rows, int chunks, const Block& block) const {
    run_in_vectors<wide>(
        [this, step, rows, chunks, &block] { write_chunks(step, rows, chunks, block); });
  }
  void write_chunks(std::int64_t step, int rows, int chunks, const Block& block) const {
    if constexpr (Scan::Store::is_memory) {
      if (m_group.slabs == 1 || m_plan.out_unit_stride != 0) {
        const auto memory = elements(m_scan.store, m_plan.out_unit_stride, step);
        impl::turn_out(memory, m_group.slabs, chunks, rows, m_group.columns, block.y, items);
        return;
      }
    }
    for (int s = 0; s < m_group.slabs; ++s) {
      const HostUnit unit = unit_of(m_plan, m_scan.inner, m_group.unit + s);
      const auto slab = m_scan.store.slab(unit.outer);
      for (int q = 0; q < chunks; ++q) {
        const Result* const y = block.y + q * m_lines + s * m_group.columns;
        for (int r = 0; r < rows; ++r) {
          const std::int64_t i = m_scan.position(step + q * chunk_length + r);
          for (int j = 0; j < m_group.columns; ++j)
            slab.write(i, unit.column + j, y[r * items + j]);
        }
      }
    }
  }
  const Scan& m_scan;
  const HostPlan& m_plan;
  LineStates<Op, wide>& m_states;
  TileCopy<Scan> m_copy;
  RowArithmetic<Scan, wide> m_rows;
  LineGroup m_group;
  int m_lines = 1;
};

}  // namespace fused_scan::impl

#endif
