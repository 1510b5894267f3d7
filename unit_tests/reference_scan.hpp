// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What a scan should give, computed one line after the other on the host, and without a line of the
// library's own arithmetic.

#ifndef FUSED_SCAN_REFERENCE_SCAN_HPP
#define FUSED_SCAN_REFERENCE_SCAN_HPP

#include <Kokkos_Core.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <fused_scan/scan.hpp>
#include <span>
#include <type_traits>
#include <vector>

#include "exact_sum.hpp"
#include "test_views.hpp"

namespace fused_scan::test {

template <class T>
struct IsComplex : std::false_type {};
template <class T>
struct IsComplex<Kokkos::complex<T>> : std::true_type {};
template <class T>
constexpr bool is_complex = IsComplex<T>::value;

/// Calls f(line) for every line along the axis: the line's elements in the order in which the scan
/// walks, to be replaced by their scan.
template <class T, class F>
HostArray<T> map_lines(HostArray<T> array, int axis, Direction direction, F f) {
  const auto rank = array.extents.size();
  const auto d = static_cast<std::size_t>(axis < 0 ? axis + static_cast<int>(rank) : axis);

  const std::size_t outer = size_of(array.extents, 0, d);
  const std::size_t length = array.extents[d];
  const std::size_t inner = size_of(array.extents, d + 1, rank);

  std::vector<T> line(length);
  for (std::size_t o = 0; o < outer; ++o)
    for (std::size_t j = 0; j < inner; ++j) {
      const auto element = [&](std::size_t i) -> T& {
        const std::size_t place = direction == Direction::forward ? i : length - 1 - i;
        return array.values[(o * length + place) * inner + j];
      };
      for (std::size_t i = 0; i < length; ++i) line[i] = element(i);
      f(std::span<T>(line));
      for (std::size_t i = 0; i < length; ++i) element(i) = line[i];
    }
  return array;
}

/// Scans a line by a monoid, sequentially: line[i] = op(op(x[0], x[1]), x[2])..., x[0] the first.
template <class T, class Op>
void fold_line(std::span<T> line, const T& identity, Op op, ScanKind kind) {
  T folded = identity;
  for (T& x : line) {
    const T next = op(folded, x);
    x = kind == ScanKind::inclusive ? next : folded;
    folded = next;
  }
}

/// The exact sum of numbers of type T, part by part where they are complex.
template <class T>
class ExactSumOf {
 public:
  void add(const T& x) { m_sum.add(static_cast<double>(x)); }
  T round() const { return m_sum.round<T>(); }

 private:
  ExactSum m_sum;
};

template <class T>
class ExactSumOf<Kokkos::complex<T>> {
 public:
  void add(const Kokkos::complex<T>& x) {
    m_real.add(x.real());
    m_imag.add(x.imag());
  }
  Kokkos::complex<T> round() const { return {m_real.round<T>(), m_imag.round<T>()}; }

 private:
  ExactSum m_real;
  ExactSum m_imag;
};

/// Scans a line of floating-point numbers by exact sums, each rounded once.
template <class T>
void exact_sum_line(std::span<T> line, ScanKind kind) {
  ExactSumOf<T> sum;
  T before(0);
  for (T& x : line) {
    sum.add(x);
    const T next = sum.round();
    x = kind == ScanKind::inclusive ? next : before;
    before = next;
  }
}

/// Arithmetic as the contract words it: integers wrap like unsigned ones, NaN spreads.
struct ReferenceSum {
  template <class T>
  T operator()(const T& a, const T& b) const {
    if constexpr (std::integral<T>) {
      return static_cast<T>(std::uint64_t(a) + std::uint64_t(b));
    } else {
      return a + b;
    }
  }
};

struct ReferenceProduct {
  template <class T>
  T operator()(const T& a, const T& b) const {
    if constexpr (std::integral<T>) {
      return static_cast<T>(std::uint64_t(a) * std::uint64_t(b));
    } else {
      return a * b;
    }
  }
};

template <bool Largest>
struct ReferenceExtremum {
  template <class T>
  T operator()(const T& a, const T& b) const {
    if (!(a == a)) return a;
    if (!(b == b)) return b;
    return (Largest ? a < b : b < a) ? b : a;
  }
};
using ReferenceMax = ReferenceExtremum<true>;
using ReferenceMin = ReferenceExtremum<false>;

}  // namespace fused_scan::test

#endif
