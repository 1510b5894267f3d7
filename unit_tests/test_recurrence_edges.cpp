// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Numbers that leave the range of a double on the way, numbers that aren't finite, very long lines,
// and gradients against what others make of them.

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <fused_scan/recurrence.hpp>
#include <limits>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "recurrence_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Exec = Kokkos::DefaultExecutionSpace;
template <class T>
using View2 = AnyView<T, 2, Exec>;
template <class T>
using View1 = AnyView<T, 1, Exec>;

template <class T>
HostArray<T> array_of(const std::vector<T>& values) {
  HostArray<T> array({values.size()});
  array.values = values;
  return array;
}

/// h of one line, from `start`.
template <class T>
HostArray<T> recurrence(const std::vector<T>& a, const std::vector<T>& b, T start) {
  const auto a_view = make_any_view<T, 1, Exec>("a", array_of(a), Order::right);
  const auto h = make_any_view<T, 1, Exec>("h", array_of(b), Order::right);
  const Kokkos::View<T, Exec> last("last");
  linear_recurrence(Exec(), a_view, h, h, from(start), last);
  return read(h);
}

/// The same in long double, whose exponents have four bits more.
template <class T>
Expected<T> expected(const std::vector<T>& a, const std::vector<T>& b, T start) {
  return expected_recurrence<T>(array_of(a), array_of(b), {start}, 0, Direction::forward);
}

/// Where the expected number is beyond the type's range infinity, else close.
template <class T>
bool is_right(const T& actual, const Wide<T>& expected, long double magnitude) {
  const long double largest = std::numeric_limits<T>::max();
  if (std::abs(expected) > largest) return actual == std::copysign(INFINITY, expected);
  return is_close<T>(actual, expected, magnitude);
}
template <class T>
void check_right(const HostArray<T>& actual, const Expected<T>& expected) {
  for (std::size_t i = 0; i < actual.values.size(); ++i) {
    INFO("element " << i);
    REQUIRE(is_right<T>(actual.values[i], expected.value[i], expected.magnitude[i]));
  }
}

}  // namespace

// Coefficients that multiply to 10^477, of a state of 0.
TEMPLATE_TEST_CASE("RecurrenceEdges.GrowingNothing", "", float, double) {
  std::vector<TestType> a(3000, 3), b(3000, 0);
  for (const std::size_t at : {1000UL, 2345UL}) {
    a[at] = 0;
    b[at] = 5;
    for (std::size_t i = at + 1; i < at + 1000 && i < 3000; ++i) {
      a[i] = TestType(0.5);
      b[i] = 1;
    }
    a[at + 600] = b[at + 600] = 0;
    for (std::size_t i = at + 601; i < 3000; ++i) a[i] = 3, b[i] = 0;
  }
  check_right(recurrence(a, b, TestType(0)), expected(a, b, TestType(0)));
}

// A coefficient of 0 ends whatever was before, also what has lost all of its digits: the state is
// the fixed point -1/2 of a recurrence that grows.
TEMPLATE_TEST_CASE("RecurrenceEdges.ZeroResets", "", float, double) {
  std::vector<TestType> a(5000, 3), b(5000, 1);
  a[4000] = 0;
  b[4000] = 7;
  for (std::size_t i = 4001; i < 5000; ++i) a[i] = TestType(0.25);
  const auto h = recurrence(a, b, TestType(-0.5));
  for (std::size_t i = 0; i < 20; ++i) CHECK(h.values[i] == TestType(-0.5));
  CHECK(h.values[4000] == 7);
  CHECK(h.values[4001] == TestType(2.75));
  for (std::size_t i = 4100; i < 5000; ++i) REQUIRE(h.values[i] == TestType(4.0 / 3));
}

// Up beyond the range of a double and back; down to its end and back.
TEMPLATE_TEST_CASE("RecurrenceEdges.BeyondTheRange", "", float, double) {
  struct Walk {
    double factor;
    std::size_t steps;
  };
  for (const Walk& walk : {Walk{2, 3000}, {0x1p100, 100}, {0x1p-100, 10}, {0.5, 1000}}) {
    const std::vector<TestType> b(2 * walk.steps, 0);
    std::vector<TestType> a(walk.steps, static_cast<TestType>(walk.factor));
    a.resize(2 * walk.steps, static_cast<TestType>(1 / walk.factor));
    INFO("factor " << walk.factor);
    check_right(recurrence(a, b, TestType(1.25)), expected(a, b, TestType(1.25)));
  }
}

// Coefficients of all magnitudes.
TEMPLATE_TEST_CASE("RecurrenceEdges.WideRange", "", float, double) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::vector<TestType> a(300), b(300);
    for (std::size_t i = 0; i < a.size(); ++i) {
      const auto number = [&](std::uint64_t k, double exponents) {
        const double x = random_fraction(k) - 0.5;
        return static_cast<TestType>(
            std::copysign(std::exp2(exponents * (2 * random_fraction(k + 1) - 1)), x));
      };
      a[i] = number(seed * 1000000 + 4 * i, 60);
      b[i] = number(seed * 1000000 + 4 * i + 2, 100);
      if (random_bits(seed * 1000 + i) % 61 == 0) a[i] = 0;
      if (random_bits(seed * 1001 + i) % 3 == 0) b[i] = 0;
    }
    INFO("seed " << seed);
    check_right(recurrence(a, b, TestType(1)), expected(a, b, TestType(1)));
  }
}

TEMPLATE_TEST_CASE("RecurrenceEdges.LargestNumbers", "", float, double) {
  const TestType largest = std::numeric_limits<TestType>::max();
  const TestType least = std::numeric_limits<TestType>::denorm_min();
  std::vector<TestType> a, b;
  for (int i = 0; i < 50; ++i) {
    a.insert(a.end(), {largest, least, 1, -1, 0});
    b.insert(b.end(), {least, -largest, largest, largest, -least});
  }
  check_right(recurrence(a, b, least), expected(a, b, least));
}

// NaN and Inf are as in a loop, and stay in their line. After an infinite coefficient results may
// be either.
TEMPLATE_TEST_CASE("RecurrenceEdges.NotFinite", "", float, double) {
  using T = TestType;
  const T nan = std::numeric_limits<T>::quiet_NaN(), inf = std::numeric_limits<T>::infinity();
  for (const Order order : {Order::right, Order::left}) {
    const Extents extents{40, 100};
    auto a = random_array<T>(extents, 1, 1.2), b = random_array<T>(extents, 2);
    const auto clean = expected_recurrence(a, b, std::vector<T>(40, T(0)), 1, Direction::forward);
    const T numbers[] = {nan, inf, -inf};
    for (std::size_t k = 0; k < 6; ++k) {
      (k < 3 ? a : b).values[(2 + 6 * k) * 100 + 7 * k + 20] = numbers[k % 3];
    }
    // After infinity a coefficient of 0.
    b.values[39 * 100 + 50] = inf;
    a.values[39 * 100 + 60] = 0;
    const auto a_view = make_any_view<T, 2, Exec>("a", a, order);
    const auto h = make_any_view<T, 2, Exec>("h", b, order);
    linear_recurrence(Exec(), a_view, h, h);
    const auto actual = read(h);
    const auto loop = expected_recurrence(a, b, std::vector<T>(40, T(0)), 1, Direction::forward);
    for (std::size_t i = 0; i < actual.values.size(); ++i) {
      INFO("line " << i / 100 << ", element " << i % 100);
      if (i / 100 == 8 || i / 100 == 14) {
        REQUIRE(std::isfinite(actual.values[i]) == std::isfinite(loop.value[i]));
      } else if (std::isnan(loop.value[i])) {
        REQUIRE(std::isnan(actual.values[i]));
      } else if (std::isinf(loop.value[i])) {
        REQUIRE(actual.values[i] == static_cast<T>(loop.value[i]));
      } else {
        REQUIRE(is_close<T>(actual.values[i], clean.value[i], clean.magnitude[i]));
      }
    }
  }
}

// The final state is the last result, to the sign of a zero and the parts of an infinite number.
TEST_CASE("RecurrenceEdges.FinalState") {
  using C = Kokkos::complex<double>;
  for (const C last : {C(-0.0, -0.0), C(INFINITY, 1), C(2, -INFINITY)}) {
    const auto a = make_any_view<C, 1, Exec>("a", array_of<C>({C(-1), C(1)}), Order::right);
    const auto h = make_any_view<C, 1, Exec>("h", array_of<C>({C(-0.0, -0.0), last}), Order::right);
    const auto final = make_any_view<C, 0, Exec>("final", HostArray<C>(Extents{}), Order::right);
    linear_recurrence(Exec(), a, h, h, from(0.0), final);
    CHECK(same_bits(read(final).values[0], read(h).values[1]));
  }
}

// Ten million steps with a coefficient close to 1.
TEST_CASE("RecurrenceEdges.LongLine") {
  constexpr std::int64_t n = 10'000'000;
  const float near_one = std::nextafter(1.0f, 0.0f);
  const Kokkos::View<float, Kokkos::HostSpace> host_a("a");
  host_a() = near_one;
  const auto one = Kokkos::create_mirror_view_and_copy(Exec(), host_a);
  const Kokkos::View<const float*, Kokkos::LayoutStride, Exec, Kokkos::MemoryUnmanaged> a(
      one.data(), Kokkos::LayoutStride(n, 0));
  const Kokkos::View<float*, Exec> h("h", n);
  const auto on_host = Kokkos::create_mirror_view(h);
  for (std::int64_t i = 0; i < n; ++i) on_host(i) = static_cast<float>(random_fraction(i)) - 0.25f;
  const std::vector<float> b(on_host.data(), on_host.data() + n);
  Kokkos::deep_copy(h, on_host);
  linear_recurrence(Exec(), a, h, h);
  Kokkos::fence();
  Kokkos::deep_copy(on_host, h);
  long double state = 0;
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    state = near_one * state + b[i];
    wrong += !is_close<float>(on_host(i), state, state);
  }
  CHECK(wrong == 0);
}

// The gradients of L = sum of w(i) h(i), by central differences.
TEST_CASE("RecurrenceEdges.CentralDifferences") {
  const std::size_t n = 70;
  auto a = random_array<double>({n}, 1, 1.2), b = random_array<double>({n}, 2);
  const auto w = random_array<double>({n}, 3);
  double start = 0.75;
  const auto loss = [&] {
    const auto h = recurrence(a.values, b.values, start);
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += w.values[i] * h.values[i];
    return sum;
  };
  const auto difference_by = [&](double& x) {
    const double step = 1e-5, before = x;
    x = before + step;
    const double above = loss();
    x = before - step;
    const double below = loss();
    x = before;
    return (above - below) / (2 * step);
  };
  const auto view = [&](const HostArray<double>& array) {
    return make_any_view<double, 1, Exec>("array", array, Order::right);
  };
  const auto grad_a = view(w), grad_b = view(w);
  const Kokkos::View<double, Exec> grad_start("grad_start");
  linear_recurrence_backward(Exec(), view(a), view(recurrence(a.values, b.values, start)), view(w),
                             from(start), grad_a, grad_b, grad_start);
  const auto of_a = read(grad_a), of_b = read(grad_b);
  for (std::size_t i = 0; i < n; ++i) {
    INFO("element " << i);
    CHECK(std::abs(difference_by(a.values[i]) - of_a.values[i]) < 1e-7);
    CHECK(std::abs(difference_by(b.values[i]) - of_b.values[i]) < 1e-7);
  }
  CHECK(std::abs(difference_by(start) - read(grad_start).values[0]) < 1e-7);
}

// Complex gradients as PyTorch's autograd has them: golden/make_recurrence_gradients.py.
TEST_CASE("RecurrenceEdges.PyTorchGradients") {
  using C = Kokkos::complex<double>;
  constexpr std::size_t lines = 3, length = 40;
  std::map<std::string, View2<C>> views;
  std::map<std::string, View1<C>> states;
  std::ifstream file(FUSED_SCAN_GOLDEN_FILES "/recurrence_gradients.txt");
  for (std::string text, name, re, im; std::getline(file, text);) {
    if (text[0] == '#') continue;
    std::istringstream words(text);
    words >> name;
    std::vector<C> numbers;
    while (words >> re >> im) numbers.emplace_back(std::stod(re), std::stod(im));
    if (numbers.size() == lines) {
      HostArray<C> array({lines});
      array.values = numbers;
      states[name] = make_any_view<C, 1, Exec>(name, array, Order::right);
    } else {
      HostArray<C> array({lines, length});
      array.values = numbers;
      views[name] = make_any_view<C, 2, Exec>(name, array, Order::right);
    }
  }
  REQUIRE(views.size() == 6);
  REQUIRE(states.size() == 2);
  const View2<C> grad_a("grad_a", views["a"].layout()), grad_b("grad_b", views["a"].layout());
  const View1<C> grad_initial("grad_initial", states["initial"].layout());
  linear_recurrence_backward(Exec(), views["a"], views["h"], views["grad_h"], states["initial"],
                             grad_a, grad_b, grad_initial);
  const auto check = [](const auto& actual, const auto& expected) {
    const auto x = read(actual), y = read(expected);
    for (std::size_t i = 0; i < x.values.size(); ++i) {
      CHECK(Kokkos::abs(x.values[i] - y.values[i]) < 1e-12 * (1 + Kokkos::abs(y.values[i])));
    }
  };
  check(grad_a, views["grad_a"]);
  check(grad_b, views["grad_b"]);
  check(grad_initial, states["grad_initial"]);
}

// One sentence, and nothing is written.
TEST_CASE("RecurrenceEdges.Errors") {
  using View = Kokkos::View<float**, Kokkos::LayoutRight, Exec>;
  using State = Kokkos::View<float*, Exec>;
  const View a("a", 4, 8), b("b", 4, 8), h("h", 4, 8), longer("longer", 4, 9), g("g", 4, 8);
  const State state("state", 4), other("other", 4), long_state("long", 5);
  const auto refuses = [](const auto& call, const std::string& text) {
    CHECK_THROWS_MATCHES(call(), std::invalid_argument, Catch::Matchers::Message(text));
  };
  const std::string forward = "fused_scan::linear_recurrence: ";
  refuses([&] { linear_recurrence(Exec(), a, b, h, 2); },
          forward + "axis 2 is out of range [-2, 1] for View 'h' of rank 2");
  refuses([&] { linear_recurrence(Exec(), longer, b, h); },
          forward + "extents of 'h' (4, 8) and 'longer' (4, 9) differ");
  refuses([&] { linear_recurrence(Exec(), a, b, h, -1, {.block_size = 17}); },
          forward + "block_size 17 must be 0 (chosen) or a power of two, at least 16");
  refuses([&] { linear_recurrence(Exec(), h, b, h); },
          forward + "Views 'h' and 'h' overlap in memory");
  refuses([&] { linear_recurrence(Exec(), a, b, h, long_state, state); },
          forward +
              "initial state 'long' has extents (5) instead of (4), those of View 'h' without "
              "axis 1");
  const State in_h(h.data(), 4);
  refuses([&] { linear_recurrence(Exec(), a, b, h, from(0.0f), in_h); },
          forward + "Views '' and 'h' overlap in memory");
  const std::string backward = "fused_scan::linear_recurrence_backward: ";
  refuses([&] { linear_recurrence_backward(Exec(), a, h, g, b, b); },
          backward + "Views 'b' and 'b' overlap in memory");
  refuses([&] { linear_recurrence_backward(Exec(), a, h, g, a, b); },
          backward + "Views 'a' and 'a' overlap in memory");
  refuses([&] { linear_recurrence_backward(Exec(), a, h, g, g, b); },
          backward + "Views 'g' and 'g' overlap in memory");
  refuses([&] { linear_recurrence_backward(Exec(), a, h, g, state, longer, b, state); },
          backward + "extents of 'b' (4, 8) and 'longer' (4, 9) differ");
  refuses([&] { linear_recurrence_backward(Exec(), a, h, g, state, View("ga", 4, 8), b, state); },
          backward + "Views 'state' and 'state' overlap in memory");
  CHECK_THAT(read(h), equals(HostArray<float>({4, 8})));
}
