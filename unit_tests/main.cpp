// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <Kokkos_Core.hpp>
#include <catch2/catch_session.hpp>

// LLVM's OpenMP never frees the thread descriptions of a team that has shrunk.
// NOLINTNEXTLINE(readability-identifier-naming): the sanitizer's name for it
extern "C" const char* __lsan_default_suppressions() { return "leak:libomp.so"; }

int main(int argc, char* argv[]) {
  Kokkos::ScopeGuard kokkos(argc, argv);  // takes the --kokkos-* arguments away
  return Catch::Session().run(argc, argv);
}
