// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_SEGMENT_WINDOWS_HPP
#define FUSED_SCAN_IMPL_DEVICE_SEGMENT_WINDOWS_HPP

// Short segments on a GPU. A team takes those that begin in a window of the axis, which lie one
// after the other: it copies them to scratch memory, scans them there, and copies the results back.
//
// Positions are counted in the order of the scan, from the first of the first segment. A slot is 16
// of them, and a thread takes the chunks that begin in its slot: a segment's chunk c begins c slots
// after its first one, so of those that aren't the first of their segment there is at most one in a
// slot. Of a slot's chunks only the last can be one with others after it in its segment; so a slot
// has room for one node of the tree.

#include <Kokkos_BitManipulation.hpp>
#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/access/segment.hpp>
#include <fused_scan/impl/access/sequential_line.hpp>
#include <fused_scan/impl/device/movement.hpp>
#include <fused_scan/impl/device/segment_lists.hpp>
#include <fused_scan/impl/device/tile.hpp>
#include <fused_scan/impl/device/tile_scan.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/plan/segment_plan.hpp>

namespace fused_scan::impl {

/// One short segment of one line, by a thread: neighbouring threads have neighbouring lines. Long
/// ones are put on the list.
template <class Scan, class Offsets>
struct ScanSegmentOfColumn {
  Scan scan;
  Offsets offsets;
  SegmentLists lists;
  std::int64_t lines;
  std::int64_t long_length;

  KOKKOS_FUNCTION void operator()(std::int64_t unit) const {
    const std::int64_t index = unit / lines, line = unit - index * lines;
    const Segment segment = segment_of(offsets, index, scan.length);
    if (segment.length >= long_length) {
      if (line == 0) lists.append(segment);
    } else if (segment.length > 0) {
      scan_segment(scan, segment, line);
    }
  }
};

template <class Exec, class Scan, class Offsets>
struct SegmentWindows {
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;
  using Tiles = TileScan<Exec, Scan>;
  using Loaded = typename Tiles::Loaded;
  using Stored = typename Tiles::Stored;
  using Slot = typename Tiles::Slot;

  /// Eight teams on a multiprocessor leave 64 registers for a thread.
  static constexpr int teams = Tiles::value_size <= 8 ? 8 : Tiles::teams;
  using Policy = Kokkos::TeamPolicy<Exec, Kokkos::LaunchBounds<team_threads, teams>>;
  using Member = typename Policy::member_type;
  static constexpr int scratch_alignment = Tiles::scratch_alignment;

  Scan scan;
  Offsets offsets;
  SegmentPlan plan;
  SegmentLists lists;

  KOKKOS_FUNCTION void operator()(const Member& member) const {
    const std::int64_t window = divided(member.league_rank(), plan.lines);
    const std::int64_t line = member.league_rank() - window * plan.lines;
    if (plan.one_by_one) {
      Team(*this, member, line, window, window + 1, 0, scan.length).run();
      return;
    }
    const std::int64_t begin = window * plan.window;
    const std::int64_t first = lists.first_of_window(window);
    const std::int64_t end = lists.first_of_window(window + 1);
    if (first < end) Team(*this, member, line, first, end, begin, begin + plan.window).run();
  }

 private:
  /// A chunk of a segment [begin, end).
  struct Chunk {
    int begin;
    int end;
    int number;

    KOKKOS_FUNCTION int slot() const { return begin / chunk_length; }  // of the first chunk
    KOKKOS_FUNCTION int first() const { return begin + number * chunk_length; }
    KOKKOS_FUNCTION int count() const {
      return end - first() < chunk_length ? end - first() : chunk_length;
    }
    /// Whether there are others after it.
    KOKKOS_FUNCTION bool goes_on() const { return first() + chunk_length < end; }
  };

  /// One thread's part in a window.
  class Team {
   public:
    KOKKOS_FUNCTION Team(const SegmentWindows& kernel, const Member& member, std::int64_t line,
                         std::int64_t first, std::int64_t end, std::int64_t window_begin,
                         std::int64_t window_end)
        : m_kernel(kernel),
          m_member(member),
          m_line(line),
          m_outer(divided(line, kernel.scan.inner)),
          m_column(line - m_outer * kernel.scan.inner),
          m_first(first),
          m_end(end),
          m_window_begin(window_begin),
          m_window_end(window_end) {}

    KOKKOS_FUNCTION void run() {
      const SegmentPlan& plan = m_kernel.plan;
      const Segment last{offset(m_end - 1), offset(m_end) - offset(m_end - 1)};
      const bool ends_long = last.length >= plan.long_length;
      m_begin = offset(m_first);
      const std::int64_t end = ends_long ? last.begin : last.begin + last.length;
      // As it is where offsets don't fall.
      const bool is_right = m_window_begin <= m_begin && m_begin <= last.begin &&
                            last.length >= 0 && last.begin < m_window_end &&
                            last.begin + last.length <= m_kernel.scan.length &&
                            end - m_begin <= 2 * plan.window;
      if (!is_right) return scan_one_by_one();
      if (ends_long) {
        if (m_line == 0 && thread() == 0) m_kernel.lists.append(last);
        --m_end;
      }
      m_count = static_cast<int>(end - m_begin);
      if (m_count == 0) return;
      m_slots = (m_count + chunk_length - 1) / chunk_length;
      take_scratch();
      for (int slot = thread(); slot <= m_slots; slot += threads()) m_heads[slot] = 0;
      if (thread() == 0) *m_longest = 0;
      m_member.team_barrier();
      const Tile tile(m_outer, m_column, m_kernel.scan.inner, m_begin, m_count);
      load(tile);
      mark();
      await_copies();
      m_member.team_barrier();
      if (*m_longest < 0) return scan_one_by_one();
      if constexpr (sees_axis<typename Scan::Load>) load_chunks();
      if (*m_longest > chunk_length) sum_chunks();
      scan_chunks();
      if constexpr (!sees_axis<typename Scan::Store>) {
        m_member.team_barrier();
        store(tile);
      }
    }

   private:
    KOKKOS_FUNCTION int thread() const { return m_member.team_rank(); }
    KOKKOS_FUNCTION int threads() const { return m_member.team_size(); }
    KOKKOS_FUNCTION std::int64_t offset(std::int64_t k) const {
      return static_cast<std::int64_t>(m_kernel.offsets(k));
    }

    KOKKOS_FUNCTION void take_scratch() {
      const SegmentPlan& plan = m_kernel.plan;
      auto* const memory = static_cast<std::byte*>(
          m_member.team_scratch(0).get_shmem_aligned(plan.scratch_bytes, scratch_alignment));
      m_staging = {memory, 0, plan.pad, 4};
      m_nodes = reinterpret_cast<Value*>(memory + plan.staging_bytes);
      m_heads = reinterpret_cast<unsigned*>(m_nodes + plan.slots);
      m_spans = m_heads + plan.slots + 1;
      m_longest = reinterpret_cast<int*>(m_spans + plan.slots + 1);
    }

    /// What is right whatever the offsets are.
    KOKKOS_FUNCTION void scan_one_by_one() const {
      const Scan& scan = m_kernel.scan;
      for (std::int64_t k = m_first + thread(); k < m_end; k += threads()) {
        const Segment segment = segment_of(m_kernel.offsets, k, scan.length);
        if (segment.length == 0 || segment.begin < m_window_begin ||
            segment.begin >= m_window_end) {
          continue;
        }
        if (segment.length < m_kernel.plan.long_length) {
          scan_segment(scan, segment, m_line);
        } else if (m_line == 0) {
          m_kernel.lists.append(segment);
        }
      }
    }

    // --- where segments begin and end ---

    /// heads: a bit for each position of a slot at which a segment begins. spans: the segment that
    /// a slot begins in the midst of, begin and end.
    KOKKOS_FUNCTION void mark() const {
      const bool reverse = m_kernel.scan.reverse;
      int longest = 0;
      bool is_right = true;
      for (std::int64_t k = m_first + thread(); k < m_end; k += threads()) {
        const std::int64_t from = offset(k) - m_begin, to = offset(k + 1) - m_begin;
        if (from < 0 || to < from || to > m_count) {
          is_right = false;
          continue;
        }
        if (from == to) continue;
        const int length = static_cast<int>(to - from);
        const int begin = static_cast<int>(reverse ? m_count - to : from), end = begin + length;
        Kokkos::atomic_or(&m_heads[begin / chunk_length], 1U << begin % chunk_length);
        for (int slot = begin / chunk_length + 1; slot * chunk_length < end; ++slot) {
          m_spans[slot] = static_cast<unsigned>(begin) | static_cast<unsigned>(end) << 16;
        }
        longest = longest < length ? length : longest;
      }
      // The highest is negative as an int.
      auto* const most = reinterpret_cast<unsigned*>(m_longest);
      if (!is_right) {
        Kokkos::atomic_max(most, ~0U);
      } else if (longest > chunk_length) {
        Kokkos::atomic_max(most, static_cast<unsigned>(longest));
      }
    }

    KOKKOS_FORCEINLINE_FUNCTION static int lowest_bit(unsigned bits) {
      return Kokkos::Experimental::countr_zero_builtin(bits);
    }

    /// Calls f(chunk) for the chunks that begin in a slot, in order.
    template <class F>
    KOKKOS_FORCEINLINE_FUNCTION void for_chunks(int slot, const F& f) const {
      const unsigned heads = m_heads[slot];
      const unsigned near = heads | m_heads[slot + 1] << chunk_length;
      unsigned left = heads;
      int begin = 0, end = 0, number = 0;
      if ((heads & 1) == 0) {
        begin = static_cast<int>(m_spans[slot] & 0xffff);
        end = static_cast<int>(m_spans[slot] >> 16);
        number = slot - begin / chunk_length;
      }
      bool has_chunk = begin + number * chunk_length < end;
      while (has_chunk || left != 0) {
        if (!has_chunk) {
          const int place = lowest_bit(left);
          left &= left - 1;
          const unsigned after = near >> place >> 1;
          begin = slot * chunk_length + place;
          number = 0;
          // Up to the next segment, or to the end of what reaches into the next slot.
          const int next = after != 0 ? lowest_bit(after) + 1 : 2 * chunk_length;
          end = next <= chunk_length                  ? begin + next
                : (slot + 1) * chunk_length < m_count ? static_cast<int>(m_spans[slot + 1] >> 16)
                                                      : m_count;
        }
        f(Chunk{begin, end, number});
        has_chunk = false;
      }
    }
    /// Calls f(slot) for this thread's.
    template <class F>
    KOKKOS_FORCEINLINE_FUNCTION void for_slots(const F& f) const {
      for (int slot = thread(); slot < m_slots; slot += threads()) f(slot);
    }

    // --- between memory and scratch memory ---

    template <class Access, class T>
    KOKKOS_FUNCTION TileMover<Access, T, Slot> mover(const Access& access, const Tile& tile) const {
      return {access, tile, thread(), threads()};
    }

    /// Begins to copy.
    KOKKOS_FUNCTION void load(const Tile& tile) const {
      using Load = typename Scan::Load;
      if constexpr (!sees_axis<Load>) {
        const auto move = mover<Load, Loaded>(m_kernel.scan.load, tile);
        const auto place = [&](int at) { return m_staging.template at<Loaded, Slot>(at); };
        if constexpr (Load::is_memory) {
          move.move(
              m_kernel.plan.load, 0,
              [&](int at, const auto& slab, std::int64_t i, std::int64_t j) {
                copy_to_scratch<Loaded>(place(at), slab.at(i, j));
              },
              [](int, const Loaded*) {});
        } else {
          move.move_through_registers(
              m_kernel.plan.load,
              [](const auto& slab, std::int64_t i, std::int64_t j) {
                return static_cast<Loaded>(slab.read(i, j));
              },
              [&](int at, const Loaded& element) { *place(at) = element; });
        }
      }
    }
    KOKKOS_FUNCTION void store(const Tile& tile) const {
      mover<typename Scan::Store, Stored>(m_kernel.scan.store, tile)
          .move(
              m_kernel.plan.store, 0,
              [&](int at, const auto& slab, std::int64_t i, std::int64_t j) {
                slab.write(i, j, *m_staging.template at<Stored, Slot>(at));
              },
              [](int, Stored*) {});
    }

    /// The staging element of a segment's first position in memory.
    KOKKOS_FUNCTION int place_of(const Chunk& chunk) const {
      return m_kernel.scan.reverse ? m_count - chunk.end : chunk.begin;
    }
    /// Of an array's slab, a chunk's segment.
    template <class Slab>
    KOKKOS_FUNCTION Slab segment_in(const Slab& slab, const Chunk& chunk) const {
      return slab.part(m_begin + place_of(chunk), chunk.end - chunk.begin);
    }
    /// Of a segment's position in the order of the scan, that in memory.
    KOKKOS_FUNCTION int position(const Chunk& chunk, int step) const {
      return m_kernel.scan.reverse ? chunk.end - chunk.begin - 1 - step : step;
    }

    /// Elements that depend on where their segment begins and ends.
    KOKKOS_FUNCTION void load_chunks() const {
      const auto slab = m_kernel.scan.load.slab(m_outer);
      for_slots([&](int slot) {
        for_chunks(slot, [&](const Chunk& chunk) {
          const auto from = segment_in(slab, chunk);
          for (int r = 0; r < chunk.count(); ++r) {
            const int i = position(chunk, chunk.number * chunk_length + r);
            *m_staging.template at<Loaded, Slot>(place_of(chunk) + i) =
                static_cast<Loaded>(from.read(i, m_column));
          }
        });
      });
    }

    // --- chunks ---

    /// A segment in scratch memory.
    struct Staged {
      const Staging& staging;
      int first;
      KOKKOS_FORCEINLINE_FUNCTION Loaded read(std::int64_t i, std::int64_t) const {
        return *staging.template at<Loaded, Slot>(first + static_cast<int>(i));
      }
      template <class Result>
      KOKKOS_FORCEINLINE_FUNCTION void write(std::int64_t i, std::int64_t,
                                             const Result& result) const {
        *staging.template at<Stored, Slot>(first + static_cast<int>(i)) =
            static_cast<Stored>(result);
      }
    };

    /// The node of each chunk with others after it, then the largest that ends with it.
    KOKKOS_FUNCTION void sum_chunks() const {
      const Op& op = m_kernel.scan.op;
      for_slots([&](int slot) {
        for_chunks(slot, [&](const Chunk& chunk) {
          if (!chunk.goes_on()) return;
          const Staged from{m_staging, place_of(chunk)};
          const auto element = [&](int r) {
            return static_cast<Element>(
                from.read(position(chunk, chunk.number * chunk_length + r), 0));
          };
          Value sum = op.lift(element(0));
          for (int r = 1; r < chunk_length; ++r) sum = op.accumulate(sum, element(r));
          m_nodes[slot] = sum;
        });
      });
      m_member.team_barrier();
      for (int half = 1; 2 * half <= (*m_longest - 1) / chunk_length; half *= 2) {
        for_slots([&](int slot) {
          if (m_heads[slot] != 0) return;
          const auto begin = static_cast<int>(m_spans[slot] & 0xffff);
          const int number = slot - begin / chunk_length;
          if ((number + 1) % (2 * half) != 0) return;
          if (!Chunk{begin, static_cast<int>(m_spans[slot] >> 16), number}.goes_on()) return;
          m_nodes[slot] = op.combine(m_nodes[slot - half], m_nodes[slot]);
        });
        m_member.team_barrier();
      }
    }

    KOKKOS_FUNCTION void scan_chunks() const {
      const Scan& scan = m_kernel.scan;
      const Value initial = scan.initial(m_outer, m_column);
      const auto slab = scan.store.slab(m_outer);
      for_slots([&](int slot) {
        for_chunks(slot, [&](const Chunk& chunk) {
          const Value prefix = prefix_before(scan.op, initial, chunk.number, [&](int last) {
            return m_nodes[chunk.slot() + last];
          });
          const Staged from{m_staging, place_of(chunk)};
          const auto scan_to = [&](const auto& to) {
            Value state = prefix;
            SequentialLine(scan, from, to, chunk.end - chunk.begin, m_column)
                .scan_chunk(chunk.number * chunk_length, chunk.count(), prefix, state);
          };
          if constexpr (sees_axis<typename Scan::Store>) {
            scan_to(segment_in(slab, chunk));
          } else {
            scan_to(from);
          }
        });
      });
    }

    const SegmentWindows& m_kernel;
    const Member& m_member;
    std::int64_t m_line;
    std::int64_t m_outer;
    std::int64_t m_column;
    std::int64_t m_first;  // segments
    std::int64_t m_end;
    std::int64_t m_window_begin;
    std::int64_t m_window_end;
    std::int64_t m_begin;  // of the first segment in memory
    int m_count;           // of positions, in m_slots slots
    int m_slots;
    Staging m_staging;
    Value* m_nodes;
    unsigned* m_heads;
    unsigned* m_spans;
    int* m_longest;  // segment, if it has more than a chunk
  };
};

}  // namespace fused_scan::impl

#endif
