// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_LAYERS_AR_SSM_BACKWARD_HPP
#define FUSED_SCAN_LAYERS_AR_SSM_BACKWARD_HPP

// The steps of a backward pass, from the activations of forward and g, the gradient of y:
//   1. g times the output weight                                            gradient of k v
//   2. the scan from the other end of the gradient of k, whose store makes the gradients of x U^T,
//      x V^T and of the gates' logits
//   3. the latter times the gate's second weight, through the relu          gradient of hidden
//   4. all of these times the stacked weights, plus the convolution of g    gradient of x
// Each gradient takes the place of the activation it belongs to, once that isn't needed any more:
// what forward kept is used up. Gradients of parameters are summed up in between.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/layers/ar_ssm/forward.hpp>
#include <fused_scan/layers/ar_ssm/pass.hpp>
#include <fused_scan/layers/ar_ssm/scan.hpp>

namespace fused_scan::impl {

template <class T>
struct StoreRows {
  Rows<T> out;
  struct Row {
    T* out;
    KOKKOS_FUNCTION void operator()(std::int64_t first, std::int64_t count, const T* values) const {
      for (std::int64_t j = first; j < first + count; ++j) out[j] = values[j - first];
    }
  };
  KOKKOS_FUNCTION Row row(std::int64_t i) const { return {out.row(i)}; }
};

/// The derivative of y's mean over directions by k is `share` times that by the sum.
template <class T>
struct LoadGradientOfK {
  GatedProducts<T> gated;
  const T* gradient_of_kv;
  T share;

  KOKKOS_FUNCTION T at(std::int64_t row, std::int64_t j) const {
    return share * gradient_of_kv[row * gated.ranks + j] * gated.v(row, j);
  }
  KOKKOS_FUNCTION T operator()(std::int64_t b, std::int64_t l, std::int64_t j) const {
    return at(gated.row(b, l), j);
  }
};

/// Given the gradient of u, everything that hangs on this element.
template <class T>
struct StoreGradients {
  GatedProducts<T> gated;
  const T* slopes;
  const T* k;
  T* kv;  // its gradient, then that of the logit
  T l1_slope;

  KOKKOS_FUNCTION void at(std::int64_t row, std::int64_t j, T gradient_of_u) const {
    const std::int64_t index = row * gated.ranks + j;
    const T gate = gated.gate(row, j);
    const T gradient_of_v = kv[index] * k[index];
    T& xu = gated.xu(row, j);
    T& xv = gated.xv(row, j);
    const T gradient_of_gate =
        gradient_of_u * xu + gradient_of_v * xv + (gate > 0 ? l1_slope : T(0));
    // No slope: a masked rank, or a gate shut for good. Then nothing passes, not even 0 * Inf.
    kv[index] = slopes[index] == 0 ? T(0) : gradient_of_gate * slopes[index];
    xu = gradient_of_u * gate;
    xv = gradient_of_v * gate;
  }
  KOKKOS_FUNCTION void operator()(std::int64_t b, std::int64_t l, std::int64_t j,
                                  T gradient_of_u) const {
    at(gated.row(b, l), j, gradient_of_u);
  }
};

template <class T>
struct StoreGradientsOfBothDirections {
  LoadGradientOfK<T> load;
  StoreGradients<T> store;
  const T* totals;

  KOKKOS_FUNCTION void operator()(std::int64_t index) const {
    const std::int64_t ranks = load.gated.ranks;
    const std::int64_t row = divided(index, ranks);
    const std::int64_t j = index - row * ranks;
    store.at(row, j, totals[divided(row, load.gated.length) * ranks + j] + load.at(row, j));
  }
};

template <class T, class Exec, class SequenceLines>
void scan_gradient(const ArSsmPass<T, Exec>& pass, const SequenceLines& lines, T l1_slope) {
  const auto& workspace = pass.workspace;
  const GatedProducts<T> gated(pass);
  const LoadGradientOfK<T> load{gated, workspace.kv, pass.direction_share()};
  const StoreGradients<T> store{gated, workspace.slopes, workspace.k, workspace.kv, l1_slope};
  if (!pass.bidirectional) return lines.scan(pass, Direction::reverse, load, store);
  add_up_lines(lines, pass, Direction::reverse, load,
               StoreTotal<T>{workspace.totals, pass.sizes.ranks});
  Kokkos::parallel_for("fused_scan::ArSsm::both_directions_backward",
                       range_policy(pass.exec, pass.rows() * pass.sizes.ranks),
                       StoreGradientsOfBothDirections<T>{load, store, workspace.totals});
}

/// Through the relu, whose output it replaces; the gradient at 0 is 0.
template <class T>
struct StoreHiddenGradient {
  Rows<T> hidden;
  struct Row {
    T* hidden;
    KOKKOS_FUNCTION void operator()(std::int64_t first, std::int64_t count, const T* values) const {
      for (std::int64_t j = first; j < first + count; ++j) {
        const T gradient = values[j - first];
        hidden[j] = hidden[j] <= 0 ? T(0) : gradient;
      }
    }
  };
  KOKKOS_FUNCTION Row row(std::int64_t i) const { return {hidden.row(i)}; }
};

// ---- sums over positions ------------------------------------------------------------------------

template <class T>
struct RowTerm {
  Rows<const T> rows;
  struct Row {
    const T* row;
    KOKKOS_FUNCTION void add(int, std::int64_t first, int count, T* sums) const {
      for (int j = 0; j < count; ++j) sums[j] += row[first + j];
    }
  };
  KOKKOS_FUNCTION Row row(std::int64_t, const Position& at) const { return {rows.row(at)}; }
};

/// g times each tap of the convolution, and g itself.
template <class T>
struct ConvolutionTerm {
  Rows<const T> gradient;
  Convolution<T> convolution;
  T share;

  struct Row {
    const T* gradient;
    std::int64_t column_stride;
    ConvolutionRow<T> x;
    T share;

    KOKKOS_FUNCTION void add(int n, std::int64_t first, int count, T* sums) const {
      if (n == 3) return add_products(first, count, sums, [](std::int64_t) { return T(1); });
      if (!x.tap[n]) return;
      const T* const tap = x.tap[n];
      const std::int64_t stride = x.column_stride[n];
      if (stride == 1) {
        add_products(first, count, sums, [this, tap](std::int64_t d) { return share * tap[d]; });
      } else {
        add_products(first, count, sums,
                     [this, tap, stride](std::int64_t d) { return share * tap[d * stride]; });
      }
    }

    template <class Factor>
    KOKKOS_FUNCTION void add_products(std::int64_t first, int count, T* sums,
                                      const Factor& factor) const {
      if (column_stride == 1) {
        for (int j = 0; j < count; ++j) sums[j] += gradient[first + j] * factor(first + j);
      } else {
        for (int j = 0; j < count; ++j) {
          sums[j] += gradient[(first + j) * column_stride] * factor(first + j);
        }
      }
    }
  };
  KOKKOS_FUNCTION Row row(std::int64_t, const Position& at) const {
    return {gradient.row(at), gradient.column_stride, convolution.row(at), share};
  }
};

struct BiasTarget {
  std::int64_t offset;
  KOKKOS_FUNCTION std::int64_t operator()(std::int64_t j, int) const { return offset + j; }
};

struct ConvolutionTarget {
  std::int64_t kernel;
  std::int64_t bias;
  KOKKOS_FUNCTION std::int64_t operator()(std::int64_t d, int n) const {
    return n == 3 ? bias + d : kernel + 3 * d + n;
  }
};

/// Adds up the groups' sums.
template <class T>
struct CombineSums {
  const T* sums;
  std::int64_t group_stride;
  int groups;
  T* gradients;

  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    T sum = sums[i];
    for (int group = 1; group < groups; ++group) sum += sums[group * group_stride + i];
    gradients[i] = sum;
  }
};

/// One pass over `pass.batches` elements of the batch. `gradient_of_x` may be anything but x and g.
template <class T, class Exec, class SequenceLines>
void run_backward(const ArSsmPass<T, Exec>& pass, const Rows<const T>& x, const Rows<const T>& g,
                  const Rows<T>& gradient_of_x, const SequenceLines& lines, T l1_slope) {
  const auto& [d_model, ranks, hidden] = pass.sizes;
  const auto& workspace = pass.workspace;
  const auto& parameters = pass.parameters;
  const std::int64_t rows = pass.rows();
  const std::int64_t count = parameters.all.size();
  const auto offset = [&](const auto& window) { return window.data() - parameters.all.data(); };
  T* const sums = workspace.gradient_sums;
  const Rows<T> kv = pass.ranks_of(workspace.kv);
  const Rows<T> products = pass.products();

  const Convolution<T> of_x{x, nullptr, pass.convolution_shift, false, pass.around};
  column_sums<4>(pass.exec, "fused_scan::ArSsm::convolution_gradient", pass.slabs(), d_model,
                 ConvolutionTerm<T>{g, of_x, pass.direction_share()},
                 ConvolutionTarget{offset(parameters.conv_weight), offset(parameters.output_bias)},
                 sums, count);
  transposed_product<Exec, T>(pass.exec, "fused_scan::ArSsm::output_weight_gradient", pass.slabs(),
                              g, d_model, kv, ranks, sums + offset(parameters.output_weight),
                              count);
  dense_product<Exec, T>(pass.exec, "fused_scan::ArSsm::kv_gradient", rows, g, d_model,
                         Matrix<T>{parameters.output_weight.data(), ranks, 1}, ranks, kv,
                         workspace.packed, StoreRows<T>{kv});

  scan_gradient(pass, lines, l1_slope);

  column_sums<1>(pass.exec, "fused_scan::ArSsm::gate_bias_2_gradient", pass.slabs(), ranks,
                 RowTerm<T>{kv}, BiasTarget{offset(parameters.gate_bias_2)}, sums, count);
  transposed_product<Exec, T>(pass.exec, "fused_scan::ArSsm::gate_weight_2_gradient", pass.slabs(),
                              kv, ranks, products, hidden, sums + offset(parameters.gate_weight_2),
                              count);
  dense_product<Exec, T>(pass.exec, "fused_scan::ArSsm::hidden_gradient", rows, kv, ranks,
                         Matrix<T>{parameters.gate_weight_2.data(), hidden, 1}, hidden,
                         plain_rows(workspace.hidden_gradient, pass.length, hidden),
                         workspace.packed, StoreHiddenGradient<T>{products});

  column_sums<1>(pass.exec, "fused_scan::ArSsm::gate_bias_0_gradient", pass.slabs(), hidden,
                 RowTerm<T>{products}, BiasTarget{offset(parameters.gate_bias_0)}, sums, count);
  transposed_product<Exec, T>(pass.exec, "fused_scan::ArSsm::input_weights_gradient", pass.slabs(),
                              products, pass.sizes.product_columns(), x, d_model,
                              sums + offset(parameters.gate_weight_0), count);
  const Convolution<T> of_g{g, parameters.conv_weight.data(), pass.convolution_shift, true,
                            pass.around_gradient};
  dense_product<Exec, T>(
      pass.exec, "fused_scan::ArSsm::input_gradient", rows, products, pass.sizes.product_columns(),
      Matrix<T>{parameters.gate_weight_0.data(), d_model, 1}, d_model, gradient_of_x,
      workspace.packed,
      StoreWithConvolution<T>{gradient_of_x, nullptr, of_g, pass.direction_share()});
}

}  // namespace fused_scan::impl

#endif
