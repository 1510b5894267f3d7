// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <fused_scan/fused_scan.hpp>

using Host = Kokkos::DefaultHostExecutionSpace;

struct Pixel {
  float red;
  float green;
};

void f(const Kokkos::View<Pixel*, Host>& x) { fused_scan::inclusive_scan(Host(), x, x, 0); }
