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
#include <fused_scan/impl/access/part_access.hpp>
#include <fused_scan/impl/access/segment.hpp>
#include <fused_scan/impl/device/movement.hpp>
#include <fused_scan/impl/device/segment_lists.hpp>
#include <fused_scan/impl/device/tile.hpp>
#include <fused_scan/impl/device/tile_scan.hpp>
#include <fused_scan/impl/device/unrolled.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/plan/segment_plan.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// One short segment of one line, by a thread: neighbouring threads have neighbouring lines. Long
/// ones are put on the list.
template <class Scan, class Offsets>
struct ScanSegmentOfLineOrListIt {
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
  using Tiles = TileScan<Exec, PartScan<Scan>>;
  using Loaded = typename Tiles::Loaded;
  using Stored = typename Tiles::Stored;
  using Slot = typename Tiles::Slot;

  /// Staging elements left out after every chunk's length, a word of the scratch memory: threads
  /// that take chunks side by side don't meet in a bank.
  static constexpr int pad = segment_plan::pad_of(sizeof(Slot));
  /// Elements of a chunk that are read at a time, where only their sum is wanted and where they are
  /// scanned.
  static constexpr int group = sizeof(Value) + sizeof(Element) <= 16 ? 8 : 4;
  static constexpr int several = 4;

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
    Extent extent{window, window + 1, 0, scan.length, {}, {}};
    if (plan.one_by_one) {
      extent.begin = static_cast<std::int64_t>(offsets(window));
      extent.last = {extent.begin, static_cast<std::int64_t>(offsets(window + 1)) - extent.begin};
    } else {
      const WindowStart start = lists.window(window), next = lists.window(window + 1);
      const std::int64_t from = window * plan.window;
      extent = {start.first,        next.first,  from,
                from + plan.window, start.begin, {next.previous, next.begin - next.previous}};
    }
    if (extent.first < extent.end) Team(*this, member, line, extent).run();
  }

 private:
  /// Segments [first, end), which are those that begin in positions [from, to).
  struct Extent {
    std::int64_t first;
    std::int64_t end;
    std::int64_t from;
    std::int64_t to;
    std::int64_t begin;  // of the first
    Segment last;
  };

  /// A chunk of a segment [begin, end).
  struct Chunk {
    int begin;
    int end;
    int number;

    KOKKOS_FUNCTION int first() const { return begin + number * chunk_length; }
    KOKKOS_FUNCTION int count() const {
      const int left = end - first();
      return left < chunk_length ? left : chunk_length;
    }
  };

  /// One thread's part in a window.
  class Team {
   public:
    KOKKOS_FORCEINLINE_FUNCTION Team(const SegmentWindows& kernel, const Member& member,
                                     std::int64_t line, const Extent& extent)
        : m_kernel(kernel),
          m_member(member),
          m_line(line),
          m_outer(divided(line, kernel.scan.inner)),
          m_column(line - m_outer * kernel.scan.inner),
          m_extent(extent) {}

    KOKKOS_FORCEINLINE_FUNCTION void run() {
      if (!scan_together()) scan_one_by_one();
    }

   private:
    KOKKOS_FORCEINLINE_FUNCTION int thread() const { return m_member.team_rank(); }
    KOKKOS_FORCEINLINE_FUNCTION int threads() const { return m_member.team_size(); }
    KOKKOS_FORCEINLINE_FUNCTION std::int64_t offset(std::int64_t k) const {
      return static_cast<std::int64_t>(m_kernel.offsets(k));
    }

    /// Unless the offsets are wrong: then nothing has been written.
    KOKKOS_FORCEINLINE_FUNCTION bool scan_together() {
      const SegmentPlan& plan = m_kernel.plan;
      const Segment& last = m_extent.last;
      const std::int64_t begin = m_extent.begin;
      const bool ends_long = last.length >= plan.long_length;
      const std::int64_t end = ends_long ? last.begin : last.begin + last.length;
      const bool is_right = m_extent.from <= begin && begin <= last.begin && last.length >= 0 &&
                            last.begin < m_extent.to &&
                            last.begin + last.length <= m_kernel.scan.length &&
                            end - begin <= 2 * plan.window;
      if (!is_right) return false;
      if (ends_long) {
        if (m_line == 0 && thread() == 0) m_kernel.lists.append(last);
        --m_extent.end;
      }
      m_count = static_cast<int>(end - begin);
      if (m_count == 0) return true;
      m_slots = (m_count + chunk_length - 1) / chunk_length;
      take_scratch();
      for (int slot = thread(); slot <= m_slots; slot += threads()) m_heads[slot] = 0;
      if (thread() == 0) *m_longest = 0;
      m_member.team_barrier();
      const Tile tile(m_outer, m_column, m_kernel.scan.inner, begin, m_count);
      if constexpr (!sees_axis<typename Scan::Load>) load(tile);
      mark();
      await_copies();
      m_member.team_barrier();
      if (*m_longest == wrong) return false;
      if constexpr (sees_axis<typename Scan::Load>) load_chunks();
      if (*m_longest > chunk_length) sum_chunks();
      scan_chunks();
      if constexpr (sees_axis<typename Scan::Store>) {
        store_chunks();
      } else {
        m_member.team_barrier();
        store(tile);
      }
      return true;
    }

    KOKKOS_FORCEINLINE_FUNCTION void take_scratch() {
      const SegmentPlan& plan = m_kernel.plan;
      auto* const memory = static_cast<std::byte*>(
          m_member.team_scratch(0).get_shmem_aligned(plan.scratch_bytes, scratch_alignment));
      m_memory = memory;
      m_nodes = reinterpret_cast<Value*>(memory + plan.staging_bytes);
      m_heads = reinterpret_cast<unsigned*>(m_nodes + plan.slots);
      m_spans = m_heads + plan.slots + 1;
      m_longest = reinterpret_cast<int*>(m_spans + plan.slots + 1);
    }

    /// What is right whatever the offsets are.
    KOKKOS_FORCEINLINE_FUNCTION void scan_one_by_one() const {
      const Scan& scan = m_kernel.scan;
      for (std::int64_t k = m_extent.first + thread(); k < m_extent.end; k += threads()) {
        const Segment segment = segment_of(m_kernel.offsets, k, scan.length);
        if (segment.length == 0 || segment.begin < m_extent.from || segment.begin >= m_extent.to) {
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
    KOKKOS_FORCEINLINE_FUNCTION void mark() const {
      const bool reverse = m_kernel.scan.reverse;
      int longest = 0;
      bool is_right = true;
      for (std::int64_t k = m_extent.first + thread(); k < m_extent.end; k += threads()) {
        const std::int64_t from = offset(k) - m_extent.begin, to = offset(k + 1) - m_extent.begin;
        if (from < 0 || to < from || to > m_count) {
          is_right = false;
          continue;
        }
        if (from == to) continue;
        const int length = static_cast<int>(to - from);
        const int begin = static_cast<int>(reverse ? m_count - to : from), end = begin + length;
        const int first = begin / chunk_length;
        Kokkos::atomic_or(&m_heads[first], 1U << (begin - first * chunk_length));
        for (int slot = first + 1; slot * chunk_length < end; ++slot) {
          m_spans[slot] = static_cast<unsigned>(begin) | static_cast<unsigned>(end) << 16;
        }
        longest = longest < length ? length : longest;
      }
      if (!is_right) {
        Kokkos::atomic_max(m_longest, wrong);
      } else if (longest > chunk_length) {
        Kokkos::atomic_max(m_longest, longest);
      }
    }

    KOKKOS_FORCEINLINE_FUNCTION static int lowest_bit(unsigned bits) {
      return Kokkos::Experimental::countr_zero_builtin(bits);
    }

    /// The chunk that begins in a slot, of the segment that the slot begins in the midst of;
    /// without elements where there is none.
    KOKKOS_FORCEINLINE_FUNCTION Chunk chunk_within(int slot) const {
      if ((m_heads[slot] & 1) != 0) return {0, 0, 0};
      const unsigned span = m_spans[slot];
      const int begin = static_cast<int>(span & 0xffff);
      return {begin, static_cast<int>(span >> 16), slot - begin / chunk_length};
    }
    /// How far the next segment is from one that begins at a place in a slot; if farther than a
    /// chunk's length, something larger than that.
    KOKKOS_FORCEINLINE_FUNCTION int distance_to_next(int slot, int place) const {
      const unsigned near = m_heads[slot] | m_heads[slot + 1] << chunk_length;
      const unsigned after = near >> place >> 1;
      return after != 0 ? lowest_bit(after) + 1 : 2 * chunk_length;
    }
    KOKKOS_FORCEINLINE_FUNCTION static int highest_bit(unsigned bits) {
      return 31 - Kokkos::Experimental::countl_zero_builtin(bits);
    }
    KOKKOS_FORCEINLINE_FUNCTION static int smaller(int a, int b) { return a < b ? a : b; }

    /// Where the last chunk ends that begins in a slot.
    KOKKOS_FORCEINLINE_FUNCTION int end_of_chunks(int slot) const {
      const unsigned heads = m_heads[slot];
      if (heads == 0) {
        const Chunk chunk = chunk_within(slot);
        return smaller(chunk.first() + chunk_length, chunk.end);
      }
      const int last = highest_bit(heads), first = slot * chunk_length + last;
      return smaller(first + smaller(distance_to_next(slot, last), chunk_length), m_count);
    }
    /// Whether there are others after the last chunk that begins in a slot; where it begins, and
    /// its number.
    KOKKOS_FORCEINLINE_FUNCTION bool last_goes_on(int slot, int& first, int& number) const {
      const unsigned heads = m_heads[slot];
      if (heads == 0) {
        const Chunk chunk = chunk_within(slot);
        first = chunk.first();
        number = chunk.number;
        return first + chunk_length < chunk.end;
      }
      const int last = highest_bit(heads);
      first = slot * chunk_length + last;
      return first + chunk_length < m_count && distance_to_next(slot, last) > chunk_length;
    }

    /// Calls f(chunk) for the chunks that begin in a slot, in order.
    template <class F>
    KOKKOS_FORCEINLINE_FUNCTION void for_chunks(int slot, const F& f) const {
      if (const Chunk chunk = chunk_within(slot); chunk.count() > 0) f(chunk);
      for (unsigned left = m_heads[slot]; left != 0; left &= left - 1) {
        const int place = lowest_bit(left), begin = slot * chunk_length + place;
        const int next = distance_to_next(slot, place);
        // Up to the next segment, or to the end of what reaches into the next slot.
        const int end = next <= chunk_length ? begin + next
                        : (slot + 1) * chunk_length < m_count
                            ? static_cast<int>(m_spans[slot + 1] >> 16)
                            : m_count;
        f(Chunk{begin, end, 0});
      }
    }
    /// Calls f(slot) for this thread's.
    template <class F>
    KOKKOS_FORCEINLINE_FUNCTION void for_slots(const F& f) const {
      for (int slot = thread(); slot < m_slots; slot += threads()) f(slot);
    }

    // --- between memory and scratch memory ---

    /// Of a position in the order of the scan, where its element waits, and then its result.
    template <class T>
    KOKKOS_FORCEINLINE_FUNCTION T* place(int at) const {
      return reinterpret_cast<T*>(m_memory + (at + (at >> 4) * pad) * int{sizeof(Slot)});
    }
    KOKKOS_FORCEINLINE_FUNCTION int in_order(int at) const {
      return m_kernel.scan.reverse ? m_count - 1 - at : at;
    }

    template <class Access, class T>
    KOKKOS_FORCEINLINE_FUNCTION TileMover<Access, T, Slot> mover(const Access& access,
                                                                 const Tile& tile) const {
      return {access, tile, thread(), threads()};
    }

    /// Begins to copy.
    KOKKOS_FORCEINLINE_FUNCTION void load(const Tile& tile) const {
      using Load = typename Scan::Load;
      const auto move = mover<Load, Loaded>(m_kernel.scan.load, tile);
      if constexpr (Load::is_memory) {
        move.move(
            m_kernel.plan.load, 0,
            [&](int at, const auto& slab, std::int64_t i, std::int64_t j) {
              copy_to_scratch<Loaded>(place<Loaded>(in_order(at)), slab.at(i, j));
            },
            [](int, const Loaded*) {});
      } else {
        move.move_through_registers(
            m_kernel.plan.load,
            [](const auto& slab, std::int64_t i, std::int64_t j) {
              return static_cast<Loaded>(slab.read(i, j));
            },
            [&](int at, const Loaded& element) { *place<Loaded>(in_order(at)) = element; });
      }
    }
    KOKKOS_FORCEINLINE_FUNCTION void store(const Tile& tile) const {
      mover<typename Scan::Store, Stored>(m_kernel.scan.store, tile)
          .move(
              m_kernel.plan.store, 0,
              [&](int at, const auto& slab, std::int64_t i, std::int64_t j) {
                slab.write(i, j, *place<Stored>(in_order(at)));
              },
              [](int, Stored*) {});
    }

    /// Calls f(slab of the chunk's segment, position in it, position in scratch memory) for the
    /// elements of this thread's chunks: where an access sees where a segment begins and ends.
    template <class Access, class F>
    KOKKOS_FORCEINLINE_FUNCTION void for_elements_of_segments(const Access& access,
                                                              const F& f) const {
      const auto slab = access.slab(m_outer);
      const bool reverse = m_kernel.scan.reverse;
      for_slots([&](int slot) {
        for_chunks(slot, [&](const Chunk& chunk) {
          const int length = chunk.end - chunk.begin;
          const auto part =
              slab.part(m_extent.begin + (reverse ? m_count - chunk.end : chunk.begin), length);
          for (int r = 0; r < chunk.count(); ++r) {
            const int step = chunk.number * chunk_length + r;
            f(part, reverse ? length - 1 - step : step, chunk.begin + step);
          }
        });
      });
    }
    KOKKOS_FORCEINLINE_FUNCTION void load_chunks() const {
      for_elements_of_segments(m_kernel.scan.load, [&](const auto& part, int i, int at) {
        *place<Loaded>(at) = static_cast<Loaded>(part.read(i, m_column));
      });
    }
    KOKKOS_FORCEINLINE_FUNCTION void store_chunks() const {
      for_elements_of_segments(m_kernel.scan.store, [&](const auto& part, int i, int at) {
        part.write(i, m_column, *place<Stored>(at));
      });
    }

    // --- chunks ---

    KOKKOS_FORCEINLINE_FUNCTION Element element_at(int at) const {
      return static_cast<Element>(*place<Loaded>(at));
    }

    /// The node of each chunk with others after it, then the largest that ends with it.
    KOKKOS_FORCEINLINE_FUNCTION void sum_chunks() const {
      const Op& op = m_kernel.scan.op;
      for_slots([&](int slot) {
        int first = 0, number = 0;
        if (!last_goes_on(slot, first, number)) return;
        Value sum = op.neutral();
        looped(chunk_length / group, [&](int g) {
          Element elements[group];
          unrolled<group>([&](int r) { elements[r] = element_at(first + g * group + r); });
          sum = g == 0 ? op.lift(elements[0]) : op.accumulate(sum, elements[0]);
          unrolled<group - 1>([&](int r) { sum = op.accumulate(sum, elements[r + 1]); });
        });
        m_nodes[slot] = sum;
      });
      m_member.team_barrier();
      const int most = (*m_longest - 1) / chunk_length;  // of a segment's chunks with others after
      for (int half = 1; 2 * half <= most; half *= 2) {
        for_slots([&](int slot) {
          int first = 0, number = 0;
          if (m_heads[slot] != 0 || !last_goes_on(slot, first, number)) return;
          if ((number + 1) % (2 * half) != 0) return;
          m_nodes[slot] = op.combine(m_nodes[slot - half], m_nodes[slot]);
        });
        m_member.team_barrier();
      }
    }

    KOKKOS_FORCEINLINE_FUNCTION void scan_chunks() const {
      if (m_kernel.scan.exclusive) {
        for_slots([&](int slot) { scan_slot<true>(slot); });
      } else {
        for_slots([&](int slot) { scan_slot<false>(slot); });
      }
    }

    /// The chunks that begin in a slot, element by element: at the same pace whatever their lengths
    /// are.
    template <bool exclusive>
    KOKKOS_FORCEINLINE_FUNCTION void scan_slot(int slot) const {
      const Scan& scan = m_kernel.scan;
      const Op& op = scan.op;
      const Value initial = scan.initial(m_outer, m_column);
      const unsigned heads = m_heads[slot];
      const int from = slot * chunk_length;
      int at = from + (heads != 0 ? lowest_bit(heads) : 2 * chunk_length);
      Value prefix = initial;
      if (const Chunk chunk = chunk_within(slot); chunk.number > 0 && chunk.count() > 0) {
        at = chunk.first();
        prefix = prefix_before(op, initial, chunk.number, [&](int last) {
          return m_nodes[chunk.begin / chunk_length + last];
        });
      }
      const int end = end_of_chunks(slot);
      Value sum = prefix, state = prefix;
      bool starts = true;  // whether the next element is a chunk's first
      bool exact = Op::tries_exactly;
      const auto scan_group = [&](auto size) {
        constexpr int n = decltype(size)::value;
        Element elements[n];
        Stored results[n];
        unrolled<n>([&](int r) { elements[r] = element_at(at + r); });
        // The bits of the positions at which segments begin, from `at` on.
        const unsigned begins = at < from + chunk_length ? heads >> (at - from) : 0;
        const auto scan_each = [&](const auto& next) {
          unrolled<n>([&](int r) {
            const bool is_first = ((begins >> r) & 1) != 0;
            if (is_first) prefix = state = initial;
            if (exclusive) {
              results[r] =
                  static_cast<Stored>(op.lower(is_first ? scan.first_output(initial) : state));
            }
            next(elements[r], is_first || (r == 0 && starts));
            if (!exclusive) results[r] = static_cast<Stored>(op.lower(state));
          });
        };
        const auto write = [&] {
          unrolled<n>([&](int r) { *place<Stored>(at + r) = results[r]; });
          starts = false;
          at += n;
        };
        if constexpr (Op::tries_exactly) {
          if (exact) {
            const Value state_before = state, prefix_before_group = prefix;
            std::uint64_t lost = 0;
            scan_each([&](const Element& element, bool) {
              state = op.accumulate_exactly(state, element, lost);
            });
            if (lost == 0) return write();
            exact = false;
            state = state_before;
            prefix = prefix_before_group;
            sum = op.exact_difference(state, prefix);
          }
        }
        scan_each([&](const Element& element, bool begins_chunk) {
          if constexpr (Op::combines_chunks) {
            const Value added = op.accumulate(sum, element);
            sum = begins_chunk ? op.lift(element) : added;
            state = op.combine(prefix, sum);
          } else {
            state = op.accumulate(state, element);
          }
        });
        write();
      };
      looped((end - at) / several,
             [&](int) { scan_group(std::integral_constant<int, several>()); });
      looped(end - at, [&](int) { scan_group(std::integral_constant<int, 1>()); });
    }

    const SegmentWindows& m_kernel;
    const Member& m_member;
    std::int64_t m_line;
    std::int64_t m_outer;
    std::int64_t m_column;
    Extent m_extent;
    int m_count;  // of positions, in m_slots slots
    int m_slots;
    std::byte* m_memory;  // staging elements
    Value* m_nodes;
    unsigned* m_heads;
    unsigned* m_spans;
    int* m_longest;  // segment, if it has more than a chunk; or `wrong`
    static constexpr int wrong = 1 << 30;
  };
};

}  // namespace fused_scan::impl

#endif
