// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <cstdint>

#include "scan_elements_impl.hpp"

namespace fused_scan::cli {

template Measurement scan_elements<std::int32_t>(const ScanRequest&, const Dataset&,
                                                 const Dataset&);
template Measurement scan_elements<std::uint32_t>(const ScanRequest&, const Dataset&,
                                                  const Dataset&);
template Measurement scan_elements<std::int64_t>(const ScanRequest&, const Dataset&,
                                                 const Dataset&);
template Measurement scan_elements<std::uint64_t>(const ScanRequest&, const Dataset&,
                                                  const Dataset&);

}  // namespace fused_scan::cli
