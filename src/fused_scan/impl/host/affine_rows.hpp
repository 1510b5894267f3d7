// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_AFFINE_ROWS_HPP
#define FUSED_SCAN_IMPL_HOST_AFFINE_ROWS_HPP

// Maps of recurrences side by side: their numbers and their exponents are rows, since compilers
// make vectors of loops over numbers, and not of loops over maps. As long as nothing leaves the
// range in which numbers need no other exponent than they have, vectors do what AffineMonoid does
// one by one.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/host/copy_row.hpp>
#include <fused_scan/impl/host/wide_vectors.hpp>
#include <fused_scan/impl/operator/affine.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// The exponents of a map are a_exponent + 2^32 b_exponent.
struct AffineRow {
  double* a = nullptr;
  double* b = nullptr;
  std::int64_t* exponents = nullptr;

  AffineRow operator+(std::int64_t offset) const {
    return {a + offset, b + offset, exponents + offset};
  }
};

inline AffineMap<double> get(const AffineRow& row, std::int64_t j) {
  const std::int64_t exponents = row.exponents[j];
  const auto of_a = static_cast<std::int32_t>(exponents);
  return {row.a[j], row.b[j], of_a, static_cast<std::int32_t>((exponents - of_a) >> 32)};
}
inline void set(const AffineRow& row, std::int64_t j, const AffineMap<double>& map) {
  row.a[j] = map.a;
  row.b[j] = map.b;
  row.exponents[j] = map.a_exponent + (std::int64_t{map.b_exponent} << 32);
}
inline void copy_row(const AffineRow& from, int count, const AffineRow& to) {
  impl::copy_row(from.a, count, to.a);
  impl::copy_row(from.b, count, to.b);
  impl::copy_row(from.exponents, count, to.exponents);
}

/// Products that go into sums later on. Where there are fused multiply-adds GCC must not see both.
template <int n>
void finish_products(double (&products)[n]) {
#if defined(__GNUC__) && !defined(__clang__) && (defined(__FMA__) || !defined(__x86_64__))
  asm("" : "+m"(products));
#else
  (void)products;
#endif
}

// What leaves the range is found by the sign of integers, which is what vectors are fast at: of
// some numbers it is the sign of all these put together by |.

/// The magnitude of a number as bits, which are in the same order.
inline std::int64_t magnitude_bits(double x) {
  return static_cast<std::int64_t>(bits_of(x) & ~(std::uint64_t{1} << 63));
}

/// Negative where the number needs an exponent, or isn't one.
inline std::int64_t beyond_large(double x) {
  return magnitude_bits(AffineMonoid<double>::large) - impl::magnitude_bits(x);
}

/// Negative unless the exponent of b is 0 and that of a is far from its limits.
inline std::int64_t beyond_exponents(std::int64_t exponents) {
  constexpr std::int64_t limit = std::int64_t{1} << 29;
  return (exponents + limit) | (limit - exponents);
}

/// The numbers of a map without exponents; where `beyond` is negative it has some.
struct MapNumbers {
  double a;
  double b;
  std::int64_t beyond;
};

/// to[j] = from[j], then the map then(j); or careful(begin, end) of some neighbours where any of
/// their numbers leaves the range. `to` may be what is read. Without `with_a` it must be `from`,
/// and keeps its a: no later b depends on it.
template <bool with_a, class Then, class Careful>
void set_maps(int count, const AffineRow& from, const AffineRow& to, const Then& then,
              const Careful& careful) {
  constexpr int at_once = 32;
  [[maybe_unused]] double a[at_once];
  double b[at_once], products[at_once];
  [[maybe_unused]] std::int64_t exponents[at_once];
  const auto some = [&](int begin, auto n) {
    using Monoid = AffineMonoid<double>;
    const AffineRow first = from + begin;
    std::int64_t beyond = 0;
    for (int k = 0; k < n; ++k) {
      const MapNumbers next = then(begin + k);
      const std::int64_t before = first.exponents[k];
      beyond |= next.beyond | impl::beyond_exponents(before);
      if constexpr (with_a) {
        const double product = next.a * first.a[k];
        const std::int64_t size = impl::magnitude_bits(product);
        // All ones where it is so: compilers make branches of choices between floating-point
        // numbers.
        const std::int64_t is_tiny =
            -static_cast<std::int64_t>(size < impl::magnitude_bits(Monoid::tiny));
        const std::int64_t is_zero = -static_cast<std::int64_t>(size == 0);
        constexpr std::int64_t exponent_unit = std::int64_t{1} << 52;
        a[k] = product * Kokkos::bit_cast<double>(impl::magnitude_bits(1.0) +
                                                  (is_tiny & (Monoid::step * exponent_unit)));
        exponents[k] = (before - (is_tiny & Monoid::step)) & ~is_zero;
        beyond |= impl::beyond_large(product);
      }
      products[k] = next.a * first.b[k];
      b[k] = next.b;
    }
    impl::finish_products(products);
    for (int k = 0; k < n; ++k) {
      b[k] += products[k];
      beyond |= impl::beyond_large(b[k]);
    }
    if (beyond < 0) {
      careful(begin, begin + n);
    } else if constexpr (with_a) {
      impl::copy_row(AffineRow{a, b, exponents}, n, to + begin);
    } else {
      impl::copy_row<double>(b, n, to.b + begin);
    }
  };
  int j = 0;
  // A number that compilers know.
  for (; j + at_once <= count; j += at_once) some(j, std::integral_constant<int, at_once>());
  if (j < count) some(j, count - j);
}

/// to[j] = from[j], then the map of element j, one by one. Not a part of the loops above.
template <class Op, class Element>
[[gnu::noinline]] void accumulate_one_by_one(const Op& op, int begin, int end,
                                             const AffineRow& from, const Element* x,
                                             const AffineRow& to) {
  for (int j = begin; j < end; ++j) set(to, j, op.accumulate(get(from, j), x[j]));
}
[[gnu::noinline]] inline void combine_one_by_one(int begin, int end, const AffineRow& a,
                                                 const AffineRow& b, const AffineRow& to) {
  const AffineMonoid<double> monoid;
  for (int j = begin; j < end; ++j) set(to, j, monoid.combine(get(a, j), get(b, j)));
}

/// to[j] = from[j], then the map of element j.
template <bool with_a, class Op, class Element>
struct AccumulateMaps {
  const Op& op;
  AffineRow from;
  const Element* x;
  AffineRow to;

  void run(int count) const {
    const Element* KOKKOS_RESTRICT const elements = x;
    impl::set_maps<with_a>(
        count, from, to,
        [elements](int j) {
          const Element element = elements[j];
          MapNumbers numbers{static_cast<double>(element.a), static_cast<double>(element.b), 0};
          if constexpr (sizeof(element.a) >= sizeof(double)) {
            const std::int64_t size = impl::magnitude_bits(numbers.a);
            const std::int64_t above = size - impl::magnitude_bits(AffineMonoid<double>::tiny);
            numbers.beyond |= impl::beyond_large(numbers.a);
            numbers.beyond |= above & -static_cast<std::int64_t>(size != 0);
          }
          if constexpr (sizeof(element.b) >= sizeof(double)) {
            numbers.beyond |= impl::beyond_large(numbers.b);
          }
          return numbers;
        },
        [this](int begin, int end) { impl::accumulate_one_by_one(op, begin, end, from, x, to); });
  }
};

/// to[j] = a[j] combined with b[j].
struct CombineMaps {
  AffineRow a;
  AffineRow b;
  AffineRow to;

  void run(int count) const {
    impl::set_maps<true>(
        count, a, to,
        [this](int j) {
          const std::int64_t exponents = b.exponents[j];
          return MapNumbers{b.a[j], b.b[j], exponents | -exponents};
        },
        [this](int begin, int end) { impl::combine_one_by_one(begin, end, a, b, to); });
  }
};

/// y[j] = the state after from[j].
template <class Op, class Result>
struct LowerMaps {
  const Op& op;
  AffineRow from;
  Result* y;

  void run(int count) const {
    std::int64_t beyond = 0;
    for (int j = 0; j < count; ++j) beyond |= impl::beyond_exponents(from.exponents[j]);
    if (beyond < 0) {
      for (int j = 0; j < count; ++j) y[j] = op.lower(get(from, j));
      return;
    }
    Result* KOKKOS_RESTRICT const results = y;
    for (int j = 0; j < count; ++j) results[j] = number_as<Result>(from.b[j]);
  }
};

}  // namespace fused_scan::impl

#endif
