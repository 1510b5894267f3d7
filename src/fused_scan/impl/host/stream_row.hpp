// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_STREAM_ROW_HPP
#define FUSED_SCAN_IMPL_HOST_STREAM_ROW_HPP

// Stores that bypass the caches.

#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/host/copy_row.hpp>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace fused_scan::impl {

inline constexpr std::size_t cache_line = 64;

/// Whether stores of rows of so many bytes should bypass the caches, where results are too many for
/// those. Rows that begin anywhere have cache lines that don't bypass them, which pays only where a
/// thread has a piece of each row.
inline bool rows_bypass_caches(const void* first_row, std::int64_t row_stride, std::int64_t width) {
  const bool aligned = reinterpret_cast<std::uintptr_t>(first_row) % cache_line == 0 &&
                       row_stride % static_cast<std::int64_t>(cache_line) == 0;
  const bool pieces = row_stride > width || row_stride < -width;
  return width >= (aligned ? 256 : 2048) && (aligned || pieces);
}

/// Elements before the first one that begins a cache line.
template <class T>
int before_cache_line(const T* at) {
  const std::size_t beyond = reinterpret_cast<std::uintptr_t>(at) % cache_line;
  return beyond == 0 ? 0 : static_cast<int>((cache_line - beyond) / sizeof(T));
}

/// As copy_row(). Whole cache lines bypass the caches, if `to` begins one: a part of one would be
/// read from memory to be merged.
template <class T>
inline void stream_row(const T* from, int count, T* to) {
#if defined(__SSE2__)
  if constexpr (16 % sizeof(T) == 0) {
    constexpr int of_vector = 16 / sizeof(T), of_line = cache_line / sizeof(T);
    if (reinterpret_cast<std::uintptr_t>(to) % cache_line == 0) {
      const int whole = count / of_line * of_line;
      for (int k = 0; k < whole; k += of_vector) {
        _mm_stream_si128(reinterpret_cast<__m128i*>(to + k),
                         _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + k)));
      }
      from += whole, count -= whole, to += whole;
    }
  }
#endif
  impl::copy_row(from, count, to);
}

/// Asks for elements that are read soon.
template <class T>
inline void prefetch_row([[maybe_unused]] const T* from, [[maybe_unused]] int count) {
#if defined(__GNUC__)
  constexpr int of_line = sizeof(T) < cache_line ? cache_line / sizeof(T) : 1;
  for (int k = 0; k < count; k += of_line) __builtin_prefetch(from + k, 0, 3);
#endif
}

/// Stores that bypass the caches are seen after it only.
inline void end_streaming() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace fused_scan::impl

#endif
