// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_CHUNK_TREE_HPP
#define FUSED_SCAN_IMPL_HOST_CHUNK_TREE_HPP

#include <Kokkos_Core.hpp>
#include <bit>
#include <cstdint>
#include <fused_scan/impl/host/value_rows.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// The tree over a block of chunks that lie side by side, of each the same number of lines, worked
/// on level by level: first the nodes upwards, then the prefixes downwards.
template <class Op>
class ChunkTree {
 public:
  using Value = typename Op::value_type;
  using Row = row_of_t<Value>;

  ChunkTree(const Op& op, int lines, int chunks) : m_op(op), m_lines(lines), m_chunks(chunks) {}

  /// Whether so many chunks lie before a block that is a node of the lines' trees.
  bool begins_at(std::int64_t chunks) const {
    return std::has_single_bit(static_cast<unsigned>(m_chunks)) && chunks % m_chunks == 0;
  }
  int levels() const { return std::countr_zero(static_cast<unsigned>(m_chunks)); }

  /// From the chunks' sums and the prefixes before the block (the first row of `prefix`): the
  /// prefixes before the chunks. Returns the node over all of them. `nodes` has room for as many.
  Row combine(Row sums, Row nodes, Row prefix) const {
    Row of_level[8] = {sums};
    Row above = nodes;
    for (int level = 0; level < levels(); ++level) {
      const int pairs = m_chunks >> (level + 1);
      merge(pairs, of_level[level], above);
      of_level[level + 1] = above;
      above = above + pairs * m_lines;
    }
    for (int level = levels() - 1; level >= 0; --level) {
      spread(m_chunks >> (level + 1), of_level[level], prefix);
    }
    return of_level[levels()];
  }

 private:
  /// above[k] = nodes[2 k] combined with nodes[2 k + 1].
  void merge(int pairs, Row nodes, Row above) const {
    if (m_lines == 1) {
      merge_lines(pairs, std::integral_constant<int, 1>(), nodes, above);
    } else {
      merge_lines(pairs, m_lines, nodes, above);
    }
  }
  template <class Lines>
  void merge_lines(int pairs, Lines lines, Row nodes, Row above) const {
    const auto left = [lines](int k) { return k / lines * 2 * lines + k % lines; };
    impl::combine_each(
        m_op, pairs * lines, above, [&](int k) { return get(nodes, left(k)); },
        [&](int k) { return get(nodes, left(k) + lines); });
  }

  /// From the prefixes before `pairs` pairs of nodes those before the nodes, in their place: the
  /// last pair first, so that none is written over before it is read.
  void spread(int pairs, Row nodes, Row prefix) const {
    for (int k = pairs - 1; k >= 0; --k) {
      const Row before = prefix + k * m_lines, left = prefix + 2 * k * m_lines;
      for (int j = m_lines - 1; j >= 0; --j) {
        const Value value = get(before, j);
        set(left + m_lines, j, m_op.combine(value, get(nodes + 2 * k * m_lines, j)));
        if (k > 0) set(left, j, value);
      }
    }
  }

  const Op& m_op;
  int m_lines;
  int m_chunks;
};

}  // namespace fused_scan::impl

#endif
