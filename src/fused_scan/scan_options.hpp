// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_SCAN_OPTIONS_HPP
#define FUSED_SCAN_SCAN_OPTIONS_HPP

/// \file
/// What a call of a scan may say, besides its data and its operator.

#include <cstdint>

namespace fused_scan {

/// `reverse` walks from the last element to the first, and combines in that order.
enum class Direction { forward, reverse };

/// Whether a result includes the element of its own place.
enum class ScanKind { inclusive, exclusive };

/// What a scan may be told besides; every member has a default.
struct ScanOptions {
  /// From which end the scan walks.
  Direction direction = Direction::forward;
  /// Elements along the axis that are worked on between two exchanges of sums, a power of two from
  /// 16 on; what doesn't fit is cut down. 0: chosen. A matter of speed only: no bit depends on it.
  int block_size = 0;
};

/// The lines of a scan: outer * inner of them, each of `length` elements.
struct ScanExtents {
  std::int64_t outer;   ///< groups of lines
  std::int64_t length;  ///< elements of a line
  std::int64_t inner;   ///< lines of a group, which lie side by side
};

}  // namespace fused_scan

#endif
