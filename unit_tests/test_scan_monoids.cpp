// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Monoids of the user's that are not commutative: a value combined out of turn comes out wrong.

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/scan.hpp>
#include <span>
#include <tuple>

#include "monoids.hpp"
#include "scan_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Exec = Kokkos::DefaultExecutionSpace;

// Values of 1, 16, 48 and 64 bytes.
using Monoids = std::tuple<LastNonZero, MatrixProduct<2>, AffineComposition, MatrixProduct<4>>;

static_assert(sizeof(MatrixProduct<2>::value_type) == 16);
static_assert(sizeof(AffineComposition::value_type) == 48);
static_assert(sizeof(MatrixProduct<4>::value_type) == 64);

template <class Op, class Layout>
void check_every_axis(const Extents& extents) {
  using T = typename Op::value_type;
  using View = ViewOfRank<T, 3, Layout, Exec>;
  HostArray<T> array(extents);
  for (std::size_t i = 0; i < array.values.size(); ++i) array.values[i] = random_value(Op{}, i);
  for (int axis = 0; axis < 3; ++axis)
    for_each_call(axis, [&](const ScanCall& call) {
      INFO(to_string(extents) << ", " << to_string(call));
      const Op op;
      const auto combine = [&](const T& a, const T& b) { return op.combine(a, b); };
      CHECK_THAT((scanned<View, View>(array, op, call)),
                 equals(folded(array, op.identity(), combine, call)));
    });
}

template <class TestExec, class Element, class Op>
void check_recurrence(const Op& op, const LinearRecurrence& recurrence, std::uint64_t per_element) {
  using T = std::uint64_t;
  using In = ViewOfRank<Element, 2, Kokkos::LayoutRight, TestExec>;
  using Out = ViewOfRank<T, 2, Kokkos::LayoutRight, TestExec>;
  HostArray<Element> array({20, 1031});
  HostArray<T> numbers(array.extents);
  for (std::size_t i = 0; i < array.values.size(); ++i) {
    numbers.values[i] = array.values[i] = static_cast<Element>(random_bits(i));
  }
  for (const int axis : {0, 1})
    for_each_call(axis, [&](const ScanCall& call) {
      if (call.in_place && !std::is_same_v<Element, T>) return;
      const auto expected = map_lines(numbers, axis, call.direction, [&](std::span<T> line) {
        T y = 0;
        T count = 0;
        for (T& x : line) {
          const T before = y + count;
          y = (recurrence.decay * y + x % recurrence.modulus) % recurrence.modulus;
          count += per_element;
          x = call.kind == ScanKind::inclusive ? y + count : before;
        }
      });
      INFO(to_string(call));
      CHECK_THAT((scanned<In, Out>(array, op, call)), equals(expected));
    });
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("ScanMonoids.ValuesOfOneTo64Bytes", "", Monoids) {
  for_each_type<Layouts>([](auto layout) {
    using Layout = decltype(layout);
    check_every_axis<TestType, Layout>({2, 1031, 3});
    check_every_axis<TestType, Layout>({3, 300, 17});
  });
}

// One line that all threads share.
TEMPLATE_LIST_TEST_CASE("ScanMonoids.LongLines", "", Monoids) {
  check_every_axis<TestType, Kokkos::LayoutRight>({1, 50'021, 1});
}

TEMPLATE_LIST_TEST_CASE("ScanMonoids.OperatorWithStateLiftAndLower", "", ExecutionSpaces) {
  const LinearRecurrence op{.decay = 271'828, .modulus = 1'000'003};
  check_recurrence<TestType, std::uint64_t>(op, op, 0);
  // On a GPU the two sizes of elements make runs of two and of four chunks where values are small.
  check_recurrence<TestType, std::uint64_t>(Counted<LinearRecurrence>{op}, op, 1);
  check_recurrence<TestType, std::uint32_t>(Counted<LinearRecurrence>{op}, op, 1);
}
