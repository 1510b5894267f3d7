// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <fused_scan/operators.hpp>

#include "run_request.hpp"

namespace fused_scan::python {

void product(const Request& request) {
  using Complex = Kokkos::complex<double>;
  // Products of any floating-point numbers are carried in double.
  if (is_complex(request.out.type)) {
    return scan_converted<Complex>(request, impl::bind_operator<Complex, Complex, false>(Prod()));
  }
  if (is_integer(request.out.type)) {
    return scan_converted<std::int64_t>(
        request, impl::bind_operator<std::int64_t, std::int64_t, false>(Prod()));
  }
  scan_converted<double>(request, impl::bind_operator<double, double, false>(Prod()));
}

}  // namespace fused_scan::python
