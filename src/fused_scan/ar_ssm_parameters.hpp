// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_AR_SSM_PARAMETERS_HPP
#define FUSED_SCAN_AR_SSM_PARAMETERS_HPP

/// \file
/// What an AR-SSM layer is made of, and what it can tell about a forward pass.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <string>
#include <type_traits>

namespace fused_scan {

/// What becomes of a gate's sigmoid.
enum class GateMode {
  soft,   ///< the sigmoid itself
  ste,    ///< 0 or 1, on from 0.5 upwards; backward takes the gradient of soft
  gumbel  ///< a sigmoid at a temperature, with Gumbel noise in training
};

/// The sizes of a layer, and how it works.
struct ArSsmConfig {
  int d_model;                          ///< numbers at a position; at least 1
  int max_rank = 32;                    ///< gates at a position; at least min_rank
  int min_rank = 4;                     ///< where the rank schedule starts; at least 1
  int gate_hidden_dim = 0;              ///< 0: max(d_model / 4, min_rank)
  double l1_regularization = 0.001;     ///< the factor in gate_l1_loss
  GateMode gate_mode = GateMode::soft;  ///< what becomes of a gate's sigmoid
  double gumbel_temperature = 1.0;      ///< of GateMode::gumbel; above 0
  bool use_fused_scan = true;           ///< false: Kokkos::parallel_scan, a line at a time
  bool causal_convolution = false;      ///< true: taps at l-2, l-1, l instead of l-1, l, l+1
};

/// The nine parameters of a layer, or their gradients, in one allocation.
///
/// The named Views are windows of `all`, which owns the memory: keep it, or the whole struct, for
/// as long as one of them is used. An optimiser needs no more than `all` of parameters and
/// gradients.
template <class Scalar, class MemorySpace>
struct ArSsmParameters {
  /// All parameters in a row.
  using Flat = Kokkos::View<Scalar*, MemorySpace>;
  /// One of them.
  template <class Data>
  using Window = Kokkos::View<Data, Kokkos::LayoutRight, MemorySpace, Kokkos::MemoryUnmanaged>;

  Flat all;                        ///< all of them
  Window<Scalar**> gate_weight_0;  ///< complexity_gate.0.weight (gate_hidden_dim, d_model)
  Window<Scalar**> u_weight;       ///< U_proj.weight (max_rank, d_model)
  Window<Scalar**> v_weight;       ///< V_proj.weight (max_rank, d_model)
  Window<Scalar*> gate_bias_0;     ///< complexity_gate.0.bias (gate_hidden_dim)
  Window<Scalar**> gate_weight_2;  ///< complexity_gate.2.weight (max_rank, gate_hidden_dim)
  Window<Scalar*> gate_bias_2;     ///< complexity_gate.2.bias (max_rank)
  Window<Scalar***> conv_weight;   ///< T_conv.weight (d_model, 1, 3)
  Window<Scalar**> output_weight;  ///< output_proj.weight (d_model, max_rank)
  Window<Scalar*> output_bias;     ///< output_proj.bias (d_model)

  /// None.
  ArSsmParameters() = default;

  /// All zero. The three matrices that x is multiplied with come first, one after the other: they
  /// are one matrix of (gate_hidden_dim + 2 max_rank, d_model).
  ArSsmParameters(const std::string& label, std::int64_t d_model, std::int64_t max_rank,
                  std::int64_t gate_hidden_dim)
      : all(label, d_model * (gate_hidden_dim + 3 * max_rank + 4) +
                       (max_rank + 1) * gate_hidden_dim + max_rank) {
    Scalar* next = all.data();
    const auto take = [&](auto& window, auto... extents) {
      window = std::remove_reference_t<decltype(window)>(next, extents...);
      next += window.size();
    };
    take(gate_weight_0, gate_hidden_dim, d_model);
    take(u_weight, max_rank, d_model);
    take(v_weight, max_rank, d_model);
    take(gate_bias_0, gate_hidden_dim);
    take(gate_weight_2, max_rank, gate_hidden_dim);
    take(gate_bias_2, max_rank);
    take(conv_weight, d_model, 1, 3);
    take(output_weight, d_model, max_rank);
    take(output_bias, d_model);
  }

  /// Calls f(name, view) for each parameter, with its name in a PyTorch state_dict and in that
  /// order.
  template <class F>
  void for_each(const F& f) const {
    f("complexity_gate.0.weight", gate_weight_0);
    f("complexity_gate.0.bias", gate_bias_0);
    f("complexity_gate.2.weight", gate_weight_2);
    f("complexity_gate.2.bias", gate_bias_2);
    f("U_proj.weight", u_weight);
    f("V_proj.weight", v_weight);
    f("T_conv.weight", conv_weight);
    f("output_proj.weight", output_weight);
    f("output_proj.bias", output_bias);
  }
};

/// Everything a forward pass can tell. A pass that isn't given one of these stores none of it.
///
/// The Views are made, or made larger or smaller, by the pass; filling the numbers waits for it.
template <class Scalar, class MemorySpace>
struct ArSsmDiagnostics {
  /// Numbers for each position.
  using Sequence = Kokkos::View<Scalar***, Kokkos::LayoutRight, MemorySpace>;

  /// Set by the caller: the last three numbers are wanted.
  bool check_stability = false;

  Sequence t_component;           ///< (batch, length, d_model): the convolution
  Sequence gates;                 ///< (batch, length, max_rank), as are the next four
  Sequence u_gated;               ///< u
  Sequence v_gated;               ///< v
  Sequence k_cumsum;              ///< k
  Sequence k_cumsum_reverse;      ///< k from the other end; bidirectional only, else empty
  Sequence uv_component;          ///< (batch, length, d_model): (k v) O^T, with the bias
  Sequence uv_component_reverse;  ///< the same of k_cumsum_reverse

  bool input_was_complex = false;  ///< whether an imaginary part was ignored
  bool used_fused_scan = false;    ///< false: the scans were Kokkos::parallel_scan
  bool bidirectional = false;      ///< whether the pass was
  Scalar effective_rank = 0;       ///< mean over the positions of the sum of gates
  Scalar gate_l1_loss = 0;         ///< l1_regularization * mean |gate|

  Scalar condition_number = 0;     ///< largest |u| |v| over smallest, of the norms at a position
  bool is_singular = false;        ///< whether a rank of u or v is zero throughout
  bool stability_warning = false;  ///< singular, or a condition number above 10^6
};

}  // namespace fused_scan

#endif
