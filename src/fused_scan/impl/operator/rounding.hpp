// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_OPERATOR_ROUNDING_HPP
#define FUSED_SCAN_IMPL_OPERATOR_ROUNDING_HPP

// Sums of two numbers, and what rounding does to them.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <type_traits>

namespace fused_scan::impl {

template <class T>
inline constexpr bool is_complex_v = false;
template <class T>
inline constexpr bool is_complex_v<Kokkos::complex<T>> = true;

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

/// A product that is rounded before it goes into a sum. In loops that GCC makes vectors of,
/// opaque() isn't enough: an empty instruction is.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION T rounded_product(T a, T b) {
#if defined(__CUDA_ARCH__) || defined(__HIP_DEVICE_COMPILE__)
  if constexpr (sizeof(T) == 4) {
    return __fmul_rn(a, b);
  } else {
    return __dmul_rn(a, b);
  }
#else
  T product = a * b;
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
  asm("" : "+x"(product));
#elif defined(__GNUC__) && !defined(__clang__) && defined(__aarch64__)
  asm("" : "+w"(product));
#elif defined(__GNUC__) && !defined(__clang__)
  asm("" : "+m"(product));
#endif
  return product;
#endif
}

/// False for Inf and NaN; one comparison on a GPU, and every host compiler vectorises it.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION bool is_finite(T x) {
  return Kokkos::abs(x) < Kokkos::Experimental::infinity_v<T>;
}

/// A rounded sum and its rounding error: their sum is exact, unless it overflows.
template <class T>
struct SumAndError {
  T sum;
  T error;
};

/// Knuth, The Art of Computer Programming, vol. 2, section 4.2.2, theorem B.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION SumAndError<T> sum_and_error(T a, T b) {
  const T x = opaque(a);
  const T y = opaque(b);
  const T sum = rounded_sum(x, y);
  const T y_in_sum = rounded_sum(sum, -x);
  const T x_in_sum = rounded_sum(sum, -y_in_sum);
  return {sum, rounded_sum(rounded_sum(x, -x_in_sum), rounded_sum(y, -y_in_sum))};
}

// --- rounding to odd
// ------------------------------------------------------------------------------
//
// Exact sums stay as they are; of the two neighbours of any other the one whose last bit is set is
// taken. A number whose last bit is set is never half-way between two shorter ones, so that what is
// rounded next, to nearest, goes to the right side of a tie, however small the term that breaks it.
//
// Source: S. Boldo and G. Melquiond, "Emulation of a FMA and correctly rounded sums: proved
// algorithms using rounding to odd", IEEE Transactions on Computers 57 (4), 2008.

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
  // Beside a sum that isn't finite stands an error that isn't a number.
  const Bits inexact = Kokkos::abs(error) > 0 ? Bits(-1) : Bits(0);
  const Bits truncated = bits + ((beyond ? Bits(-1) : Bits(0)) & inexact);
  return Kokkos::bit_cast<T>(truncated | (inexact & 1));
}

/// A sum rounded down and rounded up.
template <class T>
struct SumBounds {
  T below;
  T above;
};

#if defined(__CUDA_ARCH__) || defined(__HIP_DEVICE_COMPILE__)
/// The last 32 bits: compilers that are given all of them compare all.
__device__ inline std::uint32_t last_word(float x) { return __float_as_uint(x); }
__device__ inline std::uint32_t last_word(double x) {
  return static_cast<std::uint32_t>(__double2loint(x));
}

__device__ inline SumBounds<float> sum_bounds(float a, float b) {
  return {__fadd_rd(a, b), __fadd_ru(a, b)};
}
__device__ inline SumBounds<double> sum_bounds(double a, double b) {
  return {__dadd_rd(a, b), __dadd_ru(a, b)};
}
#endif

/// a + b, rounded to odd; where it isn't finite, Inf or NaN as a + b. With in_range that holds for
/// NaN only: what is beyond the range of T may also be its largest number.
template <bool in_range = false, class T>
KOKKOS_FORCEINLINE_FUNCTION T odd_sum(const T& a, const T& b) {
  if constexpr (is_complex_v<T>) {
    return T(odd_sum<in_range>(a.real(), b.real()), odd_sum<in_range>(a.imag(), b.imag()));
  } else {
#if defined(__CUDA_ARCH__) || defined(__HIP_DEVICE_COMPILE__)
    // One of the two neighbours that enclose an inexact sum is odd. Both roundings of an exact sum
    // are that sum, but for x - x, which rounds down to -0.
    const auto [below, above] = sum_bounds(a, b);
    if (!in_range && !(is_finite(below) && is_finite(above))) return a + b;
    return (last_word(below) & 1) != 0 ? below : above;
#else
    const SumAndError<T> sum = sum_and_error(a, b);
    return rounded_to_odd(sum.sum, sum.error);
#endif
  }
}

/// a + b where it is exact; else bits of `lost` are set, and the result is void.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION T sum_if_exact(const T& a, const T& b, std::uint64_t& lost) {
  if constexpr (is_complex_v<T>) {
    const auto real = impl::sum_if_exact(a.real(), b.real(), lost);
    return T(real, impl::sum_if_exact(a.imag(), b.imag(), lost));
  } else {
#if defined(__CUDA_ARCH__) || defined(__HIP_DEVICE_COMPILE__)
    // Neighbours differ in their last bit; -0 and 0, of x - x, don't.
    const auto [below, above] = sum_bounds(a, b);
    lost |= last_word(below) ^ last_word(above);
    return above;
#else
    const SumAndError<T> sum = sum_and_error(a, b);
    lost |= bits_of(sum.error);
    return sum.sum;
#endif
  }
}

}  // namespace fused_scan::impl

#endif
