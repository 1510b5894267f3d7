// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_CONTEXT_HPP
#define FUSED_SCAN_CONTEXT_HPP

#include <benchmark/benchmark.h>

#include <Kokkos_Core.hpp>
#include <cstdlib>
#include <fused_scan/version.hpp>
#include <string>

namespace fused_scan::perf {

/// Puts into a benchmark's output what its numbers depend on.
inline void add_context() {
  using Exec = Kokkos::DefaultExecutionSpace;
  const auto add = [](const std::string& key, const std::string& value) {
    benchmark::AddCustomContext(key, value);
  };
  add("fused_scan", FUSED_SCAN_VERSION_STRING);
  add("kokkos", std::to_string(KOKKOS_VERSION));
  add("execution_space", Exec::name());
  add("concurrency", std::to_string(Exec().concurrency()));
  add("compiler", FUSED_SCAN_COMPILER);
  add("flags", FUSED_SCAN_FLAGS);
  for (const char* variable : {"OMP_NUM_THREADS", "OMP_PROC_BIND", "OMP_PLACES"}) {
    const char* value = std::getenv(variable);
    add(variable, value == nullptr ? "unset" : value);
  }
}

}  // namespace fused_scan::perf

#endif
