// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// A series that is spread over the ranks of MPI, in pieces of different lengths, and its running
// sums. Run it on any number of ranks: the checksum of the results' bits stays the same.
//
//   mpiexec -n 3 13_distributed

#include <mpi.h>

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fused_scan/distributed.hpp>

namespace {

using Exec = Kokkos::DefaultHostExecutionSpace;
constexpr std::int64_t length = 1'000'003;
constexpr int n_columns = 3;

/// Where rank r's piece begins: pieces grow from rank to rank.
std::int64_t begin_of(std::int64_t r, std::int64_t ranks) {
  return length * r * (r + 1) / (ranks * (ranks + 1));
}

/// The results of the rank's piece that aren't the exact sum rounded once, and a sum of all bits.
struct Report {
  std::int64_t wrong;
  std::uint64_t checksum;
};

Report scan_piece(MPI_Comm comm, std::int64_t begin, std::int64_t end) {
  // [scan]
  // x(i, j) is the element begin + i of column j of the whole series.
  const Kokkos::View<float**, Exec> x("x", end - begin, n_columns);
  Kokkos::deep_copy(x, 0.1f);
  const Kokkos::View<float**, Exec> sums("sums", end - begin, n_columns);

  // sums(i, j) = the sum of column j from its first element, on rank 0, up to this one
  fused_scan::inclusive_scan(Exec(), comm, x, sums, 0);
  // [scan]
  Exec().fence();

  Report report{0, 0};
  for (std::int64_t i = 0; i < end - begin; ++i) {
    for (int j = 0; j < n_columns; ++j) {
      // So many times 0.1f is exact in a double.
      const double exact = static_cast<double>(begin + i + 1) * static_cast<double>(0.1f);
      report.wrong += sums(i, j) != static_cast<float>(exact);
      std::uint32_t bits = 0;
      std::memcpy(&bits, &sums(i, j), sizeof(bits));
      report.checksum += static_cast<std::uint64_t>(begin + i + 1) * bits;
    }
  }
  return report;
}

}  // namespace

int main(int argc, char* argv[]) {
  MPI_Init(&argc, &argv);
  std::int64_t wrong = 0;
  {
    const Kokkos::ScopeGuard kokkos(argc, argv);
    int rank = 0, ranks = 1;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    const std::int64_t begin = begin_of(rank, ranks), end = begin_of(rank + 1, ranks);
    const Report own = scan_piece(MPI_COMM_WORLD, begin, end);
    std::uint64_t checksum = 0;
    MPI_Allreduce(&own.wrong, &wrong, 1, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
    MPI_Allreduce(&own.checksum, &checksum, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    if (rank == 0) {
      std::printf("%d ranks, %lld of %lld sums aren't correctly rounded, checksum %016llx\n", ranks,
                  static_cast<long long>(wrong), static_cast<long long>(length * n_columns),
                  static_cast<unsigned long long>(checksum));
    }
  }
  MPI_Finalize();
  return wrong == 0 ? 0 : 1;
}
