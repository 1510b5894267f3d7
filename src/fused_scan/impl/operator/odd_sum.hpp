// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_OPERATOR_ODD_SUM_HPP
#define FUSED_SCAN_IMPL_OPERATOR_ODD_SUM_HPP

// Sums rounded to odd: exact ones as they are, of the others the neighbour whose last bit is set.
// A number whose last bit is set is never half-way between two shorter ones, so that what is
// rounded next, to nearest, goes to the right side of a tie, however small the term that breaks it.
//
// Source: S. Boldo and G. Melquiond, "Emulation of a FMA and correctly rounded sums: proved
// algorithms using rounding to odd", IEEE Transactions on Computers 57 (4), 2008.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/compensated_sum.hpp>
#include <type_traits>

namespace fused_scan::impl {

template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

template <class T>
KOKKOS_FORCEINLINE_FUNCTION BitsOf<T> bits_of(T number) {
  return Kokkos::bit_cast<BitsOf<T>>(number);
}

/// A sum rounded to nearest with its rounding error, as the same sum rounded to odd.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION T rounded_to_odd(T nearest, T error) {
  using Bits = BitsOf<T>;
  const Bits bits = bits_of(nearest);
  const bool beyond = ((bits ^ bits_of(error)) >> (8 * sizeof(T) - 1)) != 0;
  const Bits inexact = error != 0 ? Bits(-1) : Bits(0);
  const Bits truncated = bits + ((beyond ? Bits(-1) : Bits(0)) & inexact);
  return Kokkos::bit_cast<T>(truncated | (inexact & 1));
}

/// a + b, rounded to odd. If it isn't finite, something that isn't.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION T odd_sum(const T& a, const T& b) {
  if constexpr (is_complex_v<T>) {
    return T(odd_sum(a.real(), b.real()), odd_sum(a.imag(), b.imag()));
  } else {
#if defined(__CUDA_ARCH__) || defined(__HIP_DEVICE_COMPILE__)
    const auto odd = [](T below, T above, T truncated) {
      const BitsOf<T> inexact = bits_of(below) ^ bits_of(above);
      return Kokkos::bit_cast<T>(bits_of(truncated) | (inexact & 1));
    };
    if constexpr (sizeof(T) == 4) {
      return odd(__fadd_rd(a, b), __fadd_ru(a, b), __fadd_rz(a, b));
    } else {
      return odd(__dadd_rd(a, b), __dadd_ru(a, b), __dadd_rz(a, b));
    }
#else
    const CompensatedValue<T> sum = two_sum(a, b);
    return rounded_to_odd(sum.sum, sum.compensation);
#endif
  }
}

}  // namespace fused_scan::impl

#endif
