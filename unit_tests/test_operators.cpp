// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The operators by themselves: the laws of a monoid, and the edges of each one's meaning.

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fused_scan/operators.hpp>
#include <limits>
#include <tuple>
#include <vector>

#include "matchers.hpp"
#include "monoids.hpp"
#include "random_bits.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Floats = std::tuple<float, double>;
using Integers = std::tuple<std::int32_t, std::uint32_t, std::int64_t, std::uint64_t>;

template <class Op, class T>
using MonoidOf = typename Op::template monoid<T>;

static_assert(MonoidFamily<CompensatedSum, float> && MonoidFamily<Max, std::int64_t>);
static_assert(Monoid<MonoidOf<CompensatedSum, double>> && Monoid<MonoidOf<Min, std::uint32_t>>);
static_assert(Monoid<MatrixProduct<2>> && Monoid<LinearRecurrence> && !Monoid<CompensatedSum>);
static_assert(!Monoid<float>);

// What a sum of integers carries is an integer: no pair is needed where nothing is rounded.
static_assert(std::is_same_v<MonoidOf<CompensatedSum, std::int32_t>::value_type, std::int32_t>);
static_assert(std::is_same_v<MonoidOf<CompensatedSum, float>::value_type, double>);

template <class T>
std::vector<T> integers() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> all{0, 1, 2, T(-1), T(-2), Limits::max(), Limits::lowest(), Limits::max() / 2 + 1};
  for (std::uint64_t i = 0; i < 8; ++i) all.push_back(static_cast<T>(random_bits(i)));
  return all;
}

template <class T>
std::vector<T> floats() {
  using Limits = std::numeric_limits<T>;
  return {0,
          1,
          -1,
          T(0.1),
          Limits::min(),
          Limits::max(),
          Limits::lowest(),
          Limits::denorm_min(),
          Limits::infinity(),
          -Limits::infinity(),
          Limits::quiet_NaN()};
}

// An element as a value, and a value as an element: where an operator has no lift and lower,
// itself.
template <class M, class T>
auto lifted(const M& op, const T& x) {
  if constexpr (requires { op.lift(x); }) {
    return op.lift(x);
  } else {
    return x;
  }
}
template <class M, class Value>
auto lowered(const M& op, const Value& value) {
  if constexpr (requires { op.lower(value); }) {
    return op.lower(value);
  } else {
    return value;
  }
}
template <class M, class T>
auto accumulated_value(const M& op, const typename M::value_type& value, const T& x) {
  if constexpr (requires { op.accumulate(value, x); }) {
    return op.accumulate(value, x);
  } else {
    return op.combine(value, lifted(op, x));
  }
}

template <class M, class T>
void check_identity(const std::vector<T>& values) {
  const M op;
  for (const T& x : values) {
    CHECK(distance(lowered(op, op.combine(op.identity(), lifted(op, x))), x) == 0);
    CHECK(distance(lowered(op, op.combine(lifted(op, x), op.identity())), x) == 0);
  }
}

template <class M, class T>
void check_associative(const std::vector<T>& values) {
  const M op;
  for (const T& a : values)
    for (const T& b : values)
      for (const T& c : values)
        CHECK(distance(op.combine(op.combine(a, b), c), op.combine(a, op.combine(b, c))) == 0);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("Operators.LawsOnIntegers", "", Integers) {
  using T = TestType;
  const auto check = [](auto op) {
    using M = MonoidOf<decltype(op), T>;
    check_identity<M>(integers<T>());
    check_associative<M>(integers<T>());
  };
  check(CompensatedSum{});
  check(Sum{});
  check(Prod{});
  check(Max{});
  check(Min{});
}

TEMPLATE_LIST_TEST_CASE("Operators.LawsOnFloatingPointNumbers", "", Floats) {
  using T = TestType;
  check_identity<MonoidOf<Sum, T>>(floats<T>());
  check_identity<MonoidOf<Prod, T>>(floats<T>());
  check_identity<MonoidOf<Max, T>>(floats<T>());
  check_identity<MonoidOf<Min, T>>(floats<T>());
  check_associative<MonoidOf<Max, T>>(floats<T>());
  check_associative<MonoidOf<Min, T>>(floats<T>());
}

TEMPLATE_LIST_TEST_CASE("Operators.CompensatedSumLiftsAndLowers", "", Floats) {
  using T = TestType;
  const MonoidOf<CompensatedSum, T> op;
  for (const T x : floats<T>()) {
    CHECK(distance(op.lower(op.lift(x)), x) == 0);
    CHECK(distance(op.lower(op.combine(op.identity(), op.lift(x))), x) == 0);
    CHECK(distance(op.lower(op.combine(op.lift(x), op.identity())), x) == 0);
    CHECK(distance(op.lower(accumulated_value(op, op.identity(), x)), x) == 0);
    for (const T y : floats<T>()) {
      CHECK(distance(op.lower(op.combine(op.lift(x), op.lift(y))), x + y) == 0);
      CHECK(distance(op.lower(accumulated_value(op, op.lift(x), y)), x + y) == 0);
    }
  }
}

TEST_CASE("Operators.IntegersWrapAround") {
  using Limits = std::numeric_limits<std::int32_t>;
  CHECK(MonoidOf<Sum, std::int32_t>{}.combine(Limits::max(), 1) == Limits::lowest());
  CHECK(MonoidOf<CompensatedSum, std::int32_t>{}.combine(Limits::lowest(), -1) == Limits::max());
  CHECK(MonoidOf<Prod, std::int32_t>{}.combine(Limits::max(), 2) == -2);
  CHECK(MonoidOf<Prod, std::int64_t>{}.combine(std::int64_t{1} << 62, 4) == 0);
  CHECK(MonoidOf<Sum, std::uint32_t>{}.combine(0xffffffffU, 2U) == 1U);
}

TEMPLATE_LIST_TEST_CASE("Operators.NanSpreadsFromEitherSide", "", Floats) {
  using T = TestType;
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const T infinity = std::numeric_limits<T>::infinity();
  for (const T x : {T(0), T(1), infinity, -infinity}) {
    CHECK(std::isnan(MonoidOf<Max, T>{}.combine(x, nan)));
    CHECK(std::isnan(MonoidOf<Max, T>{}.combine(nan, x)));
    CHECK(std::isnan(MonoidOf<Min, T>{}.combine(x, nan)));
    CHECK(std::isnan(MonoidOf<Min, T>{}.combine(nan, x)));
  }
}

TEST_CASE("Operators.IdentitiesOfMaxAndMin") {
  CHECK(MonoidOf<Max, float>{}.identity() == -std::numeric_limits<float>::infinity());
  CHECK(MonoidOf<Min, double>{}.identity() == std::numeric_limits<double>::infinity());
  CHECK(MonoidOf<Max, std::int32_t>{}.identity() == std::numeric_limits<std::int32_t>::lowest());
  CHECK(MonoidOf<Min, std::int64_t>{}.identity() == std::numeric_limits<std::int64_t>::max());
  CHECK(MonoidOf<Max, std::uint32_t>{}.identity() == 0);
  CHECK(MonoidOf<Min, std::uint64_t>{}.identity() == std::numeric_limits<std::uint64_t>::max());
}

// The tests' own monoids, which other tests take for granted.
TEST_CASE("Operators.TheTestsMonoidsAreMonoids") {
  const auto check = []<class Op>(Op op) {
    std::vector<typename Op::value_type> values;
    for (std::uint64_t i = 0; i < 12; ++i) values.push_back(random_value(op, i));
    check_identity<Op>(values);
    check_associative<Op>(values);
  };
  check(LastNonZero{});
  check(MatrixProduct<1>{});
  check(MatrixProduct<2>{});
  check(MatrixProduct<4>{});
  check(AffineComposition{});

  const AffineComposition op;
  const AffineMap a = random_value(op, 1);
  const AffineMap b = random_value(op, 2);
  CHECK(op.combine(a, b) != op.combine(b, a));
}
