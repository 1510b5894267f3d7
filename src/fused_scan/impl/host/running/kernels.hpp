// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_RUNNING_KERNELS_HPP
#define FUSED_SCAN_IMPL_HOST_RUNNING_KERNELS_HPP

// Running values for operators of which it doesn't matter how numbers are grouped: in vectors of
// any processor, and on x86-64 in those of AVX2 and AVX-512 too, of which the processor decides at
// run time. None of it changes a bit. (AVX-512 has FMA, so that these are not for operators that
// add products.)

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fused_scan/impl/host/copy_row.hpp>
#include <fused_scan/impl/host/running/arguments.hpp>
#include <fused_scan/impl/host/stream_row.hpp>
#include <fused_scan/impl/host/wide_vectors.hpp>
#include <fused_scan/impl/operator/extrema.hpp>
#include <fused_scan/impl/operator/products.hpp>
#include <fused_scan/impl/operator/sums.hpp>
#include <type_traits>
#include <utility>

namespace fused_scan::impl::running {

namespace any {
#define FUSED_SCAN_BYTES 16
#include <fused_scan/impl/host/running/all_kernels.hpp>
#undef FUSED_SCAN_BYTES
}  // namespace any

#define FUSED_SCAN_KERNELS "fused_scan/impl/host/running/all_kernels.hpp"
#include <fused_scan/impl/host/kernels_for_vectors.hpp>
#undef FUSED_SCAN_KERNELS

/// In the widest vectors that the processor has.
template <class Op, class In, class Out>
Kernels<Op, In, Out> kernels() {
#if defined(FUSED_SCAN_HAVE_VECTORS)
  switch (vectors_of_processor()) {
    case Vectors::avx512:
      return {avx512::scan_columns<Op, In, Out>, avx512::sum_columns<Op, In, Out>,
              avx512::scan_slabs<Op, In, Out>, avx512::sum_slabs<Op, In, Out>};
    case Vectors::avx2:
      return {avx2::scan_columns<Op, In, Out>, avx2::sum_columns<Op, In, Out>,
              avx2::scan_slabs<Op, In, Out>, avx2::sum_slabs<Op, In, Out>};
    case Vectors::none:
      break;
  }
#endif
  return {any::scan_columns<Op, In, Out>, any::sum_columns<Op, In, Out>,
          any::scan_slabs<Op, In, Out>, any::sum_slabs<Op, In, Out>};
}

}  // namespace fused_scan::impl::running

#endif
