// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The bits of a result follow from the elements, the operator and the direction, and from nothing
// else. All data here is such that another order of the operations would give other bits.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fused_scan/scan.hpp>
#include <numeric>
#include <span>
#include <tuple>
#include <vector>

#include "instances.hpp"
#include "random_bits.hpp"
#include "scan_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

// y[i] = factor[i] * y[i-1] + term[i], with elements, values and results of the one type.
struct Recurrence {
  float factor;
  float term;

  friend bool operator==(const Recurrence&, const Recurrence&) = default;
};

struct RecurrenceOperator {
  using value_type = Recurrence;
  KOKKOS_FUNCTION value_type identity() const { return {1, 0}; }
  KOKKOS_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    return {a.factor * b.factor, b.factor * a.term + b.term};
  }
};

// Random numbers for an operator; products of theirs neither overflow nor vanish.
template <class T>
struct Number {
  static T of(std::uint64_t bits, Prod) { return static_cast<T>(random_fraction(bits) + 0.55); }
  template <class Op>
  static T of(std::uint64_t bits, Op) {
    return static_cast<T>(random_fraction(bits) - 0.25);
  }
};
template <class T>
struct Number<Kokkos::complex<T>> {
  template <class Op>
  static Kokkos::complex<T> of(std::uint64_t bits, Op op) {
    return {Number<T>::of(bits, op), Number<T>::of(~bits, op)};
  }
};
template <>
struct Number<Recurrence> {
  static Recurrence of(std::uint64_t bits, RecurrenceOperator) {
    return {Number<float>::of(bits, Prod{}), Number<float>::of(~bits, Sum{})};
  }
};

template <class T, class Op>
struct Case {
  using value = T;
  using op = Op;

  static HostArray<T> numbers(const Extents& extents) {
    HostArray<T> array(extents);
    for (std::size_t i = 0; i < array.values.size(); ++i)
      array.values[i] = Number<T>::of(random_bits(i), Op{});
    return array;
  }
};

using Cases = std::tuple<Case<float, CompensatedSum>, Case<double, CompensatedSum>,
                         Case<Kokkos::complex<float>, CompensatedSum>, Case<float, Sum>,
                         Case<double, Prod>, Case<Recurrence, RecurrenceOperator>>;

template <class T, class Op, class Layout, class Exec>
HostArray<T> scanned_on(const Exec& exec, const HostArray<T>& array, const ScanCall& call) {
  using View = ViewOfRank<T, 2, Layout, Exec>;
  const auto x = make_view<View>("x", array);
  const auto y = call.in_place ? x : make_view<View>("y", array.extents);
  scan(exec, x, y, Op{}, call);
  return read(y);
}

template <class T, class Op>
HostArray<T> scanned_plainly(const HostArray<T>& array, const ScanCall& call) {
  using Exec = Kokkos::DefaultExecutionSpace;
  return scanned_on<T, Op, Kokkos::LayoutRight>(Exec{}, array, call);
}

// Extents and axis for each of the ways in which the work can be shared.
template <class F>
void for_each_shape(F f) {
  f(Extents{1, 100'003}, 1);
  f(Extents{5, 5003}, 1);
  f(Extents{5003, 3}, 0);
  f(Extents{5003, 40}, 0);
  f(Extents{300, 700}, 0);
  f(Extents{70, 200}, 1);
}

// ---- the order that the library documents ------------------------------------------------------

// Scans a line in chunks of 16 elements, each combined one element after the other, under a binary
// tree over the chunks. The prefix before chunk q has a node for each bit of q that is set, the
// largest first. An element's own prefix is that combined with the chunk's elements up to it, which
// are first combined among themselves where the operator's `in_chunks` says so. Value is what the
// operator carries.
template <class Value, class T, class Op>
void scan_in_documented_order(std::span<T> line, const Value& identity, Op op, ScanKind kind,
                              bool in_chunks) {
  constexpr std::size_t chunk_length = 16;
  std::vector<std::vector<Value>> nodes(1);  // nodes[s][k]: the sum of the 2^s chunks from k 2^s on
  for (std::size_t i = 0; i < line.size(); i += chunk_length) {
    const auto chunk = line.subspan(i, std::min(chunk_length, line.size() - i));
    nodes[0].push_back(
        std::accumulate(chunk.begin() + 1, chunk.end(), static_cast<Value>(chunk[0]),
                        [&](const Value& a, const T& b) { return op(a, static_cast<Value>(b)); }));
  }
  while (nodes.back().size() > 1) {
    std::vector<Value> parents;
    for (std::size_t k = 0; k + 1 < nodes.back().size(); k += 2)
      parents.push_back(op(nodes.back()[k], nodes.back()[k + 1]));
    nodes.push_back(parents);
  }

  for (std::size_t i = 0; i < line.size(); i += chunk_length) {
    Value prefix = identity;
    std::size_t first = 0;
    for (std::size_t s = nodes.size(); s-- > 0;)
      if (((i / chunk_length) >> s & 1) != 0) {
        prefix = op(prefix, nodes[s][first >> s]);
        first += std::size_t{1} << s;
      }
    Value sum = identity, state = prefix;
    for (T& element : line.subspan(i, std::min(chunk_length, line.size() - i))) {
      const auto x = static_cast<Value>(element);
      const Value before = state;
      sum = op(sum, x);
      state = in_chunks ? op(prefix, sum) : op(state, x);
      element = static_cast<T>(kind == ScanKind::inclusive ? state : before);
    }
  }
}

/// A number with an exponent of its own: products of a part of a line may leave the range of
/// double.
struct Scaled {
  double number = 1;
  std::int64_t exponent = 0;

  explicit Scaled(double x, std::int64_t scale = 0) {
    int taken = 0;
    number = std::frexp(x, &taken);
    exponent = scale + taken;
  }
  explicit operator double() const {
    return std::ldexp(number, static_cast<int>(std::clamp<std::int64_t>(exponent, -9999, 9999)));
  }
};
struct ScaledProduct {
  Scaled operator()(const Scaled& a, const Scaled& b) const {
    return Scaled(a.number * b.number, a.exponent + b.exponent);
  }
};

template <class T, class Op, class Value, class Reference>
void check_documented_order(const Value& identity, Reference reference, bool in_chunks) {
  for_each_shape([&](const Extents& extents, int axis) {
    const auto array = Case<T, Op>::numbers(extents);
    for_each_call(axis, [&](const ScanCall& call) {
      const auto expected = map_lines(array, axis, call.direction, [&](std::span<T> line) {
        scan_in_documented_order(line, identity, reference, call.kind, in_chunks);
      });
      INFO(to_string(extents) << ", " << to_string(call));
      CHECK_THAT((scanned_plainly<T, Op>(array, call)), equals_bitwise(expected));
    });
  });
}

}  // namespace

TEST_CASE("ScanReproducibility.TheOrderIsTheDocumentedOne") {
  check_documented_order<float, Sum>(0.0, ReferenceSum{}, true);
  check_documented_order<double, Prod>(Scaled(1), ScaledProduct{}, false);
}

TEMPLATE_LIST_TEST_CASE("ScanReproducibility.NumberOfThreads", "", Cases) {
  using T = typename TestType::value;
  using Op = typename TestType::op;
  const auto all = instances<Kokkos::DefaultExecutionSpace>();
  for_each_shape([&](const Extents& extents, int axis) {
    const auto array = TestType::numbers(extents);
    const ScanCall call{.axis = axis};
    const auto expected = scanned_on<T, Op, Kokkos::LayoutRight>(all.front(), array, call);
    for (const auto& exec : all) {
      INFO(to_string(extents) << ", concurrency " << exec.concurrency());
      CHECK_THAT((scanned_on<T, Op, Kokkos::LayoutRight>(exec, array, call)),
                 equals_bitwise(expected));
    }
  });
}

TEMPLATE_LIST_TEST_CASE("ScanReproducibility.TenRuns", "", Cases) {
  using T = typename TestType::value;
  using Op = typename TestType::op;
  for_each_shape([](const Extents& extents, int axis) {
    const auto array = TestType::numbers(extents);
    const ScanCall call{.axis = axis};
    const auto expected = scanned_plainly<T, Op>(array, call);
    for (int run = 0; run < 10; ++run)
      CHECK_THAT((scanned_plainly<T, Op>(array, call)), equals_bitwise(expected));
  });
}

TEMPLATE_LIST_TEST_CASE("ScanReproducibility.BlockSize", "", Cases) {
  using T = typename TestType::value;
  using Op = typename TestType::op;
  for_each_shape([](const Extents& extents, int axis) {
    const auto array = TestType::numbers(extents);
    const auto expected = scanned_plainly<T, Op>(array, {.axis = axis});
    for (const int block_size : {16, 64, 256, 512, 1024, 4096, 1 << 20}) {
      INFO(to_string(extents) << ", block_size " << block_size);
      CHECK_THAT((scanned_plainly<T, Op>(array, {.axis = axis, .block_size = block_size})),
                 equals_bitwise(expected));
    }
  });
}

TEMPLATE_LIST_TEST_CASE("ScanReproducibility.LayoutAndPlace", "", Cases) {
  using T = typename TestType::value;
  using Op = typename TestType::op;
  using Exec = Kokkos::DefaultExecutionSpace;
  for_each_shape([](const Extents& extents, int axis) {
    const auto array = TestType::numbers(extents);
    const auto expected = scanned_plainly<T, Op>(array, {.axis = axis});
    for_each_type<Layouts>([&](auto layout) {
      for (const bool in_place : {false, true})
        CHECK_THAT((scanned_on<T, Op, decltype(layout)>(Exec{}, array,
                                                        {.axis = axis, .in_place = in_place})),
                   equals_bitwise(expected));
    });
  });
}

// A line alone, and the same among others.
TEMPLATE_LIST_TEST_CASE("ScanReproducibility.NeighbouringLines", "", Cases) {
  using T = typename TestType::value;
  using Op = typename TestType::op;
  const auto line = TestType::numbers({1, 5003});
  const auto expected = scanned_plainly<T, Op>(line, {.axis = 1});
  for (const std::size_t n_lines : {2, 17, 100}) {
    HostArray<T> rows({n_lines, 5003});
    HostArray<T> columns({5003, n_lines});
    HostArray<T> expected_rows(rows.extents);
    HostArray<T> expected_columns(columns.extents);
    for (std::size_t i = 0; i < 5003; ++i)
      for (std::size_t j = 0; j < n_lines; ++j) {
        rows.values[j * 5003 + i] = columns.values[i * n_lines + j] = line.values[i];
        expected_rows.values[j * 5003 + i] = expected_columns.values[i * n_lines + j] =
            expected.values[i];
      }
    CHECK_THAT((scanned_plainly<T, Op>(rows, {.axis = 1})), equals_bitwise(expected_rows));
    CHECK_THAT((scanned_plainly<T, Op>(columns, {.axis = 0})), equals_bitwise(expected_columns));
  }
}

// What follows an element has no influence on its result.
TEMPLATE_LIST_TEST_CASE("ScanReproducibility.BeginningOfALine", "", Cases) {
  using T = typename TestType::value;
  using Op = typename TestType::op;
  const auto line = TestType::numbers({1, 100'003});
  const auto whole = scanned_plainly<T, Op>(line, {.axis = 1});
  for (const std::size_t n : {1, 15, 16, 17, 200, 256, 300, 4096, 5000, 65'537}) {
    HostArray<T> beginning({1, n});
    HostArray<T> expected({1, n});
    std::copy_n(line.values.begin(), n, beginning.values.begin());
    std::copy_n(whole.values.begin(), n, expected.values.begin());
    CHECK_THAT((scanned_plainly<T, Op>(beginning, {.axis = 1})), equals_bitwise(expected));
  }
}

TEMPLATE_LIST_TEST_CASE("ScanReproducibility.ReverseIsForwardOfTheReversed", "", Cases) {
  using T = typename TestType::value;
  using Op = typename TestType::op;
  for_each_shape([](const Extents& extents, int axis) {
    const auto array = TestType::numbers(extents);
    const auto turned = [&](const HostArray<T>& a) {
      return map_lines(a, axis, Direction::forward,
                       [](std::span<T> line) { std::ranges::reverse(line); });
    };
    CHECK_THAT((scanned_plainly<T, Op>(array, {.direction = Direction::reverse, .axis = axis})),
               equals_bitwise(turned(scanned_plainly<T, Op>(turned(array), {.axis = axis}))));
  });
}
