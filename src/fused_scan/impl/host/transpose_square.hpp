// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_TRANSPOSE_SQUARE_HPP
#define FUSED_SCAN_IMPL_HOST_TRANSPOSE_SQUARE_HPP

#include <cstdint>
#include <cstring>
#include <fused_scan/impl/order/tree.hpp>
#include <type_traits>
#include <utility>

namespace fused_scan::impl {

/// Rows at the same distance from each other.
template <class T>
struct EvenRows {
  T* first;
  std::int64_t stride;

  [[gnu::always_inline]] T* operator()(int row) const { return first + row * stride; }
};

// Compilers make nothing good of the loops of a transposition, and neither Kokkos nor the standard
// has shuffles of vectors. GCC and Clang have, for every processor.
#if defined(__GNUC__)

/// 32 bytes as 8 words, in two halves of 4, which processors shuffle apart from each other.
using Words = int __attribute__((vector_size(32)));
using HalfWords = int __attribute__((vector_size(16)));

/// Of groups of `group` words (1 or 2) a0 a1 .. and b0 b1 .. in each half: a0 b0 .. and .. a1 b1.
template <int group>
[[gnu::always_inline]] inline void interleave(Words& a, Words& b) {
  constexpr auto word = [](int w, bool upper) {
    const int in_half = w % 4 / (2 * group) * group + w % group + (upper ? 2 : 0);
    return w / 4 * 4 + in_half + (w & group ? 8 : 0);
  };
  const Words from_a = a, from_b = b;
  a = __builtin_shufflevector(from_a, from_b, word(0, false), word(1, false), word(2, false),
                              word(3, false), word(4, false), word(5, false), word(6, false),
                              word(7, false));
  b = __builtin_shufflevector(from_a, from_b, word(0, true), word(1, true), word(2, true),
                              word(3, true), word(4, true), word(5, true), word(6, true),
                              word(7, true));
}

/// From rows that from(r) says to rows that to(r) says. Blocks of n rows of n/2 elements, n of
/// which make a vector: the first n/2 rows go into the lower halves of n/2 vectors, the others into
/// the upper halves.
template <class T, class From, class To>
[[gnu::always_inline]] inline void transpose_in_vectors(const From& from, const To& to) {
  constexpr int n = sizeof(Words) / sizeof(T);
  constexpr int half = n / 2;
  for (int c0 = 0; c0 < chunk_length; c0 += n) {
    for (int r0 = 0; r0 < chunk_length; r0 += half) {
      Words vectors[half];
      for (int i = 0; i < half; ++i) {
        HalfWords lower, upper;
        std::memcpy(&lower, from(c0 + i) + r0, sizeof(lower));
        std::memcpy(&upper, from(c0 + half + i) + r0, sizeof(upper));
        vectors[i] = __builtin_shufflevector(lower, upper, 0, 1, 2, 3, 4, 5, 6, 7);
      }
      if constexpr (n == 8) {
        interleave<1>(vectors[0], vectors[1]);
        interleave<1>(vectors[2], vectors[3]);
        interleave<2>(vectors[0], vectors[2]);
        interleave<2>(vectors[1], vectors[3]);
        std::swap(vectors[1], vectors[2]);
      } else {
        interleave<2>(vectors[0], vectors[1]);
      }
      for (int i = 0; i < half; ++i) {
        std::memcpy(static_cast<void*>(to(r0 + i) + c0), &vectors[i], sizeof(Words));
      }
    }
  }
}

/// The same of rows at the same distance from each other.
template <class T>
[[gnu::always_inline]] inline void transpose_in_vectors(const T* from, std::int64_t from_stride,
                                                        T* to, std::int64_t to_stride) {
  impl::transpose_in_vectors<T>(EvenRows<const T>{from, from_stride}, EvenRows<T>{to, to_stride});
}

template <class T>
inline constexpr bool in_words_v =
    std::is_trivially_copyable_v<T> && (sizeof(T) == 4 || sizeof(T) == 8);

#else

template <class T>
inline constexpr bool in_words_v = false;

#endif

/// to(r)[c] = from(c)[r] of 16 by 16 elements.
template <class T, class From, class To>
void transpose_rows(const From& from, const To& to) {
  if constexpr (in_words_v<T>) {
    impl::transpose_in_vectors<T>(from, to);
  } else {
    for (int r = 0; r < chunk_length; ++r) {
      for (int c = 0; c < chunk_length; ++c) to(r)[c] = from(c)[r];
    }
  }
}

/// to[r * to_stride + c] = from[c * from_stride + r] of 16 by 16 elements.
template <class T>
void transpose_square(const T* from, std::int64_t from_stride, T* to, std::int64_t to_stride) {
  impl::transpose_rows<T>(EvenRows<const T>{from, from_stride}, EvenRows<T>{to, to_stride});
}

}  // namespace fused_scan::impl

#endif
