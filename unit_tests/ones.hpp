// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_TEST_ONES_HPP
#define FUSED_SCAN_TEST_ONES_HPP

// Long lines without an array of them: ones are loaded, and their sums compared where others store.

#include <Kokkos_Core.hpp>
#include <cstdint>

namespace fused_scan::test {

struct One {
  KOKKOS_FUNCTION float operator()(std::int64_t, std::int64_t, std::int64_t) const { return 1; }
};

/// The float that each output should be.
template <class Exec>
struct OnesAreCounted {
  Kokkos::View<std::int64_t, Exec> wrong;

  KOKKOS_FUNCTION void operator()(std::int64_t, std::int64_t i, std::int64_t, float sum) const {
    if (sum != static_cast<float>(i + 1)) Kokkos::atomic_add(wrong.data(), 1);
  }
};

}  // namespace fused_scan::test

#endif
