// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "run_request.hpp"

namespace fused_scan::python {

namespace {

/// The map h -> scale * h + shift.
template <class Number>
struct Map {
  Number scale;
  Number shift;
};

template <class Number>
struct Affine {
  using value_type = Map<Number>;
  KOKKOS_FUNCTION value_type identity() const { return {Number(1), Number(0)}; }
  KOKKOS_FUNCTION value_type combine(const value_type& first, const value_type& then) const {
    return {then.scale * first.scale, then.scale * first.shift + then.shift};
  }
  KOKKOS_FUNCTION value_type from_state(const Number& h) const { return {Number(0), h}; }
  KOKKOS_FUNCTION Number lower(const value_type& map) const { return map.shift; }
};

template <class Number>
struct MapLoad {
  static constexpr bool is_memory = false;
  struct Slab {
    typename ElementAccess<Number>::Slab scales, shifts;
    KOKKOS_FUNCTION Map<Number> read(std::int64_t i, std::int64_t j) const {
      return {scales.read(i, j), shifts.read(i, j)};
    }
  };
  ElementAccess<Number> scales, shifts;
  KOKKOS_FUNCTION Slab slab(std::int64_t outer) const {
    return {scales.slab(outer), shifts.slab(outer)};
  }
};

template <class Number>
void solve(const Request& request) {
  scan_elements<Number>(
      request, impl::BoundOperator<Affine<Number>, Map<Number>, void>({}),
      [&](const UprightArrays& arrays, const impl::Lines& bytes) {
        return MapLoad<Number>{
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
