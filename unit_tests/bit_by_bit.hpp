// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_BIT_BY_BIT_HPP
#define FUSED_SCAN_BIT_BY_BIT_HPP

// For tests of scans bit by bit, in vectors of each kind.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/host/wide_vectors.hpp>
#include <type_traits>
#include <vector>

#include "exact_sum.hpp"
#include "test_views.hpp"

namespace fused_scan::test {

/// a + b, rounded to odd: of the two numbers beside an inexact sum the one whose last bit is set.
inline double odd_sum_of(double a, double b) {
  const double nearest = a + b;
  if (!std::isfinite(nearest)) return nearest;
  ExactSum rest;
  rest.add(a);
  rest.add(b);
  rest.add(-nearest);
  const double error = rest.round<double>();
  if (error == 0 || (std::bit_cast<std::uint64_t>(nearest) & 1) != 0) return nearest;
  return std::nextafter(nearest, error > 0 ? HUGE_VAL : -HUGE_VAL);
}

inline std::size_t place_of(const Extents& extents, std::size_t o, std::size_t i, std::size_t j) {
  return (o * extents[1] + i) * extents[2] + j;
}

template <class T>
std::size_t differences(const std::vector<T>& a, const std::vector<T>& b) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  std::size_t count = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const bool same = std::bit_cast<Bits>(a[k]) == std::bit_cast<Bits>(b[k]);
    if (!same && !(std::isnan(a[k]) && std::isnan(b[k]))) ++count;
  }
  return count;
}

/// f(text) with each kind of vectors that the processor has.
template <class F>
void for_each_vectors(const F& f) {
  using impl::Vectors;
  using impl::widest_vectors;
  for (const Vectors vectors : {Vectors::none, Vectors::avx2, Vectors::avx512}) {
    widest_vectors = vectors;
    f(vectors == Vectors::none ? "loops" : vectors == Vectors::avx2 ? "AVX2" : "AVX-512");
  }
  widest_vectors = Vectors::avx512;
}

}  // namespace fused_scan::test

#endif
