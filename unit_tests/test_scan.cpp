// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Which elements a scan combines: axes, extents, ranks and layouts. The numbers are small integers,
// so that a sum is right or wrong but never rounded.

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <fused_scan/scan.hpp>
#include <initializer_list>
#include <tuple>
#include <vector>

#include "random_bits.hpp"
#include "scan_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

template <class In, class Out, class Op>
void check_calls(const HostArray<typename Out::value_type>& array, int axis) {
  using T = typename Out::value_type;
  for_each_call(axis, [&](const ScanCall& call) {
    INFO(to_string(array.extents) << ", " << to_string(call));
    CHECK_THAT((scanned<In, Out, Op>(array, Op{}, call)),
               equals(folded(array, T(0), ReferenceSum{}, call)));
  });
}

template <class View, class Op>
void check_every_axis(const Extents& extents) {
  const auto array = small_integers<typename View::value_type>(extents);
  for (int axis = 0; axis < static_cast<int>(View::rank); ++axis)
    check_calls<View, View, Op>(array, axis);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("Scan.EveryAxisOfEveryLayoutIntoEveryLayout", "", ExecutionSpaces) {
  const auto check = [](auto value, auto op) {
    using T = decltype(value);
    for_each_type<Layouts>([&](auto in) {
      for_each_type<Layouts>([&](auto out) {
        for (const Extents& extents :
             {Extents{5, 67, 33}, Extents{3, 1025, 2}, Extents{300, 3, 64}, Extents{1, 7, 1}}) {
          const auto array = small_integers<T>(extents);
          for (int axis = 0; axis < 3; ++axis)
            check_calls<ViewOfRank<T, 3, decltype(in), TestType>,
                        ViewOfRank<T, 3, decltype(out), TestType>, decltype(op)>(array, axis);
        }
      });
    });
  };
  check(float{}, CompensatedSum{});
  check(std::int32_t{}, Sum{});
}

TEMPLATE_LIST_TEST_CASE("Scan.LengthsAroundChunksAndTiles", "", ExecutionSpaces) {
  using One = ViewOfRank<float, 1, Kokkos::LayoutRight, TestType>;
  using Two = ViewOfRank<float, 2, Kokkos::LayoutRight, TestType>;
  using Three = ViewOfRank<float, 3, Kokkos::LayoutRight, TestType>;
  std::vector<std::size_t> lengths{1, 2, 3, 5, 7, 11, 13, 101, 499, 997, 1999, 7919};
  for (const std::size_t edge : {16, 32, 48, 64, 128, 256, 512, 1024, 2048, 4096, 8192})
    for (const std::size_t n : {edge - 1, edge, edge + 1}) lengths.push_back(n);
  for (const std::size_t n : lengths) {
    check_every_axis<One, CompensatedSum>({n});
    check_calls<Two, Two, CompensatedSum>(small_integers<float>({3, n}), 1);
    check_calls<Two, Two, CompensatedSum>(small_integers<float>({n, 5}), 0);
    check_calls<Three, Three, CompensatedSum>(small_integers<float>({2, n, 33}), 1);
  }
}

// A single line of a million elements, which all threads share.
TEMPLATE_LIST_TEST_CASE("Scan.LongLines", "", ExecutionSpaces) {
  using View = ViewOfRank<float, 1, Kokkos::LayoutRight, TestType>;
  for (const std::size_t n : {131'071, 131'072, 131'073, 1'000'003}) {
    check_every_axis<View, CompensatedSum>({n});
  }
}

TEMPLATE_LIST_TEST_CASE("Scan.NeighbouringLinesAroundVectorWidths", "", ExecutionSpaces) {
  using View = ViewOfRank<float, 3, Kokkos::LayoutRight, TestType>;
  for (const std::size_t edge : {1, 2, 4, 8, 16, 32, 64, 128, 256, 512})
    for (const std::size_t inner : {edge - 1, edge, edge + 1})
      for (const std::size_t length : {1, 15, 33, 259})
        check_calls<View, View, CompensatedSum>(small_integers<float>({2, length, inner}), 1);
}

TEMPLATE_LIST_TEST_CASE("Scan.EveryAxisOfEveryRank", "", ExecutionSpaces) {
  const auto check = []<class Layout>(Layout) {
    using T = std::int32_t;
    check_every_axis<ViewOfRank<T, 1, Layout, TestType>, Sum>({3001});
    check_every_axis<ViewOfRank<T, 2, Layout, TestType>, Sum>({47, 31});
    check_every_axis<ViewOfRank<T, 3, Layout, TestType>, Sum>({17, 19, 23});
    check_every_axis<ViewOfRank<T, 4, Layout, TestType>, Sum>({5, 18, 3, 40});
    check_every_axis<ViewOfRank<T, 5, Layout, TestType>, Sum>({3, 2, 17, 5, 7});
    check_every_axis<ViewOfRank<T, 6, Layout, TestType>, Sum>({2, 3, 4, 3, 17, 5});
    check_every_axis<ViewOfRank<T, 7, Layout, TestType>, Sum>({3, 2, 3, 1, 5, 2, 7});
    check_every_axis<ViewOfRank<T, 8, Layout, TestType>, Sum>({2, 3, 2, 3, 2, 3, 2, 5});
  };
  for_each_type<Layouts>(check);
}

TEMPLATE_LIST_TEST_CASE("Scan.ExtentZeroAnywhere", "", ExecutionSpaces) {
  for_each_type<Layouts>([](auto layout) {
    using Layout = decltype(layout);
    check_every_axis<ViewOfRank<float, 1, Layout, TestType>, CompensatedSum>({0});
    check_every_axis<ViewOfRank<float, 3, Layout, TestType>, CompensatedSum>({0, 5, 7});
    check_every_axis<ViewOfRank<float, 3, Layout, TestType>, CompensatedSum>({5, 0, 7});
    check_every_axis<ViewOfRank<float, 3, Layout, TestType>, CompensatedSum>({5, 7, 0});
  });
}

TEMPLATE_LIST_TEST_CASE("Scan.NegativeAxisCountsFromTheEnd", "", ExecutionSpaces) {
  using View = ViewOfRank<std::int32_t, 3, Kokkos::LayoutRight, TestType>;
  const auto array = small_integers<std::int32_t>({5, 6, 7});
  for (int axis = 0; axis < 3; ++axis) {
    const auto expected = folded(array, 0, ReferenceSum{}, {.axis = axis});
    CHECK_THAT((scanned<View, View>(array, Sum{}, {.axis = axis - 3})), equals(expected));
  }
}

TEMPLATE_LIST_TEST_CASE("Scan.DefaultsAreTheLastAxisAndTheCompensatedSum", "", ExecutionSpaces) {
  using View = ViewOfRank<float, 2, Kokkos::LayoutRight, TestType>;
  HostArray<float> array({3, 1000});
  for (std::size_t i = 0; i < array.values.size(); ++i)
    array.values[i] = static_cast<float>(random_fraction(i));
  const auto x = make_view<View>("x", array);
  const auto y = make_view<View>("y", array.extents);
  inclusive_scan(TestType{}, x, y);
  CHECK_THAT(read(y), equals(exactly_summed(array, {.axis = 1})));
  exclusive_scan(TestType{}, x, y);
  CHECK_THAT(read(y), equals(exactly_summed(array, {.kind = ScanKind::exclusive, .axis = 1})));
}
