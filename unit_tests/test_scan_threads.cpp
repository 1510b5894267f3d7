// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Scans from several host threads at once, each with an instance of its own.

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fused_scan/scan.hpp>
#include <limits>
#include <thread>
#include <vector>

#include "instances.hpp"
#include "scan_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

// What one host thread works on: a shape of its own, forward and back over the same data.
template <class Exec>
struct Worker {
  using View = ViewOfRank<int, 2, Kokkos::LayoutRight, Exec>;

  Exec exec;
  int axis;
  HostArray<int> array;
  View x;
  View y;
  View z;

  Worker(const Exec& instance, const Extents& extents, int along)
      : exec(instance),
        axis(along),
        array(small_integers<int>(extents)),
        x(make_view<View>("x", array)),
        y(make_view<View>("y", extents)),
        z(make_view<View>("z", extents)) {}

  void work() const {
    for (int round = 0; round < 50; ++round) {
      inclusive_scan(exec, x, y, axis, Sum{});
      exclusive_scan(exec, x, z, axis, Sum{}, {Direction::reverse});
      inclusive_scan(exec, z, z, axis, Max{});
    }
    exec.fence();
  }

  void check() const {
    CHECK_THAT(read(y), equals(folded(array, 0, ReferenceSum{}, {.axis = axis})));
    const ScanCall sums{ScanKind::exclusive, Direction::reverse, axis};
    CHECK_THAT(read(z),
               equals(folded(folded(array, 0, ReferenceSum{}, sums),
                             std::numeric_limits<int>::lowest(), ReferenceMax{}, {.axis = axis})));
  }
};

template <class Exec>
void work_at_once(const std::vector<Worker<Exec>>& workers) {
  Kokkos::fence();
  std::vector<std::thread> threads;
  for (const auto& worker : workers) threads.emplace_back([&worker] { worker.work(); });
  for (auto& thread : threads) thread.join();
  for (const auto& worker : workers) worker.check();
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("ScanThreads.AnInstanceEach", "", ExecutionSpaces) {
  const auto of_threads = instances<TestType>();
  work_at_once<TestType>({{of_threads[0], {1, 20'011}, 1},
                          {of_threads[1], {3000, 3}, 0},
                          {of_threads[2], {500, 40}, 0},
                          {of_threads[3], {7, 1031}, 1}});
  work_at_once<TestType>({{of_threads[1], {1, 20'011}, 1},
                          {of_threads[2], {1, 50'021}, 1},
                          {of_threads[3], {3000, 3}, 0},
                          {of_threads[0], {500, 40}, 0}});
}

// Where instances of OpenMP can't be nested, partition_space gives copies of one: launches from two
// threads run one after the other, over buffers that must not be each other's.
TEMPLATE_LIST_TEST_CASE("ScanThreads.CopiesOfOneInstance", "", ExecutionSpaces) {
  const auto copies = Kokkos::Experimental::partition_space(TestType(), std::vector<int>{1, 1});
  work_at_once<TestType>({{copies[0], {1, 100'000}, 1}, {copies[1], {1, 100'000}, 1}});
}
