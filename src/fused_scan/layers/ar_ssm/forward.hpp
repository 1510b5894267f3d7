// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_LAYERS_AR_SSM_FORWARD_HPP
#define FUSED_SCAN_LAYERS_AR_SSM_FORWARD_HPP

// The steps of a forward pass:
//   1. x times the stacked weights of the gate's first layer, U and V       products
//   2. hidden times the gate's second weight, through the gate function     gates
//   3. the scan of u = (x U^T) gate, whose store makes k v                  kv
//   4. k v times the output weight, plus bias and convolution               y

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/layers/ar_ssm/lines.hpp>
#include <fused_scan/layers/ar_ssm/pass.hpp>
#include <fused_scan/layers/ar_ssm/scan.hpp>
#include <fused_scan/layers/ar_ssm/surroundings.hpp>

namespace fused_scan::impl {

// ---- 1 ----------------------------------------------------------------------------------------

template <class T>
struct StoreProducts {
  Rows<T> products;
  const T* gate_bias;
  std::int64_t hidden;

  struct Row {
    T* row;
    const T* gate_bias;
    std::int64_t hidden;

    KOKKOS_FUNCTION void operator()(std::int64_t first, std::int64_t count, const T* values) const {
      const std::int64_t end = first + count;
      const std::int64_t linear = first > hidden ? first : hidden < end ? hidden : end;
      for (std::int64_t j = first; j < linear; ++j) {
        const T sum = values[j - first] + gate_bias[j];
        row[j] = sum <= 0 ? T(0) : sum;  // NaN stays NaN
      }
      for (std::int64_t j = linear; j < end; ++j) row[j] = values[j - first];
    }
  };
  KOKKOS_FUNCTION Row row(std::int64_t i) const { return {products.row(i), gate_bias, hidden}; }
  /// Of a product that gemm has put in its place, only the relu's columns are left to do.
  std::int64_t changed_columns() const { return hidden; }
};

template <class T, class Exec>
void make_products(const ArSsmPass<T, Exec>& pass, const Rows<const T>& x) {
  const std::int64_t d_model = pass.sizes.d_model;
  const Matrix<T> weights{pass.parameters.gate_weight_0.data(), 1, d_model};
  dense_product(
      pass.exec, "fused_scan::ArSsm::products", pass.rows(), x, d_model, weights,
      pass.sizes.product_columns(), pass.products(), pass.workspace.packed,
      StoreProducts<T>{pass.products(), pass.parameters.gate_bias_0.data(), pass.sizes.hidden});
}

// ---- 2 ----------------------------------------------------------------------------------------

template <class T>
struct StoreGates {
  GateFunction<T> function;
  const T* bias;
  T* gates;
  T* slopes;  // nullptr: not wanted
  std::int64_t first_batch;

  struct Row {
    const StoreGates* store;
    std::int64_t b;
    std::int64_t l;
    T* gates;
    T* slopes;

    KOKKOS_FUNCTION void operator()(std::int64_t first, std::int64_t count, const T* values) const {
      const GateFunction<T>& function = store->function;
      switch (function.mode) {
        case GateMode::soft:
          return each(first, count, values,
                      [&](T logit, std::int64_t) { return function.soft(logit); });
        case GateMode::ste:
          return each(first, count, values,
                      [&](T logit, std::int64_t) { return function.ste(logit); });
        case GateMode::gumbel:
          return each(first, count, values,
                      [&](T logit, std::int64_t j) { return function.gumbel(logit, b, l, j); });
      }
    }

    template <class Function>
    KOKKOS_FUNCTION void each(std::int64_t first, std::int64_t count, const T* values,
                              const Function& function) const {
      const std::int64_t end = first + count;
      const std::int64_t current = store->function.current_ranks;
      const std::int64_t open = first > current ? first : current < end ? current : end;
      for (std::int64_t j = first; j < open; ++j) {
        const Gate<T> gate = function(values[j - first] + store->bias[j], j);
        gates[j] = gate.value;
        if (slopes) slopes[j] = gate.slope;
      }
      for (std::int64_t j = open; j < end; ++j) {
        gates[j] = 0;
        if (slopes) slopes[j] = 0;
      }
    }
  };

  KOKKOS_FUNCTION Row row(std::int64_t i) const {
    const std::int64_t offset = i * function.ranks;
    const auto [b, l] = Position::of_row(i, function.length);
    return {this, first_batch + b, l, gates + offset, slopes ? slopes + offset : nullptr};
  }
};

template <class T, class Exec>
void make_gates(const ArSsmPass<T, Exec>& pass) {
  const auto& [d_model, ranks, hidden] = pass.sizes;
  const Matrix<T> weights{pass.parameters.gate_weight_2.data(), 1, hidden};
  dense_product<Exec, T>(
      pass.exec, "fused_scan::ArSsm::gates", pass.rows(), pass.products(), hidden, weights, ranks,
      pass.ranks_of(pass.workspace.gates), pass.workspace.packed,
      StoreGates<T>{pass.gate_function, pass.parameters.gate_bias_2.data(), pass.workspace.gates,
                    pass.workspace.slopes, pass.first_batch});
}

// ---- 3 ----------------------------------------------------------------------------------------

template <class T>
struct LoadU {
  GatedProducts<T> gated;
  KOKKOS_FUNCTION T operator()(std::int64_t b, std::int64_t l, std::int64_t j) const {
    return gated.u(gated.row(b, l), j);
  }
};

template <class T>
struct StoreKv {
  GatedProducts<T> gated;
  T* kv;
  T* kept_k;  // nullptr: not wanted

  KOKKOS_FUNCTION void operator()(std::int64_t b, std::int64_t l, std::int64_t j, T k) const {
    const std::int64_t row = gated.row(b, l);
    kv[row * gated.ranks + j] = k * gated.v(row, j);  // perhaps in the gate's place
    if (kept_k) kept_k[row * gated.ranks + j] = k;
  }
};

/// Both directions together: their sums at l overlap in u_l alone, so that they add up to the
/// line's total plus u_l, and one sweep for the totals does for two scans. The mean is half of
/// that.
template <class T>
struct StoreBothDirections {
  StoreKv<T> store;
  const T* totals;

  KOKKOS_FUNCTION void operator()(std::int64_t index) const {
    const GatedProducts<T>& gated = store.gated;
    const std::int64_t row = divided(index, gated.ranks);
    const std::int64_t j = index - row * gated.ranks;
    const auto [b, l] = Position::of_row(row, gated.length);
    store(b, l, j, T(0.5) * (totals[b * gated.ranks + j] + gated.u(row, j)));
  }
};

template <class SequenceLines, class T, class Exec, class Load>
void add_up_lines(const SequenceLines&, const ArSsmPass<T, Exec>& pass, Direction direction,
                  const Load& load, const StoreTotal<T>& totals) {
  layer_scan<T>(pass.exec, pass.fused, pass.scan_extents(), direction, load, StoreNothing(),
                totals);
}

template <class T, class Exec, class SequenceLines>
void scan_u(const ArSsmPass<T, Exec>& pass, const SequenceLines& lines) {
  const GatedProducts<T> gated(pass);
  const LoadU<T> load{gated};
  const StoreKv<T> store{gated, pass.workspace.kv, pass.workspace.k};
  if (!pass.bidirectional) return lines.scan(pass, Direction::forward, load, store);
  add_up_lines(lines, pass, Direction::forward, load,
               StoreTotal<T>{pass.workspace.totals, pass.sizes.ranks});
  Kokkos::parallel_for("fused_scan::ArSsm::both_directions",
                       range_policy(pass.exec, pass.rows() * pass.sizes.ranks),
                       StoreBothDirections<T>{store, pass.workspace.totals});
}

// ---- 4 ----------------------------------------------------------------------------------------

/// The convolution of the rows around one position: value(d) is sum over n of k[d, n] * tap n at d.
template <class T>
struct ConvolutionRow {
  const T* tap[3];  // nullptr: beyond the sequence
  std::int64_t column_stride[3];
  const T* kernel;

  KOKKOS_FUNCTION T operator()(std::int64_t d) const {
    T sum(0);
    for (int n = 0; n < 3; ++n) {
      if (tap[n]) sum += kernel[3 * d + n] * tap[n][d * column_stride[n]];
    }
    return sum;
  }

  KOKKOS_FUNCTION bool is_inside_and_dense() const {
    return tap[0] && tap[1] && tap[2] && column_stride[0] == 1 && column_stride[1] == 1 &&
           column_stride[2] == 1;
  }
  KOKKOS_FUNCTION T inside(std::int64_t d) const {
    T sum(0);
    for (int n = 0; n < 3; ++n) sum += kernel[3 * d + n] * tap[n][d];
    return sum;
  }
};

template <class T>
struct Convolution {
  Rows<const T> input;
  const T* kernel;
  int shift;
  bool transposed;  // tap n is on position l - n + shift
  Surroundings<T> around{};

  KOKKOS_FUNCTION ConvolutionRow<T> row(const Position& at) const {
    ConvolutionRow<T> of_row{{}, {}, kernel};
    for (int n = 0; n < 3; ++n) {
      const std::int64_t l = at.l + (transposed ? shift - n : n - shift);
      const bool inside = 0 <= l && l < input.length && around.are_together(at.l, l);
      of_row.tap[n] = inside              ? input.row({at.b, l})
                      : l < 0             ? around.row_before({at.b, l})
                      : l >= input.length ? around.row_after({at.b, l}, input.length)
                                          : nullptr;
      of_row.column_stride[n] = inside ? input.column_stride : 1;
    }
    return of_row;
  }
};

/// out = product + bias + share * convolution
template <class T>
struct StoreWithConvolution {
  Rows<T> out;
  const T* bias;  // nullptr: none
  Convolution<T> convolution;
  T share;

  struct Row {
    T* out;
    std::int64_t column_stride;
    const T* bias;
    ConvolutionRow<T> convolution;
    T share;

    KOKKOS_FUNCTION void operator()(std::int64_t first, std::int64_t count, const T* values) const {
      // The usual case by itself, which compiles to vector instructions; the same additions.
      if (column_stride == 1 && convolution.is_inside_and_dense()) {
        for (std::int64_t j = first; j < first + count; ++j) {
          out[j] = values[j - first] + (bias ? bias[j] : T(0)) + share * convolution.inside(j);
        }
        return;
      }
      for (std::int64_t j = first; j < first + count; ++j) {
        out[j * column_stride] =
            values[j - first] + (bias ? bias[j] : T(0)) + share * convolution(j);
      }
    }
  };
  KOKKOS_FUNCTION Row row(std::int64_t i) const {
    const auto at = Position::of_row(i, out.length);
    return {out.row(at), out.column_stride, bias, convolution.row(at), share};
  }
};

template <class T, class Exec>
void make_output(const ArSsmPass<T, Exec>& pass, const Rows<const T>& x, const Rows<T>& y) {
  const auto& [d_model, ranks, hidden] = pass.sizes;
  const Matrix<T> weights{pass.parameters.output_weight.data(), 1, ranks};
  const Convolution<T> convolution{x, pass.parameters.conv_weight.data(), pass.convolution_shift,
                                   false, pass.around};
  dense_product<Exec, T>(pass.exec, "fused_scan::ArSsm::output", pass.rows(),
                         pass.ranks_of(pass.workspace.kv), ranks, weights, d_model, y,
                         pass.workspace.packed,
                         StoreWithConvolution<T>{y, pass.parameters.output_bias.data(), convolution,
                                                 pass.direction_share()});
}

/// Everything up to k * v: what backward recomputes where forward didn't keep it.
template <class T, class Exec, class SequenceLines>
void make_activations(const ArSsmPass<T, Exec>& pass, const Rows<const T>& x,
                      const SequenceLines& lines) {
  make_products(pass, x);
  make_gates(pass);
  scan_u(pass, lines);
}

}  // namespace fused_scan::impl

#endif
