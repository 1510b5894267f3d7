// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Included in a namespace by kernels.hpp of the rooms that have kernels in vectors: compiles the
// header FUSED_SCAN_KERNELS in a namespace for each set of instructions, between pragmas that
// switch it on, with FUSED_SCAN_BYTES in a vector. Functions with vectors as arguments have to be
// compiled for the instructions that they use, and neither a template nor an attribute does that to
// functions that they call. By itself it is empty.

#if defined(FUSED_SCAN_KERNELS) && defined(FUSED_SCAN_HAVE_VECTORS)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
namespace avx2 {
#define FUSED_SCAN_BYTES 32
#include FUSED_SCAN_KERNELS
#undef FUSED_SCAN_BYTES
}  // namespace avx2
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl"))), \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512")
#endif
namespace avx512 {
#define FUSED_SCAN_BYTES 64
#include FUSED_SCAN_KERNELS
#undef FUSED_SCAN_BYTES
}  // namespace avx512
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
