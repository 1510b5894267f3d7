// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// CompensatedValue by itself, and with CompensatedSumReducer in the reductions and scans of
// anyone's own kernels: at range, team and vector level.

#include <Kokkos_Core.hpp>
#include <bit>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fused_scan/compensated_sum.hpp>
#include <fused_scan/impl/operator/rounding.hpp>
#include <limits>
#include <tuple>
#include <type_traits>
#include <vector>

#include "exact_sum.hpp"
#include "random_bits.hpp"
#include "test_views.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Floats = std::tuple<float, double>;

static_assert(std::is_trivially_copyable_v<CompensatedValue<float>>);
static_assert(sizeof(CompensatedValue<float>) == 2 * sizeof(float));
static_assert(sizeof(CompensatedValue<Kokkos::complex<double>>) == 4 * sizeof(double));

template <class T>
constexpr double unit_roundoff = std::numeric_limits<T>::epsilon() / 2;

// Finite numbers of any size, but for the very largest.
template <class T>
T any_number(std::uint64_t i) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  const auto x = std::bit_cast<T>(static_cast<Bits>(random_bits(i)));
  return std::abs(x) < std::numeric_limits<T>::max() / 4 ? x : T(0);
}

// Large numbers that cancel and small ones that remain: a plain sum of them is far off.
template <class T>
T hard_number(std::size_t i) {
  const double small = random_fraction(i);
  const double large = 64 * (1 + random_fraction(i / 2));
  return static_cast<T>(i % 4 == 0 ? large : i % 4 == 1 ? -large : small);
}

template <class T>
std::vector<T> hard_numbers(std::size_t n) {
  std::vector<T> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = hard_number<T>(i);
  return x;
}

template <class T>
bool within_bound(const CompensatedValue<T>& sum, const ExactSum& exact, double magnitude,
                  std::size_t n) {
  constexpr double u = unit_roundoff<T>;
  ExactSum error = exact;
  error.add(-static_cast<double>(sum.value()));
  return std::abs(error.round<double>()) <=
         u * std::abs(exact.round<double>()) + static_cast<double>(n) * u * u * magnitude;
}

template <class T, class Iterator>
bool is_sum_of(const CompensatedValue<T>& sum, Iterator first, Iterator last) {
  ExactSum exact;
  double magnitude = 0;
  for (Iterator x = first; x != last; ++x) {
    exact.add(*x);
    magnitude += std::abs(static_cast<double>(*x));
  }
  return within_bound(sum, exact, magnitude, static_cast<std::size_t>(last - first));
}

template <class T>
struct Pair {
  T a, b;
};

/// Every other pair is of about the same size, so that their digits overlap.
template <class T>
Pair<T> any_pair(std::uint64_t i) {
  const T a = any_number<T>(2 * i);
  const T b = i % 2 == 0 ? any_number<T>(2 * i + 1)
                         : static_cast<T>(a * (4 * random_fraction(2 * i + 1) - 2) / 2);
  return {a, b};
}

template <class View>
void add_to_odd(const View& sums) {
  Kokkos::parallel_for(
      "odd sums", Kokkos::RangePolicy<typename View::execution_space>(0, sums.extent(0)),
      KOKKOS_LAMBDA(std::size_t i) { sums(i, 2) = impl::odd_sum(sums(i, 0), sums(i, 1)); });
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("CompensatedSum.TwoSumIsExact", "", Floats) {
  using T = TestType;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const auto [a, b] = any_pair<T>(i);
    const auto sum = two_sum(a, b);
    CHECK(sum.sum == a + b);
    ExactSum rest;
    for (const double x : {static_cast<double>(a), static_cast<double>(b),
                           -static_cast<double>(sum.sum), -static_cast<double>(sum.compensation)})
      rest.add(x);
    CHECK(rest.round<double>() == 0);
  }
}

// The exact sum lies between the odd one and its neighbour, unless it is a number itself.
TEMPLATE_LIST_TEST_CASE("CompensatedSum.OddSumsLieBesideTheExactOne", "", Floats) {
  using T = TestType;
  constexpr std::size_t n = 100'000;
  constexpr T infinity = std::numeric_limits<T>::infinity();
  Kokkos::View<T* [3], Kokkos::DefaultExecutionSpace> sums("sums", n);
  const auto on_host = Kokkos::create_mirror_view(sums);
  for (std::size_t i = 0; i < n; ++i) {
    const auto [a, b] = any_pair<T>(i);
    on_host(i, 0) = a;
    on_host(i, 1) = b;
  }
  Kokkos::deep_copy(sums, on_host);
  add_to_odd(sums);
  Kokkos::deep_copy(on_host, sums);
  std::size_t inexact = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const T a = on_host(i, 0), b = on_host(i, 1), odd = on_host(i, 2);
    const auto side_of_exact_sum = [&](T number) {
      ExactSum rest;
      for (const T x : {a, b, -number}) rest.add(x);
      const double value = rest.round<double>();
      return value > 0 ? 1 : value < 0 ? -1 : 0;
    };
    CHECK(impl::bits_of(odd) == impl::bits_of(impl::odd_sum(a, b)));
    const int side = side_of_exact_sum(odd);
    if (two_sum(a, b).compensation == 0) {
      CHECK(side == 0);
      continue;
    }
    ++inexact;
    CHECK((impl::bits_of(odd) & 1) == 1);
    CHECK(side != 0);
    CHECK(side_of_exact_sum(std::nextafter(odd, side > 0 ? infinity : -infinity)) == -side);
  }
  CHECK(inexact > 1000);
  for (const T nan : {infinity - infinity, -(infinity - infinity)})
    CHECK(!std::isfinite(impl::odd_sum(nan, nan)));
}

TEMPLATE_LIST_TEST_CASE("CompensatedSum.TwoSumOfComplexNumbersIsOneOfEachPart", "", Floats) {
  using T = TestType;
  using Complex = Kokkos::complex<T>;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const Complex a(any_number<T>(4 * i), any_number<T>(4 * i + 1));
    const Complex b(any_number<T>(4 * i + 2), any_number<T>(4 * i + 3));
    const auto sum = two_sum(a, b);
    const auto real = two_sum(a.real(), b.real());
    const auto imag = two_sum(a.imag(), b.imag());
    CHECK(sum.sum == Complex(real.sum, imag.sum));
    CHECK(sum.compensation == Complex(real.compensation, imag.compensation));
  }
}

TEMPLATE_LIST_TEST_CASE("CompensatedSum.AddsNumbersAndPairs", "", Floats) {
  using T = TestType;
  constexpr T tiny = unit_roundoff<T> / 4;
  CompensatedValue<T> sum;
  CHECK(sum.value() == 0);
  sum += T(1);
  sum += tiny;
  CHECK(sum == CompensatedValue<T>(1, tiny));
  CHECK(sum.value() == 1);
  sum += CompensatedValue<T>(-1, tiny / 2);
  CHECK(sum.value() == tiny + tiny / 2);
  CHECK((CompensatedValue<T>(1, tiny) + CompensatedValue<T>(-1, tiny)).value() == 2 * tiny);
}

// The compensation stays within half an ulp of the sum, however long the sum gets.
TEMPLATE_LIST_TEST_CASE("CompensatedSum.IsRenormalised", "", Floats) {
  using T = TestType;
  CompensatedValue<T> sum;
  ExactSum exact;
  double largest = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    sum += T(0.1);
    exact.add(T(0.1));
    largest = std::max(largest, std::abs(double(sum.compensation)) / double(sum.sum));
  }
  CHECK(largest <= unit_roundoff<T>);
  CHECK(sum.value() == exact.round<T>());
}

TEMPLATE_LIST_TEST_CASE("CompensatedSum.NotFinite", "", Floats) {
  using T = TestType;
  constexpr T infinity = std::numeric_limits<T>::infinity();
  constexpr T largest = std::numeric_limits<T>::max();
  const auto sum_of = [](auto... x) {
    CompensatedValue<T> sum;
    ((sum += x), ...);
    return sum;
  };
  for (const auto& sum : {sum_of(T(1), infinity), sum_of(infinity, T(1)), sum_of(largest, largest),
                          sum_of(infinity, infinity), sum_of(infinity, -largest),
                          CompensatedValue<T>(largest) + CompensatedValue<T>(largest)}) {
    CHECK(sum.value() == infinity);
    CHECK(sum.compensation == 0);
  }
  CHECK(std::isnan(sum_of(infinity, -infinity).value()));
  CHECK(std::isnan(sum_of(T(1), std::numeric_limits<T>::quiet_NaN(), T(1)).value()));
}

// ---- in reductions and scans ----------------------------------------------------------------

namespace {

constexpr std::size_t n_numbers = 100'003;
constexpr int n_rows = 40;
constexpr int row_length = 1031;

template <class T, class Exec>
Kokkos::View<T*, Exec> hard_view(std::size_t n) {
  HostArray<T> array({n});
  array.values = hard_numbers<T>(n);
  return make_view<Kokkos::View<T*, Exec>>("x", array);
}

// A plain sum of these would be out of bounds: no test below is passed without the compensation.
template <class T>
bool plain_sum_is_out_of_bounds(const std::vector<T>& x) {
  T sum = 0;
  for (const T& number : x) sum += number;
  return !is_sum_of(CompensatedValue<T>(sum), x.begin(), x.end());
}

template <class T>
bool rows_are_summed(const std::vector<CompensatedValue<T>>& sums, const std::vector<T>& x) {
  bool all = true;
  for (int row = 0; row < n_rows; ++row) {
    const auto first = x.begin() + row * row_length;
    all = all && is_sum_of(sums[static_cast<std::size_t>(row)], first, first + row_length);
  }
  return all;
}

template <class T>
bool is_scan_of(const std::vector<CompensatedValue<T>>& sums, const std::vector<T>& x,
                std::size_t length) {
  bool all = sums.size() == x.size();
  for (std::size_t begin = 0; begin < x.size(); begin += length) {
    ExactSum exact;
    double magnitude = 0;
    for (std::size_t i = begin; i < begin + length; ++i) {
      exact.add(x[i]);
      magnitude += std::abs(static_cast<double>(x[i]));
      all = all && within_bound(sums[i], exact, magnitude, i - begin + 1);
    }
  }
  return all;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("CompensatedSum.HardNumbersAreHard", "", Floats) {
  CHECK(plain_sum_is_out_of_bounds(hard_numbers<TestType>(n_numbers)));
  CHECK(plain_sum_is_out_of_bounds(hard_numbers<TestType>(row_length)));
}

// Functions, since nvcc wants no kernel in a generic lambda.

template <class Exec, class T>
void check_range_reduce() {
  const auto x = hard_view<T, Exec>(n_numbers);
  const auto numbers = hard_numbers<T>(n_numbers);
  const Kokkos::RangePolicy<Exec> policy(0, n_numbers);

  const auto add = KOKKOS_LAMBDA(int i, CompensatedValue<T>& sum) { sum += x(i); };
  CompensatedValue<T> total(99);
  Kokkos::parallel_reduce(policy, add, CompensatedSumReducer<T, Kokkos::HostSpace>(total));
  CHECK(is_sum_of(total, numbers.begin(), numbers.end()));

  const Kokkos::View<CompensatedValue<T>, Exec> result("result");
  Kokkos::parallel_reduce(policy, add,
                          CompensatedSumReducer<T, typename Exec::memory_space>(result));
  CHECK(is_sum_of(read(result).values[0], numbers.begin(), numbers.end()));

  total = CompensatedValue<T>(99);
  Kokkos::parallel_reduce(policy, add, total);
  CHECK(is_sum_of(total, numbers.begin(), numbers.end()));

  total = CompensatedValue<T>(99);
  Kokkos::parallel_reduce(policy, add, Kokkos::Sum<CompensatedValue<T>>(total));
  CHECK(is_sum_of(total, numbers.begin(), numbers.end()));
}

TEMPLATE_LIST_TEST_CASE("CompensatedSum.RangeReduce", "", ExecutionSpaces) {
  for_each_type<Floats>([]<class T>(T) { check_range_reduce<TestType, T>(); });
}

template <class Exec, class T>
void check_range_scan() {
  const auto x = hard_view<T, Exec>(n_numbers);
  const Kokkos::View<CompensatedValue<T>*, Exec> sums("sums", n_numbers);
  CompensatedValue<T> total;
  Kokkos::parallel_scan(
      Kokkos::RangePolicy<Exec>(0, n_numbers),
      KOKKOS_LAMBDA(int i, CompensatedValue<T>& sum, bool is_final) {
        sum += x(i);
        if (is_final) sums(i) = sum;
      },
      total);
  const auto numbers = hard_numbers<T>(n_numbers);
  CHECK(is_scan_of(read(sums).values, numbers, n_numbers));
  CHECK(is_sum_of(total, numbers.begin(), numbers.end()));
}

TEMPLATE_LIST_TEST_CASE("CompensatedSum.RangeScan", "", ExecutionSpaces) {
  for_each_type<Floats>([]<class T>(T) { check_range_scan<TestType, T>(); });
}

template <class Exec, class T>
void check_team_reduce() {
  using Policy = Kokkos::TeamPolicy<Exec>;
  using Team = typename Policy::member_type;
  using Reducer = CompensatedSumReducer<T, typename Exec::memory_space>;
  const auto x = hard_view<T, Exec>(n_rows * row_length);
  const int length = row_length;
  const auto numbers = hard_numbers<T>(n_rows * row_length);
  const Kokkos::View<CompensatedValue<T>*, Exec> by_range("range", n_rows);
  const Kokkos::View<CompensatedValue<T>*, Exec> by_team("team", n_rows);
  const Kokkos::View<CompensatedValue<T>*, Exec> by_vector("vector", n_rows);
  Kokkos::parallel_for(
      Policy(n_rows, Kokkos::AUTO), KOKKOS_LAMBDA(const Team& team) {
        const int row = team.league_rank();
        const auto add = [&](int i, CompensatedValue<T>& sum) { sum += x(row * length + i); };

        CompensatedValue<T> sum;
        Kokkos::parallel_reduce(Kokkos::TeamThreadRange(team, length), add, Reducer(sum));
        Kokkos::single(Kokkos::PerTeam(team), [&] { by_range(row) = sum; });

        CompensatedValue<T> part;
        for (int i = team.team_rank(); i < length; i += team.team_size()) add(i, part);
        team.team_reduce(Reducer(part));
        Kokkos::single(Kokkos::PerTeam(team), [&] { by_team(row) = part; });

        CompensatedValue<T> all;
        Kokkos::parallel_reduce(Kokkos::TeamVectorRange(team, length), add, Reducer(all));
        Kokkos::single(Kokkos::PerTeam(team), [&] { by_vector(row) = all; });
      });
  CHECK(rows_are_summed(read(by_range).values, numbers));
  CHECK(rows_are_summed(read(by_team).values, numbers));
  CHECK(rows_are_summed(read(by_vector).values, numbers));
}

TEMPLATE_LIST_TEST_CASE("CompensatedSum.TeamReduce", "", ExecutionSpaces) {
  for_each_type<Floats>([]<class T>(T) { check_team_reduce<TestType, T>(); });
}

template <class Exec, class T>
void check_vector_reduce() {
  using Policy = Kokkos::TeamPolicy<Exec>;
  using Team = typename Policy::member_type;
  using Reducer = CompensatedSumReducer<T, typename Exec::memory_space>;
  const auto x = hard_view<T, Exec>(n_rows * row_length);
  const int length = row_length;
  const Kokkos::View<CompensatedValue<T>*, Exec> sums("sums", n_rows);
  Kokkos::parallel_for(
      Policy(n_rows, 1, Policy::vector_length_max() < 8 ? 1 : 8), KOKKOS_LAMBDA(const Team& team) {
        const int row = team.league_rank();
        CompensatedValue<T> sum;
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, length),
            [&](int i, CompensatedValue<T>& part) { part += x(row * length + i); }, Reducer(sum));
        Kokkos::single(Kokkos::PerThread(team), [&] { sums(row) = sum; });
      });
  CHECK(rows_are_summed(read(sums).values, hard_numbers<T>(n_rows * row_length)));
}

TEMPLATE_LIST_TEST_CASE("CompensatedSum.VectorReduce", "", ExecutionSpaces) {
  for_each_type<Floats>([]<class T>(T) { check_vector_reduce<TestType, T>(); });
}

template <class Exec, class T>
void check_team_and_vector_scan() {
  using Policy = Kokkos::TeamPolicy<Exec>;
  using Team = typename Policy::member_type;
  const auto x = hard_view<T, Exec>(n_rows * row_length);
  const int length = row_length;
  const auto numbers = hard_numbers<T>(n_rows * row_length);
  const Kokkos::View<CompensatedValue<T>*, Exec> by_team("team", numbers.size());
  const Kokkos::View<CompensatedValue<T>*, Exec> by_vector("vector", numbers.size());
  // Kokkos' scan over the threads of a CUDA team has room for 8 bytes of each; the rest is here.
  Policy policy(n_rows, Kokkos::AUTO);
  policy.set_scratch_size(0, Kokkos::PerThread(sizeof(CompensatedValue<T>)));
  Kokkos::parallel_for(
      policy, KOKKOS_LAMBDA(const Team& team) {
        const int first = team.league_rank() * length;
        Kokkos::parallel_scan(Kokkos::TeamThreadRange(team, length),
                              [&](int i, CompensatedValue<T>& sum, bool is_final) {
                                sum += x(first + i);
                                if (is_final) by_team(first + i) = sum;
                              });
        if (team.team_rank() == 0)
          Kokkos::parallel_scan(Kokkos::ThreadVectorRange(team, length),
                                [&](int i, CompensatedValue<T>& sum, bool is_final) {
                                  sum += x(first + i);
                                  if (is_final) by_vector(first + i) = sum;
                                });
      });
  CHECK(is_scan_of(read(by_team).values, numbers, row_length));
  CHECK(is_scan_of(read(by_vector).values, numbers, row_length));
}

TEMPLATE_LIST_TEST_CASE("CompensatedSum.TeamAndVectorScan", "", ExecutionSpaces) {
  for_each_type<Floats>([]<class T>(T) { check_team_and_vector_scan<TestType, T>(); });
}
