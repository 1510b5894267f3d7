// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_LAYERS_AR_SSM_WORKSPACE_HPP
#define FUSED_SCAN_LAYERS_AR_SSM_WORKSPACE_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdint>
#include <fused_scan/layers/dense_product.hpp>

namespace fused_scan::impl {

struct ArSsmSizes {
  std::int64_t d_model;
  std::int64_t ranks;   // max_rank
  std::int64_t hidden;  // gate_hidden_dim

  /// Columns of the stacked products with x: hidden, x U^T, x V^T.
  std::int64_t product_columns() const { return hidden + 2 * ranks; }
};

/// What a pass keeps in memory, as parts of one allocation. `rows` positions are worked on at a
/// time.
template <class T, class Exec>
struct ArSsmWorkspace {
  // rows x (hidden + 2 ranks): relu of the gate's first product | x U^T | x V^T. Backward puts the
  // gradient of each element in its place.
  T* products = nullptr;
  // rows x ranks each.
  T* gates = nullptr;
  T* kv = nullptr;      // k * v, then the gradient of it, then of the gates' logits
  T* slopes = nullptr;  // of the gates by their logits
  T* k = nullptr;       // what v is multiplied with
  // Two numbers for a rank of a batch element: the sum over a line, for the bidirectional layer.
  T* totals = nullptr;
  // A small matrix as the own product wants it.
  T* packed = nullptr;
  // rows x hidden: where gemm puts a gradient before the relu's is applied.
  T* hidden_gradient = nullptr;
  // For each group of slabs the gradients of all parameters.
  T* gradient_sums = nullptr;
  // Of packed sequences, a number for each position: Surroundings::positions_before.
  T* positions_before = nullptr;
  // What diagnostics need beside their own Views; behind all that a backward pass may find again.
  T* diagnostics_kv = nullptr;    // rows x ranks: k * v of one direction
  T* diagnostics_sums = nullptr;  // for each group of slabs three numbers for a rank

  std::int64_t size = 0;  // elements of T in all

  /// The parts, from `base` on. Without `keep` only what a forward pass needs that nothing follows:
  /// k * v then takes the place of the gates, and there are no slopes and no k. `packed_length` is
  /// that of packed sequences, 0 where there are none.
  ArSsmWorkspace(const ArSsmSizes& sizes, std::int64_t rows, std::int64_t batches, bool keep,
                 bool backward, bool diagnostics, std::int64_t packed_length,
                 std::int64_t parameter_count, T* base) {
    const auto take = [&](std::int64_t count) {
      constexpr std::int64_t line = 64 / sizeof(T);
      T* const part = base ? base + size : nullptr;
      size += (count + line - 1) / line * line;
      return part;
    };
    products = take(rows * sizes.product_columns());
    gates = take(rows * sizes.ranks);
    kv = keep ? take(rows * sizes.ranks) : gates;
    if (keep) {
      slopes = take(rows * sizes.ranks);
      k = take(rows * sizes.ranks);
    }
    totals = take(batches * sizes.ranks);
    if (is_host_space<Exec>) packed = take(largest_packed_matrix(sizes));
    if (backward) {
      gradient_sums = take(sum_groups<Exec> * parameter_count);
#ifdef FUSED_SCAN_HAVE_KOKKOS_KERNELS
      hidden_gradient = take(rows * sizes.hidden);
#endif
    }
    if (packed_length > 0) positions_before = take(packed_length);
    if (diagnostics) {
      diagnostics_kv = take(rows * sizes.ranks);
      diagnostics_sums = take(sum_groups<Exec> * 3 * sizes.ranks);
    }
  }

 private:
  static std::int64_t largest_packed_matrix(const ArSsmSizes& sizes) {
    const auto& [d_model, ranks, hidden] = sizes;
    return std::max({packed_size<T>(d_model, sizes.product_columns()),
                     packed_size<T>(hidden, ranks), packed_size<T>(ranks, d_model),
                     packed_size<T>(d_model, ranks), packed_size<T>(ranks, hidden),
                     packed_size<T>(sizes.product_columns(), d_model)});
  }
};

}  // namespace fused_scan::impl

#endif
