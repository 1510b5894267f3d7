// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// More than 2^31 elements. Hidden, since it takes 9 GiB of memory:
//
//   fused_scan_test_scan_large "[large]"

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <fused_scan/scan.hpp>

#include "ones.hpp"

namespace {

using namespace fused_scan;

using Exec = Kokkos::DefaultExecutionSpace;
using Range = Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>;
template <class T, class Layout>
using Lines = Kokkos::View<T, Layout, Exec, Kokkos::MemoryUnmanaged>;

constexpr std::int64_t n = (std::int64_t{1} << 31) + 12'345;

// The i-th odd number, whose prefix sums are squares.
KOKKOS_FUNCTION std::uint32_t odd(std::int64_t i) { return static_cast<std::uint32_t>(2 * i + 1); }
KOKKOS_FUNCTION std::uint32_t square(std::int64_t i) {
  return static_cast<std::uint32_t>(i) * static_cast<std::uint32_t>(i);
}

}  // namespace

TEST_CASE("ScanLarge.OneLineAndThree", "[.large]") {
  const Kokkos::View<std::uint32_t*, Exec> x(Kokkos::view_alloc("x", Kokkos::WithoutInitializing),
                                             n);
  for (const std::int64_t lines : {1, 3}) {
    const std::int64_t length = n / lines;
    Kokkos::parallel_for(
        Range(0, length * lines), KOKKOS_LAMBDA(std::int64_t k) { x(k) = odd(k / lines); });
    const Lines<std::uint32_t**, Kokkos::LayoutRight> side_by_side(x.data(), length, lines);
    inclusive_scan(Exec{}, side_by_side, side_by_side, 0, Sum{});

    std::int64_t wrong = 0;
    Kokkos::parallel_reduce(
        Range(0, length * lines),
        KOKKOS_LAMBDA(std::int64_t k, std::int64_t& count) {
          if (x(k) != square(k / lines + 1)) ++count;
        },
        wrong);
    CHECK(wrong == 0);
  }
}

// Lines that begin beyond 2^31 elements, backwards.
TEST_CASE("ScanLarge.ManyLines", "[.large]") {
  const Kokkos::View<std::uint32_t*, Exec> x(Kokkos::view_alloc("x", Kokkos::WithoutInitializing),
                                             n);
  constexpr std::int64_t length = 1000;
  constexpr std::int64_t lines = n / length;
  Kokkos::parallel_for(
      Range(0, length * lines),
      KOKKOS_LAMBDA(std::int64_t k) { x(k) = odd(length - 1 - k % length); });
  const Lines<std::uint32_t**, Kokkos::LayoutRight> rows(x.data(), lines, length);
  exclusive_scan(Exec{}, rows, rows, 1, Sum{}, {Direction::reverse});

  std::int64_t wrong = 0;
  Kokkos::parallel_reduce(
      Range(0, length * lines),
      KOKKOS_LAMBDA(std::int64_t k, std::int64_t& count) {
        if (x(k) != square(length - 1 - k % length)) ++count;
      },
      wrong);
  CHECK(wrong == 0);
}

// More lines than 2^31, of two elements each, that lie side by side or one after the other.
TEMPLATE_TEST_CASE("ScanLarge.MoreLines", "[.large]", Kokkos::LayoutRight, Kokkos::LayoutLeft) {
  const Kokkos::View<std::uint8_t*, Exec> x(Kokkos::view_alloc("x", Kokkos::WithoutInitializing),
                                            2 * n);
  Kokkos::deep_copy(x, std::uint8_t{0});
  const Lines<std::uint8_t**, TestType> pairs(x.data(), n, 2);
  Kokkos::parallel_for(
      Range(0, n), KOKKOS_LAMBDA(std::int64_t k) {
        pairs(k, 0) = static_cast<std::uint8_t>(k % 251);
        pairs(k, 1) = static_cast<std::uint8_t>(k % 7);
      });
  inclusive_scan(Exec{}, pairs, pairs, 1, Sum{});

  std::int64_t wrong = 0;
  Kokkos::parallel_reduce(
      Range(0, n),
      KOKKOS_LAMBDA(std::int64_t k, std::int64_t& count) {
        const auto sum = static_cast<std::uint8_t>(k % 251 + k % 7);
        if (pairs(k, 0) != k % 251 || pairs(k, 1) != sum) ++count;
      },
      wrong);
  CHECK(wrong == 0);
}

// A float holds no integer beyond 2^24 for sure: it is the compensation that counts on.
TEST_CASE("ScanLarge.CompensatedSum", "[.large]") {
  const Kokkos::View<std::int64_t, Exec> wrong("wrong");
  transform_scan(Exec{}, ScanExtents{1, n, 1}, test::One{}, test::OnesAreCounted<Exec>{wrong});
  std::int64_t count = -1;
  Kokkos::deep_copy(count, wrong);
  CHECK(count == 0);
}
