// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Included by kernels_for_vectors.hpp. By itself it is empty.

#if defined(FUSED_SCAN_BYTES)

#include <fused_scan/impl/host/vectors_of_doubles.hpp>

template <class T>
using Vector = std::conditional_t<sizeof(T) == sizeof(float), Floats, Doubles>;

/// Numbers of which compilers don't see that they are products: those are to be rounded before they
/// go into sums.
[[gnu::always_inline]] inline Doubles rounded(Doubles product) {
#if FUSED_SCAN_BYTES == 64
  asm("" : "+v"(product));
#else
  asm("" : "+x"(product));
#endif
  return product;
}

// As in affine_rows.hpp: what leaves the range is found by the sign of integers.

inline constexpr long long bits_of_large = 0x58f0000000000000;
inline constexpr long long bits_of_tiny = 0x26f0000000000000;
inline constexpr long long bits_of_one = 0x3ff0000000000000;
inline constexpr long long bits_of_largest_float = 0x47f0000000000000;
inline constexpr long long bits_of_smallest_float = 0x36a0000000000000;
inline constexpr long long exponent_limit = 1 << 29;
static_assert(bits_of_large == std::bit_cast<long long>(AffineMonoid<double>::large) &&
              bits_of_tiny == std::bit_cast<long long>(AffineMonoid<double>::tiny) &&
              bits_of_one == std::bit_cast<long long>(1.0) &&
              bits_of_largest_float == std::bit_cast<long long>(0x1p128) &&
              bits_of_smallest_float == std::bit_cast<long long>(0x1p-149));

[[gnu::always_inline]] inline Longs magnitudes(Doubles x) {
  return __builtin_bit_cast(Longs, x) & 0x7fffffffffffffff;
}
[[gnu::always_inline]] inline Longs beyond_large(Doubles x) {
  return bits_of_large - magnitudes(x);
}
/// Of exponents, unless that of b is 0 and that of a is far from its limits.
[[gnu::always_inline]] inline Longs beyond_exponents(Longs x) {
  return (x + exponent_limit) | (exponent_limit - x);
}

/// Of elements four of which can lead beyond the range of a double and back.
[[gnu::always_inline]] inline Longs beyond_elements(Doubles a, Doubles b) {
  const Longs size = magnitudes(a);
  return (bits_of_largest_float - size) | ((size - bits_of_smallest_float) & -size) |
         beyond_large(b);
}

/// A coefficient that is tiny gets another exponent, as by AffineMonoid.
[[gnu::always_inline]] inline void keep_in_range(Doubles& a, Longs& exponents) {
  constexpr long long step = AffineMonoid<double>::step;
  const Longs size = magnitudes(a);
  const Longs is_tiny = size < bits_of_tiny, is_zero = size == 0;
  a *= __builtin_bit_cast(Doubles, (is_tiny & (step << 52)) + bits_of_one);
  exponents = (exponents - (is_tiny & step)) & ~is_zero;
}

/// So many vectors of a block's neighbours are walked at once, in registers.
inline constexpr int vectors = 4;
inline constexpr int width = vectors * lanes;

struct Numbers {
  Doubles a, b;  // of the map so far
  Doubles state;
  Longs exponents, beyond;
};

/// f(v) for each of the vectors, v a number that compilers know.
template <class F, int... v>
[[gnu::always_inline]] inline void each_vector(const F& f, std::integer_sequence<int, v...>) {
  (f(std::integral_constant<int, v>()), ...);
}
template <class F>
[[gnu::always_inline]] inline void each_vector(const F& f) {
  each_vector(f, std::make_integer_sequence<int, vectors>());
}

/// What is asked for.
template <class In, class Out>
struct Next {
  const In* a;
  const In* b;
  const Out* h;
};

/// One step of each; `kept` gets b, which results may be written over.
template <bool sums, bool states, bool first, class In, class Out>
[[gnu::always_inline]] inline void step(const In* a, const In* b, Out* h, In* kept,
                                        const Next<In, Out>& next, Numbers (&numbers)[vectors]) {
  each_vector([&](auto v) __attribute__((always_inline)) {
    Numbers& now = numbers[v];
    constexpr int at = v * lanes;
    const auto kept_b = load<Vector<In>>(b + at);
    const Doubles x = widened(load<Vector<In>>(a + at)), y = widened(kept_b);
    if constexpr (sizeof(In) == sizeof(double)) now.beyond |= beyond_elements(x, y);
    // One of the vectors of each cache line.
    if constexpr (at * sizeof(In) % 64 == 0 && !(states && !sums)) {
      __builtin_prefetch(next.a + at, 0, 2);
      __builtin_prefetch(next.b + at, 0, 2);
    }
    if constexpr (at * sizeof(Out) % 64 == 0 && states) __builtin_prefetch(next.h + at, 1, 2);
    if constexpr (sums) {
      now.a = first ? x : x * now.a;
      now.b = first ? y : rounded(x * now.b) + y;
    }
    if constexpr (states) {
      now.state = rounded(x * now.state) + y;
      store(kept + at, kept_b);
      store(h + at, __builtin_convertvector(now.state, Vector<Out>));
    }
  });
}

/// After at most four steps: whether something has left the range.
template <bool sums, bool states>
[[gnu::always_inline]] inline void look(Numbers& now) {
  if constexpr (sums) {
    keep_in_range(now.a, now.exponents);
    now.beyond |= beyond_large(now.a) | beyond_large(now.b);
  }
  if constexpr (states) now.beyond |= beyond_large(now.state);
}
template <bool sums, bool states>
[[gnu::always_inline]] inline void look(Numbers (&numbers)[vectors]) {
  each_vector([&](auto v) __attribute__((always_inline)) { look<sums, states>(numbers[v]); });
}

template <bool sums, bool states, class In, class Out>
[[gnu::always_inline]] inline void walk(const Block<In, Out>& block, int j, const AffineRow& prefix,
                                        const AffineRow& sum, const AffineRow& state) {
  Numbers numbers[vectors];
  In kept_rows[states ? chunk_length * width : 1];
  each_vector([&](auto v) __attribute__((always_inline)) {
    numbers[v].exponents = numbers[v].beyond = Longs{};
    if constexpr (states) {
      numbers[v].state = load<Doubles>(prefix.b + j + v * lanes);
      numbers[v].beyond = beyond_exponents(load<Longs>(prefix.exponents + j + v * lanes));
    }
  });
  const In *a = block.a + j, *b = block.b + j;
  Out* h = block.h + j;
  In* kept = kept_rows;
  Next<In, Out> next{block.next_a + j, block.next_b + j, block.next_h + j};
  step<sums, states, true>(a, b, h, kept, next, numbers);
  for (int row = 1; row < block.rows; ++row) {
    if (row % 4 == 0) look<sums, states>(numbers);
    a += block.a_row;
    b += block.b_row;
    h += block.h_row;
    if constexpr (states) kept += width;
    next.a += block.next_a_row;
    next.b += block.next_b_row;
    next.h += block.next_h_row;
    step<sums, states, false>(a, b, h, kept, next, numbers);
  }
  look<sums, states>(numbers);
  Longs any_beyond = {};
  each_vector([&](auto v) __attribute__((always_inline)) {
    const Numbers& now = numbers[v];
    const int at = j + v * lanes;
    any_beyond |= now.beyond;
    if constexpr (sums) {
      store(sum.a + at, now.a);
      store(sum.b + at, now.b);
      store(sum.exponents + at, now.exponents);
    }
    if constexpr (states) {
      if (state.b != nullptr) {
        store(state.b + at, now.state);
        store(state.exponents + at, Longs{});
      }
    }
  });
  if (!any(any_beyond < 0)) return;
  long long beyond[width];
  each_vector([&](auto v)
                  __attribute__((always_inline)) { store(beyond + v * lanes, numbers[v].beyond); });
  for (int k = 0; k < width; ++k) {
    if (beyond[k] >= 0) continue;
    if constexpr (sums) sum_line(block, j + k, states ? kept_rows + k : nullptr, width, sum);
    if constexpr (states) scan_line(block, j + k, kept_rows + k, width, prefix, state);
  }
}

template <class In, class Out>
void sum(const Block<In, Out>& block, const AffineRow& sum) {
  for (int j = 0; j < block_lines; j += width) walk<true, false>(block, j, {}, sum, {});
}
template <class In, class Out>
void results(const Block<In, Out>& block, const AffineRow& prefix, const AffineRow& state) {
  for (int j = 0; j < block_lines; j += width) {
    walk<false, true>(block, j, prefix, {}, state);
  }
}
template <class In, class Out>
void scan(const Block<In, Out>& block, const AffineRow& prefix, const AffineRow& sum,
          const AffineRow& state) {
  for (int j = 0; j < block_lines; j += width) {
    walk<true, true>(block, j, prefix, sum, state);
  }
}

/// At most four rows, of neighbours from column j on.
template <bool states, bool first, class In, class Out, class Count>
[[gnu::always_inline]] inline Longs walk_rows(const Block<In, Out>& block, int begin, Count count,
                                              int j, const AffineRow& prefix, const AffineRow& sum,
                                              const AffineRow& state, Numbers& now) {
  const In *a = block.a + begin * block.a_row + j, *b = block.b + begin * block.b_row + j;
  Out* h = block.h + begin * block.h_row + j;
  if constexpr (first) {
    now.a = now.b = Doubles{};
    now.exponents = now.beyond = Longs{};
    if constexpr (states) {
      now.state = load<Doubles>(prefix.b + j);
      now.beyond = beyond_exponents(load<Longs>(prefix.exponents + j));
    }
  } else {
    now.a = load<Doubles>(sum.a + j);
    now.b = load<Doubles>(sum.b + j);
    now.exponents = load<Longs>(sum.exponents + j);
    now.beyond = Longs{};
    if constexpr (states) now.state = load<Doubles>(state.b + j);
  }
  for (int row = 0; row < count; ++row) {
    __builtin_prefetch(a + block.next_a_row, 0, 2);
    __builtin_prefetch(b + block.next_b_row, 0, 2);
    if constexpr (states) __builtin_prefetch(h + block.next_h_row, 1, 2);
    const Doubles x = widened(load<Vector<In>>(a)), y = widened(load<Vector<In>>(b));
    if constexpr (sizeof(In) == sizeof(double)) now.beyond |= beyond_elements(x, y);
    if (first && row == 0) {
      now.a = x;
      now.b = y;
    } else {
      now.a *= x;
      now.b = rounded(x * now.b) + y;
    }
    if constexpr (states) {
      now.state = rounded(x * now.state) + y;
      store(h, __builtin_convertvector(now.state, Vector<Out>));
      h += block.h_row;
    }
    a += block.a_row;
    b += block.b_row;
  }
  look<true, states>(now);
  return now.beyond;
}
template <bool states>
[[gnu::always_inline]] inline void store_numbers(const Numbers& now, int j, const AffineRow& sum,
                                                 const AffineRow& state) {
  store(sum.a + j, now.a);
  store(sum.b + j, now.b);
  store(sum.exponents + j, now.exponents);
  if constexpr (states) store(state.b + j, now.state);
}

/// At least `lanes` columns. The last vector of a row begins before the one before it ends: it is
/// read before that is written.
template <bool states, bool first, class In, class Out, class Count>
[[gnu::noinline]] bool walk_row_group(const Block<In, Out>& block, int columns, int begin,
                                      Count count, const AffineRow& prefix, const AffineRow& sum,
                                      const AffineRow& state) {
  Numbers last;
  const int begin_last = columns - lanes;
  Longs beyond =
      walk_rows<states, first>(block, begin, count, begin_last, prefix, sum, state, last);
  for (int j = 0; j < begin_last; j += lanes) {
    Numbers now;
    beyond |= walk_rows<states, first>(block, begin, count, j, prefix, sum, state, now);
    store_numbers<states>(now, j, sum, state);
  }
  store_numbers<states>(last, begin_last, sum, state);
  return any(beyond < 0);
}

/// Any number of columns, in the order of memory; false where something has left the range, and
/// sums and states are void. `h` isn't `b`.
template <bool states, class In, class Out>
bool walk_columns(const Block<In, Out>& block, int columns, const AffineRow& prefix,
                  const AffineRow& sum, const AffineRow& state) {
  const std::integral_constant<int, 4> four;
  bool beyond = false;
  for (int row = 0; row < block.rows; row += 4) {
    const int rows = block.rows - row;
    if (row == 0 && rows >= 4) {
      beyond |= walk_row_group<states, true>(block, columns, row, four, prefix, sum, state);
    } else if (row == 0) {
      beyond |= walk_row_group<states, true>(block, columns, row, rows, prefix, sum, state);
    } else if (rows >= 4) {
      beyond |= walk_row_group<states, false>(block, columns, row, four, prefix, sum, state);
    } else {
      beyond |= walk_row_group<states, false>(block, columns, row, rows, prefix, sum, state);
    }
  }
  return !beyond;
}

/// A vector of maps, each combined with the one that then() is; false where a number leaves the
/// range or needs a closer look.
[[gnu::always_inline]] inline bool combine_some(const AffineRow& first, const AffineRow& then,
                                                const AffineRow& to) {
  const Doubles first_a = load<Doubles>(first.a), first_b = load<Doubles>(first.b);
  const Doubles then_a = load<Doubles>(then.a), then_b = load<Doubles>(then.b);
  const Longs before = load<Longs>(first.exponents), scale = load<Longs>(then.exponents);
  Longs beyond = beyond_exponents(before) | (scale + exponent_limit) | -scale;
  Doubles from_state = rounded(then_a * first_b);
  if (any(scale)) {
    // As scaled() does it; after four times nothing is left.
    const Longs size = magnitudes(first_b);
    beyond |= (size - bits_of_tiny) & -size & scale;
    Longs left = scale;
    for (int k = 0; k < 4; ++k) {
      const Longs is_left = left < 0;
      constexpr long long step = AffineMonoid<double>::step;
      from_state *= __builtin_bit_cast(Doubles, bits_of_one - (is_left & (step << 52)));
      left += step;
    }
    from_state = rounded(from_state);
  }
  Doubles a = then_a * first_a;
  Longs exponents = before + scale;
  keep_in_range(a, exponents);
  const Doubles b = from_state + then_b;
  beyond |= beyond_large(a) | beyond_large(b) | (exponents + exponent_limit);
  if (any(beyond < 0)) return false;
  store(to.a, a);
  store(to.b, b);
  store(to.exponents, exponents);
  return true;
}

/// to[j] = first[j] combined with then[j], either of which may be `to`. There is room for so many.
inline void combine(int count, int room, const AffineRow& first, const AffineRow& then,
                    const AffineRow& to) {
  int j = 0;
  for (; j < count && j + lanes <= room; j += lanes) {
    if (!combine_some(first + j, then + j, to + j)) {
      impl::combine_one_by_one(j, std::min(j + lanes, count), first, then, to);
    }
  }
  if (j >= count) return;
#if FUSED_SCAN_BYTES == 64
  avx2::combine(count - j, room - j, first + j, then + j, to + j);
#else
  impl::combine_one_by_one(j, count, first, then, to);
#endif
}

#endif
