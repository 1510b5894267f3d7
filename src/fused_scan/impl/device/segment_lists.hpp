// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_SEGMENT_LISTS_HPP
#define FUSED_SCAN_IMPL_DEVICE_SEGMENT_LISTS_HPP

// What the kernels of one call leave for each other about segments, whose offsets a host doesn't
// see. Everything here stays in its bounds whatever the offsets are.

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/access/segment.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/plan/segment_plan.hpp>

namespace fused_scan::impl {

/// A long segment and the number of its first piece, counted over all of them.
struct LongSegment {
  Segment segment;
  std::int64_t first_piece;
};

/// The first segment that begins in a window or after it, where it begins, and where the one before
/// it does.
struct WindowStart {
  std::int64_t first;
  std::int64_t begin;
  std::int64_t previous;
};

/// The long segments in the order in which they were found, and where windows start.
class SegmentLists {
 public:
  SegmentLists(std::byte* memory, const SegmentPlan& plan)
      : m_counter(reinterpret_cast<std::uint64_t*>(memory)),
        m_windows(reinterpret_cast<WindowStart*>(memory + header_bytes)),
        m_long(reinterpret_cast<LongSegment*>(m_windows + plan.windows_to_find() + 1)),
        m_rows(plan.pieces.rows),
        m_most_long(plan.most_long),
        m_most_pieces(plan.most_pieces) {}

  static std::size_t bytes_for(const SegmentPlan& plan) {
    return header_bytes + (plan.windows_to_find() + 1) * sizeof(WindowStart) +
           plan.most_long * sizeof(LongSegment);
  }

  KOKKOS_FUNCTION void clear() const { *m_counter = 0; }

  KOKKOS_FUNCTION WindowStart& window(std::int64_t number) const { return m_windows[number]; }

  KOKKOS_FUNCTION void append(const Segment& segment) const {
    // Segments that overlap may have more pieces than the axis has room for.
    if (*static_cast<volatile std::uint64_t*>(m_counter) % one_segment >= m_most_pieces) return;
    const auto pieces = static_cast<std::uint64_t>(ceil_div(segment.length, m_rows));
    const std::uint64_t before = Kokkos::atomic_fetch_add(m_counter, one_segment + pieces);
    if (before / one_segment < m_most_long) {
      m_long[before / one_segment] = {segment, static_cast<std::int64_t>(before % one_segment)};
    }
  }

  KOKKOS_FUNCTION std::int64_t pieces() const {
    const std::uint64_t count = *m_counter % one_segment;
    return static_cast<std::int64_t>(count < m_most_pieces ? count : m_most_pieces);
  }

  /// The segment that a piece is part of; it may have no such piece.
  KOKKOS_FUNCTION const LongSegment& segment_of_piece(std::int64_t piece) const {
    const std::uint64_t found = *m_counter / one_segment;
    const auto count = static_cast<std::int64_t>(found < m_most_long ? found : m_most_long);
    return m_long[first_where(0, count,
                              [&](std::int64_t k) { return m_long[k].first_piece > piece; }) -
                  1];
  }

  /// The first of [begin, end) for which is_true, which is false up to there; or `end`.
  template <class Predicate>
  KOKKOS_FUNCTION static std::int64_t first_where(std::int64_t begin, std::int64_t end,
                                                  const Predicate& is_true) {
    while (begin < end) {
      const std::int64_t middle = begin + (end - begin) / 2;
      if (is_true(middle)) {
        end = middle;
      } else {
        begin = middle + 1;
      }
    }
    return begin;
  }

 private:
  static constexpr std::size_t header_bytes = 128;
  static constexpr std::uint64_t one_segment = std::uint64_t{1} << 32;

  std::uint64_t* m_counter;  // long segments << 32 | their pieces
  WindowStart* m_windows;
  LongSegment* m_long;
  std::int64_t m_rows;  // of a piece
  std::uint64_t m_most_long;
  std::uint64_t m_most_pieces;
};

/// Before anything else: where each window starts.
template <class Offsets>
struct FindWindows {
  Offsets offsets;
  SegmentLists lists;
  std::int64_t segments;
  std::int64_t positions;  // of a window

  KOKKOS_FUNCTION void operator()(std::int64_t window) const {
    if (window == 0) lists.clear();
    const std::int64_t from = window * positions;
    const auto offset = [&](std::int64_t k) { return static_cast<std::int64_t>(offsets(k)); };
    const std::int64_t first =
        SegmentLists::first_where(0, segments, [&](std::int64_t k) { return offset(k) >= from; });
    lists.window(window) = {first, offset(first), first > 0 ? offset(first - 1) : 0};
  }
};

}  // namespace fused_scan::impl

#endif
