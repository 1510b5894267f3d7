// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ORDER_HELD_TREE_HPP
#define FUSED_SCAN_IMPL_ORDER_HELD_TREE_HPP

// The tree of a line that goes on in the next call. What it takes to go on lies in memory: a node
// for each bit that is set in the number of whole chunks, and of a chunk that isn't whole the sum
// and the state so far.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/order/tree.hpp>

namespace fused_scan::impl {

/// Levels of nodes that there is room for: 2^48 elements.
inline constexpr int held_levels = 44;
/// Values of a line, each in a row of its own.
inline constexpr int held_rows = held_levels + 2;

/// The nodes of a line, whose rows are `stride` apart.
template <class Op>
struct HeldNodes {
  using Value = typename Op::value_type;
  Op op;
  Value initial;  // what the line started from
  Value* rows;
  std::int64_t stride;

  KOKKOS_FUNCTION Value& node(int level) const { return rows[level * stride]; }
  KOKKOS_FUNCTION Value& sum_of_chunk() const { return node(held_levels); }
  KOKKOS_FUNCTION Value& state() const { return node(held_levels + 1); }

  /// What comes before a chunk, which is the number of chunks so far.
  KOKKOS_FUNCTION Value prefix_before(std::int64_t chunk) const {
    Value prefix = initial;
    for (int level = held_levels - 1; level >= 0; --level) {
      if ((chunk >> level) & 1) prefix = op.combine(prefix, node(level));
    }
    return prefix;
  }

  /// Appends a node of 2^level chunks to those before `chunk`.
  KOKKOS_FUNCTION void push(Value value, int level, std::int64_t chunk) const {
    for (; (chunk >> level) & 1; ++level) value = op.combine(node(level), value);
    node(level) = value;
  }
};

/// A line that goes on element by element, from a position on.
template <class Op>
class HeldTree {
 public:
  using Value = typename Op::value_type;

  KOKKOS_FUNCTION HeldTree(const HeldNodes<Op>& nodes, std::int64_t position)
      : m_nodes(nodes), m_position(position) {
    if (position % chunk_length == 0) {
      m_state = nodes.prefix_before(position / chunk_length);
    } else {
      m_sum = nodes.sum_of_chunk();
      m_state = nodes.state();
    }
  }

  /// Appends an element; returns the state after it.
  template <class Element>
  KOKKOS_FUNCTION Value push(const Element& element) {
    const Op& op = m_nodes.op;
    const bool is_first = m_position % chunk_length == 0;
    m_sum = is_first ? op.lift(element) : op.accumulate(m_sum, element);
    Value result;
    if constexpr (Op::combines_chunks) {
      result = op.combine(m_state, m_sum);
    } else {
      result = m_state = op.accumulate(m_state, element);
    }
    if (++m_position % chunk_length == 0) {
      const std::int64_t chunks = m_position / chunk_length;
      m_nodes.push(m_sum, 0, chunks - 1);
      m_state = m_nodes.prefix_before(chunks);
    }
    return result;
  }

  /// Keeps what the next call goes on from.
  KOKKOS_FUNCTION void keep() const {
    m_nodes.sum_of_chunk() = m_sum;
    m_nodes.state() = m_state;
  }

 private:
  HeldNodes<Op> m_nodes;
  std::int64_t m_position;
  Value m_sum{};  // of the elements of the chunk so far
  Value m_state;  // the prefix before the chunk, or where chunks aren't combined after the element
};

}  // namespace fused_scan::impl

#endif
