// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The standard library's scans of contiguous lines, for peers_cpu.py, which compiles this file: on
// one thread, and on those of TBB.

#include <algorithm>
#include <cstdint>
#include <execution>
#include <numeric>
#include <vector>

extern "C" void serial_sums(const float* in, float* out, std::int64_t lines, std::int64_t length) {
  for (std::int64_t first = 0; first < lines * length; first += length) {
    std::inclusive_scan(in + first, in + first + length, out + first);
  }
}

/// A line in parallel where it is the only one; else lines in parallel.
extern "C" void parallel_sums(const float* in, float* out, std::int64_t lines,
                              std::int64_t length) {
  if (lines == 1) {
    std::inclusive_scan(std::execution::par_unseq, in, in + length, out);
    return;
  }
  std::vector<std::int64_t> blocks(std::min<std::int64_t>(lines, 256));
  std::iota(blocks.begin(), blocks.end(), 0);
  const auto count = static_cast<std::int64_t>(blocks.size());
  std::for_each(std::execution::par, blocks.begin(), blocks.end(), [=](std::int64_t block) {
    const std::int64_t first = lines * block / count, last = lines * (block + 1) / count;
    serial_sums(in + first * length, out + first * length, last - first, length);
  });
}
