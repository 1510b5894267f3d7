// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Sums along the middle axis of a three-dimensional View, and what a plain loop makes of them.
// The lines between two marks `// [name]` are shown in README.md.

#include <Kokkos_Core.hpp>
#include <cstdio>
#include <fused_scan/fused_scan.hpp>

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);

  // [readme]
  const Kokkos::DefaultExecutionSpace exec;
  Kokkos::View<float***> x("x", 4, 8192, 512), sums("sums", 4, 8192, 512);
  Kokkos::deep_copy(exec, x, 0.1f);

  // sums(i, j, k) = x(i, 0, k) + .. + x(i, j, k), correctly rounded
  fused_scan::inclusive_scan(exec, x, sums, 1);

  // x(i, j, k) = the largest of x(i, j, k), .., x(i, j, 511), in place
  fused_scan::inclusive_scan(exec, x, x, -1, fused_scan::Max{},
                             {.direction = fused_scan::Direction::reverse});
  exec.fence();
  // [readme]

  const auto host_sums = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), sums);
  float loop = 0;
  int wrong = 0;
  for (int j = 0; j < 8192; ++j) {
    loop += 0.1f;
    // A float times a number of 13 bits is exact in double.
    const auto exact = static_cast<float>(static_cast<double>(0.1f) * (j + 1));
    if (host_sums(3, j, 511) != exact) ++wrong;
  }
  std::printf(
      "the sum of 8192 times 0.1f:  exact and rounded %.7g, inclusive_scan %.7g, loop %.7g\n",
      static_cast<double>(0.1f) * 8192, host_sums(3, 8191, 511), loop);
  std::printf("of the 8192 sums in a line, %d differ from the exact ones\n", wrong);
  return wrong == 0 ? 0 : 1;
}
