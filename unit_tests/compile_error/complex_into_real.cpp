// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <fused_scan/fused_scan.hpp>

using Host = Kokkos::DefaultHostExecutionSpace;

void f(const Kokkos::View<Kokkos::complex<float>*, Host>& x, const Kokkos::View<float*, Host>& y) {
  fused_scan::inclusive_scan(Host(), x, y, 0);
}
