// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// A layer run on host data: the calls in the shape that tests want them in.

#ifndef FUSED_SCAN_AR_SSM_CALL_HPP
#define FUSED_SCAN_AR_SSM_CALL_HPP

#include <Kokkos_Core.hpp>
#include <fused_scan/ar_ssm.hpp>
#include <map>
#include <string>
#include <vector>

#include "random_bits.hpp"

namespace fused_scan::test {

using Exec = Kokkos::DefaultExecutionSpace;
template <class T>
using Layer = ArSsm<T, Exec>;
template <class T>
using Sequence = Kokkos::View<T***, Kokkos::LayoutRight, Exec::memory_space>;

/// The elements of a View without gaps, in the order in which they lie in memory.
template <class View>
std::vector<typename View::non_const_value_type> values_of(const View& view) {
  using T = typename View::non_const_value_type;
  std::vector<T> values(view.size());
  Kokkos::fence();
  Kokkos::deep_copy(
      Kokkos::View<T*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>(values.data(), view.size()),
      Kokkos::View<const T*, typename View::memory_space, Kokkos::MemoryUnmanaged>(view.data(),
                                                                                   view.size()));
  return values;
}

template <class View, class T>
void set_values(const View& view, const std::vector<T>& values) {
  using V = typename View::value_type;
  const std::vector<V> converted(values.begin(), values.end());
  Kokkos::deep_copy(Kokkos::View<V*, typename View::memory_space, Kokkos::MemoryUnmanaged>(
                        view.data(), view.size()),
                    Kokkos::View<const V*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>(
                        converted.data(), view.size()));
  Kokkos::fence();
}

template <class T>
Sequence<T> sequence(const std::string& label, int batch, int length, int columns,
                     const std::vector<T>& values) {
  Sequence<T> view(label, batch, length, columns);
  set_values(view, values);
  return view;
}

/// Numbers in [-scale, scale), the same for the same seed.
template <class T>
std::vector<T> random_values(std::size_t count, std::uint64_t seed, double scale = 1) {
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<T>(scale * (2 * random_fraction(seed * 1000003 + i) - 1));
  }
  return values;
}

/// Everything that a forward and a backward pass give, by the names of the files and of PyTorch.
template <class T>
using Answers = std::map<std::string, std::vector<T>>;

/// Adds the gradients' names and values.
template <class T, class Parameters>
void collect_gradients(Answers<T>& answers, const Parameters& gradients) {
  gradients.for_each([&](const char* name, const auto& view) {
    answers["gradients/" + std::string(name)] = values_of(view);
  });
}

template <class T>
void collect_diagnostics(Answers<T>& answers, const typename Layer<T>::Diagnostics& diagnostics) {
  const auto add = [&](const char* name, const auto& view) {
    answers["diagnostics/" + std::string(name)] = values_of(view);
  };
  const auto add_number = [&](const char* name, auto value) {
    answers["diagnostics/" + std::string(name)] = {static_cast<T>(value)};
  };
  add("t_component", diagnostics.t_component);
  add("gates", diagnostics.gates);
  add("u_gated", diagnostics.u_gated);
  add("v_gated", diagnostics.v_gated);
  add("k_cumsum", diagnostics.k_cumsum);
  add("uv_component", diagnostics.uv_component);
  add_number("input_was_complex", diagnostics.input_was_complex);
  add_number("used_fused_scan", diagnostics.used_fused_scan);
  add_number("effective_rank", diagnostics.effective_rank);
  add_number("gate_l1_loss", diagnostics.gate_l1_loss);
  if (diagnostics.bidirectional) {
    add("k_cumsum_reverse", diagnostics.k_cumsum_reverse);
    add("uv_component_reverse", diagnostics.uv_component_reverse);
    add_number("bidirectional", diagnostics.bidirectional);
  }
  if (diagnostics.check_stability) {
    add_number("condition_number", diagnostics.condition_number);
    add_number("is_singular", diagnostics.is_singular);
    add_number("stability_warning", diagnostics.stability_warning);
  }
}

/// One forward and one backward pass.
template <class T>
Answers<T> run_layer(Layer<T>& layer, bool bidirectional, const Sequence<T>& x,
                     const Sequence<T>& grad_y, double l1_weight = 0) {
  const Exec exec;
  const Sequence<T> y("y", x.layout());
  const Sequence<T> grad_x("grad_x", x.layout());
  const auto gradients = layer.make_gradients();
  if (bidirectional) {
    layer.forward_bidirectional(exec, x, y);
    layer.backward_bidirectional(exec, x, grad_y, grad_x, gradients, l1_weight);
  } else {
    layer.forward(exec, x, y);
    layer.backward(exec, x, grad_y, grad_x, gradients, l1_weight);
  }
  Answers<T> answers;
  answers["y"] = values_of(y);
  answers["gradients/x"] = values_of(grad_x);
  collect_gradients(answers, gradients);
  return answers;
}

}  // namespace fused_scan::test

#endif
