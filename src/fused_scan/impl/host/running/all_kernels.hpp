// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Included by kernels.hpp, and by kernels_for_vectors.hpp. By itself it is empty.

#if defined(FUSED_SCAN_BYTES)

#include <fused_scan/impl/host/running/lanes.hpp>
// After it: what follows uses it.
#include <fused_scan/impl/host/running/column_kernels.hpp>
#include <fused_scan/impl/host/running/slab_kernels.hpp>

#endif
