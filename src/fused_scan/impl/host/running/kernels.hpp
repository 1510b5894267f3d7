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

namespace fused_scan::impl::running::any {
#define FUSED_SCAN_BYTES 16
#include <fused_scan/impl/host/running/lanes.hpp>
// After it: what follows uses it.
#include <fused_scan/impl/host/running/column_kernels.hpp>
#include <fused_scan/impl/host/running/slab_kernels.hpp>
#undef FUSED_SCAN_BYTES
}  // namespace fused_scan::impl::running::any

#if defined(FUSED_SCAN_HAVE_VECTORS)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
namespace fused_scan::impl::running::avx2 {
#define FUSED_SCAN_BYTES 32
#include <fused_scan/impl/host/running/lanes.hpp>
// After it: what follows uses it.
#include <fused_scan/impl/host/running/column_kernels.hpp>
#include <fused_scan/impl/host/running/slab_kernels.hpp>
#undef FUSED_SCAN_BYTES
}  // namespace fused_scan::impl::running::avx2
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl"))), \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512")
#endif
namespace fused_scan::impl::running::avx512 {
#define FUSED_SCAN_BYTES 64
#include <fused_scan/impl/host/running/lanes.hpp>
// After it: what follows uses it.
#include <fused_scan/impl/host/running/column_kernels.hpp>
#include <fused_scan/impl/host/running/slab_kernels.hpp>
#undef FUSED_SCAN_BYTES
}  // namespace fused_scan::impl::running::avx512
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif

namespace fused_scan::impl::running {

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
