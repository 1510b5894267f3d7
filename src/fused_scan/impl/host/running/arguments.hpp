// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_RUNNING_ARGUMENTS_HPP
#define FUSED_SCAN_IMPL_HOST_RUNNING_ARGUMENTS_HPP

#include <cstdint>

namespace fused_scan::impl::running {

/// Rows of neighbouring columns, in the order of the scan, of one slab or of several at the same
/// distance from each other. Strides are in elements.
template <class In, class Out>
struct Rows {
  const In* x = nullptr;
  Out* y = nullptr;
  std::int64_t x_row = 0;
  std::int64_t y_row = 0;
  std::int64_t x_column = 1;
  std::int64_t y_column = 1;
  std::int64_t x_slab = 0;
  std::int64_t y_slab = 0;
  std::int64_t count = 0;
  int columns = 1;
  int slabs = 1;
  bool exclusive = false;
  bool streaming = false;  // results bypass the caches
};

/// The kernels for one set of instructions: from rows and the columns' running values, slab after
/// slab, which they bring up to date.
template <class Op, class In, class Out>
struct Kernels {
  using Kernel = void (*)(const Op&, const Rows<In, Out>&, typename Op::value_type*);
  Kernel scan_columns;  // one slab of many columns
  Kernel sum_columns;
  Kernel scan_slabs;  // of few columns
  Kernel sum_slabs;
};

}  // namespace fused_scan::impl::running

#endif
