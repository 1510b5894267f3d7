// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_RANDOM_BITS_HPP
#define FUSED_SCAN_RANDOM_BITS_HPP

#include <Kokkos_Macros.hpp>
#include <cstdint>

namespace fused_scan::test {

/// The i-th 64 bits of a fixed random sequence (SplitMix64), the same on every machine and in every
/// thread.
KOKKOS_INLINE_FUNCTION std::uint64_t random_bits(std::uint64_t i) {
  std::uint64_t z = (i + 1) * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

/// The i-th of a fixed sequence of numbers, equally distributed in [0, 1).
KOKKOS_INLINE_FUNCTION double random_fraction(std::uint64_t i) {
  return static_cast<double>(random_bits(i) >> 11) * 0x1p-53;
}

}  // namespace fused_scan::test

#endif
