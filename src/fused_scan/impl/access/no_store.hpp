// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ACCESS_NO_STORE_HPP
#define FUSED_SCAN_IMPL_ACCESS_NO_STORE_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>

namespace fused_scan::impl {

/// What a reduction writes to: only the states that lines end in are wanted of it.
struct NoStore {
  static constexpr bool is_memory = false;

  struct Slab {
    template <class Result>
    KOKKOS_FORCEINLINE_FUNCTION void write(std::int64_t, std::int64_t, const Result&) const {}
  };

  KOKKOS_FUNCTION Slab slab(std::int64_t) const { return {}; }
};

}  // namespace fused_scan::impl

#endif
