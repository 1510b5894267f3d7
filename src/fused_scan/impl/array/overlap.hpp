// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ARRAY_OVERLAP_HPP
#define FUSED_SCAN_IMPL_ARRAY_OVERLAP_HPP

// Whether two arrays have a byte in common, or two elements of one, without looking at the
// elements.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fused_scan/impl/array/array.hpp>
#include <numeric>

namespace fused_scan::impl {

/// Multiples of a stride: stride * x for x in [low, high].
struct Term {
  std::int64_t stride;
  std::int64_t low;
  std::int64_t high;
};

/// Terms from the largest stride down, one for each stride.
struct Terms {
  Term of[2 * Array::max_rank] = {};
  int count = 0;

  void add(std::int64_t stride, std::int64_t low, std::int64_t high) {
    if (stride < 0) return add(-stride, -high, -low);
    int at = 0;
    while (at < count && of[at].stride > stride) ++at;
    if (at == count || of[at].stride != stride) {
      std::copy_backward(of + at, of + count, of + count + 1);
      of[at] = {stride, 0, 0};
      ++count;
    }
    of[at].low += low;
    of[at].high += high;
  }
};

/// Whether sum_k stride_k x_k lies in [low, high] for some x in their ranges, of the terms from `k`
/// on. Strides that nest, as those of Views do, leave one or two choices of each x. Where a search
/// grows out of hand all the same, the answer is yes.
[[gnu::noinline]] inline bool sum_reaches(const Terms& terms, int k, std::int64_t low,
                                          std::int64_t high, int& steps_left) {
  if (k == terms.count) return low <= 0 && 0 <= high;
  std::int64_t rest_low = 0, rest_high = 0, divisor = 0;
  for (int rest = k + 1; rest < terms.count; ++rest) {
    rest_low += terms.of[rest].stride * terms.of[rest].low;
    rest_high += terms.of[rest].stride * terms.of[rest].high;
    divisor = std::gcd(divisor, terms.of[rest].stride);
  }
  const Term& term = terms.of[k];
  const auto floor_div = [](std::int64_t a, std::int64_t b) { return a / b - (a % b < 0); };
  const std::int64_t first = std::max(term.low, -floor_div(rest_high - low, term.stride));
  const std::int64_t last = std::min(term.high, floor_div(high - rest_low, term.stride));
  for (std::int64_t x = first; x <= last; ++x) {
    if (--steps_left < 0) return true;
    const std::int64_t l = low - term.stride * x, h = high - term.stride * x;
    // Every sum of the rest is a multiple of their common divisor: is there one in [l, h]?
    if (divisor > 0 && floor_div(h, divisor) * divisor < l) continue;
    if (sum_reaches(terms, k + 1, l, h, steps_left)) return true;
  }
  return false;
}

inline constexpr int search_steps = 100000;

inline bool overlap(const Array& a, const Array& b) {
  if (a.empty() || b.empty()) return false;
  // An element of a and one of b share a byte where the distance of their addresses,
  // (a - b) + sum_d i_d stride_a_d - sum_d j_d stride_b_d, is in (-sizeof(a's), sizeof(b's)).
  Terms terms;
  for (int d = 0; d < a.rank; ++d) {
    if (a.stride[d] != 0) terms.add(a.stride[d] * a.element_size, 0, a.extent[d] - 1);
  }
  for (int d = 0; d < b.rank; ++d) {
    if (b.stride[d] != 0) terms.add(b.stride[d] * b.element_size, 1 - b.extent[d], 0);
  }
  const auto distance =
      reinterpret_cast<std::intptr_t>(a.data) - reinterpret_cast<std::intptr_t>(b.data);
  int steps_left = search_steps;
  return sum_reaches(terms, 0, -distance - a.element_size + 1, -distance + b.element_size - 1,
                     steps_left);
}

/// Whether two elements of an array share a byte: a stride of 0, or windows that overlap.
inline bool overlaps_itself(const Array& array) {
  if (array.empty()) return false;
  Terms terms;
  for (int d = 0; d < array.rank; ++d) {
    if (array.extent[d] <= 1) continue;
    if (array.stride[d] == 0) return true;
    for (int k = 0; k < terms.count; ++k) {
      if (terms.of[k].stride == std::abs(array.stride[d])) return true;
    }
    terms.add(array.stride[d], 1 - array.extent[d], array.extent[d] - 1);
  }
  // Strides are multiples of elements: two of them meet where a sum that isn't empty is 0.
  int steps_left = search_steps;
  for (int k = 0; k < terms.count; ++k) {
    Terms from_here;
    std::int64_t reach = 0;
    for (int rest = k; rest < terms.count; ++rest) {
      const Term& term = terms.of[rest];
      from_here.of[from_here.count++] = rest == k ? Term{term.stride, 1, term.high} : term;
      if (rest > k) reach += term.stride * term.high;
    }
    if (reach < terms.of[k].stride) continue;  // the strides nest
    if (sum_reaches(from_here, 0, 0, 0, steps_left)) return true;
  }
  return false;
}

/// Whether two arrays are one and the same.
inline bool same_array(const Array& a, const Array& b) {
  if (a.data != b.data || a.element_size != b.element_size) return false;
  for (int d = 0; d < a.rank; ++d) {
    if (a.extent[d] > 1 && a.stride[d] != b.stride[d]) return false;
  }
  return true;
}

}  // namespace fused_scan::impl

#endif
