// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_MACHINE_HPP
#define FUSED_SCAN_IMPL_HOST_MACHINE_HPP

#include <Kokkos_Core.hpp>
#include <fused_scan/impl/plan/scan_shape.hpp>
#include <type_traits>
#if defined(__linux__)
#include <unistd.h>
#endif

namespace fused_scan::impl {

/// Whether the engine on a host runs on an execution space: its kernels have run when their launch
/// returns, and its iterations run on threads of their own or one after the other.
template <class Exec>
inline constexpr bool has_host_engine = false;

// The plain path has to be tried out somewhere.
#if !defined(FUSED_SCAN_PLAIN_PATH)
#if defined(KOKKOS_ENABLE_SERIAL)
template <>
inline constexpr bool has_host_engine<Kokkos::Serial> = true;
#endif
#if defined(KOKKOS_ENABLE_OPENMP)
template <>
inline constexpr bool has_host_engine<Kokkos::OpenMP> = true;
#endif
#if defined(KOKKOS_ENABLE_THREADS)
template <>
inline constexpr bool has_host_engine<Kokkos::Threads> = true;
#endif
#endif

inline std::size_t last_level_cache() {
#if defined(_SC_LEVEL3_CACHE_SIZE)
  const long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
  if (bytes > 0) return static_cast<std::size_t>(bytes);
#endif
  return HostMachine{}.last_level_cache;
}

template <class Exec>
HostMachine host_machine_of(const Exec& exec) {
  static const std::size_t cache = last_level_cache();
  HostMachine machine;
  machine.threads = exec.concurrency();
  machine.last_level_cache = cache;
  return machine;
}

}  // namespace fused_scan::impl

#endif
