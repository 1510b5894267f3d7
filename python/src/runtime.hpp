// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_PYTHON_RUNTIME_HPP
#define FUSED_SCAN_PYTHON_RUNTIME_HPP

// When Kokkos begins and ends in a Python process.

#include <string>
#include <vector>

#include "request.hpp"

namespace fused_scan::python {

/// Initialises Kokkos, without a word, where the program hasn't: on the GPU of `first`, or the
/// first one. Throws where that can't be: after its end, in the child of a process that has used
/// it, beside a second Kokkos, without a GPU where it was built for one.
void start_kokkos(const Place& first);

/// Finalises it, where start_kokkos() has initialised it in this process.
void stop_kokkos();

struct RuntimeInfo {
  std::string version;
  std::string kokkos;
  std::vector<std::string> backends;
  std::string host;
  int threads = 0;
  bool has_cuda = false;
};
RuntimeInfo runtime_info();
const char* runtime_version();

}  // namespace fused_scan::python

#endif
