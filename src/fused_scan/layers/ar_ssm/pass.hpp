// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_LAYERS_AR_SSM_PASS_HPP
#define FUSED_SCAN_LAYERS_AR_SSM_PASS_HPP

#include <cstdint>
#include <fused_scan/ar_ssm_parameters.hpp>
#include <fused_scan/layers/ar_ssm/gates.hpp>
#include <fused_scan/layers/ar_ssm/surroundings.hpp>
#include <fused_scan/layers/ar_ssm/workspace.hpp>
#include <fused_scan/layers/dense_product.hpp>
#include <fused_scan/scan_options.hpp>

namespace fused_scan::impl {

/// One pass over some elements of a batch: everything its steps need to know.
template <class T, class Exec>
struct ArSsmPass {
  Exec exec;
  ArSsmSizes sizes;
  std::int64_t first_batch;
  std::int64_t batches;
  std::int64_t length;
  ArSsmParameters<T, typename Exec::memory_space> parameters;
  GateFunction<T> gate_function;
  bool bidirectional;
  bool fused;
  int convolution_shift;   // tap n of the convolution is on position l + n - convolution_shift
  Surroundings<T> around;  // of x
  Surroundings<T> around_gradient;  // of that of y
  ArSsmWorkspace<T, Exec> workspace;

  std::int64_t rows() const { return batches * length; }
  ScanExtents scan_extents() const { return {batches, length, sizes.ranks}; }
  Slabs slabs() const { return {first_batch, batches, length}; }
  /// One layer's output is the mean of both directions: of the convolution, which has none, half.
  T direction_share() const { return bidirectional ? T(0.5) : T(1); }

  Rows<T> products() const {
    return plain_rows(workspace.products, length, sizes.product_columns());
  }
  Rows<T> ranks_of(T* data) const { return plain_rows(data, length, sizes.ranks); }
};

/// Element (row, j) of matrices of one row for each position.
template <class T>
struct GatedProducts {
  T* products;
  T* gates;
  std::int64_t product_columns;
  std::int64_t u_column;
  std::int64_t ranks;
  std::int64_t length;

  template <class Exec>
  explicit GatedProducts(const ArSsmPass<T, Exec>& pass)
      : products(pass.workspace.products),
        gates(pass.workspace.gates),
        product_columns(pass.sizes.product_columns()),
        u_column(pass.sizes.hidden),
        ranks(pass.sizes.ranks),
        length(pass.length) {}

  KOKKOS_FUNCTION std::int64_t row(std::int64_t b, std::int64_t l) const { return b * length + l; }
  KOKKOS_FUNCTION T& xu(std::int64_t row, std::int64_t j) const {
    return products[row * product_columns + u_column + j];
  }
  KOKKOS_FUNCTION T& xv(std::int64_t row, std::int64_t j) const { return xu(row, ranks + j); }
  KOKKOS_FUNCTION T& gate(std::int64_t row, std::int64_t j) const { return gates[row * ranks + j]; }
  KOKKOS_FUNCTION T u(std::int64_t row, std::int64_t j) const { return xu(row, j) * gate(row, j); }
  KOKKOS_FUNCTION T v(std::int64_t row, std::int64_t j) const { return xv(row, j) * gate(row, j); }
};

}  // namespace fused_scan::impl

#endif
