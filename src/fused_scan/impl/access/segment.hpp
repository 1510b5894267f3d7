// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ACCESS_SEGMENT_HPP
#define FUSED_SCAN_IMPL_ACCESS_SEGMENT_HPP

// A segment of the axis, and its scan by one thread.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/access/sequential_line.hpp>

namespace fused_scan::impl {

/// A segment's positions. Offsets that nobody has checked may be wrong: what they leave of the axis
/// is scanned, and no position outside is touched.
struct Segment {
  std::int64_t begin;
  std::int64_t length;
};
template <class Offsets>
KOKKOS_FUNCTION Segment segment_of(const Offsets& offsets, std::int64_t index,
                                   std::int64_t length) {
  const auto begin = static_cast<std::int64_t>(offsets(index));
  const auto end = static_cast<std::int64_t>(offsets(index + 1));
  if (begin < 0 || end > length || end < begin) return {0, 0};
  return {begin, end - begin};
}

template <class Scan>
KOKKOS_FUNCTION void scan_segment(const Scan& scan, const Segment& segment, std::int64_t line) {
  const std::int64_t outer = line / scan.inner, column = line % scan.inner;
  const auto from = scan.load.slab(outer).part(segment.begin, segment.length);
  const auto to = scan.store.slab(outer).part(segment.begin, segment.length);
  SequentialLine(scan, from, to, segment.length, column).scan(scan.initial(outer, column));
}

}  // namespace fused_scan::impl

#endif
