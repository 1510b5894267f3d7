// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Included as vectors.hpp is, after it.

#if defined(FUSED_SCAN_BYTES)

/// Calls f(j, count) for vectors of columns from j on, the last of which may have fewer than
/// `lanes`.
template <class F>
[[gnu::always_inline]] inline void for_vectors(int columns, const F& f) {
  int j = 0;
  for (; j + lanes <= columns; j += lanes) f(j, lanes);
  if (j < columns) f(j, columns - j);
}
[[gnu::always_inline]] inline Floats load_some(const float* from, int count) {
  return count == lanes ? load<Floats>(from) : load_part(from, count);
}
[[gnu::always_inline]] inline void store_some(float* to, Floats x, int count) {
  if (count == lanes) {
    store(to, x);
  } else {
    store_part(to, x, count);
  }
}

/// A chunk's sums begin with what changes no number, and no bit of the first one.
inline void begin_sums(Tree& tree) { std::fill_n(tree.sum, tree.pitch, -0.0); }

template <class Way>
void sum_row(const float* x, int columns, double* sum) {
  int j = 0;
  for (; j + lanes <= columns; j += lanes) {
    store(sum + j, Way::add(load<Doubles>(sum + j), widened(load<Floats>(x + j))));
  }
  if (j < columns) {
    store(sum + j, Way::add(load<Doubles>(sum + j), widened(load_part(x + j, columns - j))));
  }
}

/// Some columns of a row from j on.
template <class Way, bool exclusive, bool streaming, bool part>
[[gnu::always_inline]] inline Longs scan_some(const float* x, float* y, const double* prefix,
                                              double* sum, int count) {
  const Doubles p = load<Doubles>(prefix);
  const Doubles element = widened(part ? load_part(x, count) : load<Floats>(x));
  const Doubles old = load<Doubles>(sum);
  const Doubles now = Way::add(old, element);
  if constexpr (part) {
    for (int k = 0; k < count; ++k) sum[k] = now[k];
  } else {
    store(sum, now);
  }
  const Doubles result = Way::add(p, exclusive ? old : now);
  if constexpr (part) {
    store_part(y, narrowed(result), count);
  } else if constexpr (streaming) {
    stream(y, narrowed(result));
  } else {
    store(y, narrowed(result));
  }
  return Way::minds_ties ? ties(result) : Longs{};
}

/// Columns from `begin` to `end` of a row.
template <class Way, bool exclusive, bool streaming>
[[gnu::always_inline]] inline Longs scan_columns(const Rows& rows, const float* x, float* y,
                                                 int begin, int end, Tree& tree) {
  const double* const prefix = tree.prefix;
  double* const sum = tree.sum;
  const std::int64_t next_x = rows.x_stride, next_y = rows.y_stride;
  Longs tied = {};
  int j = begin;
  for (; j + lanes <= end; j += lanes) {
    // Where a thread has a piece of each row the processor doesn't foresee the next one.
    __builtin_prefetch(x + next_x + j, 0, 3);
    if constexpr (!streaming) __builtin_prefetch(y + next_y + j, 1, 3);
    tied |= scan_some<Way, exclusive, streaming, false>(x + j, y + j, prefix + j, sum + j, lanes);
  }
  if (j < end) {
    tied |= scan_some<Way, exclusive, false, true>(x + j, y + j, prefix + j, sum + j, end - j);
  }
  return tied;
}

/// A function by itself: most of the time that these kernels take to be compiled would go into its
/// copies.
template <class Way, bool exclusive, bool streaming>
[[gnu::noinline]] Longs scan_part_of_row(const Rows& rows, const float* x, float* y, int begin,
                                         int end, Tree& tree) {
  return scan_columns<Way, exclusive, streaming>(rows, x, y, begin, end, tree);
}

template <class Way, bool exclusive>
[[gnu::always_inline]] inline Longs scan_row(const Rows& rows, bool streaming, const float* x,
                                             float* y, Tree& tree) {
  if (!streaming) {
    return scan_columns<Way, exclusive, false>(rows, x, y, 0, rows.columns, tree);
  }
  // Whole cache lines bypass the caches: a part of one would be read from memory to be merged.
  constexpr int line = 16;
  const auto place = static_cast<int>(reinterpret_cast<std::uintptr_t>(y) / sizeof(float) % line);
  const int begin = (line - place) % line;
  const int end = begin + (rows.columns - begin) / line * line;
  Longs tied = scan_part_of_row<Way, exclusive, true>(rows, x, y, begin, end, tree);
  const auto rest = [&](int from, int to) {
    if (from < to) tied |= scan_part_of_row<Way, exclusive, false>(rows, x, y, from, to, tree);
  };
  rest(0, begin);
  rest(end, rows.columns);
  return tied;
}

/// The results of an inclusive row once more, from the sums after it.
[[gnu::noinline]] inline void results_to_odd(const Rows& rows, float* y, const Tree& tree) {
  for_vectors(rows.columns, [&](int j, int count) __attribute__((always_inline)) {
    const Doubles sums = ToOdd::add(load<Doubles>(tree.prefix + j), load<Doubles>(tree.sum + j));
    store_some(y + j, narrowed(sums), count);
  });
}

inline bool rows_can_stream(const Rows& rows, const Results& results) {
  constexpr int size = sizeof(float);
  return results.streaming && rows_bypass_caches(rows.y, rows.y_stride * size, rows.columns * size);
}

inline void store_zeros(const Rows& rows) {
  for (int j = 0; j < rows.columns; ++j) rows.y[j] = 0;
}

template <class Way>
void scan_exclusive_rows(const Rows& rows, bool streaming, Tree& tree) {
  for (int r = 0; r < rows.count; ++r) {
    const float* const x = rows.x + r * rows.x_stride;
    float* const y = rows.y + r * rows.y_stride;
    scan_row<Way, true>(rows, streaming, x, y, tree);
  }
}
template <class Way>
void scan_inclusive_row(const Rows& rows, bool streaming, int r, Tree& tree) {
  const float* const x = rows.x + r * rows.x_stride;
  float* const y = rows.y + r * rows.y_stride;
  const Longs tied = scan_row<Way, false>(rows, streaming, x, y, tree);
  if constexpr (Way::minds_ties) {
    if (any(tied)) results_to_odd(rows, y, tree);
  }
}

template <bool odd>
void scan_inclusive_rows(const Rows& rows, bool looks, bool streaming, Tree& tree) {
  Exponents exponents;
  for (int r = 0; r < rows.count; ++r) {
    if constexpr (odd && looks_first) {
      if (looks) exponents.add(rows.x + r * rows.x_stride, rows.columns);
      if (looks && exponents.add_exactly()) {
        scan_inclusive_row<Exactly>(rows, streaming, r, tree);
        continue;
      }
    }
    scan_inclusive_row<std::conditional_t<odd, ToOdd, Plainly>>(rows, streaming, r, tree);
  }
}

template <bool odd>
void sum_rows(const Rows& rows, Tree& tree) {
  using Careful = std::conditional_t<odd, ToOdd, Plainly>;
  begin_sums(tree);
  Exponents exponents;
  for (int r = 0; r < rows.count; ++r) {
    const float* const x = rows.x + r * rows.x_stride;
    if constexpr (odd && looks_first) {
      exponents.add(x, rows.columns);
      if (exponents.add_exactly()) {
        sum_row<Plainly>(x, rows.columns, tree.sum);
        continue;
      }
    }
    sum_row<Careful>(x, rows.columns, tree.sum);
  }
}

template <bool odd>
void scan_rows(const Rows& rows, const Results& results, Tree& tree) {
  using Careful = std::conditional_t<odd, ToOdd, Plainly>;
  const bool streaming = rows_can_stream(rows, results);
  begin_sums(tree);
  if (results.exclusive) {
    scan_exclusive_rows<Careful>(rows, streaming, tree);
    if (rows.begin_lines && results.zeros_first) store_zeros(rows);
  } else {
    scan_inclusive_rows<odd>(rows, !results.below_floats, streaming, tree);
  }
  // Stores that bypass the caches are seen after it only.
  if (streaming) _mm_sfence();
}

/// Appends the chunks' sums to the tree: LineStates::push, with a column's numbers in registers.
template <bool odd>
void push(Tree& tree) {
  using Way = std::conditional_t<odd, ToOdd, Plainly>;
  const int level = tree.level = levels_ending_with(tree.chunks++);
  const std::int64_t pitch = tree.pitch;
  const double* const from = level > 0 ? tree.before + (level - 1) * pitch : tree.prefix;
  for (int j = 0; j < tree.pitch; j += lanes) {
    Doubles node = load<Doubles>(tree.sum + j);
    for (int s = 0; s < level; ++s) node = Way::add(load<Doubles>(tree.node + s * pitch + j), node);
    const Doubles before = load<Doubles>(from + j);
    store(tree.node + level * pitch + j, node);
    store(tree.before + level * pitch + j, before);
    store(tree.prefix + j, Way::add(before, node));
  }
}

#endif
