// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_SHORT_SEGMENTS_HPP
#define FUSED_SCAN_IMPL_HOST_SHORT_SEGMENTS_HPP

// Segments that are too short for all threads: a thread has each. What is worth it is scanned by
// the engine as if there were no other thread, sums of floats many segments at a time, and the rest
// element by element.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fused_scan/impl/access/segment.hpp>
#include <fused_scan/impl/host/buffers.hpp>
#include <fused_scan/impl/host/float_sums/kernels.hpp>
#include <fused_scan/impl/host/float_sums/walks.hpp>
#include <fused_scan/impl/host/host_scan.hpp>
#include <fused_scan/impl/host/segment_loop.hpp>
#include <fused_scan/impl/plan/host_plan.hpp>
#include <fused_scan/impl/plan/scan_shape.hpp>
#include <string>

namespace fused_scan::impl {

/// The engine for segments of a scan, by one thread. Plans are made once: they differ by no more
/// than whether a segment is as short as short slabs.
template <class Scan>
class EngineOfThread {
 public:
  EngineOfThread(ScanShape shape, std::int64_t longest) {
    HostMachine machine;
    machine.threads = 1;
    const int levels = levels_over(ceil_div(longest, chunk_length)) + 1;
    shape.length = std::min(longest, std::int64_t{host_plan::short_length});
    m_short = Planned(shape, machine, levels);
    shape.length = longest;
    m_longer = Planned(shape, machine, levels);
    m_levels = levels;
  }
  /// Of memory that a thread needs.
  std::size_t bytes() const { return std::max(m_short.layout.bytes, m_longer.layout.bytes); }

  void scan(const Scan& scan, const Segment& segment, std::byte* memory) const {
    const Planned& planned = segment.length <= host_plan::short_length ? m_short : m_longer;
    std::memset(memory, 0, planned.layout.nodes);
    HostScan<Scan>{scan.part(segment.begin, segment.length), planned.plan, planned.layout, m_levels,
                   memory}(0);
  }

 private:
  struct Planned {
    HostPlan plan;
    HostBufferLayout layout;

    Planned() : layout(plan, 0, 0, 0) {}
    Planned(const ScanShape& shape, const HostMachine& machine, int levels)
        : plan(make_host_plan(shape, machine)), layout(impl::host_layout<Scan>(plan, levels)) {}
  };
  Planned m_short;
  Planned m_longer;
  int m_levels;
};

/// Segments of lines whose elements are neighbours, by the kernels for sums of floats.
template <class Scan>
class FloatSegments {
 public:
  /// Only segments shorter than `limit` are scanned.
  FloatSegments(const Scan& scan, const float_sums::Kernels& kernels, std::int64_t limit)
      : m_scan(scan),
        m_kernels(kernels),
        m_limit(limit),
        m_window(std::min(limit - 1, std::int64_t{float_sums::window_length})) {}

  static const float_sums::Kernels* kernels_for(const Scan& scan) {
    const bool serves = scan.load.slab(0).axis_stride == 1 && scan.store.slab(0).axis_stride == 1 &&
                        !scan.starts_from_state();
    return serves ? float_sums::kernels<float_sums::rounds_to_odd<Scan>>() : nullptr;
  }

  template <class Offsets>
  void scan(const Offsets& offsets, std::int64_t first, std::int64_t last) {
    for (std::int64_t index = first; index < last;) {
      const auto begin = static_cast<std::int64_t>(offsets(index));
      int segments = 0;
      std::int64_t end = 0;
      for (; index < last && segments < float_sums::window_segments; ++index) {
        end = static_cast<std::int64_t>(offsets(index + 1)) - begin;
        if (end > m_window) break;
        m_ends[segments++] = static_cast<int>(end);
      }
      if (segments > 0) {
        for_lines([&](std::int64_t line) { scan_window(line, begin, segments); });
      } else {
        if (end < m_limit) for_lines([&](std::int64_t line) { scan_alone(line, {begin, end}); });
        ++index;
      }
    }
  }

 private:
  template <class F>
  void for_lines(const F& f) const {
    for (std::int64_t line = 0; line < m_scan.outer * m_scan.inner; ++line) f(line);
  }
  /// A position of a line in memory.
  template <class Access>
  auto* place(const Access& access, std::int64_t line, std::int64_t position) const {
    return access.slab(line / m_scan.inner).at(position, line % m_scan.inner);
  }
  void scan_window(std::int64_t line, std::int64_t begin, int segments) {
    if (m_kernels.scan_segments({place(m_scan.load, line, begin), place(m_scan.store, line, begin),
                                 m_ends, segments, m_scan.reverse, m_scan.exclusive})) {
      return;
    }
    const SegmentLoop<Scan> loops(m_scan, line / m_scan.inner, line % m_scan.inner);
    int from = 0;
    for (int k = 0; k < segments; ++k) {
      loops.scan({begin + from, m_ends[k] - from});
      from = m_ends[k];
    }
  }
  void scan_alone(std::int64_t line, const Segment& segment) {
    const std::int64_t first = segment.begin + (m_scan.reverse ? segment.length - 1 : 0);
    m_tree.blocks = 0;
    m_tree.prefix = m_scan.op.neutral();
    m_kernels.scan_line({place(m_scan.load, line, first), place(m_scan.store, line, first),
                         segment.length, m_scan.reverse, true},
                        float_sums::results_of(m_scan, false), m_tree);
  }

  const Scan& m_scan;
  const float_sums::Kernels& m_kernels;
  std::int64_t m_limit;
  std::int64_t m_window;  // elements of a window, at most
  int m_ends[float_sums::window_segments];
  float_sums::LineTree m_tree;
};

/// A thread takes some segments at a time, in their order, until there are none left.
template <class Scan, class Offsets>
struct ScanShortSegments {
  using Counter = std::int64_t;
  /// Elements in all lines that are worth setting the engine up: of few lines it is no faster than
  /// loops that needn't look at what they do but afterwards.
  static std::int64_t engine_elements(std::int64_t lines) {
    const bool few = lines < host_plan::few_columns / 2;
    return few && SegmentLoop<Scan>::is_fast ? SegmentLoop<Scan>::longest * lines : 128;
  }

  Scan scan;
  Offsets offsets;
  std::int64_t segments;
  std::int64_t lines;
  std::int64_t limit;  // segments are shorter
  std::int64_t at_once;
  EngineOfThread<Scan> engine;
  std::byte* buffer;

  void operator()(int thread) const {
    if constexpr (float_sums::serves<Scan>) {
      if (const auto* const kernels = FloatSegments<Scan>::kernels_for(scan)) {
        FloatSegments<Scan> walk(scan, *kernels, limit);
        take_segments(
            [&](std::int64_t first, std::int64_t last) { walk.scan(offsets, first, last); });
        return;
      }
    }
    std::byte* const memory = buffer + HostBufferLayout::line + thread * engine.bytes();
    take_segments([&](std::int64_t first, std::int64_t last) {
      const std::int64_t of_engine = ceil_div(engine_elements(lines), lines);
      const auto for_segments = [&](std::int64_t shortest, std::int64_t end, const auto& f) {
        for (std::int64_t k = 0; k < last - first; ++k) {
          // In the direction of the scan, which processors then foresee.
          const std::int64_t index = scan.reverse ? last - 1 - k : first + k;
          const Segment segment = segment_of(offsets, index, scan.length);
          if (shortest <= segment.length && segment.length < end) f(segment);
        }
      };
      for_segments(of_engine, limit,
                   [&](const Segment& segment) { engine.scan(scan, segment, memory); });
      for (std::int64_t line = 0; line < lines; ++line) {
        const SegmentLoop<Scan> loops(scan, line / scan.inner, line % scan.inner);
        for_segments(1, std::min(of_engine, limit),
                     [&](const Segment& segment) { loops.scan(segment); });
      }
    });
  }

 private:
  template <class F>
  void take_segments(const F& f) const {
    const std::atomic_ref<Counter> next(*reinterpret_cast<Counter*>(buffer));
    for (;;) {
      const std::int64_t first = next.fetch_add(at_once, std::memory_order_relaxed);
      if (first >= segments) return;
      f(first, std::min(first + at_once, segments));
    }
  }
};

}  // namespace fused_scan::impl

#endif
