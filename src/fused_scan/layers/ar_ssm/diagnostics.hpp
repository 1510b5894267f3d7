// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_LAYERS_AR_SSM_DIAGNOSTICS_HPP
#define FUSED_SCAN_LAYERS_AR_SSM_DIAGNOSTICS_HPP

#include <Kokkos_Core.hpp>
#include <cmath>
#include <cstdint>
#include <fused_scan/ar_ssm_parameters.hpp>
#include <fused_scan/layers/ar_ssm/forward.hpp>
#include <fused_scan/layers/ar_ssm/pass.hpp>
#include <vector>

namespace fused_scan::impl {

/// Makes the Views, or keeps those that have the right size.
template <class T, class Exec, class MemorySpace>
void resize_diagnostics(const Exec& exec, ArSsmDiagnostics<T, MemorySpace>& diagnostics,
                        const ArSsmSizes& sizes, std::int64_t batches, std::int64_t length,
                        bool bidirectional) {
  const auto resize = [&](auto& view, const char* label, std::int64_t columns) {
    using View = std::remove_reference_t<decltype(view)>;
    const bool fits = static_cast<std::int64_t>(view.extent(0)) == batches &&
                      static_cast<std::int64_t>(view.extent(1)) == length &&
                      static_cast<std::int64_t>(view.extent(2)) == columns;
    if (fits) return;
    view = View(Kokkos::view_alloc(exec, Kokkos::WithoutInitializing,
                                   std::string("fused_scan::ArSsm::") + label),
                batches, length, columns);
  };
  resize(diagnostics.t_component, "t_component", sizes.d_model);
  resize(diagnostics.gates, "gates", sizes.ranks);
  resize(diagnostics.u_gated, "u_gated", sizes.ranks);
  resize(diagnostics.v_gated, "v_gated", sizes.ranks);
  resize(diagnostics.k_cumsum, "k_cumsum", sizes.ranks);
  resize(diagnostics.uv_component, "uv_component", sizes.d_model);
  if (bidirectional) {
    resize(diagnostics.k_cumsum_reverse, "k_cumsum_reverse", sizes.ranks);
    resize(diagnostics.uv_component_reverse, "uv_component_reverse", sizes.d_model);
  } else {
    diagnostics.k_cumsum_reverse = {};
    diagnostics.uv_component_reverse = {};
  }
}

template <class T>
struct CopyGated {
  GatedProducts<T> gated;
  T* gates;
  T* u;
  T* v;
  KOKKOS_FUNCTION void operator()(std::int64_t index) const {
    const std::int64_t row = index / gated.ranks;
    const std::int64_t j = index % gated.ranks;
    gates[index] = gated.gate(row, j);
    u[index] = gated.u(row, j);
    v[index] = gated.v(row, j);
  }
};

template <class T>
struct StoreK {
  T* k;
  std::int64_t length;
  std::int64_t ranks;
  KOKKOS_FUNCTION void operator()(std::int64_t b, std::int64_t l, std::int64_t j, T sum) const {
    k[(b * length + l) * ranks + j] = sum;
  }
};

template <class T>
struct Multiply {
  const T* a;
  const T* b;
  T* product;
  KOKKOS_FUNCTION void operator()(std::int64_t i) const { product[i] = a[i] * b[i]; }
};

template <class T>
struct StoreWithBias {
  Rows<T> out;
  const T* bias;
  struct Row {
    T* out;
    const T* bias;
    KOKKOS_FUNCTION void operator()(std::int64_t first, std::int64_t count, const T* values) const {
      for (std::int64_t j = first; j < first + count; ++j) out[j] = values[j - first] + bias[j];
    }
  };
  KOKKOS_FUNCTION Row row(std::int64_t i) const { return {out.row(i), bias}; }
};

template <class T>
struct StoreConvolution {
  Rows<T> out;
  Convolution<T> convolution;
  KOKKOS_FUNCTION void operator()(std::int64_t index) const {
    const std::int64_t row = index / out.row_stride;
    out.data[index] = convolution.row(Position::of_row(row, out.length))(index % out.row_stride);
  }
};

/// The Views, from a pass whose workspace still has gates, u and v.
template <class T, class Exec, class MemorySpace>
void fill_diagnostics(const ArSsmPass<T, Exec>& pass, const Rows<const T>& x,
                      const ArSsmDiagnostics<T, MemorySpace>& diagnostics) {
  const auto& [d_model, ranks, hidden] = pass.sizes;
  const std::int64_t length = pass.length;
  const std::int64_t elements = pass.rows() * ranks;
  const auto part = [&](const auto& view) {
    return view.data() + pass.first_batch * length * static_cast<std::int64_t>(view.extent(2));
  };
  const GatedProducts<T> gated(pass);
  T* const v = part(diagnostics.v_gated);
  Kokkos::parallel_for("fused_scan::ArSsm::copy_gated", range_policy(pass.exec, elements),
                       CopyGated<T>{gated, part(diagnostics.gates), part(diagnostics.u_gated), v});
  const Convolution<T> convolution{x, pass.parameters.conv_weight.data(), pass.convolution_shift,
                                   false};
  Kokkos::parallel_for(
      "fused_scan::ArSsm::t_component", range_policy(pass.exec, pass.rows() * d_model),
      StoreConvolution<T>{plain_rows(part(diagnostics.t_component), length, d_model), convolution});

  T* const kv = pass.workspace.diagnostics_kv;
  const auto direction = [&](Direction direction, const auto& k, const auto& uv) {
    layer_scan<T>(pass.exec, pass.fused, pass.scan_extents(), direction, LoadU<T>{gated},
                  StoreK<T>{part(k), length, ranks}, IgnoreTotal());
    Kokkos::parallel_for("fused_scan::ArSsm::multiply", range_policy(pass.exec, elements),
                         Multiply<T>{part(k), v, kv});
    const Rows<T> out = plain_rows(part(uv), length, d_model);
    dense_product<Exec, T>(
        pass.exec, "fused_scan::ArSsm::uv_component", pass.rows(), pass.ranks_of(kv), ranks,
        Matrix<T>{pass.parameters.output_weight.data(), 1, ranks}, d_model, out,
        pass.workspace.packed, StoreWithBias<T>{out, pass.parameters.output_bias.data()});
  };
  direction(Direction::forward, diagnostics.k_cumsum, diagnostics.uv_component);
  if (pass.bidirectional) {
    direction(Direction::reverse, diagnostics.k_cumsum_reverse, diagnostics.uv_component_reverse);
  }
}

/// gate, u^2 and v^2.
template <class T>
struct NormTerm {
  const T* gates;
  const T* u;
  const T* v;
  std::int64_t ranks;
  struct Row {
    const T* gates;
    const T* u;
    const T* v;
    KOKKOS_FUNCTION void add(int n, std::int64_t first, int count, T* sums) const {
      for (int j = 0; j < count; ++j) {
        const std::int64_t r = first + j;
        sums[j] += n == 0 ? gates[r] : n == 1 ? u[r] * u[r] : v[r] * v[r];
      }
    }
  };
  KOKKOS_FUNCTION Row row(std::int64_t i, const Position&) const {
    return {gates + i * ranks, u + i * ranks, v + i * ranks};
  }
};

struct NormTarget {
  std::int64_t ranks;
  KOKKOS_FUNCTION std::int64_t operator()(std::int64_t j, int n) const { return n * ranks + j; }
};

/// The norm along the ranks at a position.
template <class T>
struct RowNorms {
  using Value = typename Kokkos::MinMax<T>::value_type;
  const T* matrix;
  std::int64_t ranks;
  KOKKOS_FUNCTION void operator()(std::int64_t row, Value& extremes) const {
    T squares(0);
    for (std::int64_t j = 0; j < ranks; ++j) {
      squares += matrix[row * ranks + j] * matrix[row * ranks + j];
    }
    const T norm = Kokkos::sqrt(squares);
    if (norm < extremes.min_val) extremes.min_val = norm;
    if (norm > extremes.max_val) extremes.max_val = norm;
  }
};

/// The numbers, from the Views; waits for them.
template <class T, class Exec, class MemorySpace>
void summarize_diagnostics(const Exec& exec, const ArSsmWorkspace<T, Exec>& workspace,
                           ArSsmDiagnostics<T, MemorySpace>& diagnostics, double l1_regularization,
                           std::int64_t current_ranks) {
  const std::int64_t batches = diagnostics.gates.extent(0);
  const std::int64_t length = diagnostics.gates.extent(1);
  const std::int64_t ranks = diagnostics.gates.extent(2);
  constexpr int groups = sum_groups<Exec>;
  const Kokkos::View<T*, MemorySpace, Kokkos::MemoryUnmanaged> device_sums(
      workspace.diagnostics_sums, groups * 3 * ranks);
  Kokkos::deep_copy(exec, device_sums, T(0));
  column_sums<3>(exec, "fused_scan::ArSsm::column_norms", Slabs{0, batches, length}, ranks,
                 NormTerm<T>{diagnostics.gates.data(), diagnostics.u_gated.data(),
                             diagnostics.v_gated.data(), ranks},
                 NormTarget{ranks}, device_sums.data(), 3 * ranks);
  std::vector<T> sums(device_sums.size());
  Kokkos::deep_copy(
      exec, Kokkos::View<T*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>(sums.data(), sums.size()),
      device_sums);
  exec.fence("fused_scan::ArSsm: diagnostics come to the host");

  const auto column = [&](std::int64_t j) {
    CompensatedValue<T> sum;
    for (int group = 0; group < groups; ++group) sum += sums[group * 3 * ranks + j];
    return sum.value();
  };
  CompensatedValue<double> gates;
  for (std::int64_t j = 0; j < ranks; ++j) gates += static_cast<double>(column(j));
  const double positions = static_cast<double>(batches) * static_cast<double>(length);
  diagnostics.effective_rank = static_cast<T>(gates.value() / positions);
  diagnostics.gate_l1_loss =
      static_cast<T>(l1_regularization * gates.value() / (positions * static_cast<double>(ranks)));
  if (!diagnostics.check_stability) return;

  diagnostics.is_singular = false;
  for (std::int64_t j = 0; j < current_ranks; ++j) {
    for (const std::int64_t matrix : {1, 2}) {
      if (std::sqrt(column(matrix * ranks + j)) < T(1e-8)) diagnostics.is_singular = true;
    }
  }
  const auto extremes = [&](const auto& matrix, std::int64_t number) {
    typename RowNorms<T>::Value result;
    Kokkos::parallel_reduce("fused_scan::ArSsm::row_norms", range_policy(exec, batches * length),
                            RowNorms<T>{matrix.data(), ranks}, Kokkos::MinMax<T>(result));
    // Comparisons pass NaN over; the sums of squares don't.
    for (std::int64_t j = 0; j < ranks; ++j) {
      const T squares = column(number * ranks + j);
      if (std::isnan(squares)) result.min_val = result.max_val = squares;
    }
    return result;
  };
  const auto u = extremes(diagnostics.u_gated, 1);
  const auto v = extremes(diagnostics.v_gated, 2);
  constexpr T tiny = T(1e-10);
  diagnostics.condition_number = u.min_val < tiny || v.min_val < tiny
                                     ? T(1e10)
                                     : u.max_val * v.max_val / (u.min_val * v.min_val + tiny);
  diagnostics.stability_warning = diagnostics.is_singular || diagnostics.condition_number > T(1e6);
}

}  // namespace fused_scan::impl

#endif
