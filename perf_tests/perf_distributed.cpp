// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Scans over ranks: the bytes that a rank sends for each line, counted where MPI is called, and the
// time beside what everybody writes, a local scan, MPI_Exscan, and an addition.
//
//   mpiexec -n 4 fused_scan_perf_distributed [elements of a rank]

#include <mpi.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fused_scan/distributed.hpp>
#include <vector>

namespace {

using Exec = Kokkos::DefaultHostExecutionSpace;
using Array = Kokkos::View<float**, Kokkos::LayoutRight, Exec>;

std::int64_t bytes_sent = 0;

std::int64_t bytes_of(MPI_Datatype type) {
  MPI_Count size = 0;
  MPI_Type_size_x(type, &size);
  return size;
}

int rank_of() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}
int ranks() {
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

}  // namespace

// The names of MPI's own profiling interface: what the library calls comes by here.
// NOLINTBEGIN(readability-identifier-naming)
extern "C" int MPI_Allgatherv(const void* sent, int count, MPI_Datatype sent_type, void* received,
                              const int counts[], const int places[], MPI_Datatype type,
                              MPI_Comm comm) {
  bytes_sent += counts[rank_of()] * bytes_of(type);
  return PMPI_Allgatherv(sent, count, sent_type, received, counts, places, type, comm);
}
extern "C" int MPI_Alltoallv(const void* sent, const int counts[], const int places[],
                             MPI_Datatype type, void* received, const int received_counts[],
                             const int received_places[], MPI_Datatype received_type,
                             MPI_Comm comm) {
  for (int r = 0; r < ranks(); ++r) bytes_sent += counts[r] * bytes_of(type);
  return PMPI_Alltoallv(sent, counts, places, type, received, received_counts, received_places,
                        received_type, comm);
}
// NOLINTEND(readability-identifier-naming)

namespace {

template <class Call>
double seconds_of(const Call& call) {
  double best = 1e30;
  for (int k = 0; k < 40; ++k) {
    MPI_Barrier(MPI_COMM_WORLD);
    const double start = MPI_Wtime();
    call();
    Exec().fence();
    MPI_Barrier(MPI_COMM_WORLD);
    if (k > 0) best = std::min(best, MPI_Wtime() - start);
  }
  return best;
}

/// The largest number of bytes that any rank sends for a line of `length` elements in all.
std::int64_t bytes_of_line(std::int64_t length, bool even) {
  constexpr std::int64_t n_lines = 4;
  // Uneven: each cut is a little off, by no multiple of a chunk.
  const auto begin_of = [&](std::int64_t r) {
    const std::int64_t cut = length * r / ranks();
    return even || r == 0 || r == ranks() ? cut : cut - cut / 7 - 3;
  };
  const std::int64_t begin = begin_of(rank_of()), end = begin_of(rank_of() + 1);
  const Array x("x", end - begin, n_lines);
  Kokkos::deep_copy(x, 0.1F);
  bytes_sent = 0;
  fused_scan::inclusive_scan(Exec(), MPI_COMM_WORLD, x, x, 0);
  std::int64_t most = 0;
  MPI_Allreduce(&bytes_sent, &most, 1, MPI_INT64_T, MPI_MAX, MPI_COMM_WORLD);
  return most / n_lines;
}

void print_bytes() {
  if (rank_of() == 0) {
    std::printf("bytes that a rank sends for a line of floats, %d ranks, CompensatedSum\n",
                ranks());
    std::printf("%12s %14s %14s\n", "length", "equal pieces", "unequal pieces");
  }
  for (int bits = 10; bits <= 22; bits += 4) {
    const std::int64_t length = std::int64_t{1} << bits;
    const std::int64_t even = bytes_of_line(length, true), uneven = bytes_of_line(length, false);
    if (rank_of() == 0) {
      std::printf("%12lld %14lld %14lld\n", static_cast<long long>(length),
                  static_cast<long long>(even), static_cast<long long>(uneven));
    }
  }
}

/// A local scan, MPI_Exscan of the totals, and an addition.
void scan_by_hand(const Array& x, const Array& y, std::vector<float>& totals,
                  std::vector<float>& before) {
  const auto length = static_cast<std::int64_t>(x.extent(0));
  const auto n_lines = static_cast<int>(x.extent(1));
  fused_scan::inclusive_scan(Exec(), x, y, 0, fused_scan::Sum{});
  Exec().fence();
  for (int j = 0; j < n_lines; ++j) totals[static_cast<std::size_t>(j)] = y(length - 1, j);
  std::fill(before.begin(), before.end(), 0.0F);
  MPI_Exscan(totals.data(), before.data(), n_lines, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
  if (rank_of() == 0) return;
  const float* const prefix = before.data();
  Kokkos::parallel_for("add", Kokkos::RangePolicy<Exec>(0, length), [=](std::int64_t i) {
    for (int j = 0; j < n_lines; ++j) y(i, j) += prefix[j];
  });
}

void print_times(std::int64_t elements) {
  if (rank_of() == 0) {
    std::printf("\nns an element of a rank, %d ranks of %d threads, Sum of floats\n", ranks(),
                Exec().concurrency());
    std::printf("%18s %12s %12s %12s\n", "piece of a rank", "alone", "over ranks", "by hand");
  }
  for (const std::int64_t n_lines : {std::int64_t{1}, std::int64_t{32}, std::int64_t{512}}) {
    const std::int64_t length = elements / n_lines;
    const Array x("x", length, n_lines), y("y", length, n_lines);
    Kokkos::deep_copy(x, 0.1F);
    std::vector<float> totals(static_cast<std::size_t>(n_lines)), before(totals.size());
    const double alone =
        seconds_of([&] { fused_scan::inclusive_scan(Exec(), x, y, 0, fused_scan::Sum{}); });
    const double over = seconds_of(
        [&] { fused_scan::inclusive_scan(Exec(), MPI_COMM_WORLD, x, y, 0, fused_scan::Sum{}); });
    const double by_hand = seconds_of([&] { scan_by_hand(x, y, totals, before); });
    if (rank_of() == 0) {
      const double scale = 1e9 / static_cast<double>(elements);
      std::printf("%10lld x %5lld %12.3f %12.3f %12.3f\n", static_cast<long long>(length),
                  static_cast<long long>(n_lines), alone * scale, over * scale, by_hand * scale);
    }
  }
}

}  // namespace

int main(int argc, char* argv[]) {
  MPI_Init(&argc, &argv);
  {
    const Kokkos::ScopeGuard kokkos(argc, argv);
    print_bytes();
    print_times(argc > 1 ? std::atoll(argv[1]) : 1 << 23);
  }
  MPI_Finalize();
}
