// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ORDER_TREE_HPP
#define FUSED_SCAN_IMPL_ORDER_TREE_HPP

// The order in which a line is combined: this page is the contract of the bits.
//
// A line is cut into chunks of 16 elements, counted from the position 0 in the order of the scan.
// A chunk is combined element by element, from its first on. Over the chunks lies a binary tree:
// the node of level s that ends with chunk e (whose s lowest bits are then all ones) is
// combine(left half, right half). The prefix before chunk q is the state at the start, combined
// from left to right with one node for each bit of q that is set, the largest first: a Fenwick
// tree's query. An element's prefix is that, combined with the elements of its chunk one by one;
// or, where the operator says so (combines_chunks), with the sum of the chunk's elements up to it.
//
// So the grouping depends on the position in the line and on nothing else. Tiles of any power of
// two chunks, in any order of execution, on any machine, find the same nodes; a tile needs one
// number from each of at most log2(tiles) tiles before it, all published already or soon, and no
// chain of prefixes runs from tile to tile. Nor does it matter who holds which part of a line: a
// part that begins at any position makes the nodes that lie inside it, and finds the others by
// their level and their last chunk.
//
// Source: P. M. Fenwick, "A new data structure for cumulative frequency tables", Software: Practice
// and Experience 24 (3), 1994. The alternative, a look-back that adds up the sums of the tiles
// before until it meets a finished prefix (Merrill and Garland, NVR-2016-002), groups as the timing
// has it.

#include <Kokkos_BitManipulation.hpp>
#include <Kokkos_Core.hpp>
#include <cstdint>

namespace fused_scan::impl {

/// Elements in a chunk.
inline constexpr int chunk_length = 16;

KOKKOS_INLINE_FUNCTION std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// How many levels of nodes end with block `index`: the number of its trailing ones.
KOKKOS_INLINE_FUNCTION int levels_ending_with(std::int64_t index) {
  int level = 0;
  while ((index >> level) & 1) ++level;
  return level;
}

/// The smallest power of two of which `count` blocks are no more: 2^levels_over(count).
KOKKOS_INLINE_FUNCTION constexpr int levels_over(std::int64_t count) {
  int levels = 0;
  while ((std::int64_t{1} << levels) < count) ++levels;
  return levels;
}

/// Calls f(level, last block) for the nodes that make up the prefix before block `index`, from left
/// to right, of 2^levels blocks.
template <class F>
void for_prefix_nodes(std::int64_t index, int levels, const F& f) {
  for (int level = levels - 1; level >= 0; --level) {
    if ((index >> level) & 1) f(level, (index >> level << level) - 1);
  }
}

/// `prefix` combined with the blocks before `index`, counted from where `prefix` ends, by one node
/// for each bit of `index`, the largest first; node(last block) is the largest that ends with a
/// block.
template <class Op, class Node>
KOKKOS_FORCEINLINE_FUNCTION typename Op::value_type prefix_before(const Op& op,
                                                                  typename Op::value_type prefix,
                                                                  int index, const Node& node) {
  for (int done = 0; done != index;) {
    done |=
        1 << (31 - Kokkos::Experimental::countl_zero_builtin(static_cast<unsigned>(index ^ done)));
    prefix = op.append(prefix, node(done - 1));
  }
  return prefix;
}

}  // namespace fused_scan::impl

#endif
