// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ACCESS_MEMORY_ACCESS_HPP
#define FUSED_SCAN_IMPL_ACCESS_MEMORY_ACCESS_HPP

// What an engine reads from and writes to where it is memory: strided lines. An access is asked for
// the slab of an outer index, and the slab for the element of a position on the axis and a column.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/array/lines.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// a / b of two numbers that aren't negative; in 32 bits, in which a GPU is faster, if they fit.
KOKKOS_INLINE_FUNCTION std::int64_t divided(std::int64_t a, std::int64_t b) {
  if ((a | b) >> 32 == 0) return static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b);
  return a / b;
}

template <class T>
class MemoryAccess {
 public:
  static constexpr bool is_memory = true;
  using value_type = std::remove_const_t<T>;

  struct Slab {
    T* begin;
    std::int64_t axis_stride;
    std::int64_t column_stride;

    KOKKOS_FORCEINLINE_FUNCTION T* at(std::int64_t i, std::int64_t j) const {
      return begin + (i * axis_stride + j * column_stride);
    }
    KOKKOS_FORCEINLINE_FUNCTION value_type read(std::int64_t i, std::int64_t j) const {
      return *at(i, j);
    }
    template <class Result>
    KOKKOS_FORCEINLINE_FUNCTION void write(std::int64_t i, std::int64_t j,
                                           const Result& result) const {
      *at(i, j) = static_cast<value_type>(result);
    }
    KOKKOS_FORCEINLINE_FUNCTION Slab part(std::int64_t first, std::int64_t) const {
      return {at(first, 0), axis_stride, column_stride};
    }
  };

  MemoryAccess(T* begin, const Lines& lines, int array)
      : m_begin(begin),
        m_axis_stride(lines.of[array].axis),
        m_column_stride(lines.of[array].column),
        m_outer_rank(lines.outer_rank) {
    for (int d = 0; d < m_outer_rank; ++d) {
      m_extent[d] = lines.outer_extent[d];
      m_stride[d] = lines.of[array].outer[d];
    }
  }

  KOKKOS_FORCEINLINE_FUNCTION Slab slab(std::int64_t outer) const {
    T* const begin = m_outer_rank <= 1 ? m_begin + outer * m_stride[0] : begin_of(outer);
    return {begin, m_axis_stride, m_column_stride};
  }

  MemoryAccess part(std::int64_t first, std::int64_t) const {
    MemoryAccess access = *this;
    access.m_begin += first * m_axis_stride;
    return access;
  }

  /// For a state, which has one element a line.
  KOKKOS_FORCEINLINE_FUNCTION T& of_line(std::int64_t outer, std::int64_t column) const {
    return *slab(outer).at(0, column);
  }

 private:
  /// Out of line: 64-bit divisions are long, and on a GPU their code would stand at every use.
  [[gnu::noinline]] KOKKOS_FUNCTION T* begin_of(std::int64_t outer) const {
    T* begin = m_begin;
    for (int d = m_outer_rank - 1; d > 0; --d) {
      const std::int64_t quotient = divided(outer, m_extent[d]);
      begin += (outer - quotient * m_extent[d]) * m_stride[d];
      outer = quotient;
    }
    // What is left of it is below the first extent.
    return begin + outer * m_stride[0];
  }

  T* m_begin;
  std::int64_t m_axis_stride;
  std::int64_t m_column_stride;
  int m_outer_rank;
  std::int64_t m_extent[Lines::max_outer_rank] = {};
  std::int64_t m_stride[Lines::max_outer_rank] = {};
};

}  // namespace fused_scan::impl

#endif
