// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Wrong calls, and what they say. A wrong value is an exception, before anything runs and before
// anything is written, so that a program can go on.

#include <Kokkos_Core.hpp>
#include <cstdio>
#include <fused_scan/ar_ssm.hpp>
#include <fused_scan/fused_scan.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

int wrong = 0;

/// Prints what `call` throws, which must be `expected`.
template <class Call>
void refused(const std::string& expected, const Call& call) {
  std::string message = "(nothing)";
  // [catch]
  try {
    call();
  } catch (const std::invalid_argument& error) {
    message = error.what();
  }
  // [catch]
  std::printf("%s\n", message.c_str());
  if (message != expected) {
    std::printf("  WRONG: expected %s\n", expected.c_str());
    ++wrong;
  }
}

}  // namespace

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  const Kokkos::DefaultExecutionSpace exec;
  const Kokkos::View<float**> x("x", 4, 8), y("y", 4, 7);

  // [axis]
  refused("fused_scan::inclusive_scan: axis 3 is out of range [-2, 1] for View 'x' of rank 2",
          [&] { fused_scan::inclusive_scan(exec, x, x, 3); });
  // [axis]
  // [extents]
  refused("fused_scan::inclusive_scan: extents of 'x' (4, 8) and 'y' (4, 7) differ",
          [&] { fused_scan::inclusive_scan(exec, x, y); });
  // [extents]
  // [overlap]
  const auto left = Kokkos::subview(x, Kokkos::ALL, std::pair(0, 7));
  const auto right = Kokkos::subview(x, Kokkos::ALL, std::pair(1, 8));
  refused(
      "fused_scan::inclusive_scan: Views 'x' and 'x' overlap in memory without being the same "
      "array",
      [&] { fused_scan::inclusive_scan(exec, left, right); });
  // [overlap]
  // [block_size]
  refused(
      "fused_scan::inclusive_scan: block_size 100 must be 0 (chosen) or a power of two, at least "
      "16",
      [&] {
        fused_scan::inclusive_scan(exec, x, x, -1, fused_scan::CompensatedSum{},
                                   {.block_size = 100});
      });
  // [block_size]
  // [state]
  const Kokkos::View<float*> state("state", 8);
  refused(
      "fused_scan::inclusive_scan: initial state 'state' has extents (8) instead of (4), those of "
      "View 'x' without axis 1",
      [&] { fused_scan::inclusive_scan(exec, x, x, state, state, 1); });
  // [state]
  // [layer]
  fused_scan::ArSsm<float> layer({.d_model = 16});
  const Kokkos::View<float***> sequence("sequence", 2, 100, 8), out("out", 2, 100, 16);
  refused(
      "fused_scan::ArSsm::forward: x 'sequence' has extents (2, 100, 8) instead of (batch, length, "
      "16) with batch and length at least 1",
      [&] { layer.forward(exec, sequence, out); });
  // [layer]
  // [rank]
  refused("fused_scan::ArSsm: max_rank 2 must be at least min_rank, which is 4",
          [] { fused_scan::ArSsm<float>({.d_model = 16, .max_rank = 2}); });
  // [rank]
  return wrong == 0 ? 0 : 1;
}
