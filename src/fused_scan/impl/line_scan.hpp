// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_LINE_SCAN_HPP
#define FUSED_SCAN_IMPL_LINE_SCAN_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/scan_options.hpp>
#include <string>

namespace fused_scan::impl {

/// Everything a kernel needs to know of a scan. What it reads and writes is behind four functors:
///   load.line(o)(i, j) -> element             store.line(o)(i, j, result)
///   initial(o, j) -> value                    final(o, j, value)
/// with o in [0, outer), j in [0, inner), and i in [0, length) in the order of the scan.
template <class Op_, class Load_, class Store_, class Initial_, class Final_>
struct LineScan {
  using Op = Op_;
  using Load = Load_;
  using Store = Store_;
  using Initial = Initial_;
  using Value = typename Op::value_type;
  using Element = typename Op::element_type;
  using Result = typename Op::result_type;

  Op op;
  Load_ load;
  Store_ store;
  Initial_ initial;
  Final_ final;
  ScanExtents extents;
  bool exclusive;
};

/// How a scan is carried out, which has no influence on its bits.
struct Path {
  enum class Shape { columns, few_columns, rows } shape;
  bool tiles;     // whether several threads or teams share a line
  int lanes = 0;  // on a host: lines that a thread takes at a time

  std::string name() const {
    return std::string(shape == Shape::rows ? "rows" : "columns") + (tiles ? ", tiles" : "");
  }
};

}  // namespace fused_scan::impl

#endif
