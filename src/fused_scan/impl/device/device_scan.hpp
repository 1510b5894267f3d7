// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_DEVICE_SCAN_HPP
#define FUSED_SCAN_IMPL_DEVICE_DEVICE_SCAN_HPP

// The engine on a GPU. A team takes one tile: it copies it to its scratch memory, each thread sums
// up a few chunks of one line, the tile's node of the tree is published, the nodes before it
// are collected, and the results written. Elements are read once and written once.
//
// They wait in scratch memory rather than in registers, so that a multiprocessor holds more teams
// and always has something to do: while one waits for the memory or for other teams' nodes, others
// add.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/device/tile_state.hpp>
#include <fused_scan/impl/device/warp.hpp>
#include <fused_scan/impl/line_scan.hpp>
#include <fused_scan/impl/order/prefix_tree.hpp>
#include <fused_scan/impl/workspace.hpp>
#include <string>
#include <utility>

namespace fused_scan::impl {

/// f(0), ..., f(n - 1), written out: an array that is indexed in a loop doesn't stay in registers.
template <int n, class F>
KOKKOS_FORCEINLINE_FUNCTION void unrolled(const F& f) {
  [&]<int... r>(std::integer_sequence<int, r...>) {
    (f(r), ...);
  }(std::make_integer_sequence<int, n>());
}

/// f(0), ..., f(n - 1) in a loop that stays one: code that fits into the instruction cache is worth
/// more than its counter.
template <class F>
KOKKOS_FORCEINLINE_FUNCTION void looped(int n, const F& f) {
#if defined(__CUDA_ARCH__) || defined(__HIP_DEVICE_COMPILE__)
#pragma unroll 1
#endif
  for (int i = 0; i < n; ++i) f(i);
}

/// values[i]: an array in registers has no addresses.
template <class Value, int n>
KOKKOS_FORCEINLINE_FUNCTION Value chosen(const Value (&values)[n], int i) {
  Value result = values[0];
  unrolled<n>([&](int k) {
    if (k == i) result = values[k];
  });
  return result;
}

// --- the tree of prefix_tree.hpp over a few values in memory ----------------------------------

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

/// `prefix`, combined with the first `count` of 2^levels values: by the nodes that the bits of
/// count stand for, the largest first.
template <int levels, class Op>
KOKKOS_FORCEINLINE_FUNCTION typename Op::value_type prefix_over(
    const Op& op, typename Op::value_type prefix, const typename Op::value_type* first, int stride,
    int count) {
  if constexpr (levels == 0) {
    return prefix;
  } else {
    constexpr int level = levels - 1;
    if ((count >> level) & 1) {
      prefix = op.combine(prefix, node_over<level>(op, first, stride));
      first += stride << level;
    }
    return prefix_over<level>(op, prefix, first, stride, count);
  }
}

/// The node over 2^levels values, of which `last` is the last.
template <int levels, class Op>
KOKKOS_FORCEINLINE_FUNCTION typename Op::value_type node_ending_with(
    const Op& op, const typename Op::value_type* first, int stride,
    const typename Op::value_type& last) {
  if constexpr (levels == 0) {
    return last;
  } else {
    constexpr int level = levels - 1;
    return op.combine(node_over<level>(op, first, stride),
                      node_ending_with<level>(op, first + (stride << level), stride, last));
  }
}

// --- the tree over the values that the lanes of a warp hold -----------------------------------

/// The largest node that ends with this lane, of 2^levels lanes.
template <class Op>
KOKKOS_FORCEINLINE_FUNCTION typename Op::value_type node_of_lane(const Op& op,
                                                                 typename Op::value_type value,
                                                                 int lane, int levels) {
  for (int level = 0; level < levels; ++level) {
    const auto left = value_of_lane(value, lane - (1 << level));
    const int ones = (2 << level) - 1;
    if ((lane & ones) == ones) value = op.combine(left, value);
  }
  return value;
}

/// `prefix`, combined with the values of `count` lanes, below 2^levels, from lane `first` on;
/// `node` is this lane's node_of_lane.
template <class Op>
KOKKOS_FORCEINLINE_FUNCTION typename Op::value_type prefix_over_lanes(
    const Op& op, typename Op::value_type prefix, const typename Op::value_type& node, int first,
    int count, int levels) {
  for (int level = levels - 1; level >= 0; --level) {
    const auto next = value_of_lane(node, first + (count >> level << level) - 1);
    if ((count >> level) & 1) prefix = op.combine(prefix, next);
  }
  return prefix;
}

// --- the kernel -------------------------------------------------------------------------------

/// Columns: the threads of a warp work on lines side by side; few columns: on four runs each of 8
/// of them. Rows: on neighbouring parts of a line, or on several whole lines where these are short.
template <class Exec, class Scan, Path::Shape shape>
struct DeviceScan {
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;
  using Result = typename Scan::Result;

  static constexpr bool rows = shape == Path::Shape::rows;
  /// Large values make small teams, and stay out of the scratch memory.
  static constexpr bool small = std::max({sizeof(Value), sizeof(Element), sizeof(Result)}) <= 16;

  // What waits in scratch memory: elements and results as they are in the Views' memory, where
  // they are in one. Half-precision numbers take half the room, and move in packs as others do.
  template <class Line, class T>
  using Waiting =
      std::conditional_t<std::is_void_v<typename Line::value_type>, T, typename Line::value_type>;
  using LoadLine = decltype(std::declval<const typename Scan::Load&>().line(0));
  using StoreLine = decltype(std::declval<const typename Scan::Store&>().line(0));
  using Loaded = Waiting<LoadLine, Element>;
  using Stored = Waiting<StoreLine, Result>;

  static constexpr int slot_size = std::max(sizeof(Loaded), sizeof(Stored));
  /// Chunks of one line that a thread works on, its run: 256 bytes, or 128 where a functor stores,
  /// whose loads may have to wait for its stores.
  static constexpr bool calls_functor = std::is_void_v<typename StoreLine::value_type>;
  static constexpr int run_levels = !small           ? 0
                                    : slot_size <= 4 ? (calls_functor ? 1 : 2)
                                    : slot_size <= 8 ? 1
                                                     : 0;
  static constexpr int run_chunks = 1 << run_levels;
  static constexpr int run_length = run_chunks * chunk_length;
  static constexpr bool full_warp = small && shape == Path::Shape::columns;
  static constexpr int column_lines = full_warp ? warp_size : 8;
  static constexpr int column_run_levels = full_warp || !small ? 2 : 4;
  static constexpr int team_size = column_lines << column_run_levels;
  static constexpr int max_runs = rows ? team_size : 1 << column_run_levels;
  /// As many as their scratch memory leaves room for on a multiprocessor of an H100. A functor, and
  /// large values, need the registers or the memory of one of them.
  static constexpr int teams_at_once = calls_functor || sizeof(Value) > 8 ? 5 : 6;

  using Policy =
      Kokkos::TeamPolicy<Exec, Kokkos::LaunchBounds<team_size, small ? teams_at_once : 1>>;
  using Member = typename Policy::member_type;
  using Board = NodeBoard<Value>;

  Scan scan;
  int runs;    // of a line in a tile; a power of two
  int chunks;  // of a run: all, or one where there are so few tiles that most of the card is idle
  int lines;   // of a team
  // In 32 bits, in which a GPU divides fast.
  std::uint32_t bundles;  // of lines
  std::uint32_t bundles_of_outer;
  std::uint32_t line_tiles;
  // One place a line for the tiles of bundle 0, then bundle 1, ...; then one for every radix-th.
  Board board;
  // Each team asks for the elements of the tile that is taken so much later; 0: it doesn't.
  std::uint32_t tiles_ahead;

  KOKKOS_FUNCTION void operator()(const Member& member) const {
    typename Board::Ticket ticket{0, static_cast<std::uint32_t>(member.league_rank())};
    if (line_tiles > 1) {
      Kokkos::single(
          Kokkos::PerTeam(member),
          [&](typename Board::Ticket& mine) {
            mine = board.take_ticket(static_cast<std::uint32_t>(member.league_size()));
          },
          ticket);
    }
    std::byte* const scratch = static_cast<std::byte*>(
        member.team_scratch(0).get_shmem_aligned(scratch_bytes(), scratch_alignment));
    if (tiles_ahead > 0) {
      const std::uint32_t later = ticket.tile + tiles_ahead;
      if (later < static_cast<std::uint32_t>(member.league_size())) {
        Team(*this, member, later % bundles, later / bundles, ticket.call, scratch).prefetch();
      }
    }
    // Neighbouring bundles lie side by side in memory.
    Team(*this, member, ticket.tile % bundles, ticket.tile / bundles, ticket.call, scratch)
        .run_tile();
  }

  KOKKOS_FUNCTION std::size_t scratch_bytes() const {
    return stage_bytes() + values_in_scratch() * sizeof(Value);
  }

  /// Of the board.
  std::int64_t places() const {
    return std::int64_t{bundles} * lines * (line_tiles + ceil_div(line_tiles, radix));
  }

  static constexpr std::size_t scratch_alignment = std::max<std::size_t>(16, alignof(Value));

 private:
  static constexpr int max_warps = team_size / warp_size;
  // Of the tree over the tiles of a line.
  static constexpr int radix_bits = rows ? 5 : 3;
  static constexpr int radix = 1 << radix_bits;

  KOKKOS_FUNCTION int values_in_scratch() const {
    return rows ? 2 * max_warps : (runs + 1 + radix - 1) * lines;
  }
  KOKKOS_FUNCTION std::size_t stage_bytes() const {
    return !small ? 0 : runs * sizeof(Slot) * (rows ? lines * slots_of_run : slots_of_column_run);
  }

  // The place of an element holds its result later. In rows, where a thread reads neighbouring
  // places, 16 bytes are left out after each run, so that threads don't meet in a bank of the
  // memory.
  struct alignas(std::max(alignof(Loaded), alignof(Stored))) Slot {
    std::byte bytes[slot_size];
  };
  static constexpr int slots_of_pack = small && 16 % slot_size == 0 ? 16 / slot_size : 1;
  /// Whether 16 bytes of a line can be moved at a time.
  template <class Line>
  static constexpr bool packs =
      small && !std::is_void_v<typename Line::value_type> && 16 % slot_size == 0 &&
      sizeof(Loaded) == slot_size && sizeof(Stored) == slot_size;
  template <class T, int n>
  struct alignas(n == 1 ? alignof(T) : 16) Group {
    T of[n];
  };
  static constexpr int slots_of_run = run_length + slots_of_pack;
  /// Elements of a chunk that a thread has in registers at a time: rows need some for other things.
  static constexpr int at_once = rows && small ? std::max(8, slots_of_pack) : chunk_length;
  // The runs of a warp on few columns don't meet either.
  static constexpr int slots_of_column_run = run_length * column_lines + (full_warp ? 0 : 8);

  /// One thread's part in a tile.
  class Team {
   public:
    KOKKOS_FUNCTION Team(const DeviceScan& kernel, const Member& member, std::uint32_t bundle,
                         std::uint32_t tile, typename Board::CallNumber call, std::byte* scratch)
        : m_kernel(kernel),
          m_member(member),
          m_call(call),
          m_team_line(rows ? member.team_rank() >> levels_over(kernel.runs)
                           : member.team_rank() & (column_lines - 1)),
          m_run(rows ? member.team_rank() & (kernel.runs - 1)
                     : member.team_rank() >> levels_over(column_lines)),
          m_bundle(bundle),
          m_tile(tile),
          m_scratch(scratch) {
      const std::uint32_t per_outer = kernel.bundles_of_outer;
      m_outer = bundle / per_outer;
      m_line = static_cast<std::int64_t>(bundle % per_outer) * kernel.lines + m_team_line;
      m_active = m_line < kernel.scan.extents.inner;
      m_first = (static_cast<std::int64_t>(tile) * kernel.runs + m_run) * length_of_run();
      m_count = m_active ? elements_from(m_first, length_of_run()) : 0;
    }

    /// Asks for the elements of the tile, to wait in the cache of the card.
    KOKKOS_FUNCTION void prefetch() const {
      if constexpr (!std::is_void_v<typename LoadLine::value_type>) {
        const auto line = m_kernel.scan.load.line(m_outer);
        if constexpr (rows) {
          if (line.axis_stride != 1 && line.axis_stride != -1) return;
          constexpr int step = 128 / sizeof(Loaded);
          for (int r = 0; r < m_count; r += step) prefetch_to_cache(&line.at(m_first + r, m_line));
        } else {
          if (line.lane_stride != 1) return;
          const std::int64_t first_line = m_line - m_team_line;
          const int count = elements_from(m_first, length_of_run());
          for (int r = m_team_line; r < count; r += column_lines) {
            prefetch_to_cache(&line.at(m_first + r, first_line));
          }
        }
      }
    }

    KOKKOS_FUNCTION void run_tile() {
      if (m_kernel.scan.extents.length == 0) {
        if (m_active && m_run == 0) m_kernel.scan.final(m_outer, m_line, initial());
        return;
      }
      Elements elements(*this);
      load(elements);
      ChunkValues sums;
      const Value sum = sum_of_run(elements, sums);
      const Value prefix = rows ? prefix_in_row(sum) : prefix_in_column(sum);
      if (m_kernel.scan.exclusive) {
        scan_run<true>(elements, sums, prefix);
      } else {
        scan_run<false>(elements, sums, prefix);
      }
    }

   private:
    /// How many of the `wanted` elements from `first` on are there.
    KOKKOS_FUNCTION int elements_from(std::int64_t first, int wanted) const {
      const std::int64_t left = m_kernel.scan.extents.length - first;
      return left >= wanted ? wanted : left > 0 ? static_cast<int>(left) : 0;
    }

    KOKKOS_FUNCTION int length_of_run() const {
      return rows ? run_length : m_kernel.chunks * chunk_length;
    }

    KOKKOS_FUNCTION bool is_last() const { return m_tile + 1 == m_kernel.line_tiles; }

    KOKKOS_FUNCTION Value initial() const { return m_kernel.scan.initial(m_outer, m_line); }

    // --- elements and results ---

    // Where the elements of a thread's run wait for the prefix.
    struct InScratch {
      static constexpr int step = rows ? 1 : column_lines;
      static constexpr int pack = rows && sizeof(Loaded) == sizeof(Stored) ? slots_of_pack : 1;

      Slot* slots;

      KOKKOS_FUNCTION explicit InScratch(const Team& team)
          : slots(team.slots() + (rows ? team.m_member.team_rank() * slots_of_run
                                       : team.m_run * slots_of_column_run + team.m_team_line)) {}

      template <class T>
      KOKKOS_FUNCTION T* at(int r) const {
        return reinterpret_cast<T*>(slots + r * step);
      }
      KOKKOS_FUNCTION void read(int first, Element (&elements)[at_once]) const {
        unrolled<at_once / pack>([&](int p) {
          const auto values = *at<Group<Loaded, pack>>(first + p * pack);
          unrolled<pack>(
              [&](int k) { elements[p * pack + k] = static_cast<Element>(values.of[k]); });
        });
      }
      KOKKOS_FUNCTION void write(int first, const Result (&results)[at_once]) const {
        unrolled<at_once / pack>([&](int p) {
          Group<Stored, pack> values;
          unrolled<pack>([&](int k) { values.of[k] = static_cast<Stored>(results[p * pack + k]); });
          *at<Group<Stored, pack>>(first + p * pack) = values;
        });
      }
      /// The packs of a line that is walked from its end come, and leave, the other way round.
      KOKKOS_FUNCTION void turn_packs() const {
        constexpr int several = 4;  // under way at a time
        looped(run_length / (several * pack), [&](int p) {
          Group<Loaded, pack> packs[several];
          const auto place = [&](int q) {
            return at<Group<Loaded, pack>>((p * several + q) * pack);
          };
          unrolled<several>([&](int q) { packs[q] = *place(q); });
          unrolled<several>([&](int q) {
            Group<Loaded, pack> turned;
            unrolled<pack>([&](int k) { turned.of[k] = packs[q].of[pack - 1 - k]; });
            *place(q) = turned;
          });
        });
      }
    };
    struct InRegisters {
      Element elements[run_length];

      KOKKOS_FUNCTION explicit InRegisters(const Team&) {}
      KOKKOS_FUNCTION void read(int, Element (&into)[at_once]) const {
        for (int r = 0; r < at_once; ++r) into[r] = elements[r];
      }
    };
    using Elements = std::conditional_t<small, InScratch, InRegisters>;

    KOKKOS_FUNCTION Slot* slots() const { return reinterpret_cast<Slot*>(m_scratch); }
    /// What of the scratch memory is behind those.
    KOKKOS_FUNCTION Value* values() const {
      return reinterpret_cast<Value*>(m_scratch + m_kernel.stage_bytes());
    }

    KOKKOS_FUNCTION int lane() const { return m_member.team_rank() % warp_size; }

    /// f(0), ..., f(size - 1), as far as they are below count.
    template <int size, class F>
    KOKKOS_FORCEINLINE_FUNCTION static void unrolled_below(int count, const F& f) {
      if (count >= size) {
        unrolled<size>(f);
      } else {
        unrolled<size>([&](int r) {
          if (r < count) f(r);
        });
      }
    }

    /// Calls f(chunk, count, walk) for the chunks of this thread's run, of `count` elements at
    /// least, or so many where the run ends in it; `walk` is that of `line` from its first on.
    template <class Line, class F>
    KOKKOS_FORCEINLINE_FUNCTION void for_run(const Line& line, const F& f) const {
      for (int c = 0; c * chunk_length < m_count; ++c) {
        f(c, m_count - c * chunk_length, line.walk(m_first + c * chunk_length, m_line, 1));
      }
    }

    /// Of a line that the warp works on.
    KOKKOS_FUNCTION int runs_of_warp() const {
      return m_kernel.runs < warp_size ? m_kernel.runs : warp_size;
    }
    struct Part {
      std::int64_t first;
      int count;
    };
    KOKKOS_FUNCTION Part part_of_warp() const {
      const int runs = runs_of_warp();
      const std::int64_t first = m_first - (m_run & (runs - 1)) * run_length;
      return {first, elements_from(first, runs * run_length)};
    }
    /// Whether for_warp can move packs.
    template <class Line>
    KOKKOS_FUNCTION static bool has_packs(const Line& line, const Part& part) {
      if constexpr (packs<Line>) {
        return part.count % slots_of_pack == 0 &&
               line.is_packed(line.axis_stride, line.lane_stride);
      } else {
        return false;
      }
    }
    template <class Line>
    KOKKOS_FUNCTION static bool is_backwards(const Line& line) {
      if constexpr (packs<Line>) {
        return line.axis_stride < 0;
      } else {
        return false;
      }
    }

    /// Calls f(slot, walk, r) for a part of the elements of this thread's warp, so that
    /// neighbouring threads get neighbouring elements of a line, or g(slot, pack) for packs of
    /// them.
    template <class Line, class F, class G>
    KOKKOS_FORCEINLINE_FUNCTION void for_warp(const Line& line, const Part& part, bool by_packs,
                                              const F& f, const G& g) const {
      const int runs = runs_of_warp();
      const std::int64_t warp_line = m_line - (lane() >> levels_over(runs));
      const std::int64_t lines = m_kernel.scan.extents.inner - warp_line;
      Slot* slot = slots() + (m_member.team_rank() - lane()) * slots_of_run;
      for (int l = 0; l < warp_size >> levels_over(runs) && l < lines; ++l) {
        if (by_packs) {
          move_packs(line, part, warp_line + l, slot, g);
        } else {
          const auto walk = line.walk(part.first + lane(), warp_line + l, warp_size);
          for (int r = 0; r * warp_size + lane() < part.count; ++r) {
            f(slot + place(r * warp_size + lane()), walk, r);
          }
        }
        slot += runs * slots_of_run;
      }
    }

    /// Among the slots of a line in the warp, that of its i-th element.
    KOKKOS_FUNCTION static int place(int i) { return i + i / run_length * slots_of_pack; }

    /// Every 32nd pack is this thread's, in the order of the memory: the places in scratch memory
    /// go backwards where the line is walked from its end.
    template <class Line, class G>
    KOKKOS_FORCEINLINE_FUNCTION void move_packs(const Line& line, const Part& part, std::int64_t j,
                                                Slot* slots, const G& g) const {
      if constexpr (packs<Line>) {
        constexpr int step = warp_size * slots_of_pack;
        static_assert(step % run_length == 0);
        const bool backwards = is_backwards(line);
        const int mine = lane() * slots_of_pack;
        auto* pack = line.pack(part.first + (backwards ? part.count - 1 : 0), j) + lane();
        Slot* slot = slots + place(backwards ? part.count - slots_of_pack - mine : mine);
        const int slot_step = backwards ? -place(step) : place(step);
        const int count = (part.count + step - slots_of_pack - mine) / step;
        constexpr int several = 4;  // written out, with addresses that are constants apart
        looped(count / several, [&](int) {
          unrolled<several>([&](int k) { g(slot + k * slot_step, pack + k * warp_size); });
          slot += several * slot_step;
          pack += several * warp_size;
        });
        looped(count % several, [&](int k) { g(slot + k * slot_step, pack + k * warp_size); });
      }
    }

    /// A whole run of whole packs: the warp copies four rows at a time.
    template <class Line>
    KOKKOS_FORCEINLINE_FUNCTION bool load_packs(const Line& line, const Elements& elements) const {
      if constexpr (packs<Line> && full_warp) {
        constexpr int packs_of_row = warp_size / slots_of_pack;
        constexpr int rows_at_once = warp_size / packs_of_row;
        const std::int64_t warp_line = m_line - lane();
        const int length = length_of_run();
        const bool whole = m_first + length <= m_kernel.scan.extents.length &&
                           warp_line + warp_size <= m_kernel.scan.extents.inner;
        if (!whole || !line.is_packed(line.lane_stride, line.axis_stride)) return false;
        const int row = lane() / packs_of_row;
        const int column = lane() % packs_of_row * slots_of_pack;
        Slot* const to = elements.slots - lane() + row * column_lines + column;
        for (int r = 0; r < length; r += 4 * rows_at_once) {
          unrolled<4>([&](int k) {
            const int at = r + k * rows_at_once;
            copy_to_scratch(
                reinterpret_cast<Pack*>(to + at * column_lines),
                static_cast<const Pack*>(line.pack(m_first + at + row, warp_line + column)));
          });
        }
        return true;
      } else {
        return false;
      }
    }

    /// Element by element. What passes through registers is read a chunk at a time: a read can't
    /// overtake a write to scratch memory, for all that the compiler knows.
    template <class Line>
    KOKKOS_FORCEINLINE_FUNCTION void load_run(const Line& line, const Elements& elements) const {
      for_run(line, [&](int c, int count, const auto& walk) {
        const auto place = [&](int r) {
          return elements.template at<Loaded>(c * chunk_length + r);
        };
        if constexpr (!std::is_void_v<typename Line::value_type> && copies_by_itself<Loaded>) {
          unrolled_below<chunk_length>(count, [&](int r) { walk.copy(r, place(r)); });
        } else {
          Loaded chunk[chunk_length];
          unrolled_below<chunk_length>(count, [&](int r) { chunk[r] = walk.read(r); });
          unrolled_below<chunk_length>(count, [&](int r) { *place(r) = chunk[r]; });
        }
      });
    }

    KOKKOS_FUNCTION void load(Elements& elements) const {
      const auto line = m_kernel.scan.load.line(m_outer);
      if constexpr (!small) {
        for_run(line, [&](int c, int count, const auto& walk) {
          unrolled_below<chunk_length>(count, [&](int r) {
            elements.elements[c * chunk_length + r] = static_cast<Element>(walk.read(r));
          });
        });
      } else {
        bool turned = false;
        if constexpr (rows) {
          const Part part = part_of_warp();
          const bool by_packs = has_packs(line, part);
          for_warp(
              line, part, by_packs,
              [&](Slot* slot, const auto& walk, int r) {
                walk.copy(r, reinterpret_cast<Loaded*>(slot));
              },
              [&](Slot* slot, const auto* pack) {
                copy_to_scratch(reinterpret_cast<Pack*>(slot), pack);
              });
          turned = by_packs && is_backwards(line);
        } else if (!load_packs(line, elements)) {
          load_run(line, elements);
        }
        await_copies();
        warp_barrier(m_member);
        if (turned) elements.turn_packs();
      }
    }

    // --- the two passes over the elements ---
    //
    // Chunks, and groups of a chunk's elements, are worked on in loops that aren't unrolled: code
    // that fits into the instruction cache is worth more than its counters. Several chunks side by
    // side, whose additions don't wait for each other, were no faster.

    /// One for every chunk of a run.
    using ChunkValues = Value[run_chunks];

    /// Nobody asks for the sum of a chunk or run that isn't full.
    KOKKOS_FORCEINLINE_FUNCTION Value sum_of_run(const Elements& elements,
                                                 ChunkValues& sums) const {
      const Op& op = m_kernel.scan.op;
      unrolled<run_chunks>([&](int k) { sums[k] = op.identity(); });
      for (int c = 0; (c + 1) * chunk_length <= m_count; ++c) {
        Value sum = op.identity();
        for (int first = 0; first < chunk_length; first += at_once) {
          Element group[at_once];
          elements.read(c * chunk_length + first, group);
          sum = first == 0 ? op.lift(group[0]) : op.accumulate(sum, group[0]);
          unrolled<at_once - 1>([&](int r) { sum = op.accumulate(sum, group[r + 1]); });
        }
        unrolled<run_chunks>([&](int k) {
          if (k == c) sums[k] = sum;
        });
      }
      return m_kernel.chunks == 1 ? sums[0] : node_over<run_levels>(op, sums, 1);
    }

    template <bool exclusive>
    KOKKOS_FORCEINLINE_FUNCTION void scan_run(const Elements& elements, const ChunkValues& sums,
                                              const Value& prefix) const {
      const Op& op = m_kernel.scan.op;
      const auto line = m_kernel.scan.store.line(m_outer);
      ChunkValues before_chunk;
      unrolled<run_chunks>(
          [&](int k) { before_chunk[k] = prefix_over<run_levels>(op, prefix, sums, 1, k); });
      Value state = prefix;
      for (int c = 0; c * chunk_length < m_count; ++c) {
        state = chosen(before_chunk, c);
        for (int first = c * chunk_length; first < (c + 1) * chunk_length; first += at_once) {
          Element group[at_once];
          elements.read(first, group);
          const auto next = [&](int r) {
            const Value before = state;
            state = op.accumulate(before, group[r]);
            return op.lower(exclusive ? before : state);
          };
          if constexpr (rows && small) {
            Result results[at_once];
            unrolled_below<at_once>(m_count - first, [&](int r) { results[r] = next(r); });
            elements.write(first, results);
          } else {
            const auto walk = line.walk(m_first + first, m_line, 1);
            unrolled_below<at_once>(m_count - first, [&](int r) { walk.write(r, next(r)); });
          }
        }
      }
      if constexpr (rows && small) {
        const Part part = part_of_warp();
        const bool by_packs = has_packs(line, part);
        if (by_packs && is_backwards(line)) elements.turn_packs();
        warp_barrier(m_member);
        for_warp(
            line, part, by_packs,
            [&](Slot* slot, const auto& walk, int r) {
              walk.write(r, *reinterpret_cast<const Stored*>(slot));
            },
            [&](Slot* slot, auto* pack) { *pack = *reinterpret_cast<const Pack*>(slot); });
      }
      const bool ends_line = m_count > 0 && m_first + m_count == m_kernel.scan.extents.length;
      if (ends_line) m_kernel.scan.final(m_outer, m_line, state);
    }

    // --- the prefix before a tile ---
    //
    // The number of a tile in its line has digits in base `radix`, 8 or 32, and a node stands for
    // radix^k tiles. Tile t publishes one node: of the largest k for which it is the last of them,
    // so for each radix - 1 that its number ends with it needs as many nodes to the left. The
    // prefix before it is that before its parent, which has 0 for t's last digit that isn't 0, and
    // the nodes between the two, as many as the digit says. A tile whose number ends with 0
    // publishes the prefix before it. So nobody waits for a chain of tiles longer than the number
    // has digits.
    //
    // A team takes one tile. Teams that stay, and take the ticket for their next tile ahead, hide
    // its latency; but whoever comes after that tile waits for it, which cost more.

    /// A digit of the tile's number, and the place of its lowest bit.
    struct Digit {
      int shift;
      int value;

      KOKKOS_FUNCTION static Digit of(std::int64_t tile, int shift) {
        return {shift, static_cast<int>((tile >> shift) & (radix - 1))};
      }
      KOKKOS_FUNCTION static bool is_zero(std::int64_t tile, int shift) {
        return ((tile >> shift) & (radix - 1)) == 0;
      }
      /// The tile with which the i-th node to the left ends, from left to right.
      KOKKOS_FUNCTION std::int64_t left(std::int64_t tile, int i) const {
        return (((tile >> shift) - value + i + 1) << shift) - 1;
      }
      KOKKOS_FUNCTION std::int64_t parent(std::int64_t tile) const {
        return ((tile >> shift) - value) << shift;
      }
    };
    /// The last that isn't 0; of tile 0 a 0.
    KOKKOS_FUNCTION Digit last_digit() const {
      int shift = 0;
      while (m_tile > 0 && Digit::is_zero(m_tile, shift)) shift += radix_bits;
      return Digit::of(m_tile, shift);
    }

    KOKKOS_FUNCTION std::int64_t place_of_node(std::int64_t tile) const {
      return (std::int64_t{m_bundle} * m_kernel.line_tiles + tile) * m_kernel.lines + m_team_line;
    }
    KOKKOS_FUNCTION std::int64_t place_of_prefix(std::int64_t tile) const {
      const std::int64_t of_line = ceil_div(m_kernel.line_tiles, radix);
      const std::int64_t nodes = std::int64_t{m_kernel.bundles} * m_kernel.line_tiles;
      return (nodes + m_bundle * of_line + (tile >> radix_bits)) * m_kernel.lines + m_team_line;
    }
    KOKKOS_FUNCTION Value await_node(std::int64_t tile) const {
      return m_kernel.board.await(place_of_node(tile), m_call);
    }
    KOKKOS_FUNCTION Value await_prefix(std::int64_t tile) const {
      return m_kernel.board.await(place_of_prefix(tile), m_call);
    }
    /// The initial state. Tiles that need it read it before they publish anything: once all nodes
    /// are published, the last tile may store the final state, and the two may be one array.
    KOKKOS_FUNCTION Value initial_before_publishing() const {
      const Value state = initial();
      if constexpr (Scan::Initial::reads_memory) Kokkos::memory_fence();
      return state;
    }
    KOKKOS_FUNCTION void publish_node(const Value& node) const {
      m_kernel.board.publish(place_of_node(m_tile), m_call, node);
    }
    KOKKOS_FUNCTION void publish_prefix(const Value& prefix) const {
      if (m_tile % radix == 0 && m_tile > 0) {
        m_kernel.board.publish(place_of_prefix(m_tile), m_call, prefix);
      }
    }

    // --- columns: the lanes of a warp are lines ---

    KOKKOS_FUNCTION Value prefix_in_column(const Value& sum) const {
      if constexpr (rows) {
        return sum;
      } else {
        const Op& op = m_kernel.scan.op;
        Value* const sums = values() + m_team_line;
        Value* const before = sums + m_kernel.runs * column_lines;
        sums[m_run * column_lines] = sum;
        if (m_kernel.line_tiles <= 1) {
          if (m_run == 0 && m_active) *before = initial();
          m_member.team_barrier();
          return prefix_over<column_run_levels>(op, *before, sums, column_lines, m_run);
        }
        m_member.team_barrier();
        Value* const left = before + column_lines;
        const Digit digit = last_digit();
        exchange_in_column(digit, sums, before, left);
        const Value before_tile =
            prefix_over<radix_bits>(op, *before, left, column_lines, digit.value);
        if (m_run == 0 && m_active) publish_prefix(before_tile);
        return prefix_over<column_run_levels>(op, before_tile, sums, column_lines, m_run);
      }
    }

    /// Thread 0 of a line publishes the tile's node and waits for the prefix `before` its parent,
    /// the others wait for the nodes to the `left` since then.
    KOKKOS_FUNCTION void exchange_in_column(const Digit& digit, const Value* sums, Value* before,
                                            Value* left) const {
      const Op& op = m_kernel.scan.op;
      const auto gather = [&](const Digit& of) {
        constexpr int waiting = max_runs - 1;
        constexpr int most = (radix - 1 + waiting - 1) / waiting;
        const int i = m_run - 1;
        const int count = (of.value - i + waiting - 1) / waiting;
        if (m_active && m_run > 0 && count > 0) {
          Value nodes[most];
          const std::int64_t unit = std::int64_t{1} << of.shift;
          m_kernel.board.template await<most>(place_of_node(of.left(m_tile, i)),
                                              waiting * unit * column_lines, count, m_call, nodes);
          unrolled<most>([&](int k) {
            if (k < count) left[(i + k * waiting) * column_lines] = nodes[k];
          });
        }
        m_member.team_barrier();
      };
      const bool merges = m_tile % radix == radix - 1 && !is_last();
      const bool leads = m_run == 0 && m_active;
      const std::int64_t parent = digit.parent(m_tile);
      Value node;
      if (leads) {
        if (parent == 0) *before = initial_before_publishing();
        if (!is_last()) node = total_of(sums);
        if (!merges) {
          if (!is_last()) publish_node(node);
          if (parent > 0) *before = await_prefix(parent);
        }
      }
      gather(digit);
      if (!merges) return;
      // Others wait for the node, so it comes before the wait for a prefix.
      if (leads) node = node_ending_with<radix_bits>(op, left, column_lines, node);
      Digit next = Digit::of(m_tile, radix_bits);
      const bool merges_again = next.value == radix - 1;
      for (; next.value == radix - 1; next = Digit::of(m_tile, next.shift + radix_bits)) {
        m_member.team_barrier();
        gather(next);
        if (leads) node = node_ending_with<radix_bits>(op, left, column_lines, node);
      }
      if (leads) {
        publish_node(node);
        if (parent > 0) *before = await_prefix(parent);
      }
      m_member.team_barrier();
      if (merges_again) gather(digit);
    }

    template <int level = column_run_levels>
    KOKKOS_FUNCTION Value total_of(const Value* sums) const {
      if constexpr (level > 0) {
        if (m_kernel.runs < 1 << level) return total_of<level - 1>(sums);
      }
      return node_over<level>(m_kernel.scan.op, sums, column_lines);
    }

    // --- rows: the lanes of a warp are neighbours in the line ---

    KOKKOS_FUNCTION Value prefix_in_row(const Value& sum) const {
      if constexpr (!rows) {
        return sum;
      } else {
        const Op& op = m_kernel.scan.op;
        const int levels = levels_over(runs_of_warp());
        const int run = m_run & (runs_of_warp() - 1);
        const Value node = node_of_lane(op, sum, lane(), levels);
        if (m_kernel.lines > 1) {
          const Value before = m_active ? initial() : op.identity();
          return prefix_over_lanes(op, before, node, lane() - run, run, levels);
        }
        // The warps of a team lie on one line, and the first puts their sums together.
        const int warps = m_kernel.runs / warp_size;
        const int warp = m_run / warp_size;
        Value* const sums = values();
        Value* const prefixes = values() + max_warps;
        if (lane() == warp_size - 1) sums[warp] = node;
        m_member.team_barrier();
        if (warp == 0) {
          const int warp_levels = levels_over(warps);
          const bool stands_for_warp = lane() < warps;
          const Value of_warp =
              node_of_lane(op, stands_for_warp ? sums[lane()] : op.identity(), lane(), warp_levels);
          const Value before_tile = m_kernel.line_tiles <= 1
                                        ? initial()
                                        : exchange_in_row(value_of_lane(of_warp, warps - 1));
          const Value before_warp = prefix_over_lanes(op, before_tile, of_warp, 0,
                                                      stands_for_warp ? lane() : 0, warp_levels);
          if (stands_for_warp) prefixes[lane()] = before_warp;
        }
        m_member.team_barrier();
        return prefix_over_lanes(op, prefixes[warp], node, 0, lane(), levels);
      }
    }

    /// log2 of a power of two.
    KOKKOS_FUNCTION static int levels_over(int count) {
      return Kokkos::Experimental::countr_zero_builtin(static_cast<unsigned>(count));
    }

    /// The first warp of a team publishes its tile's node; returns the prefix before the tile.
    KOKKOS_FUNCTION Value exchange_in_row(const Value& total) const {
      const Op& op = m_kernel.scan.op;
      const int lane = this->lane();
      const bool merges = m_tile % radix == radix - 1 && !is_last();
      const Digit digit = last_digit();
      const std::int64_t parent = digit.parent(m_tile);
      Value prefix = op.identity();
      if (parent == 0) prefix = initial_before_publishing();
      if (lane == 0 && !merges && !is_last()) publish_node(total);
      // Lane i has the i-th node to the left, the last lane the prefix before the parent; where
      // others wait for a node that is merged, that comes first.
      const auto gather = [&](const Digit& of, const Value& last, bool with_prefix) {
        Value value = last;
        const bool for_prefix = lane == radix - 1 && with_prefix && parent > 0;
        if (lane < of.value || for_prefix) {
          value = m_kernel.board.await(
              for_prefix ? place_of_prefix(parent) : place_of_node(of.left(m_tile, lane)), m_call);
        }
        return value;
      };
      const Value found = gather(digit, total, !merges);
      const Value left = node_of_lane(op, found, lane, radix_bits);
      if (merges) {
        Value node = value_of_lane(left, radix - 1);
        for (Digit next = Digit::of(m_tile, radix_bits); next.value == radix - 1;
             next = Digit::of(m_tile, next.shift + radix_bits)) {
          node = value_of_lane(node_of_lane(op, gather(next, node, false), lane, radix_bits),
                               radix - 1);
        }
        if (lane == 0) publish_node(node);
        if (parent > 0) prefix = await_prefix(parent);
      } else if (parent > 0) {
        prefix = value_of_lane(found, radix - 1);
      }
      prefix = prefix_over_lanes(op, prefix, left, 0, digit.value, radix_bits);
      if (lane == 0) publish_prefix(prefix);
      return prefix;
    }

    const DeviceScan& m_kernel;
    const Member& m_member;
    typename Board::CallNumber m_call;
    int m_team_line;
    int m_run;
    int m_count;  // elements of this thread
    bool m_active;
    std::uint32_t m_bundle;
    std::uint32_t m_tile;
    std::int64_t m_outer;
    std::int64_t m_line;
    std::int64_t m_first;
    std::byte* m_scratch;
  };
};

template <Path::Shape shape, class Exec, class Scan>
void run_on_device(const Exec& exec, const Scan& scan, const std::string& label, int block_size) {
  using Kernel = DeviceScan<Exec, Scan, shape>;
  using Board = typename Kernel::Board;
  const ScanExtents& extents = scan.extents;
  Kernel kernel{scan, {}, Kernel::run_chunks, {}, {}, {}, {}, {}, {}};
  const auto runs_over = [](std::int64_t length) {
    const std::int64_t runs = ceil_div(std::max<std::int64_t>(length, 1), Kernel::run_length);
    return static_cast<int>(
        std::min<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(runs)), Kernel::max_runs));
  };
  kernel.runs = runs_over(extents.length);
  const bool whole_lines = kernel.runs * Kernel::run_length >= extents.length;
  if (Kernel::rows && !whole_lines && block_size > 0) {
    kernel.runs = std::max(runs_over(block_size), warp_size);
  }
  const bool lines_of_warp = Kernel::rows && whole_lines && kernel.runs <= warp_size;
  kernel.lines = !Kernel::rows   ? Kernel::column_lines
                 : lines_of_warp ? Kernel::team_size / kernel.runs
                                 : 1;
  const std::int64_t bundles_of_outer = ceil_div(extents.inner, kernel.lines);
  const std::int64_t bundles = extents.outer * bundles_of_outer;
  const std::int64_t multiprocessors = exec.concurrency() / 2048;  // of so many threads each
  std::int64_t tile_length = kernel.runs * Kernel::run_length;
  if (!Kernel::rows && !whole_lines &&
      bundles * ceil_div(extents.length, tile_length) <= multiprocessors / 2) {
    kernel.chunks = 1;
    tile_length = kernel.runs * chunk_length;
  }
  const std::int64_t line_tiles = ceil_div(extents.length, tile_length);
  kernel.bundles = static_cast<std::uint32_t>(bundles);
  kernel.bundles_of_outer = static_cast<std::uint32_t>(bundles_of_outer);
  kernel.line_tiles = static_cast<std::uint32_t>(line_tiles);
  if (line_tiles > 1) {
    kernel.board = Board(Workspace<Exec>::get(exec, Board::bytes_for(kernel.places()), label));
  }
  const std::int64_t teams = bundles * std::max<std::int64_t>(line_tiles, 1);
  // A quarter of a tile for each multiprocessor, where there are so many tiles that what the first
  // ones wait for doesn't count. Further ahead it was slower.
  const std::int64_t ahead = multiprocessors / 4;
  if (line_tiles > 1 && teams >= 100 * ahead) {
    kernel.tiles_ahead = static_cast<std::uint32_t>(ahead);
  }
  typename Kernel::Policy policy(exec, static_cast<int>(teams), kernel.lines * kernel.runs);
  policy.set_scratch_size(0, Kokkos::PerTeam(kernel.scratch_bytes() + Kernel::scratch_alignment));
  Kokkos::parallel_for(label + (line_tiles > 1 ? "::tiles" : "::lines"), policy, kernel);
}

/// Lines along which neighbours in memory lie are rows, but for very short ones.
inline Path choose_device_path(const ScanExtents& extents, bool along_axis) {
  const bool single = extents.inner <= 2;  // or nearly so: their elements are far from each other
  if ((along_axis || single) && extents.length >= warp_size) return {Path::Shape::rows, false};
  const bool few = extents.inner <= 8 && extents.length > 4 * chunk_length;
  return {few ? Path::Shape::few_columns : Path::Shape::columns, false};
}

}  // namespace fused_scan::impl

#endif
