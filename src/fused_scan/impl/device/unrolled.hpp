// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_UNROLLED_HPP
#define FUSED_SCAN_IMPL_DEVICE_UNROLLED_HPP

// Loops written out: an array that is indexed in a loop doesn't stay in registers.

#include <Kokkos_Core.hpp>
#include <utility>

namespace fused_scan::impl {

/// f(0), ..., f(n - 1).
template <int n, class F>
KOKKOS_FORCEINLINE_FUNCTION void unrolled(const F& f) {
  [&]<int... r>(std::integer_sequence<int, r...>) {
    (f(r), ...);
  }(std::make_integer_sequence<int, n>());
}

/// f(0), ..., f(n - 1) in a loop that stays one: code that fits into the instruction cache is worth
/// more than its counter.
template <class F>
KOKKOS_FORCEINLINE_FUNCTION void looped(int n, const F& f) {
#if defined(__CUDA_ARCH__) || defined(__HIP_DEVICE_COMPILE__)
#pragma unroll 1
#endif
  for (int i = 0; i < n; ++i) f(i);
}

/// f(i) for i from `begin` below `end` by steps of `step`, four written out at a time.
template <class F>
KOKKOS_FORCEINLINE_FUNCTION void by_fours(int begin, int end, int step, const F& f) {
#if defined(__CUDA_ARCH__) || defined(__HIP_DEVICE_COMPILE__)
#pragma unroll 4
#endif
  for (int i = begin; i < end; i += step) f(i);
}

/// f(several) for each whole `several` in `count`, and f(1) for each of the rest, both as
/// constants: in loops that stay loops.
template <int several, class F>
KOKKOS_FORCEINLINE_FUNCTION void by_several(int count, const F& f) {
  looped(count / several, [&](int) { f(std::integral_constant<int, several>()); });
  looped(count % several, [&](int) { f(std::integral_constant<int, 1>()); });
}

/// Bits that come out in the order in which they went in; 64 of them, and 0 for those beyond.
class BitQueue {
 public:
  KOKKOS_FORCEINLINE_FUNCTION void push(bool bit) {
    if (m_size < 64) m_bits |= std::uint64_t{bit} << m_size;
    ++m_size;
  }
  KOKKOS_FORCEINLINE_FUNCTION bool pop() {
    const bool bit = (m_bits & 1) != 0;
    m_bits >>= 1;
    return bit;
  }

 private:
  std::uint64_t m_bits = 0;
  int m_size = 0;
};

}  // namespace fused_scan::impl

#endif
