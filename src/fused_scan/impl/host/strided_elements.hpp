// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_STRIDED_ELEMENTS_HPP
#define FUSED_SCAN_IMPL_HOST_STRIDED_ELEMENTS_HPP

// Chunks between memory and a block, in a row of which lie elements of many chunks: turned.

#include <cstdint>
#include <fused_scan/impl/host/transpose_square.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// Elements of slabs at the same distance from each other.
template <class T>
struct StridedElements {
  T* first;
  std::int64_t slab_stride;
  std::int64_t axis_stride;
  std::int64_t column_stride;
};

/// Whether 16 chunks of elements can be turned at once.
template <class Memory, class Held>
bool in_squares(const StridedElements<Memory>& memory, int rows, int columns, int pitch) {
  return std::is_same_v<std::remove_const_t<Memory>, Held> && in_words_v<Held> && columns == 1 &&
         rows == chunk_length && memory.axis_stride == 1 && pitch % chunk_length == 0;
}

/// The distance of chunks that are turned together: of many slabs, or one after the other.
template <class Memory>
std::int64_t chunk_stride(const StridedElements<Memory>& memory, int slabs) {
  return slabs > 1 ? memory.slab_stride : chunk_length * memory.axis_stride;
}

/// Asks for the next chunks of some slabs, if their elements are neighbours.
template <bool results, class Memory>
void prefetch_next_chunks(const StridedElements<Memory>& memory, int slabs, int first, int count,
                          int rows, int columns) {
#if defined(__GNUC__)
  if (slabs == 1 || rows < chunk_length || memory.axis_stride != columns) return;
  constexpr int of_line = sizeof(Memory) < 64 ? 64 / sizeof(Memory) : 1;
  for (int c = first; c < first + count; ++c) {
    const Memory* const next = memory.first + c * memory.slab_stride + rows * memory.axis_stride;
    for (int k = 0; k < rows * columns; k += of_line) __builtin_prefetch(next + k, results, 3);
  }
#endif
}

/// From memory to rows, `pitch` elements apart. Either slabs or chunks are 1.
template <class Memory, class Held>
void turn_in(const StridedElements<Memory>& memory, int slabs, int chunks, int rows, int columns,
             Held* block, int pitch) {
  const int count = slabs * chunks;
  const std::int64_t stride = impl::chunk_stride(memory, slabs);
  int c = 0;
  if constexpr (std::is_same_v<std::remove_const_t<Memory>, Held>) {
    const bool squares = impl::in_squares<Memory, Held>(memory, rows, columns, pitch);
    for (; squares && c + chunk_length <= count; c += chunk_length) {
      impl::transpose_square(memory.first + c * stride, stride, block + c, pitch);
      impl::prefetch_next_chunks<false>(memory, slabs, c, chunk_length, rows, columns);
    }
  }
  for (; c < count; ++c) {
    const Memory* from = memory.first + c * stride;
    Held* to = block + c * columns;
    for (int r = 0; r < rows; ++r) {
      for (int j = 0; j < columns; ++j) to[j] = static_cast<Held>(from[j * memory.column_stride]);
      from += memory.axis_stride;
      to += pitch;
    }
    impl::prefetch_next_chunks<false>(memory, slabs, c, 1, rows, columns);
  }
}

/// The other way.
template <class Memory, class Held>
void turn_out(const StridedElements<Memory>& memory, int slabs, int chunks, int rows, int columns,
              const Held* block, int pitch) {
  const int count = slabs * chunks;
  const std::int64_t stride = impl::chunk_stride(memory, slabs);
  int c = 0;
  if constexpr (std::is_same_v<Memory, Held>) {
    const bool squares = impl::in_squares<Memory, Held>(memory, rows, columns, pitch);
    for (; squares && c + chunk_length <= count; c += chunk_length) {
      impl::transpose_square(block + c, pitch, memory.first + c * stride, stride);
      impl::prefetch_next_chunks<true>(memory, slabs, c, chunk_length, rows, columns);
    }
  }
  for (; c < count; ++c) {
    Memory* to = memory.first + c * stride;
    const Held* from = block + c * columns;
    for (int r = 0; r < rows; ++r) {
      for (int j = 0; j < columns; ++j) {
        to[j * memory.column_stride] = static_cast<Memory>(from[j]);
      }
      from += pitch;
      to += memory.axis_stride;
    }
    impl::prefetch_next_chunks<true>(memory, slabs, c, 1, rows, columns);
  }
}

}  // namespace fused_scan::impl

#endif
