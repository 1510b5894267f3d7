// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Included as vectors.hpp is, after line_kernels.hpp and narrow_kernels.hpp. Short slabs of one or
// two columns that follow each other in memory: it is cut into 16 pieces of whole slabs, which are
// turned square by square and walked side by side.

#if defined(FUSED_SCAN_LANES)

inline constexpr int pieces = 16;
inline constexpr int vectors_of_pieces = pieces / lanes;

/// A walk over 16 pieces: what place of their slabs it has come to.
struct TurnedWalk {
  const Slabs& all;
  const Results& results;
  Tree& tree;
  std::int64_t i = 0;
  int j = 0;

  void begin_slabs() {
    tree.chunks = 0;
    for (int k = 0; k < tree.pitch; ++k) tree.prefix[k] = -0.0;
  }
};

/// The results of one element of each piece, in its place.
template <class Way>
[[gnu::always_inline]] inline void scan_turned_row(TurnedWalk& walk, float* row) {
  const bool begins_chunk = walk.i % 16 == 0;
  double* const sums = walk.tree.sum + walk.j * pieces;
  const double* const prefixes = walk.tree.prefix + walk.j * pieces;
#pragma GCC unroll 4
  for (int k = 0; k < vectors_of_pieces; ++k) {
    const Doubles element = widened(load<Floats>(row + k * lanes));
    const Doubles p = load<Doubles>(prefixes + k * lanes);
    const Doubles old = load<Doubles>(sums + k * lanes);
    const Doubles now = begins_chunk ? element : Way::add(old, element);
    store(sums + k * lanes, now);
    const Doubles term = walk.results.exclusive ? old : now;
    Doubles result = Way::add(p, term);
    if constexpr (Way::minds_ties) {
      if (any(ties(result))) result = ToOdd::add(p, term);
    }
    if (walk.results.exclusive && begins_chunk) {
      result = walk.i == 0 && walk.results.zeros_first ? Doubles{} : p;
    }
    store(row + k * lanes, narrowed(result));
  }
}

template <bool odd>
[[gnu::always_inline]] inline void step_turned(TurnedWalk& walk) {
  if (++walk.j < walk.all.columns) return;
  walk.j = 0;
  if (++walk.i == walk.all.length) {
    walk.i = 0;
    if (walk.all.length > 16) walk.begin_slabs();
  } else if (walk.i % 16 == 0) {
    push<odd>(walk.tree);
  }
}

/// 16 pieces of `length` elements each.
template <bool odd, class Way>
[[gnu::noinline]] void scan_pieces(const Slabs& all, const float* x, float* y, std::int64_t length,
                                   const Results& results, Tree& tree) {
  TurnedWalk walk{all, results, tree};
  walk.begin_slabs();
  const bool reverse = all.x_stride < 0;
  for (std::int64_t at = 0; at < length; at += 16) {
    const int count = length - at < 16 ? static_cast<int>(length - at) : 16;
    const std::int64_t begin = reverse ? length - at - count : at;
    alignas(64) float square[256], turned[256];
    for (int k = 0; k < pieces; ++k) {
      const float* const from = x + k * length + begin;
      for (int v = 0; v < 16; v += lanes) {
        const int left = count - v;
        store(square + 16 * k + v, left >= lanes ? load<Floats>(from + v)
                                   : left > 0    ? load_part(from + v, left)
                                                 : Floats{});
      }
    }
    turn(square, turned);
    for (int r = 0; r < count; ++r) {
      scan_turned_row<Way>(walk, turned + 16 * (reverse ? count - 1 - r : r));
      step_turned<odd>(walk);
    }
    turn(turned, square);
    for (int k = 0; k < pieces; ++k) {
      float* const to = y + k * length + begin;
      for (int v = 0; v < count; v += lanes) {
        store_some(to + v, load<Floats>(square + 16 * k + v),
                   count - v >= lanes ? lanes : count - v);
      }
    }
  }
}

/// Whether slabs are one piece of memory, so that they can be turned.
inline bool can_turn(const Slabs& all) {
  const std::int64_t size = all.length * all.columns;
  const auto whole = [&](std::int64_t stride, std::int64_t slab) {
    return (stride == all.columns || stride == -all.columns) && slab == size;
  };
  return all.columns <= 2 && all.length <= 256 && !all.has_states &&
         whole(all.x_stride, all.x_slab) && whole(all.y_stride, all.y_slab);
}

/// As many slabs as are whole groups of pieces: their number.
template <bool odd>
int scan_turned_slabs(const Slabs& all, const Results& results, Tree& tree) {
  const std::int64_t size = all.length * all.columns;
  const int of_piece = size < 64 ? static_cast<int>(64 / size) : 1;
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
      exponents.add(x, static_cast<int>(of_group * size));
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
    const int turned = scan_turned_slabs<odd>(all, results, tree);
    rest.x += turned * all.x_slab;
    rest.y += turned * all.y_slab;
    rest.count -= turned;
  }
  scan_narrow_slabs<odd>(rest, results, tree);
}

#endif
