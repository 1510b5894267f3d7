// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ACCESS_STRIDED_LINES_HPP
#define FUSED_SCAN_IMPL_ACCESS_STRIDED_LINES_HPP

// A View of any rank and layout, seen as lines along one axis.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <fused_scan/impl/device/warp.hpp>
#include <fused_scan/impl/line_scan.hpp>
#include <type_traits>
#include <vector>

namespace fused_scan::impl {

/// One dimension of several Views of the same extents, and the stride in each.
template <int views>
struct Dimension {
  std::int64_t extent;
  std::array<std::int64_t, views> stride;
};

/// The dimensions of Views of the same extents, but for the axis: those of extent 1 dropped, those
/// that continue each other in every View merged, the one of the smallest stride last.
template <int views>
std::vector<Dimension<views>> merged_dimensions(std::vector<Dimension<views>> dims) {
  std::erase_if(dims, [](const auto& dim) { return dim.extent == 1; });
  std::stable_sort(dims.begin(), dims.end(),
                   [](const auto& a, const auto& b) { return a.stride > b.stride; });
  std::vector<Dimension<views>> merged;
  for (const auto& dim : dims) {
    bool continues = !merged.empty();
    for (int v = 0; continues && v < views; ++v) {
      continues = merged.back().stride[v] == dim.stride[v] * dim.extent;
    }
    if (continues) {
      merged.back() = {merged.back().extent * dim.extent, dim.stride};
    } else {
      merged.push_back(dim);
    }
  }
  return merged;
}

/// a / b of two numbers that aren't negative; in 32 bits, in which a GPU is faster, if they fit.
KOKKOS_INLINE_FUNCTION std::int64_t divided(std::int64_t a, std::int64_t b) {
  if ((a | b) >> 32 == 0) return static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b);
  return a / b;
}

/// Where the elements of a View lie: line (o, j) begins at an offset found from o's position in the
/// outer dimensions, and j lane strides on.
template <class T>
class StridedLines {
 public:
  /// `view` is the place of this View among those that the dimensions were merged for. A line that
  /// is walked in reverse begins at its end and has a negative stride.
  template <int views>
  StridedLines(T* begin, std::int64_t axis_stride, const std::vector<Dimension<views>>& dims,
               int view)
      : m_data(begin), m_axis_stride(axis_stride) {
    if (dims.empty()) return;
    m_lane_stride = dims.back().stride[view];
    for (const auto& dim : dims) {
      if (&dim == &dims.back()) break;
      m_extent[m_outer_rank] = dim.extent;
      m_stride[m_outer_rank++] = dim.stride[view];
    }
  }

  KOKKOS_FUNCTION std::int64_t axis_stride() const { return m_axis_stride; }
  KOKKOS_FUNCTION std::int64_t lane_stride() const { return m_lane_stride; }

  KOKKOS_FUNCTION T* begin_of(std::int64_t outer) const {
    T* begin = m_data;
    for (int d = m_outer_rank - 1; d > 0; --d) {
      const std::int64_t quotient = divided(outer, m_extent[d]);
      begin += (outer - quotient * m_extent[d]) * m_stride[d];
      outer = quotient;
    }
    // What is left of it is below the first extent.
    return m_outer_rank > 0 ? begin + outer * m_stride[0] : begin;
  }

  /// The first element of line (outer, lane).
  KOKKOS_FUNCTION T& operator()(std::int64_t outer, std::int64_t lane) const {
    return begin_of(outer)[lane * m_lane_stride];
  }

 private:
  T* m_data;
  std::int64_t m_axis_stride;
  std::int64_t m_lane_stride = 0;
  int m_outer_rank = 0;
  std::int64_t m_extent[6];  // rank 8, less the axis and the lanes
  std::int64_t m_stride[6];
};

inline constexpr int cache_line_bytes = 64;

/// Asks for the cache line of an address, which may lie outside of the array.
template <bool for_write>
void prefetch_line([[maybe_unused]] const void* address) {
#if defined(__GNUC__)
  __builtin_prefetch(address, for_write ? 1 : 0);
#endif
}

/// Reads and writes lines.
template <class T>
struct ViewLines {
  StridedLines<T> lines;

  struct Line {
    using value_type = std::remove_const_t<T>;

    T* begin;
    std::int64_t axis_stride;
    std::int64_t lane_stride;

    KOKKOS_FORCEINLINE_FUNCTION T& at(std::int64_t i, std::int64_t j) const {
      return begin[i * axis_stride + j * lane_stride];
    }
    /// Asks for the memory of `rows` elements each of `lanes` neighbouring lines from (i, j) on.
    void prefetch(std::int64_t i, std::int64_t j, int rows, int lanes) const {
      if (std::abs(axis_stride) < std::abs(lane_stride)) {
        for (int lane = 0; lane < lanes; ++lane) prefetch_along_axis(i, j + lane, rows);
      } else {
        for (int r = 0; r < rows; ++r) prefetch_line<!std::is_const_v<T>>(&at(i + r, j));
      }
    }
    void prefetch_along_axis(std::int64_t i, std::int64_t j, int rows) const {
      constexpr int step = std::max<int>(1, cache_line_bytes / sizeof(T));
      for (int r = 0; r < rows; r += step) prefetch_line<!std::is_const_v<T>>(&at(i + r, j));
    }
    KOKKOS_FORCEINLINE_FUNCTION T operator()(std::int64_t i, std::int64_t j) const {
      return at(i, j);
    }

    template <class Result>
    KOKKOS_FORCEINLINE_FUNCTION void operator()(std::int64_t i, std::int64_t j,
                                                Result result) const {
      at(i, j) = static_cast<T>(result);
    }

    /// Every step-th element from (i, j) on.
    struct Walk {
      T* first;
      std::int64_t step;

      KOKKOS_FORCEINLINE_FUNCTION T* at(int r) const { return first + r * step; }
      KOKKOS_FORCEINLINE_FUNCTION T read(int r) const { return *at(r); }
      /// What read(r) returns comes to *to, at the latest with await_copies().
      KOKKOS_FORCEINLINE_FUNCTION void copy(int r, value_type* to) const {
        copy_to_scratch<value_type>(to, at(r));
      }
      template <class Result>
      KOKKOS_FORCEINLINE_FUNCTION void write(int r, const Result& result) const {
        *at(r) = static_cast<T>(result);
      }
    };
    KOKKOS_FORCEINLINE_FUNCTION Walk walk(std::int64_t i, std::int64_t j, int step) const {
      return {&at(i, j), step * axis_stride};
    }

    /// Whether 16 bytes can be moved at a time, where elements lie one `along` apart, which may be
    /// backwards, and the places to begin at one `across`.
    KOKKOS_FORCEINLINE_FUNCTION bool is_packed(std::int64_t along, std::int64_t across) const {
      return (along == 1 || along == -1) &&
             across * static_cast<std::int64_t>(sizeof(T)) % 16 == 0 &&
             reinterpret_cast<std::uintptr_t>(begin + (along < 0 ? 1 : 0)) % 16 == 0;
    }
    using PackOf = std::conditional_t<std::is_const_v<T>, const Pack, Pack>;
    KOKKOS_FORCEINLINE_FUNCTION PackOf* pack(std::int64_t i, std::int64_t j) const {
      return reinterpret_cast<PackOf*>(&at(i, j));
    }
  };

  KOKKOS_FUNCTION Line line(std::int64_t outer) const {
    return {lines.begin_of(outer), lines.axis_stride(), lines.lane_stride()};
  }
};

}  // namespace fused_scan::impl

#endif
