// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_TILE_NODES_HPP
#define FUSED_SCAN_IMPL_HOST_TILE_NODES_HPP

#include <Kokkos_Core.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/host/value_rows.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <thread>

namespace fused_scan::impl {

/// What the tiles of a line group hand on: each the largest nodes that end with it.
template <class Op>
class TileNodes {
 public:
  using Value = typename Op::value_type;
  using Flag = std::uint32_t;

  /// `flags` are zeros at first; `nodes` has a row of `lines` values a tile.
  TileNodes(const Op& op, Flag* flags, Value* nodes, std::int64_t tiles, int lines)
      : m_op(op), m_flags(flags), m_nodes(nodes), m_tiles(tiles), m_lines(lines) {}

  /// From the node of a tile's own chunks.
  void publish(std::int64_t tile, row_of_t<Value> own) const {
    const auto node = row_of(tile);
    for (int j = 0; j < m_lines; ++j) set(node, j, get(own, j));
    const int levels = levels_ending_with(tile);
    for (int s = 0; s < levels; ++s) combine(node_of(tile - (std::int64_t{1} << s)), node, node);
    std::atomic_ref<Flag>(m_flags[tile]).store(1, std::memory_order_release);
  }

  /// The prefixes before a tile, from those before the line.
  void combine_prefix(std::int64_t tile, row_of_t<Value> prefix) const {
    for_prefix_nodes(tile, levels_over(m_tiles),
                     [&](int, std::int64_t last) { combine_node(last, prefix); });
  }
  /// The prefixes after the last tile of 2^k, when its node is published: that is over all of them.
  void combine_last(row_of_t<Value> prefix) const { combine_node(m_tiles - 1, prefix); }

 private:
  void combine_node(std::int64_t tile, row_of_t<Value> prefix) const {
    combine(prefix, node_of(tile), prefix);
  }
  template <class Left, class Right, class To>
  void combine(Left left, Right right, To to) const {
    if constexpr (in_map_rows<Value>) {
      impl::combine_rows(m_op, m_lines, left, right, to);
    } else {
      for (int j = 0; j < m_lines; ++j) set(to, j, m_op.combine(get(left, j), get(right, j)));
    }
  }

  /// A tile's values: maps as rows, others one after the other.
  auto row_of(std::int64_t tile) const {
    Value* const values = m_nodes + tile * m_lines;
    if constexpr (in_map_rows<Value>) {
      return impl::row_in<Value>(reinterpret_cast<std::byte*>(values), m_lines);
    } else {
      return values;
    }
  }

  /// When it is there. Its tile was taken before, by a thread that runs; where there are more
  /// threads than cores, that one gets its turn.
  auto node_of(std::int64_t tile) const {
    const std::atomic_ref<Flag> flag(m_flags[tile]);
    for (int polls = 0; flag.load(std::memory_order_acquire) == 0; ++polls) {
      if (polls > 1000) std::this_thread::yield();
    }
    return row_of(tile);
  }

  const Op& m_op;
  Flag* m_flags;
  Value* m_nodes;
  std::int64_t m_tiles;
  int m_lines;
};

}  // namespace fused_scan::impl

#endif
