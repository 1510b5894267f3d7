// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Lines in pieces, with sums as text: "(0 1)" for chunks 0 and 1 combined. Whatever the cuts are,
// every chunk's prefix must be written as it is on a line that is whole.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/order/pieces.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <string>
#include <vector>

#include "random_bits.hpp"

namespace {

using namespace fused_scan::impl;
using fused_scan::test::random_bits;

std::string combined(const std::string& a, const std::string& b) { return "(" + a + " " + b + ")"; }

// The node over 2^level chunks, by the definition.
std::string node_text(std::int64_t chunk, int level) {
  if (level == 0) return std::to_string(chunk);
  const std::int64_t half = std::int64_t{1} << (level - 1);
  return combined(node_text(chunk, level - 1), node_text(chunk + half, level - 1));
}

// The prefix `distance` chunks after `first`, from the one before `first`.
std::string prefix_text(const std::string& before, std::int64_t first, std::int64_t distance) {
  std::string prefix = before;
  for_prefix_nodes(distance, 40, [&](int level, std::int64_t last) {
    prefix = combined(prefix, node_text(first + last + 1 - (std::int64_t{1} << level), level));
  });
  return prefix;
}

// What CombinePrefixes does, on text.
std::vector<std::string> prefixes_of_parts(const std::vector<TreeNode>& nodes,
                                           const std::vector<Piece>& parts) {
  const PrefixProgram program = prefix_program(nodes, parts);
  std::vector<std::string> prefixes, stack;
  int node = 0;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    for (; node < program.nodes_before[k]; ++node) {
      const auto at = static_cast<std::size_t>(node);
      stack.push_back(node_text(nodes[at].chunk, nodes[at].level));
      for (int m = 0; m < program.merges[at]; ++m) {
        const std::string right = stack.back();
        stack.pop_back();
        stack.back() = combined(stack.back(), right);
      }
    }
    std::string prefix = "-";
    for (const std::string& each : stack) prefix = combined(prefix, each);
    prefixes.push_back(prefix);
  }
  return prefixes;
}

void check_pieces(const std::vector<std::int64_t>& lengths, bool reverse) {
  const std::vector<Piece> pieces = pieces_of(lengths, reverse);
  std::int64_t end = 0, covered = 0;
  for (const Piece& piece : pieces) end = std::max(end, piece.end);
  std::vector<TreeNode> nodes;
  for (std::size_t k = 0; k < pieces.size(); ++k) {
    const Piece& piece = pieces[reverse ? pieces.size() - 1 - k : k];
    REQUIRE(piece.begin == covered);
    covered = piece.end;
    for (const TreeNode& node : nodes_of(piece, piece.end == end)) {
      // Its own chunks: each ends in the piece.
      REQUIRE(node.chunk * chunk_length + chunk_length > piece.begin);
      REQUIRE(node.end() * chunk_length <= piece.end);
      // All but one chunk that began before are wholly in it.
      REQUIRE((node.level == 0 || node.chunk * chunk_length >= piece.begin));
      nodes.push_back(node);
    }
  }
  for (const Piece& piece : pieces) {
    const std::vector<Piece> parts = parts_of(piece);
    std::int64_t next = piece.first_chunk() * chunk_length;
    const std::vector<std::string> prefixes = prefixes_of_parts(nodes, parts);
    for (std::size_t k = 0; k < parts.size(); ++k) {
      REQUIRE(parts[k].begin == next);
      REQUIRE(parts[k].end > parts[k].begin);
      next = parts[k].end;
      const std::int64_t first = parts[k].begin / chunk_length;
      const std::int64_t count = ceil_div(parts[k].end - parts[k].begin, chunk_length);
      for (std::int64_t c = 0; c < count; ++c) {
        if (prefix_text(prefixes[k], first, c) != prefix_text("-", 0, first + c)) {
          FAIL("chunk " << first + c << " of piece [" << piece.begin << ", " << piece.end
                        << "): " << prefix_text(prefixes[k], first, c));
        }
      }
    }
    REQUIRE((piece.empty() || next == piece.end));
  }
}

}  // namespace

TEST_CASE("Pieces.GroupAsTheWholeLine") {
  std::uint64_t seed = 0;
  for (int turn = 0; turn < 1500; ++turn) {
    const std::size_t count = 1 + random_bits(seed++) % (turn % 10 == 0 ? 30 : 6);
    const std::uint64_t longest = turn % 3 == 0 ? 20 : 700;
    std::vector<std::int64_t> lengths;
    for (std::size_t r = 0; r < count; ++r) {
      std::uint64_t length = random_bits(seed++) % longest;
      if (random_bits(seed++) % 4 == 0) length = 0;
      if (random_bits(seed++) % 3 == 0) length = length / 16 * 16;
      lengths.push_back(static_cast<std::int64_t>(length));
    }
    check_pieces(lengths, turn % 2 == 1);
  }
}

TEST_CASE("Pieces.EqualPowersOfTwoMakeOneNodeAndOnePart") {
  for (const std::int64_t length : {16, 64, 4096}) {
    const std::vector<Piece> pieces = pieces_of(std::vector<std::int64_t>(8, length), false);
    for (std::size_t r = 0; r < 8; ++r) {
      CHECK(nodes_of(pieces[r], r == 7).size() == (r == 7 ? 0 : 1));
      CHECK(parts_of(pieces[r]).size() == 1);
    }
  }
}

TEST_CASE("Pieces.NodesGrowWithTheLogarithm") {
  for (std::int64_t bits = 4; bits < 50; ++bits) {
    const std::int64_t length = (std::int64_t{1} << bits) - 1;
    const std::vector<Piece> pieces = pieces_of({length, length, length}, false);
    for (const Piece& piece : pieces) {
      CHECK(nodes_of(piece, false).size() <= 2 * static_cast<std::size_t>(bits - 3));
      CHECK(parts_of(piece).size() <= static_cast<std::size_t>(bits));
    }
  }
}

TEST_CASE("Pieces.EdgesMakeCutChunksWhole") {
  // 7, nothing, 3, 20: the chunk [0, 16) ends in the last piece, which lacks 10 elements of it.
  const std::vector<Piece> pieces = pieces_of({7, 0, 3, 20}, false);
  CHECK(pieces[3].missing() == 10);
  CHECK(pieces[3].edge() == 16);
  CHECK(pieces[2].edge() == 7);
  CHECK(needs_edge(pieces[3], pieces[0]));
  CHECK(!needs_edge(pieces[3], pieces[1]));
  CHECK(needs_edge(pieces[3], pieces[2]));
  CHECK(needs_edge(pieces[2], pieces[0]));
  CHECK(!needs_edge(pieces[0], pieces[2]));
  CHECK(!needs_edge(pieces[1], pieces[0]));
  const std::vector<Piece> reversed = pieces_of({7, 0, 3, 20}, true);
  CHECK(reversed[3].begin == 0);
  CHECK(reversed[2].begin == 20);
  CHECK(reversed[0].begin == 23);
  CHECK(needs_edge(reversed[0], reversed[3]));
}
