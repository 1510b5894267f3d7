// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The Python module fused_scan._core: arrays come in by DLPack, requests go out.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/complex.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <fused_scan/impl/array/checks.hpp>
#include <mutex>

#include "element_access.hpp"
#include "instance.hpp"
#include "request.hpp"
#include "runtime.hpp"

namespace nb = nanobind;

namespace fused_scan::python {

namespace {

using Input = nb::ndarray<nb::ro>;
using Output = nb::ndarray<>;

[[noreturn]] void refuse(const AnyRequest& request, const std::string& text) {
  throw nb::value_error((request.function + ": " + text).c_str());
}

ElementType element_type(const AnyRequest& request, const std::string& name,
                         nb::dlpack::dtype type) {
  using Code = nb::dlpack::dtype_code;
  const auto is = [&](Code code, int bits) {
    return type.code == static_cast<std::uint8_t>(code) && type.bits == bits && type.lanes == 1;
  };
  const std::pair<bool, ElementType> known[] = {
      {is(Code::Bool, 8), ElementType::boolean},
      {is(Code::Int, 8), ElementType::int8},
      {is(Code::Int, 16), ElementType::int16},
      {is(Code::Int, 32), ElementType::int32},
      {is(Code::Int, 64), ElementType::int64},
      {is(Code::UInt, 8), ElementType::uint8},
      {is(Code::UInt, 16), ElementType::uint16},
      {is(Code::UInt, 32), ElementType::uint32},
      {is(Code::UInt, 64), ElementType::uint64},
      {is(Code::Float, 16), ElementType::float16},
      {is(Code::Bfloat, 16), ElementType::bfloat16},
      {is(Code::Float, 32), ElementType::float32},
      {is(Code::Float, 64), ElementType::float64},
      {is(Code::Complex, 64), ElementType::complex64},
      {is(Code::Complex, 128), ElementType::complex128},
  };
  for (const auto& [fits, element] : known) {
    if (fits) return element;
  }
  refuse(request, "the elements of '" + name + "' are of a type that isn't supported");
}

template <class Array>
void take_place(AnyRequest& request, const std::string& name, const Array& array, bool first) {
  constexpr int cpu = 1, cuda = 2, cuda_host = 3, cuda_managed = 13;
  const int type = array.device_type();
  const bool on_gpu = type == cuda || type == cuda_managed;
  if (!on_gpu && type != cpu && type != cuda_host) {
    refuse(request, "'" + name + "' is neither in the CPU's memory nor on a CUDA device");
  }
  const int device = on_gpu ? array.device_id() : 0;
  if (first) {
    request.place.on_gpu = on_gpu;
    request.place.device = device;
  } else if (on_gpu != request.place.on_gpu || device != request.place.device) {
    refuse(request, "'" + name + "' is on another device than 'x'");
  }
}

/// An array as plain numbers, wherever it is.
template <class Array>
Operand described(const AnyRequest& request, const std::string& name, const Array& array) {
  Operand result;
  result.name = name;
  result.type = element_type(request, name, array.dtype());
  if (array.ndim() > static_cast<std::size_t>(impl::Array::max_rank)) {
    refuse(request, "'" + name + "' has " + std::to_string(array.ndim()) +
                        " dimensions, and at most 8 are supported");
  }
  result.array.data = array.data();
  result.array.rank = static_cast<int>(array.ndim());
  result.array.element_size = static_cast<std::int64_t>(array.itemsize());
  for (int d = 0; d < result.array.rank; ++d) {
    result.array.extent[d] = static_cast<std::int64_t>(array.shape(d));
    result.array.stride[d] = array.stride(d);
  }
  return result;
}

template <class Array>
Operand operand(AnyRequest& request, const std::string& name, const Array& array,
                bool first = false) {
  take_place(request, name, array, first);
  return python::described(request, name, array);
}

/// A number is a line of one element.
void make_line(Operand& operand) {
  if (operand.array.rank > 0) return;
  operand.array.rank = 1;
  operand.array.extent[0] = operand.array.stride[0] = 1;
}

void check_rank(const AnyRequest& request, const Operand& operand, int rank) {
  if (operand.array.rank == rank) return;
  refuse(request, "'" + operand.name + "' has " + std::to_string(operand.array.rank) +
                      " dimensions instead of " + std::to_string(rank));
}

void run(const std::string& operation, const Request& request) {
  if (operation == "compensated_sum") return compensated_sum(request);
  if (operation == "plain_sum") return plain_sum(request);
  if (operation == "product") return product(request);
  if (operation == "maximum") return extremum(request, true);
  if (operation == "minimum") return extremum(request, false);
  if (operation == "log_sum_exp") return log_sum_exp(request);
  if (operation == "linear_recurrence") return linear_recurrence(request);
  throw nb::value_error("fused_scan: no such operation");
}

/// The offsets of segments, which begin with 0, rise, and end with the length of the axis.
std::vector<std::int64_t> checked_offsets(const Request& request, const Operand& offsets,
                                          std::int64_t length) {
  if (!is_integer(offsets.type) || offsets.type == ElementType::boolean) {
    refuse(request, "'offsets' must be integers");
  }
  check_rank(request, offsets, 1);
  std::vector<std::int64_t> result;
  for (std::int64_t s = 0; s < offsets.array.extent[0]; ++s) {
    const std::byte* const at = static_cast<const std::byte*>(offsets.array.data) +
                                s * offsets.array.stride[0] * offsets.array.element_size;
    result.push_back(python::read_element<std::int64_t>(at, offsets.type));
    if (s > 0 && result[s] < result[s - 1]) {
      refuse(request, "'offsets' must rise, and offsets[" + std::to_string(s) + "] is " +
                          std::to_string(result[s]) + " after " + std::to_string(result[s - 1]));
    }
  }
  if (result.empty() || result.front() != 0 || result.back() != length) {
    refuse(request, "'offsets' must begin with 0 and end with " + std::to_string(length) +
                        ", the length of the axis");
  }
  return result;
}

/// Places [begin, end) of the axis.
Operand part(const Operand& whole, int axis, std::int64_t begin, std::int64_t end) {
  Operand result = whole;
  result.array.extent[axis] = end - begin;
  result.array.data = static_cast<const std::byte*>(whole.array.data) +
                      begin * whole.array.stride[axis] * whole.array.element_size;
  return result;
}

void run_segments(const std::string& operation, const Request& request,
                  const std::vector<std::int64_t>& offsets) {
  const char* const function = request.function.c_str();
  const int axis = impl::checked_axis(function, request.x.array, request.axis);
  // Of the whole arrays: those of one segment may be apart where others meet.
  impl::check_same_extents(function, request.x.array, request.out.array);
  impl::check_no_self_overlap(function, request.out.array);
  impl::check_no_overlap(function, request.x.array, request.out.array, true);
  Request segment = request;
  for (std::size_t s = 1; s < offsets.size(); ++s) {
    segment.x = part(request.x, axis, offsets[s - 1], offsets[s]);
    segment.out = part(request.out, axis, offsets[s - 1], offsets[s]);
    segment.x.label();
    segment.out.label();
    run(operation, segment);
  }
}

/// One call at a time, whoever calls.
std::mutex one_at_a_time;

template <class Work>
void run_alone(const AnyRequest& request, const Work& work) {
  const nb::gil_scoped_release released;
  const std::lock_guard lock(one_at_a_time);
  start_kokkos(request.place);
  work();
}

void scan(const std::string& operation, const std::string& function, const Input& x,
          const Output& out, const std::optional<Input>& second,
          const std::optional<Input>& initial, const std::optional<std::complex<double>>& start,
          std::int64_t integer_start, int axis, bool exclusive, bool reverse, std::uintptr_t stream,
          const std::optional<Input>& offsets) {
  Request request;
  request.function = function;
  request.axis = axis;
  request.exclusive = exclusive;
  request.reverse = reverse;
  request.start = start;
  request.integer_start = integer_start;
  const bool recurrence = operation == "linear_recurrence";
  request.x = operand(request, recurrence ? "a" : "x", x, true);
  request.out = operand(request, "out", out);
  if (second) request.second = operand(request, recurrence ? "b" : "indices", *second);
  if (initial) {
    request.initial = operand(request, "initial", *initial);
    check_rank(request, *request.initial, std::max(request.x.array.rank - 1, 0));
  }
  make_line(request.x);
  make_line(request.out);
  if (request.second) make_line(*request.second);
  const int rank = request.x.array.rank;
  check_rank(request, request.out, rank);
  request.x.label();
  request.out.label();
  if (request.initial) request.initial->label();
  if (request.second) {
    check_rank(request, *request.second, rank);
    request.second->label();
    impl::check_same_extents(function.c_str(), request.x.array, request.second->array);
  }
  request.place.stream = stream;
  check_place(request.place);
  std::vector<std::int64_t> segments;
  if (offsets) {
    const int at = impl::checked_axis(function.c_str(), request.x.array, axis);
    if (offsets->device_type() != nb::device::cpu::value) {
      refuse(request, "'offsets' must be in the CPU's memory");
    }
    segments = checked_offsets(request, python::described(request, "offsets", *offsets),
                               request.x.array.extent[at]);
  }

  run_alone(request, [&] {
    if (offsets) {
      run_segments(operation, request, segments);
    } else {
      run(operation, request);
    }
  });
}

/// A step of the layer, whose arrays have the same three dimensions up to the `like`-th.
void run_layer_step(void (*step)(const LayerRequest&), const std::string& function,
                    const std::vector<Output>& arrays, const std::vector<std::string>& names,
                    std::size_t like, bool reverse, int shift, std::uintptr_t stream) {
  LayerRequest request;
  request.function = function;
  request.reverse = reverse;
  request.shift = shift;
  if (arrays.size() != names.size()) refuse(request, "a wrong number of arrays");
  for (std::size_t i = 0; i < names.size(); ++i) {
    request.arrays.push_back(operand(request, names[i], arrays[i], i == 0));
  }
  for (Operand& array : request.arrays) array.label();
  for (std::size_t i = 0; i < like; ++i) {
    check_rank(request, request.arrays[i], 3);
    impl::check_same_extents(function.c_str(), request.arrays[0].array, request.arrays[i].array);
    if (request.arrays[i].type != request.arrays[0].type) {
      refuse(request, "the types of '" + names[0] + "' and '" + names[i] + "' differ");
    }
  }
  request.place.stream = stream;
  check_place(request.place);
  run_alone(request, [&] { step(request); });
}

void step_of_gated_scan(const std::vector<Output>& arrays, bool gradients, bool reverse,
                        std::uintptr_t stream) {
  if (gradients) {
    return run_layer_step(gated_scan_gradients, "fused_scan.gated_scan", arrays,
                          {"xu", "xv", "gates", "k", "grad_kv", "grad_xu", "grad_xv", "grad_gates"},
                          8, reverse, 0, stream);
  }
  run_layer_step(gated_scan, "fused_scan.gated_scan", arrays,
                 {"xu", "xv", "gates", "u", "v", "k", "kv"}, 7, reverse, 0, stream);
}

void step_of_convolution(const std::vector<Output>& arrays, bool gradient, bool reverse, int shift,
                         std::uintptr_t stream) {
  if (gradient) {
    return run_layer_step(convolution_gradient, "fused_scan.convolution", arrays,
                          {"x", "grad_y", "sums"}, 2, reverse, shift, stream);
  }
  run_layer_step(convolution, "fused_scan.convolution", arrays, {"x", "y", "weight"}, 2, reverse,
                 shift, stream);
}

nb::dict info() {
  start_kokkos(Place());
  const RuntimeInfo info = runtime_info();
  nb::dict result;
  result["version"] = info.version;
  result["kokkos"] = info.kokkos;
  result["backends"] = info.backends;
  result["host"] = info.host;
  result["threads"] = info.threads;
  result["has_cuda"] = info.has_cuda;
  return result;
}

}  // namespace

}  // namespace fused_scan::python

NB_MODULE(_core, core) {
  using namespace fused_scan::python;
  core.doc() = "The compiled part of fused_scan.";
  core.def("scan", &scan, nb::arg("operation"), nb::arg("function"), nb::arg("x"), nb::arg("out"),
           nb::arg("second").none() = nb::none(), nb::arg("initial").none() = nb::none(),
           nb::arg("start").none() = nb::none(), nb::arg("integer_start") = 0, nb::arg("axis") = -1,
           nb::arg("exclusive") = false, nb::arg("reverse") = false, nb::arg("stream") = 0,
           nb::arg("offsets").none() = nb::none(), "Carries out one operation from x to out.");
  core.def("gated_scan", &step_of_gated_scan, nb::arg("arrays"), nb::arg("gradients"),
           nb::arg("reverse"), nb::arg("stream") = 0, "The layer's gates, scan and product.");
  core.def("convolution", &step_of_convolution, nb::arg("arrays"), nb::arg("gradient"),
           nb::arg("reverse"), nb::arg("shift"), nb::arg("stream") = 0,
           "The layer's convolution of three taps for each column.");
  core.def("info", &info, "What was built, and what it runs on, as a dict.");
  core.def("stop", &stop_kokkos, "Ends Kokkos, where this module began it.");
  core.attr("__version__") = runtime_version();
}
