// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_FLOAT_SUMS_KERNELS_HPP
#define FUSED_SCAN_IMPL_HOST_FLOAT_SUMS_KERNELS_HPP

// Sums of floats in vectors of doubles, for AVX2 and AVX-512, of which the processor decides at run
// time. Neither changes a bit. On other processors there are none, and the plain loops of the
// engine are what compilers make of them.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fused_scan/impl/host/float_sums/arguments.hpp>
#include <fused_scan/impl/host/stream_row.hpp>
#include <fused_scan/impl/host/transpose_square.hpp>
#include <fused_scan/impl/host/wide_vectors.hpp>
#include <fused_scan/impl/operator/rounding.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <type_traits>
#include <utility>

#if defined(FUSED_SCAN_HAVE_VECTORS)
#include <immintrin.h>
#endif

namespace fused_scan::impl::float_sums {

#define FUSED_SCAN_KERNELS "fused_scan/impl/host/float_sums/all_kernels.hpp"
#include <fused_scan/impl/host/kernels_for_vectors.hpp>
#undef FUSED_SCAN_KERNELS

/// For sums rounded to odd, or to nearest; none where the processor has no such vectors.
template <bool odd>
const Kernels* kernels() {
#if defined(FUSED_SCAN_HAVE_VECTORS)
  static constexpr Kernels for_avx512{avx512::lanes,         avx512::narrow_vectors * avx512::lanes,
                                      avx512::sum_rows<odd>, avx512::scan_rows<odd>,
                                      avx512::push<odd>,     avx512::scan_slabs<odd>,
                                      avx512::sum_line<odd>, avx512::scan_line<odd>,
                                      avx512::part,          avx512::join,
                                      avx2::scan_segments};
  static constexpr Kernels for_avx2{avx2::lanes,         avx2::narrow_vectors * avx2::lanes,
                                    avx2::sum_rows<odd>, avx2::scan_rows<odd>,
                                    avx2::push<odd>,     avx2::scan_slabs<odd>,
                                    avx2::sum_line<odd>, avx2::scan_line<odd>,
                                    avx2::part,          avx2::join,
                                    avx2::scan_segments};
  return impl::of_processor(for_avx2, for_avx512);
#else
  return nullptr;
#endif
}

}  // namespace fused_scan::impl::float_sums

#endif
