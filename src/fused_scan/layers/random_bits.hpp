// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_LAYERS_RANDOM_BITS_HPP
#define FUSED_SCAN_LAYERS_RANDOM_BITS_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>

namespace fused_scan::impl {

/// The output function of SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014.
KOKKOS_INLINE_FUNCTION std::uint64_t mixed_bits(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

/// The `index`-th 64 bits of the stream `seed`. No state, so any thread can ask for any of them;
/// the seed is mixed first, so that streams of neighbouring seeds have nothing in common.
KOKKOS_INLINE_FUNCTION std::uint64_t random_bits(std::uint64_t seed, std::uint64_t index) {
  constexpr std::uint64_t step = 0x9e3779b97f4a7c15U;
  return mixed_bits(mixed_bits(seed + step) + (index + 1) * step);
}

/// A number in [0, 1) from the first bits, exact in T.
template <class T>
KOKKOS_INLINE_FUNCTION T unit_fraction(std::uint64_t bits) {
  constexpr int digits = sizeof(T) == 4 ? 24 : 53;
  return static_cast<T>(bits >> (64 - digits)) / static_cast<T>(std::uint64_t{1} << digits);
}

}  // namespace fused_scan::impl

#endif
