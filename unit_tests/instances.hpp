// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_INSTANCES_HPP
#define FUSED_SCAN_INSTANCES_HPP

#include <Kokkos_Core.hpp>
#include <vector>

namespace fused_scan::test {

/// Several instances of an execution space. Where they have threads, each has another number of
/// them.
template <class Exec>
std::vector<Exec> instances() {
  return Kokkos::Experimental::partition_space(Exec{}, std::vector<int>{1, 1, 1, 1, 1});
}

#ifdef KOKKOS_ENABLE_OPENMP
// partition_space would give the default instance five times, unless OpenMP's nesting is on.
template <>
inline std::vector<Kokkos::OpenMP> instances() {
  return {Kokkos::OpenMP(1), Kokkos::OpenMP(2), Kokkos::OpenMP(3), Kokkos::OpenMP(4),
          Kokkos::OpenMP(7)};
}
#endif

}  // namespace fused_scan::test

#endif
