// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// A layer run on host data: the calls in the shape that tests want them in.

#ifndef FUSED_SCAN_AR_SSM_CALL_HPP
#define FUSED_SCAN_AR_SSM_CALL_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <fused_scan/ar_ssm.hpp>
#include <limits>
#include <map>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "random_bits.hpp"
#include "reference_ar_ssm.hpp"

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

/// Nothing where all bits are the same, else how many elements aren't and the first of them: a
/// failure is to show that, and not two whole arrays.
template <class T>
std::string difference(const std::vector<T>& actual, const std::vector<T>& expected) {
  if (actual.size() != expected.size()) return "other number of elements";
  std::ostringstream text;
  std::size_t count = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (actual[i] == expected[i] || count++ > 0) continue;
    text << "element " << i << ": " << actual[i] << " instead of " << expected[i];
  }
  if (count > 1) text << ", and " << count - 1 << " others";
  return text.str();
}

template <class T>
std::string difference(const Answers<T>& actual, const Answers<T>& expected) {
  std::string text;
  for (const auto& [name, values] : expected) {
    const std::string of_this = difference(actual.at(name), values);
    if (!of_this.empty()) text += name + ": " + of_this + "\n";
  }
  return text;
}

/// One forward and one backward pass.
template <class T>
Answers<T> run_layer(Layer<T>& layer, bool bidirectional, const Sequence<T>& x,
                     const Sequence<T>& grad_y, double l1_weight = 0, const Exec& exec = Exec()) {
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

struct Case {
  int batch = 2;
  int length = 6;
  int d_model = 5;
  int max_rank = 7;
  int hidden = 3;
  int current_ranks = 7;
  GateMode mode = GateMode::soft;
  bool training = false;
  bool bidirectional = false;
  bool causal_convolution = false;
  double temperature = 1;
};

inline std::ostream& operator<<(std::ostream& out, const Case& c) {
  constexpr const char* modes[] = {"soft", "ste", "gumbel"};
  return out << "(B, L, D, R, H) = (" << c.batch << ", " << c.length << ", " << c.d_model << ", "
             << c.max_rank << ", " << c.hidden << "), ranks " << c.current_ranks << ", "
             << modes[static_cast<int>(c.mode)] << (c.training ? ", training" : "")
             << (c.bidirectional ? ", bidirectional" : "")
             << (c.causal_convolution ? ", causal convolution" : "");
}

/// A layer with random parameters, biases included, its input, and the reference with the same.
template <class T>
struct LayerAndReference {
  Layer<T> layer;
  ReferenceLayer reference;
  Sequence<T> x;

  static ArSsmConfig config_of(const Case& c) {
    ArSsmConfig config{.d_model = c.d_model};
    config.max_rank = c.max_rank;
    config.min_rank = 1;
    config.gate_hidden_dim = c.hidden;
    config.l1_regularization = 0.7;
    config.gate_mode = c.mode;
    config.gumbel_temperature = c.temperature;
    config.causal_convolution = c.causal_convolution;
    return config;
  }

  explicit LayerAndReference(const Case& c, double scale = 1) : layer(config_of(c)) {
    constexpr const char* modes[] = {"soft", "ste", "gumbel"};
    reference.batch = c.batch;
    reference.length = c.length;
    reference.d_model = c.d_model;
    reference.ranks = c.max_rank;
    reference.hidden = c.hidden;
    reference.current_ranks = c.current_ranks;
    reference.gate_mode = modes[static_cast<int>(c.mode)];
    reference.temperature = c.temperature;
    reference.bidirectional = c.bidirectional;
    reference.causal_convolution = c.causal_convolution;
    reference.l1_regularization = 0.7;

    const auto in_precision = [](std::size_t count, int seed, double range) {
      const auto values = random_values<T>(count, seed, range);
      return std::vector<double>(values.begin(), values.end());
    };
    int seed = 1;
    layer.parameters().for_each([&](const char* name, const auto& view) {
      // Weights of the size that keeps what they make near 1.
      const double fan_in = view.rank() == 2 ? static_cast<double>(view.extent(1)) : 3.0;
      reference.parameters[name] =
          in_precision(view.size(), ++seed, scale * std::sqrt(3.0 / fan_in));
      set_values(view, reference.parameters[name]);
    });
    reference.x = in_precision(std::size_t{1} * c.batch * c.length * c.d_model, 1, 1);
    x = Sequence<T>("x", c.batch, c.length, c.d_model);
    set_values(x, reference.x);
    layer.set_current_max_rank(c.current_ranks);
    if (c.training) layer.train();
    if (c.training && c.mode == GateMode::gumbel) {
      reference.noise_uniform =
          in_precision(std::size_t{1} * c.batch * c.length * c.max_rank, 99, 1);
      for (double& u : reference.noise_uniform) u = static_cast<T>((u + 1) / 2);
      Sequence<T> uniform("uniform", c.batch, c.length, c.max_rank);
      set_values(uniform, reference.noise_uniform);
      layer.set_gumbel_uniform(uniform);
    }
    reference.fix_kinks();
  }
};

/// The largest |actual - expected|, in units of the largest |expected| (or 1e-3, if that is
/// larger). NaN anywhere is infinitely far.
template <class T>
double relative_error(const std::vector<T>& actual, const std::vector<double>& expected) {
  if (actual.size() != expected.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  double size = 1e-3;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double error = std::abs(static_cast<double>(actual[i]) - expected[i]);
    if (!(error < std::numeric_limits<double>::infinity())) {
      return std::numeric_limits<double>::infinity();
    }
    worst = std::max(worst, error);
    size = std::max(size, std::abs(expected[i]));
  }
  return worst / size;
}

}  // namespace fused_scan::test

#endif
