// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <fused_scan/fused_scan.hpp>

using Host = Kokkos::DefaultHostExecutionSpace;
using Vector = Kokkos::View<float*, Host>;

void f(const Vector& x) { fused_scan::exclusive_scan(Host(), x, x, -1.0); }
