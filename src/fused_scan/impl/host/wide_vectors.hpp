// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_WIDE_VECTORS_HPP
#define FUSED_SCAN_IMPL_HOST_WIDE_VECTORS_HPP

#include <algorithm>
#include <atomic>

#if defined(__GNUC__) && defined(__x86_64__) && defined(__OPTIMIZE__) && !defined(__CUDACC__)
#define FUSED_SCAN_HAVE_VECTORS
#endif

namespace fused_scan::impl {

// The default flags of x86-64 allow for vectors of 16 bytes, and no way to choose between two of
// them in one instruction. Nearly every processor has AVX2, with vectors of 32: kernels are
// compiled for it as well, and the processor decides.
#if defined(__GNUC__) && defined(__x86_64__) && !defined(__AVX2__) && defined(__OPTIMIZE__)

/// kernel.run(i), compiled with all that it calls for AVX2. Not for FMA: products and sums that are
/// contracted would make other bits.
template <class Kernel, class Index>
__attribute__((target("avx2"), flatten)) void run_with_avx2(const Kernel& kernel, Index i) {
  kernel.run(i);
}

/// Calls kernel.run(i); where vectors serve, in the widest that the processor has, which has no
/// influence on its bits.
template <class Kernel, class Index>
void run_on_core(const Kernel& kernel, Index i) {
  if constexpr (Kernel::in_vectors) {
    if (__builtin_cpu_supports("avx2")) {
      impl::run_with_avx2(kernel, i);
      return;
    }
  }
  kernel.run(i);
}

#else

template <class Kernel, class Index>
void run_on_core(const Kernel& kernel, Index i) {
  kernel.run(i);
}

#endif

// Kernels in vectors are compiled for these, of which the processor decides.
enum class Vectors { none, avx2, avx512 };

/// The widest vectors that are used, for tests of the others.
inline std::atomic<Vectors> widest_vectors{Vectors::avx512};

inline Vectors vectors_of_processor() {
#if defined(FUSED_SCAN_HAVE_VECTORS)
  static const Vectors widest = [] {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
      return Vectors::avx512;
    }
    return __builtin_cpu_supports("avx2") ? Vectors::avx2 : Vectors::none;
  }();
  return std::min(widest, widest_vectors.load(std::memory_order_relaxed));
#else
  return Vectors::none;
#endif
}

}  // namespace fused_scan::impl

#endif
