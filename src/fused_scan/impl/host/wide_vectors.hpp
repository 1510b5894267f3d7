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

/// loops(), compiled with all that it calls for AVX2. Not for FMA: products and sums that are
/// contracted would make other bits. All that is called becomes one function each time: call loops
/// over a block of elements by this, not what calls them.
template <class Loops>
__attribute__((target("avx2"), flatten, noinline)) void run_with_avx2(const Loops& loops) {
  loops();
}

template <class Loops>
__attribute__((noinline)) void run_as_compiled(const Loops& loops) {
  loops();
}

/// Calls loops(); where they are `wide`, in the widest vectors that the processor has, which has no
/// influence on their bits.
template <bool wide, class Loops>
void run_in_vectors(const Loops& loops) {
  if constexpr (wide) {
    if (__builtin_cpu_supports("avx2")) {
      impl::run_with_avx2(loops);
      return;
    }
  }
  impl::run_as_compiled(loops);
}

#else

template <bool, class Loops>
void run_in_vectors(const Loops& loops) {
  loops();
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

/// The kernels for the processor's vectors; none where it has neither.
template <class Kernels>
const Kernels* of_processor(const Kernels& for_avx2, const Kernels& for_avx512) {
  switch (vectors_of_processor()) {
    case Vectors::avx512:
      return &for_avx512;
    case Vectors::avx2:
      return &for_avx2;
    case Vectors::none:
      break;
  }
  return nullptr;
}

}  // namespace fused_scan::impl

#endif
