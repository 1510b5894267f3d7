// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_SCAN_HPP
#define FUSED_SCAN_IMPL_DEVICE_SCAN_HPP

// The engine on a GPU: a thread holds one chunk of one line in registers, a team a tile of chunks.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/line_scan.hpp>
#include <fused_scan/impl/prefix_tree.hpp>
#include <fused_scan/impl/publish.hpp>
#include <fused_scan/impl/workspace.hpp>
#include <string>

namespace fused_scan::impl {

/// The node over the 2^level values from `first` on, `stride` apart.
template <int level, class Op>
KOKKOS_FORCEINLINE_FUNCTION typename Op::value_type node_over(const Op& op,
                                                              const typename Op::value_type* first,
                                                              int stride) {
  if constexpr (level == 0) {
    return *first;
  } else {
    return op.combine(node_over<level - 1>(op, first, stride),
                      node_over<level - 1>(op, first + (stride << (level - 1)), stride));
  }
}

/// `prefix`, combined with the first `count` of 16 values, `stride` apart: by the nodes that the
/// bits of count stand for, the largest first.
template <int level = 3, class Op>
KOKKOS_FORCEINLINE_FUNCTION typename Op::value_type prefix_over(
    const Op& op, typename Op::value_type prefix, const typename Op::value_type* first, int stride,
    int count) {
  if ((count >> level) & 1) {
    prefix = op.combine(prefix, node_over<level>(op, first, stride));
    first += stride << level;
  }
  if constexpr (level > 0) {
    return prefix_over<level - 1>(op, prefix, first, stride, count);
  } else {
    return prefix;
  }
}

/// A kernel in which each team takes tiles of 16 * groups chunks of `lanes` lines. With `shared`, a
/// team takes one tile, and finds what is before it in the nodes that earlier tiles have published;
/// without, it walks down its lines with the tree in its scratch memory.
template <class Exec, class Scan, int lanes, int groups, bool shared>
struct DeviceScan {
  static_assert(lanes == 1 || groups == 1, "one line of many chunks, or 16 chunks of many lines");

  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;
  using Result = typename Scan::Result;

  static constexpr int group_chunks = 16;
  static constexpr int group_length = group_chunks * chunk_length;
  static constexpr int chunks = group_chunks * groups;
  static constexpr int team_size = lanes * chunks;
  static constexpr int tile_length = chunks * chunk_length;

  using Policy = Kokkos::TeamPolicy<Exec, Kokkos::LaunchBounds<team_size, 1>>;
  using Member = typename Policy::member_type;

  Scan scan;
  std::int64_t bundles;
  std::int64_t line_tiles;
  int levels;              // of the tree over the tiles of a line
  TileBoard<Value> board;  // one place a lane, for the tiles of bundle 0, then bundle 1, ...

  KOKKOS_FUNCTION void operator()(const Member& member) const {
    Team team(*this, member);
    if constexpr (shared) {
      std::int64_t ticket;
      Kokkos::single(
          Kokkos::PerTeam(member),
          [&](std::int64_t& mine) { mine = Kokkos::atomic_fetch_add(board.next_ticket, 1); },
          ticket);
      team.select_bundle(ticket % bundles);
      team.fetch(ticket / bundles);
      team.run_tile(ticket / bundles);
    } else {
      team.select_bundle(member.league_rank());
      if (line_tiles > 0) team.fetch(0);
      for (std::int64_t tile = 0; tile < line_tiles; ++tile) team.run_tile(tile);
    }
  }

  KOKKOS_FUNCTION static std::size_t scratch_bytes(int levels) {
    const std::size_t values = chunks * lanes + 2 * groups + lanes + 2 * levels * lanes;
    return values * sizeof(Value) + (lanes == 1 ? stage_bytes : 0);
  }

 private:
  // Where the elements of one line are handed to the threads of their chunks, and the results taken
  // back. A place is left out after each chunk, so that threads don't meet in a bank of the memory.
  KOKKOS_FUNCTION static constexpr int staged(int i) { return i + i / chunk_length; }
  static constexpr std::size_t stage_bytes =
      (tile_length + chunks) * std::max(sizeof(Element), sizeof(Result));

  /// One thread's view of its team's work.
  class Team {
   public:
    KOKKOS_FUNCTION Team(const DeviceScan& kernel, const Member& member)
        : m_kernel(kernel),
          m_member(member),
          m_lane(member.team_rank() % lanes),
          m_chunk(member.team_rank() / lanes) {
      auto* memory = static_cast<Value*>(
          member.team_scratch(0).get_shmem_aligned(scratch_bytes(kernel.levels), 16));
      const auto take = [&](int count) {
        Value* const begin = memory;
        memory += count;
        return begin;
      };
      m_sums = take(chunks * lanes);
      m_group_sums = take(groups);
      m_group_prefixes = take(groups);
      m_prefix = take(lanes);
      m_node = take(kernel.levels * lanes);
      m_before = take(kernel.levels * lanes);
      m_stage = memory;
    }

    KOKKOS_FUNCTION void select_bundle(std::int64_t bundle) {
      const Scan& scan = m_kernel.scan;
      const std::int64_t per_outer = ceil_div(scan.extents.inner, lanes);
      m_bundle = bundle;
      m_outer = bundle / per_outer;
      m_line = bundle % per_outer * lanes + m_lane;
      m_active = m_line < scan.extents.inner;
      if (m_chunk == 0 && m_active) {
        m_prefix[m_lane] = scan.initial(m_outer, m_line);
        if (scan.extents.length == 0) scan.final(m_outer, m_line, m_prefix[m_lane]);
      }
    }

    /// Loads this thread's share of a tile, in the order in which a warp reads neighbours in
    /// memory.
    KOKKOS_FUNCTION void fetch(std::int64_t tile) {
      const auto line = m_kernel.scan.load.line(m_outer);
      const std::int64_t first =
          tile * tile_length + (lanes > 1 ? m_chunk * chunk_length : m_chunk);
      constexpr int step = lanes > 1 ? 1 : team_size;
      const std::int64_t length = m_active ? m_kernel.scan.extents.length : 0;
      if (first + (chunk_length - 1) * step < length) {
        for (int r = 0; r < chunk_length; ++r) {
          m_fetched[r] = static_cast<Element>(line(first + r * step, m_line));
        }
      } else {
        for (int r = 0; r < chunk_length; ++r) {
          if (first + r * step < length)
            m_fetched[r] = static_cast<Element>(line(first + r * step, m_line));
        }
      }
    }

    /// Scans the tile whose elements have been fetched; meanwhile those of the next one come.
    KOKKOS_FUNCTION void run_tile(std::int64_t tile) {
      const Scan& scan = m_kernel.scan;
      const std::int64_t tile_first = tile * tile_length;
      const std::int64_t left = scan.extents.length - tile_first;
      const int tile_count = left < tile_length ? static_cast<int>(left) : tile_length;
      const int before = m_chunk * chunk_length;
      const int count =
          !m_active || tile_count <= before
              ? 0
              : (tile_count - before < chunk_length ? tile_count - before : chunk_length);
      const bool last = tile + 1 == m_kernel.line_tiles;

      Element elements[chunk_length];
      arrange(tile_count, elements);
      if constexpr (!shared) {
        if (!last) fetch(tile + 1);
      }
      if (count == chunk_length) m_sums[m_chunk * lanes + m_lane] = sum_of(elements);
      m_member.team_barrier();
      if constexpr (groups > 1) {
        if ((m_chunk + 1) * group_length <= tile_count && m_chunk < groups) {
          m_group_sums[m_chunk] = node_over<4>(scan.op, m_sums + m_chunk * group_chunks, 1);
        }
        m_member.team_barrier();
      }
      if constexpr (shared) exchange(tile, last);

      Value state = prefix_of_chunk(count, tile_count);
      if constexpr (!shared) {
        const bool pushes = m_chunk == 0 && m_active && !last;
        const Value sum = pushes ? total() : scan.op.identity();
        m_member.team_barrier();  // everybody has read the prefix and the sums
        if (pushes) push(tile, sum);
      }
      store(tile_first, tile_count, count, elements, state);
      if (last && count > 0 && before + count == tile_count) scan.final(m_outer, m_line, state);
    }

   private:
    KOKKOS_FUNCTION Value sum_of(const Element (&elements)[chunk_length]) const {
      const Op& op = m_kernel.scan.op;
      Value sum = op.lift(elements[0]);
      for (int r = 1; r < chunk_length; ++r) sum = op.accumulate(sum, elements[r]);
      return sum;
    }

    /// Of a chunk that has elements: all before it are whole, and have sums.
    KOKKOS_FUNCTION Value prefix_of_chunk(int count, int tile_count) const {
      const Op& op = m_kernel.scan.op;
      if constexpr (groups == 1) {
        if (count == 0) return op.identity();
        return prefix_over(op, m_prefix[m_lane], m_sums + m_lane, lanes, m_chunk);
      } else {
        if (m_chunk * group_length < tile_count && m_chunk < groups) {
          m_group_prefixes[m_chunk] = prefix_over(op, m_prefix[0], m_group_sums, 1, m_chunk);
        }
        m_member.team_barrier();
        if (count == 0) return op.identity();
        const int group = m_chunk / group_chunks;
        return prefix_over(op, m_group_prefixes[group], m_sums + group * group_chunks, 1,
                           m_chunk % group_chunks);
      }
    }

    /// The node over a whole tile.
    KOKKOS_FUNCTION Value total() const {
      constexpr int group_levels = std::countr_zero(static_cast<unsigned>(groups));
      if constexpr (groups == 1) {
        return node_over<4>(m_kernel.scan.op, m_sums + m_lane, lanes);
      } else {
        return node_over<group_levels>(m_kernel.scan.op, m_group_sums, 1);
      }
    }

    KOKKOS_FUNCTION Value& node(int level) const { return m_node[level * lanes + m_lane]; }
    KOKKOS_FUNCTION Value& before(int level) const { return m_before[level * lanes + m_lane]; }

    /// PrefixTree::push of this lane.
    KOKKOS_FUNCTION void push(std::int64_t tile, Value sum) const {
      const Op& op = m_kernel.scan.op;
      const int level = levels_ending_with(tile);
      for (int s = 0; s < level; ++s) sum = op.combine(node(s), sum);
      before(level) = level > 0 ? before(level - 1) : m_prefix[m_lane];
      node(level) = sum;
      m_prefix[m_lane] = op.combine(before(level), sum);
    }

    /// Publishes this tile's node, and puts the nodes before it together.
    KOKKOS_FUNCTION void exchange(std::int64_t tile, bool last) const {
      const Op& op = m_kernel.scan.op;
      const std::int64_t of_bundle = m_bundle * m_kernel.line_tiles;
      const auto place = [&](std::int64_t of_tile) {
        return (of_bundle + of_tile) * lanes + m_lane;
      };
      const auto await_node = [&](int level) {
        const std::int64_t end = place((tile >> level << level) - 1);
        wait_for(m_kernel.board.flags + end);
        return node(level) = m_kernel.board.nodes[end];
      };
      // The first thread of a lane publishes the tile's node as soon as it has its left siblings:
      // what it needs for that lies in the node, so no chain of tiles forms. The others meanwhile
      // wait for the nodes before that, a level each.
      const int merged = levels_ending_with(tile);
      if (m_active && m_chunk == 0) {
        if (!last) {
          Value sum = total();
          for (int level = 0; level < merged; ++level) sum = op.combine(await_node(level), sum);
          m_kernel.board.nodes[place(tile)] = sum;
          publish(m_kernel.board.flags + place(tile));
        }
      } else if (m_active) {
        for (int level = (last ? 0 : merged) + m_chunk - 1; level < m_kernel.levels;
             level += chunks - 1) {
          if ((tile >> level) & 1) await_node(level);
        }
      }
      m_member.team_barrier();
      if (m_active && m_chunk == 0) {
        Value prefix = m_prefix[m_lane];
        for (int level = m_kernel.levels - 1; level >= 0; --level) {
          if ((tile >> level) & 1) prefix = op.combine(prefix, node(level));
        }
        m_prefix[m_lane] = prefix;
      }
      m_member.team_barrier();
    }

    /// What has been fetched, each thread its own chunk.
    KOKKOS_FUNCTION void arrange(int tile_count, Element (&elements)[chunk_length]) const {
      if constexpr (lanes > 1) {
        for (int r = 0; r < chunk_length; ++r) elements[r] = m_fetched[r];
      } else {
        auto* const stage = reinterpret_cast<Element*>(m_stage);
        for (int r = 0; r < chunk_length; ++r) {
          const int i = r * team_size + m_chunk;
          if (i < tile_count) stage[staged(i)] = m_fetched[r];
        }
        m_member.team_barrier();
        for (int r = 0; r < chunk_length; ++r) {
          const int i = m_chunk * chunk_length + r;
          if (i < tile_count) elements[r] = stage[staged(i)];
        }
      }
    }

    KOKKOS_FUNCTION void store(std::int64_t tile_first, int tile_count, int count,
                               const Element (&elements)[chunk_length], Value& state) const {
      const Scan& scan = m_kernel.scan;
      const auto line = scan.store.line(m_outer);
      const auto next_result = [&](int r) {
        const Value before = state;
        state = scan.op.accumulate(before, elements[r]);
        // Not lower(exclusive ? before : state): that chooses an address, and puts both into
        // memory.
        return scan.exclusive ? scan.op.lower(before) : scan.op.lower(state);
      };
      if constexpr (lanes > 1) {
        const std::int64_t first = tile_first + m_chunk * chunk_length;
        if (count == chunk_length) {
          for (int r = 0; r < chunk_length; ++r) line(first + r, m_line, next_result(r));
        } else {
          for (int r = 0; r < chunk_length; ++r) {
            if (r < count) line(first + r, m_line, next_result(r));
          }
        }
      } else {
        auto* const stage = reinterpret_cast<Result*>(m_stage);
        for (int r = 0; r < chunk_length; ++r) {
          if (r < count) stage[staged(m_chunk * chunk_length + r)] = next_result(r);
        }
        m_member.team_barrier();
        for (int r = 0; r < chunk_length; ++r) {
          const int i = r * team_size + m_chunk;
          if (i < tile_count) line(tile_first + i, m_line, stage[staged(i)]);
        }
        m_member.team_barrier();
      }
    }

    const DeviceScan& m_kernel;
    const Member& m_member;
    int m_lane;
    int m_chunk;
    std::int64_t m_bundle = 0;
    std::int64_t m_outer = 0;
    std::int64_t m_line = 0;
    bool m_active = false;
    Element m_fetched[chunk_length];
    // In scratch memory:
    Value* m_sums;            // [chunks][lanes]
    Value* m_group_sums;      // [groups]
    Value* m_group_prefixes;  // [groups]
    Value* m_prefix;          // [lanes], before the tile
    Value* m_node;            // [levels][lanes]
    Value* m_before;          // [levels][lanes]
    void* m_stage;
  };
};

template <class Exec, class Scan, int lanes, int groups, bool shared>
void launch_on_device(const Exec& exec, const Scan& scan, const std::string& label) {
  using Kernel = DeviceScan<Exec, Scan, lanes, groups, shared>;
  const std::int64_t bundles = scan.extents.outer * ceil_div(scan.extents.inner, lanes);
  const std::int64_t tiles = ceil_div(scan.extents.length, Kernel::tile_length);
  const int levels = std::bit_width(static_cast<std::uint64_t>(std::max<std::int64_t>(tiles, 1)));
  Kernel kernel{scan, bundles, tiles, levels, {}};
  if constexpr (shared) {
    kernel.board = tile_board<typename Scan::Value>(exec, bundles * tiles * lanes, label);
  }
  typename Kernel::Policy policy(exec, static_cast<int>(shared ? bundles * tiles : bundles),
                                 Kernel::team_size);
  policy.set_scratch_size(0, Kokkos::PerTeam(Kernel::scratch_bytes(levels) + 16));
  Kokkos::parallel_for(label + (shared ? "::tiles" : "::walk"), policy, kernel);
}

/// The path on a device. Lines are shared where there are fewer bundles of them than
/// multiprocessors.
template <class Exec>
Path choose_device_path(const Exec& exec, const ScanExtents& extents, bool along_axis) {
  const bool rows = along_axis && extents.length >= 16 * chunk_length;
  const std::int64_t bundles =
      rows ? extents.outer * extents.inner : extents.outer * ceil_div(extents.inner, 32);
  const bool many_tiles = extents.length > (rows ? 4096 : 256) * 2;
  // 2048 threads is what a multiprocessor holds.
  return {rows ? Path::Shape::rows : Path::Shape::columns,
          many_tiles && bundles < exec.concurrency() / 2048 / 2};
}

template <Path::Shape shape, class Exec, class Scan>
void run_on_device(const Exec& exec, const Scan& scan, bool tiles, const std::string& label) {
  // Large values need more of the scratch memory a thread.
  constexpr bool small = sizeof(typename Scan::Value) <= 16;
  if constexpr (shape == Path::Shape::rows) {
    if (tiles) {
      launch_on_device<Exec, Scan, 1, small ? 16 : 4, true>(exec, scan, label);
    } else if (scan.extents.length <= 2048) {
      launch_on_device<Exec, Scan, 1, small ? 8 : 4, false>(exec, scan, label);
    } else {
      launch_on_device<Exec, Scan, 1, small ? 16 : 4, false>(exec, scan, label);
    }
  } else if (tiles) {
    launch_on_device<Exec, Scan, small ? 32 : 8, 1, true>(exec, scan, label);
  } else {
    launch_on_device<Exec, Scan, small ? 32 : 8, 1, false>(exec, scan, label);
  }
}

}  // namespace fused_scan::impl

#endif
