// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Sums of floats bit by bit, where it matters how they are added: exact and inexact parts side by
// side, ties that a small term breaks, numbers below the normal ones, infinities. What they are to
// be is computed in the order that the library documents, each sum rounded to odd from the exact
// one.

#include <Kokkos_Core.hpp>
#include <bit>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fused_scan/scan.hpp>
#include <limits>
#include <string>
#include <vector>

#include "bit_by_bit.hpp"
#include "instances.hpp"
#include "scan_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

double plain_sum_of(double a, double b) { return a + b; }
using SumOf = double (*)(double, double);

/// Scans a line in the documented order; returns the state after it.
double scan_line(std::vector<float>& line, double initial, bool given, ScanKind kind, SumOf sum) {
  std::vector<double> chunks;  // those of each level that are not yet part of a larger one
  double prefix = initial, state = initial;
  std::vector<std::pair<int, double>> nodes;
  for (std::size_t begin = 0; begin < line.size(); begin += 16) {
    const std::size_t end = std::min(begin + 16, line.size());
    double chunk = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const double x = line[i];
      const double before = i == 0 && !given ? 0 : i == begin ? prefix : state;
      chunk = i == begin ? x : sum(chunk, x);
      state = sum(prefix, chunk);
      line[i] = static_cast<float>(kind == ScanKind::inclusive ? state : before);
    }
    if (end - begin < 16) break;
    int level = 0;
    while (!nodes.empty() && nodes.back().first == level) {
      chunk = sum(nodes.back().second, chunk);
      nodes.pop_back();
      ++level;
    }
    nodes.emplace_back(level, chunk);
    prefix = initial;
    for (const auto& node : nodes) prefix = sum(prefix, node.second);
  }
  return state;
}

// ---- what is summed up
// ---------------------------------------------------------------------------

enum class Kind { uniform, wide, mixed, ties, below_normal, not_finite, negative_zeros };
constexpr Kind kinds[] = {Kind::uniform,      Kind::wide,       Kind::mixed,         Kind::ties,
                          Kind::below_normal, Kind::not_finite, Kind::negative_zeros};

/// The element at place i of a line.
float number(Kind kind, std::size_t line, std::size_t i, std::size_t index) {
  const std::uint64_t bits = random_bits(index);
  const auto unit = static_cast<double>(bits >> 11) * 0x1p-53;
  const float sign = (bits & 1) != 0 ? 1.0F : -1.0F;
  switch (kind) {
    case Kind::uniform:
      return static_cast<float>(unit);
    case Kind::wide:
      return static_cast<float>(std::ldexp(unit - 0.5, static_cast<int>(bits % 60) - 30));
    case Kind::mixed: {
      // Five inexact elements, of each line somewhere else.
      const std::size_t begin = 7 * line % 1100;
      if (i >= begin && i < begin + 5) return i % 2 == 0 ? 1e8F : 1e-8F;
      return static_cast<float>(bits >> 44) * 0x1p-20F;
    }
    case Kind::ties:
      // 2^24 + 1 is half-way between two floats.
      return i % 16 == 0 ? 0x1p24F * sign : bits % 3 == 0 ? 1.0F : sign * (bits % 5 ? 0x1p-60F : 0);
    case Kind::below_normal:
      return sign * std::bit_cast<float>(static_cast<std::uint32_t>(bits >> 32) % 5000);
    case Kind::not_finite:
      if (bits % 331 == 0) return sign * std::numeric_limits<float>::infinity();
      return static_cast<float>(unit);
    case Kind::negative_zeros:
      return -0.0F;
  }
  return 0;
}

/// Extents and an axis of 1 for each way in which work is shared, and sizes that are no multiples.
const Extents shapes[] = {{1, 20'011, 1}, {3, 700, 1},   {40, 37, 1},  {700, 5, 1},  {160, 1100, 1},
                          {300, 40, 2},   {50, 70, 3},   {20, 100, 4}, {1, 3000, 4}, {40, 9, 13},
                          {2, 1500, 2},   {1, 30011, 3}, {1, 2100, 4}, {2, 600, 20}, {2, 260, 70},
                          {1, 1100, 160}, {1, 40, 1100}, {3, 5, 300},  {36, 60, 16}, {70, 20, 4}};

struct Scanned {
  std::vector<float> values;
  std::vector<double> finals;
};

struct Problem {
  Extents extents;
  HostArray<float> array;
  std::vector<double> initial;

  Problem(const Extents& of, Kind kind) : extents(of), array(of), initial(of[0] * of[2]) {
    for (std::size_t o = 0; o < of[0]; ++o)
      for (std::size_t i = 0; i < of[1]; ++i)
        for (std::size_t j = 0; j < of[2]; ++j) {
          const std::size_t place = place_of(of, o, i, j);
          array.values[place] = number(kind, o * of[2] + j, i, place);
        }
    for (std::size_t k = 0; k < initial.size(); ++k) {
      const std::uint64_t bits = random_bits(k + 1);
      initial[k] = std::ldexp(static_cast<double>(bits >> 11) * 0x1p-53 - 0.5,
                              static_cast<int>(bits % 400) - 300);
    }
  }

  Scanned expected(const ScanCall& call, bool given, SumOf sum) const {
    Scanned result{array.values, std::vector<double>(initial.size())};
    std::vector<float> line(extents[1]);
    for (std::size_t o = 0; o < extents[0]; ++o)
      for (std::size_t j = 0; j < extents[2]; ++j) {
        const auto place = [&](std::size_t i) {
          const bool forward = call.direction == Direction::forward;
          return place_of(extents, o, forward ? i : extents[1] - 1 - i, j);
        };
        for (std::size_t i = 0; i < line.size(); ++i) line[i] = array.values[place(i)];
        const std::size_t k = o * extents[2] + j;
        result.finals[k] = scan_line(line, given ? initial[k] : -0.0, given, call.kind, sum);
        for (std::size_t i = 0; i < line.size(); ++i) result.values[place(i)] = line[i];
      }
    return result;
  }
};

template <class Layout, class Op, class Exec>
Scanned scanned_by(const Exec& exec, const Problem& problem, const ScanCall& call, bool given) {
  const auto x = make_view<ViewOfRank<float, 3, Layout, Exec>>("x", problem.array);
  const auto y =
      call.in_place ? x : make_view<ViewOfRank<float, 3, Layout, Exec>>("y", problem.extents);
  if (!given) {
    scan(exec, x, y, Op{}, call);
    exec.fence();
    return {read(y).values, {}};
  }
  HostArray<double> states({problem.extents[0], problem.extents[2]});
  states.values = problem.initial;
  const auto state = make_view<ViewOfRank<double, 2, Layout, Exec>>("state", states);
  const ScanOptions options{call.direction, call.block_size};
  if (call.kind == ScanKind::inclusive) {
    inclusive_scan(exec, x, y, state, state, 1, Op{}, options);
  } else {
    exclusive_scan(exec, x, y, state, state, 1, Op{}, options);
  }
  exec.fence();
  return {read(y).values, read(state).values};
}

template <class Exec, class Op>
void check(const Problem& problem, const ScanCall& call, bool given, SumOf sum) {
  const Scanned expected = problem.expected(call, given, sum);
  const auto check_one = [&](const Scanned& result, const std::string& how) {
    INFO(to_string(problem.extents)
         << ", " << to_string(call) << (given ? ", from states, " : ", ") << how);
    CHECK(differences(result.values, expected.values) == 0);
    if (given) CHECK(differences(result.finals, expected.finals) == 0);
  };
  ScanCall in_place = call;
  in_place.in_place = true;
  const Exec exec;
  for_each_vectors([&](const char* vectors) {
    check_one(scanned_by<Kokkos::LayoutRight, Op>(exec, problem, call, given), vectors);
    check_one(scanned_by<Kokkos::LayoutRight, Op>(exec, problem, in_place, given), vectors);
    check_one(scanned_by<Kokkos::LayoutLeft, Op>(exec, problem, call, given), vectors);
  });
  const auto all = instances<Exec>();
  check_one(scanned_by<Kokkos::LayoutRight, Op>(all.front(), problem, call, given), "one thread");
  check_one(scanned_by<Kokkos::LayoutRight, Op>(all.back(), problem, call, given), "more threads");
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("ScanExactness.CompensatedSumBitByBit", "", ExecutionSpaces) {
  for (const Extents& extents : shapes)
    for (const Kind kind : kinds) {
      const Problem problem(extents, kind);
      for (const bool given : {false, true})
        for (const ScanKind scan_kind : {ScanKind::inclusive, ScanKind::exclusive})
          for (const Direction direction : {Direction::forward, Direction::reverse}) {
            INFO("numbers of kind " << static_cast<int>(kind));
            check<TestType, CompensatedSum>(problem, {scan_kind, direction, 1}, given, odd_sum_of);
          }
    }
}

TEMPLATE_LIST_TEST_CASE("ScanExactness.SumBitByBit", "", ExecutionSpaces) {
  for (const Extents& extents : shapes) {
    const Problem problem(extents, Kind::wide);
    for (const bool given : {false, true})
      for (const ScanKind scan_kind : {ScanKind::inclusive, ScanKind::exclusive})
        for (const Direction direction : {Direction::forward, Direction::reverse}) {
          check<TestType, Sum>(problem, {scan_kind, direction, 1}, given, plain_sum_of);
        }
  }
}
