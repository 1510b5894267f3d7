// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Where the range of a type ends, where a sign is all that is left, and what may stand for a state.

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <cmath>
#include <complex>
#include <cstdint>
#include <fused_scan/fused_scan.hpp>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "test_views.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

template <class Exec, class T, class Out = T, class Op, class... More>
std::vector<Out> scanned(const std::vector<T>& elements, Op op, ScanKind kind,
                         const More&... more) {
  const Kokkos::View<T*, Exec> x("x", elements.size());
  const Kokkos::View<Out*, Exec> y("y", elements.size());
  const auto on_host = Kokkos::create_mirror_view(x);
  for (std::size_t i = 0; i < elements.size(); ++i) on_host(i) = elements[i];
  Kokkos::deep_copy(x, on_host);
  if (kind == ScanKind::inclusive) {
    inclusive_scan(Exec(), x, y, more..., 0, op);
  } else {
    exclusive_scan(Exec(), x, y, more..., 0, op);
  }
  const auto result = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), y);
  return std::vector<Out>(result.data(), result.data() + result.size());
}

template <class Exec, class T, class Op>
std::vector<T> sums(const std::vector<T>& elements, Op op) {
  return scanned<Exec, T>(elements, op, ScanKind::inclusive);
}

template <class T>
class ModularSum;

/// A family with a member, from which its monoids are made.
struct SumModulo {
  int modulus;
  template <class T>
  using monoid = ModularSum<T>;
};

template <class T>
class ModularSum {
 public:
  using value_type = T;
  explicit ModularSum(const SumModulo& family) : m_modulus(family.modulus) {}
  KOKKOS_FUNCTION T identity() const { return 0; }
  KOKKOS_FUNCTION T combine(T a, T b) const { return (a + b) % m_modulus; }

 private:
  T m_modulus;
};

struct Counts {
  std::int32_t counts[16];
};
/// Counts of the bytes' values modulo 16: values of 64 bytes for elements of one.
struct Histogram {
  using value_type = Counts;
  KOKKOS_FUNCTION value_type identity() const { return {}; }
  KOKKOS_FUNCTION value_type lift(std::uint8_t byte) const {
    value_type value{};
    value.counts[byte % 16] = 1;
    return value;
  }
  KOKKOS_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    value_type sum{};
    for (int k = 0; k < 16; ++k) sum.counts[k] = a.counts[k] + b.counts[k];
    return sum;
  }
  KOKKOS_FUNCTION std::uint8_t lower(const value_type& value) const {
    return static_cast<std::uint8_t>(value.counts[3]);
  }
};

}  // namespace

// ctest runs this program with small stacks as well, for which these values are the largest.
TEMPLATE_LIST_TEST_CASE("ScanEdges.LargeValuesOfSmallElements", "", ExecutionSpaces) {
  using Bytes = Kokkos::View<std::uint8_t**, Kokkos::LayoutRight, TestType>;
  for (const auto& [rows, columns] : {std::pair(1, 200'000), {200'000, 1}, {3000, 40}, {5000, 7}}) {
    const Bytes x("x", rows, columns), y("y", rows, columns);
    const auto elements = Kokkos::create_mirror_view(x);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      elements.data()[i] = static_cast<std::uint8_t>(i * i % 251);
    }
    Kokkos::deep_copy(x, elements);
    for (const int axis : {0, 1}) {
      inclusive_scan(TestType(), x, y, axis, Histogram{});
      const auto counts = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), y);
      bool right = true;
      for (int k = 0; k < (axis == 0 ? columns : rows); ++k) {
        std::uint8_t count = 0;
        for (int i = 0; i < (axis == 0 ? rows : columns); ++i) {
          const int row = axis == 0 ? i : k, column = axis == 0 ? k : i;
          if (elements(row, column) % 16 == 3) ++count;
          right = right && counts(row, column) == count;
        }
      }
      CHECK(right);
    }
  }
}

TEMPLATE_LIST_TEST_CASE("ScanEdges.AZeroInAProductStays", "", ExecutionSpaces) {
  std::vector<float> x(40, 1e10F);
  x[1] = 0;
  const auto y = sums<TestType>(x, Prod{});
  CHECK(y[0] == 1e10F);
  for (std::size_t i = 1; i < y.size(); ++i) CHECK(y[i] == 0);
  std::vector<float> z;
  for (int i = 0; i < 200; ++i) z.push_back(0.75F * static_cast<float>(i));
  for (const float product : sums<TestType>(z, Prod{})) CHECK(product == 0);
}

TEMPLATE_LIST_TEST_CASE("ScanEdges.ProductsLeaveTheRangeOnTheWay", "", ExecutionSpaces) {
  std::vector<float> x(8, 1e6F);
  x[0] = 1e-38F;
  CHECK(std::abs(sums<TestType>(x, Prod{})[7] / 1e4F - 1) < 1e-5F);
  std::vector<float> z(11, 1e-6F);
  z[0] = 1e38F;
  CHECK(std::abs(sums<TestType>(z, Prod{})[10] / 1e-22F - 1) < 1e-5F);
  // In chunks of their own, too, and in double.
  std::vector<double> far(64, 1.0);
  for (int i = 16; i < 32; ++i) far[i] = 1e300;
  for (int i = 0; i < 16; ++i) far[i] = 1e-300;
  CHECK(std::abs(sums<TestType>(far, Prod{})[63] - 1) < 1e-9);
}

TEMPLATE_LIST_TEST_CASE("ScanEdges.SumsOverflowOnTheWay", "", ExecutionSpaces) {
  std::vector<float> x(40, 0);
  x[0] = -3e38F;
  x[16] = 3e38F;
  x[17] = 2e38F;
  for (const auto& y : {sums<TestType>(x, Sum{}), sums<TestType>(x, CompensatedSum{})}) {
    CHECK(y[15] == -3e38F);
    CHECK(y[16] == 0);
    for (std::size_t i = 17; i < y.size(); ++i) CHECK(y[i] == 2e38F);
  }
}

// Multiples of 2^1000 whose running sums fill the range of double, so that the sums of most groups
// of them are beyond it.
TEMPLATE_LIST_TEST_CASE("ScanEdges.SumsOfDoublesOverflowOnTheWay", "", ExecutionSpaces) {
  constexpr std::int64_t limit = 1 << 24;
  std::mt19937_64 random(7);
  std::uniform_int_distribution<std::int64_t> sums_of(1 - limit, limit - 1);
  std::vector<double> x, exact;
  for (std::int64_t sum = 0; x.size() < 3000;) {
    std::int64_t next = sums_of(random);
    while (std::abs(next - sum) >= limit) next = sums_of(random);
    x.push_back(std::ldexp(static_cast<double>(next - sum), 1000));
    exact.push_back(std::ldexp(static_cast<double>(next), 1000));
    sum = next;
  }
  CHECK((sums<TestType>(x, Sum{}) == exact));
  CHECK((sums<TestType>(x, CompensatedSum{}) == exact));
  std::vector<Kokkos::complex<double>> z;
  for (const double number : x) z.emplace_back(number, -number);
  const auto compensated = sums<TestType>(z, CompensatedSum{}), plain = sums<TestType>(z, Sum{});
  for (std::size_t i = 0; i < z.size(); ++i) {
    REQUIRE(compensated[i] == Kokkos::complex<double>(exact[i], -exact[i]));
    REQUIRE(plain[i] == compensated[i]);
  }
}

TEMPLATE_LIST_TEST_CASE("ScanEdges.NegativeZerosSumUpToOne", "", ExecutionSpaces) {
  for (const std::size_t n : {1U, 3U, 40U, 600U}) {
    const std::vector<float> x(n, -0.0F);
    const std::vector<double> d(n, -0.0);
    for (const float sum : sums<TestType>(x, CompensatedSum{})) CHECK(std::signbit(sum));
    for (const float sum : sums<TestType>(x, Sum{})) CHECK(std::signbit(sum));
    for (const double sum : sums<TestType>(d, CompensatedSum{})) CHECK(std::signbit(sum));
    for (const double sum : sums<TestType>(d, Sum{})) CHECK(std::signbit(sum));
    const auto before = scanned<TestType, float>(x, CompensatedSum{}, ScanKind::exclusive);
    CHECK(!std::signbit(before[0]));
    for (std::size_t i = 1; i < n; ++i) CHECK(std::signbit(before[i]));
  }
}

TEMPLATE_LIST_TEST_CASE("ScanEdges.IntegersAreRoundedOnce", "", ExecutionSpaces) {
  const std::vector<int> x(3, 16777217);
  CHECK(scanned<TestType, int, float>(x, CompensatedSum{}, ScanKind::inclusive)[2] == 50331652.0F);
  const std::vector<int> large(100, std::numeric_limits<int>::max());
  CHECK(scanned<TestType, int, double>(large, Sum{}, ScanKind::inclusive)[99] ==
        100 * 2147483647.0);
  const std::vector<std::uint8_t> bytes(1000, 255);
  CHECK(scanned<TestType, std::uint8_t, float>(bytes, Sum{}, ScanKind::inclusive)[999] ==
        255000.0F);
}

TEMPLATE_LIST_TEST_CASE("ScanEdges.AStartValue", "", ExecutionSpaces) {
  const std::vector<int> x{1, 2, 3};
  using Ints = std::vector<int>;
  CHECK(scanned<TestType>(x, Sum{}, ScanKind::inclusive, from(10)) == Ints{11, 13, 16});
  CHECK(scanned<TestType>(x, Sum{}, ScanKind::exclusive, from(-1)) == Ints{-1, 0, 2});
  const Kokkos::View<int, TestType> final("final");
  CHECK(scanned<TestType>(x, Sum{}, ScanKind::inclusive, from(10), final) == Ints{11, 13, 16});
  CHECK(Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), final)() == 16);
}

TEMPLATE_LIST_TEST_CASE("ScanEdges.LogSumExp", "", ExecutionSpaces) {
  std::vector<double> x;
  for (int i = 0; i < 500; ++i) x.push_back(1000 * std::sin(i));
  x[0] = -std::numeric_limits<double>::infinity();
  const auto y = sums<TestType>(x, LogSumExp{});
  CHECK(y[0] == x[0]);
  long double largest = x[1], sum = 1;
  for (std::size_t i = 2; i < x.size(); ++i) {
    const long double before = largest;
    largest = std::max<long double>(largest, x[i]);
    sum = sum * std::exp(before - largest) + std::exp(x[i] - largest);
    CHECK(std::abs(y[i] - static_cast<double>(largest + std::log(sum))) < 1e-10);
  }
  x[7] = std::numeric_limits<double>::quiet_NaN();
  const auto with_nan = sums<TestType>(x, LogSumExp{});
  CHECK(!std::isnan(with_nan[6]));
  CHECK(std::isnan(with_nan[499]));
}

TEMPLATE_LIST_TEST_CASE("ScanEdges.AFamilyWithAMember", "", ExecutionSpaces) {
  const std::vector<int> x(20, 3);
  CHECK(sums<TestType>(x, SumModulo{7})[19] == 60 % 7);
}

TEST_CASE("ScanEdges.ComplexNumbersOfTheStandard") {
  using Exec = Kokkos::DefaultHostExecutionSpace;
  const std::vector<std::complex<double>> x(50, {1, -2});
  CHECK(sums<Exec>(x, CompensatedSum{})[49] == std::complex<double>(50, -100));
}

TEST_CASE("ScanEdges.OutputsThatOverlapThemselves") {
  using Exec = Kokkos::DefaultHostExecutionSpace;
  using Strided = Kokkos::View<float*, Kokkos::LayoutStride, Exec>;
  using Strided2 = Kokkos::View<float**, Kokkos::LayoutStride, Exec>;
  std::vector<float> memory(100);
  const Kokkos::View<float*, Exec> x("x", 40);
  const Kokkos::View<float**, Kokkos::LayoutRight, Exec> x2("x2", 5, 8);
  const auto refused = [](const auto& in, const auto& out) {
    CHECK_THROWS_AS(inclusive_scan(Exec(), in, out, 0), std::invalid_argument);
  };
  refused(x, Strided(memory.data(), Kokkos::LayoutStride(40, 0)));
  refused(x2, Strided2(memory.data(), Kokkos::LayoutStride(5, 0, 8, 1)));
  refused(x2, Strided2(memory.data(), Kokkos::LayoutStride(5, 1, 8, 1)));
  refused(x2, Strided2(memory.data(), Kokkos::LayoutStride(5, 3, 8, 2)));
  // Strides that interleave without meeting, and none at all, are fine.
  inclusive_scan(Exec(), x2, Strided2(memory.data(), Kokkos::LayoutStride(5, 2, 8, 10)), 0);
  const Kokkos::View<float*, Exec> empty("empty", 0);
  inclusive_scan(Exec(), empty, Strided(memory.data(), Kokkos::LayoutStride(0, 0)), 0);

  const Kokkos::View<float*, Kokkos::LayoutStride, Exec> final(memory.data(),
                                                               Kokkos::LayoutStride(8, 0));
  const Kokkos::View<float*, Exec> initial("initial", 8);
  const Kokkos::View<float**, Kokkos::LayoutRight, Exec> y2("y2", 5, 8);
  CHECK_THROWS_AS(inclusive_scan(Exec(), x2, y2, initial, final, 0), std::invalid_argument);
}

TEST_CASE("ScanEdges.ThePlanHasAName") {
  using Exec = Kokkos::DefaultExecutionSpace;
  const Kokkos::View<float***, Kokkos::LayoutRight, Exec> x("x", 3, 100, 7);
  CHECK(!scan_plan(Exec(), x, x, 1).name().empty());
  CHECK_THROWS_AS(scan_plan(Exec(), x, x, 3), std::invalid_argument);
  const Kokkos::View<float*, Exec> none("none", 0);
  CHECK(scan_plan(Exec(), none, none).name() == "nothing to do");
}
