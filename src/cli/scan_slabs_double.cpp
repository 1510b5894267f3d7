// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "scan_slabs_impl.hpp"

namespace fused_scan::cli {

template class SlabScanner<double>;
template ScannerCosts scanner_costs<double>(const ScanRequest&, SlabLines);
template std::unique_ptr<SlabScanner<double>> make_slab_scanner(const ScanRequest&,
                                                                const SlabShape&, SlabLines);

}  // namespace fused_scan::cli
