// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Included by kernels_for_vectors.hpp. By itself it is empty.

#if defined(FUSED_SCAN_BYTES)

#include <fused_scan/impl/host/vectors_of_doubles.hpp>

using Bits = unsigned long long __attribute__((vector_size(8 * lanes)));
using Words = unsigned __attribute__((vector_size(8 * lanes)));

/// Vectors from j on, the last of which may have fewer than `lanes` numbers.
template <class F>
[[gnu::always_inline]] inline void for_vectors(int count, const F& f) {
  int j = 0;
  for (; j + lanes <= count; j += lanes) f(j, std::integral_constant<int, lanes>());
  if (j < count) f(j, count - j);
}
/// The first `count` of them.
template <class Count>
[[gnu::always_inline]] inline Doubles load_some(const double* from, Count count) {
  if constexpr (std::is_same_v<Count, int>) {
#if FUSED_SCAN_BYTES == 64
    return __builtin_bit_cast(Doubles,
                              _mm512_maskz_loadu_pd(static_cast<__mmask8>((1 << count) - 1), from));
#else
    const __m256i places = _mm256_setr_epi64x(0, 1, 2, 3);
    return __builtin_bit_cast(
        Doubles, _mm256_maskload_pd(from, _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), places)));
#endif
  } else {
    return load<Doubles>(from);
  }
}
template <class Count>
[[gnu::always_inline]] inline void store_some(double* to, const Doubles& x, Count count) {
  if constexpr (std::is_same_v<Count, int>) {
#if FUSED_SCAN_BYTES == 64
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1 << count) - 1),
                          __builtin_bit_cast(__m512d, x));
#else
    const __m256i places = _mm256_setr_epi64x(0, 1, 2, 3);
    _mm256_maskstore_pd(to, _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), places),
                        __builtin_bit_cast(__m256d, x));
#endif
  } else {
    store(to, x);
  }
}

/// The larger or the smaller word each, of which only the upper ones of doubles count.
template <bool largest>
[[gnu::always_inline]] inline Words chosen(Words a, Words b) {
  return largest ? (a > b ? a : b) : (a < b ? a : b);
}
[[gnu::always_inline]] inline Words larger(Words a, Words b) { return chosen<true>(a, b); }
[[gnu::always_inline]] inline Words smaller(Words a, Words b) { return chosen<false>(a, b); }

/// A number's bits without its sign: the exponent is in the first 11.
[[gnu::always_inline]] inline Bits without_sign(Doubles x) {
  const Bits bits = __builtin_bit_cast(Bits, x);
  return bits + bits;
}
/// The same for what is to be smallest: zeros, which don't count, become the largest.
[[gnu::always_inline]] inline Words but_for_zeros(Bits x) {
  return __builtin_bit_cast(Words, x - 1);
}

/// What a row's numbers are, while they are read.
class Exponents {
 public:
  [[gnu::always_inline]] explicit Exponents(const Range& range)
      : m_largest(load<Words>(range.largest)), m_smallest(load<Words>(range.smallest)) {}
  [[gnu::always_inline]] void add(Doubles x) {
    const Bits bits = without_sign(x);
    m_largest = larger(m_largest, __builtin_bit_cast(Words, bits));
    m_smallest = smaller(m_smallest, but_for_zeros(bits));
  }
  [[gnu::always_inline]] void store_to(Range& range) const {
    store(range.largest, m_largest);
    store(range.smallest, m_smallest);
  }

 private:
  Words m_largest;
  Words m_smallest;
};

/// The exponent of the largest, or of the smallest.
template <bool largest>
[[gnu::always_inline]] inline int exponent_of(const std::uint64_t* of) {
  auto words = load<Words>(of);
#if FUSED_SCAN_BYTES == 64
  words = chosen<largest>(words, __builtin_shufflevector(words, words, 8, 9, 10, 11, 12, 13, 14, 15,
                                                         0, 1, 2, 3, 4, 5, 6, 7));
  words = chosen<largest>(words, __builtin_shufflevector(words, words, 4, 5, 6, 7, 0, 1, 2, 3, 12,
                                                         13, 14, 15, 8, 9, 10, 11));
  words = chosen<largest>(words, __builtin_shufflevector(words, words, 2, 3, 0, 1, 6, 7, 4, 5, 10,
                                                         11, 8, 9, 14, 15, 12, 13));
#else
  words = chosen<largest>(words, __builtin_shufflevector(words, words, 4, 5, 6, 7, 0, 1, 2, 3));
  words = chosen<largest>(words, __builtin_shufflevector(words, words, 2, 3, 0, 1, 6, 7, 4, 5));
#endif
  return static_cast<int>(words[1] >> 21);
}

/// Whether no compensation is rounded in the sums of 2^levels chunks' numbers and the prefixes
/// before them, however they are grouped. All are multiples of u = 2^(smallest - 1075). Numbers
/// and prefix add up to less than 2^(most - 1021), so that each of a chunk's 16 additions leaves an
/// error of at most 2^(most - 1075), and all of them with the compensation that they are added to
/// less than 2^53 u.
inline bool adds_exactly(const Range& range, int levels) {
  const int numbers = exponent_of<true>(range.largest), sums = exponent_of<true>(range.sums);
  const int compensations = exponent_of<true>(range.compensations);
  const int smallest = exponent_of<false>(range.smallest);
  const int most = std::max(numbers + 4 + levels, sums);
  return most < 2040 && most <= smallest + 48 && compensations < smallest;
}

/// The last place of a number: a power of two, of which the number is an odd multiple.
[[gnu::always_inline]] inline Doubles last_place(Doubles x) {
  const Bits bits = __builtin_bit_cast(Bits, x);
  const Doubles shorter = __builtin_bit_cast(Doubles, bits & (bits - 1));
  const auto is_power = (bits & ((1ull << 52) - 1)) == 0;
  return is_power ? x : x - shorter;
}

inline void add_prefixes(const PairRow<double>& prefix, int count, Range& range) {
  auto sums = load<Words>(range.sums), compensations = load<Words>(range.compensations);
  auto smallest = load<Words>(range.smallest);
  for_vectors(count, [&](int j, auto n) __attribute__((always_inline)) {
    const Doubles sum = load_some(prefix.sums + j, n);
    const Doubles compensation = load_some(prefix.compensations + j, n);
    sums = larger(sums, __builtin_bit_cast(Words, without_sign(sum)));
    compensations = larger(compensations, __builtin_bit_cast(Words, without_sign(compensation)));
    for (const Doubles& x : {sum, compensation}) {
      // As the exponent of a number of which this is the last place.
      const Bits place = without_sign(last_place(x));
      const Bits as_number = (place >> 53) == 0 ? place : place + (52ull << 53);
      smallest = smaller(smallest, but_for_zeros(as_number));
    }
  });
  store(range.sums, sums);
  store(range.compensations, compensations);
  store(range.smallest, smallest);
}

struct Pairs {
  Doubles sums;
  Doubles compensations;
};
template <class Count>
[[gnu::always_inline]] inline Pairs load_pairs(const PairRow<double>& row, int j, Count count) {
  return {load_some(row.sums + j, count), load_some(row.compensations + j, count)};
}
template <class Count>
[[gnu::always_inline]] inline void store_pairs(const PairRow<double>& row, int j,
                                               const Pairs& pairs, Count count) {
  store_some(row.sums + j, pairs.sums, count);
  store_some(row.compensations + j, pairs.compensations, count);
}
/// PairSumMonoid::accumulate where no compensation is rounded.
[[gnu::always_inline]] inline Pairs add(const Pairs& pairs, Doubles x) {
  const Doubles sum = pairs.sums + x, x_in_sum = sum - pairs.sums, rest_in_sum = sum - x_in_sum;
  const Doubles error = (pairs.sums - rest_in_sum) + (x - x_in_sum);
  return {sum, pairs.compensations + error};
}
/// CompensatedValue::value().
[[gnu::always_inline]] inline Doubles values(const Pairs& pairs) {
  return pairs.compensations == 0 ? pairs.sums : pairs.sums + pairs.compensations;
}

inline bool look(const Rows& rows, Range& range) {
  Exponents exponents(range);
  for (int r = 0; r < rows.rows; ++r) {
    const double* const x = rows.x + r * rows.x_pitch;
    for_vectors(rows.count, [&](int j, auto n) __attribute__((always_inline)) {
      exponents.add(load_some(x + j, n));
    });
  }
  exponents.store_to(range);
  return adds_exactly(range, 0);
}

template <class Count>
[[gnu::always_inline]] inline Pairs first_sums(const Rows& rows, int j, Count count) {
  if (rows.begin_sums) return {-Doubles{}, Doubles{}};
  return load_pairs(rows.sums, j, count);
}

/// Asks for what is needed next, a vector at a time, between other things: processors wait for no
/// more than some cache lines at once.
template <bool results>
[[gnu::always_inline]] inline void prefetch(const Rows& rows, int j, int row) {
  if (rows.next != nullptr) {
    __builtin_prefetch(rows.next + j * rows.rows + row * lanes, results, 3);
  }
  if (rows.in_memory) {
    __builtin_prefetch(rows.x + (row + rows.rows) * rows.x_pitch + j, 0, 2);
    if (results) __builtin_prefetch(rows.y + (row + rows.rows) * rows.y_pitch + j, 1, 2);
  }
}

inline void sum(const Rows& rows) {
  for_vectors(rows.count, [&](int j, auto n) __attribute__((always_inline)) {
    Pairs sums = first_sums(rows, j, n);
    for (int r = 0; r < rows.rows; ++r) {
      prefetch<false>(rows, j, r);
      sums = add(sums, load_some(rows.x + r * rows.x_pitch + j, n));
    }
    store_pairs(rows.sums, j, sums, n);
  });
}

template <bool sums_too, bool exclusive>
void scan(const Rows& rows) {
  for_vectors(rows.count, [&](int j, auto n) __attribute__((always_inline)) {
    Pairs state = load_pairs(rows.before, j, n);
    Pairs sums = sums_too ? first_sums(rows, j, n) : state;
    for (int r = 0; r < rows.rows; ++r) {
      const Doubles x = load_some(rows.x + r * rows.x_pitch + j, n);
      const Pairs after = add(state, x);
      prefetch<true>(rows, j, r);
      store_some(rows.y + r * rows.y_pitch + j, values(exclusive ? state : after), n);
      if constexpr (sums_too) sums = add(sums, x);
      state = after;
    }
    store_pairs(rows.after, j, state, n);
    if constexpr (sums_too) store_pairs(rows.sums, j, sums, n);
  });
}

/// PairSumMonoid::combine where no compensation is rounded.
[[gnu::always_inline]] inline Pairs combine(const Pairs& a, const Pairs& b) {
  const Pairs sum = add({a.sums, a.compensations + b.compensations}, b.sums);
  const Doubles rest = sum.compensations == 0 ? -Doubles{} : sum.compensations;
  const Doubles head = sum.sums + rest;
  return {head, rest - (head - sum.sums)};
}

/// Every other one of some neighbours.
template <int first>
[[gnu::always_inline]] inline Doubles every_other(const double* from, int count) {
  const Doubles a = count < lanes ? load_some(from, count) : load<Doubles>(from);
  const int left = count - lanes;
  Doubles b = {};
  if (left >= lanes) {
    b = load<Doubles>(from + lanes);
  } else if (left > 0) {
    b = load_some(from + lanes, left);
  }
  return every_other<first>(a, b, Places());
}
template <int first>
[[gnu::always_inline]] inline Pairs every_other(const PairRow<double>& row, int k, int pairs) {
  return {every_other<first>(row.sums + 2 * k, 2 * (pairs - k)),
          every_other<first>(row.compensations + 2 * k, 2 * (pairs - k))};
}
[[gnu::always_inline]] inline void store_by_turns(double* to, Doubles a, Doubles b, int count) {
  const Doubles first = interleaved<0>(a, b, Places());
  const Doubles second = interleaved<lanes / 2>(a, b, Places());
  if (count >= 2 * lanes) {
    store(to, first);
    store(to + lanes, second);
  } else {
    store_some(to, first, std::min(count, lanes));
    if (count > lanes) store_some(to + lanes, second, count - lanes);
  }
}

/// ChunkTree::combine of one line, where no compensation is rounded.
inline PairRow<double> tree_of_line(int levels, const PairRow<double>& sums,
                                    const PairRow<double>& nodes, const PairRow<double>& prefix) {
  PairRow<double> of_level[8] = {sums};
  PairRow<double> above = nodes;
  for (int level = 0; level < levels; ++level) {
    const int pairs = 1 << (levels - 1 - level);
    const PairRow<double> from = of_level[level];
    for_vectors(pairs, [&](int k, auto n) __attribute__((always_inline)) {
      store_pairs(above, k, combine(every_other<0>(from, k, pairs), every_other<1>(from, k, pairs)),
                  n);
    });
    of_level[level + 1] = above;
    above = above + pairs;
  }
  for (int level = levels - 1; level >= 0; --level) {
    const int pairs = 1 << (levels - 1 - level);
    // The last first, so that none is written over before it is read.
    for (int k = (pairs - 1) / lanes * lanes; k >= 0; k -= lanes) {
      const int count = std::min(pairs - k, lanes);
      const Pairs before = count < lanes
                               ? load_pairs(prefix, k, count)
                               : load_pairs(prefix, k, std::integral_constant<int, lanes>());
      const Pairs then = combine(before, every_other<0>(of_level[level], k, pairs));
      store_by_turns(prefix.sums + 2 * k, before.sums, then.sums, 2 * count);
      store_by_turns(prefix.compensations + 2 * k, before.compensations, then.compensations,
                     2 * count);
    }
  }
  return of_level[levels];
}

/// The same of several lines.
inline PairRow<double> tree(int lines, int levels, const PairRow<double>& sums,
                            const PairRow<double>& nodes, const PairRow<double>& prefix) {
  if (lines == 1) return tree_of_line(levels, sums, nodes, prefix);
  const auto combine_lines = [lines](const PairRow<double>& a, const PairRow<double>& b,
                                     const PairRow<double>& to) __attribute__((always_inline)) {
    for_vectors(lines, [&](int j, auto n) __attribute__((always_inline)) {
      store_pairs(to, j, combine(load_pairs(a, j, n), load_pairs(b, j, n)), n);
    });
  };
  PairRow<double> of_level[8] = {sums};
  PairRow<double> above = nodes;
  for (int level = 0; level < levels; ++level) {
    const int pairs = 1 << (levels - 1 - level);
    for (int k = 0; k < pairs; ++k) {
      const PairRow<double> left = of_level[level] + 2 * k * lines;
      combine_lines(left, left + lines, above + k * lines);
    }
    of_level[level + 1] = above;
    above = above + pairs * lines;
  }
  for (int level = levels - 1; level >= 0; --level) {
    // The last first, so that none is written over before it is read.
    for (int k = (1 << (levels - 1 - level)) - 1; k >= 0; --k) {
      const PairRow<double> before = prefix + k * lines, left = prefix + 2 * k * lines;
      combine_lines(before, of_level[level] + 2 * k * lines, left + lines);
      if (k > 0) {
        for (int j = 0; j < lines; ++j) set(left, j, get(before, j));
      }
    }
  }
  return of_level[levels];
}

#endif
