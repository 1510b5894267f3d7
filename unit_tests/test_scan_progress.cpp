// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Tiles of a line wait for each other, and never for one that hasn't begun: a scan ends with far
// more tiles than run at once, and with a single one running at a time.

#include <Kokkos_Core.hpp>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <cstdint>
#include <fused_scan/scan.hpp>
#include <thread>

#include "ones.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Exec = Kokkos::DefaultExecutionSpace;
constexpr bool on_host = Kokkos::SpaceAccessibility<Exec, Kokkos::HostSpace>::accessible;

constexpr int tile = 2048;

using Number = Kokkos::View<std::int64_t, Exec>;

std::int64_t number_in(const Exec& exec, const Number& view) {
  // Where the card is busy this must wait for no other instance, as Views do that are freed.
  std::int64_t number = 0;
  const Kokkos::View<std::int64_t, Kokkos::HostSpace, Kokkos::MemoryUnmanaged> copy(&number);
  Kokkos::deep_copy(exec, copy, view);
  exec.fence();
  return number;
}

/// Counts the tiles between their first load and their last store.
struct TilesUnderWay {
  Number now{"now"};
  Number most{"most"};
};
struct TileBegins {
  TilesUnderWay tiles;

  KOKKOS_FUNCTION float operator()(std::int64_t, std::int64_t i, std::int64_t) const {
    if (i % tile == 0) {
      Kokkos::atomic_max(tiles.most.data(), Kokkos::atomic_fetch_add(tiles.now.data(), 1) + 1);
    }
    return 1;
  }
};
struct TileEnds {
  TilesUnderWay tiles;
  OnesAreCounted<Exec> count;

  KOKKOS_FUNCTION void operator()(std::int64_t o, std::int64_t i, std::int64_t j, float sum) const {
    count(o, i, j, sum);
    if (i % tile == tile - 1) Kokkos::atomic_add(tiles.now.data(), -1);
  }
};

using Policy = Kokkos::TeamPolicy<Exec>;
using Flag = Kokkos::View<int, Kokkos::SharedHostPinnedSpace>;

struct Squat {
  Number begun;
  Flag let_go;
  KOKKOS_FUNCTION void operator()(const Policy::member_type&) const {
    Kokkos::atomic_add(begun.data(), 1);
    const volatile int* const gone = let_go.data();
    for (int polls = 0; polls < 5'000'000 && *gone == 0; ++polls) {
    }
  }
};

/// Teams that do nothing and hold their scratch memory until they are let go, or for some seconds.
class Squatters {
 public:
  ~Squatters() { let_go(); }

  static int most_scratch() { return Policy(Exec(), 1, 1).scratch_size_max(0); }

  void begin(const Exec& exec, int teams, int scratch) const {
    Policy policy(exec, teams, 1);
    policy.set_scratch_size(0, Kokkos::PerTeam(scratch));
    Kokkos::parallel_for("squat", policy, Squat{m_begun, m_let_go});
  }
  /// How many have begun, asked on an instance of its own, after they have had time to.
  int begun(const Exec& exec) const {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return static_cast<int>(number_in(exec, m_begun));
  }
  void let_go() const { *static_cast<volatile int*>(m_let_go.data()) = 1; }

 private:
  Number m_begun{"begun"};
  Flag m_let_go{"let_go"};
};

}  // namespace

TEST_CASE("ScanProgress.AThousandTimesTheTilesThatRunAtOnce") {
  // On a GPU a tile is a team of at least 64 threads.
  const std::int64_t at_once = on_host ? Exec().concurrency() : Exec().concurrency() / 64;
  const std::int64_t length = 1000 * at_once * tile + 1;
  const OnesAreCounted<Exec> count{Number("wrong")};
  transform_scan(Exec(), {1, length, 1}, One{}, count, CompensatedSum{}, {.block_size = tile});
  CHECK(number_in(Exec(), count.wrong) == 0);
}

TEST_CASE("ScanProgress.OneTeamAtATime") {
  if (on_host) SUCCEED("threads of a host take turns; see the tests with one thread");
  if constexpr (!on_host) {
    const auto instances = Kokkos::Experimental::partition_space(Exec(), 1, 1, 1, 1, 1);
    const Exec& exec = instances[0];
    const TilesUnderWay tiles;
    const OnesAreCounted<Exec> count{Number("wrong")};
    const auto scan = [&] {
      transform_scan(exec, {1, 2000 * tile, 1}, TileBegins{tiles}, TileEnds{tiles, count},
                     CompensatedSum{}, {.block_size = tile});
      exec.fence();
    };
    scan();  // loads its kernel and allocates, for which a busy card may not be the time
    CHECK(number_in(exec, tiles.most) > 1);
    Kokkos::deep_copy(tiles.most, 0);

    // The card is filled up with large squatters, then small ones, but for the place of one that
    // has room for one team of the scan and not for two.
    constexpr int enough = 1000, place = 14 * 1024, small = 4 * 1024;
    const int large = Squatters::most_scratch();
    const auto fill = [&](const Squatters& squatters, const Squatters& in_place, int larges) {
      squatters.begin(instances[1], larges, large);
      const int begun = squatters.begun(instances[4]);
      in_place.begin(instances[2], 1, place);
      REQUIRE(in_place.begun(instances[4]) == 1);
      return begun;
    };
    int larges = 0, smalls = 0;
    {
      const Squatters all;
      all.begin(instances[1], enough, large);
      larges = all.begun(instances[4]);
    }
    {
      const Squatters all, in_place;
      fill(all, in_place, larges);
      all.begin(instances[3], 5 * enough, small);
      smalls = all.begun(instances[4]) - larges;
      all.let_go();  // before in_place is destroyed, which waits for the card
    }
    REQUIRE(larges > 0);
    REQUIRE(larges < enough);
    REQUIRE(smalls < 5 * enough);
    const Squatters squatters, in_place;
    REQUIRE(fill(squatters, in_place, larges) == larges);
    squatters.begin(instances[3], smalls, small);
    REQUIRE(squatters.begun(instances[4]) == larges + smalls);
    in_place.let_go();
    scan();
    squatters.let_go();
    CHECK(number_in(exec, tiles.most) == 1);
    CHECK(number_in(exec, count.wrong) == 0);
  }
}
