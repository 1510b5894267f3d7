// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_HOST_SCAN_HPP
#define FUSED_SCAN_IMPL_HOST_HOST_SCAN_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <bit>
#include <cstdint>
#include <fused_scan/impl/host/host_blocks.hpp>
#include <fused_scan/impl/host/prefix_tree.hpp>
#include <fused_scan/impl/host/publish.hpp>
#include <fused_scan/impl/host/wide_vectors.hpp>
#include <fused_scan/impl/line_scan.hpp>
#include <fused_scan/impl/workspace.hpp>
#include <string>
#include <type_traits>

namespace fused_scan::impl {

/// Lines that one thread takes at a time: `count` from (outer, lane) on.
struct Bundle {
  std::int64_t outer;
  std::int64_t lane;
  int count;
};

/// The lines of a scan in bundles of `lanes`, or as many as there are left side by side.
struct Bundles {
  std::int64_t inner;
  int lanes;
  std::int64_t per_outer;
  std::int64_t count;

  Bundles(const ScanExtents& extents, int lanes_of_bundle)
      : inner(extents.inner),
        lanes(lanes_of_bundle),
        per_outer(ceil_div(inner, lanes)),
        count(extents.outer * per_outer) {}

  Bundle operator[](std::int64_t index) const {
    const std::int64_t lane = index % per_outer * lanes;
    return {index / per_outer, lane, static_cast<int>(std::min<std::int64_t>(lanes, inner - lane))};
  }
};

template <class Block>
int elements_of_block(const ScanExtents& extents, std::int64_t first) {
  return static_cast<int>(std::min<std::int64_t>(Block::length, extents.length - first));
}

/// Whether a scan is worth compiling for wide vectors: of floating-point numbers, from memory to
/// memory. Integers take one operation each, and vectors of 16 bytes will do.
template <class Scan>
inline constexpr bool in_vectors_v =
    is_floating_v<typename Scan::Value> &&
    LikeMemory<typename Scan::Load::Line, typename Scan::Element> &&
    LikeMemory<typename Scan::Store::Line, typename Scan::Result>;

/// One thread walks down whole lines, block by block.
template <class Scan, class Block>
struct HostWalk {
  static constexpr bool in_vectors = in_vectors_v<Scan>;

  Scan scan;
  Bundles bundles;

  void operator()(std::int64_t index) const { impl::run_on_core(*this, index); }

  void run(std::int64_t index) const {
    const Bundle bundle = bundles[index];
    const auto load = scan.load.line(bundle.outer);
    const auto store = scan.store.line(bundle.outer);
    PrefixTree<typename Scan::Op, Block::lines> tree(scan.op, bundle.count);
    for (int j = 0; j < bundle.count; ++j) {
      tree.prefix().set(j, scan.initial(bundle.outer, bundle.lane + j));
    }
    Block block;
    Lanes<typename Scan::Value, Block::lines> state{};
    state.assign(tree.prefix(), bundle.count);
    for (std::int64_t first = 0; first < scan.extents.length; first += Block::length) {
      const int count = elements_of_block<Block>(scan.extents, first);
      block.load(scan, load, store, first, count, bundle.lane, bundle.count);
      state.assign(tree.prefix(), bundle.count);
      block.store(scan, load, store, first, count, bundle.lane, bundle.count, state, true);
      if (count == Block::length) tree.push(block.sum());
    }
    for (int j = 0; j < bundle.count; ++j) scan.final(bundle.outer, bundle.lane + j, state.get(j));
  }
};

/// Several threads share a line: each takes the next tile of `tile_blocks` blocks, publishes its
/// node of the tree, and collects the nodes before it while its elements are still in the cache.
template <class Scan, class Block, int max_tile_blocks>
struct HostTiles {
  using Value = typename Scan::Value;
  using Nodes = Lanes<Value, Block::lines>;
  static constexpr bool in_vectors = in_vectors_v<Scan>;

  Scan scan;
  int tile_blocks;  // a power of two
  Bundles bundles;
  std::int64_t tiles;      // in a line
  TileBoard<Nodes> board;  // a place for each tile of bundle 0, then bundle 1, ...

  void operator()(int worker) const { impl::run_on_core(*this, worker); }

  void run(int) const {
    const std::int64_t tickets = bundles.count * tiles;
    for (std::int64_t ticket;
         (ticket = Kokkos::atomic_fetch_add(board.next_ticket, 1)) < tickets;) {
      run_tile(ticket % bundles.count, ticket / bundles.count);
    }
  }

 private:
  void run_tile(std::int64_t bundle_index, std::int64_t tile) const {
    const Bundle bundle = bundles[bundle_index];
    int* const flag = board.flags + bundle_index * tiles;
    Nodes* const node = board.nodes + bundle_index * tiles;

    const auto load = scan.load.line(bundle.outer);
    const auto store = scan.store.line(bundle.outer);
    PrefixTree<typename Scan::Op, Block::lines> tree(scan.op, bundle.count);
    Block blocks[max_tile_blocks];
    const std::int64_t begin = tile * tile_blocks * Block::length;
    const std::int64_t end = std::min(begin + tile_blocks * Block::length, scan.extents.length);
    for (std::int64_t first = begin; first < end; first += Block::length) {
      Block& block = blocks[(first - begin) / Block::length];
      const int count = elements_of_block<Block>(scan.extents, first);
      block.load(scan, load, store, first, count, bundle.lane, bundle.count);
      if (count == Block::length) {
        Nodes sum = block.sum();
        tree.merge(sum);
      }
    }
    // Before anything is published: once all tiles are, the last may store the final state, and the
    // two states may be one array.
    Nodes& prefix = tree.prefix();
    for (int j = 0; j < bundle.count; ++j) {
      prefix.set(j, scan.initial(bundle.outer, bundle.lane + j));
    }
    if (tile + 1 < tiles) {
      Nodes total = tree.node(std::countr_zero(static_cast<unsigned>(tile_blocks)));
      for (int level = 0; level < levels_ending_with(tile); ++level) {
        const std::int64_t left = tile - (std::int64_t{1} << level);
        wait_for(flag + left);
        combine(node[left], total, total, bundle.count);
      }
      node[tile] = total;
      publish(flag + tile);
    }
    for (int level = std::bit_width(static_cast<std::uint64_t>(tile)) - 1; level >= 0; --level) {
      if (!((tile >> level) & 1)) continue;
      const std::int64_t left = (tile >> level << level) - 1;
      wait_for(flag + left);
      combine(prefix, node[left], prefix, bundle.count);
    }

    tree.restart();
    Nodes state{};
    state.assign(prefix, bundle.count);
    for (std::int64_t first = begin; first < end; first += Block::length) {
      Block& block = blocks[(first - begin) / Block::length];
      const int count = elements_of_block<Block>(scan.extents, first);
      state.assign(prefix, bundle.count);
      block.store(scan, load, store, first, count, bundle.lane, bundle.count, state, false);
      if (count == Block::length) tree.push(block.sum());
    }
    if (tile + 1 == tiles) {
      for (int j = 0; j < bundle.count; ++j)
        scan.final(bundle.outer, bundle.lane + j, state.get(j));
    }
  }

  void combine(const Nodes& a, const Nodes& b, Nodes& into, int lanes) const {
    for (int j = 0; j < lanes; ++j) into.set(j, scan.op.combine(a.get(j), b.get(j)));
  }
};

/// How many elements, in bytes, a thread keeps in its cache between summing up and storing.
inline constexpr int tile_bytes = 1 << 17;

template <class Exec, class Scan, class Block>
void run_host_walk(const Exec& exec, const Scan& scan, const std::string& label, int lanes) {
  const Bundles bundles(scan.extents, lanes);
  Kokkos::RangePolicy<Exec, Kokkos::Schedule<Kokkos::Dynamic>, Kokkos::IndexType<std::int64_t>>
      policy(exec, 0, bundles.count);
  policy.set_chunk_size(1);
  Kokkos::parallel_for(label + "::walk", policy, HostWalk<Scan, Block>{scan, bundles});
}

template <class Exec, class Scan, class Block>
void run_host_tiles(const Exec& exec, const Scan& scan, const std::string& label, int lanes,
                    int block_size) {
  constexpr int max_tile_blocks = std::bit_floor(static_cast<unsigned>(std::max<std::size_t>(
      1, tile_bytes / (Block::length * Block::lines * sizeof(typename Scan::Element)))));
  using Kernel = HostTiles<Scan, Block, max_tile_blocks>;
  const int tile_blocks = block_size == 0
                              ? max_tile_blocks
                              : std::clamp(block_size / Block::length, 1, max_tile_blocks);
  const Bundles bundles(scan.extents, lanes);
  const std::int64_t tiles = ceil_div(scan.extents.length, tile_blocks * Block::length);

  const auto board = tile_board<typename Kernel::Nodes>(exec, bundles.count * tiles, label);
  const int workers =
      static_cast<int>(std::min<std::int64_t>(exec.concurrency(), bundles.count * tiles));
  Kokkos::RangePolicy<Exec> policy(exec, 0, workers);
  policy.set_chunk_size(1);
  Kokkos::parallel_for(label + "::tiles", policy, Kernel{scan, tile_blocks, bundles, tiles, board});
}

/// Lanes in a block of columns, of values of `size` bytes. Wide: memory delivers long rows faster.
constexpr int column_lanes(int size) { return lanes_in(4096, size); }

/// The same where threads share lines and a tile is a stack of blocks.
constexpr int column_tile_lanes(int size) { return lanes_in(512, size); }

/// Chunks in a block of rows.
constexpr int row_lanes(int size) { return lanes_in(4096, size); }

/// Lines in a bundle whose neighbours lie along the axis: each is a stream of its own.
inline constexpr int transposed_lanes = 32;

/// The path on a host space. `along_axis`: neighbours in memory are neighbours on the axis.
template <class Exec>
Path choose_host_path(const Exec& exec, const ScanExtents& extents, int value_size,
                      bool along_axis) {
  const int threads = exec.concurrency();
  // Whole lines are shared out where that gives every thread as much to do.
  const auto uneven = [&](std::int64_t bundles) {
    return bundles < 4 * threads && bundles % threads != 0;
  };
  // A line must be long enough to fill the lanes with its own chunks.
  const bool long_lines = extents.length >= 16 * chunk_length;
  if (long_lines && (along_axis || extents.inner < square_width)) {
    // Interleaved lines lie in the same cache lines, so their tiles are taken in turn.
    const bool interleaved = !along_axis && extents.inner > 1;
    return {Path::Shape::rows, interleaved || uneven(extents.outer * extents.inner), 1};
  }
  const int lanes = along_axis ? transposed_lanes : column_lanes(value_size);
  const bool tiles = long_lines && uneven(Bundles(extents, lanes).count);
  return {Path::Shape::columns, tiles, tiles ? column_tile_lanes(value_size) : lanes};
}

template <Path::Shape shape, class Exec, class Scan>
void run_on_host(const Exec& exec, const Scan& scan, const Path& path, const std::string& label,
                 int block_size) {
  constexpr int size = sizeof(typename Scan::Value);
  if constexpr (shape == Path::Shape::rows) {
    using Block = RowBlock<Scan, row_lanes(size)>;
    if (path.tiles) {
      run_host_tiles<Exec, Scan, Block>(exec, scan, label, 1, block_size);
    } else {
      run_host_walk<Exec, Scan, Block>(exec, scan, label, 1);
    }
  } else if (path.tiles) {
    using Block = ColumnBlock<Scan, column_tile_lanes(size)>;
    run_host_tiles<Exec, Scan, Block>(exec, scan, label, path.lanes, block_size);
  } else {
    using Block = ColumnBlock<Scan, column_lanes(size)>;
    run_host_walk<Exec, Scan, Block>(exec, scan, label, path.lanes);
  }
}

}  // namespace fused_scan::impl

#endif
