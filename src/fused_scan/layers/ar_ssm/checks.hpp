// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_LAYERS_AR_SSM_CHECKS_HPP
#define FUSED_SCAN_LAYERS_AR_SSM_CHECKS_HPP

// What comes from outside: checked, and brought into the form that the passes work with.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fused_scan/ar_ssm_parameters.hpp>
#include <fused_scan/concepts.hpp>
#include <fused_scan/impl/array/checks.hpp>
#include <fused_scan/impl/array/overlap.hpp>
#include <fused_scan/impl/order/held_tree.hpp>
#include <fused_scan/impl/scan.hpp>
#include <fused_scan/impl/segmented_scan.hpp>
#include <fused_scan/layers/ar_ssm/surroundings.hpp>
#include <fused_scan/layers/dense_product.hpp>
#include <iostream>
#include <string>
#include <type_traits>

namespace fused_scan::impl {

inline void warn(const std::string& text) { std::cerr << text << '\n'; }

inline void check_gate_mode(const std::string& function, GateMode mode) {
  require(mode == GateMode::soft || mode == GateMode::ste || mode == GateMode::gumbel, function,
          [&] {
            return "gate_mode " + std::to_string(static_cast<int>(mode)) +
                   " is unknown: it must be soft, ste or gumbel";
          });
}

inline void check_temperature(const std::string& function, double temperature) {
  require(temperature > 0 && std::isfinite(temperature), function, [&] {
    return "gumbel_temperature " + std::to_string(temperature) + " must be a positive number";
  });
}

inline ArSsmConfig checked_config(ArSsmConfig config) {
  const std::string function = "fused_scan::ArSsm";
  const auto check = [&](bool condition, const char* name, auto value, const std::string& rule) {
    require(condition, function,
            [&] { return std::string(name) + (" " + std::to_string(value)) + " must be " + rule; });
  };
  check(config.d_model > 0, "d_model", config.d_model, "positive");
  check(config.min_rank > 0, "min_rank", config.min_rank, "positive");
  check(config.max_rank >= config.min_rank, "max_rank", config.max_rank,
        "at least min_rank, which is " + std::to_string(config.min_rank));
  check(config.gate_hidden_dim >= 0, "gate_hidden_dim", config.gate_hidden_dim,
        "positive, or 0 (max(d_model / 4, min_rank))");
  check(std::isfinite(config.l1_regularization), "l1_regularization", config.l1_regularization,
        "finite");
  check_gate_mode(function, config.gate_mode);
  check_temperature(function, config.gumbel_temperature);
  if (config.gate_hidden_dim == 0)
    config.gate_hidden_dim = std::max(config.d_model / 4, config.min_rank);
  return config;
}

inline std::string to_string(const std::array<std::int64_t, 3>& extents) {
  return "(" + std::to_string(extents[0]) + ", " + std::to_string(extents[1]) + ", " +
         std::to_string(extents[2]) + ")";
}

template <class View>
void check_extents(const std::string& function, const std::string& name, const View& view,
                   const std::array<std::int64_t, 3>& expected) {
  bool equal = true;
  for (int d = 0; d < 3; ++d)
    equal = equal && static_cast<std::int64_t>(view.extent(d)) == expected[d];
  require(equal, function, [&] {
    return name + " " + array_of(view).quoted() + " has extents " + array_of(view).extents() +
           " instead of " + to_string(expected);
  });
}

template <class Scalar, class Exec, class View>
void check_sequence_type() {
  static_assert(View::rank == 3, "fused_scan::ArSsm: x, y and gradients must have rank 3");
  static_assert(
      is_accessible<Exec, View>,
      "fused_scan::ArSsm: x, y and gradients must be accessible from the execution space");
}

/// x: (batch, length, d_model), of Scalar or complex numbers of it.
template <class Scalar, class Exec, class View>
void check_sequence(const std::string& function, const std::string& name, const View& view,
                    int d_model, bool may_be_empty = false) {
  check_sequence_type<Scalar, Exec, View>();
  using T = typename View::non_const_value_type;
  static_assert(std::is_same_v<T, Scalar> || std::is_same_v<T, Kokkos::complex<Scalar>>,
                "fused_scan::ArSsm: x must hold the layer's Scalar, or complex numbers of it");
  const std::int64_t batch = view.extent(0);
  const std::int64_t length = view.extent(1);
  const std::int64_t least = may_be_empty ? 0 : 1;
  require(static_cast<int>(view.extent(2)) == d_model && batch > 0 && length >= least, function,
          [&] {
            return name + " " + array_of(view).quoted() + " has extents " +
                   array_of(view).extents() + " instead of (batch, length, " +
                   std::to_string(d_model) + ") with batch and length at least 1";
          });
}

/// Complex numbers are pairs of Scalar, of which every second one is a real part.
template <class Scalar, class View>
Rows<const Scalar> real_rows(const View& view) {
  constexpr std::int64_t scale = sizeof(typename View::value_type) / sizeof(Scalar);
  return {reinterpret_cast<const Scalar*>(view.data()), static_cast<std::int64_t>(view.extent(1)),
          scale * static_cast<std::int64_t>(view.stride(0)),
          scale * static_cast<std::int64_t>(view.stride(1)),
          scale * static_cast<std::int64_t>(view.stride(2))};
}

template <class View>
Rows<typename View::value_type> rows_of(const View& view) {
  return {view.data(), static_cast<std::int64_t>(view.extent(1)),
          static_cast<std::int64_t>(view.stride(0)), static_cast<std::int64_t>(view.stride(1)),
          static_cast<std::int64_t>(view.stride(2))};
}

template <class Scalar, class Exec, class View>
Rows<const Scalar> gradient_rows(const std::string& function, const std::string& name,
                                 const View& view, const std::array<std::int64_t, 3>& extents) {
  check_sequence_type<Scalar, Exec, View>();
  static_assert(std::is_same_v<typename View::non_const_value_type, Scalar>,
                "fused_scan::ArSsm: gradients must hold the layer's Scalar");
  check_extents(function, name, view, extents);
  return rows_of(view);
}

template <class Scalar, class Exec, class View>
Rows<Scalar> output_rows(const std::string& function, const std::string& name, const View& view,
                         const std::array<std::int64_t, 3>& extents) {
  check_sequence_type<Scalar, Exec, View>();
  static_assert(std::is_same_v<typename View::value_type, Scalar>,
                "fused_scan::ArSsm: outputs must hold the layer's Scalar, and not be const");
  check_extents(function, name, view, extents);
  check_no_self_overlap(function.c_str(), array_of(view));
  return rows_of(view);
}

template <class In, class Out>
void check_apart(const std::string& function, const char* in_name, const In& in,
                 const char* out_name, const Out& out) {
  require(!overlap(array_of(in), array_of(out)), function, [&] {
    return std::string(in_name) + (" " + array_of(in).quoted()) + " and " + out_name + " " +
           array_of(out).quoted() + " overlap in memory";
  });
}

template <class Parameters>
void check_gradients(const std::string& function, const Parameters& gradients,
                     const Parameters& parameters) {
  require(gradients.all.data() != parameters.all.data(), function,
          [&] { return "gradients are the parameters themselves: use make_gradients()"; });
  bool equal = gradients.all.size() == parameters.all.size();
  const auto shapes = [](const Parameters& p) {
    return std::array{p.gate_weight_0.extent(0), p.gate_weight_0.extent(1), p.u_weight.extent(0)};
  };
  equal = equal && shapes(gradients) == shapes(parameters);
  require(equal, function, [&] {
    return "gradients have " + std::to_string(gradients.all.size()) +
           " elements in other shapes than the " + std::to_string(parameters.all.size()) +
           " parameters: use make_gradients()";
  });
}

inline void require_fused_scan(const std::string& function, const ArSsmConfig& config,
                               const char* what) {
  require(config.use_fused_scan, function,
          [&] { return std::string(what) + " needs use_fused_scan"; });
}

/// The offsets of packed sequences, as far as they can be read.
template <class Exec, class X, class Y, class Offsets>
void check_packed(const std::string& function, const ArSsmConfig& config, const X& x,
                  const Y& written, const Offsets& offsets) {
  assert_offsets<Exec, Offsets>();
  require_fused_scan(function, config, "a call with offsets");
  check_offsets_view(function.c_str(), offsets, array_of(written));
  if constexpr (reads_offsets<Exec, Offsets>) {
    check_offsets(function.c_str(), offsets, static_cast<std::int64_t>(x.extent(1)));
  }
}

template <class X, class State>
void check_state(const std::string& function, const ArSsmConfig& config, bool training, const X& x,
                 const State& state) {
  require_fused_scan(function, config, "a call with a state");
  require(!training, function, [] {
    return std::string("a call with a state needs evaluation mode: eval() turns it on");
  });
  require(config.causal_convolution, function, [] {
    return std::string(
        "a call with a state needs causal_convolution: else the convolution looks one position "
        "ahead");
  });
  const std::int64_t batch = x.extent(0);
  check_extents(function, "the state's", state.sums, {held_rows, batch, config.max_rank});
  check_extents(function, "the state's", state.last_x, {batch, convolution_reach, config.d_model});
}

}  // namespace fused_scan::impl

#endif
