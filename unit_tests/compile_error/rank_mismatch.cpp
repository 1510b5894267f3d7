// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <fused_scan/fused_scan.hpp>

using Host = Kokkos::DefaultHostExecutionSpace;
using Vector = Kokkos::View<float*, Host>;
using Matrix = Kokkos::View<float**, Host>;

void f(const Vector& in, const Matrix& out) { fused_scan::inclusive_scan(Host(), in, out); }
