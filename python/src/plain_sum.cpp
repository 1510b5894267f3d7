// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <fused_scan/operators.hpp>

#include "run_request.hpp"

namespace fused_scan::python {

namespace {

template <class T>
void of_plain(const Request& request) {
  python::scan_memory<T, T>(request, impl::bind_operator<T, T, false>(Sum()));
}

template <class T>
void of_halves(const Request& request) {
  python::scan_memory<T, float>(request, impl::BoundOperator<impl::SumMonoid<float>, float, T>({}));
}

}  // namespace

void plain_sum(const Request& request) {
  using namespace Kokkos::Experimental;
  if (is_plain(request) && request.x.type == ElementType::float16) {
    return of_halves<half_in_memory_t<half_t, Float16>>(request);
  }
  if (is_plain(request) && request.x.type == ElementType::bfloat16) {
    return of_halves<half_in_memory_t<bhalf_t, BFloat16>>(request);
  }
  if (is_half(request.x.type) && is_half(request.out.type)) {
    // From the double to the result's type in one rounding.
    return scan_converted<float>(request,
                                 impl::BoundOperator<impl::SumMonoid<float>, float, double>({}));
  }
  if (is_plain(request)) {
    switch (request.x.type) {
      case ElementType::float32:
        return of_plain<float>(request);
      case ElementType::float64:
        return of_plain<double>(request);
      case ElementType::complex64:
        return of_plain<Kokkos::complex<float>>(request);
      case ElementType::complex128:
        return of_plain<Kokkos::complex<double>>(request);
      default:
        break;
    }
  }
  // Integers, and types that differ, for which an engine more isn't worth its size.
  compensated_sum(request);
}

}  // namespace fused_scan::python
