// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_SCAN_ELEMENTS_HPP
#define FUSED_SCAN_SCAN_ELEMENTS_HPP

#include <fused_scan/scan.hpp>
#include <string>
#include <variant>

#include "hdf5_file.hpp"

namespace fused_scan::cli {

using Operator = std::variant<CompensatedSum, Sum, Prod, Max, Min>;

struct ScanRequest {
  Operator op;
  ScanOptions options;
  ScanKind kind = ScanKind::inclusive;
  int axis = 0;    // not negative
  int repeat = 1;  // so many times the same scan
};

struct Measurement {
  std::string path;  // the library's word for the way it took; empty where there was nothing to do
  double seconds;    // for one scan, the median if there were several
  double bytes;      // read and written by one scan
};

/// Scans the elements of `in` as numbers of type T, and writes the results to `out`.
///
/// It is defined in scan_elements_impl.hpp, and instantiated in scan_elements_*.cpp for every type
/// in Element: an engine for each of them and each operator takes its time to compile.
template <class T>
Measurement scan_elements(const ScanRequest& request, const Dataset& in, const Dataset& out);

}  // namespace fused_scan::cli

#endif
