// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ORDER_HELD_TREE_HPP
#define FUSED_SCAN_IMPL_ORDER_HELD_TREE_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/order/tree.hpp>

namespace fused_scan::impl {

/// Levels of nodes that a held tree has room for: 2^48 elements.
inline constexpr int held_levels = 44;
/// Its values of a line: a node of each level, the sum of the last chunk so far, the state.
inline constexpr int held_rows = held_levels + 2;

/// A line that ends nowhere: what its tree needs to go on after any element lies in memory between
/// one call and the next, in held_rows values that are `stride` apart.
template <class Op>
class HeldTree {
 public:
  using Value = typename Op::value_type;

  /// After `position` elements of a line that starts from `initial`.
  KOKKOS_FUNCTION HeldTree(const Op& op, const Value& initial, std::int64_t position, Value* held,
                           std::int64_t stride)
      : m_op(op),
        m_initial(initial),
        m_position(position),
        m_held(held),
        m_stride(stride),
        m_sum(position % chunk_length == 0 ? initial : row(held_levels)),
        m_state(position == 0 ? initial : row(held_levels + 1)) {}

  /// Appends an element; returns the sum up to it.
  template <class Element>
  KOKKOS_FUNCTION Value push(const Element& element) {
    const bool is_first = m_position % chunk_length == 0;
    m_sum = is_first ? m_op.lift(element) : m_op.accumulate(m_sum, element);
    Value result;
    if constexpr (Op::combines_chunks) {
      result = m_op.combine(m_state, m_sum);  // of the prefix before the chunk
    } else {
      result = m_state = m_op.accumulate(m_state, element);
    }
    if (++m_position % chunk_length == 0) end_chunk();
    return result;
  }

  /// Keeps what the next call goes on from.
  KOKKOS_FUNCTION void keep() const {
    row(held_levels) = m_sum;
    row(held_levels + 1) = m_state;
  }

 private:
  KOKKOS_FUNCTION Value& row(int index) const { return m_held[index * m_stride]; }

  KOKKOS_FUNCTION void end_chunk() {
    const std::int64_t chunks = m_position / chunk_length;
    const int level = levels_ending_with(chunks - 1);
    Value node = m_sum;
    for (int s = 0; s < level; ++s) node = m_op.combine(row(s), node);
    row(level) = node;
    m_state = m_initial;
    for (int s = held_levels - 1; s >= 0; --s) {
      if ((chunks >> s) & 1) m_state = m_op.combine(m_state, row(s));
    }
  }

  const Op& m_op;
  Value m_initial;
  std::int64_t m_position;
  Value* m_held;
  std::int64_t m_stride;
  Value m_sum;    // of the elements of the chunk so far
  Value m_state;  // the prefix before the chunk, or where chunks aren't combined after the element
};

}  // namespace fused_scan::impl

#endif
