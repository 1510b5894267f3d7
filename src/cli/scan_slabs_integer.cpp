// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cstdint>

#include "scan_slabs_impl.hpp"

namespace fused_scan::cli {

template class SlabScanner<std::int32_t>;
template ScannerCosts scanner_costs<std::int32_t>(const ScanRequest&, SlabLines);
template std::unique_ptr<SlabScanner<std::int32_t>> make_slab_scanner(const ScanRequest&,
                                                                      const SlabShape&, SlabLines);
template class SlabScanner<std::uint32_t>;
template ScannerCosts scanner_costs<std::uint32_t>(const ScanRequest&, SlabLines);
template std::unique_ptr<SlabScanner<std::uint32_t>> make_slab_scanner(const ScanRequest&,
                                                                       const SlabShape&, SlabLines);
template class SlabScanner<std::int64_t>;
template ScannerCosts scanner_costs<std::int64_t>(const ScanRequest&, SlabLines);
template std::unique_ptr<SlabScanner<std::int64_t>> make_slab_scanner(const ScanRequest&,
                                                                      const SlabShape&, SlabLines);
template class SlabScanner<std::uint64_t>;
template ScannerCosts scanner_costs<std::uint64_t>(const ScanRequest&, SlabLines);
template std::unique_ptr<SlabScanner<std::uint64_t>> make_slab_scanner(const ScanRequest&,
                                                                       const SlabShape&, SlabLines);

}  // namespace fused_scan::cli
