// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Totals of lines: those of a reference, and the bits of the states that scans end in.

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/scan.hpp>
#include <stdexcept>
#include <vector>

#include "monoids.hpp"
#include "random_bits.hpp"
#include "scan_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

// Many columns, few of them, one line, many short lines; lengths around a chunk, a block of the
// vectors' kernels (512 elements), and tiles.
const std::vector<Extents> shapes{{3, 5, 4},   {2, 16, 33},  {1, 17, 1},     {40, 31, 1},
                                  {1, 512, 1}, {1, 513, 40}, {1, 40000, 1},  {2, 1040, 3},
                                  {33, 20, 5}, {1, 1, 7},    {1, 3000, 130}, {5, 2048, 1}};

Extents moved(const Extents& shape, int axis) {
  Extents extents{shape[0], shape[2]};
  extents.insert(extents.begin() + axis, shape[1]);
  return extents;
}

Extents without(Extents extents, int axis) {
  extents.erase(extents.begin() + axis);
  return extents;
}

// Numbers of many magnitudes and both signs: sums of them are rounded in nearly every place.
template <class T>
T number(std::uint64_t i) {
  const double fraction = random_fraction(i) - 0.5;
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(random_bits(i));
  } else {
    return static_cast<T>(fraction * (random_bits(i) % 16 == 0 ? 1e6 : 1));
  }
}
template <>
AffineMap number(std::uint64_t i) {
  return random_value(AffineComposition{}, i);
}

template <class T>
HostArray<T> numbers(const Extents& extents) {
  HostArray<T> array(extents);
  for (std::size_t i = 0; i < array.values.size(); ++i) array.values[i] = number<T>(i);
  return array;
}

// Totals against the final states of inclusive_scan and against its last results.
template <class Exec, class Layout, class T, class Op>
void check_against_scan(const Extents& extents, int axis, const Op& op,
                        const ScanOptions& options) {
  INFO(to_string(extents) << ", axis " << axis << ", block_size " << options.block_size
                          << (options.direction == Direction::reverse ? ", reverse" : ""));
  using View = ViewOfRank<T, 3, Layout, Exec>;
  using State = state_t<Op, T>;
  using States = ViewOfRank<State, 2, Layout, Exec>;
  using Totals = ViewOfRank<T, 2, Kokkos::LayoutRight, Exec>;
  const Extents of_lines = without(extents, axis);
  const auto x = make_view<View>("x", numbers<T>(extents));
  const auto y = make_view<View>("y", extents);
  const auto final = make_view<States>("final", of_lines);
  const auto states = make_view<States>("states", of_lines);
  const auto totals = make_view<Totals>("totals", of_lines);
  const auto bound = impl::bind_operator<T, T, false>(op);
  inclusive_scan(Exec{}, x, y, from(bound.neutral()), final, axis, op, options);
  reduce_lines(Exec{}, x, states, axis, op, options);
  reduce_lines(Exec{}, x, totals, axis, op, options);
  CHECK_THAT(read(states), equals_bitwise(read(final)));

  const auto results = read(y);
  HostArray<T> last(of_lines);
  const auto d = static_cast<std::size_t>(axis);
  const std::size_t inner = size_of(extents, d + 1, 3), length = extents[d];
  for (std::size_t line = 0; line < last.values.size(); ++line) {
    const std::size_t i = options.direction == Direction::forward ? length - 1 : 0;
    last.values[line] = results.values[(line / inner * length + i) * inner + line % inner];
  }
  CHECK_THAT(read(totals), equals_bitwise(last));
}

// Each shape along each axis, in layouts and with block sizes that change from one to the next.
template <class Exec, class T, class Op>
void check_operator(const Op& op) {
  int turn = 0;
  for (const Extents& shape : shapes)
    for (const int axis : {0, 1, 2}) {
      const Extents extents = moved(shape, axis);
      for (const Direction direction : {Direction::forward, Direction::reverse}) {
        const ScanOptions options{direction, turn % 2 == 0 ? 0 : 64};
        switch (turn++ % 5) {
          case 0:
            check_against_scan<Exec, Kokkos::LayoutLeft, T>(extents, axis, op, options);
            break;
          case 1:
            check_against_scan<Exec, Kokkos::LayoutStride, T>(extents, axis, op, options);
            break;
          default:
            check_against_scan<Exec, Kokkos::LayoutRight, T>(extents, axis, op, options);
        }
      }
    }
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("ReduceLines.Sums", "", ExecutionSpaces) {
  check_operator<TestType, float>(CompensatedSum{});
  check_operator<TestType, float>(Sum{});
  check_operator<TestType, double>(CompensatedSum{});
  check_operator<TestType, std::int32_t>(Sum{});
}

TEMPLATE_LIST_TEST_CASE("ReduceLines.OtherOperators", "", ExecutionSpaces) {
  check_operator<TestType, float>(LogSumExp{});
  check_operator<TestType, AffineMap>(AffineComposition{});
}

// Against references, not another part of the library.
TEMPLATE_LIST_TEST_CASE("ReduceLines.IsTheSumOfTheLine", "", ExecutionSpaces) {
  using View = ViewOfRank<double, 2, Kokkos::LayoutLeft, TestType>;
  using Totals = ViewOfRank<double, 1, Kokkos::LayoutRight, TestType>;
  for (const std::size_t length : {1, 16, 511, 5000}) {
    const auto array = numbers<double>({length, 7});
    const auto x = make_view<View>("x", array);
    const auto totals = make_view<Totals>("totals", Extents{7});
    reduce_lines(TestType{}, Kokkos::View<const double**, Kokkos::LayoutLeft, TestType>(x), totals,
                 0);
    const auto sums = exactly_summed(array, {.axis = 0});
    HostArray<double> expected({7});
    for (std::size_t j = 0; j < 7; ++j) expected.values[j] = sums.values[(length - 1) * 7 + j];
    CHECK_THAT(read(totals), equals(expected));
  }
}

TEMPLATE_LIST_TEST_CASE("ReduceLines.TotalsOfAnotherType", "", ExecutionSpaces) {
  const auto x = make_view<ViewOfRank<std::int32_t, 1, Kokkos::LayoutRight, TestType>>("x", [] {
    HostArray<std::int32_t> array({3000});
    for (auto& v : array.values) v = 2'000'000'000;
    return array;
  }());
  const Kokkos::View<double, TestType> sum("sum");
  const Kokkos::View<std::int64_t, TestType> integer_sum("integer_sum");
  reduce_lines(TestType{}, x, sum);
  reduce_lines(TestType{}, x, integer_sum, 0, Sum{});
  CHECK(read(sum).values[0] == 6e12);
  CHECK(read(integer_sum).values[0] == 6'000'000'000'000);
}

TEMPLATE_LIST_TEST_CASE("ReduceLines.OfNothingIsTheIdentity", "", ExecutionSpaces) {
  const Kokkos::View<float**, TestType> x("x", 4, 0);
  const auto totals =
      make_view<ViewOfRank<float, 1, Kokkos::LayoutRight, TestType>>("totals", numbers<float>({4}));
  reduce_lines(TestType{}, x, totals);
  CHECK_THAT(read(totals), equals_bitwise(HostArray<float>({4})));
  reduce_lines(TestType{}, x, totals, 1, Prod{});
  HostArray<float> ones({4});
  ones.values.assign(4, 1.0F);
  CHECK_THAT(read(totals), equals_bitwise(ones));
  reduce_lines(TestType{}, x, Kokkos::View<float*, TestType>("none", 0), 0);
}

TEMPLATE_LIST_TEST_CASE("ReduceLines.WrongUse", "", ExecutionSpaces) {
  const Kokkos::View<int**, TestType> x("x", 4, 8);
  const Kokkos::View<int*, TestType> t("t", 4);
  const auto check_throws = [](auto call, const char* text) {
    CHECK_THROWS_MATCHES(call(), std::invalid_argument, Catch::Matchers::Message(text));
  };
  check_throws([&] { reduce_lines(TestType{}, x, t, 2); },
               "fused_scan::reduce_lines: axis 2 is out of range [-2, 1] for View 'x' of rank 2");
  check_throws([&] { reduce_lines(TestType{}, x, t, 0); },
               "fused_scan::reduce_lines: View of totals 't' has extents (4) instead of (8), those "
               "of View 'x' without axis 0");
  check_throws([&] { reduce_lines(TestType{}, x, Kokkos::subview(x, Kokkos::ALL, 3), 1); },
               "fused_scan::reduce_lines: Views 'x' and 'x' overlap in memory");
  check_throws([&] { reduce_lines(TestType{}, x, t, 1, Sum{}, {.block_size = 17}); },
               "fused_scan::reduce_lines: block_size 17 must be 0 (chosen) or a power of two, at "
               "least 16");
}
