// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The layer's formulas written down once more, one number at a time, and nothing of the library in
// them: what its results, and by differences its gradients, are measured against.

#ifndef FUSED_SCAN_REFERENCE_AR_SSM_HPP
#define FUSED_SCAN_REFERENCE_AR_SSM_HPP

#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "random_bits.hpp"

namespace fused_scan::test {

struct ReferenceLayer {
  int batch, length, d_model, ranks, hidden;
  int current_ranks;
  std::string gate_mode = "soft";
  double temperature = 1;
  std::vector<double> noise_uniform;  // empty: no noise
  bool bidirectional = false;
  bool causal_convolution = false;
  double l1_regularization = 0.001;

  std::map<std::string, std::vector<double>> parameters;
  std::vector<double> x;

  // Set by fix_kinks(). Kept as they are while parameters change a little, the first makes the loss
  // the one whose gradient the straight-through estimator takes, the second takes a relu's bend out
  // of the reach of differences.
  std::vector<double> hard_minus_soft;  // what the hard gates add to the soft ones
  std::vector<bool> relu_is_open;

  std::size_t at(int b, int l, int j, int columns) const {
    return (static_cast<std::size_t>(b) * length + l) * columns + j;
  }

  double dot_x(int b, int l, const std::string& name, int row) const {
    const std::vector<double>& weight = parameters.at(name);
    double sum = 0;
    for (int d = 0; d < d_model; ++d) {
      sum += weight[static_cast<std::size_t>(row) * d_model + d] * x[at(b, l, d, d_model)];
    }
    return sum;
  }

  static double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

  double before_relu(int b, int l, int j) const {
    return dot_x(b, l, "complexity_gate.0.weight", j) + parameters.at("complexity_gate.0.bias")[j];
  }

  std::vector<double> soft_gates() const {
    const std::vector<double>& weight = parameters.at("complexity_gate.2.weight");
    const std::vector<double>& bias = parameters.at("complexity_gate.2.bias");
    std::vector<double> gates(static_cast<std::size_t>(batch) * length * ranks);
    for (int b = 0; b < batch; ++b) {
      for (int l = 0; l < length; ++l) {
        std::vector<double> h(hidden);
        for (int j = 0; j < hidden; ++j) {
          const double sum = before_relu(b, l, j);
          h[j] = (relu_is_open.empty() ? sum > 0 : relu_is_open[at(b, l, j, hidden)]) ? sum : 0;
        }
        for (int r = 0; r < ranks; ++r) {
          double logit = bias[r];
          for (int j = 0; j < hidden; ++j) {
            logit += weight[static_cast<std::size_t>(r) * hidden + j] * h[j];
          }
          gates[at(b, l, r, ranks)] = sigmoid(logit);
        }
      }
    }
    return gates;
  }

  void fix_kinks() {
    hard_minus_soft = soft_gates();
    for (double& gate : hard_minus_soft) gate = (gate >= 0.5 ? 1 : 0) - gate;
    for (int b = 0; b < batch; ++b) {
      for (int l = 0; l < length; ++l) {
        for (int j = 0; j < hidden; ++j) relu_is_open.push_back(before_relu(b, l, j) > 0);
      }
    }
  }

  std::vector<double> gates() const {
    std::vector<double> gates = soft_gates();
    for (int b = 0; b < batch; ++b) {
      for (int l = 0; l < length; ++l) {
        for (int r = 0; r < ranks; ++r) {
          const std::size_t i = at(b, l, r, ranks);
          double& g = gates[i];
          if (gate_mode == "ste") g += hard_minus_soft[i];
          if (gate_mode == "gumbel") {
            double logit = std::log(g + 1e-8) - std::log(1 - g + 1e-8);
            if (!noise_uniform.empty()) {
              logit += -std::log(-std::log(noise_uniform[i] + 1e-8) + 1e-8);
            }
            g = sigmoid(logit / temperature);
          }
          if (r >= current_ranks) g = 0;
        }
      }
    }
    return gates;
  }

  std::vector<double> output() const {
    const std::vector<double> g = gates();
    std::vector<double> u(g.size()), v(g.size()), kv(g.size(), 0.0);
    for (int b = 0; b < batch; ++b) {
      for (int r = 0; r < ranks; ++r) {
        for (int l = 0; l < length; ++l) {
          u[at(b, l, r, ranks)] = dot_x(b, l, "U_proj.weight", r) * g[at(b, l, r, ranks)];
          v[at(b, l, r, ranks)] = dot_x(b, l, "V_proj.weight", r) * g[at(b, l, r, ranks)];
        }
        double k = 0;
        for (int l = 0; l < length; ++l) {
          k += u[at(b, l, r, ranks)];
          kv[at(b, l, r, ranks)] += k * v[at(b, l, r, ranks)];
        }
        if (!bidirectional) continue;
        k = 0;
        for (int l = length - 1; l >= 0; --l) {
          k += u[at(b, l, r, ranks)];
          kv[at(b, l, r, ranks)] += k * v[at(b, l, r, ranks)];
        }
      }
    }
    const std::vector<double>& convolution = parameters.at("T_conv.weight");
    const std::vector<double>& weight = parameters.at("output_proj.weight");
    const std::vector<double>& bias = parameters.at("output_proj.bias");
    std::vector<double> y(x.size());
    for (int b = 0; b < batch; ++b) {
      for (int l = 0; l < length; ++l) {
        for (int d = 0; d < d_model; ++d) {
          double t = 0;
          for (int tap = 0; tap < 3; ++tap) {
            const int from = l + tap - (causal_convolution ? 2 : 1);
            if (from >= 0 && from < length) {
              t += convolution[3 * d + tap] * x[at(b, from, d, d_model)];
            }
          }
          double uv = bias[d] * (bidirectional ? 2 : 1);
          for (int r = 0; r < ranks; ++r) {
            uv += kv[at(b, l, r, ranks)] * weight[static_cast<std::size_t>(d) * ranks + r];
          }
          y[at(b, l, d, d_model)] = bidirectional ? (t + uv) / 2 : t + uv;
        }
      }
    }
    return y;
  }

  double loss(const std::vector<double>& grad_y, double l1_weight) const {
    const std::vector<double> y = output();
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * grad_y[i];
    const std::vector<double> g = gates();
    double l1 = 0;
    for (std::size_t i = 0; i < g.size(); ++i) {
      // |gate| has no slope at a hard gate's 0.
      const bool is_off = gate_mode == "ste" && hard_minus_soft[i] < 0;
      if (!is_off) l1 += g[i];
    }
    return sum + l1_weight * l1_regularization * l1 / static_cast<double>(g.size());
  }

  /// Fourth-order central differences of the loss by every one of `values`, which belong to this.
  std::vector<double> differences(std::vector<double>& values, const std::vector<double>& grad_y,
                                  double l1_weight) const {
    constexpr double h = 1e-3;
    std::vector<double> result;
    for (double& value : values) {
      const double here = value;
      const auto loss_at = [&](double step) {
        value = here + step;
        return loss(grad_y, l1_weight);
      };
      result.push_back((8 * (loss_at(h) - loss_at(-h)) - (loss_at(2 * h) - loss_at(-2 * h))) /
                       (12 * h));
      value = here;
    }
    return result;
  }
};

}  // namespace fused_scan::test

#endif
