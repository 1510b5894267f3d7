// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_PYTHON_REQUEST_HPP
#define FUSED_SCAN_PYTHON_REQUEST_HPP

// What a call from Python asks for, as plain values: between module.cpp, which knows Python, and
// the files that are compiled for operators and numbers.

#include <complex>
#include <cstdint>
#include <fused_scan/impl/array/array.hpp>
#include <optional>
#include <string>
#include <vector>

#include "element_type.hpp"

namespace fused_scan::python {

struct Operand {
  std::string name;  // of the argument
  ElementType type = ElementType::float64;
  impl::Array array;

  /// Puts the name where messages find it; an Operand stays where it is from then on.
  void label() {
    array.noun = "array";
    array.view = this;
    array.label_of = [](const void* of) { return static_cast<const Operand*>(of)->name; };
  }
};

struct Place {
  bool on_gpu = false;
  int device = 0;
  std::uintptr_t stream = 0;  // of the caller
};

/// What every call has.
struct AnyRequest {
  std::string function;
  Place place;
};

struct Request : AnyRequest {
  Operand x, out;
  std::optional<Operand> second;              // the indices of an extremum, the b of a recurrence
  std::optional<Operand> initial;             // an array,
  std::optional<std::complex<double>> start;  // or a number
  std::int64_t integer_start = 0;             // the same, where numbers are integers
  int axis = -1;
  bool exclusive = false;
  bool reverse = false;

  bool starts_from_state() const { return initial.has_value() || start.has_value(); }
};

/// A step of the layer: its arrays, in the order that the step's file says.
struct LayerRequest : AnyRequest {
  std::vector<Operand> arrays;
  bool reverse = false;  // the scan, or the order of the convolution's taps
  int shift = 0;         // tap n of the convolution is on position l + n - shift
};

// Each in a file of its own.
void compensated_sum(const Request& request);
void plain_sum(const Request& request);
void product(const Request& request);
void extremum(const Request& request, bool largest);
void log_sum_exp(const Request& request);
void linear_recurrence(const Request& request);
void gated_scan(const LayerRequest& request);
void gated_scan_gradients(const LayerRequest& request);
void convolution(const LayerRequest& request);
void convolution_gradient(const LayerRequest& request);

}  // namespace fused_scan::python

#endif
