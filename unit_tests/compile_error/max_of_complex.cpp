// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <fused_scan/fused_scan.hpp>

using Host = Kokkos::DefaultHostExecutionSpace;
using Vector = Kokkos::View<Kokkos::complex<double>*, Host>;

void f(const Vector& x) { fused_scan::inclusive_scan(Host(), x, x, 0, fused_scan::Max()); }
