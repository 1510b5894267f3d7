// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <fused_scan/fused_scan.hpp>

using Host = Kokkos::DefaultHostExecutionSpace;
using Scalar = Kokkos::View<float, Host>;

void f(const Scalar& x) { fused_scan::inclusive_scan(Host(), x, x); }
