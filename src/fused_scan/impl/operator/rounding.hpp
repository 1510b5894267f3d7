// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_OPERATOR_ROUNDING_HPP
#define FUSED_SCAN_IMPL_OPERATOR_ROUNDING_HPP

#include <Kokkos_Core.hpp>

namespace fused_scan::impl {

// A compiler may contract a product and the sum it goes into to one fused multiply-add. TwoSum
// would then see two different roundings of the product, and each backend other bits. So on a GPU
// the sums are the ones that are never contracted, and GCC, the one host compiler that contracts
// across statements, doesn't see where an operand comes from.

/// x, of unknown origin to the compiler.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION T opaque(T x) {
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDA_ARCH__)
  return __builtin_assoc_barrier(x);
#else
  return x;
#endif
}

template <class T>
KOKKOS_FORCEINLINE_FUNCTION T rounded_sum(T a, T b) {
#if defined(__CUDA_ARCH__) || defined(__HIP_DEVICE_COMPILE__)
  if constexpr (sizeof(T) == 4) {
    return __fadd_rn(a, b);
  } else {
    return __dadd_rn(a, b);
  }
#else
  return a + b;
#endif
}

/// False for Inf and NaN; one comparison on a GPU, and every host compiler vectorises it.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION bool is_finite(T x) {
  return Kokkos::abs(x) < Kokkos::Experimental::infinity_v<T>;
}

}  // namespace fused_scan::impl

#endif
