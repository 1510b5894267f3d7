// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <Kokkos_Core.hpp>
#include <cstdio>
#include <fused_scan/fused_scan.hpp>

// The sums 1, 3, 6, 10: done right, the program ends with 0.
int main(int argc, char* argv[]) {
  Kokkos::ScopeGuard kokkos(argc, argv);
  const Kokkos::DefaultHostExecutionSpace exec;
  Kokkos::View<float[4], Kokkos::HostSpace> x("x");
  for (int i = 0; i < 4; ++i) x(i) = static_cast<float>(i + 1);

  fused_scan::inclusive_scan(exec, x, x);
  exec.fence();

  std::printf("FusedScan %s: %g %g %g %g\n", FUSED_SCAN_VERSION_STRING, x(0), x(1), x(2), x(3));
  return x(0) == 1 && x(1) == 3 && x(2) == 6 && x(3) == 10 ? 0 : 1;
}
