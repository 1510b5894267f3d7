// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Included by kernels_for_vectors.hpp. By itself it is empty.

#if defined(FUSED_SCAN_BYTES)

#include <fused_scan/impl/host/float_sums/vectors.hpp>
// After it: what follows uses it.
#include <fused_scan/impl/host/float_sums/column_kernels.hpp>
#include <fused_scan/impl/host/float_sums/interleaved_kernels.hpp>
#include <fused_scan/impl/host/float_sums/line_kernels.hpp>
#include <fused_scan/impl/host/float_sums/narrow_kernels.hpp>
#include <fused_scan/impl/host/float_sums/segment_kernels.hpp>
#include <fused_scan/impl/host/float_sums/turned_kernels.hpp>

#endif
