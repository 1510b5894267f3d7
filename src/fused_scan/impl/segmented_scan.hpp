// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_SEGMENTED_SCAN_HPP
#define FUSED_SCAN_IMPL_SEGMENTED_SCAN_HPP

// Scans of the segments of an axis. A segment of a line is a line of its own, with a tree from its
// first element on, so its bits depend on nothing outside.
//
// On a host, where the offsets can be read before anything is launched, long segments are scanned
// by the host's engine and all threads, and short ones by a thread each. On a GPU teams share long
// ones and have many short ones (device/segment_pieces.hpp, device/segment_windows.hpp). Elsewhere
// a thread scans a segment of a line from one end to the other.

#include <Kokkos_Core.hpp>
#include <Kokkos_Profiling_ScopedRegion.hpp>
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fused_scan/impl/access/segment.hpp>
#include <fused_scan/impl/array/array.hpp>
#include <fused_scan/impl/array/checks.hpp>
#include <fused_scan/impl/device/backend.hpp>
#include <fused_scan/impl/device/run_segments.hpp>
#include <fused_scan/impl/engine.hpp>
#include <fused_scan/impl/host/buffers.hpp>
#include <fused_scan/impl/host/host_scan.hpp>
#include <fused_scan/impl/host/short_segments.hpp>
#include <fused_scan/impl/host/wide_vectors.hpp>
#include <fused_scan/impl/plan/host_plan.hpp>
#include <fused_scan/impl/plan/scan_shape.hpp>
#include <fused_scan/impl/plan/segment_plan.hpp>
#include <fused_scan/impl/scan.hpp>
#include <limits>
#include <string>
#include <type_traits>

namespace fused_scan::impl {

template <class Exec, class Offsets>
void assert_offsets() {
  using T = std::remove_const_t<typename Offsets::value_type>;
  static_assert(Offsets::rank == 1, "fused_scan: the offsets of segments are a View of rank 1");
  static_assert(std::is_integral_v<T> && !std::is_same_v<T, bool>,
                "fused_scan: the offsets of segments must be integers");
  static_assert(is_accessible<Exec, Offsets>,
                "fused_scan: the offsets must be accessible from the execution space");
}

/// Whether calls on an instance can read the offsets before they launch anything.
template <class Exec, class Offsets>
inline constexpr bool reads_offsets =
    Kokkos::SpaceAccessibility<Kokkos::HostSpace, typename Exec::memory_space>::accessible &&
    Kokkos::SpaceAccessibility<Kokkos::HostSpace, typename Offsets::memory_space>::accessible;

/// What can be checked without reading them.
template <class Offsets>
void check_offsets_view(const char* function, const Offsets& offsets, const Array& written) {
  const Array array = array_of(offsets);
  impl::require(array.extent[0] >= 1, function, [&] {
    return "offsets " + array.quoted() + " are empty: n segments have n + 1 offsets";
  });
  check_no_overlap(function, array, written, false);
}

/// The length of the shortest segment, which wrong offsets make negative, and of the longest.
struct SegmentLengths {
  std::int64_t shortest = std::numeric_limits<std::int64_t>::max();
  std::int64_t longest = 0;
};
template <class Offsets>
SegmentLengths segment_lengths(const Offsets& offsets) {
  const auto segments = static_cast<std::int64_t>(offsets.extent(0)) - 1;
  SegmentLengths lengths;
  run_in_vectors<true>([&] {
    SegmentLengths so_far;  // which nothing else can point to
    for (std::int64_t k = 0; k < segments; ++k) {
      const auto begin = static_cast<std::int64_t>(offsets(k));
      const auto length = static_cast<std::int64_t>(offsets(k + 1)) - begin;
      so_far.shortest = std::min(so_far.shortest, length);
      so_far.longest = std::max(so_far.longest, length);
    }
    lengths = so_far;
  });
  return lengths;
}

/// Returns the longest segment's length.
template <class Offsets>
std::int64_t check_offsets(const char* function, const Offsets& offsets, std::int64_t length) {
  const Array array = array_of(offsets);
  const std::int64_t last = array.extent[0] - 1;
  const auto value = [&](std::int64_t k) { return static_cast<std::int64_t>(offsets(k)); };
  impl::require(value(0) == 0, function, [&] {
    return "offsets " + array.quoted() + " must begin with 0, not " + std::to_string(value(0));
  });
  const SegmentLengths lengths = impl::segment_lengths(offsets);
  impl::require(lengths.shortest >= 0, function, [&] {
    std::int64_t k = 0;
    while (value(k) <= value(k + 1)) ++k;
    return "offsets " + array.quoted() + " must not fall, as from " + std::to_string(value(k)) +
           " to " + std::to_string(value(k + 1)) + " at " + std::to_string(k + 1);
  });
  impl::require(value(last) == length, function, [&] {
    return "offsets " + array.quoted() + " must end with the extent of the axis, " +
           std::to_string(length) + ", not with " + std::to_string(value(last));
  });
  return lengths.longest;
}

/// One segment of one line; neighbouring threads have neighbouring lines.
template <class Scan, class Offsets>
struct ScanSegmentOfLine {
  Scan scan;
  Offsets offsets;
  std::int64_t lines;

  KOKKOS_FUNCTION void operator()(std::int64_t unit) const {
    const std::int64_t index = unit / lines;
    const Segment segment = segment_of(offsets, index, scan.length);
    if (segment.length > 0) scan_segment(scan, segment, unit - index * lines);
  }
};

/// Elements of a segment, in all lines, from which on a host's engine takes it: ten times what a
/// launch costs.
inline constexpr std::int64_t long_segment = std::int64_t{32} << 10;

template <class Exec, class Scan, class Offsets>
void run_segments_on_host(const Exec& exec, const Scan& scan, ScanShape shape,
                          const Offsets& offsets, std::int64_t longest, const char* function) {
  const auto segments = static_cast<std::int64_t>(offsets.extent(0)) - 1;
  const std::int64_t lines = shape.lines();
  const std::int64_t limit = std::max<std::int64_t>(ceil_div(long_segment, lines), 2);
  std::int64_t of_short = scan.length;
  for (std::int64_t k = 0; k < segments && longest >= limit; ++k) {
    const Segment segment = segment_of(offsets, k, scan.length);
    if (segment.length < limit) continue;
    shape.length = segment.length;
    run_scan(exec, scan.part(segment.begin, segment.length), shape, function);
    of_short -= segment.length;
  }
  if (of_short == 0) return;
  const EngineOfThread<Scan> engine(shape, std::min(longest, limit - 1));
  // A thread takes so many at a time that it has something to do for some microseconds.
  const std::int64_t elements = of_short * lines;
  const std::int64_t at_once =
      std::clamp<std::int64_t>(host_plan::elements_at_once * segments / elements, 1, 4096);
  const auto threads = static_cast<int>(std::min<std::int64_t>(
      exec.concurrency(), ceil_div(elements, host_plan::elements_of_thread)));
  const std::string label = std::string(function) + "::short_segments";
  const HostBuffer buffer(HostBufferLayout::line + threads * engine.bytes(), label);
  std::memset(buffer.data(), 0, HostBufferLayout::line);
  impl::launch_on_host(exec,
                       ScanShortSegments<Scan, Offsets>{scan, offsets, segments, lines, limit,
                                                        at_once, engine, buffer.data()},
                       threads, label);
}

/// A thread for each segment of a line.
template <class Exec, class Scan, class Offsets>
void run_segments_by_threads(const Exec& exec, const Scan& scan, const ScanShape& shape,
                             const Offsets& offsets, const char* function) {
  const auto segments = static_cast<std::int64_t>(offsets.extent(0)) - 1;
  using Range = Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>;
  Kokkos::parallel_for(std::string(function) + "::segments",
                       Range(exec, 0, segments * shape.lines()),
                       ScanSegmentOfLine<Scan, Offsets>{scan, offsets, shape.lines()});
}

/// Scans each segment of the lines of `scan`, from the state that the line starts from.
template <class Exec, class Scan, class Offsets>
void run_segments(const Exec& exec, const Scan& scan, const ScanShape& shape,
                  const Offsets& offsets, const char* function) {
  static_assert(!Scan::Final::given);
  [[maybe_unused]] std::int64_t longest = 0;
  if constexpr (reads_offsets<Exec, Offsets>) {
    longest = check_offsets(function, offsets, scan.length);
  }
  const auto segments = static_cast<std::int64_t>(offsets.extent(0)) - 1;
  if (shape.lines() == 0 || scan.length == 0 || segments == 0) return;
  const Kokkos::Profiling::ScopedRegion region(std::string(function) + "[segments]");
  if constexpr (has_host_engine<Exec> && reads_offsets<Exec, Offsets>) {
    run_segments_on_host(exec, scan, shape, offsets, longest, function);
  } else if constexpr (has_device_engine<Exec>) {
    const DeviceMachine machine = machine_of(exec);
    run_segments_on_device(exec, scan, make_segment_plan(shape, segments, machine), offsets,
                           machine, function);
  } else {
    run_segments_by_threads(exec, scan, shape, offsets, function);
  }
}

template <class Exec, class In, class Out, class Offsets, class Op>
void scan_segments(const Exec& exec, const In& in, const Out& out, const Offsets& offsets, int axis,
                   const Op& op, const Call& call) {
  assert_offsets<Exec, Offsets>();
  impl::with_scan_of_views(exec, in, out, None(), None(), axis, op, call,
                           [&](const auto& scan, const ScanShape& shape) {
                             check_offsets_view(call.function, offsets, array_of(out));
                             run_segments(exec, scan, shape, offsets, call.function);
                           });
}

/// The same between functors load(o, i, j) and store(o, i, j, result), each segment from `initial`.
template <class Exec, class Load, class Store, class T, class Offsets, class Op>
void scan_functor_segments(const Exec& exec, Lines lines, const Load& load, const Store& store,
                           const StartValue<T>& initial, const Offsets& offsets, const Op& op,
                           const Call& call) {
  using Element = std::decay_t<decltype(load(0, 0, 0))>;
  const auto bound = bind_operator<Element, Element, true>(op);
  const auto scan =
      impl::line_scan(bound, FunctorPart<Load>{load}, FunctorPart<Store>{store},
                      impl::initial_state(bound, initial, lines), NoFinalState(), lines, call);
  run_segments(exec, scan, shape_of_functors(scan, call), offsets, call.function);
}

}  // namespace fused_scan::impl

#endif
