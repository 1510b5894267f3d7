// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// States that scans and recurrences over ranks start from and end in: those of one rank, to the
// bit.

#include <Kokkos_Core.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "../recurrence_call.hpp"
#include "distributed_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Exec = Kokkos::DefaultExecutionSpace;
template <class T>
using Array = ViewOfRank<T, 3, Kokkos::LayoutRight, Exec>;
template <class T>
using States = ViewOfRank<T, 2, Kokkos::LayoutRight, Exec>;

/// What a call has left: results, and the states that lines ended in.
template <class T, class State>
struct Outcome {
  HostArray<T> results;
  HostArray<State> final;
};

// call(x, y, initial, final) on one rank, and call_over_ranks(x, y, initial, final) with a piece,
// for some cuts of the axis; final is initial every other time.
template <class T, class State, class Call, class CallOverRanks>
void check_states(const HostArray<T>& whole, const HostArray<State>& initial, int axis,
                  const Call& call, const CallOverRanks& call_over_ranks) {
  const auto run = [&](const HostArray<T>& array, bool in_place, const auto& function) {
    const auto x = make_view<Array<T>>("x", array);
    const auto from = make_view<States<State>>("initial", initial);
    const auto to = in_place ? from : make_view<States<State>>("final", initial.extents);
    function(x, from, to);
    return Outcome<T, State>{read(x), read(to)};
  };
  const auto expected = run(whole, false, call);
  const std::size_t length = whole.extents[static_cast<std::size_t>(axis)];
  const int ranks = test::size_of(MPI_COMM_WORLD), rank = rank_of();
  const int count = ranks <= 2 ? 40 : 8;
  for (int k = 0; k < count; ++k) {
    const Cuts cuts = k == 0 ? even_cuts(length, ranks)
                             : random_cuts(length, ranks, static_cast<std::uint64_t>(k));
    INFO(to_string(cuts, length));
    const auto piece = run(piece_of(whole, axis, cuts, rank), k % 2 == 0, call_over_ranks);
    CHECK_THAT(piece.results, equals_bitwise(piece_of(expected.results, axis, cuts, rank)));
    CHECK_THAT(piece.final, equals_bitwise(expected.final));
  }
}

// Functors, with a factor between memory and the scan.
struct Load {
  Array<float> x;
  KOKKOS_FUNCTION float operator()(std::int64_t o, std::int64_t i, std::int64_t j) const {
    return 3 * x(o, i, j);
  }
};
struct Store {
  Array<float> x;
  KOKKOS_FUNCTION void operator()(std::int64_t o, std::int64_t i, std::int64_t j, float y) const {
    x(o, i, j) = y;
  }
};
struct InitialOf {
  States<double> states;
  KOKKOS_FUNCTION double operator()(std::int64_t o, std::int64_t j) const { return states(o, j); }
};
struct FinalOf {
  States<double> states;
  KOKKOS_FUNCTION void operator()(std::int64_t o, std::int64_t j, double state) const {
    states(o, j) = state;
  }
};

}  // namespace

TEST_CASE("DistributedStates.Scans") {
  for (const std::size_t length : {0, 1, 13, 200, 1000})
    for (const Direction direction : {Direction::forward, Direction::reverse}) {
      const ScanOptions options{direction};
      const auto whole = random_array<double>({2, length, 3}, 1, 1e3);
      const auto initial = random_array<double>({2, 3}, 2, 1e5);
      check_states(
          whole, initial, 1,
          [&](const auto& x, const auto& from, const auto& to) {
            inclusive_scan(Exec{}, x, x, from, to, 1, Sum{}, options);
          },
          [&](const auto& x, const auto& from, const auto& to) {
            inclusive_scan(Exec{}, MPI_COMM_WORLD, x, x, from, to, 1, Sum{}, options);
          });
      check_states(
          whole, initial, 1,
          [&](const auto& x, const auto&, const auto& to) {
            exclusive_scan(Exec{}, x, x, from(0.1), to, 1, Sum{}, options);
          },
          [&](const auto& x, const auto&, const auto& to) {
            exclusive_scan(Exec{}, MPI_COMM_WORLD, x, x, from(0.1), to, 1, Sum{}, options);
          });
    }
}

TEST_CASE("DistributedStates.Recurrences") {
  // h(i) = x(i) h(i - 1) + x(i), in place of x: its coefficients are a copy.
  for (const std::size_t length : {0, 1, 100, 700}) {
    const auto initial = random_array<double>({2, 2}, 3, 10);
    check_states(
        random_array<double>({length, 2, 2}, 4, 1.3), initial, 0,
        [&](const auto& x, const auto& from, const auto& to) {
          const auto a = make_view<Array<double>>("a", read(x));
          linear_recurrence(Exec{}, a, x, x, from, to, 0);
        },
        [&](const auto& x, const auto& from, const auto& to) {
          const auto a = make_view<Array<double>>("a", read(x));
          linear_recurrence(Exec{}, MPI_COMM_WORLD, a, x, x, from, to, 0);
        });
  }
}

TEST_CASE("DistributedStates.Functors") {
  for (const std::size_t length : {0, 1, 90, 800})
    for (const Direction direction : {Direction::forward, Direction::reverse}) {
      const ScanOptions options{direction};
      const auto transform = [&](const auto& x, const auto& initial, const auto& final,
                                 auto... comm) {
        const ScanExtents extents{static_cast<std::int64_t>(x.extent(0)),
                                  static_cast<std::int64_t>(x.extent(1)),
                                  static_cast<std::int64_t>(x.extent(2))};
        transform_scan(Exec{}, comm..., extents, Load{x}, Store{x}, InitialOf{initial},
                       FinalOf{final}, Sum{}, options);
        transform_scan(Exec{}, comm..., extents, Load{x}, Store{x}, from(0.1F), Sum{}, options,
                       ScanKind::exclusive);
      };
      check_states(
          random_array<float>({2, length, 3}, 5, 1e3F), random_array<double>({2, 3}, 6, 1e5), 1,
          [&](const auto& x, const auto& from, const auto& to) { transform(x, from, to); },
          [&](const auto& x, const auto& from, const auto& to) {
            transform(x, from, to, MPI_COMM_WORLD);
          });
    }
}

// The sums of ones from 1000 on are known without a scan.
TEST_CASE("DistributedStates.SumsOfOnes") {
  const int rank = rank_of(), ranks = test::size_of(MPI_COMM_WORLD);
  const States<float> x("x", 50, 2);
  Kokkos::deep_copy(x, 1);
  const Kokkos::View<float*, Exec> final("final", 2);
  inclusive_scan(Exec{}, MPI_COMM_WORLD, x, x, from(1000.F), final, 0);
  HostArray<float> expected({50, 2}), last({2});
  for (std::size_t i = 0; i < 100; ++i)
    expected.values[i] = static_cast<float>(1000 + 50 * rank + 1 + static_cast<int>(i / 2));
  last.values[0] = last.values[1] = static_cast<float>(1000 + 50 * ranks);
  CHECK_THAT(read(x), equals(expected));
  CHECK_THAT(read(final), equals(last));
}

TEST_CASE("DistributedStates.GivenOnSomeRanksOnly") {
  const int last = test::size_of(MPI_COMM_WORLD) - 1;
  if (last == 0) SKIP("one rank can't differ");
  const States<float> x("x", 20, 4), y("y", 20, 4);
  const Kokkos::View<float*, Exec> final("final", 4);
  std::string thrown;
  try {
    if (rank_of() == last) {
      inclusive_scan(Exec{}, MPI_COMM_WORLD, x, y, from(1.F), final, 0);
    } else {
      inclusive_scan(Exec{}, MPI_COMM_WORLD, x, y, 0);
    }
  } catch (const std::invalid_argument& error) {
    thrown = error.what();
  }
  CHECK(thrown == "fused_scan::inclusive_scan: rank " + std::to_string(last) +
                      " calls with two states, rank 0 with no state");
}
