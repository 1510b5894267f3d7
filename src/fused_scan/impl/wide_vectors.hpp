// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_WIDE_VECTORS_HPP
#define FUSED_SCAN_IMPL_WIDE_VECTORS_HPP

namespace fused_scan::impl {

// A kernel becomes vector instructions where all that it calls is inlined, to which compilers are
// told by `flatten`.
//
// The default flags of x86-64 allow for vectors of 16 bytes, and no way to choose between two of
// them in one instruction. Nearly every processor has AVX2, with vectors of 32: kernels are
// compiled twice, and the processor decides.

/// kernel.run(i), in the vectors that the compiler's flags allow for.
template <class Kernel, class Index>
#if defined(__GNUC__)
__attribute__((flatten))
#endif
void run_in_vectors(const Kernel& kernel, Index i) {
  kernel.run(i);
}

#if defined(__GNUC__) && defined(__x86_64__) && !defined(__AVX2__) && defined(__OPTIMIZE__)

/// kernel.run(i) for AVX2. Not for FMA: products and sums that are contracted would make other
/// bits.
template <class Kernel, class Index>
__attribute__((target("avx2"), flatten)) void run_with_avx2(const Kernel& kernel, Index i) {
  kernel.run(i);
}

#endif

/// Calls kernel.run(i) in the widest vectors that the processor has, which has no influence on its
/// bits, or just so where nothing would come of vectors.
template <class Kernel, class Index>
void run_on_core(const Kernel& kernel, Index i) {
  if constexpr (Kernel::in_vectors) {
#if defined(__GNUC__) && defined(__x86_64__) && !defined(__AVX2__) && defined(__OPTIMIZE__)
    if (__builtin_cpu_supports("avx2")) {
      impl::run_with_avx2(kernel, i);
      return;
    }
#endif
    impl::run_in_vectors(kernel, i);
  } else {
    kernel.run(i);
  }
}

}  // namespace fused_scan::impl

#endif
