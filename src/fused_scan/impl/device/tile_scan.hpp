// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_TILE_SCAN_HPP
#define FUSED_SCAN_IMPL_DEVICE_TILE_SCAN_HPP

// The kernel on a GPU. A team takes one tile: it copies it to scratch memory, sums up its chunks,
// finds the prefix before each, scans them where they lie, and copies the results back. Elements
// are read once and written once.
//
// They wait in scratch memory rather than in registers, so that a multiprocessor holds more teams
// and always has something to do: while one waits for the memory or for other teams' nodes, others
// add.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/access/line_scan.hpp>
#include <fused_scan/impl/device/backend.hpp>
#include <fused_scan/impl/device/exchange.hpp>
#include <fused_scan/impl/device/movement.hpp>
#include <fused_scan/impl/device/tile.hpp>
#include <fused_scan/impl/device/unrolled.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/plan/device_plan.hpp>

namespace fused_scan::impl {

template <class Exec, class Scan>
struct TileScan {
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;
  using Result = typename Scan::Result;
  using Loaded = typename HeldBy<typename Scan::Load, Element>::type;
  using Stored = typename HeldBy<typename Scan::Store, Result>::type;
  using State = TileState<Value>;

  /// A staging element: an element's place holds its result later.
  static constexpr std::size_t slot_size = std::max(sizeof(Loaded), sizeof(Stored));
  struct alignas(std::max(alignof(Loaded), alignof(Stored))) Slot {
    std::byte bytes[slot_size];
  };
  static constexpr int pack = 16 % sizeof(Slot) == 0 ? 16 / int{sizeof(Slot)} : 1;

  /// Four teams on a multiprocessor leave 64 registers for a thread; large values need more.
  static constexpr int threads = sizeof(Value) <= 16 && slot_size <= 16 ? 256 : 128;
  using Policy = Kokkos::TeamPolicy<Exec, Kokkos::LaunchBounds<threads, threads == 256 ? 4 : 1>>;
  using Member = typename Policy::member_type;

  Scan scan;
  DevicePlan plan;
  State state;  // of the lines that several tiles share

  int nodes;  // in scratch memory
  static constexpr int scratch_alignment = std::max<int>(16, alignof(Value));

  KOKKOS_FUNCTION void operator()(const Member& member) const {
    typename State::DynamicTile id{0, static_cast<std::uint32_t>(member.league_rank())};
    if (plan.line_tiles > 1) {
      Kokkos::single(
          Kokkos::PerTeam(member),
          [&](typename State::DynamicTile& mine) {
            mine = state.take_tile(static_cast<std::uint32_t>(member.league_size()));
          },
          id);
    }
    // Neighbouring groups lie side by side in memory.
    const auto groups = static_cast<std::uint32_t>(plan.groups);
    const std::uint32_t number = id.id / groups;
    Team(*this, member, id.call, id.id - number * groups, number).run();
  }

 private:
  /// One thread's part in a tile.
  class Team {
   public:
    KOKKOS_FUNCTION Team(const TileScan& kernel, const Member& member,
                         typename State::CallNumber call, std::uint32_t group, std::uint32_t number)
        : m_kernel(kernel),
          m_member(member),
          m_call(call),
          m_group(group),
          m_number(number),
          m_tile(kernel.plan, kernel.scan, group, number),
          m_chunks((m_tile.rows + chunk_length - 1) / chunk_length),
          m_levels(levels_over(m_chunks)) {
      const DevicePlan& plan = kernel.plan;
      m_staging = {static_cast<std::byte*>(member.team_scratch(0).get_shmem_aligned(
                       plan.scratch_bytes, scratch_alignment)),
                   0, plan.pad, plan.pad_shift};
      m_nodes = reinterpret_cast<Value*>(m_staging.memory + plan.staging_bytes);
      m_prefixes = m_nodes + kernel.nodes;
      m_staging.shift = shift();
    }

    KOKKOS_FUNCTION void run() {
      load();
      const bool shared = m_kernel.plan.line_tiles > 1;
      if (shared || m_chunks > 1) {
        sum_chunks();
        sum_nodes();
        if (shared) exchange();
      }
      scan_chunks();
      m_member.team_barrier();
      store();
    }

   private:
    KOKKOS_FUNCTION int thread() const { return m_member.team_rank(); }
    KOKKOS_FUNCTION int threads() const { return m_member.team_size(); }

    template <class Access, class T>
    KOKKOS_FUNCTION TileMover<Access, T, Slot> mover(const Access& access) const {
      return {access,   m_tile,   m_staging, m_kernel.plan.interleaved, m_kernel.scan.inner,
              thread(), threads()};
    }
    KOKKOS_FUNCTION int shift() const {
      if (m_kernel.plan.load == Movement::linear_packs) return shift_of(m_kernel.scan.load);
      if (m_kernel.plan.store == Movement::linear_packs) return shift_of(m_kernel.scan.store);
      return 0;
    }
    template <class Access>
    KOKKOS_FUNCTION int shift_of(const Access& access) const {
      if constexpr (Access::is_memory) {
        using T = typename Access::value_type;
        return TileMover<Access, T, Slot>::misalignment(mover<Access, T>(access).first());
      } else {
        return 0;
      }
    }

    // --- between memory and scratch memory ---

    KOKKOS_FUNCTION void load() const {
      using Load = typename Scan::Load;
      const auto move = mover<Load, Loaded>(m_kernel.scan.load);
      move.move(
          m_kernel.plan.load,
          [&](int at, const auto& slab, std::int64_t i, std::int64_t j) {
            Loaded* const to = m_staging.template at<Loaded, Slot>(at);
            if constexpr (Load::is_memory) {
              copy_to_scratch<Loaded>(to, slab.at(i, j));
            } else {
              *to = static_cast<Loaded>(slab.read(i, j));
            }
          },
          [&](const Loaded* begin, int at, int from, int to) {
            if (to - from == pack) {
              copy_to_scratch(m_staging.template at<Pack, Slot>(at),
                              reinterpret_cast<const Pack*>(begin + at));
            } else {
              for (int k = from; k < to; ++k) {
                copy_to_scratch<Loaded>(m_staging.template at<Loaded, Slot>(at + k),
                                        begin + at + k);
              }
            }
          });
      await_copies();
      m_member.team_barrier();
    }

    KOKKOS_FUNCTION void store() const {
      const auto move = mover<typename Scan::Store, Stored>(m_kernel.scan.store);
      move.move(
          m_kernel.plan.store,
          [&](int at, const auto& slab, std::int64_t i, std::int64_t j) {
            slab.write(i, j, *m_staging.template at<Stored, Slot>(at));
          },
          [&](Stored* begin, int at, int from, int to) {
            if (to - from == pack) {
              *reinterpret_cast<Pack*>(begin + at) = *m_staging.template at<Pack, Slot>(at);
            } else {
              for (int k = from; k < to; ++k) {
                begin[at + k] = *m_staging.template at<Stored, Slot>(at + k);
              }
            }
          });
    }

    // --- chunks ---

    /// A chunk of a line of the tile: its elements lie `step` apart from `first` on.
    struct Chunk {
      int line;
      int number;
      int first;
      int step;
      int count;
    };
    KOKKOS_FORCEINLINE_FUNCTION Chunk chunk(int number, int line) const {
      const int s = m_tile.columns == 1 ? line : line / m_tile.columns;
      const int j = line - s * m_tile.columns;
      const int begin = number * chunk_length;
      const int left = m_tile.rows - begin;
      const bool reverse = m_kernel.scan.reverse;
      return {line, number, m_tile.index(s, reverse ? m_tile.rows - 1 - begin : begin, j),
              reverse ? -m_tile.pitch : m_tile.pitch, left < chunk_length ? left : chunk_length};
    }
    /// Calls f(chunk) for this thread's part of the tile's chunks: neighbouring threads take
    /// neighbouring lines.
    template <class F>
    KOKKOS_FORCEINLINE_FUNCTION void for_chunks(const F& f) const {
      TwoDigits at(thread(), threads(), m_tile.lines());
      for (; at.high < m_chunks; at.advance()) f(chunk(at.high, at.low));
    }

    // A chunk is worked on in two groups, in a loop that isn't unrolled: more elements at a time
    // would take registers from the teams, and longer code leaves the instruction cache.
    static constexpr int group_length = 8;

    template <class T>
    struct alignas(16) PackOf {
      T of[pack];
    };
    /// Of a group, along the axis and in the order of memory: a reverse scan's first is its last.
    KOKKOS_FORCEINLINE_FUNCTION int first_in_memory(const Chunk& c, int begin) const {
      return c.step > 0 ? c.first + begin : c.first - begin - (group_length - 1);
    }

    /// The elements of a chunk from the `begin`-th on.
    KOKKOS_FORCEINLINE_FUNCTION void read(const Chunk& c, int begin,
                                          Element (&elements)[group_length]) const {
      const int count = c.count - begin;
      if constexpr (pack > 1) {
        if (m_kernel.plan.vector && count >= group_length) {
          const int first = first_in_memory(c, begin);
          Element in_memory[group_length];
          unrolled<group_length / pack>([&](int p) {
            const auto packed = *m_staging.template at<PackOf<Loaded>, Slot>(first + p * pack);
            unrolled<pack>(
                [&](int k) { in_memory[p * pack + k] = static_cast<Element>(packed.of[k]); });
          });
          unrolled<group_length>([&](int r) {
            elements[r] = c.step > 0 ? in_memory[r] : in_memory[group_length - 1 - r];
          });
          return;
        }
      }
      unrolled<group_length>([&](int r) {
        elements[r] = r < count ? static_cast<Element>(*m_staging.template at<Loaded, Slot>(
                                      c.first + (begin + r) * c.step))
                                : Element{};
      });
    }
    KOKKOS_FORCEINLINE_FUNCTION void write(const Chunk& c, int begin,
                                           const Stored (&results)[group_length]) const {
      const int count = c.count - begin;
      if constexpr (pack > 1 && sizeof(Stored) == sizeof(Slot)) {
        if (m_kernel.plan.vector && count >= group_length) {
          const int first = first_in_memory(c, begin);
          unrolled<group_length / pack>([&](int p) {
            PackOf<Stored> packed;
            unrolled<pack>([&](int k) {
              const int r = p * pack + k;
              packed.of[k] = c.step > 0 ? results[r] : results[group_length - 1 - r];
            });
            *m_staging.template at<PackOf<Stored>, Slot>(first + p * pack) = packed;
          });
          return;
        }
      }
      unrolled<group_length>([&](int r) {
        if (r < count) {
          *m_staging.template at<Stored, Slot>(c.first + (begin + r) * c.step) = results[r];
        }
      });
    }

    KOKKOS_FORCEINLINE_FUNCTION Value& node(int number, int line) const {
      return m_nodes[number * m_tile.lines() + line];
    }

    /// The node of each whole chunk; an unfinished one is part of none.
    KOKKOS_FUNCTION void sum_chunks() const {
      const Op& op = m_kernel.scan.op;
      for_chunks([&](const Chunk& c) {
        if (c.count < chunk_length) return;
        Value sum = op.neutral();
        looped(chunk_length / group_length, [&](int g) {
          Element elements[group_length];
          read(c, g * group_length, elements);
          sum = g == 0 ? op.lift(elements[0]) : op.accumulate(sum, elements[0]);
          unrolled<group_length - 1>([&](int r) { sum = op.accumulate(sum, elements[r + 1]); });
        });
        node(c.number, c.line) = sum;
      });
      m_member.team_barrier();
    }

    /// Each chunk gets the largest node that ends with it.
    KOKKOS_FUNCTION void sum_nodes() const {
      const int whole = m_tile.rows / chunk_length;
      for (int level = 1; (1 << level) <= whole; ++level) {
        TwoDigits at(thread(), threads(), m_tile.lines());
        for (; at.high < whole >> level; at.advance()) {
          const int last = ((at.high + 1) << level) - 1;
          Value& right = node(last, at.low);
          right = m_kernel.scan.op.combine(
              node(static_cast<int>(left_half_of(last, level)), at.low), right);
        }
        m_member.team_barrier();
      }
    }

    // --- lines ---

    KOKKOS_FUNCTION std::int64_t outer_of(int line) const {
      const std::int64_t inner = m_kernel.scan.inner;
      if (m_kernel.plan.interleaved) return m_tile.first_slab + line / m_tile.columns;
      return inner > 1 ? (m_tile.first_slab + line) / inner : m_tile.first_slab + line;
    }
    KOKKOS_FUNCTION std::int64_t column_of(int line) const {
      const std::int64_t inner = m_kernel.scan.inner;
      if (m_kernel.plan.interleaved) return m_tile.first_column + line % m_tile.columns;
      return inner > 1 ? (m_tile.first_slab + line) % inner : 0;
    }
    KOKKOS_FUNCTION Value initial(int line) const {
      return m_kernel.scan.initial(outer_of(line), column_of(line));
    }

    /// The prefix before the tile of each of its lines.
    KOKKOS_FUNCTION void exchange() const {
      const DevicePlan& plan = m_kernel.plan;
      for (int line = thread(); line < m_tile.lines(); line += threads()) {
        const LineExchange<Op> of_line(m_kernel.scan.op, m_kernel.state, m_call,
                                       std::int64_t{m_group} * plan.columns + line,
                                       plan.groups * plan.columns, m_number, plan.line_tiles);
        const bool whole = m_tile.rows == plan.rows;
        m_prefixes[line] =
            of_line.prefix(whole ? node(m_chunks - 1, line) : m_kernel.scan.op.identity(),
                           [&] { return initial(line); });
      }
      m_member.team_barrier();
    }

    KOKKOS_FORCEINLINE_FUNCTION Value prefix_of(const Chunk& c) const {
      const Value before = m_kernel.plan.line_tiles > 1 ? m_prefixes[c.line] : initial(c.line);
      return prefix_before(m_kernel.scan.op, before, c.number, m_levels,
                           [&](std::int64_t last) { return node(static_cast<int>(last), c.line); });
    }

    KOKKOS_FUNCTION void scan_chunks() const {
      if (m_kernel.scan.exclusive) {
        for_chunks([&](const Chunk& c) { scan_chunk<true>(c); });
      } else {
        for_chunks([&](const Chunk& c) { scan_chunk<false>(c); });
      }
    }

    template <bool exclusive>
    KOKKOS_FORCEINLINE_FUNCTION void scan_chunk(const Chunk& c) const {
      const Scan& scan = m_kernel.scan;
      const Op& op = scan.op;
      const Value prefix = prefix_of(c);
      const std::int64_t first = m_tile.first_step + c.number * chunk_length;
      Value value =
          prefix;  // of the chunk so far: with the prefix or without, as the operator has it
      Value last = prefix;
      looped(chunk_length / group_length, [&](int g) {
        const int begin = g * group_length;
        Element elements[group_length];
        read(c, begin, elements);
        Stored results[group_length];
        unrolled<group_length>([&](int r) {
          const bool starts = r == 0 && g == 0;
          Value before = value;
          if constexpr (Op::combines_chunks) {
            value = starts ? op.lift(elements[r]) : op.accumulate(value, elements[r]);
          } else {
            value = op.accumulate(value, elements[r]);
          }
          if constexpr (exclusive) {
            if constexpr (Op::combines_chunks)
              before = starts ? prefix : op.combine(prefix, before);
            if (starts && first == 0) before = scan.first_output(prefix);
            results[r] = static_cast<Stored>(op.lower(before));
          } else {
            results[r] = static_cast<Stored>(op.lower(with_prefix(prefix, value)));
          }
          if (begin + r + 1 == c.count) last = value;
        });
        write(c, begin, results);
      });
      if (first + c.count == scan.length) {
        scan.final(outer_of(c.line), column_of(c.line), with_prefix(prefix, last));
      }
    }
    KOKKOS_FORCEINLINE_FUNCTION Value with_prefix(const Value& prefix, const Value& value) const {
      if constexpr (Op::combines_chunks) {
        return m_kernel.scan.op.combine(prefix, value);
      } else {
        return value;
      }
    }

    const TileScan& m_kernel;
    const Member& m_member;
    typename State::CallNumber m_call;
    std::uint32_t m_group;
    std::uint32_t m_number;
    Tile m_tile;
    int m_chunks;  // of a line in the tile
    int m_levels;  // of the tree over them
    Staging m_staging;
    Value* m_nodes;
    Value* m_prefixes;
  };
};

}  // namespace fused_scan::impl

#endif
