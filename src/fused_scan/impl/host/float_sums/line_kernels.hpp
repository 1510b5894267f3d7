// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Included as vectors.hpp is, after it. A block is 32 chunks of one line. It is turned, so that
// vectors add the chunks side by side; over the chunks' sums lies the tree, whose levels are
// vectors too; a chunk's prefix comes down the same tree.

#if defined(FUSED_SCAN_BYTES)

/// to[r, c] = from[c, r] of 16 by 16 elements. (A call for each costs CompensatedSum of one line a
/// sixth of its speed with AVX-512, and nothing with AVX2, where it is more to be compiled.)
#if FUSED_SCAN_BYTES == 64
[[gnu::always_inline]]
#else
[[gnu::noinline]]
#endif
inline void turn(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride) {
#if FUSED_SCAN_BYTES == 64
  using Row = float __attribute__((vector_size(64)));
  Row v[16], t[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) v[i] = load<Row>(from + from_stride * i);
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = __builtin_shufflevector(v[i], v[i + 1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28,
                                   13, 29);
    t[i + 1] = __builtin_shufflevector(v[i], v[i + 1], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27,
                                       14, 30, 15, 31);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    const Row a = t[i], b = t[i + 1], c = t[i + 2], d = t[i + 3];
    v[i] = __builtin_shufflevector(a, c, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
    v[i + 1] =
        __builtin_shufflevector(a, c, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    v[i + 2] =
        __builtin_shufflevector(b, d, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
    v[i + 3] =
        __builtin_shufflevector(b, d, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  }
  // Now row 4 i + k has, in its quarter q, the rows 4 i .. of the column 4 q + k.
  const auto even = [](Row a, Row b) __attribute__((always_inline)) {
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
  };
  const auto odd = [](Row a, Row b) __attribute__((always_inline)) {
    return __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30,
                                   31);
  };
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    const Row even_of_low = even(v[k], v[4 + k]), odd_of_low = odd(v[k], v[4 + k]);
    const Row even_of_high = even(v[8 + k], v[12 + k]), odd_of_high = odd(v[8 + k], v[12 + k]);
    store(to + to_stride * k, even(even_of_low, even_of_high));
    store(to + to_stride * (4 + k), even(odd_of_low, odd_of_high));
    store(to + to_stride * (8 + k), odd(even_of_low, even_of_high));
    store(to + to_stride * (12 + k), odd(odd_of_low, odd_of_high));
  }
#else
  impl::transpose_in_vectors(from, from_stride, to, to_stride);
#endif
}

struct Block {
  alignas(64) double sums[block_length];                  // of a square's rows, one after the other
  alignas(64) double node[2 * block_chunks + 2 * lanes];  // of a level after those below
  alignas(64) double prefix[block_chunks + 2 * lanes];
};

/// Two of them.
inline Block* blocks_of(LineTree& tree) {
  static_assert(2 * sizeof(Block) <= sizeof(tree.memory));
  return reinterpret_cast<Block*>(tree.memory);
}

inline constexpr int vectors_of_row = 16 / lanes;  // of a square
inline constexpr int vectors_of_block = block_chunks / lanes;

/// Where a vector of chunks' elements at a place in the chunk is.
[[gnu::always_inline]] constexpr int place_of(int vector, int row) {
  return vector / vectors_of_row * 256 + row * 16 + vector % vectors_of_row * lanes;
}

/// Asks for some cache lines of a block that is needed next, a few at a time: processors wait for
/// no more at once, and foresee no more than what is left of a page.
template <int lines, bool results>
[[gnu::always_inline]] inline void prefetch_part(const float* block, int row) {
  for (int k = 0; k < lines; ++k) __builtin_prefetch(block + 16 * (lines * row + k), results, 3);
}

/// The sums of the chunks up to each element. In reverse, both the order of the rows and that of
/// the chunks are the other way round in memory; the sums' rows are in the order of the scan, the
/// chunks in that of memory.
template <class Way>
[[gnu::noinline]] void sum_chunks(const float* x, const float* next, bool reverse, Block& block) {
  alignas(64) float turned[block_length];
  turn(x, 16, turned, 16);
  turn(x + 256, 16, turned + 256, 16);
  const float* row = turned + (reverse ? 15 * 16 : 0);
  Doubles sum[vectors_of_block];
  prefetch_part<2, false>(next, 0);
#pragma GCC unroll 8
  for (int k = 0; k < vectors_of_block; ++k) {
    sum[k] = widened(load<Floats>(row + place_of(k, 0)));
    store(block.sums + place_of(k, 0), sum[k]);
  }
#pragma GCC unroll 1
  for (int r = 1; r < 16; ++r) {
    row += reverse ? -16 : 16;
    prefetch_part<2, false>(next, r);
#pragma GCC unroll 8
    for (int k = 0; k < vectors_of_block; ++k) {
      sum[k] = Way::add(sum[k], widened(load<Floats>(row + place_of(k, 0))));
      store(block.sums + place_of(k, r), sum[k]);
    }
  }
#pragma GCC unroll 8
  for (int k = 0; k < vectors_of_block; ++k) store(block.node + k * lanes, sum[k]);
  if (reverse) std::reverse(block.node, block.node + block_chunks);
}

/// The nodes of every level, up to the block's, which is returned.
template <class Way>
[[gnu::noinline]] double sum_nodes(Block& block) {
  double* nodes = block.node;
#pragma GCC unroll 8
  for (int count = block_chunks; count > 1; count /= 2) {
    double* const above = nodes + count;
    for (int k = 0; k < count / 2; k += lanes) {
      const Doubles a = load<Doubles>(nodes + 2 * k), b = load<Doubles>(nodes + 2 * k + lanes);
      // What is written beyond the level is written again later.
      store(above + k, Way::add(every_other<0>(a, b, Places()), every_other<1>(a, b, Places())));
    }
    nodes = above;
  }
  return nodes[0];
}

/// The prefixes before the chunks, from that before the block.
template <class Way>
[[gnu::noinline]] void spread_prefix(double prefix, Block& block) {
  double buffers[2][block_chunks + 2 * lanes];
  int from = 0;
  buffers[0][0] = prefix;
  for (int k = 1; k < lanes; ++k) buffers[0][k] = 0;
#pragma GCC unroll 8
  for (int count = 1; count < block_chunks; count *= 2) {
    const double* const left = block.node + 2 * block_chunks - 4 * count;
    double* const to = 2 * count == block_chunks ? block.prefix : buffers[1 - from];
    for (int k = 0; k < count; k += lanes) {
      const Doubles before = load<Doubles>(buffers[from] + k);
      const Doubles a = load<Doubles>(left + 2 * k), b = load<Doubles>(left + 2 * k + lanes);
      const Doubles after = Way::add(before, every_other<0>(a, b, Places()));
      store(to + 2 * k, interleaved<0>(before, after, Places()));
      store(to + 2 * k + lanes, interleaved<lanes / 2>(before, after, Places()));
    }
    from = 1 - from;
  }
}

/// A row of a square as floats.
[[gnu::always_inline]] inline void store_row(float* to, const Doubles* row) {
#if FUSED_SCAN_BYTES == 64
  // In one piece, as it is read again.
  const Floats low = narrowed(row[0]), high = narrowed(row[1]);
  store(to,
        __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
#else
  for (int k = 0; k < vectors_of_row; ++k) store(to + k * lanes, narrowed(row[k]));
#endif
}

/// The results of a square of chunks, turned: whether one of them may be a tie.
template <class Way>
[[gnu::noinline]] bool square_results(const double* sums, const double* prefix, bool exclusive,
                                      bool reverse, float* y, const float* next) {
  Doubles p[vectors_of_row];
#pragma GCC unroll 4
  for (int k = 0; k < vectors_of_row; ++k) p[k] = load<Doubles>(prefix + k * lanes);
  const int step = reverse ? -16 : 16;
  if (reverse) y += 15 * 16;
  if (exclusive) {
    store_row(y, p);
    y += step;
  }
  Longs tied = {};
#pragma GCC unroll 4
  for (int r = exclusive ? 1 : 0; r < 16; ++r) {
    prefetch_part<1, true>(next, r);
    Doubles results[vectors_of_row];
#pragma GCC unroll 4
    for (int k = 0; k < vectors_of_row; ++k) {
      results[k] = Way::add(p[k], load<Doubles>(sums + k * lanes));
      if constexpr (Way::minds_ties) tied |= ties(results[k]);
    }
    store_row(y, results);
    sums += 16;
    y += step;
  }
  return Way::minds_ties && any(tied);
}

template <bool odd>
void block_results(float* y, const float* next, const Line& line, const Results& results,
                   Block& block) {
  using Way = std::conditional_t<!odd, Plainly, std::conditional_t<looks_first, Exactly, ToOdd>>;
  alignas(64) float turned[256];
  if (line.reverse) std::reverse(block.prefix, block.prefix + block_chunks);
#pragma GCC unroll 1
  for (int q = 0; q < 2; ++q) {
    const double* const sums = block.sums + 256 * q;
    const double* const prefix = block.prefix + 16 * q;
    if (square_results<Way>(sums, prefix, results.exclusive, line.reverse, turned,
                            next + 256 * q) ||
        (Way::minds_ties && results.below_floats)) {
      square_results<ToOdd>(sums, prefix, results.exclusive, line.reverse, turned, next + 256 * q);
    }
    turn(turned, 16, y + 256 * q, 16);
  }
}

template <bool odd>
void sum_block(const float* x, const float* next, bool reverse, Block& block) {
  if constexpr (odd && looks_first) {
    Exponents exponents;
    exponents.add(x, block_length);
    if (exponents.add_exactly()) {
      sum_chunks<Plainly>(x, next, reverse, block);
      return;
    }
  }
  sum_chunks<std::conditional_t<odd, ToOdd, Plainly>>(x, next, reverse, block);
}

template <bool odd>
double scalar_sum(double a, double b) {
  return odd ? impl::odd_sum(a, b) : a + b;
}

template <bool odd>
void push_block(double node, LineTree& tree) {
  const int level = tree.level = levels_ending_with(tree.blocks++);
  for (int s = 0; s < level; ++s) node = scalar_sum<odd>(tree.node[s], node);
  const double before = level > 0 ? tree.before[level - 1] : tree.prefix;
  tree.node[level] = node;
  tree.before[level] = before;
  tree.prefix = scalar_sum<odd>(before, node);
}

/// A block from memory to memory but for its results, which wait until the next one is summed up,
/// so that the processor has the two to do at once.
template <bool odd>
void begin_block(const float* x, const float* next, bool reverse, Block& block, LineTree& tree) {
  using Way = std::conditional_t<odd, ToOdd, Plainly>;
  sum_block<odd>(x, next, reverse, block);
  const double node = sum_nodes<Way>(block);
  spread_prefix<Way>(tree.prefix, block);
  push_block<odd>(node, tree);
}

/// The state after an element of a block whose results are there.
template <bool odd>
double state_after(const Block& block, bool reverse, int element) {
  const int r = element % 16, q = reverse ? block_chunks - 1 - element / 16 : element / 16;
  return scalar_sum<odd>(block.prefix[q], block.sums[q / 16 * 256 + r * 16 + q % 16]);
}

/// Between memory and a block's copy, in which the order is that of memory.
inline float* in_copy(float* copy, bool reverse, int count) {
  return reverse ? copy + block_length - count : copy;
}

/// The last elements of a line, fewer than a block, by way of a block filled up with zeros. x and y
/// are what comes first in memory.
template <bool odd>
void scan_rest(const float* x, float* y, int count, const Line& line, const Results& results,
               Block& block, LineTree& tree) {
  alignas(64) float copy[block_length] = {};
  std::memcpy(in_copy(copy, line.reverse, count), x, count * sizeof(float));
  begin_block<odd>(copy, copy, line.reverse, block, tree);
  block_results<odd>(copy, copy, line, results, block);
  std::memcpy(y, in_copy(copy, line.reverse, count), count * sizeof(float));
  tree.last = state_after<odd>(block, line.reverse, count - 1);
}

template <bool odd>
void scan_line(const Line& line, const Results& results, LineTree& tree) {
  Block* const blocks = blocks_of(tree);
  const std::int64_t step = line.reverse ? -block_length : block_length;
  const float* x = line.x + (line.reverse ? 1 - block_length : 0);
  float* y = line.y + (line.reverse ? 1 - block_length : 0);
  const std::int64_t count = line.length / block_length;
  for (std::int64_t k = 0; k < count; ++k) {
    begin_block<odd>(x, line.next_x == nullptr ? x + step : line.next_x + k * block_length,
                     line.reverse, blocks[k & 1], tree);
    if (k > 0) {
      block_results<odd>(y - step,
                         line.next_y == nullptr ? y : line.next_y + (k - 1) * block_length, line,
                         results, blocks[(k - 1) & 1]);
    }
    x += step;
    y += step;
  }
  if (count > 0) {
    Block& last = blocks[(count - 1) & 1];
    block_results<odd>(y - step, y - step, line, results, last);
    tree.last = state_after<odd>(last, line.reverse, block_length - 1);
  }
  const int rest = static_cast<int>(line.length - count * block_length);
  if (rest > 0) {
    const std::int64_t at = line.reverse ? block_length - rest : 0;
    scan_rest<odd>(x + at, y + at, rest, line, results, blocks[0], tree);
  }
  if (line.begins && results.exclusive && results.zeros_first) *line.y = 0;
}

/// The nodes of whole blocks.
template <bool odd>
void sum_line(const Line& line, LineTree& tree) {
  using Way = std::conditional_t<odd, ToOdd, Plainly>;
  Block& block = *blocks_of(tree);
  const std::int64_t step = line.reverse ? -block_length : block_length;
  const float* x = line.x + (line.reverse ? 1 - block_length : 0);
  for (std::int64_t k = 0; k < line.length / block_length; ++k) {
    sum_block<odd>(x, line.next_x == nullptr ? x + step : line.next_x + k * block_length,
                   line.reverse, block);
    push_block<odd>(sum_nodes<Way>(block), tree);
    x += step;
  }
}

#endif
