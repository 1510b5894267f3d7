// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ORDER_STREAMED_TREE_HPP
#define FUSED_SCAN_IMPL_ORDER_STREAMED_TREE_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/order/tree.hpp>

namespace fused_scan::impl {

/// The tree over the chunks of one line, fed chunk by chunk; with 44 levels of up to 2^48 elements.
template <class Op, int max_levels = 44>
class StreamedTree {
 public:
  using Value = typename Op::value_type;

  KOKKOS_FUNCTION StreamedTree(const Op& op, const Value& initial) : m_op(op), m_prefix(initial) {}

  KOKKOS_FUNCTION const Value& prefix() const { return m_prefix; }

  /// Appends a whole chunk of the sum `node`.
  KOKKOS_FUNCTION void push(Value node) {
    const int level = levels_ending_with(m_chunks++);
    for (int s = 0; s < level; ++s) node = m_op.combine(m_node[s], node);
    m_node[level] = node;
    // What is merged begins where the largest of the nodes in it began.
    const Value before = level > 0 ? m_before[level - 1] : m_prefix;
    m_before[level] = before;
    m_prefix = m_op.combine(before, node);
  }

 private:
  const Op& m_op;
  std::int64_t m_chunks = 0;
  Value m_prefix;
  Value m_node[max_levels];
  Value m_before[max_levels];
};

}  // namespace fused_scan::impl

#endif
