// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ORDER_PREFIX_TREE_HPP
#define FUSED_SCAN_IMPL_ORDER_PREFIX_TREE_HPP

// The order in which a line is summed up: this page is the contract of the bits.
//
// A line is cut into chunks of 16 elements. A chunk is combined element by element. Over the chunks
// lies a binary tree: the node of level s that ends with chunk e (whose s lowest bits are then all
// ones) is combine(left half, right half). The prefix before chunk q is the state at the start,
// combined from left to right with one node for each bit of q that is set, the largest first: a
// Fenwick tree's query. An element's prefix is that, combined with the elements of its chunk one by
// one.
//
// So the grouping depends on the position in the line and on nothing else. Tiles of any power of
// two chunks, in any order of execution, on any machine, find the same nodes; a tile needs one
// number from each of at most log2(tiles) tiles before it, all published already or soon, and no
// chain of prefixes runs from tile to tile.
//
// Source: P. M. Fenwick, "A new data structure for cumulative frequency tables", Software: Practice
// and Experience 24 (3), 1994. The alternative, a look-back that adds up the sums of the tiles
// before until it meets a finished prefix (Merrill and Garland, NVR-2016-002), groups as the timing
// has it.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/host/lanes.hpp>

namespace fused_scan::impl {

/// Elements in a chunk.
inline constexpr int chunk_length = 16;

KOKKOS_INLINE_FUNCTION std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// How many levels of blocks end with block `index`: the number of its trailing ones.
KOKKOS_INLINE_FUNCTION int levels_ending_with(std::int64_t index) {
  int level = 0;
  while ((index >> level) & 1) ++level;
  return level;
}

/// The tree over the blocks of N lines side by side, fed block by block on a host core.
template <class Op, int N>
class PrefixTree {
 public:
  using Value = typename Op::value_type;

  PrefixTree(const Op& op, int lanes) : m_op(op), m_lanes(lanes) {}

  /// The prefix before block `first` (0 but for a tile in the middle of a line) is set by the
  /// caller.
  Lanes<Value, N>& prefix() { return m_prefix; }
  void restart() { m_blocks = 0; }

  /// Appends a block; `total`, its sum, is overwritten.
  void push(Lanes<Value, N>& total) {
    const int level = merge(total);
    Lanes<Value, N>& before = m_before[level];
    // The merged block begins where the largest of the blocks in it began.
    before.assign(level > 0 ? m_before[level - 1] : m_prefix, lanes());
    for (int j = 0; j < lanes(); ++j) {
      m_prefix.set(j, m_op.combine(before.get(j), m_node[level].get(j)));
    }
  }

  /// Appends a block without following the prefix; returns the level of the node it completes.
  int merge(Lanes<Value, N>& total) {
    const int level = levels_ending_with(m_blocks++);
    for (int s = 0; s < level; ++s) {
      for (int j = 0; j < lanes(); ++j) {
        total.set(j, m_op.combine(m_node[s].get(j), total.get(j)));
      }
    }
    m_node[level].assign(total, lanes());
    return level;
  }

  const Lanes<Value, N>& node(int level) const { return m_node[level]; }

 private:
  static constexpr int max_levels = 44;  // 2^48 elements

  /// A constant where it can be no other.
  int lanes() const { return N == 1 ? 1 : m_lanes; }

  Op m_op;
  int m_lanes;
  std::int64_t m_blocks = 0;
  Lanes<Value, N> m_prefix{};
  Lanes<Value, N> m_node[max_levels];
  Lanes<Value, N> m_before[max_levels];
};

}  // namespace fused_scan::impl

#endif
