// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_SWEEP_OPTIONS_HPP
#define FUSED_SCAN_SWEEP_OPTIONS_HPP

#include <string>
#include <vector>

#include "sweep_scanner.hpp"

namespace fused_scan::perf {

struct SweepOptions {
  int shapes = on_host ? 120 : 160;
  std::uint64_t seed = 1;
  std::int64_t size = std::int64_t{1} << (on_host ? 24 : 26);
  std::vector<Shape> also;
  std::vector<std::string> ops;  // none: what the type is scanned with
  bool peers = false;
  bool recorded = false;
  double seconds = 0.2;
  bool fastest = false;
  std::string json;
  Setup setup;  // without its memory
};

inline constexpr const char* sweep_usage =
    R"(How fast scans along the middle of arrays (outer, length, inner) are, beside a copy:

  fused_scan_perf_sweep [OPTION...]

  --shapes N      how many are drawn (120 on a host, 160 on a GPU); 0: only those of --also
  --seed N        from which they are drawn (1)
  --size N        elements of each (16 Mi on a host, 64 Mi on a GPU)
  --also O,L,I    one more, which doesn't count in the quantiles; any number of times
  --type T        float, double, half, bhalf, int32 or complex (float)
  --op OP         compensated-sum, sum or max; any number of times (float: the first two)
  --layout L      right or left (right)
  --direction D   forward or reverse (forward)
  --exclusive     exclusive scans
  --functors      transform_scan with functors that load and store
  --block-size N  ScanOptions::block_size
  --data D        uniform, normal or alternating: 1e8 and 1e-8 by turns (uniform). Sum has whole
                  numbers, whose sums are exact
  --peers         Kokkos' own scans as well
  --graph         plays calls from a CUDA graph, without what the host does for a launch
  --seconds S     of timing, for each shape and method (0.2)
  --fastest       the fastest batch of calls counts, not the median: for a machine that others use
  --json FILE     writes every time there
)";

/// Throws std::invalid_argument.
SweepOptions parsed_options(int argc, char** argv);

}  // namespace fused_scan::perf

#endif
