// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "hdf5_handle.hpp"

#include <algorithm>
#include <cstddef>

namespace fused_scan::cli {

void silence_hdf5() {
  H5dont_atexit();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

std::string hdf5_reason() {
  std::string reason;
  const H5E_walk2_t take_first = [](unsigned, const H5E_error2_t* error, void* text) -> herr_t {
    std::string& first = *static_cast<std::string*>(text);
    // Where a filter is missing, the search for a plugin that has it is not what matters.
    const bool plugin_search = std::string(error->func_name).starts_with("H5PL");
    if (first.empty() && !plugin_search) first = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, &reason);

  // Of MPI's lines keep what was tried and the last one's end.
  const std::size_t last_line = reason.rfind('\n');
  if (last_line != std::string::npos) {
    const std::size_t begin = std::min(reason.size(), reason.find(": ", last_line));
    return reason.substr(0, reason.find_first_of(":\n")) +
           reason.substr(begin, reason.find('\'', begin) - begin);
  }
  // Of "file write failed: time = ..., error message = 'No space left on device', buf = ..." keep
  // what was tried and the system's answer.
  const std::string mark = "error message = '";
  const std::size_t answer = reason.find(mark);
  if (answer == std::string::npos) return reason;
  const std::size_t begin = answer + mark.size();
  return reason.substr(0, reason.find_first_of(":,")) + ": " +
         reason.substr(begin, reason.find('\'', begin) - begin);
}

}  // namespace fused_scan::cli
