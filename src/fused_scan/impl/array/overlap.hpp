// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ARRAY_OVERLAP_HPP
#define FUSED_SCAN_IMPL_ARRAY_OVERLAP_HPP

// Whether two Views have a byte in common.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <vector>

namespace fused_scan::impl {

/// count multiples of stride: stride * x for x in [low, high].
struct Term {
  std::int64_t stride;
  std::int64_t low;
  std::int64_t high;
};

/// Whether sum_k stride_k x_k lies in [low, high] for some x in their ranges; terms from the
/// largest stride down, from term `k` on. Strides that nest, as those of Views do, leave one or two
/// choices of each x. Where a search grows out of hand all the same, the answer is yes.
inline bool sum_reaches(const std::vector<Term>& terms, std::size_t k, std::int64_t low,
                        std::int64_t high, int& steps_left) {
  if (k == terms.size()) return low <= 0 && 0 <= high;
  std::int64_t rest_low = 0, rest_high = 0, divisor = 0;
  for (std::size_t rest = k + 1; rest < terms.size(); ++rest) {
    rest_low += terms[rest].stride * terms[rest].low;
    rest_high += terms[rest].stride * terms[rest].high;
    divisor = std::gcd(divisor, terms[rest].stride);
  }
  const Term& term = terms[k];
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

template <class A, class B>
bool overlap(const A& a, const B& b) {
  if (a.size() == 0 || b.size() == 0) return false;
  // An element of a and one of b share a byte where the distance of their addresses,
  // (a - b) + sum_d i_d stride_a_d - sum_d j_d stride_b_d, is in (-sizeof(a's), sizeof(b's)).
  // Dimensions of the same stride are one term.
  std::map<std::int64_t, Term, std::greater<>> by_stride;
  const auto add = [&](const auto& view, std::int64_t sign) {
    using T = typename std::decay_t<decltype(view)>::value_type;
    for (std::size_t d = 0; d < view.rank(); ++d) {
      const std::int64_t stride = view.stride(d) * sizeof(T);
      const std::int64_t reach = sign * (static_cast<std::int64_t>(view.extent(d)) - 1);
      if (stride == 0 || reach == 0) continue;
      Term& term = by_stride.try_emplace(stride, Term{stride, 0, 0}).first->second;
      (sign > 0 ? term.high : term.low) += reach;
    }
  };
  add(a, 1);
  add(b, -1);
  std::vector<Term> terms;
  for (const auto& [stride, term] : by_stride) terms.push_back(term);
  const auto distance =
      reinterpret_cast<std::intptr_t>(a.data()) - reinterpret_cast<std::intptr_t>(b.data());
  int steps_left = 100000;
  return sum_reaches(
      terms, 0, -distance - static_cast<std::int64_t>(sizeof(typename A::value_type)) + 1,
      -distance + static_cast<std::int64_t>(sizeof(typename B::value_type)) - 1, steps_left);
}

/// Whether two Views are one and the same array.
template <class A, class B>
bool same_array(const A& a, const B& b) {
  if (static_cast<const void*>(a.data()) != static_cast<const void*>(b.data()) ||
      sizeof(typename A::value_type) != sizeof(typename B::value_type)) {
    return false;
  }
  for (std::size_t d = 0; d < a.rank(); ++d) {
    if (a.extent(d) > 1 && a.stride(d) != b.stride(d)) return false;
  }
  return true;
}

}  // namespace fused_scan::impl

#endif
