// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_LINE_STATES_HPP
#define FUSED_SCAN_IMPL_HOST_LINE_STATES_HPP

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/host/copy_row.hpp>
#include <fused_scan/impl/order/tree.hpp>

namespace fused_scan::impl {

/// The trees over the chunks of lines that are walked together, fed chunk by chunk, in memory of
/// the caller's. The nodes that wait to be merged are no more than there are levels.
template <class Op>
class LineStates {
 public:
  using Value = typename Op::value_type;

  static std::size_t bytes_for(int lines, int levels) {
    return sizeof(Value) * lines * (3 + 2 * static_cast<std::size_t>(levels));
  }

  LineStates(const Op& op, std::byte* memory, int lines, int levels)
      : m_op(op),
        m_lines(lines),
        m_prefix(reinterpret_cast<Value*>(memory)),
        m_sum(m_prefix + lines),
        m_state(m_sum + lines),
        m_node(m_state + lines),
        m_before(m_node + static_cast<std::size_t>(lines) * levels) {}

  /// Forgets its chunks; the prefixes are to be set.
  void begin(int lines) {
    m_lines = lines;
    m_chunks = 0;
    m_level = 0;
  }

  /// Keeps the prefixes that were set, for restart(), until state() is used.
  void keep() { copy(m_prefix, m_state); }
  /// Forgets its chunks, and is before the first one again.
  void restart() {
    m_chunks = 0;
    copy(m_state, m_prefix);
  }

  Value* prefix() const { return m_prefix; }  ///< before the next chunk
  Value* sum() const { return m_sum; }        ///< of the chunk so far, for the caller's use
  Value* state() const { return m_state; }    ///< after an element, for the caller's use

  /// Appends a whole chunk of every line.
  void push(const Value* chunk) {
    const int level = m_level = levels_ending_with(m_chunks++);
    Value* const node = row(m_node, level);
    copy(chunk, node);
    for (int s = 0; s < level; ++s) combine(row(m_node, s), node, node);
    // What is merged begins where the largest of the nodes in it began.
    copy(level > 0 ? row(m_before, level - 1) : m_prefix, row(m_before, level));
    combine(row(m_before, level), node, m_prefix);
  }

  /// The largest node that ends with the chunk pushed last.
  const Value* largest_node() const { return row(m_node, m_level); }

 private:
  void copy(const Value* from, Value* to) const { impl::copy_row(from, m_lines, to); }
  /// `b` may be `to`.
  void combine(const Value* KOKKOS_RESTRICT a, const Value* b, Value* to) const {
    for (int j = 0; j < m_lines; ++j) to[j] = m_op.combine(a[j], b[j]);
  }
  Value* row(Value* rows, int level) const {
    return rows + static_cast<std::int64_t>(level) * m_lines;
  }

  const Op& m_op;
  int m_lines;
  int m_level = 0;
  std::int64_t m_chunks = 0;
  Value* m_prefix;
  Value* m_sum;
  Value* m_state;
  Value* m_node;
  Value* m_before;
};

}  // namespace fused_scan::impl

#endif
