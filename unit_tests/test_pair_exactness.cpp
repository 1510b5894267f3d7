// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Compensated sums of doubles bit by bit, where exponents show that no compensation is rounded, and
// where they don't: by kernels in vectors and by the plain loops. What they are to be is computed
// in the order that the library documents, rounding errors from exact sums.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <bit>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fused_scan/scan.hpp>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "bit_by_bit.hpp"
#include "instances.hpp"
#include "scan_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;
using Pair = CompensatedValue<double>;

/// A rounded sum and its rounding error.
Pair sum_and_error(double a, double b) {
  const double sum = a + b;
  if (!std::isfinite(sum)) return {sum, 0};
  ExactSum rest;
  rest.add(a);
  rest.add(b);
  rest.add(-sum);
  return {sum, rest.round<double>()};
}
Pair accumulated(const Pair& pair, double x) {
  const Pair sum = sum_and_error(pair.sum, x);
  if (!std::isfinite(sum.sum)) return sum;
  return {sum.sum, odd_sum_of(pair.compensation, sum.compensation)};
}
Pair combined(const Pair& a, const Pair& b) {
  const Pair sum = sum_and_error(a.sum, b.sum);
  if (!std::isfinite(sum.sum)) return sum;
  const double rest = odd_sum_of(odd_sum_of(a.compensation, b.compensation), sum.compensation);
  if (rest == 0) return {sum.sum, -0.0};
  const double head = sum.sum + rest;
  return {head, rest - (head - sum.sum)};
}
/// A state as it goes out.
Pair finished(const Pair& pair) { return combined(pair, Pair(-0.0)); }
double value_of(const Pair& pair) {
  return pair.compensation == 0 ? pair.sum : pair.sum + pair.compensation;
}

struct Line {
  std::vector<double> inclusive;
  std::vector<double> exclusive;
  Pair last;  // the state after it
};

/// Scans a line in the documented order.
Line scanned(const std::vector<double>& line, const Pair& initial, bool given) {
  Line result;
  Pair prefix = initial, state = initial;
  std::vector<std::pair<int, Pair>> nodes;
  for (std::size_t begin = 0; begin < line.size(); begin += 16) {
    const std::size_t end = std::min(begin + 16, line.size());
    Pair chunk;
    for (std::size_t i = begin; i < end; ++i) {
      const double x = line[i];
      const Pair before = i == begin ? prefix : state;
      chunk = i == begin ? Pair(x) : accumulated(chunk, x);
      state = accumulated(before, x);
      result.exclusive.push_back(i == 0 && !given ? 0.0 : value_of(before));
      result.inclusive.push_back(value_of(state));
    }
    if (end - begin < 16) break;
    int level = 0;
    while (!nodes.empty() && nodes.back().first == level) {
      chunk = combined(nodes.back().second, chunk);
      nodes.pop_back();
      ++level;
    }
    nodes.emplace_back(level, chunk);
    prefix = initial;
    for (const auto& node : nodes) prefix = combined(prefix, node.second);
  }
  result.last = finished(state);
  return result;
}

enum class Kind { uniform, wide, mixed, cancelling, below_normal, large, not_finite, zeros };
constexpr Kind kinds[] = {Kind::uniform,      Kind::wide,  Kind::mixed,      Kind::cancelling,
                          Kind::below_normal, Kind::large, Kind::not_finite, Kind::zeros};

/// The element at place i of a line.
double number(Kind kind, std::size_t line, std::size_t i, std::size_t index) {
  const std::uint64_t bits = random_bits(index);
  const auto unit = static_cast<double>(bits >> 11) * 0x1p-53;
  const double sign = (bits & 1) != 0 ? 1.0 : -1.0;
  switch (kind) {
    case Kind::uniform:
      return unit;
    case Kind::wide:
      // About as far apart as numbers may be whose exponents show that their sums are exact.
      return std::ldexp(unit - 0.5, static_cast<int>(bits % (30 + line % 3 * 12)));
    case Kind::mixed: {
      const std::size_t begin = 7 * line % 1100;
      if (i >= begin && i < begin + 5) return i % 2 == 0 ? 1e30 : 1e-30;
      return unit - 0.25;
    }
    case Kind::cancelling:
      // Sums that vanish but for what lies far below, some of it too far for a pair.
      return i % 4 == 0   ? 1 + line % 2 * unit * 0x1p-30
             : i % 4 == 1 ? sign * 0x1p-60
             : i % 4 == 2 ? -1.0
                          : (bits % 5 == 0 ? 0x1p-170 : 0.0);
    case Kind::below_normal:
      return sign * std::bit_cast<double>(bits >> (line % 2 == 0 ? 50 : 12));
    case Kind::large:
      return sign * std::ldexp(1 + unit, line % 2 == 0 ? 1005 : 995);
    case Kind::not_finite:
      if (bits % 331 == 0) return sign * std::numeric_limits<double>::infinity();
      return unit;
    case Kind::zeros:
      return line % 2 == 0 ? -0.0 : i % 40 == 39 ? sign : sign * 0.0;
  }
  return 0;
}

/// Extents and an axis of 1 for each way in which work is shared, and sizes that are no multiples.
const Extents shapes[] = {{1, 17'000, 1}, {3, 600, 1},   {40, 37, 1},  {300, 5, 1}, {100, 40, 2},
                          {1, 700, 2},    {50, 70, 3},   {1, 1000, 4}, {40, 9, 13}, {2, 100, 20},
                          {2, 130, 70},   {1, 100, 300}, {1, 40, 700}, {3, 5, 300}};

struct Scanned {
  std::vector<double> values;
  std::vector<Pair> finals;
};
struct Expected {
  Scanned inclusive;
  Scanned exclusive;
};

struct Problem {
  Extents extents;
  HostArray<double> array;
  std::vector<Pair> initial;

  Problem(const Extents& of, Kind kind) : extents(of), array(of), initial(of[0] * of[2]) {
    for (std::size_t o = 0; o < of[0]; ++o)
      for (std::size_t i = 0; i < of[1]; ++i)
        for (std::size_t j = 0; j < of[2]; ++j) {
          const std::size_t place = place_of(of, o, i, j);
          array.values[place] = number(kind, o * of[2] + j, i, place);
        }
    for (std::size_t k = 0; k < initial.size(); ++k) {
      const std::uint64_t bits = random_bits(k + 1);
      const double sum = static_cast<double>(bits >> 11) * 0x1p-53 - 0.5;
      initial[k] = {sum, std::ldexp(sum, -54 - static_cast<int>(bits % 60))};
    }
  }

  Expected expected(Direction direction, bool given) const {
    Expected result{{array.values, initial}, {array.values, initial}};
    std::vector<double> line(extents[1]);
    for (std::size_t o = 0; o < extents[0]; ++o)
      for (std::size_t j = 0; j < extents[2]; ++j) {
        const auto place = [&](std::size_t i) {
          const bool forward = direction == Direction::forward;
          return place_of(extents, o, forward ? i : extents[1] - 1 - i, j);
        };
        for (std::size_t i = 0; i < line.size(); ++i) line[i] = array.values[place(i)];
        const std::size_t k = o * extents[2] + j;
        const Line scan = scanned(line, given ? initial[k] : Pair(-0.0), given);
        result.inclusive.finals[k] = result.exclusive.finals[k] = scan.last;
        for (std::size_t i = 0; i < line.size(); ++i) {
          result.inclusive.values[place(i)] = scan.inclusive[i];
          result.exclusive.values[place(i)] = scan.exclusive[i];
        }
      }
    return result;
  }
};

template <class Layout, class Exec>
Scanned scanned_by(const Exec& exec, const Problem& problem, const ScanCall& call, bool given) {
  const auto x = make_view<ViewOfRank<double, 3, Layout, Exec>>("x", problem.array);
  const auto y =
      call.in_place ? x : make_view<ViewOfRank<double, 3, Layout, Exec>>("y", problem.extents);
  if (!given) {
    scan(exec, x, y, CompensatedSum{}, call);
    exec.fence();
    return {read(y).values, {}};
  }
  HostArray<Pair> states({problem.extents[0], problem.extents[2]});
  states.values = problem.initial;
  const auto state = make_view<ViewOfRank<Pair, 2, Layout, Exec>>("state", states);
  const ScanOptions options{call.direction, call.block_size};
  if (call.kind == ScanKind::inclusive) {
    inclusive_scan(exec, x, y, state, state, 1, CompensatedSum{}, options);
  } else {
    exclusive_scan(exec, x, y, state, state, 1, CompensatedSum{}, options);
  }
  exec.fence();
  return {read(y).values, read(state).values};
}

/// As numbers: a compensation of zero may have either sign.
std::size_t other_states(const std::vector<Pair>& a, const std::vector<Pair>& b) {
  std::size_t count = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (!(a[k] == b[k]) && !(std::isnan(a[k].sum) && std::isnan(b[k].sum))) ++count;
  }
  return count;
}

template <class Exec>
void check(const Problem& problem, const ScanCall& call, bool given, const Scanned& expected) {
  const auto check_one = [&](const Scanned& result, const std::string& how) {
    INFO(to_string(problem.extents)
         << ", " << to_string(call) << (given ? ", from states, " : ", ") << how);
    CHECK(differences(result.values, expected.values) == 0);
    if (given) CHECK(other_states(result.finals, expected.finals) == 0);
  };
  ScanCall in_place = call;
  in_place.in_place = true;
  const Exec exec;
  for_each_vectors([&](const char* vectors) {
    check_one(scanned_by<Kokkos::LayoutRight>(exec, problem, call, given), vectors);
    check_one(scanned_by<Kokkos::LayoutRight>(exec, problem, in_place, given), vectors);
  });
  check_one(scanned_by<Kokkos::LayoutLeft>(exec, problem, call, given), "LayoutLeft");
  const auto all = instances<Exec>();
  check_one(scanned_by<Kokkos::LayoutRight>(all.front(), problem, call, given), "one thread");
  check_one(scanned_by<Kokkos::LayoutRight>(all.back(), problem, call, given), "more threads");
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("PairExactness.CompensatedSumBitByBit", "", ExecutionSpaces) {
  for (const Extents& extents : shapes)
    for (const Kind kind : kinds) {
      const Problem problem(extents, kind);
      for (const bool given : {false, true})
        for (const Direction direction : {Direction::forward, Direction::reverse}) {
          INFO("numbers of kind " << static_cast<int>(kind));
          const Expected expected = problem.expected(direction, given);
          check<TestType>(problem, {ScanKind::inclusive, direction, 1}, given, expected.inclusive);
          check<TestType>(problem, {ScanKind::exclusive, direction, 1}, given, expected.exclusive);
        }
    }
}
