// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_CONTEXT_HPP
#define FUSED_SCAN_CONTEXT_HPP

#include <Kokkos_Core.hpp>
#include <cstdlib>
#include <fstream>
#include <fused_scan/version.hpp>
#include <iomanip>
#include <string>
#include <utility>
#include <vector>

namespace fused_scan::perf {

/// What the processor, or the GPU, is called.
inline std::string device() {
#ifdef KOKKOS_ENABLE_CUDA
  return Kokkos::Cuda().cuda_device_prop().name;
#else
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
#endif
}

/// What a benchmark's numbers depend on.
inline std::vector<std::pair<std::string, std::string>> context() {
  using Exec = Kokkos::DefaultExecutionSpace;
  std::vector<std::pair<std::string, std::string>> context{
      {"device", device()},
      {"fused_scan", FUSED_SCAN_VERSION_STRING},
      {"kokkos", std::to_string(KOKKOS_VERSION)},
      {"execution_space", Exec::name()},
      {"concurrency", std::to_string(Exec().concurrency())},
      {"compiler", FUSED_SCAN_COMPILER},
      {"flags", FUSED_SCAN_FLAGS}};
#ifdef FUSED_SCAN_HAVE_KOKKOS_KERNELS
  context.emplace_back("dense products", "Kokkos Kernels");
#else
  context.emplace_back("dense products", "own");
#endif
#ifdef KOKKOS_COMPILER_NVCC
  context.emplace_back("nvcc", std::to_string(KOKKOS_COMPILER_NVCC));
#endif
  for (const char* variable : {"OMP_NUM_THREADS", "OMP_PROC_BIND", "OMP_PLACES"}) {
    const char* value = std::getenv(variable);
    context.emplace_back(variable, value == nullptr ? "unset" : value);
  }
  return context;
}

/// The same as a member of a JSON object.
inline void write_machine(std::ostream& out) {
  out << "\"machine\": {";
  const char* separator = "\n  ";
  for (const auto& [key, value] : context()) {
    out << separator << std::quoted(key) << ": " << std::quoted(value);
    separator = ",\n  ";
  }
  out << "}";
}

}  // namespace fused_scan::perf

#endif
