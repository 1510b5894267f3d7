// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_BACKEND_HPP
#define FUSED_SCAN_IMPL_DEVICE_BACKEND_HPP

// What the engine on a GPU asks of a backend, and what Kokkos has no word for.

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/plan/scan_shape.hpp>
#if defined(__CUDACC__)
#include <cuda_pipeline_primitives.h>
#endif

namespace fused_scan::impl {

/// Whether the engine on a GPU runs on an execution space. It needs teams that make progress while
/// others wait for them, in the order in which they began. Other backends take the plain path.
template <class Exec>
inline constexpr bool has_device_engine = false;

template <class Exec>
DeviceMachine machine_of(const Exec&) {
  return {};
}

#if defined(KOKKOS_ENABLE_CUDA)
template <>
inline constexpr bool has_device_engine<Kokkos::Cuda> = true;

template <>
inline DeviceMachine machine_of(const Kokkos::Cuda& exec) {
  const cudaDeviceProp& properties = exec.cuda_device_prop();
  return {properties.multiProcessorCount, properties.warpSize, properties.sharedMemPerBlockOptin,
          properties.sharedMemPerMultiprocessor};
}
#endif

/// 16 bytes that move at once.
struct alignas(16) Pack {
  std::byte bytes[16];
};

/// The pointer, of which a compiler now knows that it leads to memory, or to scratch memory: it can
/// read from one while it writes to the other.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION T* in_memory(T* pointer) {
#if defined(__CUDA_ARCH__)
  __builtin_assume(__isGlobal(pointer));
#endif
  return pointer;
}
template <class T>
KOKKOS_FORCEINLINE_FUNCTION T* in_scratch(T* pointer) {
#if defined(__CUDA_ARCH__)
  __builtin_assume(__isShared(pointer));
#endif
  return pointer;
}

/// Begins to copy *from to scratch memory, where it is after await_copies(): a thread can have many
/// copies under way, which take no registers.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION void copy_to_scratch(T* to, const T* from) {
#if defined(__CUDA_ARCH__)
  if constexpr (sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16) {
    __pipeline_memcpy_async(to, from, sizeof(T));
    return;
  }
#endif
  *in_scratch(to) = *in_memory(from);
}

/// Keeps a compiler from keeping what it has made of a value, such as a conversion to a larger
/// type, rather than the value.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION void forget_what_was_made_of([[maybe_unused]] T& value) {
#if defined(__CUDA_ARCH__)
  if constexpr (sizeof(T) % 4 == 0) {
    std::uint32_t words[sizeof(T) / 4];
    memcpy(words, &value, sizeof(T));
    for (std::uint32_t& word : words) asm volatile("" : "+r"(word));
    memcpy(&value, words, sizeof(T));
  }
#endif
}

/// 1 / x, with an error of some units in the last place, where a processor is faster at that.
KOKKOS_FORCEINLINE_FUNCTION float approximate_reciprocal(float x) {
#if defined(__CUDA_ARCH__)
  return __fdividef(1.0F, x);
#else
  return 1.0F / x;
#endif
}

/// Asks for the cache line of an address, to wait in the cache that the whole card shares.
KOKKOS_FORCEINLINE_FUNCTION void prefetch_to_cache([[maybe_unused]] const void* address) {
#if defined(__CUDA_ARCH__)
  asm volatile("prefetch.global.L2 [%0];" ::"l"(address));
#endif
}

/// Until the copies that this thread has begun are there.
KOKKOS_FORCEINLINE_FUNCTION void await_copies() {
#if defined(__CUDA_ARCH__)
  __pipeline_commit();
  __pipeline_wait_prior(0);
#endif
}

}  // namespace fused_scan::impl

#endif
