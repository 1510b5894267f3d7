// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_RECURRENCES_KERNELS_HPP
#define FUSED_SCAN_IMPL_HOST_RECURRENCES_KERNELS_HPP

// Linear recurrences of real numbers in vectors of doubles, for AVX2 and AVX-512, of which the
// processor decides at run time. Maps are combined without exponents as long as they need none;
// a line that does is walked again, one element after the other. Neither changes a bit. On other
// processors there are none.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fused_scan/impl/access/recurrence_access.hpp>
#include <fused_scan/impl/host/affine_rows.hpp>
#include <fused_scan/impl/host/copy_row.hpp>
#include <fused_scan/impl/host/recurrences/arguments.hpp>
#include <fused_scan/impl/host/wide_vectors.hpp>
#include <fused_scan/impl/operator/affine.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <type_traits>
#include <utility>

namespace fused_scan::impl::recurrences {

/// The map of a chunk's elements of line j. Where b was kept, whose rows are `kept_row` apart, it
/// is read from there.
template <class In, class Out>
[[gnu::noinline]] void sum_line(const Block<In, Out>& block, int j, const In* kept, int kept_row,
                                const AffineRow& sum) {
  const AffineMonoid<double> monoid;
  AffineMap<double> map{};
  for (int row = 0; row < block.rows; ++row) {
    const In b = kept != nullptr ? kept[row * kept_row] : block.b[row * block.b_row + j];
    const AffineMap<double> element =
        monoid.lift(Coefficients<In, In>{block.a[row * block.a_row + j], b});
    map = row == 0 ? element : monoid.combine(map, element);
  }
  set(sum, j, map);
}

/// Results of a line, one after the other, from a state; returns that after the last.
template <class In, class Out>
AffineMap<double> scan_one_by_one(int count, const In* a, std::int64_t a_row, const In* b,
                                  std::int64_t b_row, Out* h, std::int64_t h_row,
                                  AffineMap<double> state) {
  const AffineMonoid<double> monoid;
  for (int row = 0; row < count; ++row, a += a_row, b += b_row, h += h_row) {
    bool left = state.b_exponent != 0;
    const Coefficients<In, In> element{*a, *b};
    const AffineMap<double> quick = monoid.advance_in_range(state, element, left);
    if (!left && std::abs(quick.b) <= AffineMonoid<double>::large) {
      state.b = quick.b;
      *h = static_cast<Out>(quick.b);
    } else {
      state = monoid.append(state, monoid.lift(element));
      *h = monoid.lower_to<Out>(state);
    }
  }
  return state;
}

/// A line of fewer elements than a chunk has, whose strides are those of others.
template <class In, class Out>
struct ShortLine {
  const In* a;
  const In* b;
  Out* h;
  AffineMap<double> state;
};
/// Results of some lines, element by element of each: processors wait for none of them.
template <int lines, class In, class Out>
void scan_short_lines(int count, std::int64_t a_row, std::int64_t b_row, std::int64_t h_row,
                      ShortLine<In, Out>* line) {
  const AffineMonoid<double> monoid;
  double states[lines];
  Out results[lines][chunk_length];
  bool left = false;
  for (int k = 0; k < lines; ++k) {
    states[k] = line[k].state.b;
    left |= line[k].state.b_exponent != 0;
  }
  for (int row = 0; row < count; ++row) {
    for (int k = 0; k < lines; ++k) {
      const Coefficients<In, In> element{line[k].a[row * a_row], line[k].b[row * b_row]};
      states[k] = monoid.advance_in_range({1, states[k], 0, 0}, element, left).b;
      results[k][row] = static_cast<Out>(states[k]);
    }
    if (row % 4 != 3 && row + 1 != count) continue;
    for (int k = 0; k < lines; ++k) {
      left |= !(std::abs(states[k]) <= AffineMonoid<double>::large);
    }
  }
  for (int k = 0; k < lines; ++k) {
    if (left) {
      line[k].state = scan_one_by_one(count, line[k].a, a_row, line[k].b, b_row, line[k].h, h_row,
                                      line[k].state);
      continue;
    }
    line[k].state = {1, states[k], 0, 0};
    if (h_row == 1) {
      impl::copy_row(results[k], count, line[k].h);
    } else {
      for (int row = 0; row < count; ++row) line[k].h[row * h_row] = results[k][row];
    }
  }
}

/// The results of line j, b of which was kept.
template <class In, class Out>
[[gnu::noinline]] void scan_line(const Block<In, Out>& block, int j, const In* kept, int kept_row,
                                 const AffineRow& prefix, const AffineRow& state) {
  const AffineMap<double> last =
      scan_one_by_one(block.rows, block.a + j, block.a_row, kept, kept_row, block.h + j,
                      block.h_row, AffineMonoid<double>().as_state(get(prefix, j)));
  if (state.b != nullptr) set(state, j, last);
}

#define FUSED_SCAN_KERNELS "fused_scan/impl/host/recurrences/block_kernels.hpp"
#include <fused_scan/impl/host/kernels_for_vectors.hpp>
#undef FUSED_SCAN_KERNELS

/// None where the processor has no such vectors.
template <class In, class Out>
const Kernels<In, Out>* kernels() {
#if defined(FUSED_SCAN_HAVE_VECTORS)
  static constexpr Kernels<In, Out> for_avx512{avx512::sum<In, Out>,
                                               avx512::results<In, Out>,
                                               avx512::scan<In, Out>,
                                               avx512::walk_columns<false, In, Out>,
                                               avx512::walk_columns<true, In, Out>,
                                               avx512::lanes};
  static constexpr Kernels<In, Out> for_avx2{avx2::sum<In, Out>,
                                             avx2::results<In, Out>,
                                             avx2::scan<In, Out>,
                                             avx2::walk_columns<false, In, Out>,
                                             avx2::walk_columns<true, In, Out>,
                                             avx2::lanes};
  return impl::of_processor(for_avx2, for_avx512);
#else
  return nullptr;
#endif
}

/// to[j] = first[j] combined with then[j], either of which may be `to`. Rows have room for more
/// than `count` where `room` is; what is there afterwards may be anything.
inline void combine_maps(int count, [[maybe_unused]] int room, const AffineRow& first,
                         const AffineRow& then, const AffineRow& to) {
#if defined(FUSED_SCAN_HAVE_VECTORS)
  switch (vectors_of_processor()) {
    case Vectors::avx512:
      return avx512::combine(count, room, first, then, to);
    case Vectors::avx2:
      return avx2::combine(count, room, first, then, to);
    case Vectors::none:
      break;
  }
#endif
  CombineMaps{first, then, to}.run(count);
}

}  // namespace fused_scan::impl::recurrences

#endif
