// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Operators of which it doesn't matter how numbers are grouped: integers' sums and products, and
// extrema, bit by bit as a plain loop has them, in every kind of vectors and of plan.

#include <Kokkos_Core.hpp>
#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <cstring>
#include <fused_scan/impl/host/wide_vectors.hpp>
#include <fused_scan/operators.hpp>
#include <fused_scan/scan.hpp>
#include <limits>
#include <vector>

#include "random_bits.hpp"
#include "scan_call.hpp"
#include "test_views.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;
using Exec = Kokkos::DefaultHostExecutionSpace;

/// (outer, length, inner), scanned along the middle: columns in registers and in rows, lengths
/// below a vector and beyond, lines that are cut into tiles.
const std::vector<Extents> shapes{
    {3, 70, 1},   {40, 7, 1},    {37, 17, 1},   {1, 90000, 1}, {9, 41, 2},   {7, 33, 3},
    {5, 65, 4},   {6, 19, 5},    {4, 21, 6},    {3, 30, 7},    {5, 40, 8},   {3, 18, 9},
    {2, 50, 15},  {3, 20, 16},   {2, 40, 17},   {2, 9, 33},    {3, 5, 64},   {2, 6, 171},
    {1, 3, 4500}, {1, 30000, 2}, {1, 20000, 3}, {1, 9000, 20}, {2, 1, 1000}, {300, 2, 2}};

/// Small ones, so that many are equal, zeros of both signs, and now and then a NaN with bits of its
/// own.
template <class T>
T number(std::uint64_t place) {
  const std::uint64_t bits = random_bits(place);
  if constexpr (std::is_floating_point_v<T>) {
    if (bits % 997 == 0) {
      using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
      const Bits nan = std::bit_cast<Bits>(std::numeric_limits<T>::quiet_NaN());
      return std::bit_cast<T>(nan | static_cast<Bits>(bits >> 20 & 0xffff));
    }
    const T size = static_cast<T>(bits >> 40 & 15);
    // Below zero for a while, so that zeros are extrema.
    const T large = static_cast<T>(place % 5000);
    return (bits >> 33 & 1) != 0 ? size * large : -size;
  } else {
    return static_cast<T>(bits);
  }
}

/// The first NaN, else the first of the largest.
struct First {
  template <class T>
  T operator()(const T& a, const T& b) const {
    if (a != a) return a;
    if (b != b) return b;
    return b > a ? b : a;
  }
};
struct WrappingSum {
  template <class T>
  T operator()(const T& a, const T& b) const {
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  }
};
struct WrappingProduct {
  template <class T>
  T operator()(const T& a, const T& b) const {
    return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  }
};

template <class T>
std::size_t differences(const std::vector<T>& a, const std::vector<T>& b) {
  std::size_t count = a.size() == b.size() ? 0 : 1;
  for (std::size_t k = 0; k < a.size() && k < b.size(); ++k) {
    if (std::memcmp(&a[k], &b[k], sizeof(T)) != 0) ++count;
  }
  return count;
}

template <class F>
void for_each_vectors(const F& f) {
  using impl::Vectors;
  for (const Vectors vectors : {Vectors::none, Vectors::avx2, Vectors::avx512}) {
    impl::widest_vectors = vectors;
    f("in vectors of kind " + std::to_string(static_cast<int>(vectors)));
  }
  impl::widest_vectors = Vectors::avx512;
}

/// A scan along the middle, from states to states of their type where they are given.
template <class Layout, class Out, class In, class Op>
void check_scan(const HostArray<In>& array, const std::vector<Out>* states, Op op, ScanCall call,
                const HostArray<Out>& expected, const std::vector<Out>& ends) {
  call.axis = 1;
  if (states == nullptr) {
    const auto y =
        scanned<ViewOfRank<In, 3, Layout, Exec>, ViewOfRank<Out, 3, Layout, Exec>>(array, op, call);
    CHECK(differences(y.values, expected.values) == 0);
    return;
  }
  HostArray<Out> state_array({array.extents[0], array.extents[2]});
  state_array.values = *states;
  const auto state = make_view<ViewOfRank<Out, 2, Layout, Exec>>("state", state_array);
  const auto x = make_view<ViewOfRank<In, 3, Layout, Exec>>("x", array);
  const auto y = make_view<ViewOfRank<Out, 3, Layout, Exec>>("y", array.extents);
  const ScanOptions options{call.direction, 0};
  if (call.kind == ScanKind::inclusive) {
    inclusive_scan(Exec(), x, y, state, state, 1, op, options);
  } else {
    exclusive_scan(Exec(), x, y, state, state, 1, op, options);
  }
  Kokkos::fence();
  CHECK(differences(read(y).values, expected.values) == 0);
  CHECK(differences(read(state).values, ends) == 0);
}

template <bool from_states, class Out, class In, class Op, class Reference>
void check(Op op, Reference reference, Out identity) {
  for (const Extents& extents : shapes) {
    HostArray<In> array(extents);
    HostArray<Out> elements(extents);
    for (std::size_t k = 0; k < array.values.size(); ++k) {
      array.values[k] = number<In>(k + 1);
      elements.values[k] = static_cast<Out>(array.values[k]);
    }
    std::vector<Out> states;
    for (std::size_t k = 0; from_states && k < extents[0] * extents[2]; ++k) {
      states.push_back(number<Out>(1000 * k));
    }
    for_each_call(1, [&](const ScanCall& call) {
      std::size_t line_number = 0;
      std::vector<Out> ends;
      const HostArray<Out> expected =
          map_lines(elements, 1, call.direction, [&](std::span<Out> line) {
            const Out first = from_states ? states[line_number++] : identity;
            Out end = first;
            for (const Out& x : line) end = reference(end, x);
            ends.push_back(end);
            fold_line(line, first, reference, call.kind);
          });
      const std::vector<Out>* const given = from_states ? &states : nullptr;
      for_each_vectors([&](const std::string& vectors) {
        INFO(to_string(extents) << ", " << to_string(call) << ", " << vectors);
        check_scan<Kokkos::LayoutRight>(array, given, op, call, expected, ends);
        if (from_states) return;
        check_scan<Kokkos::LayoutLeft>(array, given, op, call, expected, ends);
        check_scan<Kokkos::LayoutStride>(array, given, op, call, expected, ends);
      });
    });
  }
}

}  // namespace

TEST_CASE("ScanGrouping.SumsOfIntegers") {
  check<false, std::int32_t, std::int32_t>(Sum{}, WrappingSum(), 0);
  check<true, std::int32_t, std::int32_t>(Sum{}, WrappingSum(), 0);
}

TEST_CASE("ScanGrouping.IntegersOfOtherSizes") {
  check<false, std::int64_t, std::int16_t>(Sum{}, WrappingSum(), 0);
  check<false, std::uint64_t, std::uint64_t>(Prod{}, WrappingProduct(), 1);
}

TEST_CASE("ScanGrouping.Extrema") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  check<false, float, float>(Max{}, First(), -infinity);
  check<true, float, float>(Max{}, First(), -infinity);
}

TEST_CASE("ScanGrouping.ExtremaOfDoubles") {
  check<false, double, double>(
      Min{},
      [](double a, double b) {
        if (a != a) return a;
        return b < a || b != b ? b : a;
      },
      std::numeric_limits<double>::infinity());
}

/// More than most caches have: results bypass them.
TEST_CASE("ScanGrouping.LargeArrays") {
  for (const Extents& extents : {Extents{1, 2200, 4096}, Extents{2, 900, 5003}}) {
    HostArray<std::int32_t> array(extents);
    for (std::size_t k = 0; k < array.values.size(); ++k) {
      array.values[k] = static_cast<std::int32_t>(2654435761U * k);
    }
    for (const ScanKind kind : {ScanKind::inclusive, ScanKind::exclusive}) {
      const ScanCall call{kind, Direction::forward, 1};
      const auto expected = folded(array, 0, WrappingSum(), call);
      check_scan<Kokkos::LayoutRight, std::int32_t>(array, nullptr, Sum{}, call, expected, {});
    }
  }
}
