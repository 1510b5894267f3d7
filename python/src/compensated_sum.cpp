// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <fused_scan/operators.hpp>

#include "run_request.hpp"

namespace fused_scan::python {

namespace {

template <class T>
void of_plain(const Request& request) {
  python::scan_memory<T, T>(request, impl::bind_operator<T, T, false>(CompensatedSum()));
}

}  // namespace

void compensated_sum(const Request& request) {
  using Complex = Kokkos::complex<double>;
  // A double holds the sums of half-precision numbers as they are.
  if (is_half(request.x.type) && is_half(request.out.type)) return plain_sum(request);
  if (is_plain(request)) {
    switch (request.x.type) {
      case ElementType::float32:
        return of_plain<float>(request);
      case ElementType::float64:
        return of_plain<double>(request);
      case ElementType::complex64:
        return of_plain<Kokkos::complex<float>>(request);
      case ElementType::complex128:
        return of_plain<Complex>(request);
      case ElementType::int64:
      case ElementType::uint64:  // the bits are those of signed ones
        return of_plain<std::int64_t>(request);
      default:
        break;
    }
  }
  if (is_integer(request.x.type)) {
    if (is_signed(request.x.type) || is_integer(request.out.type)) {
      return scan_converted<std::int64_t>(
          request, impl::bind_operator<std::int64_t, std::int64_t, false>(Sum()));
    }
    return scan_converted<std::uint64_t>(
        request, impl::bind_operator<std::uint64_t, std::uint64_t, false>(Sum()));
  }
  if (is_complex(request.out.type)) {
    return scan_converted<Complex>(request,
                                   impl::bind_operator<Complex, Complex, false>(CompensatedSum()));
  }
  scan_converted<double>(request, impl::bind_operator<double, double, false>(CompensatedSum()));
}

}  // namespace fused_scan::python
