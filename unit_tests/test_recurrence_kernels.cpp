// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The bits of linear recurrences against the tree of the contract, walked map by map with all their
// exponents: every way in which a CPU walks them, with each of the sets of instructions.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fused_scan/recurrence.hpp>
#include <fused_scan/segmented_scan.hpp>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "recurrence_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Exec = Kokkos::DefaultExecutionSpace;
using impl::Vectors;

/// The results of one line, which may replace b, and its last state.
template <class T, class Result, class Number>
Number walk_line(std::span<const T> a, std::span<const T> b, Number start, std::span<Result> h) {
  using Element = impl::Coefficients<T, T>;
  const impl::AffineMonoid<Number> monoid;
  const impl::BoundOperator<impl::AffineMonoid<Number>, Element, Result> op(monoid);
  impl::StreamedTree tree(op, monoid.from_state(start));
  auto state = tree.prefix();
  for (std::size_t begin = 0; begin < a.size(); begin += impl::chunk_length) {
    const std::size_t end = std::min(begin + impl::chunk_length, a.size());
    state = tree.prefix();
    auto node = op.lift({a[begin], b[begin]});
    for (std::size_t i = begin; i < end; ++i) {
      const Element element{a[i], b[i]};
      if (i > begin) node = op.accumulate(node, element);
      state = op.accumulate(state, element);
      h[i] = op.lower(state);
    }
    if (end == begin + impl::chunk_length) tree.push(node);
  }
  Number last(0);
  monoid.to_state(state, last);
  return last;
}

enum class Data { tame, tiny, huge, zeros, growing, steep, deep, mixed, not_finite, kinds };

/// Coefficients and terms of position i of line k. Most lines of mixed data are tame, so that some
/// vectors have lanes of both sorts.
template <class T>
void draw(Data data, std::uint64_t k, std::uint64_t i, T& a, T& b) {
  const auto at = (k << 32) + 2 * i;
  const double x = random_fraction(at), exponents = sizeof(T) == 8 ? 110 : 36;
  a = static_cast<T>(x);
  b = static_cast<T>(2 * random_fraction(at + 1) - 1);
  switch (data) {
    case Data::tiny:
      a = static_cast<T>(x * std::pow(10, -exponents));
      break;
    case Data::huge:
      a = static_cast<T>((x - 0.5) * std::pow(10, exponents));
      break;
    case Data::zeros:
      if (random_bits(at) % 11 == 0) a = random_bits(at + 1) % 2 == 0 ? T(0) : T(-0.0);
      if (random_bits(at) % 3 == 0) b = T(-0.0);
      break;
    case Data::growing:
      a = 3;
      break;
    case Data::steep:  // down beyond the range and back in each chunk
      a = static_cast<T>(std::pow(10, i % 16 < 8 ? -exponents : exponents));
      if (i % 64 != 0) b = 0;
      break;
    case Data::deep:  // the same of shorter types, and the next chunk has what is left of a state
      a = static_cast<T>(i % 16 == 0 ? 1 : i % 16 < 9 ? 0x1p-140 : 0x1p127);
      b = static_cast<T>(i % 64 == 15 ? 0x1p127 : 0);
      break;
    case Data::mixed:
      if (k % 5 == 3) a *= static_cast<T>(std::pow(10, i % 512 < 100 ? -exponents : 1));
      if (k % 7 == 2 && i % 64 == 50) b = std::numeric_limits<T>::max();
      break;
    case Data::not_finite:
      if (k % 5 == 1 && i == 40) b = std::numeric_limits<T>::infinity();
      if (k % 5 == 2 && i == 3) a = std::numeric_limits<T>::quiet_NaN();
      break;
    default:
      break;
  }
}

struct Case {
  Extents extents;
  int axis;
};
/// Rows of many columns, whole vectors of them and not, and of few; few columns with and without a
/// power of two of them; one long line, lines of some blocks, many lines, short lines.
const std::vector<Case> cases{{{2, 70, 96}, 1},  {{1, 150, 43}, 1},   {{3, 60, 9}, 1},
                              {{1, 3000, 4}, 1}, {{2, 1100, 3}, 1},   {{1, 1, 6000}, 2},
                              {{1, 3, 1555}, 2}, {{5, 41, 200}, 2},   {{70, 33, 2}, 1},
                              {{1, 150, 7}, 2},  {{130, 1, 1100}, 2}, {{40, 31, 17}, 0}};

/// Bits, but that NaN is NaN.
template <class T>
HostArray<T> with_one_nan(HostArray<T> array) {
  for (T& x : array.values) {
    if (x != x) x = std::numeric_limits<T>::quiet_NaN();
  }
  return array;
}

template <class T>
void check(const Case& c, Data data, Direction direction, Order order, bool in_place) {
  const auto lines = lines_of(c.extents, c.axis, direction);
  const Extents states = without_axis(c.extents, c.axis);
  HostArray<T> a(c.extents), b(c.extents), h(c.extents);
  HostArray<double> start(states), last(states);
  for (std::size_t k = 0; k < lines.size(); ++k) {
    std::vector<T> line_a(lines[k].size()), line_b(lines[k].size());
    for (std::size_t i = 0; i < lines[k].size(); ++i) {
      draw(data, k, i, line_a[i], line_b[i]);
      a.values[lines[k][i]] = line_a[i];
      b.values[lines[k][i]] = line_b[i];
    }
    start.values[k] = random_fraction(k) - 0.5;
    if (k % 9 == 4) start.values[k] *= 0x1p900;
    last.values[k] = walk_line<T, T, double>(line_a, line_b, start.values[k], line_b);
    for (std::size_t i = 0; i < lines[k].size(); ++i) h.values[lines[k][i]] = line_b[i];
  }
  const auto a_view = make_any_view<T, 3, Exec>("a", a, order);
  const auto b_view = make_any_view<T, 3, Exec>("b", b, order);
  const auto h_view = in_place ? b_view : make_any_view<T, 3, Exec>("h", b, order);
  const auto state = make_any_view<double, 2, Exec>("state", start, Order::right);
  linear_recurrence(Exec(), a_view, b_view, h_view, state, state, c.axis, {.direction = direction});
  CHECK_THAT(with_one_nan(read(h_view)), equals_bitwise(with_one_nan(h)));
  CHECK_THAT(with_one_nan(read(state)), equals_bitwise(with_one_nan(last)));
}

/// The gradients: of a recurrence that goes the other way, with the coefficients of the positions
/// after it.
template <class T>
void check_gradients(const Case& c, Data data, Direction direction, Order order, bool in_place) {
  const auto lines = lines_of(c.extents, c.axis, direction);
  const Extents states = without_axis(c.extents, c.axis);
  HostArray<T> a(c.extents), h(c.extents), grad_h(c.extents), grad_a(c.extents), grad_b(c.extents);
  HostArray<double> start(states), grad_start(states);
  for (std::size_t k = 0; k < lines.size(); ++k) {
    const std::size_t length = lines[k].size();
    std::vector<T> later(length), terms(length);
    for (std::size_t i = 0; i < length; ++i) {
      const std::size_t at = lines[k][i];
      draw(data, k, i, a.values[at], grad_h.values[at]);
      h.values[at] = static_cast<T>(random_fraction(at + 77) - 0.5);
      if (i > 0) later[length - i] = a.values[at];
      terms[length - 1 - i] = grad_h.values[at];
    }
    start.values[k] = random_fraction(k) - 0.5;
    std::vector<double> g(length);
    const double last = walk_line<T, double, double>(later, terms, 0, g);
    for (std::size_t i = 0; i < length; ++i) {
      const std::size_t at = lines[k][i];
      const double of_b = g[length - 1 - i];
      grad_b.values[at] = static_cast<T>(of_b);
      const double before =
          i == 0 ? start.values[k] : static_cast<double>(h.values[lines[k][i - 1]]);
      grad_a.values[at] = static_cast<T>(of_b * before);
    }
    grad_start.values[k] = static_cast<double>(a.values[lines[k][0]]) * last;
  }
  const auto view = [order](const char* name, const HostArray<T>& array) {
    return make_any_view<T, 3, Exec>(name, array, order);
  };
  const auto grad_h_view = view("grad_h", grad_h), to_a = view("grad_a", h);
  const auto to_b = in_place ? grad_h_view : view("grad_b", h);
  const auto from = make_any_view<double, 2, Exec>("initial", start, Order::right);
  const auto to = make_any_view<double, 2, Exec>("grad_initial", start, Order::right);
  linear_recurrence_backward(Exec(), view("a", a), view("h", h), grad_h_view, from, to_a, to_b, to,
                             c.axis, {.direction = direction});
  CHECK_THAT(with_one_nan(read(to_b)), equals_bitwise(with_one_nan(grad_b)));
  CHECK_THAT(with_one_nan(read(to_a)), equals_bitwise(with_one_nan(grad_a)));
  CHECK_THAT(with_one_nan(read(to)), equals_bitwise(with_one_nan(grad_start)));
}

}  // namespace

TEMPLATE_TEST_CASE("RecurrenceKernels.BitsOfTheTree", "", float, double) {
  int number = 0;
  for (const Vectors vectors : {Vectors::none, Vectors::avx2, Vectors::avx512}) {
    impl::widest_vectors = vectors;
    for (const Case& c : cases) {
      for (int data = 0; data < static_cast<int>(Data::kinds); ++data, ++number) {
        const auto direction = number % 2 == 0 ? Direction::forward : Direction::reverse;
        const bool in_place = number % 3 == 0;
        INFO(to_string(c.extents) << ", axis " << c.axis << ", data " << data << ", reverse "
                                  << number % 2 << ", in place " << in_place << ", vectors "
                                  << static_cast<int>(vectors));
        check<TestType>(c, static_cast<Data>(data), direction, Order::right, in_place);
      }
      check<TestType>(c, Data::mixed, Direction::reverse, Order::left, false);
    }
  }
  impl::widest_vectors = Vectors::avx512;
}

// Gradients of columns that fill blocks, or pieces of two blocks, and of those that don't.
TEMPLATE_TEST_CASE("RecurrenceKernels.BitsOfGradients", "", float, double) {
  auto all = cases;
  for (const std::size_t columns : {8, 31, 64, 65, 75, 136}) all.push_back({{1, 50, columns}, 1});
  int number = 0;
  for (const Vectors vectors : {Vectors::none, Vectors::avx2, Vectors::avx512}) {
    impl::widest_vectors = vectors;
    for (const Case& c : all) {
      for (const Data data : {Data::tame, Data::zeros, Data::mixed, Data::not_finite}) {
        const auto direction = ++number % 2 == 0 ? Direction::forward : Direction::reverse;
        const bool in_place = number % 3 == 0;
        INFO(to_string(c.extents) << ", axis " << c.axis << ", data " << static_cast<int>(data)
                                  << ", reverse " << number % 2 << ", in place " << in_place
                                  << ", vectors " << static_cast<int>(vectors));
        check_gradients<TestType>(c, data, direction, Order::right, in_place);
      }
      check_gradients<TestType>(c, Data::tame, Direction::reverse, Order::left, false);
      check_gradients<TestType>(c, Data::tame, Direction::forward, Order::gaps, false);
    }
  }
  impl::widest_vectors = Vectors::avx512;
}

namespace {

template <class T>
void check_complex(const Case& c, Data data, Direction direction, Order order) {
  using Complex = Kokkos::complex<T>;
  const auto lines = lines_of(c.extents, c.axis, direction);
  const Extents states = without_axis(c.extents, c.axis);
  HostArray<Complex> a(c.extents), b(c.extents), h(c.extents);
  HostArray<Kokkos::complex<double>> start(states), last(states);
  for (std::size_t k = 0; k < lines.size(); ++k) {
    std::vector<Complex> line_a(lines[k].size()), line_b(lines[k].size());
    for (std::size_t i = 0; i < lines[k].size(); ++i) {
      T re[2], im[2];
      draw(data, k, i, re[0], re[1]);
      draw(data, k + lines.size(), i, im[0], im[1]);
      a.values[lines[k][i]] = line_a[i] = Complex(re[0], im[0]);
      b.values[lines[k][i]] = line_b[i] = Complex(re[1], im[1]);
    }
    start.values[k] = Kokkos::complex<double>(random_fraction(k) - 0.5, k % 9 == 4 ? 0x1p900 : 1);
    last.values[k] =
        walk_line<Complex, Complex>(line_a, line_b, start.values[k], std::span<Complex>(line_b));
    for (std::size_t i = 0; i < lines[k].size(); ++i) h.values[lines[k][i]] = line_b[i];
  }
  const auto with_one_nan = [](auto array) {
    for (auto& x : array.values) {
      const auto part = [](auto number) {
        return number == number ? number : std::numeric_limits<decltype(number)>::quiet_NaN();
      };
      x = std::decay_t<decltype(x)>(part(x.real()), part(x.imag()));
    }
    return array;
  };
  const auto a_view = make_any_view<Complex, 3, Exec>("a", a, order);
  const auto b_view = make_any_view<Complex, 3, Exec>("b", b, order);
  const auto state = make_any_view<Kokkos::complex<double>, 2, Exec>("state", start, Order::right);
  linear_recurrence(Exec(), a_view, b_view, b_view, state, state, c.axis, {.direction = direction});
  CHECK_THAT(with_one_nan(read(b_view)), equals_bitwise(with_one_nan(h)));
  CHECK_THAT(with_one_nan(read(state)), equals_bitwise(with_one_nan(last)));
}

}  // namespace

// Those that are walked line by line, and one line for all threads.
TEMPLATE_TEST_CASE("RecurrenceKernels.BitsOfComplexNumbers", "", float, double) {
  auto all = cases;
  all.push_back({{1, 20, 1500}, 1});
  all.push_back({{200, 1, 16}, 2});
  int number = 0;
  for (const Case& c : all) {
    for (int data = 0; data < static_cast<int>(Data::kinds); ++data) {
      const auto direction = ++number % 2 == 0 ? Direction::forward : Direction::reverse;
      INFO(to_string(c.extents) << ", axis " << c.axis << ", data " << data << ", reverse "
                                << number % 2);
      check_complex<TestType>(c, static_cast<Data>(data), direction,
                              number % 3 == 0 ? Order::left : Order::right);
    }
  }
}

// Short segments, which a loop walks.
TEMPLATE_TEST_CASE("RecurrenceKernels.BitsOfSegments", "", float, double) {
  using T = TestType;
  constexpr std::size_t longest = 70, size = longest * (longest + 1) / 2;
  const Kokkos::View<int*, Kokkos::HostSpace> on_host("offsets", longest + 1);
  for (std::size_t k = 0; k < longest; ++k) on_host(k + 1) = on_host(k) + static_cast<int>(k) + 1;
  const auto offsets = Kokkos::create_mirror_view_and_copy(Exec(), on_host);
  for (int data = 0; data < static_cast<int>(Data::kinds); ++data) {
    HostArray<T> a({size}), b({size}), h({size});
    for (std::size_t k = 0; k < longest; ++k) {
      const auto begin = static_cast<std::size_t>(on_host(k));
      for (std::size_t i = 0; i <= k; ++i) {
        draw(static_cast<Data>(data), k, i, a.values[begin + i], b.values[begin + i]);
      }
      walk_line<T, T, double>({&a.values[begin], k + 1}, {&b.values[begin], k + 1}, 0,
                              {&h.values[begin], k + 1});
    }
    const auto a_view = make_any_view<T, 1, Exec>("a", a, Order::right);
    const auto b_view = make_any_view<T, 1, Exec>("b", b, Order::right);
    INFO("data " << data);
    segmented_linear_recurrence(Exec(), a_view, b_view, b_view, offsets);
    CHECK_THAT(with_one_nan(read(b_view)), equals_bitwise(with_one_nan(h)));
  }
}
