// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <mpi.h>

#include <Kokkos_Core.hpp>
#include <catch2/catch_session.hpp>

// LLVM's OpenMP never frees the thread descriptions of a team that has shrunk, and MPICH not all
// that it has made at MPI_Init.
// NOLINTNEXTLINE(readability-identifier-naming): the sanitizer's name for it
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libomp.so\nleak:libmpi\nleak:libhwloc\nleak:libfabric\nleak:libucp\nleak:libucs\n";
}

/// Every rank runs the same tests in the same order.
int main(int argc, char* argv[]) {
  MPI_Init(&argc, &argv);
  int failed = 0;
  {
    Kokkos::ScopeGuard kokkos(argc, argv);
    failed = Catch::Session().run(argc, argv);
  }
  MPI_Finalize();
  return failed;
}
