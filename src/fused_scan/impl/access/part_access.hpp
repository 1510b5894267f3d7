// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ACCESS_PART_ACCESS_HPP
#define FUSED_SCAN_IMPL_ACCESS_PART_ACCESS_HPP

// Some positions of every line, which only a kernel knows, as lines of their own: without a copy of
// the accesses, which would lie in a thread's local memory.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/access/line_scan.hpp>
#include <fused_scan/impl/access/segment.hpp>
#include <fused_scan/impl/access/states.hpp>

namespace fused_scan::impl {

template <class Access>
struct PartAccess {
  static constexpr bool is_memory = Access::is_memory;
  using value_type = typename HeldBy<Access, void>::type;

  const Access& access;
  Segment part;

  KOKKOS_FORCEINLINE_FUNCTION auto slab(std::int64_t outer) const {
    return access.slab(outer).part(part.begin, part.length);
  }
};

template <class Scan>
using PartScan = LineScan<typename Scan::Op, PartAccess<typename Scan::Load>,
                          PartAccess<typename Scan::Store>, typename Scan::Initial, NoFinalState>;

/// The scan of a segment of every line alone, as long as `scan` is there.
template <class Scan>
KOKKOS_FORCEINLINE_FUNCTION PartScan<Scan> scan_of_part(const Scan& scan, const Segment& part) {
  return {scan.op,    {scan.load, part}, {scan.store, part}, scan.initial, {},
          scan.outer, part.length,       scan.inner,         scan.reverse, scan.exclusive};
}

}  // namespace fused_scan::impl

#endif
