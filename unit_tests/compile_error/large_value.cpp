// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <fused_scan/fused_scan.hpp>

using Host = Kokkos::DefaultHostExecutionSpace;

struct Large {
  using value_type = Kokkos::Array<double, 9>;  // 72 bytes
  KOKKOS_FUNCTION value_type identity() const { return {}; }
  KOKKOS_FUNCTION value_type combine(const value_type& a, const value_type&) const { return a; }
};

using Vector = Kokkos::View<Large::value_type*, Host>;

void f(const Vector& x) { fused_scan::inclusive_scan(Host(), x, x, 0, Large()); }
