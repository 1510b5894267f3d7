// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "scan_slabs_impl.hpp"

namespace fused_scan::cli {

template class SlabScanner<Kokkos::complex<float>>;
template ScannerCosts scanner_costs<Kokkos::complex<float>>(const ScanRequest&, SlabLines);
template std::unique_ptr<SlabScanner<Kokkos::complex<float>>> make_slab_scanner(const ScanRequest&,
                                                                                const SlabShape&,
                                                                                SlabLines);
template class SlabScanner<Kokkos::complex<double>>;
template ScannerCosts scanner_costs<Kokkos::complex<double>>(const ScanRequest&, SlabLines);
template std::unique_ptr<SlabScanner<Kokkos::complex<double>>> make_slab_scanner(const ScanRequest&,
                                                                                 const SlabShape&,
                                                                                 SlabLines);

}  // namespace fused_scan::cli
