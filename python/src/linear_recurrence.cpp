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
    KOKKOS_FUNCTION Slab part(std::int64_t first, std::int64_t length) const {
      return {a.part(first, length), b.part(first, length)};
    }
  };
  ElementAccess<Number> a, b;
  KOKKOS_FUNCTION Slab slab(std::int64_t outer) const { return {a.slab(outer), b.slab(outer)}; }
};

/// Where all arrays have elements of type T.
template <class T>
void solve_memory(const Request& request) {
  using Lines = RequestLines;
  const UprightArrays arrays(request);
  const impl::CheckedArrays checked = python::check(arrays);
  const impl::Call call = arrays.call();
  const impl::Lines lines = Lines(arrays).lines;
  const Lines bytes = Lines::in_bytes(arrays);
  const impl::BoundOperator<impl::AffineMonoid<double>, impl::Coefficients<T, T>, T> op({});
  const auto* const a = static_cast<const T*>(arrays.x.data);
  const auto* const b = static_cast<const T*>(arrays.second.data);
  T* const h = static_cast<T*>(const_cast<void*>(arrays.out.data));
  const impl::CoefficientAccess<const T, const T> load{{a, lines, Lines::of_x},
                                                       {b, lines, Lines::of_second}};
  const auto scan =
      impl::line_scan(op, load, impl::MemoryAccess<T>(h, lines, Lines::of_out),
                      python::requested_initial<double>(request, arrays, op, bytes.lines),
                      impl::NoFinalState(), lines, call);
  impl::ScanShape shape = impl::shape_of(scan, call);
  shape.in = impl::memory_shape(b, sizeof(T), lines, Lines::of_second);
  shape.beside = impl::memory_shape(a, sizeof(T), lines, Lines::of_x);
  shape.out = impl::memory_shape(h, sizeof(T), lines, Lines::of_out);
  shape.in_place = checked.in_place;
  python::on_instance(request.place, shape.lines() * shape.length,
                      [&](const auto& exec) { impl::run_scan(exec, scan, shape, call.function); });
}

template <class Number>
void solve(const Request& request) {
  scan_elements<Number>(
      request,
      impl::BoundOperator<impl::AffineMonoid<Number>, impl::Coefficients<Number, Number>, Number>(
          {}),
      [&](const UprightArrays& arrays, const impl::Lines& bytes) {
        return CoefficientLoad<Number>{
            {arrays.x.data, request.x.type, bytes, RequestLines::of_x},
            {arrays.second.data, request.second->type, bytes, RequestLines::of_second}};
      },
      [&](const UprightArrays& arrays, const impl::Lines& bytes) {
        return ElementAccess<Number>(arrays.out.data, request.out.type, bytes,
                                     RequestLines::of_out);
      });
}

}  // namespace

void linear_recurrence(const Request& request) {
  if (is_plain(request) && request.second->type == request.x.type) {
    if (request.x.type == ElementType::float32) return solve_memory<float>(request);
    if (request.x.type == ElementType::float64) return solve_memory<double>(request);
  }
  if (is_complex(request.out.type)) return solve<Kokkos::complex<double>>(request);
  solve<double>(request);
}

}  // namespace fused_scan::python
