// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Views that are part of something: subviews, unmanaged and const Views, padded ones, permuted
// ones, several in one allocation; and what lies beside them, which must stay as it is.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <fused_scan/scan.hpp>
#include <utility>

#include "scan_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

template <class View>
void fill(const View& view, int value) {
  HostArray<typename View::value_type> array(extents_of(view));
  for (auto& x : array.values) x = static_cast<typename View::value_type>(value);
  write(view, array);
}

// Scans `in` into `out` (the same View, or another) along each axis and every way. In the
// allocations they are part of, nothing but the elements of `out` may change.
template <class In, class Out, class... Allocation>
void check_parts(const In& in, const Out& out, const Allocation&... allocation) {
  using T = typename Out::value_type;
  static constexpr int outside = 99;
  const bool in_place = static_cast<const void*>(in.data()) == out.data();
  const auto array = small_integers<T>(extents_of(in));

  const auto check_call = [&](const ScanCall& call) {
    INFO(to_string(array.extents) << ", " << to_string(call));
    (fill(allocation, outside), ...);
    write(in, array);
    scan(typename Out::execution_space{}, in, out, Sum{}, call);
    CHECK_THAT(read(out), equals(folded(array, T(0), ReferenceSum{}, call)));
    if (!in_place) CHECK_THAT(read(in), equals(array));

    fill(in, outside);
    fill(out, outside);
    const auto check_untouched = [](const auto& values) {
      CHECK(std::ranges::all_of(values, [](const T& x) { return x == T(outside); }));
    };
    (check_untouched(read(allocation).values), ...);
  };
  for (int axis = 0; axis < static_cast<int>(Out::rank); ++axis)
    for_each_call(axis, [&](const ScanCall& call) {
      if (call.in_place == in_place) check_call(call);
    });
}

template <class T, std::size_t Rank, class Space>
using StridedView =
    Kokkos::View<typename ViewOfRank<T, Rank, Kokkos::LayoutRight, Space>::data_type,
                 Kokkos::LayoutStride, Space, Kokkos::MemoryUnmanaged>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("ScanViews.SubviewsOfStrideThree", "", ExecutionSpaces) {
  const auto check = []<class Layout>(Layout) {
    const ViewOfRank<int, 3, Layout, TestType> x("x", 40, 61, 3);
    const ViewOfRank<int, 3, Layout, TestType> y("y", 3, 61, 40);
    const std::pair middle(3, 30);
    const auto thirds = Kokkos::subview(x, middle, Kokkos::ALL, 1);
    const auto slice = Kokkos::subview(y, 2, middle, Kokkos::ALL);
    const auto one_line = Kokkos::subview(x, 7, Kokkos::ALL, 2);
    const auto other_line = Kokkos::subview(y, 1, Kokkos::ALL, 39);
    check_parts(thirds, thirds, x);
    check_parts(thirds, Kokkos::subview(x, middle, Kokkos::ALL, 2), x);
    check_parts(Kokkos::subview(y, 2, middle, middle), Kokkos::subview(x, middle, middle, 2), x, y);
    check_parts(slice, slice, y);
    check_parts(one_line, one_line, x);
    check_parts(one_line, other_line, x, y);
  };
  check(Kokkos::LayoutRight{});
  check(Kokkos::LayoutLeft{});
}

TEMPLATE_LIST_TEST_CASE("ScanViews.InterleavedParts", "", ExecutionSpaces) {
  const ViewOfRank<int, 3, Kokkos::LayoutRight, TestType> pairs("pairs", 19, 300, 2);
  const auto first = Kokkos::subview(pairs, Kokkos::ALL, Kokkos::ALL, 0);
  const auto second = Kokkos::subview(pairs, Kokkos::ALL, Kokkos::ALL, 1);
  check_parts(first, second, pairs);
  check_parts(second, first, pairs);

  const Kokkos::LayoutStride every_other_row(9, 1200, 600, 1);
  const StridedView<int, 2, TestType> even_rows(pairs.data(), every_other_row);
  const StridedView<int, 2, TestType> odd_rows(pairs.data() + 600, every_other_row);
  check_parts(odd_rows, even_rows, pairs);
}

TEMPLATE_LIST_TEST_CASE("ScanViews.NeighbouringParts", "", ExecutionSpaces) {
  const ViewOfRank<int, 2, Kokkos::LayoutRight, TestType> x("x", 40, 600);
  const std::pair left(0, 300);
  const std::pair right(300, 600);
  check_parts(Kokkos::subview(x, Kokkos::ALL, left), Kokkos::subview(x, Kokkos::ALL, right), x);
  check_parts(Kokkos::subview(x, 5, right), Kokkos::subview(x, 5, left), x);
  check_parts(Kokkos::subview(x, 5, Kokkos::ALL), Kokkos::subview(x, 6, Kokkos::ALL), x);
  const std::pair top(0, 20);
  const std::pair bottom(20, 40);
  check_parts(Kokkos::subview(x, bottom, Kokkos::ALL), Kokkos::subview(x, top, Kokkos::ALL), x);
}

TEMPLATE_LIST_TEST_CASE("ScanViews.PermutedDimensions", "", ExecutionSpaces) {
  const Kokkos::View<int*, TestType> memory("memory", 7 * 300 * 18 * 2);
  const std::size_t n = memory.size() / 2;
  const StridedView<int, 3, TestType> x(memory.data(),
                                        Kokkos::LayoutStride(7, 18, 300, 7 * 18, 18, 1));
  const StridedView<int, 3, TestType> y(memory.data() + n,
                                        Kokkos::LayoutStride(7, 1, 300, 7 * 18, 18, 7));
  check_parts(x, x, memory);
  check_parts(x, y, memory);
}

TEMPLATE_LIST_TEST_CASE("ScanViews.PaddedViews", "", ExecutionSpaces) {
  using View = ViewOfRank<int, 3, Kokkos::LayoutLeft, TestType>;
  const View x(Kokkos::view_alloc("x", Kokkos::AllowPadding), 301, 17, 5);
  const View y(Kokkos::view_alloc("y", Kokkos::AllowPadding), 301, 17, 5);
  check_parts(x, x, memory_of(x));
  check_parts(x, y, memory_of(x), memory_of(y));
}

TEMPLATE_LIST_TEST_CASE("ScanViews.UnmanagedViews", "", ExecutionSpaces) {
  const Kokkos::View<int*, TestType> memory("memory", 2 * 17 * 301);
  using View = Kokkos::View<int**, Kokkos::LayoutRight, TestType, Kokkos::MemoryUnmanaged>;
  const View x(memory.data(), 17, 301);
  const View y(memory.data() + x.size(), 17, 301);
  check_parts(x, x, memory);
  check_parts(x, y, memory);
}

// The same array in place, though the two Views are of different types.
TEMPLATE_LIST_TEST_CASE("ScanViews.InPlaceThroughAnotherType", "", ExecutionSpaces) {
  const ViewOfRank<int, 2, Kokkos::LayoutRight, TestType> x("x", 17, 301);
  const StridedView<int, 2, TestType> alias(x.data(), Kokkos::LayoutStride(17, 301, 301, 1));
  check_parts(x, alias, x);
  check_parts(alias, x, x);
}

TEMPLATE_LIST_TEST_CASE("ScanViews.ConstAndRandomAccessInput", "", ExecutionSpaces) {
  const auto array = small_integers<int>({17, 301});
  const auto expected = folded(array, 0, ReferenceSum{}, {});
  const auto x = make_view<ViewOfRank<int, 2, Kokkos::LayoutRight, TestType>>("x", array);
  const auto y = make_view<ViewOfRank<int, 2, Kokkos::LayoutRight, TestType>>("y", {17, 301});

  const Kokkos::View<const int**, Kokkos::LayoutRight, TestType> const_x = x;
  inclusive_scan(TestType{}, const_x, y, -1, Sum{});
  CHECK_THAT(read(y), equals(expected));

  const Kokkos::View<const int**, Kokkos::LayoutRight, TestType,
                     Kokkos::MemoryTraits<Kokkos::RandomAccess>>
      random_x = x;
  Kokkos::deep_copy(y, 0);
  inclusive_scan(TestType{}, random_x, y, -1, Sum{});
  CHECK_THAT(read(y), equals(expected));

  inclusive_scan(TestType{}, const_x, x, -1, Sum{});
  CHECK_THAT(read(x), equals(expected));
}

// An input of stride 0, one row seen many times, is no overlap with anything.
TEMPLATE_LIST_TEST_CASE("ScanViews.BroadcastInput", "", ExecutionSpaces) {
  const auto row = small_integers<int>({301});
  const auto x = make_view<ViewOfRank<int, 1, Kokkos::LayoutRight, TestType>>("x", row);
  const StridedView<const int, 2, TestType> rows(x.data(), Kokkos::LayoutStride(40, 0, 301, 1));
  HostArray<int> array({40, 301});
  for (std::size_t i = 0; i < array.values.size(); ++i) array.values[i] = row.values[i % 301];
  const auto y = make_view<ViewOfRank<int, 2, Kokkos::LayoutRight, TestType>>("y", {40, 301});
  for (const int axis : {0, 1}) {
    inclusive_scan(TestType{}, rows, y, axis, Sum{});
    CHECK_THAT(read(y), equals(folded(array, 0, ReferenceSum{}, {.axis = axis})));
  }
}

// Fixed extents, and a View with a dimension of each kind.
TEMPLATE_LIST_TEST_CASE("ScanViews.CompileTimeExtents", "", ExecutionSpaces) {
  const Kokkos::View<int* [20][17], Kokkos::LayoutRight, TestType> x("x", 31);
  const Kokkos::View<int[31][20][17], Kokkos::LayoutLeft, TestType> y("y");
  check_parts(x, x, x);
  check_parts(x, y, x, y);
}
