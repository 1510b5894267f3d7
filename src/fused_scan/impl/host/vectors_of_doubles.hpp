// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Vectors of doubles, and of as many floats. Included by kernels in a namespace for each set of
// instructions: kernels_for_vectors.hpp says why. By itself it is empty.

#if defined(FUSED_SCAN_BYTES)

inline constexpr int lanes = FUSED_SCAN_BYTES / 8;
using Doubles = double __attribute__((vector_size(8 * lanes)));
using Floats = float __attribute__((vector_size(4 * lanes)));
using Longs = long long __attribute__((vector_size(8 * lanes)));

template <class Vector, class T>
[[gnu::always_inline]] inline Vector load(const T* from) {
  Vector vector;
  std::memcpy(&vector, from, sizeof(Vector));
  return vector;
}
template <class Vector, class T>
[[gnu::always_inline]] inline void store(T* to, const Vector& vector) {
  std::memcpy(static_cast<void*>(to), &vector, sizeof(Vector));
}
template <class Vector>
[[gnu::always_inline]] inline Doubles widened(Vector x) {
  return __builtin_convertvector(x, Doubles);
}

[[gnu::always_inline]] inline bool any(const Longs& mask) {
  long long bits = 0;
  for (int k = 0; k < lanes; ++k) bits |= mask[k];
  return bits != 0;
}

using Places = std::make_integer_sequence<int, lanes>;

/// Of a0 a1 .. b0 b1 .. every other one, from the first or the second on.
template <int first, int... i>
[[gnu::always_inline]] inline Doubles every_other(Doubles a, Doubles b,
                                                  std::integer_sequence<int, i...>) {
  return __builtin_shufflevector(a, b, (2 * i + first)...);
}
/// Of a0 a1 .. and b0 b1 ..: a0 b0 a1 b1 .., from element `begin` on.
template <int begin, int... i>
[[gnu::always_inline]] inline Doubles interleaved(Doubles a, Doubles b,
                                                  std::integer_sequence<int, i...>) {
  return __builtin_shufflevector(a, b, (begin + i / 2 + (i % 2) * lanes)...);
}

#endif
