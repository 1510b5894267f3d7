// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Included as vectors.hpp is, after column_kernels.hpp. So few columns that their sums stay in
// registers from row to row; of short slabs several at a time, so that the processor needn't wait
// for one sum to begin with another.

#if defined(FUSED_SCAN_BYTES)

/// Vectors of a row, at most.
inline constexpr int narrow_vectors = lanes == 8 ? 3 : 4;

/// A chunk of `slabs` slabs, the rows of which have `vectors` vectors, the last perhaps a part of
/// one.
template <class Way, int vectors, int slabs>
[[gnu::always_inline]] inline Longs scan_narrow_chunk(const Slabs& all, const float* x, float* y,
                                                      int rows, bool exclusive, const Doubles* p,
                                                      Doubles* sum) {
  const int last = all.columns - (vectors - 1) * lanes;
  const int later = exclusive ? 1 : 0;  // by so many rows results are stored
  Longs tied = {};
  const auto put = [&](int g, int v, int r, Doubles result) __attribute__((always_inline)) {
    float* const to = y + g * all.y_slab + r * all.y_stride + v * lanes;
    if (v < vectors - 1) {
      store(to, narrowed(result));
    } else {
      store_part(to, narrowed(result), last);
    }
  };
  if (exclusive) {
    for (int k = 0; k < slabs * vectors; ++k) put(k / vectors, k % vectors, 0, p[k]);
  }
  for (int k = 0; k < slabs * vectors; ++k) sum[k] = broadcast(-0.0);
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int g = 0; g < slabs; ++g) {
#pragma GCC unroll 3
      for (int v = 0; v < vectors; ++v) {
        const int k = g * vectors + v;
        const float* const from = x + g * all.x_slab + r * all.x_stride + v * lanes;
        const Doubles element =
            widened(v < vectors - 1 ? load<Floats>(from) : load_part(from, last));
        sum[k] = Way::add(sum[k], element);
        const Doubles result = Way::add(p[k], sum[k]);
        if constexpr (Way::minds_ties) tied |= ties(result);
        if (r + later < rows) put(g, v, r + later, result);
      }
    }
  }
  return tied;
}

/// Whether a chunk's sums are exact.
inline bool narrow_chunk_is_exact(const Slabs& all, const float* x, int slabs, int rows) {
  Exponents exponents;
  for (int g = 0; g < slabs; ++g) {
    if (all.x_stride == all.columns) {
      exponents.add(x + g * all.x_slab, rows * all.columns);
    } else {
      for (int r = 0; r < rows; ++r) {
        exponents.add(x + g * all.x_slab + r * all.x_stride, all.columns);
      }
    }
  }
  return exponents.add_exactly();
}

template <bool odd, int vectors, int slabs>
[[gnu::always_inline]] inline void scan_any_chunk(const Slabs& all, const float* x, float* y,
                                                  int rows, const Results& stored, const Doubles* p,
                                                  Doubles* sum) {
  const bool exclusive = stored.exclusive;
  if constexpr (odd && looks_first) {
    // Results are written where elements were read only if no second try follows.
    if (!all.in_place && !stored.below_floats && narrow_chunk_is_exact(all, x, slabs, rows) &&
        !any(scan_narrow_chunk<Exactly, vectors, slabs>(all, x, y, rows, exclusive, p, sum))) {
      return;
    }
  }
  using Way = std::conditional_t<odd, ToOdd, Plainly>;
  scan_narrow_chunk<Way, vectors, slabs>(all, x, y, rows, exclusive, p, sum);
}

/// Appends the chunks' sums in `sum` to the tree, whose prefixes are `p`.
template <class Way, int count>
[[gnu::always_inline]] inline void push_narrow(const Doubles* sum, Doubles* p, Tree& tree) {
  const int level = levels_ending_with(tree.chunks++);
  const std::int64_t pitch = count * lanes;
#pragma GCC unroll 4
  for (int k = 0; k < count; ++k) {
    double* const nodes = tree.node + k * lanes;
    double* const befores = tree.before + k * lanes;
    Doubles node = sum[k];
    for (int s = 0; s < level; ++s) node = Way::add(load<Doubles>(nodes + s * pitch), node);
    const Doubles before = level > 0 ? load<Doubles>(befores + (level - 1) * pitch) : p[k];
    store(nodes + level * pitch, node);
    store(befores + level * pitch, before);
    p[k] = Way::add(before, node);
  }
}

/// `states` are those that the lines start from, and then those that they end in.
template <bool odd, int vectors, int slabs>
[[gnu::noinline]] void scan_some_slabs(const Slabs& all, const float* x, float* y, double* states,
                                       const Results& results, Tree& tree) {
  using Way = std::conditional_t<odd, ToOdd, Plainly>;
  constexpr int count = vectors * slabs;
  Doubles p[count], sum[count];
  for (int k = 0; k < count; ++k) {
    p[k] = all.has_states ? load<Doubles>(states + k * lanes) : broadcast(-0.0);
    sum[k] = p[k];
  }
  tree.chunks = 0;
  for (std::int64_t i = 0; i < all.length; i += 16) {
    const int rows = all.length - i < 16 ? static_cast<int>(all.length - i) : 16;
    scan_any_chunk<odd, vectors, slabs>(all, x + i * all.x_stride, y + i * all.y_stride, rows,
                                        results, p, sum);
    if (i + rows < all.length) push_narrow<Way, count>(sum, p, tree);
  }
  if (all.begin_lines && results.exclusive && results.zeros_first) {
    for (int g = 0; g < slabs; ++g) {
      for (int j = 0; j < all.columns; ++j) y[g * all.y_slab + j] = 0;
    }
  }
  if (!all.has_states) return;
  for (int k = 0; k < count; ++k) store(states + k * lanes, Way::add(p[k], sum[k]));
}

template <bool odd, int vectors, int at_once>
void scan_slabs_of(const Slabs& all, const Results& results, Tree& tree) {
  const float* x = all.x;
  float* y = all.y;
  double* states = all.states;
  int s = 0;
  const auto next = [&](int slabs) {
    s += slabs;
    x += slabs * all.x_slab;
    y += slabs * all.y_slab;
    states += slabs * vectors * lanes;
  };
  if constexpr (at_once > 1) {
    for (; s + at_once <= all.count; next(at_once)) {
      scan_some_slabs<odd, vectors, at_once>(all, x, y, states, results, tree);
    }
  }
  for (; s < all.count; next(1)) {
    scan_some_slabs<odd, vectors, 1>(all, x, y, states, results, tree);
  }
}

/// Several slabs at once where each has one sum to wait for: two of two vectors were no faster than
/// one, and take long to be compiled.
template <bool odd>
void scan_narrow_slabs(const Slabs& all, const Results& results, Tree& tree) {
  if (all.columns <= lanes) {
    scan_slabs_of<odd, 1, 4>(all, results, tree);
  } else if (all.columns <= 2 * lanes) {
    scan_slabs_of<odd, 2, 1>(all, results, tree);
  } else if (all.columns <= 3 * lanes) {
    scan_slabs_of<odd, 3, 1>(all, results, tree);
  } else if constexpr (narrow_vectors == 4) {
    scan_slabs_of<odd, 4, 1>(all, results, tree);
  }
}

#endif
