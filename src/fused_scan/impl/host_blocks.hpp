// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_BLOCKS_HPP
#define FUSED_SCAN_IMPL_HOST_BLOCKS_HPP

// The two shapes in which a host core takes elements. Each loads a block once, sums it up, and once
// the prefix is known walks over it again in the cache. Both work on squares: a chunk each of 16
// lanes, with the lanes innermost, which is what a vector unit wants.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fused_scan/impl/lanes.hpp>
#include <fused_scan/impl/prefix_tree.hpp>
#include <type_traits>

namespace fused_scan::impl {

inline constexpr int square_width = 16;
inline constexpr int square_size = chunk_length * square_width;

/// A power of two: as many lanes as fill `bytes` with values of `size` bytes, 16 to 256.
constexpr int lanes_in(int bytes, int size) {
  return std::bit_floor(static_cast<unsigned>(std::clamp(bytes / size, 16, 256)));
}

/// Calls work(width) with a constant where the square is as wide as it gets: then a loop over its
/// lanes becomes a few vector instructions.
template <class Work>
void with_width(int width, const Work& work) {
  if (width == square_width) {
    work(std::integral_constant<int, square_width>());
  } else {
    work(width);
  }
}

// Elements that are neighbours in memory are copied as such: compilers don't reliably make vector
// moves of a loop over 16 of them through a View's strides.

template <class Line, class Element>
concept LikeMemory = std::is_same_v<typename Line::value_type, Element>;

template <class Line, class Element, class Count>
void read_lanes(const Line& line, std::int64_t i, std::int64_t lane, Count count, Element* to) {
  if constexpr (LikeMemory<Line, Element>) {
    if (line.lane_stride == 1) {
      std::memcpy(to, &line.at(i, lane), count * sizeof(Element));
      return;
    }
  }
  for (int j = 0; j < count; ++j) to[j] = static_cast<Element>(line(i, lane + j));
}

template <class Line, class Result, class Count>
void write_lanes(const Line& line, std::int64_t i, std::int64_t lane, Count count,
                 const Result* from) {
  if constexpr (LikeMemory<Line, Result>) {
    if (line.lane_stride == 1) {
      std::memcpy(&line.at(i, lane), from, count * sizeof(Result));
      return;
    }
  }
  for (int j = 0; j < count; ++j) line(i, lane + j, from[j]);
}

template <class Line, class Element>
void read_axis(const Line& line, std::int64_t first, std::int64_t lane, int count, Element* to) {
  if constexpr (LikeMemory<Line, Element>) {
    if (line.axis_stride == 1) {
      std::memcpy(to, &line.at(first, lane), count * sizeof(Element));
      return;
    }
  }
  for (int i = 0; i < count; ++i) to[i] = static_cast<Element>(line(first + i, lane));
}

template <class Line, class Result>
void write_axis(const Line& line, std::int64_t first, std::int64_t lane, int count,
                const Result* from) {
  if constexpr (LikeMemory<Line, Result>) {
    if (line.axis_stride == 1) {
      std::memcpy(&line.at(first, lane), from, count * sizeof(Result));
      return;
    }
  }
  for (int i = 0; i < count; ++i) line(first + i, lane, from[i]);
}

template <class Value>
using SquareLanes = Lanes<Value, square_width>;

/// The sum of each lane of a square of whole chunks.
template <class Op, class Element>
SquareLanes<typename Op::value_type> sum_square(const Op& op, const Element* square, int lanes) {
  SquareLanes<typename Op::value_type> sum;
  with_width(lanes, [&](auto width) {
    for (int j = 0; j < width; ++j) sum.set(j, op.lift(square[j]));
    for (int r = 1; r < chunk_length; ++r) {
      const Element* const row = square + r * square_width;
      for (int j = 0; j < width; ++j) sum.set(j, op.accumulate(sum.get(j), row[j]));
    }
  });
  return sum;
}

template <bool exclusive, class Op, class Element, class Width, class Result>
KOKKOS_FORCEINLINE_FUNCTION void scan_row(const Op& op, const Element* elements, Width width,
                                          SquareLanes<typename Op::value_type>& states,
                                          Result* results) {
  Result row[square_width];
  for (int j = 0; j < width; ++j) {
    const auto before = states.get(j);
    const auto after = op.accumulate(before, elements[j]);
    states.set(j, after);
    row[j] = op.lower(exclusive ? before : after);
  }
  std::memcpy(results, row, width * sizeof(Result));
}

/// Scans the rows of a full square from the r-th on: written out, so that the states stay in
/// registers.
template <bool exclusive, int r, class Op, class Element, class Result>
KOKKOS_FORCEINLINE_FUNCTION void scan_rows_from(const Op& op, const Element* square,
                                                SquareLanes<typename Op::value_type>& states,
                                                Result* results) {
  scan_row<exclusive>(op, square + r * square_width, std::integral_constant<int, square_width>(),
                      states, results + r * square_width);
  if constexpr (r + 1 < chunk_length) {
    scan_rows_from<exclusive, r + 1>(op, square, states, results);
  }
}

/// Scans each lane of a square from its state on, which then is the state after it.
template <bool exclusive, class Op, class Element, class Result>
void scan_square(const Op& op, const Element* square, int rows, int lanes,
                 SquareLanes<typename Op::value_type>& states, Result* results) {
  if (rows == chunk_length && lanes == square_width) {
    SquareLanes<typename Op::value_type> in_registers = states;
    scan_rows_from<exclusive, 0>(op, square, in_registers, results);
    states = in_registers;
    return;
  }
  with_width(lanes, [&](auto width) {
    for (int r = 0; r < rows; ++r) {
      scan_row<exclusive>(op, square + r * square_width, width, states, results + r * square_width);
    }
  });
}

/// 16 of N lanes, or as many as there are from `first` on.
template <class Value, int N>
SquareLanes<Value> lanes_from(const Lanes<Value, N>& lanes, int first, int count) {
  SquareLanes<Value> some;
  with_width(count, [&](auto width) {
    for (int j = 0; j < width; ++j) some.set(j, lanes.get(first + j));
  });
  return some;
}

template <class Value, int N>
void set_lanes(Lanes<Value, N>& lanes, int first, int count, const SquareLanes<Value>& some) {
  with_width(count, [&](auto width) {
    for (int j = 0; j < width; ++j) lanes.set(first + j, some.get(j));
  });
}

/// Transposes a square by four perfect shuffles, each of which turns the index' bits by one: plain
/// interleaving, which compilers vectorise.
template <class T>
void transpose_square(T* square) {
  static_assert(chunk_length == square_width);
  T shuffled[square_size];
  const auto shuffle = [](const T* from, T* to) {
    for (int i = 0; i < square_size / 2; ++i) {
      to[2 * i] = from[i];
      to[2 * i + 1] = from[i + square_size / 2];
    }
  };
  for (int pass = 0; pass < 2; ++pass) {
    shuffle(square, shuffled);
    shuffle(shuffled, square);
  }
}

/// One chunk of up to N neighbouring lines: the lanes are lines.
template <class Scan, int N>
class ColumnBlock {
 public:
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;
  using Result = typename Scan::Result;
  static constexpr int lines = N;
  static constexpr int length = chunk_length;

  /// Loads elements [first, first + count) of `lanes` lines from `lane` on, asks for the memory
  /// where their results will go, and sums them up.
  template <class Source, class Destination>
  void load(const Scan& scan, const Source& source, const Destination& destination,
            std::int64_t first, int count, std::int64_t lane, int lanes) {
    for (int j0 = 0; j0 < lanes; j0 += square_width) {
      Element* const square = m_elements + j0 * chunk_length;
      with_width(std::min(square_width, lanes - j0), [&](auto width) {
        for (int r = 0; r < count; ++r) {
          read_lanes(source, first + r, lane + j0, width, square + r * square_width);
        }
      });
    }
    for (int j0 = 0; j0 < lanes; j0 += square_width) {
      for (int r = 0; r < count; ++r) destination.prefetch(first + r, lane + j0);
      if (count < chunk_length) continue;
      const int here = std::min(square_width, lanes - j0);
      set_lanes(m_sum, j0, here, sum_square(scan.op, m_elements + j0 * chunk_length, here));
    }
  }

  /// The sums of a whole block; nobody needs those of a line's unfinished last.
  Lanes<Value, N>& sum() { return m_sum; }

  /// Stores the scan of the block; `state` is the prefix before it, and then the one after it.
  template <bool exclusive, class Source, class Destination>
  void store(const Scan& scan, const Source& source, const Destination& destination,
             std::int64_t first, int count, std::int64_t lane, int lanes, Lanes<Value, N>& state) {
    Result results[square_size];
    const auto rows_ahead =
        std::clamp<std::int64_t>(scan.extents.length - first - length, 0, length);
    for (int j0 = 0; j0 < lanes; j0 += square_width) {
      for (int r = 0; r < rows_ahead; ++r) source.prefetch(first + length + r, lane + j0);
      const int here = std::min(square_width, lanes - j0);
      auto states = lanes_from(state, j0, here);
      scan_square<exclusive>(scan.op, m_elements + j0 * chunk_length, count, here, states, results);
      set_lanes(state, j0, here, states);
      with_width(here, [&](auto width) {
        for (int r = 0; r < count; ++r) {
          write_lanes(destination, first + r, lane + j0, width, results + r * square_width);
        }
      });
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
  using Result = typename Scan::Result;
  static constexpr int lines = 1;
  static constexpr int length = chunk_length * N;

  /// As ColumnBlock's; the nodes of the tree within the block are kept for store().
  template <class Source, class Destination>
  void load(const Scan& scan, const Source& source, const Destination& destination,
            std::int64_t first, int count, std::int64_t lane, int) {
    read_axis(source, first, lane, count, m_elements);
    const int chunks = count / chunk_length;  // an unfinished last one is part of no node
    for (int begin = 0; begin < count; begin += square_size) {
      const int k = begin / chunk_length;
      for (int r = 0; r < square_size; r += chunk_length)
        destination.prefetch(first + begin + r, lane);
      transpose_square(m_elements + begin);
      const int here = std::min(square_width, chunks - k);
      set_lanes(m_node[0], k, here, sum_square(scan.op, m_elements + begin, here));
    }
    for (int level = 1; level < levels; ++level) {
      for (int k = 0; k < chunks >> level; ++k) {
        m_node[level].set(
            k, scan.op.combine(m_node[level - 1].get(2 * k), m_node[level - 1].get(2 * k + 1)));
      }
    }
    if (chunks == N) m_sum.set(0, m_node[levels - 1].get(0));
  }

  Lanes<Value, 1>& sum() { return m_sum; }

  template <bool exclusive, class Source, class Destination>
  void store(const Scan& scan, const Source& source, const Destination& destination,
             std::int64_t first, int count, std::int64_t lane, int, Lanes<Value, 1>& state) {
    // Down the tree, from the prefix before a node to those before its halves.
    const int chunks = static_cast<int>(ceil_div(count, chunk_length));
    Lanes<Value, N> prefixes[2];
    prefixes[(levels - 1) % 2].set(0, state.get(0));
    for (int level = levels - 1; level > 0; --level) {
      const Lanes<Value, N>& of_node = prefixes[level % 2];
      Lanes<Value, N>& of_half = prefixes[(level - 1) % 2];
      const int halves = static_cast<int>(ceil_div(chunks, 1 << (level - 1)));
      for (int k = 0; k < (halves + 1) / 2; ++k) of_half.set(2 * k, of_node.get(k));
      for (int k = 0; k < halves / 2; ++k) {
        of_half.set(2 * k + 1, scan.op.combine(of_node.get(k), m_node[level - 1].get(2 * k)));
      }
    }
    Result results[square_size];
    for (int begin = 0; begin < count; begin += square_size) {
      const int k = begin / chunk_length;
      for (int r = 0; r < square_size; r += chunk_length)
        source.prefetch(first + length + begin + r, lane);
      const int whole = std::min(square_width, count / chunk_length - k);
      auto states = lanes_from(prefixes[0], k, whole);
      scan_square<exclusive>(scan.op, m_elements + begin, chunk_length, whole, states, results);
      if (whole > 0) state.set(0, states.get(whole - 1));
      if (whole < square_width && count % chunk_length > 0) {  // the unfinished last chunk
        auto last = lanes_from(prefixes[0], k + whole, 1);
        scan_square<exclusive>(scan.op, m_elements + begin + whole, count % chunk_length, 1, last,
                               results + whole);
        state.set(0, last.get(0));
      }
      transpose_square(results);
      write_axis(destination, first + begin, lane, std::min(square_size, count - begin), results);
    }
  }

 private:
  static constexpr int levels = std::countr_zero(static_cast<unsigned>(N)) + 1;

  Element m_elements[chunk_length * N];
  Lanes<Value, N> m_node[levels];
  Lanes<Value, 1> m_sum;
};

}  // namespace fused_scan::impl

#endif
