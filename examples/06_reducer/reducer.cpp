// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The compensated sum without a scan: in one's own parallel_reduce, over a range and in a team.

#include <Kokkos_Core.hpp>
#include <cstdio>
#include <fused_scan/compensated_sum.hpp>

namespace {

constexpr int rows = 40;
constexpr int columns = 3000;
constexpr int sum_of_row = columns / 3;

using Exec = Kokkos::DefaultExecutionSpace;
using Matrix = Kokkos::View<float**, Exec>;

/// 1e8, 1 and -1e8 in turn: in a plain sum of floats 1e8 + 1 is 1e8, and every 1 is lost.
Matrix make_numbers() {
  const Matrix x("x", rows, columns);
  Kokkos::parallel_for(
      "numbers", Kokkos::MDRangePolicy<Exec, Kokkos::Rank<2>>({0, 0}, {rows, columns}),
      KOKKOS_LAMBDA(int i, int j) { x(i, j) = j % 3 == 0   ? 1e8f
                                              : j % 3 == 1 ? 1
                                                           : -1e8f; });
  return x;
}

}  // namespace

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  const Matrix x = make_numbers();

  // [range]
  fused_scan::CompensatedValue<float> total;
  Kokkos::parallel_reduce(
      "total", Kokkos::RangePolicy<Exec>(0, rows * columns),
      KOKKOS_LAMBDA(int i, fused_scan::CompensatedValue<float>& sum) {
        sum += x(i / columns, i % columns);
      },
      fused_scan::CompensatedSumReducer<float, Kokkos::HostSpace>(total));
  // [range]

  // [team]
  using Policy = Kokkos::TeamPolicy<Exec>;
  const Kokkos::View<float*, Exec> row_sums("row_sums", rows);
  Kokkos::parallel_for(
      "row_sums", Policy(rows, Kokkos::AUTO), KOKKOS_LAMBDA(const Policy::member_type& team) {
        const int i = team.league_rank();
        fused_scan::CompensatedValue<float> sum;
        Kokkos::parallel_reduce(
            Kokkos::TeamThreadRange(team, columns),
            [&](int j, fused_scan::CompensatedValue<float>& part) { part += x(i, j); },
            fused_scan::CompensatedSumReducer<float, Exec::memory_space>(sum));
        Kokkos::single(Kokkos::PerTeam(team), [&] { row_sums(i) = sum.value(); });
      });
  // [team]

  const auto host_sums = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), row_sums);
  int wrong = total.value() != rows * sum_of_row;
  for (int i = 0; i < rows; ++i) wrong += host_sums(i) != sum_of_row;

  float plain = 0;
  Kokkos::parallel_reduce(
      "plain", Kokkos::RangePolicy<Exec>(0, rows * columns),
      KOKKOS_LAMBDA(int i, float& sum) { sum += x(i / columns, i % columns); }, plain);
  std::printf("exact %d, compensated %g, plain %g\n", rows * sum_of_row, total.value(), plain);
  std::printf("of %d sums, %d differ from the exact ones\n", rows + 1, wrong);
  return wrong == 0 ? 0 : 1;
}
