// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <fused_scan/fused_scan.hpp>

using Host = Kokkos::DefaultHostExecutionSpace;
using Vector = Kokkos::View<float*, Host>;
using ConstVector = Kokkos::View<const float*, Host>;

void f(const Vector& in, const ConstVector& out) { fused_scan::exclusive_scan(Host(), in, out); }
