// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "scan_elements_impl.hpp"

namespace fused_scan::cli {

template Measurement scan_elements<Kokkos::complex<float>>(const ScanRequest&, const Dataset&,
                                                           const Dataset&);
template Measurement scan_elements<Kokkos::complex<double>>(const ScanRequest&, const Dataset&,
                                                            const Dataset&);

}  // namespace fused_scan::cli
