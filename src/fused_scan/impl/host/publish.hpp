// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_PUBLISH_HPP
#define FUSED_SCAN_IMPL_HOST_PUBLISH_HPP

#include <Kokkos_Core.hpp>
#include <thread>

namespace fused_scan::impl {

// A tile writes its node, then raises its flag; a later tile waits for the flag, then reads. A flag
// is read and written through volatile: Kokkos' atomic load of it is a read-modify-write on CUDA, 5
// to 10 times slower to poll.

KOKKOS_INLINE_FUNCTION void publish(int* flag) {
  Kokkos::memory_fence();
  *static_cast<volatile int*>(flag) = 1;
}

KOKKOS_INLINE_FUNCTION bool is_published(const int* flag) {
  return *static_cast<const volatile int*>(flag) != 0;
}

/// Only for a flag that a running thread is about to raise: tiles are taken in order, and a tile
/// waits for earlier ones only.
KOKKOS_INLINE_FUNCTION void wait_for(const int* flag) {
  for (int polls = 0; !is_published(flag); ++polls) {
    // There may be more host threads than cores.
    KOKKOS_IF_ON_HOST((if (polls > 1000) std::this_thread::yield();))
  }
  Kokkos::memory_fence();
}

}  // namespace fused_scan::impl

#endif
