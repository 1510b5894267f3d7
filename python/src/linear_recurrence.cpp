// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <fused_scan/impl/access/recurrence_access.hpp>
#include <fused_scan/impl/operator/affine.hpp>

#include "run_request.hpp"

namespace fused_scan::python {

namespace {

template <class Number>
struct CoefficientLoad {
  static constexpr bool is_memory = false;
  struct Slab {
    typename ElementAccess<Number>::Slab a, b;
    KOKKOS_FUNCTION impl::Coefficients<Number, Number> read(std::int64_t i, std::int64_t j) const {
      return {a.read(i, j), b.read(i, j)};
    }
  };
  ElementAccess<Number> a, b;
  KOKKOS_FUNCTION Slab slab(std::int64_t outer) const { return {a.slab(outer), b.slab(outer)}; }
};

template <class Number>
void solve(const Request& request) {
  scan_elements<Number>(
      request,
      impl::BoundOperator<impl::AffineMonoid<Number>, impl::Coefficients<Number, Number>, Number>(
          {}),
      [&](const UprightArrays& arrays, const impl::Lines& bytes) {
        return CoefficientLoad<Number>{
            {arrays.x.data, request.x.type, bytes, LinesInBytes::of_x},
            {arrays.second.data, request.second->type, bytes, LinesInBytes::of_second}};
      },
      [&](const UprightArrays& arrays, const impl::Lines& bytes) {
        return ElementAccess<Number>(arrays.out.data, request.out.type, bytes,
                                     LinesInBytes::of_out);
      });
}

}  // namespace

void linear_recurrence(const Request& request) {
  if (is_complex(request.out.type)) return solve<Kokkos::complex<double>>(request);
  solve<double>(request);
}

}  // namespace fused_scan::python
