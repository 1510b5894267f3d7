// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_PYTHON_RUN_REQUEST_HPP
#define FUSED_SCAN_PYTHON_RUN_REQUEST_HPP

// From a Request to a LineScan. Extents and strides are numbers of the run, so that an operator is
// compiled once for each type of number.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/access/states.hpp>
#include <fused_scan/impl/scan.hpp>
#include <vector>

#include "element_access.hpp"
#include "instance.hpp"
#include "request.hpp"

namespace fused_scan::python {

/// The arrays of a request, whose outputs have no negative strides any more: dimensions in which
/// they run downwards are turned round in all of them, the axis as well, and with it the direction.
struct UprightArrays {
  const Request& request;
  impl::Array x, out, second, initial;
  int axis = 0;
  bool reverse;
  bool turned_axis = false;

  explicit UprightArrays(const Request& of)
      : request(of), x(of.x.array), out(of.out.array), reverse(of.reverse) {
    if (of.second) second = of.second->array;
    if (of.initial) initial = of.initial->array;
    axis = impl::checked_axis(of.function.c_str(), x, of.axis);
    for (int d = 0; d < out.rank; ++d) {
      if (out.stride[d] < 0) turn(d);
    }
  }

  impl::Call call() const { return {request.function.c_str(), reverse, 0, request.exclusive}; }

 private:
  static void turn(impl::Array& array, int d) {
    if (d >= array.rank || array.extent[d] == 0) return;
    const std::int64_t last = (array.extent[d] - 1) * array.stride[d];
    array.data = static_cast<const std::byte*>(array.data) + last * array.element_size;
    array.stride[d] = -array.stride[d];
  }
  void turn(int d) {
    turn(x, d);
    turn(out, d);
    turn(second, d);
    if (d == axis) {
      reverse = !reverse;
      turned_axis = true;
    } else {
      turn(initial, d < axis ? d : d - 1);
    }
  }
};

/// A state that a run may have or not, as an array or as a number.
template <class Op, class Number>
struct RequestedInitial {
  static constexpr bool given = true;  // may be
  Op op;
  ElementAccess<Number> states;
  Number number;
  bool is_array;
  bool is_given;
  KOKKOS_FUNCTION auto operator()(std::int64_t outer, std::int64_t column) const {
    if (!is_given) return op.neutral();
    return op.value_of_state(is_array ? states.slab(outer).read(0, column) : number);
  }
};

template <class Number>
Number start_number(const Request& request) {
  if constexpr (std::is_integral_v<Number>) {
    return request.integer_start;
  } else {
    const std::complex<double> start = request.start.value_or(0);
    // As an element of the result's type.
    const auto part = [&](double x) -> double {
      switch (request.out.type) {
        case ElementType::float16:
          return Float16(x).number();
        case ElementType::bfloat16:
          return BFloat16(x).number();
        case ElementType::float32:
        case ElementType::complex64:
          return static_cast<float>(x);
        default:
          return x;
      }
    };
    if constexpr (impl::is_complex_v<Number>) {
      return Number(static_cast<typename Number::value_type>(part(start.real())),
                    static_cast<typename Number::value_type>(part(start.imag())));
    } else {
      return static_cast<Number>(part(start.real()));
    }
  }
}

/// The lines of all arrays of a request.
struct RequestLines {
  enum { of_out, of_x, of_second, of_initial, count };
  impl::Lines lines;

  explicit RequestLines(const UprightArrays& arrays)
      : RequestLines(arrays, arrays.out, arrays.x, arrays.second, arrays.initial) {}

  /// With strides in bytes, for elements of any type.
  static RequestLines in_bytes(const UprightArrays& arrays) {
    return {arrays, in_bytes(arrays.out), in_bytes(arrays.x), in_bytes(arrays.second),
            in_bytes(arrays.initial)};
  }

 private:
  RequestLines(const UprightArrays& arrays, const impl::Array& out, const impl::Array& x,
               const impl::Array& second, const impl::Array& initial) {
    const impl::Array* all[count] = {&out, &x, second.data == nullptr ? &out : &second,
                                     initial.data == nullptr ? &out : &initial};
    lines = impl::lines_along(all, count, arrays.axis);
  }
  static impl::Array in_bytes(impl::Array array) {
    for (int d = 0; d < array.rank; ++d) array.stride[d] *= array.element_size;
    return array;
  }
};

template <class Number, class Op>
auto requested_initial(const Request& request, const UprightArrays& arrays, const Op& op,
                       const impl::Lines& bytes) {
  return RequestedInitial<Op, Number>{
      op,
      {arrays.initial.data, request.initial ? request.initial->type : request.out.type, bytes,
       RequestLines::of_initial},
      python::start_number<Number>(request),
      request.initial.has_value(),
      request.starts_from_state()};
}

/// Throws what is wrong with the request.
inline impl::CheckedArrays check(const UprightArrays& arrays) {
  return impl::checked_arrays(arrays.x, arrays.out,
                              arrays.initial.data == nullptr ? nullptr : &arrays.initial, nullptr,
                              arrays.axis, arrays.call());
}

/// Where x and the result have elements of type T, with `op` bound to them. Number is that of
/// states.
template <class T, class Number, class Op>
void scan_memory(const Request& request, const Op& op) {
  const UprightArrays arrays(request);
  const impl::CheckedArrays checked = python::check(arrays);
  const impl::Lines& lines = checked.lines;
  const impl::Call call = arrays.call();
  const RequestLines bytes = RequestLines::in_bytes(arrays);
  const impl::MemoryAccess<const T> load(static_cast<const T*>(arrays.x.data), lines,
                                         impl::CheckedArrays::of_in);
  T* const result = static_cast<T*>(const_cast<void*>(arrays.out.data));
  const impl::MemoryAccess<T> store(result, lines, impl::CheckedArrays::of_out);
  const auto scan = impl::line_scan(
      op, load, store, python::requested_initial<Number>(request, arrays, op, bytes.lines),
      impl::NoFinalState(), lines, call);
  impl::ScanShape shape = impl::shape_of(scan, call);
  shape.in = impl::memory_shape(arrays.x.data, sizeof(T), lines, impl::CheckedArrays::of_in);
  shape.out = impl::memory_shape(result, sizeof(T), lines, impl::CheckedArrays::of_out);
  shape.in_place = checked.in_place;
  shape.can_stream = impl::can_stream(scan, shape);
  python::on_instance(request.place, shape.lines() * shape.length,
                      [&](const auto& exec) { impl::run_scan(exec, scan, shape, call.function); });
}

/// load and store are made from (arrays, bytes).
template <class Number, class Op, class MakeLoad, class MakeStore>
void scan_elements(const Request& request, const Op& op, const MakeLoad& make_load,
                   const MakeStore& make_store) {
  const UprightArrays arrays(request);
  python::check(arrays);
  const impl::Call call = arrays.call();
  const RequestLines bytes = RequestLines::in_bytes(arrays);
  const auto scan =
      impl::line_scan(op, make_load(arrays, bytes.lines), make_store(arrays, bytes.lines),
                      python::requested_initial<Number>(request, arrays, op, bytes.lines),
                      impl::NoFinalState(), bytes.lines, call);
  using Scan = std::remove_const_t<decltype(scan)>;
  impl::ScanShape shape = impl::shape_of(scan, call);
  shape.in = impl::functor_shape(sizeof(typename Scan::Element), scan.length, scan.inner);
  shape.out = impl::functor_shape(sizeof(typename Scan::Result), scan.length, scan.inner);
  python::on_instance(request.place, shape.lines() * shape.length,
                      [&](const auto& exec) { impl::run_scan(exec, scan, shape, call.function); });
}

/// Elements of any type, as Numbers.
template <class Number, class Op>
void scan_converted(const Request& request, const Op& op) {
  using Stored = std::decay_t<typename Op::result_type>;
  python::scan_elements<Number>(
      request, op,
      [&](const UprightArrays& arrays, const impl::Lines& bytes) {
        return ElementAccess<Number>(arrays.x.data, request.x.type, bytes, RequestLines::of_x);
      },
      [&](const UprightArrays& arrays, const impl::Lines& bytes) {
        return ElementAccess<Stored>(arrays.out.data, request.out.type, bytes,
                                     RequestLines::of_out);
      });
}

/// Whether memory can be read and written as it is.
inline bool is_plain(const Request& request) { return request.x.type == request.out.type; }

}  // namespace fused_scan::python

#endif
