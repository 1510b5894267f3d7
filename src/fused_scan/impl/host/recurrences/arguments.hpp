// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_RECURRENCES_ARGUMENTS_HPP
#define FUSED_SCAN_IMPL_HOST_RECURRENCES_ARGUMENTS_HPP

#include <cstdint>
#include <fused_scan/impl/host/affine_rows.hpp>
#include <fused_scan/impl/order/tree.hpp>

namespace fused_scan::impl::recurrences {

/// Lines, or chunks of them, that are walked side by side.
inline constexpr int block_lines = 32;
inline constexpr int block_elements = chunk_length * block_lines;

/// At most a chunk of rows of `block_lines` neighbours, in the order of the scan. Strides are in
/// elements. `h` may be `b`.
template <class In, class Out>
struct Block {
  const In* a = nullptr;
  const In* b = nullptr;
  Out* h = nullptr;
  std::int64_t a_row = block_lines;
  std::int64_t b_row = block_lines;
  std::int64_t h_row = block_lines;
  int rows = chunk_length;
  // What comes soon, as many neighbours: asked for row by row.
  const In* next_a = nullptr;
  const In* next_b = nullptr;
  const Out* next_h = nullptr;
  std::int64_t next_a_row = 0;
  std::int64_t next_b_row = 0;
  std::int64_t next_h_row = 0;
};

/// The kernels for one set of instructions. Of states, which prefixes are too, nothing counts but
/// where they lead.
template <class In, class Out>
struct Kernels {
  using B = Block<In, Out>;
  using Row = AffineRow;
  void (*sum)(const B&, const Row& sum);
  /// Results, and the states after the last of them.
  void (*results)(const B&, const Row& prefix, const Row& state);
  /// Both.
  void (*scan)(const B&, const Row& prefix, const Row& sum, const Row& state);
  /// sum() and scan() of any number of columns, not fewer than there are `lanes`; false where
  /// something has left the range, and they are to be called. `h` isn't `b`.
  bool (*sum_columns)(const B&, int columns, const Row& prefix, const Row& sum, const Row& state);
  bool (*scan_columns)(const B&, int columns, const Row& prefix, const Row& sum, const Row& state);
  int lanes;
};

}  // namespace fused_scan::impl::recurrences

#endif
