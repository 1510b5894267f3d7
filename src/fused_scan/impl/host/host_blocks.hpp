// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_HOST_BLOCKS_HPP
#define FUSED_SCAN_IMPL_HOST_HOST_BLOCKS_HPP

// The two shapes in which a host core takes elements. Each loads a block once, sums it up, and once
// the prefix is known walks over it again in the cache. Both work on squares: a chunk each of 16
// lanes, with the lanes innermost, which is what a vector unit wants.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fused_scan/impl/host/lanes.hpp>
#include <fused_scan/impl/host/prefix_tree.hpp>
#include <fused_scan/impl/host/transpose_square.hpp>
#include <type_traits>
#include <utility>

namespace fused_scan::impl {

inline constexpr int square_width = 16;
inline constexpr int square_size = chunk_length * square_width;

/// A power of two: as many lanes as fill `bytes` with values of `size` bytes, 16 to 1024.
constexpr int lanes_in(int bytes, int size) {
  return std::bit_floor(static_cast<unsigned>(std::clamp(bytes / size, 16, 1024)));
}

using FullWidth = std::integral_constant<int, square_width>;

/// work(width), kept out of line: the narrow squares at the edges need not be fast, and where they
/// are inlined as well kernels take twice the time to compile.
template <class Work>
#if defined(__GNUC__)
__attribute__((noinline))
#endif
void work_apart(const Work& work, int width) {
  work(width);
}

/// Calls work(width) with a constant where the square is as wide as it gets: then a loop over its
/// lanes becomes a few vector instructions.
template <class Work>
void with_width(int width, const Work& work) {
  if (width == square_width) {
    work(FullWidth());
  } else {
    impl::work_apart(work, width);
  }
}

/// Whether elements of the line can be had at their address, unchanged.
template <class Line, class Element>
concept LikeMemory = std::is_same_v<typename Line::value_type, Element>;

// A square of elements is read and written by rows where its lanes are neighbours in memory, by
// transposing where neighbours along the axis are, in either direction, else element by element.
// Compilers don't reliably make vector moves of loops through a View's strides.

/// Reads whole chunks of 16 lanes that lie `lane_distance` apart, if neighbours along the axis are
/// neighbours in memory; `row` r of the square gets the r-th elements.
template <class Line, class Element>
bool read_transposed([[maybe_unused]] const Line& line, [[maybe_unused]] std::int64_t first,
                     [[maybe_unused]] std::int64_t lane,
                     [[maybe_unused]] std::int64_t lane_distance,
                     [[maybe_unused]] Element* square) {
  if constexpr (LikeMemory<Line, Element>) {
    if (line.axis_stride == 1) {
      transpose_square(&line.at(first, lane), lane_distance, square, square_width);
      return true;
    }
    if (line.axis_stride == -1) {
      constexpr int last = chunk_length - 1;
      transpose_square(&line.at(first + last, lane), lane_distance, square + last * square_width,
                       -square_width);
      return true;
    }
  }
  return false;
}

/// The same for writing.
template <class Line, class Result>
bool write_transposed([[maybe_unused]] const Line& line, [[maybe_unused]] std::int64_t first,
                      [[maybe_unused]] std::int64_t lane,
                      [[maybe_unused]] std::int64_t lane_distance,
                      [[maybe_unused]] const Result* square) {
  if constexpr (LikeMemory<Line, Result>) {
    if (line.axis_stride == 1) {
      transpose_square(square, square_width, &line.at(first, lane), lane_distance);
      return true;
    }
    if (line.axis_stride == -1) {
      constexpr int last = chunk_length - 1;
      transpose_square(square + last * square_width, -square_width, &line.at(first + last, lane),
                       lane_distance);
      return true;
    }
  }
  return false;
}

/// Reads `rows` elements each of `width` neighbouring lanes.
template <class Line, class Width, class Element>
void read_square(const Line& line, std::int64_t first, std::int64_t lane, int rows, Width width,
                 Element* square) {
  if constexpr (LikeMemory<Line, Element>) {
    if (line.lane_stride == 1) {
      for (int r = 0; r < rows; ++r) {
        std::memcpy(square + r * square_width, &line.at(first + r, lane), width * sizeof(Element));
      }
      return;
    }
    if constexpr (std::is_same_v<Width, FullWidth>) {
      if (rows == chunk_length && read_transposed(line, first, lane, line.lane_stride, square)) {
        return;
      }
    }
  }
  for (int r = 0; r < rows; ++r) {
    for (int j = 0; j < width; ++j) {
      square[r * square_width + j] = static_cast<Element>(line(first + r, lane + j));
    }
  }
}

template <class Line, class Width, class Result>
void write_square(const Line& line, std::int64_t first, std::int64_t lane, int rows, Width width,
                  const Result* square) {
  if constexpr (LikeMemory<Line, Result>) {
    if (line.lane_stride == 1) {
      for (int r = 0; r < rows; ++r) {
        std::memcpy(&line.at(first + r, lane), square + r * square_width, width * sizeof(Result));
      }
      return;
    }
    if constexpr (std::is_same_v<Width, FullWidth>) {
      if (rows == chunk_length && write_transposed(line, first, lane, line.lane_stride, square)) {
        return;
      }
    }
  }
  for (int r = 0; r < rows; ++r) {
    for (int j = 0; j < width; ++j) line(first + r, lane + j, square[r * square_width + j]);
  }
}

template <class Value>
using SquareLanes = Lanes<Value, square_width>;

// The loops over the lanes below are loops over straight code, a chunk from its r-th element on
// written out. Compilers turn them into vector instructions with the states in registers.

template <int r, class Add, class Element, class Value>
KOKKOS_FORCEINLINE_FUNCTION Value sum_from(const Add& add, const Element* lane, const Value& sum) {
  if constexpr (r < chunk_length) {
    return sum_from<r + 1>(add, lane, add(sum, lane[r * square_width]));
  } else {
    return sum;
  }
}

template <int r, class Op, class Add, class Element, class Value, class Result>
KOKKOS_FORCEINLINE_FUNCTION Value scan_from(const Op& op, const Add& add, const Element* lane,
                                            const Value& before, Result* results) {
  if constexpr (r < chunk_length) {
    const Value state = add(before, lane[r * square_width]);
    results[r * square_width] = op.lower(state);
    return scan_from<r + 1>(op, add, lane, state, results);
  } else {
    return before;
  }
}

/// Of operators for which it is cheaper to add where nothing is rounded away: whether to hope for
/// that. Where it was in vain once, it is most often in vain next time.
class Hope {
 public:
  /// Calls work(add), where add(value, element) is op.accumulate or does the same.
  template <class Op, class Work>
  KOKKOS_FORCEINLINE_FUNCTION void add_with(const Op& op, const Work& work) {
    using Value = typename Op::value_type;
    using Element = typename Op::element_type;
    if constexpr (Op::adds_exactly) {
      if (m_squares_without > 0) {
        --m_squares_without;
      } else {
        auto lost = Op::nothing_lost();
        work([&](const Value& value, const Element& element) {
          return op.accumulate_exactly(value, element, lost);
        });
        if (lost == 0) return;
        m_squares_without = squares_without_hope;
      }
    }
    work([&](const Value& value, const Element& element) { return op.accumulate(value, element); });
  }

 private:
  static constexpr int squares_without_hope = 7;
  int m_squares_without = 0;
};

// Lanes are apart from each other in memory, which GCC doesn't always see.

/// The sum of each lane of a square of whole chunks.
template <class Op, class Element, class Width>
void sum_square(const Op& op, const Element* square, Width width,
                SquareLanes<typename Op::value_type>& sums, [[maybe_unused]] Hope& hope) {
  if constexpr (std::is_same_v<Width, FullWidth>) {
    hope.add_with(op, [&](const auto& add) {
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#pragma GCC ivdep
#endif
      for (int j = 0; j < width; ++j) {
        sums.set(j, sum_from<1>(add, square + j, op.lift(square[j])));
      }
    });
  } else {
    for (int j = 0; j < width; ++j) sums.set(j, op.lift(square[j]));
    for (int r = 1; r < chunk_length; ++r) {
      for (int j = 0; j < width; ++j) {
        sums.set(j, op.accumulate(sums.get(j), square[r * square_width + j]));
      }
    }
  }
}

/// The results of a square have a row more, of what the lanes begin with: an exclusive scan takes
/// the rows from that on, an inclusive one those after it.
inline constexpr int results_size = square_size + square_width;

constexpr int first_result(bool exclusive) { return exclusive ? 0 : square_width; }

/// Scans each lane from its state on, which then is the state after it.
template <class Op, class Element, class Width, class Result>
void scan_square(const Op& op, const Element* square, int rows, Width width, bool exclusive,
                 SquareLanes<typename Op::value_type>& states, Result* results,
                 [[maybe_unused]] Hope& hope) {
  if (exclusive) {
    for (int j = 0; j < width; ++j) results[j] = op.lower(states.get(j));
  }
  Result* const inclusive = results + first_result(false);
  if constexpr (std::is_same_v<Width, FullWidth>) {
    if (rows == chunk_length) {
      SquareLanes<typename Op::value_type> after{};
      hope.add_with(op, [&](const auto& add) {
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#pragma GCC ivdep
#endif
        for (int j = 0; j < width; ++j) {
          after.set(j, scan_from<0>(op, add, square + j, states.get(j), inclusive + j));
        }
      });
      states.assign(after, width);
      return;
    }
  }
  for (int r = 0; r < rows; ++r) {
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#pragma GCC ivdep
#endif
    for (int j = 0; j < width; ++j) {
      const auto state = op.accumulate(states.get(j), square[r * square_width + j]);
      states.set(j, state);
      inclusive[r * square_width + j] = op.lower(state);
    }
  }
}

/// 16 of N lanes, or as many as there are from `first` on.
template <class Value, int N, class Width>
SquareLanes<Value> lanes_from(const Lanes<Value, N>& lanes, int first, Width width) {
  SquareLanes<Value> some{};
  for (int j = 0; j < width; ++j) some.set(j, lanes.get(first + j));
  return some;
}

template <class Value, int N, class Width>
void set_lanes(Lanes<Value, N>& lanes, int first, Width width, const SquareLanes<Value>& some) {
  for (int j = 0; j < width; ++j) lanes.set(first + j, some.get(j));
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

  /// Takes elements [first, first + count) of `lanes` lines from `lane` on, asks for the memory
  /// where their results will go, and sums them up.
  template <class Source, class Destination>
  void load(const Scan& scan, const Source& source, const Destination& destination,
            std::int64_t first, int count, std::int64_t lane, int lanes) {
    for_each_square(lanes, [&](int j0, auto width) {
      Element* const square = m_elements + j0 * chunk_length;
      read_square(source, first, lane + j0, count, width, square);
      destination.prefetch(first, lane + j0, count, width);
      if (count == chunk_length) {
        SquareLanes<Value> sums{};
        sum_square(scan.op, square, width, sums, m_hope_of_sums);
        set_lanes(m_sum, j0, width, sums);
      }
    });
  }

  /// The sums of a whole block; nobody needs those of a line's unfinished last.
  Lanes<Value, N>& sum() { return m_sum; }

  /// Stores the scan of the block; `state` is the prefix before it, and then the one after it. On
  /// the way it asks for the elements of the next block, if that is this thread's.
  template <class Source, class Destination>
  void store(const Scan& scan, const Source& source, const Destination& destination,
             std::int64_t first, int count, std::int64_t lane, int lanes, Lanes<Value, N>& state,
             bool next_is_ours) {
    const std::int64_t after = scan.extents.length - first - length;
    const int rows_ahead =
        next_is_ours ? static_cast<int>(std::clamp<std::int64_t>(after, 0, length)) : 0;
    for_each_square(lanes, [&](int j0, auto width) {
      source.prefetch(first + length, lane + j0, rows_ahead, width);
      Result results[results_size];
      auto states = lanes_from(state, j0, width);
      scan_square(scan.op, m_elements + j0 * chunk_length, count, width, scan.exclusive, states,
                  results, m_hope_of_scans);
      set_lanes(state, j0, width, states);
      write_square(destination, first, lane + j0, count, width,
                   results + first_result(scan.exclusive));
    });
  }

 private:
  /// Calls work(j0, width) for each 16 lanes from j0 on.
  template <class Work>
  static void for_each_square(int lanes, const Work& work) {
    for (int j0 = 0; j0 < lanes; j0 += square_width) {
      with_width(std::min(square_width, lanes - j0), [&](auto width) { work(j0, width); });
    }
  }

  Element m_elements[chunk_length * N];
  Lanes<Value, N> m_sum;
  Hope m_hope_of_sums;
  Hope m_hope_of_scans;
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
    const int chunks = count / chunk_length;  // an unfinished last one is part of no node
    for (int begin = 0; begin < count; begin += square_size) {
      destination.prefetch_along_axis(first + begin, lane, square_size);
      const int here = std::min(square_size, count - begin);
      Element* const square = m_elements + begin;
      if (here < square_size ||
          !read_transposed(source, first + begin, lane, chunk_distance(source), square)) {
        for (int i = 0; i < here; ++i) {
          square[place_of(i)] = static_cast<Element>(source(first + begin + i, lane));
        }
      }
      const int k = begin / chunk_length;
      with_width(std::min(square_width, chunks - k), [&](auto whole) {
        SquareLanes<Value> sums{};
        sum_square(scan.op, square, whole, sums, m_hope_of_sums);
        set_lanes(m_nodes, k, whole, sums);
      });
    }
    for (int level = 1; level < levels; ++level) {
      const int from = node_at(level - 1), to = node_at(level);
      for (int k = 0; k < chunks >> level; ++k) {
        m_nodes.set(to + k,
                    scan.op.combine(m_nodes.get(from + 2 * k), m_nodes.get(from + 2 * k + 1)));
      }
    }
    if (chunks == N) m_sum.set(0, m_nodes.get(node_at(levels - 1)));
  }

  Lanes<Value, 1>& sum() { return m_sum; }

  template <class Source, class Destination>
  void store(const Scan& scan, const Source& source, const Destination& destination,
             std::int64_t first, int count, std::int64_t lane, int, Lanes<Value, 1>& state,
             bool next_is_ours) {
    // Down the tree, from the prefix before a node to those before its halves.
    const int chunks = static_cast<int>(ceil_div(count, chunk_length));
    Lanes<Value, N> prefixes[2];
    prefixes[(levels - 1) % 2].set(0, state.get(0));
    for (int level = levels - 1; level > 0; --level) {
      const Lanes<Value, N>& of_node = prefixes[level % 2];
      Lanes<Value, N>& of_half = prefixes[(level - 1) % 2];
      const int halves = static_cast<int>(ceil_div(chunks, 1 << (level - 1)));
      const int left_halves = node_at(level - 1);
      for (int k = 0; k < halves / 2; ++k) {
        const Value prefix = of_node.get(k);
        of_half.set(2 * k, prefix);
        of_half.set(2 * k + 1, scan.op.combine(prefix, m_nodes.get(left_halves + 2 * k)));
      }
      if (halves % 2 == 1) of_half.set(halves - 1, of_node.get(halves / 2));
    }
    for (int begin = 0; begin < count; begin += square_size) {
      if (next_is_ours) source.prefetch_along_axis(first + length + begin, lane, square_size);
      const int k = begin / chunk_length;
      const int whole = std::min(square_width, count / chunk_length - k);
      const Element* const square = m_elements + begin;
      Result results[results_size];
      with_width(whole, [&](auto width) {
        auto states = lanes_from(prefixes[0], k, width);
        scan_square(scan.op, square, chunk_length, width, scan.exclusive, states, results,
                    m_hope_of_scans);
        if (width > 0) state.set(0, states.get(width - 1));
      });
      if (whole < square_width && count % chunk_length > 0) {  // the unfinished last chunk
        scan_chunk(scan, square + whole, count % chunk_length, prefixes[0].get(k + whole),
                   results + first_result(scan.exclusive) + whole, state);
      }
      const Result* const scanned = results + first_result(scan.exclusive);
      const int here = std::min(square_size, count - begin);
      if (here < square_size || !write_transposed(destination, first + begin, lane,
                                                  chunk_distance(destination), scanned)) {
        for (int i = 0; i < here; ++i) {
          destination(first + begin + i, lane, scanned[place_of(i)]);
        }
      }
    }
  }

 private:
  static constexpr int levels = std::countr_zero(static_cast<unsigned>(N)) + 1;

  /// Scans the first `rows` elements of a chunk, the lane of a square; `state` becomes the last.
  static void scan_chunk(const Scan& scan, const Element* lane, int rows, Value value,
                         Result* results, Lanes<Value, 1>& state) {
    for (int r = 0; r < rows; ++r) {
      const Value before = value;
      value = scan.op.accumulate(before, lane[r * square_width]);
      results[r * square_width] = scan.op.lower(scan.exclusive ? before : value);
    }
    state.set(0, value);
  }

  /// Where the i-th element of 16 chunks is in their square.
  static constexpr int place_of(int i) {
    return i % chunk_length * square_width + i / chunk_length;
  }

  template <class Line>
  static std::int64_t chunk_distance([[maybe_unused]] const Line& line) {
    if constexpr (requires { line.axis_stride; }) return chunk_length * line.axis_stride;
    return 0;
  }

  /// Where the nodes of a level begin, of which there are N >> level.
  static constexpr int node_at(int level) { return 2 * N - (2 * N >> level); }

  Element m_elements[chunk_length * N];
  Lanes<Value, 2 * N> m_nodes;
  Lanes<Value, 1> m_sum;
  Hope m_hope_of_sums;
  Hope m_hope_of_scans;
};

}  // namespace fused_scan::impl

#endif
