// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_RECURRENCES_WALKS_HPP
#define FUSED_SCAN_IMPL_HOST_RECURRENCES_WALKS_HPP

// Walks over linear recurrences of real numbers, by the kernels for vectors.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/host/line_group.hpp>
#include <fused_scan/impl/host/line_states.hpp>
#include <fused_scan/impl/host/recurrences/arguments.hpp>
#include <fused_scan/impl/host/recurrences/blocks.hpp>
#include <fused_scan/impl/host/recurrences/kernels.hpp>
#include <fused_scan/impl/host/value_rows.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/plan/host_plan.hpp>

namespace fused_scan::impl::recurrences {

/// Whole blocks of lines, of which the last ones may be nobody's.
inline int padded(int lines) { return (lines + block_lines - 1) / block_lines * block_lines; }

/// Neighbouring columns of one slab, row by row; or short slabs of few columns, many at a time.
template <class Scan>
class SideBySideWalk {
 public:
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using States = LineStates<Op, false>;
  using Types = Blocks<Scan>;

  SideBySideWalk(const Scan& scan, const HostPlan& plan,
                 const Kernels<typename Types::In, typename Types::Out>& kernels, States& states)
      : m_scan(scan), m_plan(plan), m_kernels(kernels), m_states(states), m_blocks(scan) {}

  void begin(const LineGroup& group) {
    m_group = group;
    if (m_scan.length < chunk_length && scan_short_lines()) return;
    const int used = group.slabs * group.columns, lines = padded(used);
    m_states.begin(lines);
    const int first_nobody = Scan::Initial::given ? used : 0;
    set_identities(m_states.prefix() + first_nobody, lines - first_nobody);
    set_identities(m_states.sum() + used, lines - used);
    for (int s = 0; s < group.slabs; ++s) {
      const HostUnit unit = unit_of(m_plan, m_scan.inner, group.unit + s);
      m_slots[s] = {unit.outer, s == 0 ? group.column : unit.column, 0, 0};
      for (int j = 0; Scan::Initial::given && j < group.columns; ++j) {
        set(m_states.prefix(), s * group.columns + j,
            Value(m_scan.initial(m_slots[s].outer, m_slots[s].column + j)));
      }
    }
    if (m_plan.tiles > 1) m_states.keep();
    if (m_plan.kind == HostPlan::Kind::slabs) {
      m_blocks.place_slots(m_slots, group.slabs);
      expect_later();
    }
  }
  /// Sums up whole chunks; a scan of the same elements is to follow.
  void sum(std::int64_t first, std::int64_t last) {
    for (std::int64_t step = first; step < last; step += chunk_length) {
      for_columns([&](int j, int columns) {
        if (in_rows(step, chunk_length, j, columns, m_kernels.sum_columns)) return;
        for_blocks(step, chunk_length, j, columns, [&](const Slot& slot, int k, int of_block) {
          m_kernels.sum(m_blocks.read_columns(slot, of_block), m_states.sum() + k);
        });
      });
      m_states.push(m_states.sum());
    }
  }
  void scan(std::int64_t first, std::int64_t last) {
    if (m_done) return;
    for (std::int64_t step = first; step < last; step += chunk_length) {
      const int rows = static_cast<int>(std::min<std::int64_t>(chunk_length, last - step));
      const bool is_last = step + rows == m_scan.length;
      const auto state = [&](int j) { return is_last ? m_states.state() + j : AffineRow(); };
      if (m_plan.kind == HostPlan::Kind::columns) {
        for_columns([&](int j, int columns) {
          if (in_rows(step, rows, j, columns, m_kernels.scan_columns)) {
            m_blocks.write_in_rows({m_group.outer, m_group.column + j, step, rows}, columns);
            if (is_last) std::fill_n(m_states.state().exponents + j, columns, 0);
            return;
          }
          for_blocks(step, rows, j, columns, [&](const Slot& slot, int k, int of_block) {
            m_kernels.scan(m_blocks.read_columns(slot, of_block), m_states.prefix() + k,
                           m_states.sum() + k, state(k));
            m_blocks.write_columns(slot, of_block);
          });
        });
      } else {
        for (int s = 0; s < m_group.slabs; ++s) {
          m_slots[s].step = step;
          m_slots[s].rows = rows;
        }
        m_kernels.scan(m_blocks.read_slots(m_slots, m_group.slabs, m_group.columns, rows),
                       m_states.prefix(), m_states.sum(), state(0));
        m_blocks.write_slots(m_slots, m_group.slabs, m_group.columns);
      }
      if (!is_last) m_states.push(m_states.sum());
    }
  }
  /// After the last element.
  void end() {
    if (m_done) return;
    for (int s = 0; s < m_group.slabs; ++s) {
      for (int j = 0; j < m_group.columns; ++j) {
        m_scan.final(m_slots[s].outer, m_slots[s].column + j,
                     get(m_states.state(), s * m_group.columns + j));
      }
    }
  }
  void restart() { m_states.restart(); }
  AffineRow prefix() const { return m_states.prefix(); }
  AffineRow largest_node() const { return m_states.largest_node(); }

 private:
  static void set_identities(const AffineRow& row, int count) {
    std::fill_n(row.a, count, 1);
    std::fill_n(row.b, count, 0);
    std::fill_n(row.exponents, count, 0);
  }
  /// Of lines shorter than a chunk, which have no tree, the results at once, if they can be.
  bool scan_short_lines() {
    m_done = false;
    if (m_group.columns > 1 || m_plan.kind != HostPlan::Kind::slabs) return false;
    Value states[block_lines];
    for (int s = 0; s < m_group.slabs; ++s) {
      const HostUnit unit = unit_of(m_plan, m_scan.inner, m_group.unit + s);
      m_slots[s] = {unit.outer, unit.column, 0, static_cast<int>(m_scan.length)};
      states[s] = m_scan.initial(unit.outer, unit.column);
    }
    if (!m_blocks.scan_short_lines(m_slots, m_group.slabs, states)) return false;
    for (int s = 0; s < m_group.slabs; ++s) {
      m_scan.final(m_slots[s].outer, m_slots[s].column, states[s]);
    }
    m_done = true;
    return true;
  }
  /// The same chunk of the slabs that come next, where these are short; else one some chunks on.
  void expect_later() {
    const std::int64_t next = m_group.unit + m_group.slabs;
    if (m_scan.length * m_group.slabs * m_group.columns <= short_elements && next < m_plan.units) {
      const HostUnit unit = unit_of(m_plan, m_scan.inner, next);
      m_blocks.expect_later(m_slots[0], {unit.outer, unit.column, 0, 0});
    } else {
      m_blocks.expect_later(m_slots[0], {m_slots[0].outer, m_slots[0].column, 4 * chunk_length, 0});
    }
  }
  static constexpr std::int64_t short_elements = 16 << 10;

  template <class Kernel>
  bool in_rows(std::int64_t step, int count, int j, int columns, const Kernel& kernel) {
    if (columns < m_kernels.lanes) return false;
    Block<typename Types::In, typename Types::Out> rows;
    const Slot slot{m_group.outer, m_group.column + j, step, count};
    if (!m_blocks.in_rows(slot, columns, rows)) return false;
    if (kernel(rows, columns, m_states.prefix() + j, m_states.sum() + j, m_states.state() + j)) {
      return true;
    }
    m_blocks.put_back(rows, columns);
    return false;
  }
  /// f(first, count) for the group's columns, so many at a time as go to in_rows().
  template <class F>
  void for_columns(const F& f) const {
    const int at_once = m_blocks.columns_in_rows(m_group.columns);
    for (int j = 0; j < m_group.columns; j += at_once) f(j, std::min(at_once, m_group.columns - j));
  }
  template <class F>
  void for_blocks(std::int64_t step, int rows, int begin, int columns, const F& f) const {
    for (int j = begin; j < begin + columns; j += block_lines) {
      f(Slot{m_group.outer, m_group.column + j, step, rows}, j,
        std::min(block_lines, begin + columns - j));
    }
  }

  const Scan& m_scan;
  const HostPlan& m_plan;
  const Kernels<typename Types::In, typename Types::Out>& m_kernels;
  States& m_states;
  Types m_blocks;
  LineGroup m_group;
  Slot m_slots[block_lines];
  bool m_done = false;  // the results are there
};

/// Few columns of one slab, many chunks of them at a time.
template <class Scan>
class ChunksWalk {
 public:
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using States = LineStates<Op, false>;
  using Types = Blocks<Scan>;

  ChunksWalk(const Scan& scan, const HostPlan& plan,
             const Kernels<typename Types::In, typename Types::Out>& kernels, States& states)
      : m_scan(scan), m_kernels(kernels), m_states(states), m_blocks(scan) {
    m_chunks = static_cast<int>(std::bit_floor(static_cast<unsigned>(block_lines / plan.columns)));
    m_levels = std::countr_zero(static_cast<unsigned>(m_chunks));
    for (int q = 0; q < m_chunks; ++q) {
      m_place[q] = 0;
      for (int k = 0; k < m_levels; ++k) m_place[q] |= (q >> k & 1) << (m_levels - 1 - k);
    }
  }

  void begin(const LineGroup& group) {
    m_group = group;
    m_states.begin(group.columns);
    for (int j = 0; j < group.columns; ++j) {
      set(m_states.prefix(), j, Value(m_scan.initial(group.outer, group.column + j)));
    }
    m_states.keep();
    const int steps = m_chunks * chunk_length;
    set_slots(0, steps);
    m_blocks.place_slots(m_slots, m_chunks);
    m_blocks.expect_gradients({group.outer, group.column, 0, 0},
                              {group.outer, group.column, 2 * steps, 0});
  }
  /// Sums up whole chunks, as many as are walked side by side; a scan of the same elements is to
  /// follow.
  void sum(std::int64_t first, std::int64_t last) {
    for (std::int64_t step = first; step < last; step += m_chunks * chunk_length) {
      m_kernels.sum(read(step, last), m_sum);
      m_states.push(combine_upwards(), m_levels);
    }
  }
  void scan(std::int64_t first, std::int64_t last) {
    for (std::int64_t step = first; step < last; step += m_chunks * chunk_length) {
      const auto& block = read(step, last);
      m_kernels.sum(block, m_sum);
      impl::copy_row(m_states.prefix(), m_group.columns, m_prefix);
      const AffineRow node = combine_upwards();
      combine_downwards();
      m_kernels.results(block, m_prefix, m_state);
      m_blocks.write_slots(m_slots, m_chunks, m_group.columns);
      if (step + m_chunks * chunk_length < last) {
        m_states.push(node, m_levels);
      } else if (last == m_scan.length) {
        const int chunk = static_cast<int>((last - 1 - step) / chunk_length);
        impl::copy_row(m_state + m_place[chunk] * m_group.columns, m_group.columns,
                       m_states.state());
      }
    }
  }
  /// After the last element.
  void end() {
    for (int j = 0; j < m_group.columns; ++j) {
      m_scan.final(m_group.outer, m_group.column + j, get(m_states.state(), j));
    }
  }
  void restart() { m_states.restart(); }
  AffineRow prefix() const { return m_states.prefix(); }
  AffineRow largest_node() const { return m_states.largest_node(); }

 private:
  /// Chunks lie in the order in which the halves of the tree's levels lie one after the other: that
  /// of their numbers with the bits turned round.
  const auto& read(std::int64_t step, std::int64_t last) {
    const int steps = m_chunks * chunk_length;
    set_slots(step, last);
    const auto& block = m_blocks.read_slots(m_slots, m_chunks, m_group.columns, chunk_length);
    m_blocks.expect({m_group.outer, m_group.column, step + 2 * steps, steps}, m_group.columns);
    return block;
  }
  void set_slots(std::int64_t step, std::int64_t last) {
    for (int q = 0; q < m_chunks; ++q, step += chunk_length) {
      const auto rows = std::clamp<std::int64_t>(last - step, 0, chunk_length);
      m_slots[m_place[q]] = {m_group.outer, m_group.column, step, static_cast<int>(rows)};
    }
  }
  AffineRow combine_upwards() {
    AffineRow above = m_nodes;
    m_of_level[0] = m_sum;
    for (int level = 0; level < m_levels; ++level) {
      const int half = (m_chunks >> (level + 1)) * m_group.columns;
      combine_maps(half, whole(half), m_of_level[level], m_of_level[level] + half, above);
      m_of_level[level + 1] = above;
      above = above + half;
    }
    return m_of_level[m_levels];
  }
  void combine_downwards() {
    for (int level = m_levels - 1; level >= 0; --level) {
      const int half = (m_chunks >> (level + 1)) * m_group.columns;
      combine_maps(half, whole(half), m_prefix, m_of_level[level], m_prefix + half);
    }
  }
  /// What is combined beyond them stands where something else is written later, or nothing.
  static int whole(int maps) { return (maps + 3) / 4 * 4; }

  const Scan& m_scan;
  const Kernels<typename Types::In, typename Types::Out>& m_kernels;
  States& m_states;
  Types m_blocks;
  LineGroup m_group;
  int m_chunks;
  int m_levels;
  int m_place[block_lines];
  Slot m_slots[block_lines];
  static constexpr int pitch = block_lines + 8;
  alignas(64) std::byte m_memory[4 * pitch * sizeof(Value)] = {};
  AffineRow m_sum = row_in<Value>(m_memory, std::int64_t{4} * pitch);
  AffineRow m_nodes = m_sum + pitch;
  AffineRow m_prefix = m_nodes + pitch;
  AffineRow m_state = m_prefix + pitch;
  AffineRow m_of_level[6];
};

}  // namespace fused_scan::impl::recurrences

#endif
