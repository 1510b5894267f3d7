// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// How near CompensatedSum comes to the exact sums, on sums that are hard on purpose.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fused_scan/scan.hpp>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "exact_sum.hpp"
#include "random_bits.hpp"
#include "scan_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Floats = std::tuple<float, double>;

template <class T>
using Line = std::vector<T>;

// ---- hard sums ------------------------------------------------------------------------------

constexpr std::size_t length = 100'003;

template <class T, class F>
Line<T> generated(F f) {
  Line<T> line(length);
  for (std::size_t i = 0; i < length; ++i) line[i] = static_cast<T>(f(i));
  return line;
}

// Both signs, and magnitudes that span `octaves` powers of two.
double wide(std::uint64_t i, int octaves) {
  const double x = 2 * random_fraction(2 * i) - 1;
  return std::ldexp(x, static_cast<int>(random_bits(2 * i + 1) % static_cast<unsigned>(octaves)));
}

template <class T>
struct HardSum {
  std::string name;
  Line<T> line;
};

template <class T>
std::vector<HardSum<T>> hard_sums() {
  const double smallest = std::numeric_limits<T>::min();
  const auto by_size = [](T a, T b) { return std::abs(a) < std::abs(b); };

  Line<T> ascending = generated<T>([](std::size_t i) { return std::abs(wide(i, 40)); });
  std::ranges::sort(ascending);
  const Line<T> descending(ascending.rbegin(), ascending.rend());
  Line<T> both_signs = generated<T>([](std::size_t i) { return wide(i, 40); });
  std::ranges::sort(both_signs, by_size);

  // All that was added is taken away again, in another order: the last sum is nothing.
  Line<T> to_zero = generated<T>([](std::size_t i) { return wide(i, 20); });
  const std::size_t half = length / 2;
  to_zero.back() = 0;
  for (std::size_t i = 0; i < half; ++i) to_zero[half + i] = -to_zero[i * 7919 % half];

  return {
      {"a million times 0.1", Line<T>(1'000'000, T(0.1))},
      {"4096, 0.001, -4096, 0.001", generated<T>([](std::size_t i) {
         return i % 2 ? 1e-3 : i % 4 ? -4096 : 4096;
       })},
      {"fractions", generated<T>(random_fraction)},
      {"both signs", generated<T>([](std::size_t i) { return wide(i, 1); })},
      {"40 octaves", generated<T>([](std::size_t i) { return wide(i, 40); })},
      {"ascending", ascending},
      {"descending", descending},
      {"both signs ascending", both_signs},
      {"to zero", to_zero},
      {"harmonic", generated<T>([](std::size_t i) { return 1.0 / static_cast<double>(i + 1); })},
      // Up and down through the smallest normal number; ten terms are about one of it.
      {"denormals",
       generated<T>([=](std::size_t i) { return std::ldexp(wide(i, 4), -7) * smallest; })},
      {"down to denormals and up again", generated<T>([=](std::size_t i) {
         const double scale = std::abs(static_cast<double>(i) / (length / 2.0) - 1);
         return wide(i, 1) * std::exp2(-100 + 100 * scale) * smallest * 0x1p100;
       })},
  };
}

// ---- the promise ----------------------------------------------------------------------------

// Wherever the condition number sum |x| / |sum x| is below 2^20, a sum is within 1 ulp of the exact
// one rounded once, and 99.9% of them are equal to it. Beyond that it has the error that a pair can
// promise, u |P| + n u^2 sum |x|.
template <class T>
class Promise {
 public:
  void check(const Line<T>& line, const Line<T>& sums, ScanKind kind) {
    ExactSum exact;
    double magnitude = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (kind == ScanKind::exclusive) check_one(i, sums[i], exact, magnitude);
      exact.add(line[i]);
      magnitude += std::abs(static_cast<double>(line[i]));
      if (kind == ScanKind::inclusive) check_one(i + 1, sums[i], exact, magnitude);
    }
  }

  std::size_t broken() const { return m_broken; }
  double share_equal() const {
    return m_well == 0 ? 1.0 : static_cast<double>(m_equal) / static_cast<double>(m_well);
  }

 private:
  void check_one(std::size_t n, T sum, const ExactSum& exact, double magnitude) {
    const T rounded = exact.round<T>();
    const double size = std::abs(static_cast<double>(rounded));
    if (magnitude < 0x1p20 * size || magnitude == 0) {
      ++m_well;
      m_equal += sum == rounded ? 1 : 0;
      m_broken += distance(sum, rounded) <= 1 ? 0 : 1;
    } else {
      constexpr double u = std::numeric_limits<T>::epsilon() / 2;
      ExactSum error = exact;
      error.add(-static_cast<double>(sum));
      const double bound = u * size + static_cast<double>(n) * u * u * magnitude;
      m_broken += std::abs(error.round<double>()) <= bound ? 0 : 1;
    }
  }

  std::size_t m_well = 0;
  std::size_t m_equal = 0;
  std::size_t m_broken = 0;
};

template <class T>
Line<T> plain_sums(const Line<T>& line) {
  Line<T> sums(line.size());
  T sum = 0;
  for (std::size_t i = 0; i < line.size(); ++i) sums[i] = sum += line[i];
  return sums;
}

// `lines` copies of the line beside each other, each beginning one element later than the one
// before.
template <class T>
HostArray<T> side_by_side(const Line<T>& line, std::size_t lines) {
  HostArray<T> array({line.size(), lines});
  for (std::size_t i = 0; i < line.size(); ++i)
    for (std::size_t j = 0; j < lines; ++j)
      array.values[i * lines + j] = line[(i + j) % line.size()];
  return array;
}

template <class T>
void check_promise(const Line<T>& line, std::size_t n_lines, const ScanCall& call) {
  INFO(n_lines << " lines of " << line.size() << ", " << to_string(call));
  using View = ViewOfRank<T, 2, Kokkos::LayoutRight, Kokkos::DefaultExecutionSpace>;
  const auto array = side_by_side(line, n_lines);
  const auto sums = scanned<View, View>(array, CompensatedSum{}, call);
  Promise<T> promise;
  for (std::size_t j = 0; j < n_lines; ++j) {
    const auto walked = [&](const HostArray<T>& lines) {
      Line<T> one(line.size());
      for (std::size_t i = 0; i < one.size(); ++i) one[i] = lines.values[i * n_lines + j];
      if (call.direction == Direction::reverse) std::ranges::reverse(one);
      return one;
    };
    promise.check(walked(array), walked(sums), call.kind);
  }
  CHECK(promise.broken() == 0);
  CHECK(promise.share_equal() >= 0.999);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("ScanAccuracy.HardSumsKeepThePromise", "", Floats) {
  for (const auto& [name, line] : hard_sums<TestType>()) {
    INFO(name);
    check_promise(line, 1, {.axis = 0});
    check_promise(line, 3, {.kind = ScanKind::exclusive, .axis = 0});
    const Line<TestType> beginning(line.begin(), line.begin() + 4001);
    check_promise(beginning, 40, {.direction = Direction::reverse, .axis = 0});
  }
}

// A sum of large terms is often exactly half-way between two floats, and the small ones, which
// decide, are less than the last bit of a pair of them.
TEMPLATE_LIST_TEST_CASE("ScanAccuracy.LargeAndSmallInTurn", "", Floats) {
  using T = TestType;
  struct Terms {
    double large, small;
  };
  constexpr bool is_float = std::is_same_v<T, float>;
  // Of 1e22, as of 1e8, about as many bits are set as the type has.
  const std::vector<Terms> all{
      {1e8, 1e-8},   {1e8, -1e-8},   {-1e8, 1e-8}, {is_float ? 0.1 : 1e17, 1e-17},
      {1e22, 1e-22}, {1e22, -1e-22}, {0.1, -1e-30}};
  for (const auto& [large, small] : all)
    for (const std::size_t n : {100, 1000, 4097, 100'000}) {
      INFO(large << ", " << small);
      Line<T> line(n);
      for (std::size_t i = 0; i < n; ++i) line[i] = static_cast<T>(i % 2 ? small : large);
      check_promise(line, 1, {.axis = 0});
      check_promise(line, 1, {.direction = Direction::reverse, .axis = 0});
      check_promise(line, 17, {.kind = ScanKind::exclusive, .axis = 0});
    }
}

// A plain sum breaks the promise on every one of them: it is the compensation that keeps it.
TEMPLATE_LIST_TEST_CASE("ScanAccuracy.PlainSumsBreakThePromise", "", Floats) {
  for (const auto& [name, line] : hard_sums<TestType>()) {
    INFO(name);
    Promise<TestType> promise;
    promise.check(line, plain_sums(line), ScanKind::inclusive);
    CHECK((promise.broken() > 0 || promise.share_equal() < 0.999));
  }
}

// Half-way between two floats it is the last bits that decide, if there are any.
TEMPLATE_LIST_TEST_CASE("ScanAccuracy.TiesAreBrokenByTheLastBits", "", Floats) {
  using T = TestType;
  using View = ViewOfRank<T, 1, Kokkos::LayoutRight, Kokkos::DefaultExecutionSpace>;
  constexpr T u = std::numeric_limits<T>::epsilon() / 2;
  constexpr T last_bit = 2 * u * u;  // of a pair whose sum is 1 and whose compensation is u
  HostArray<T> array({7});
  array.values = {1, u, last_bit, -2 * last_bit, last_bit, 2 * u, last_bit};
  const T next = 1 + 2 * u;
  const T after = 1 + 4 * u;
  const std::vector<T> expected{1, 1, next, 1, 1, after, after};
  CHECK(scanned<View, View>(array, CompensatedSum{}, {}).values == expected);
  CHECK(exactly_summed(array, {}).values == expected);
}
