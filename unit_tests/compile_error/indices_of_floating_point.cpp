// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <Kokkos_Core.hpp>
#include <fused_scan/running_extrema.hpp>

void scan(const Kokkos::View<float*>& x, const Kokkos::View<float*>& indices) {
  fused_scan::running_max(Kokkos::DefaultExecutionSpace(), x, x, indices);
}
