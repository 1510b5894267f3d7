// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The reference of all accuracy tests, tested itself against integer and quadruple arithmetic.

#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstdint>
#include <limits>

#include "exact_sum.hpp"
#include "random_bits.hpp"

namespace {

using fused_scan::test::ExactSum;
using fused_scan::test::FloatFormat;
using fused_scan::test::random_bits;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double max_double = std::numeric_limits<double>::max();
constexpr float max_float = std::numeric_limits<float>::max();

template <class... X>
ExactSum sum_of(X... x) {
  ExactSum sum;
  (sum.add(x), ...);
  return sum;
}

double power_of_two(int exponent) { return std::ldexp(1.0, exponent); }

}  // namespace

TEST_CASE("ExactSum.NothingIsZero") {
  CHECK(ExactSum{}.round<double>() == 0.0);
  CHECK(ExactSum{}.round<float>() == 0.0F);
}

TEST_CASE("ExactSum.OneTermComesBack") {
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const auto x = std::bit_cast<double>(random_bits(i));
    if (!std::isfinite(x)) continue;
    CHECK(sum_of(x).round<double>() == x);
    CHECK(sum_of(x, -x).round<double>() == 0.0);
  }
  CHECK(sum_of(std::numeric_limits<double>::denorm_min()).round<double>() ==
        std::numeric_limits<double>::denorm_min());
  CHECK(sum_of(-max_double).round<double>() == -max_double);
}

// A conversion from double to float rounds once, in hardware.
TEST_CASE("ExactSum.OneTermRoundsToFloatAsTheHardwareDoes") {
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    // Exponents from below the smallest denormal float up to the largest float.
    const std::uint64_t exponent = 1023 - 155 + random_bits(2 * i) % 282;
    const std::uint64_t bits = random_bits(2 * i + 1);
    const auto x = std::bit_cast<double>((bits & 0x800fffffffffffffU) | exponent << 52);
    CHECK(sum_of(x).round<float>() == static_cast<float>(x));
  }
}

#ifdef __SIZEOF_INT128__
// A conversion from a 128-bit integer rounds once, to nearest even.
TEST_CASE("ExactSum.AgreesWithIntegerArithmetic") {
  __extension__ using Integer = __int128;
  for (const std::uint64_t seed : {0U, 1U, 2U, 3U}) {
    ExactSum sum;
    Integer integer = 0;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      const auto mantissa = static_cast<std::int64_t>(random_bits(1000 * seed + i)) >> 11;
      const int exponent = static_cast<int>(i * i % 60);
      sum.add(std::ldexp(static_cast<double>(mantissa), exponent));
      integer += static_cast<Integer>(mantissa) * (Integer{1} << exponent);
      CHECK(sum.round<double>() == static_cast<double>(integer));
      CHECK(sum.round<float>() == static_cast<float>(integer));
    }
  }
}
#endif

#ifdef __SIZEOF_FLOAT128__
// 113 bits hold the sum of 1000 doubles whose exponents span less than 50.
TEST_CASE("ExactSum.AgreesWithQuadrupleArithmetic") {
  __extension__ using Quad = __float128;
  for (const int lowest_exponent : {-1074, -1000, -100, 0, 900}) {
    ExactSum sum;
    Quad quad = 0;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      const auto mantissa = static_cast<double>(static_cast<std::int64_t>(random_bits(i)) >> 11);
      const auto exponent = lowest_exponent + static_cast<int>(random_bits(i + 1000) % 49);
      const double x = std::ldexp(mantissa, exponent);
      sum.add(x);
      quad += x;
      CHECK(sum.round<double>() == static_cast<double>(quad));
      if (lowest_exponent == -100) CHECK(sum.round<float>() == static_cast<float>(quad));
    }
  }
}
#endif

TEST_CASE("ExactSum.TiesGoToEven") {
  const double half_ulp = power_of_two(-24);  // of 1.0F
  CHECK(sum_of(1.0, half_ulp).round<float>() == 1.0F);
  CHECK(sum_of(1.0, 3 * half_ulp).round<float>() == 1.0F + 4 * static_cast<float>(half_ulp));
  CHECK(sum_of(-1.0, -half_ulp).round<float>() == -1.0F);
  CHECK(sum_of(1.0, half_ulp, power_of_two(-1074)).round<float>() == std::nextafter(1.0F, 2.0F));
  CHECK(sum_of(1.0, half_ulp, -power_of_two(-1074)).round<float>() == 1.0F);
  CHECK(sum_of(1.0, 3 * half_ulp, -power_of_two(-1074)).round<float>() ==
        std::nextafter(1.0F, 2.0F));
  CHECK(sum_of(1.0, power_of_two(-53)).round<double>() == 1.0);
  CHECK(sum_of(1.0, power_of_two(-53), power_of_two(-1074)).round<double>() ==
        std::nextafter(1.0, 2.0));
}

TEST_CASE("ExactSum.NothingIsLostOverTheWholeRange") {
  ExactSum sum = sum_of(max_double, max_double, power_of_two(-1074), 1.0);
  CHECK(sum.round<double>() == inf);
  sum.add(-max_double);
  CHECK(sum.round<double>() == max_double);
  sum.add(-max_double);
  CHECK(sum.round<double>() == 1.0);
  sum.add(-1.0);
  CHECK(sum.round<double>() == power_of_two(-1074));
  sum.add(-1.0);
  CHECK(sum.round<double>() == -1.0);
}

TEST_CASE("ExactSum.OverflowsWhereRoundingDoes") {
  const double half_ulp = power_of_two(103);  // of the largest float
  CHECK(sum_of(max_float).round<float>() == max_float);
  CHECK(sum_of(max_float, half_ulp, -1.0).round<float>() == max_float);
  CHECK(sum_of(max_float, half_ulp).round<float>() == std::numeric_limits<float>::infinity());
}

TEST_CASE("ExactSum.DenormalResults") {
  const double tiny = std::numeric_limits<float>::denorm_min();
  CHECK(sum_of(tiny / 2).round<float>() == 0.0F);  // a tie, zero is even
  CHECK(sum_of(tiny / 2, tiny / 1024).round<float>() == static_cast<float>(tiny));
  CHECK(sum_of(3 * tiny / 2).round<float>() == static_cast<float>(2 * tiny));
  CHECK(sum_of(power_of_two(-126), -tiny).round<float>() ==
        std::nextafter(std::numeric_limits<float>::min(), 0.0F));
}

// IEEE half: 11 bits, smallest normal 2^-14, largest 65504.
TEST_CASE("ExactSum.RoundsToHalf") {
  const FloatFormat half{11, -13, 16};
  CHECK(sum_of(2049.0).round_to(half) == 2048.0);
  CHECK(sum_of(2051.0).round_to(half) == 2052.0);
  CHECK(sum_of(65519.0).round_to(half) == 65504.0);
  CHECK(sum_of(65520.0).round_to(half) == inf);
  CHECK(sum_of(power_of_two(-25)).round_to(half) == 0.0);
  CHECK(sum_of(3 * power_of_two(-25)).round_to(half) == power_of_two(-23));
  // Rounding over float first would make a tie of this, and go down.
  CHECK(sum_of(1.0, power_of_two(-11), power_of_two(-40)).round_to(half) ==
        1.0 + power_of_two(-10));
}

TEST_CASE("ExactSum.NotFinite") {
  CHECK(sum_of(1.0, inf, 1.0).round<double>() == inf);
  CHECK(sum_of(-inf, max_double).round<float>() == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(sum_of(inf, -inf).round<double>()));
  CHECK(std::isnan(sum_of(1.0, std::nan(""), inf).round<float>()));
}
