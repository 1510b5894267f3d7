// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <fused_scan/recurrence.hpp>
#include <limits>
#include <tuple>
#include <vector>

#include "instances.hpp"
#include "recurrence_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Exec = Kokkos::DefaultExecutionSpace;
using Types = std::tuple<float, double, Kokkos::complex<float>, Kokkos::complex<double>>;

template <class T>
using View3 = AnyView<T, 3, Exec>;
template <class T>
using View2 = AnyView<T, 2, Exec>;

/// Many columns, few, lines that lie along the axis; ragged, short, empty.
const std::vector<Extents> shapes{{3, 37, 50}, {2, 40, 5}, {90, 7, 3},  {1, 1, 1},
                                  {5, 1, 33},  {4, 0, 3},  {1, 5001, 2}};

struct Case {
  Extents extents;
  int axis;
  Direction direction;
  Order order;
};

template <class F>
void for_each_case(const F& f) {
  int number = 0;
  for (const Extents& extents : shapes) {
    for (const int axis : {0, 1, 2}) {
      for (const Direction direction : {Direction::forward, Direction::reverse}) {
        const Case c{extents, axis, direction, static_cast<Order>(number++ % 3)};
        INFO(to_string(extents) << ", axis " << axis << ", reverse "
                                << (direction == Direction::reverse) << ", order "
                                << static_cast<int>(c.order));
        f(c);
      }
    }
  }
}

template <class T>
std::vector<T> zeros(std::size_t n) {
  return std::vector<T>(n, T(0));
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("Recurrence.AgainstLongDouble", "", Types) {
  using T = TestType;
  for_each_case([](const Case& c) {
    const auto a = coefficients<T>(c.extents, 1), b = random_array<T>(c.extents, 2);
    const auto start = random_array<T>(without_axis(c.extents, c.axis), 3);
    const Order other = static_cast<Order>((static_cast<int>(c.order) + 1) % 3);
    const auto a_view = make_any_view<T, 3, Exec>("a", a, c.order);
    const auto b_view = make_any_view<T, 3, Exec>("b", b, other);
    const auto h_view = make_any_view<T, 3, Exec>("h", b, c.order);
    const ScanOptions options{.direction = c.direction};

    // From states, to the same View.
    const auto state = make_any_view<T, 2, Exec>("state", start, other);
    linear_recurrence(Exec(), a_view, b_view, h_view, state, state, c.axis, options);
    const auto h = read(h_view);
    CHECK(difference(h, expected_recurrence(a, b, start.values, c.axis, c.direction)) == "");
    CHECK_THAT(read(b_view), equals_bitwise(b));
    auto last = start;
    const auto lines = lines_of(c.extents, c.axis, c.direction);
    for (std::size_t k = 0; k < lines.size(); ++k) {
      if (!lines[k].empty()) last.values[k] = h.values[lines[k].back()];
    }
    CHECK_THAT(read(state), equals_bitwise(last));

    // In place.
    write(state, start);
    linear_recurrence(Exec(), a_view, b_view, b_view, state, state, c.axis, options);
    CHECK_THAT(read(b_view), equals_bitwise(h));
  });
}

TEMPLATE_LIST_TEST_CASE("Recurrence.Gradients", "", Types) {
  using T = TestType;
  for_each_case([](const Case& c) {
    const auto a = coefficients<T>(c.extents, 4), h = random_array<T>(c.extents, 5),
               grad = random_array<T>(c.extents, 6);
    const auto start = random_array<T>(without_axis(c.extents, c.axis), 7);
    const Order other = static_cast<Order>((static_cast<int>(c.order) + 1) % 3);
    const auto a_view = make_any_view<T, 3, Exec>("a", a, other);
    const auto h_view = make_any_view<T, 3, Exec>("h", h, c.order);
    const auto grad_h = make_any_view<T, 3, Exec>("grad_h", grad, other);
    const auto grad_a = make_any_view<T, 3, Exec>("grad_a", a, c.order);
    const auto grad_b = make_any_view<T, 3, Exec>("grad_b", a, c.order);
    const auto initial = make_any_view<T, 2, Exec>("initial", start, Order::right);
    const auto grad_initial = make_any_view<T, 2, Exec>("grad_initial", start, Order::gaps);
    const ScanOptions options{.direction = c.direction};

    linear_recurrence_backward(Exec(), a_view, h_view, grad_h, initial, grad_a, grad_b,
                               grad_initial, c.axis, options);
    const auto expected = expected_gradients(a, h, grad, start.values, c.axis, c.direction);
    CHECK(difference(read(grad_a), expected.a) == "");
    CHECK(difference(read(grad_b), expected.b) == "");
    CHECK(difference(read(grad_initial), expected.initial) == "");
    CHECK_THAT(read(grad_h), equals_bitwise(grad));

    // In place.
    const auto of_a = read(grad_a), of_b = read(grad_b);
    linear_recurrence_backward(Exec(), a_view, h_view, grad_h, initial, grad_a, grad_h,
                               grad_initial, c.axis, options);
    CHECK_THAT(read(grad_h), equals_bitwise(of_b));
    CHECK_THAT(read(grad_a), equals_bitwise(of_a));
  });
}

// Without a state it is 0.
TEST_CASE("Recurrence.FromZero") {
  for_each_case([](const Case& c) {
    const auto a = coefficients<float>(c.extents, 1), b = random_array<float>(c.extents, 2);
    const auto a_view = make_any_view<float, 3, Exec>("a", a, c.order);
    const auto b_view = make_any_view<float, 3, Exec>("b", b, c.order);
    const View3<float> h("h", b_view.layout()), grad_a("grad_a", b_view.layout());
    const ScanOptions options{.direction = c.direction};
    const auto none = zeros<float>(size_of(without_axis(c.extents, c.axis)));
    linear_recurrence(Exec(), a_view, b_view, h, c.axis, options);
    CHECK(difference(read(h), expected_recurrence(a, b, none, c.axis, c.direction)) == "");
    linear_recurrence_backward(Exec(), a_view, h, b_view, grad_a, b_view, c.axis, options);
    const auto expected = expected_gradients(a, read(h), b, none, c.axis, c.direction);
    CHECK(difference(read(grad_a), expected.a) == "");
    CHECK(difference(read(b_view), expected.b) == "");
  });
}

// One coefficient for a line, a row, or all.
TEST_CASE("Recurrence.StridesOfZero") {
  const Extents extents{3, 50, 20};
  const auto b = random_array<float>(extents, 1), grad = random_array<float>(extents, 2);
  const auto few = random_array<float>(extents, 3);
  const auto memory = make_any_view<float, 3, Exec>("memory", few, Order::right);
  const auto b_view = make_any_view<float, 3, Exec>("b", b, Order::right);
  const auto grad_h = make_any_view<float, 3, Exec>("grad_h", grad, Order::right);
  const View3<float> h("h", make_layout<Kokkos::LayoutStride>(extents));
  const View3<float> grad_a("grad_a", h.layout()), grad_b("grad_b", h.layout());
  for (int zeros_at = 1; zeros_at < 8; ++zeros_at) {
    Kokkos::LayoutStride layout = memory.layout();
    for (int d = 0; d < 3; ++d) {
      if ((zeros_at >> d & 1) != 0) layout.stride[d] = 0;
    }
    const Kokkos::View<const float***, Kokkos::LayoutStride, Exec, Kokkos::MemoryUnmanaged> a_view(
        memory.data(), layout);
    HostArray<float> a(extents);
    for (std::size_t o = 0; o < 3; ++o) {
      for (std::size_t i = 0; i < 50; ++i) {
        for (std::size_t j = 0; j < 20; ++j) {
          a.values[(o * 50 + i) * 20 + j] =
              few.values[o * layout.stride[0] + i * layout.stride[1] + j * layout.stride[2]];
        }
      }
    }
    for (const int axis : {0, 1, 2}) {
      INFO("zeros " << zeros_at << ", axis " << axis);
      const auto none = zeros<float>(3 * 50 * 20 / extents[axis]);
      linear_recurrence(Exec(), a_view, b_view, h, axis);
      CHECK(difference(read(h), expected_recurrence(a, b, none, axis, Direction::forward)) == "");
      linear_recurrence_backward(Exec(), a_view, h, grad_h, grad_a, grad_b, axis);
      const auto expected = expected_gradients(a, read(h), grad, none, axis, Direction::forward);
      CHECK(difference(read(grad_a), expected.a) == "");
      CHECK(difference(read(grad_b), expected.b) == "");
    }
  }
}

// Coefficients of one type, terms of another; real coefficients of complex numbers, whose gradient
// is real.
TEST_CASE("Recurrence.TypesThatDiffer") {
  using C = Kokkos::complex<float>;
  const Extents extents{4, 100};
  const auto a = random_array<double>(extents, 1, 1.1);
  const auto b = random_array<C>(extents, 2), grad = random_array<C>(extents, 3);
  HostArray<C> complex_a(extents);
  for (std::size_t i = 0; i < a.values.size(); ++i) complex_a.values[i] = C(a.values[i]);
  // As C holds them.
  auto rounded = a;
  for (double& x : rounded.values) x = static_cast<float>(x);
  const auto a_view = make_any_view<double, 2, Exec>("a", rounded, Order::right);
  const auto b_view = make_any_view<C, 2, Exec>("b", b, Order::left);
  const auto h = make_any_view<C, 2, Exec>("h", b, Order::right);
  linear_recurrence(Exec(), a_view, b_view, h, -1);
  CHECK(difference(read(h),
                   expected_recurrence(complex_a, b, zeros<C>(4), 1, Direction::forward)) == "");
  const auto grad_h = make_any_view<C, 2, Exec>("grad_h", grad, Order::right);
  const auto grad_a = make_any_view<double, 2, Exec>("grad_a", a, Order::right);
  linear_recurrence_backward(Exec(), a_view, h, grad_h, grad_a, grad_h, -1);
  const auto expected =
      expected_gradients(complex_a, read(h), grad, zeros<C>(4), 1, Direction::forward);
  const auto actual = read(grad_a);
  for (std::size_t i = 0; i < actual.values.size(); ++i) {
    CHECK(std::abs(actual.values[i] - expected.a.value[i].real()) <=
          0x1p-50L * (1 + expected.a.magnitude[i]));
  }
}

TEST_CASE("Recurrence.StartValue") {
  const Extents extents{6, 200};
  const auto a = coefficients<double>(extents, 1), b = random_array<double>(extents, 2);
  const auto a_view = make_any_view<double, 2, Exec>("a", a, Order::right);
  const auto h = make_any_view<double, 2, Exec>("h", b, Order::right);
  const Kokkos::View<double*, Exec> last("last", 6), grad_start("grad_start", 6);
  linear_recurrence(Exec(), a_view, h, h, from(2.5), last);
  const std::vector<double> start(6, 2.5);
  CHECK(difference(read(h), expected_recurrence(a, b, start, 1, Direction::forward)) == "");
  const auto grad = random_array<double>(extents, 3);
  const auto grad_h = make_any_view<double, 2, Exec>("grad_h", grad, Order::left);
  const View2<double> grad_a("grad_a", h.layout());
  linear_recurrence_backward(Exec(), a_view, h, grad_h, from(2.5), grad_a, grad_h, grad_start);
  const auto expected = expected_gradients(a, read(h), grad, start, 1, Direction::forward);
  CHECK(difference(read(grad_a), expected.a) == "");
  CHECK(difference(read(grad_start), expected.initial) == "");
}

// In pieces, with the state in doubles: what comes between pieces is rounded nowhere.
TEST_CASE("Recurrence.Pieces") {
  const Extents extents{3, 1000};
  const auto a = random_array<float>(extents, 1, 1.1), b = random_array<float>(extents, 2);
  const auto a_view = make_any_view<float, 2, Exec>("a", a, Order::right);
  const auto h = make_any_view<float, 2, Exec>("h", b, Order::right);
  const Kokkos::View<double*, Exec> state("state", 3);
  for (const auto& [first, last] : {std::pair(0, 1), {1, 400}, {400, 400}, {400, 1000}}) {
    const auto columns = std::pair(first, last);
    const auto piece = Kokkos::subview(h, Kokkos::ALL, columns);
    linear_recurrence(Exec(), Kokkos::subview(a_view, Kokkos::ALL, columns), piece, piece, state,
                      state);
  }
  CHECK(difference(read(h), expected_recurrence(a, b, zeros<float>(3), 1, Direction::forward)) ==
        "");
}

// The bits are the same for any number of threads and block size, and whatever lies beside a line.
TEMPLATE_LIST_TEST_CASE("Recurrence.Bits", "", Types) {
  using T = TestType;
  // On the plain path they are the same where lines are many.
  const Kokkos::View<float*, Exec> any_view("any_view", 1);
  if (scan_plan(Exec(), any_view, any_view).name() == "plain") return;
  const Extents extents{2, 10011, 3};
  const auto a = random_array<T>(extents, 1, 1.3), b = random_array<T>(extents, 2);
  const auto start = random_array<T>({2, 3}, 3);
  const auto a_view = make_any_view<T, 3, Exec>("a", a, Order::right);
  const auto b_view = make_any_view<T, 3, Exec>("b", b, Order::right);
  const auto initial = make_any_view<T, 2, Exec>("initial", start, Order::right);
  const View2<T> final("final", initial.layout());
  const View3<T> h("h", b_view.layout()), grad_a("grad_a", b_view.layout()),
      grad_b("grad_b", b_view.layout());
  for (const Direction direction : {Direction::forward, Direction::reverse}) {
    const auto run = [&](const Exec& exec, int block_size) {
      const ScanOptions options{direction, block_size};
      linear_recurrence(exec, a_view, b_view, h, initial, final, 1, options);
      linear_recurrence_backward(exec, a_view, h, b_view, initial, grad_a, grad_b, final, 1,
                                 options);
    };
    run(Exec(), 0);
    const auto expected = read(h), of_a = read(grad_a), of_b = read(grad_b);
    for (const Exec& exec : instances<Exec>()) {
      for (const int block_size : {0, 16, 512}) {
        run(exec, block_size);
        CHECK_THAT(read(h), equals_bitwise(expected));
        CHECK_THAT(read(grad_a), equals_bitwise(of_a));
        CHECK_THAT(read(grad_b), equals_bitwise(of_b));
      }
    }
    // Each column alone.
    for (int j = 0; j < 3; ++j) {
      const auto column = std::pair(j, j + 1);
      const auto part = [&](const View3<T>& view) {
        return Kokkos::subview(view, Kokkos::ALL, Kokkos::ALL, column);
      };
      linear_recurrence(Exec(), part(a_view), part(b_view), part(h),
                        Kokkos::subview(initial, Kokkos::ALL, column),
                        Kokkos::subview(final, Kokkos::ALL, column), 1, {.direction = direction});
    }
    CHECK_THAT(read(h), equals_bitwise(expected));
  }
}
