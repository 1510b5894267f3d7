// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_HELD_RUN_HPP
#define FUSED_SCAN_IMPL_DEVICE_HELD_RUN_HPP

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/access/line_scan.hpp>
#include <fused_scan/impl/device/backend.hpp>
#include <fused_scan/impl/device/tile.hpp>
#include <fused_scan/impl/device/unrolled.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <utility>

namespace fused_scan::impl {

/// Successive elements of a line, counted from one of them on in the order of a scan.
template <class Access>
class HeldLine {
 public:
  KOKKOS_FORCEINLINE_FUNCTION HeldLine(const Access& access, const Tile::Line& line,
                                       std::int64_t first, int step)
      : m_slab(access.slab(line.outer)), m_column(line.column), m_first(first), m_step(step) {}

  KOKKOS_FORCEINLINE_FUNCTION auto read(int i) const {
    return m_slab.read(m_first + i * m_step, m_column);
  }
  template <class Result>
  KOKKOS_FORCEINLINE_FUNCTION void write(int i, const Result& result) const {
    m_slab.write(m_first + i * m_step, m_column, result);
  }

 private:
  decltype(std::declval<const Access&>().slab(0)) m_slab;
  std::int64_t m_column;
  std::int64_t m_first;
  int m_step;
};
template <class Access>
  requires Access::is_memory
class HeldLine<Access> {
 public:
  KOKKOS_FORCEINLINE_FUNCTION HeldLine(const Access& access, const Tile::Line& line,
                                       std::int64_t first, int step) {
    const auto slab = access.slab(line.outer);
    m_begin = slab.at(first, line.column);
    m_step = step * static_cast<int>(slab.axis_stride);
  }
  KOKKOS_FORCEINLINE_FUNCTION auto read(int i) const { return *in_memory(m_begin + i * m_step); }
  template <class Result>
  KOKKOS_FORCEINLINE_FUNCTION void write(int i, const Result& result) const {
    *in_memory(m_begin + i * m_step) = static_cast<typename Access::value_type>(result);
  }

 private:
  decltype(std::declval<const Access&>().slab(0).begin) m_begin;
  int m_step;
};
template <class Access>
  requires reads_two_arrays<Access>
class HeldLine<Access> {
 public:
  KOKKOS_FORCEINLINE_FUNCTION HeldLine(const Access& access, const Tile::Line& line,
                                       std::int64_t first, int step)
      : m_a(access.a, line, first, step), m_b(access.b, line, first, step) {}
  KOKKOS_FORCEINLINE_FUNCTION auto read(int i) const {
    return Access::element(m_a.read(i), m_b.read(i));
  }

 private:
  HeldLine<decltype(Access::a)> m_a;
  HeldLine<decltype(Access::b)> m_b;
};

/// A run whose elements wait in a thread's registers, between memory and memory: of one column, so
/// that what neighbouring threads read at a time lies side by side. The code is written out, and
/// what leaves the range of an operator is scanned one by one.
template <class Scan>
class HeldRun {
 public:
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;

  /// So many that the elements take up to 64 registers.
  static constexpr int chunks = 2 * chunk_length * sizeof(Element) <= 256 ? 2 : 1;
  static constexpr int length = chunks * chunk_length;

  /// `count` elements from the `first`-th on, in the order of the scan, of a line.
  KOKKOS_FORCEINLINE_FUNCTION HeldRun(const Scan& scan, const Tile::Line& line, std::int64_t first,
                                      int count)
      : m_scan(scan),
        m_results(scan.store, line, scan.position(first), scan.reverse ? -1 : 1),
        m_count(count),
        m_starts_line(first == 0) {
    const HeldLine<typename Scan::Load> from(scan.load, line, scan.position(first),
                                             scan.reverse ? -1 : 1);
    const auto read = [&](int i) { m_elements[i] = static_cast<Element>(from.read(i)); };
    if (is_whole()) {
      unrolled<length>(read);
    } else if constexpr (!has_parts) {
      unrolled<length>([&](int i) {
        if (i < m_count) read(i);
      });
    } else {
      unrolled<length / group>([&](int g) { for_group<false>(g * group, read); });
      // Beyond the end the first element again, which leaves the range no sooner than the others.
      unrolled<length>([&](int i) {
        if (i >= m_count) m_elements[i] = m_elements[0];
      });
    }
    sum_chunks();
  }

  KOKKOS_FORCEINLINE_FUNCTION bool is_whole() const { return m_count == length; }
  /// The sum of a whole run.
  KOKKOS_FORCEINLINE_FUNCTION const Value& node() const { return m_nodes[chunks - 1]; }

  /// Stores the results, given the prefix before the run. Returns the state after it.
  template <bool exclusive>
  KOKKOS_FORCEINLINE_FUNCTION Value scan(const Value& prefix) {
    if constexpr (has_parts) {
      if (!is_whole()) return scan<exclusive, false>(prefix);
    }
    return scan<exclusive, true>(prefix);
  }

 private:
  static constexpr int group = 4;
  /// Whether there is code for runs that aren't whole. Beside it functors' whole ones would take
  /// 1.07 times as long, and what a part of a run ends in isn't found by it.
  static constexpr bool has_parts =
      !Scan::Final::given && !requires { requires Scan::Load::calls_functor; };

  struct Walk {
    Value start;  // the prefix before the chunk
    Value sum;    // of the chunk so far
    Value state;  // of both
  };

  /// Of a run that is `whole`, or isn't. (Were they the same code, whole runs would take 1.1 to 1.4
  /// times as long.)
  template <bool exclusive, bool whole>
  KOKKOS_FORCEINLINE_FUNCTION Value scan(const Value& prefix) {
    unrolled<length>([&](int i) { forget_what_was_made_of(m_elements[i]); });
    Walk walks[chunks];
    unrolled<chunks>([&](int k) { walks[k] = begin_chunk(k, prefix); });
    // The chunks side by side, a group of each at a time: they don't wait for each other.
    int done = 0;
    if (has_parts || is_whole()) {
      unrolled<chunk_length / group>([&](int g) {
        // After what left the range, the rest is done with care.
        if (done < group * g) return;
        Walk next[chunks];
        typename Scan::Result results[chunks][group];
        bool left = false;
        unrolled<chunks>([&](int k) { next[k] = walks[k]; });
        unrolled<group>([&](int r) {
          unrolled<chunks>([&](int k) {
            const int i = k * chunk_length + group * g + r;
            if (exclusive) results[k][r] = lower(before(i, prefix, next[k].state));
            add<true>(m_elements[i], group * g + r == 0, next[k], left);
            if (!exclusive) results[k][r] = lower(next[k].state);
          });
        });
        if constexpr (Op::has_range) {
          unrolled<chunks>([&](int k) { left |= !m_scan.op.is_in_range(next[k].state); });
          if (left) return;
        }
        unrolled<chunks>([&](int k) {
          const int first = k * chunk_length + group * g;
          for_group<whole>(first, [&](int i) { m_results.write(i, results[k][i - first]); });
        });
        unrolled<chunks>([&](int k) { walks[k] = next[k]; });
        done += group;
      });
    }
    if (done == chunk_length) return walks[chunks - 1].state;
    return scan_with_care<exclusive>(prefix, walks, done);
  }

  /// f(i) for those of a group that the run has. (A branch for each would keep compilers from
  /// finding their places together.)
  template <bool whole, class F>
  KOKKOS_FORCEINLINE_FUNCTION void for_group(int first, const F& f) const {
    if (whole || first + group <= m_count) {
      unrolled<group>([&](int r) { f(first + r); });
    } else {
      unrolled<group>([&](int r) {
        if (first + r < m_count) f(first + r);
      });
    }
  }

  /// The elements of each chunk from `done` on, one by one.
  template <bool exclusive>
  KOKKOS_FORCEINLINE_FUNCTION Value scan_with_care(const Value& prefix, const Walk (&walks)[chunks],
                                                   int done) const {
    Value last = prefix;
    for (int first = 0; first < m_count; first += chunk_length) {
      Walk walk = picked(walks, first / chunk_length);
      const int end = first + chunk_length < m_count ? first + chunk_length : m_count;
      for (int i = first + done; i < end; ++i) {
        bool left = false;
        const Value earlier = before(i, prefix, walk.state);
        add<false>(picked(m_elements, i), i == first, walk, left);
        m_results.write(i, static_cast<typename Scan::Result>(
                               m_scan.op.lower(exclusive ? earlier : walk.state)));
      }
      last = walk.state;
    }
    return last;
  }

  /// The largest node of the tree that ends with each chunk.
  KOKKOS_FORCEINLINE_FUNCTION void sum_chunks() {
    const Op& op = m_scan.op;
    bool left[chunks] = {};
    unrolled<chunks>([&](int k) { m_nodes[k] = op.lift(m_elements[k * chunk_length]); });
    unrolled<chunk_length - 1>([&](int r) {
      unrolled<chunks>([&](int k) {
        const Element& element = m_elements[k * chunk_length + 1 + r];
        if constexpr (Op::has_range) {
          m_nodes[k] = op.accumulate_in_range(m_nodes[k], element, left[k]);
          if ((r + 2) % group == 0) left[k] |= !op.is_in_range(m_nodes[k]);
        } else {
          m_nodes[k] = op.accumulate(m_nodes[k], element);
        }
      });
    });
    unrolled<chunks>([&](int k) {
      if (left[k]) m_nodes[k] = sum_with_care(k * chunk_length);
      if (k % 2 == 1) m_nodes[k] = op.combine(m_nodes[k - 1], m_nodes[k]);
    });
  }
  KOKKOS_FORCEINLINE_FUNCTION Value sum_with_care(int begin) const {
    Value sum = m_scan.op.lift(picked(m_elements, begin));
    looped(chunk_length - 1,
           [&](int r) { sum = m_scan.op.accumulate(sum, picked(m_elements, begin + 1 + r)); });
    return sum;
  }

  KOKKOS_FORCEINLINE_FUNCTION Walk begin_chunk(int k, const Value& prefix) const {
    const Op& op = m_scan.op;
    const Value start = op.as_state(k == 0 ? prefix : op.append(prefix, m_nodes[k - 1]));
    return {start, start, start};
  }
  KOKKOS_FORCEINLINE_FUNCTION Value before(int i, const Value& prefix, const Value& state) const {
    return i == 0 && m_starts_line ? m_scan.first_output(m_scan.op.as_state(prefix)) : state;
  }
  template <bool in_range>
  KOKKOS_FORCEINLINE_FUNCTION void add(const Element& element, bool starts, Walk& walk,
                                       bool& left) const {
    const Op& op = m_scan.op;
    if constexpr (Op::combines_chunks) {
      walk.sum = starts ? op.lift(element) : op.accumulate(walk.sum, element);
      walk.state = op.combine(walk.start, walk.sum);
    } else if constexpr (Op::has_range && in_range) {
      walk.state = op.advance_in_range(walk.state, element, left);
    } else {
      walk.state = op.advance(walk.state, element);
    }
  }
  KOKKOS_FORCEINLINE_FUNCTION typename Scan::Result lower(const Value& value) const {
    if constexpr (Op::has_range) {
      return m_scan.op.lower_in_range(value);
    } else {
      return m_scan.op.lower(value);
    }
  }

  /// of[i]: an array that is indexed doesn't stay in registers.
  template <class T, int n>
  KOKKOS_FORCEINLINE_FUNCTION static T picked(const T (&of)[n], int i) {
    T result = of[0];
    unrolled<n>([&](int k) {
      if (k == i) result = of[k];
    });
    return result;
  }

  const Scan& m_scan;
  HeldLine<typename Scan::Store> m_results;
  int m_count;
  bool m_starts_line;
  Element m_elements[length] = {};
  Value m_nodes[chunks];
};

/// Whether the elements of a scan may wait in registers, which is faster where they don't move in
/// packs: from functors, from two arrays, and small ones of rows that begin anywhere in memory
/// (sums of doubles gain a tenth at most). What is read to be stored has no place there.
template <class Scan>
inline constexpr bool can_hold_runs =
    !Scan::reduces && !Scan::ends_in_prefix && sizeof(typename Scan::Element) <= 16 &&
    (!Scan::Load::is_memory ||
     (sizeof(typename Scan::Element) <= 4 && sizeof(typename Scan::Value) <= 8)) &&
    !requires(const Scan& scan) { scan.store.slab(0).place(0, 0); };

}  // namespace fused_scan::impl

#endif
