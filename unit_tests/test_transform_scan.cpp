// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The engine itself: what it calls and how often, and products fused into a scan.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/scan.hpp>
#include <span>
#include <vector>

#include "scan_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

// Where element i of line (o, j) lies in an array of the extents (outer, length, inner).
KOKKOS_FUNCTION std::int64_t offset(const ScanExtents& extents, std::int64_t o, std::int64_t i,
                                    std::int64_t j) {
  return (o * extents.length + i) * extents.inner + j;
}

template <class T, class Exec>
using Array = Kokkos::View<T*, Exec>;

// Counts its calls, one counter for each element or line.
template <class Exec>
struct CountingLoad {
  ScanExtents extents;
  Array<const int, Exec> x;
  Array<int, Exec> calls;

  KOKKOS_FUNCTION int operator()(std::int64_t o, std::int64_t i, std::int64_t j) const {
    Kokkos::atomic_add(&calls(offset(extents, o, i, j)), 1);
    return x(offset(extents, o, i, j));
  }
};

template <class Exec>
struct CountingStore {
  ScanExtents extents;
  Array<int, Exec> y;
  Array<int, Exec> calls;

  KOKKOS_FUNCTION void operator()(std::int64_t o, std::int64_t i, std::int64_t j,
                                  int result) const {
    Kokkos::atomic_add(&calls(offset(extents, o, i, j)), 1);
    y(offset(extents, o, i, j)) = result;
  }
};

KOKKOS_FUNCTION int state_of_line(std::int64_t line) { return static_cast<int>(1000 * line); }

struct InitialState {
  ScanExtents extents;

  KOKKOS_FUNCTION int operator()(std::int64_t o, std::int64_t j) const {
    return state_of_line(o * extents.inner + j);
  }
};

template <class Exec>
struct CountingFinal {
  ScanExtents extents;
  Array<int, Exec> states;
  Array<int, Exec> calls;

  KOKKOS_FUNCTION void operator()(std::int64_t o, std::int64_t j, int state) const {
    Kokkos::atomic_add(&calls(o * extents.inner + j), 1);
    states(o * extents.inner + j) = state;
  }
};

bool all_ones(const std::vector<int>& counts) {
  return std::ranges::all_of(counts, [](int n) { return n == 1; });
}

const std::vector<ScanExtents> shapes{{1, 1, 1},    {1, 100'003, 1}, {7, 2049, 1},
                                      {3, 4097, 5}, {1, 1031, 40},   {50, 17, 20},
                                      {2, 300, 64}, {2000, 3, 2},    {1, 50'000, 16}};

HostArray<int> array_of(const ScanExtents& extents) {
  return small_integers<int>({static_cast<std::size_t>(extents.outer),
                              static_cast<std::size_t>(extents.length),
                              static_cast<std::size_t>(extents.inner)});
}

HostArray<int> flat(const HostArray<int>& array) {
  HostArray<int> line({array.values.size()});
  line.values = array.values;
  return line;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("TransformScan.EachElementIsLoadedAndStoredOnce", "", ExecutionSpaces) {
  for (const ScanExtents& extents : shapes)
    for_each_call(1, [&](const ScanCall& call) {
      const auto array = array_of(extents);
      const auto x = make_view<Array<int, TestType>>("x", flat(array));
      const auto y = call.in_place ? x : Array<int, TestType>("y", x.size());
      const Array<int, TestType> loads("loads", x.size());
      const Array<int, TestType> stores("stores", x.size());
      transform_scan(TestType{}, extents, CountingLoad<TestType>{extents, x, loads},
                     CountingStore<TestType>{extents, y, stores}, Sum{},
                     {call.direction, call.block_size}, call.kind);
      INFO(to_string(array.extents) << ", " << to_string(call));
      CHECK_THAT(read(y), equals(flat(folded(array, 0, ReferenceSum{}, call))));
      CHECK(all_ones(read(loads).values));
      CHECK(all_ones(read(stores).values));
    });
}

TEMPLATE_LIST_TEST_CASE("TransformScan.StatesAreFunctorsToo", "", ExecutionSpaces) {
  for (const ScanExtents& extents : shapes)
    for_each_call(1, [&](const ScanCall& call) {
      const auto lines = static_cast<std::size_t>(extents.outer * extents.inner);
      const auto array = array_of(extents);
      const auto x = make_view<Array<int, TestType>>("x", flat(array));
      const auto y = call.in_place ? x : Array<int, TestType>("y", x.size());
      const Array<int, TestType> loads("loads", x.size());
      const Array<int, TestType> stores("stores", x.size());
      const Array<int, TestType> finals("finals", lines);
      const Array<int, TestType> states("states", lines);
      transform_scan(TestType{}, extents, CountingLoad<TestType>{extents, x, loads},
                     CountingStore<TestType>{extents, y, stores}, InitialState{extents},
                     CountingFinal<TestType>{extents, states, finals}, Sum{},
                     {call.direction, call.block_size}, call.kind);

      int line = 0;
      HostArray<int> expected_states({lines});
      const auto expected = map_lines(array, 1, call.direction, [&](std::span<int> elements) {
        int last = state_of_line(line);
        for (const int element : elements) last += element;
        expected_states.values[static_cast<std::size_t>(line)] = last;
        fold_line(elements, state_of_line(line), ReferenceSum{}, call.kind);
        ++line;
      });
      INFO(to_string(array.extents) << ", " << to_string(call));
      CHECK_THAT(read(y), equals(flat(expected)));
      CHECK_THAT(read(states), equals(expected_states));
      CHECK(all_ones(read(loads).values));
      CHECK(all_ones(read(stores).values));
      CHECK(all_ones(read(finals).values));
    });
}

TEMPLATE_LIST_TEST_CASE("TransformScan.NoElementsAndNoLines", "", ExecutionSpaces) {
  for (const ScanExtents& extents : {ScanExtents{3, 0, 2}, {0, 5, 2}, {3, 5, 0}, {0, 0, 0}}) {
    const auto lines = static_cast<std::size_t>(extents.outer * extents.inner);
    const Array<int, TestType> x("x", 30);
    const Array<int, TestType> loads("loads", 30);
    const Array<int, TestType> stores("stores", 30);
    const Array<int, TestType> finals("finals", lines);
    const Array<int, TestType> states("states", lines);
    transform_scan(TestType{}, extents, CountingLoad<TestType>{extents, x, loads},
                   CountingStore<TestType>{extents, x, stores}, InitialState{extents},
                   CountingFinal<TestType>{extents, states, finals}, Sum{});
    CHECK(std::ranges::count(read(loads).values, 0) == 30);
    CHECK(std::ranges::count(read(stores).values, 0) == 30);
    CHECK(all_ones(read(finals).values));
    for (std::size_t line = 0; line < lines; ++line)
      CHECK(read(states).values[line] == state_of_line(static_cast<std::int64_t>(line)));
  }
}

namespace {

// The product with a gate on the way in, and with a weight on the way out.
template <class Exec>
struct GatedLoad {
  Kokkos::View<const float**, Exec> x;
  Kokkos::View<const float**, Exec> gate;

  KOKKOS_FUNCTION float operator()(std::int64_t, std::int64_t i, std::int64_t j) const {
    return x(i, j) * gate(i, j);
  }
};

template <class Exec>
struct WeightedStore {
  Kokkos::View<double**, Exec> y;

  KOKKOS_FUNCTION void operator()(std::int64_t, std::int64_t i, std::int64_t j, float sum) const {
    y(i, j) = sum * 0.5 + static_cast<double>(j);
  }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("TransformScan.ProductsFusedIntoAScan", "", ExecutionSpaces) {
  const auto x = small_integers<float>({301, 40});
  const auto gate = small_integers<float>({301, 40});
  HostArray<float> gated(x.extents);
  for (std::size_t i = 0; i < gated.values.size(); ++i)
    gated.values[i] = x.values[i] * gate.values[i];
  const auto sums = exactly_summed(gated, {.axis = 0});
  HostArray<double> expected(x.extents);
  for (std::size_t i = 0; i < expected.values.size(); ++i)
    expected.values[i] = 0.5 * static_cast<double>(sums.values[i]) + static_cast<double>(i % 40);

  const Kokkos::View<double**, TestType> y("y", 301, 40);
  transform_scan(TestType{}, ScanExtents{1, 301, 40},
                 GatedLoad<TestType>{make_view<Kokkos::View<float**, TestType>>("x", x),
                                     make_view<Kokkos::View<float**, TestType>>("gate", gate)},
                 WeightedStore<TestType>{y});
  CHECK_THAT(read(y), equals(expected));
}
