// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <Kokkos_Core.hpp>
#include <fused_scan/recurrence.hpp>

void scan(const Kokkos::View<int*>& a, const Kokkos::View<int*>& h) {
  fused_scan::linear_recurrence(Kokkos::DefaultExecutionSpace(), a, h, h);
}
