// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_WARP_HPP
#define FUSED_SCAN_IMPL_DEVICE_WARP_HPP

// What Kokkos has no word for. A warp: 32 threads of a team with consecutive ranks that a GPU runs
// in lockstep, all of which call these functions together. And copies that a thread doesn't wait
// for.

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__CUDACC__)
#include <cuda_pipeline_primitives.h>
#endif

namespace fused_scan::impl {

inline constexpr int warp_size = 32;

KOKKOS_FORCEINLINE_FUNCTION std::uint32_t word_of_lane(std::uint32_t word,
                                                       [[maybe_unused]] int lane) {
#if defined(__CUDA_ARCH__)
  return __shfl_sync(~0U, word, lane);
#elif defined(__HIP_DEVICE_COMPILE__)
  return __shfl(word, lane, warp_size);
#else
  return word;  // on a host, a warp is one thread
#endif
}

/// `value` of the thread of the warp whose lane is `lane`, a different one for each thread if need
/// be.
template <class Value>
KOKKOS_FORCEINLINE_FUNCTION Value value_of_lane(const Value& value, int lane) {
  std::uint32_t words[(sizeof(Value) + 3) / 4] = {};
  std::memcpy(words, &value, sizeof(Value));
  for (auto& word : words) word = word_of_lane(word, lane);
  Value result;
  std::memcpy(&result, words, sizeof(Value));
  return result;
}

/// What the threads of the warp have written to scratch memory, all of them see.
template <class Member>
KOKKOS_FORCEINLINE_FUNCTION void warp_barrier([[maybe_unused]] const Member& member) {
#if defined(__CUDA_ARCH__)
  __syncwarp();
#else
  member.team_barrier();
#endif
}

/// Neighbours in memory that are moved at once.
struct alignas(16) Pack {
  std::byte bytes[16];
};

/// Whether the copy of a T doesn't pass through registers, so that a thread can have many under
/// way.
template <class T>
inline constexpr bool copies_by_itself = sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16;

/// Begins to copy an element, or a pack of them, to scratch memory; *to is there after
/// await_copies().
template <class T>
KOKKOS_FORCEINLINE_FUNCTION void copy_to_scratch(T* to, const T* from) {
#if defined(__CUDA_ARCH__)
  if constexpr (copies_by_itself<T>) {
    __pipeline_memcpy_async(to, from, sizeof(T));
    return;
  }
#endif
  *to = *from;
}

/// Until the copies that this thread has begun are there.
KOKKOS_FORCEINLINE_FUNCTION void await_copies() {
#if defined(__CUDA_ARCH__)
  __pipeline_commit();
  __pipeline_wait_prior(0);
#endif
}

/// Asks for the cache line of an address, to wait in the cache that the whole card shares.
KOKKOS_FORCEINLINE_FUNCTION void prefetch_to_cache([[maybe_unused]] const void* address) {
#if defined(__CUDA_ARCH__)
  asm volatile("prefetch.global.L2 [%0];" ::"l"(address));
#endif
}

}  // namespace fused_scan::impl

#endif
