// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_LINE_STATES_HPP
#define FUSED_SCAN_IMPL_HOST_LINE_STATES_HPP

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/host/value_rows.hpp>
#include <fused_scan/impl/host/wide_vectors.hpp>
#include <fused_scan/impl/order/tree.hpp>

namespace fused_scan::impl {

/// The trees over the chunks of lines that are walked together, fed chunk by chunk, in memory of
/// the caller's. The nodes that wait to be merged are no more than there are levels.
template <class Op, bool wide>
class LineStates {
 public:
  using Value = typename Op::value_type;
  using Row = row_of_t<Value>;

  static std::size_t bytes_for(int lines, int levels) {
    return sizeof(Value) * rows(levels) * lines;
  }

  LineStates(const Op& op, std::byte* memory, int lines, int levels)
      : m_op(op),
        m_lines(lines),
        m_prefix(impl::row_in<Value>(memory, rows(levels) * lines)),
        m_sum(m_prefix + lines),
        m_state(m_sum + lines),
        m_node(m_state + lines),
        m_before(m_node + std::int64_t{lines} * levels) {}

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

  Row prefix() const { return m_prefix; }  ///< before the next chunk
  Row sum() const { return m_sum; }        ///< of the chunk so far, for the caller's use
  Row state() const { return m_state; }    ///< after an element, for the caller's use

  /// Appends a whole chunk of every line; or the node over 2^`from` chunks, before which lie only
  /// such nodes.
  void push(Row chunk, int from = 0) {
    run_in_vectors<wide>([this, chunk, from] { push_chunk(chunk, from); });
  }

  std::int64_t chunks() const { return m_chunks; }

  /// The largest node that ends with the chunk pushed last.
  Row largest_node() const { return row(m_node, m_level); }

 private:
  static constexpr std::int64_t rows(int levels) { return 3 + 2 * levels; }
  void copy(Row from, Row to) const { impl::copy_row(from, m_lines, to); }
  Row row(Row rows, int level) const { return rows + std::int64_t{level} * m_lines; }

  void push_chunk(Row chunk, int from) {
    m_chunks += std::int64_t{1} << from;
    const int level = m_level = levels_ending_with(m_chunks - 1);
    const Row node = row(m_node, level);
    copy(chunk, node);
    for (int s = from; s < level; ++s) {
      impl::combine_rows(m_op, m_lines, row(m_node, s), node, node);
    }
    // What is merged begins where the largest of the nodes in it began.
    copy(level > from ? row(m_before, level - 1) : m_prefix, row(m_before, level));
    impl::combine_rows(m_op, m_lines, row(m_before, level), node, m_prefix);
  }

  const Op& m_op;
  int m_lines;
  int m_level = 0;
  std::int64_t m_chunks = 0;
  Row m_prefix;
  Row m_sum;
  Row m_state;
  Row m_node;
  Row m_before;
};

}  // namespace fused_scan::impl

#endif
