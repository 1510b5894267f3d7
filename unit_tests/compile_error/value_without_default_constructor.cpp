// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <fused_scan/fused_scan.hpp>

using Host = Kokkos::DefaultHostExecutionSpace;

struct Count {
  explicit Count(int n) : number(n) {}
  int number;
};
struct CountSum {
  using value_type = Count;
  KOKKOS_FUNCTION Count identity() const { return Count(0); }
  KOKKOS_FUNCTION Count lift(int n) const { return Count(n); }
  KOKKOS_FUNCTION Count combine(const Count& a, const Count& b) const {
    return Count(a.number + b.number);
  }
  KOKKOS_FUNCTION int lower(const Count& count) const { return count.number; }
};

void f(const Kokkos::View<int*, Host>& x) {
  fused_scan::inclusive_scan(Host(), x, x, 0, CountSum());
}
