// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_PYTHON_LAYER_ELEMENTS_HPP
#define FUSED_SCAN_PYTHON_LAYER_ELEMENTS_HPP

// The types of elements that the layer's steps take.

#include <stdexcept>
#include <type_traits>

#include "element_type.hpp"
#include "request.hpp"

namespace fused_scan::python {

/// What elements of type T are multiplied and added in.
template <class T>
using Arithmetic = std::conditional_t<sizeof(T) == 2, float, T>;

/// use(T()) with the type of the first array's elements.
template <class Use>
void with_element_type(const LayerRequest& request, const Use& use) {
  using namespace Kokkos::Experimental;
  switch (request.arrays[0].type) {
    case ElementType::float32:
      return use(float());
    case ElementType::float64:
      return use(double());
    case ElementType::float16:
      return use(half_in_memory_t<half_t, Float16>());
    case ElementType::bfloat16:
      return use(half_in_memory_t<bhalf_t, BFloat16>());
    default:
      throw std::invalid_argument(request.function + ": '" + request.arrays[0].name +
                                  "' must be floating-point");
  }
}

}  // namespace fused_scan::python

#endif
