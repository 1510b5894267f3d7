// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Included by all_kernels.hpp. By itself it is empty.

#if defined(FUSED_SCAN_BYTES)

#include <fused_scan/impl/host/vectors_of_doubles.hpp>

using Words = unsigned __attribute__((vector_size(8 * lanes)));

[[gnu::always_inline]] inline Floats narrowed(Doubles x) {
  return __builtin_convertvector(x, Floats);
}
[[gnu::always_inline]] inline Doubles broadcast(double x) { return x - Doubles{}; }

/// The first `count` elements, at most as many as there are lanes.
[[gnu::always_inline]] inline Floats load_part(const float* from, int count) {
#if FUSED_SCAN_BYTES == 64
  return __builtin_bit_cast(Floats,
                            _mm256_maskz_loadu_ps(static_cast<__mmask8>((1 << count) - 1), from));
#else
  const __m128i places = _mm_setr_epi32(0, 1, 2, 3);
  return __builtin_bit_cast(Floats,
                            _mm_maskload_ps(from, _mm_cmpgt_epi32(_mm_set1_epi32(count), places)));
#endif
}
[[gnu::always_inline]] inline void store_part(float* to, Floats x, int count) {
#if FUSED_SCAN_BYTES == 64
  _mm256_mask_storeu_ps(to, static_cast<__mmask8>((1 << count) - 1), __builtin_bit_cast(__m256, x));
#else
  // A masked store takes some processors as long as twenty others.
  const __m128 all = __builtin_bit_cast(__m128, x);
  if (count == 4) return _mm_storeu_ps(to, all);
  if (count == 1) return _mm_store_ss(to, all);
  _mm_storel_pi(reinterpret_cast<__m64*>(to), all);
  if (count == 3) _mm_store_ss(to + 2, _mm_movehl_ps(all, all));
#endif
}
[[gnu::always_inline]] inline void stream(float* to, Floats x) {
#if FUSED_SCAN_BYTES == 64
  _mm256_stream_ps(to, __builtin_bit_cast(__m256, x));
#else
  _mm_stream_ps(to, __builtin_bit_cast(__m128, x));
#endif
}

/// odd_sum() of each.
[[gnu::always_inline]] inline Doubles odd_sums(Doubles a, Doubles b) {
#if FUSED_SCAN_BYTES == 64
  // One of the two neighbours that enclose an inexact sum is odd. Both roundings of an exact sum
  // are that sum, but for x - x, which rounds down to -0.
  const __m512d x = __builtin_bit_cast(__m512d, a), y = __builtin_bit_cast(__m512d, b);
  const __m512d below =
      _mm512_maskz_add_round_pd(0xff, x, y, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  const __m512d above =
      _mm512_maskz_add_round_pd(0xff, x, y, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
  // In one instruction less than compilers take for a comparison.
  const __mmask8 odd = _mm512_test_epi64_mask(_mm512_castpd_si512(below), _mm512_set1_epi64(1));
  return __builtin_bit_cast(Doubles, _mm512_mask_mov_pd(above, odd, below));
#else
  const Doubles sum = a + b, b_in_sum = sum - a, a_in_sum = sum - b_in_sum;
  const Doubles error = (a - a_in_sum) + (b - b_in_sum);
  // Beside a sum that isn't finite stands an error that isn't a number.
  const Longs inexact = (error < 0) | (error > 0);
  const Longs beyond = (__builtin_bit_cast(Longs, sum) ^ __builtin_bit_cast(Longs, error)) < 0;
  return __builtin_bit_cast(Doubles,
                            (__builtin_bit_cast(Longs, sum) + (beyond & inexact)) | (inexact & 1));
#endif
}

// Ways to add. Where rounding to odd takes more than adding does, chunks are looked at first: if no
// sum of their elements is rounded, they are added plainly, and only a result that may be a tie of
// two floats is added again.

struct Plainly {
  static constexpr bool minds_ties = false;
  [[gnu::always_inline]] static Doubles add(Doubles a, Doubles b) { return a + b; }
};
struct ToOdd {
  static constexpr bool minds_ties = false;
  [[gnu::always_inline]] static Doubles add(Doubles a, Doubles b) { return odd_sums(a, b); }
};
struct Exactly {
  static constexpr bool minds_ties = true;
  [[gnu::always_inline]] static Doubles add(Doubles a, Doubles b) { return a + b; }
};

inline constexpr bool looks_first = lanes != 8;

/// The largest exponent of floats, and the smallest of those that aren't 0, found in vectors.
class Exponents {
 public:
  [[gnu::always_inline]] void add(Words bits) {
    const Words x = bits << 1;
    m_largest = x > m_largest ? x : m_largest;
    const Words y = x - 1;  // 0 becomes the largest of all
    m_smallest = y < m_smallest ? y : m_smallest;
  }
  void add(const float* x, std::int64_t count) {
    constexpr int n = 2 * lanes;
    std::int64_t j = 0;
    for (; j + n <= count; j += n) add(load<Words>(x + j));
    if (j < count) {
      float rest[n] = {};
      for (int k = 0; j + k < count; ++k) rest[k] = x[j + k];
      add(load<Words>(rest));
    }
  }
  /// Whether no sum of so many of them is rounded in a double: all are multiples of the last place
  /// of the smallest, and `count` times the largest has at most 53 places above that.
  template <unsigned count = 16>
  bool add_exactly() const {
    unsigned largest = 0, smallest = ~0u;
    for (int k = 0; k < 2 * lanes; ++k) {
      largest = largest > m_largest[k] ? largest : m_largest[k];
      smallest = smallest < m_smallest[k] ? smallest : m_smallest[k];
    }
    if (largest == 0) return true;
    return largest >> 24 != 255 &&
           (largest >> 24) - ((smallest + 1) >> 24) <= 29 - std::bit_width(count - 1);
  }

 private:
  Words m_largest = {};
  Words m_smallest = ~Words{};
};

/// Doubles half-way between two floats. (Sums of floats below the normal ones are exact.)
[[gnu::always_inline]] inline Longs ties(Doubles x) {
  return (__builtin_bit_cast(Longs, x) & 0x1fffffff) == 0x10000000;
}

#endif
