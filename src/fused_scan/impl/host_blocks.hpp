// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_BLOCKS_HPP
#define FUSED_SCAN_IMPL_HOST_BLOCKS_HPP

// The two shapes in which a host core takes elements, many at a time for its vector unit. Each loads
// a block once, sums it up, and once the prefix is known walks over it again in the cache.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <fused_scan/impl/lanes.hpp>
#include <fused_scan/impl/prefix_tree.hpp>

namespace fused_scan::impl {

/// A power of two: as many lanes as fill `bytes` with values of `size` bytes, 8 to 256.
constexpr int lanes_in(int bytes, int size) {
  return std::bit_floor(static_cast<unsigned>(std::clamp(bytes / size, 8, 256)));
}

/// One chunk of N neighbouring lines: the lanes are lines.
template <class Scan, int N>
class ColumnBlock {
 public:
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;
  static constexpr int lines = N;
  static constexpr int length = chunk_length;

  /// Loads elements [first, first + count) of the lines from `lane` on; sum() is then their sum.
  template <class Line>
  void load(const Scan& scan, const Line& line, std::int64_t first, int count, std::int64_t lane,
            int lanes) {
    for (int r = 0; r < count; ++r) {
      Element* const row = m_elements + r * N;
      const std::int64_t i = scan.position(first + r);
      for (int j = 0; j < lanes; ++j) row[j] = static_cast<Element>(line(i, lane + j));
    }
    for (int j = 0; j < lanes; ++j) m_sum.set(j, scan.op.lift(m_elements[j]));
    for (int r = 1; r < count; ++r) {
      const Element* const row = m_elements + r * N;
      for (int j = 0; j < lanes; ++j) m_sum.set(j, scan.op.accumulate(m_sum.get(j), row[j]));
    }
  }

  Lanes<Value, N>& sum() { return m_sum; }

  /// Stores the scan of the block; `state` is the prefix before it, and then the one after it.
  template <bool exclusive, class Line>
  void store(const Scan& scan, const Line& line, std::int64_t first, int count, std::int64_t lane,
             int lanes, Lanes<Value, N>& state) {
    typename Scan::Result results[N];
    for (int r = 0; r < count; ++r) {
      const Element* const row = m_elements + r * N;
      for (int j = 0; j < lanes; ++j) {
        const Value before = state.get(j);
        const Value after = scan.op.accumulate(before, row[j]);
        state.set(j, after);
        results[j] = scan.op.lower(exclusive ? before : after);
      }
      const std::int64_t i = scan.position(first + r);
      for (int j = 0; j < lanes; ++j) line(i, lane + j, results[j]);
    }
  }

 private:
  Element m_elements[chunk_length * N];
  Lanes<Value, N> m_sum;
};

/// N successive chunks of one line: the lanes are chunks.
template <class Scan, int N>
class RowBlock {
 public:
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;
  static constexpr int lines = 1;
  static constexpr int length = chunk_length * N;

  template <class Line>
  void load(const Scan& scan, const Line& line, std::int64_t first, int count, std::int64_t lane, int) {
    for (int k = 0; k * chunk_length < count; ++k) {
      const int rows = std::min(chunk_length, count - k * chunk_length);
      for (int r = 0; r < rows; ++r) {
        m_elements[r * N + k] =
            static_cast<Element>(line(scan.position(first + k * chunk_length + r), lane));
      }
    }
    const int chunks = lanes_of_row(0, count);
    Lanes<Value, N>& sums = m_node[0];
    for (int k = 0; k < chunks; ++k) sums.set(k, scan.op.lift(m_elements[k]));
    for (int r = 1; r < chunk_length; ++r) {
      const Element* const row = m_elements + r * N;
      const int lanes = lanes_of_row(r, count);
      for (int k = 0; k < lanes; ++k) sums.set(k, scan.op.accumulate(sums.get(k), row[k]));
    }
    for (int level = 1; level < levels; ++level) {
      for (int k = 0; k < chunks >> level; ++k) {
        m_node[level].set(
            k, scan.op.combine(m_node[level - 1].get(2 * k), m_node[level - 1].get(2 * k + 1)));
      }
    }
    if (chunks == N) m_sum.set(0, m_node[levels - 1].get(0));
  }

  /// Of a whole block only: nobody needs that of the last.
  Lanes<Value, 1>& sum() { return m_sum; }

  template <bool exclusive, class Line>
  void store(const Scan& scan, const Line& line, std::int64_t first, int count, std::int64_t lane, int,
             Lanes<Value, 1>& state) {
    const int chunks = lanes_of_row(0, count);
    Lanes<Value, N> prefixes[2];  // of this level and of the one below
    prefixes[(levels - 1) % 2].set(0, state.get(0));
    for (int level = levels - 1; level > 0; --level) {
      const Lanes<Value, N>& of_pair = prefixes[level % 2];
      Lanes<Value, N>& of_half = prefixes[(level - 1) % 2];
      const int nodes = (chunks + (1 << (level - 1)) - 1) >> (level - 1);
      for (int k = 0; k < (nodes + 1) / 2; ++k) of_half.set(2 * k, of_pair.get(k));
      for (int k = 0; k < nodes / 2; ++k) {
        of_half.set(2 * k + 1, scan.op.combine(of_pair.get(k), m_node[level - 1].get(2 * k)));
      }
    }
    Lanes<Value, N>& states = prefixes[0];
    typename Scan::Result results[chunk_length * N];
    for (int r = 0; r < chunk_length; ++r) {
      const Element* const row = m_elements + r * N;
      const int lanes = lanes_of_row(r, count);
      for (int k = 0; k < lanes; ++k) {
        const Value before = states.get(k);
        const Value after = scan.op.accumulate(before, row[k]);
        states.set(k, after);
        results[r * N + k] = scan.op.lower(exclusive ? before : after);
      }
    }
    for (int k = 0; k < chunks; ++k) {
      const int rows = std::min(chunk_length, count - k * chunk_length);
      for (int r = 0; r < rows; ++r) {
        line(scan.position(first + k * chunk_length + r), lane, results[r * N + k]);
      }
    }
    state.set(0, states.get(chunks - 1));
  }

 private:
  static constexpr int levels = std::countr_zero(static_cast<unsigned>(N)) + 1;

  /// How many of the chunks have an r-th element, where the block has `count` elements.
  static int lanes_of_row(int r, int count) { return (count - r + chunk_length - 1) / chunk_length; }

  Element m_elements[chunk_length * N];
  Lanes<Value, N> m_node[levels];
  Lanes<Value, 1> m_sum;
};

}  // namespace fused_scan::impl

#endif
