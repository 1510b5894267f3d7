// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Every operator over ranks: the bits are those of one rank that has the whole axis.

#include <Kokkos_Core.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "../monoids.hpp"
#include "distributed_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Exec = Kokkos::DefaultExecutionSpace;

// Numbers of many magnitudes and both signs: sums of them are rounded in nearly every place.
template <class T>
T number(std::uint64_t i) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(random_bits(i));
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>((random_fraction(i) - 0.5) * (random_bits(i) % 16 == 0 ? 1e6 : 1));
  } else if constexpr (std::is_same_v<T, AffineMap>) {
    return random_value(AffineComposition{}, i);
  } else {
    using Part = typename T::value_type;
    return {number<Part>(2 * i), number<Part>(2 * i + 1)};
  }
}
template <class T>
HostArray<T> numbers(const Extents& extents) {
  HostArray<T> array(extents);
  for (std::size_t i = 0; i < array.values.size(); ++i) array.values[i] = number<T>(i);
  return array;
}

template <class T, class Op>
void check_cuts(const Extents& extents, const ScanCall& call, const Op& op, std::uint64_t seed) {
  using View = ViewOfRank<T, 3, Kokkos::LayoutRight, Exec>;
  const std::size_t length = extents[static_cast<std::size_t>(call.axis)];
  const auto whole = numbers<T>(extents);
  ScanCall alone = call;
  alone.in_place = false;
  const auto expected = scanned<View, View>(whole, op, alone);
  const int ranks = test::size_of(MPI_COMM_WORLD);
  const int count = ranks <= 2 ? 4 : 2;  // more ranks than cores wait for each other
  for (int k = 0; k < count; ++k) {
    const Cuts cuts = k == 0 ? even_cuts(length, ranks)
                             : random_cuts(length, ranks, seed + static_cast<std::uint64_t>(k));
    INFO(to_string(extents) << ", " << to_string(call) << ", " << to_string(cuts, length));
    const auto piece = piece_of(expected, call.axis, cuts, rank_of());
    CHECK_THAT((scanned_over_ranks<View>(whole, cuts, op, call)), equals_bitwise(piece));
  }
}

// Few lines and many, along each axis: a length that no number of ranks divides, and one that many
// do.
template <class T, class Op>
void check_operator(const Op& op) {
  std::uint64_t seed = 0;
  for (const int axis : {0, 1, 2})
    for_each_call(axis, [&](const ScanCall& call) {
      for (const std::size_t length : {std::size_t{777}, std::size_t{64} * 7 * 12}) {
        Extents extents = length == 777 ? Extents{2, 3} : Extents{1, 1};
        extents.insert(extents.begin() + axis, length);
        check_cuts<T>(extents, call, op, seed += 4);
      }
    });
  // Enough of it for the kernels of vectors and for tiles.
  check_cuts<T>({1, 9000, 40}, {.axis = 1}, op, 1);
  check_cuts<T>({3, 40000, 1}, {.direction = Direction::reverse, .axis = 1}, op, 2);
}

}  // namespace

TEST_CASE("DistributedOperators.CompensatedSumOfFloats") {
  check_operator<float>(CompensatedSum{});
}
TEST_CASE("DistributedOperators.CompensatedSumOfDoubles") {
  check_operator<double>(CompensatedSum{});
}
TEST_CASE("DistributedOperators.CompensatedSumOfComplexNumbers") {
  check_operator<Kokkos::complex<double>>(CompensatedSum{});
}
TEST_CASE("DistributedOperators.SumOfFloats") { check_operator<float>(Sum{}); }
TEST_CASE("DistributedOperators.SumOfDoubles") { check_operator<double>(Sum{}); }
TEST_CASE("DistributedOperators.SumOfIntegers") { check_operator<std::int32_t>(Sum{}); }
TEST_CASE("DistributedOperators.Prod") { check_operator<double>(Prod{}); }
TEST_CASE("DistributedOperators.Max") { check_operator<float>(Max{}); }
TEST_CASE("DistributedOperators.LogSumExp") { check_operator<float>(LogSumExp{}); }
TEST_CASE("DistributedOperators.NonCommutative") { check_operator<AffineMap>(AffineComposition{}); }
