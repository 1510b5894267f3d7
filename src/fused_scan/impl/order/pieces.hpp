// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ORDER_PIECES_HPP
#define FUSED_SCAN_IMPL_ORDER_PIECES_HPP

// A line in pieces, which begin at any position of it: what each piece has to make of the tree, and
// what it needs of the others'. Positions are those of the whole line, in the order of the scan.
//
// A whole chunk is the piece's that its last element lies in. A piece makes the largest nodes that
// its chunks can be put together from. Every node of a prefix (tree.hpp) is then made of whole such
// nodes: were one of them larger, the prefix would have the larger one.
//
// From a chunk s on, an ordinary scan that starts from the prefix before s groups as the whole line
// does, for as many chunks as the lowest bit of s that is set says: up to there the prefixes have
// the same nodes of s, and behind them the nodes of the distance from s. So a piece is scanned in
// parts: one where it begins at 0, or where it is short enough for the place it begins at.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/order/tree.hpp>
#include <limits>
#include <vector>

namespace fused_scan::impl {

/// Positions [begin, end).
struct Piece {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  bool empty() const { return begin == end; }
  /// The chunks that are its own: [first_chunk, end_chunk).
  std::int64_t first_chunk() const { return begin / chunk_length; }
  std::int64_t end_chunk() const { return end / chunk_length; }
  /// The elements of its first chunk that lie in the pieces before it.
  int missing() const { return static_cast<int>(begin % chunk_length); }
  /// Where its elements of the chunk begin that it ends in; `end` where it ends with a chunk.
  std::int64_t edge() const { return std::max(begin, end_chunk() * chunk_length); }
};

/// The pieces of the ranks, in the order of the ranks; a reverse scan begins with the last rank's.
inline std::vector<Piece> pieces_of(const std::vector<std::int64_t>& lengths, bool reverse) {
  std::vector<Piece> pieces(lengths.size());
  std::int64_t begin = 0;
  for (std::size_t k = 0; k < pieces.size(); ++k) {
    const std::size_t r = reverse ? pieces.size() - 1 - k : k;
    pieces[r] = {begin, begin + lengths[r]};
    begin = pieces[r].end;
  }
  return pieces;
}

/// Whether `to` needs elements of `from` to have its first chunk whole.
inline bool needs_edge(const Piece& to, const Piece& from) {
  return !to.empty() && !from.empty() && to.missing() > 0 && from.end <= to.begin &&
         from.end % chunk_length != 0 && from.end_chunk() == to.first_chunk();
}

/// The parts in which a piece is scanned, each of which begins with a chunk: the first one before
/// the piece itself, where that begins within a chunk.
inline std::vector<Piece> parts_of(const Piece& piece) {
  std::vector<Piece> parts;
  if (piece.empty()) return parts;
  std::int64_t chunk = piece.first_chunk();
  if (piece.missing() > 0) {
    parts.push_back({chunk * chunk_length, std::min(++chunk * chunk_length, piece.end)});
  }
  while (chunk * chunk_length < piece.end) {
    const std::int64_t begin = chunk * chunk_length;
    // Without a set bit there is no limit.
    const std::int64_t chunks = chunk == 0 ? piece.end : chunk & -chunk;
    chunk += std::min(chunks, ceil_div(piece.end - begin, chunk_length));
    parts.push_back({begin, std::min(chunk * chunk_length, piece.end)});
  }
  return parts;
}

/// A node of the tree: 2^level chunks from `chunk` on.
struct TreeNode {
  std::int64_t chunk;
  int level;
  std::int64_t end() const { return chunk + (std::int64_t{1} << level); }
};

/// The nodes that a piece makes, from left to right; of the last piece those that its own parts
/// start from. A chunk that begins in another piece is a node alone.
inline std::vector<TreeNode> nodes_of(const Piece& piece, bool is_last) {
  std::vector<TreeNode> nodes;
  if (piece.empty()) return nodes;
  std::int64_t chunk = piece.first_chunk();
  const std::int64_t end =
      is_last ? parts_of(piece).back().begin / chunk_length : piece.end_chunk();
  if (piece.missing() > 0 && chunk < end) nodes.push_back({chunk++, 0});
  while (chunk < end) {
    const int most = std::bit_width(static_cast<std::uint64_t>(end - chunk)) - 1;
    const int level =
        chunk == 0 ? most : std::min(most, std::countr_zero(static_cast<std::uint64_t>(chunk)));
    nodes.push_back({chunk, level});
    chunk = nodes.back().end();
  }
  return nodes;
}

/// How the prefixes before a piece's parts are made from all pieces' nodes: these are put on a
/// stack from left to right, and after each the two on top are combined `merges` times, which
/// leaves the nodes of the prefix there. Before part k there are `nodes_before[k]` of them.
struct PrefixProgram {
  std::vector<int> nodes_before;
  std::vector<int> merges;
};

inline PrefixProgram prefix_program(const std::vector<TreeNode>& nodes,
                                    const std::vector<Piece>& parts) {
  PrefixProgram program;
  std::vector<int> levels;
  for (const Piece& part : parts) {
    const std::int64_t chunk = part.begin / chunk_length;
    while (program.merges.size() < nodes.size() && nodes[program.merges.size()].chunk < chunk) {
      levels.push_back(nodes[program.merges.size()].level);
      int merges = 0;
      while (levels.size() > 1 && levels[levels.size() - 2] == levels.back()) {
        levels.pop_back();
        ++levels.back();
        ++merges;
      }
      program.merges.push_back(merges);
    }
    program.nodes_before.push_back(static_cast<int>(program.merges.size()));
  }
  return program;
}

}  // namespace fused_scan::impl

#endif
