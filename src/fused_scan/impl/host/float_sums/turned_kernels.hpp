// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Included as vectors.hpp is, after line_kernels.hpp and narrow_kernels.hpp. Slabs of few
// columns that follow each other in memory: it is cut into 16 pieces of whole slabs, which are
// turned square by square and walked side by side.

#if defined(FUSED_SCAN_BYTES)

inline constexpr int pieces = 16;
inline constexpr int longest_short_piece = 1024;
inline constexpr int vectors_of_pieces = pieces / lanes;

/// What comes next, which the processor doesn't foresee of 16 places that move on together: of
/// short pieces what follows them, of long ones their own next elements. It is asked for with each
/// row, since processors wait where they are asked for many places at once (0.75 to 0.9 of the
/// time).
struct NextPieces {
  const float* x;
  float* y;
  std::int64_t step;

  NextPieces(const float* from, float* to, std::int64_t length, std::int64_t at)
      : step(length <= longest_short_piece ? 16 : length) {
    const std::int64_t ahead = step == 16 ? pieces * (length + at) : at + 48;
    x = from + ahead;
    y = to + ahead;
  }
  [[gnu::always_inline]] void ask() {
    __builtin_prefetch(x, 0, 3);
    __builtin_prefetch(y, 1, 3);
    x += step;
    y += step;
  }
};

template <class Way>
[[gnu::always_inline]] inline Doubles turned_result(Doubles prefix, Doubles sum) {
  const Doubles result = Way::add(prefix, sum);
  if constexpr (Way::minds_ties) {
    if (any(ties(result))) return ToOdd::add(prefix, sum);
  }
  return result;
}

/// The results of one element of each piece, in its place.
template <class Way>
[[gnu::always_inline]] inline void scan_turned_row(const double* prefix, double* sum, float* row,
                                                   bool first_of_chunk, bool exclusive,
                                                   bool zeros) {
  Doubles results[vectors_of_pieces];
#pragma GCC unroll 4
  for (int k = 0; k < vectors_of_pieces; ++k) {
    const Doubles element = widened(load<Floats>(row + k * lanes));
    const Doubles p = load<Doubles>(prefix + k * lanes);
    // What changes no number, and no bit of the first one.
    const Doubles old = first_of_chunk ? broadcast(-0.0) : load<Doubles>(sum + k * lanes);
    const Doubles now = Way::add(old, element);
    store(sum + k * lanes, now);
    results[k] = turned_result<Way>(p, exclusive ? old : now);
    if (zeros) results[k] = Doubles{};
  }
  store_row(row, results);
}

/// The same of some rows of one column and one chunk, whose sums stay in registers meanwhile.
template <class Way>
[[gnu::noinline]] void scan_turned_column(const double* prefix, double* sums, float* row, int step,
                                          int rows, bool first_of_chunk, bool exclusive,
                                          NextPieces& next) {
  Doubles p[vectors_of_pieces], sum[vectors_of_pieces];
#pragma GCC unroll 4
  for (int k = 0; k < vectors_of_pieces; ++k) {
    p[k] = load<Doubles>(prefix + k * lanes);
    sum[k] = first_of_chunk ? broadcast(-0.0) : load<Doubles>(sums + k * lanes);
  }
#pragma GCC unroll 1
  for (int r = 0; r < rows; ++r) {
    next.ask();
    Doubles results[vectors_of_pieces];
#pragma GCC unroll 4
    for (int k = 0; k < vectors_of_pieces; ++k) {
      const Doubles old = sum[k];
      sum[k] = Way::add(old, widened(load<Floats>(row + k * lanes)));
      results[k] = turned_result<Way>(p[k], exclusive ? old : sum[k]);
    }
    store_row(row, results);
    row += step;
  }
#pragma GCC unroll 4
  for (int k = 0; k < vectors_of_pieces; ++k) store(sums + k * lanes, sum[k]);
}

/// 16 elements of each piece, fewer at its end, to squares and back.
inline void turn_pieces(const float* x, std::int64_t distance, int count, float* turned) {
  if (count == 16) return turn(x, distance, turned, 16);
  alignas(64) float square[256] = {};
  for (int k = 0; k < pieces; ++k) {
    for (int c = 0; c < count; ++c) square[16 * k + c] = x[k * distance + c];
  }
  turn(square, 16, turned, 16);
}
inline void turn_back(const float* turned, float* y, std::int64_t distance, int count) {
  if (count == 16) return turn(turned, 16, y, distance);
  alignas(64) float square[256];
  turn(turned, 16, square, 16);
  for (int k = 0; k < pieces; ++k) {
    for (int c = 0; c < count; ++c) y[k * distance + c] = square[16 * k + c];
  }
}

inline void begin_turned_slabs(Tree& tree) {
  tree.chunks = 0;
  for (int k = 0; k < tree.pitch; ++k) tree.prefix[k] = -0.0;
}

/// 16 pieces of `length` elements each.
template <bool odd, class Way>
[[gnu::noinline]] void scan_pieces(const Slabs& all, const float* x, float* y, std::int64_t length,
                                   const Results& results, Tree& tree) {
  const bool reverse = all.x_stride < 0, exclusive = results.exclusive;
  const std::int64_t length_of_slab = all.length;
  const int columns = all.columns;
  double* const prefixes = tree.prefix;
  double* const sums = tree.sum;
  std::int64_t i = 0;  // where in their slabs the pieces are
  int j = 0;
  begin_turned_slabs(tree);
  for (std::int64_t at = 0; at < length; at += 16) {
    const int count = length - at < 16 ? static_cast<int>(length - at) : 16;
    const std::int64_t begin = reverse ? length - at - count : at;
    alignas(64) float turned[256];
    NextPieces next(x, y, length, at);
    turn_pieces(x + begin, length, count, turned);
    const int step = reverse ? -16 : 16;
    float* row = turned + (reverse ? 16 * (count - 1) : 0);
    for (int r = 0; r < count;) {
      const bool zeros = i == 0 && exclusive && results.zeros_first;
      int rows = 1;
      if (columns == 1) {
        const std::int64_t of_chunk = std::min(16 - i % 16, length_of_slab - i);
        rows = static_cast<int>(std::min<std::int64_t>(count - r, of_chunk));
        scan_turned_column<Way>(prefixes, sums, row, step, rows, i % 16 == 0, exclusive, next);
        if (zeros) std::fill_n(row, pieces, 0.0f);
        i += rows;
      } else {
        next.ask();
        scan_turned_row<Way>(prefixes + j * pieces, sums + j * pieces, row, i % 16 == 0, exclusive,
                             zeros);
        j = j + 1 == columns ? 0 : j + 1;
        i += j == 0 ? 1 : 0;
      }
      r += rows;
      row += rows * step;
      if (j > 0) continue;
      if (i == length_of_slab) {
        i = 0;
        if (length_of_slab > 16) begin_turned_slabs(tree);
      } else if (i % 16 == 0) {
        push<odd>(tree);
      }
    }
    turn_back(turned, y + begin, length, count);
    for (int r = count; r < pieces; ++r) next.ask();
  }
}

/// Whether slabs are one piece of memory, and turning them pays: measured beside
/// narrow_kernels.hpp.
inline bool can_turn(const Slabs& all) {
  const std::int64_t size = all.length * all.columns;
  const auto whole = [&](std::int64_t stride, std::int64_t slab) {
    return (stride == all.columns || stride == -all.columns) && slab == size;
  };
  const bool pays = all.columns <= 4 || (lanes == 4 && all.columns <= 16 && size < 1024);
  return pays && !all.has_states && whole(all.x_stride, all.x_slab) &&
         whole(all.y_stride, all.y_slab);
}

/// Slabs of a piece: whole squares where that makes no long pieces, and not only a few elements.
inline int slabs_of_piece(std::int64_t size) {
  constexpr std::int64_t least = 64, most = longest_short_piece;
  int slabs = 1;
  while (slabs < 16 && slabs * size % 16 != 0) slabs *= 2;
  if (slabs * size > most) slabs = 1;
  while (slabs * size < least) slabs *= 2;
  return slabs;
}

/// As many slabs as are whole groups of pieces of so many slabs: their number.
template <bool odd>
int scan_turned_slabs(const Slabs& all, int of_piece, const Results& results, Tree& tree) {
  const std::int64_t size = all.length * all.columns;
  const int of_group = pieces * of_piece;
  tree.pitch = pieces * all.columns;
  // The first element in memory.
  const std::int64_t first = all.x_stride < 0 ? (all.length - 1) * all.columns : 0;
  int s = 0;
  for (; s + of_group <= all.count; s += of_group) {
    const float* const x = all.x - first + s * size;
    float* const y = all.y - first + s * size;
    using Careful = std::conditional_t<odd, ToOdd, Plainly>;
    if constexpr (odd && looks_first) {
      Exponents exponents;
      exponents.add(x, of_group * size);
      if (exponents.add_exactly()) {
        scan_pieces<odd, Exactly>(all, x, y, of_piece * size, results, tree);
        continue;
      }
    }
    scan_pieces<odd, Careful>(all, x, y, of_piece * size, results, tree);
  }
  return s;
}

template <bool odd>
void scan_slabs(const Slabs& all, const Results& results, Tree& tree) {
  Slabs rest = all;
  if (can_turn(all)) {
    const int most = slabs_of_piece(all.length * all.columns);
    for (int of_piece = most;; of_piece = 1) {
      const int turned = scan_turned_slabs<odd>(rest, of_piece, results, tree);
      rest.x += turned * all.x_slab;
      rest.y += turned * all.y_slab;
      rest.count -= turned;
      if (of_piece == 1) break;
    }
  }
  scan_narrow_slabs<odd>(rest, results, tree);
}

#endif
