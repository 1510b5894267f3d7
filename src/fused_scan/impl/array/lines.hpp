// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ARRAY_LINES_HPP
#define FUSED_SCAN_IMPL_ARRAY_LINES_HPP

// Arrays of any rank and layout, seen as lines along one axis.

#include <cstdint>
#include <fused_scan/impl/array/array.hpp>
#include <utility>

namespace fused_scan::impl {

/// outer * inner lines of `length` elements each. Line (o, j) of an array begins where o's position
/// in the outer dimensions says, and j column strides on; `inner` is the dimension of the smallest
/// stride. Dimensions that continue each other in every array are one.
struct Lines {
  static constexpr int max_outer_rank = Array::max_rank - 2;
  static constexpr int max_arrays = 8;

  struct Strides {
    std::int64_t axis = 0;
    std::int64_t column = 0;
    std::int64_t outer[max_outer_rank] = {};
  };

  std::int64_t outer = 1;
  std::int64_t length = 0;
  std::int64_t inner = 1;
  int outer_rank = 0;
  std::int64_t outer_extent[max_outer_rank] = {};
  Strides of[max_arrays];
};

/// The lines along `axis` of the first array, and where those of all `count` arrays lie: arrays of
/// the same extents, or of the extents without the axis (states). The first ones decide the order.
inline Lines lines_along(const Array* const* arrays, int count, int axis) {
  struct Dimension {
    std::int64_t extent;
    std::int64_t stride[Lines::max_arrays];
  };
  const Array& first = *arrays[0];
  const auto stride_of = [&](const Array& array, int d) {
    if (array.rank == first.rank) return array.stride[d];
    return d == axis ? 0 : array.stride[d < axis ? d : d - 1];
  };
  const auto has_larger_stride = [&](const Dimension& a, const Dimension& b) {
    for (int k = 0; k < count; ++k) {
      if (a.stride[k] != b.stride[k]) return a.stride[k] > b.stride[k];
    }
    return false;
  };
  Dimension dims[Array::max_rank];
  int rank = 0;
  for (int d = 0; d < first.rank; ++d) {
    if (d == axis || first.extent[d] == 1) continue;
    dims[rank].extent = first.extent[d];
    for (int a = 0; a < count; ++a) dims[rank].stride[a] = stride_of(*arrays[a], d);
    ++rank;
  }
  // The largest strides first. (std::stable_sort takes longer to be compiled than the rest.)
  for (int end = 1; end < rank; ++end) {
    for (int d = end; d > 0 && has_larger_stride(dims[d], dims[d - 1]); --d) {
      std::swap(dims[d], dims[d - 1]);
    }
  }
  int merged = 0;
  for (int d = 0; d < rank; ++d) {
    bool continues = merged > 0;
    for (int a = 0; continues && a < count; ++a) {
      continues = dims[merged - 1].stride[a] == dims[d].stride[a] * dims[d].extent;
    }
    const std::int64_t extent = dims[d].extent * (continues ? dims[merged - 1].extent : 1);
    Dimension& into = dims[continues ? merged - 1 : merged++];
    into = dims[d];
    into.extent = extent;
  }

  Lines lines;
  lines.length = first.extent[axis];
  for (int a = 0; a < count; ++a) lines.of[a].axis = stride_of(*arrays[a], axis);
  for (int d = 0; d < merged; ++d) {
    if (d == merged - 1) {
      lines.inner = dims[d].extent;
      for (int a = 0; a < count; ++a) lines.of[a].column = dims[d].stride[a];
    } else {
      lines.outer *= dims[d].extent;
      lines.outer_extent[lines.outer_rank] = dims[d].extent;
      for (int a = 0; a < count; ++a) lines.of[a].outer[lines.outer_rank] = dims[d].stride[a];
      ++lines.outer_rank;
    }
  }
  return lines;
}

}  // namespace fused_scan::impl

#endif
