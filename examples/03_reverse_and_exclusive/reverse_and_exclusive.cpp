// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Scans from the other end, and scans that leave out the element itself.

#include <Kokkos_Core.hpp>
#include <cstdio>
#include <fused_scan/fused_scan.hpp>

namespace {

constexpr int hours = 24;
constexpr int products = 300;

}  // namespace

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  const Kokkos::DefaultExecutionSpace exec;

  // sold(i, j): pieces of product j sold in hour i.
  Kokkos::View<int**> sold("sold", hours, products);
  const auto host_sold = Kokkos::create_mirror_view(sold);
  for (int i = 0; i < hours; ++i) {
    for (int j = 0; j < products; ++j) host_sold(i, j) = (i * i + 3 * j) % 7;
  }
  Kokkos::deep_copy(exec, sold, host_sold);

  // [reverse]
  // left(i, j) = sold(i, j) + sold(i + 1, j) + .. to the end of axis 0
  Kokkos::View<int**> left("left", hours, products);
  fused_scan::inclusive_scan(exec, sold, left, 0, fused_scan::Sum{},
                             {.direction = fused_scan::Direction::reverse});
  // [reverse]

  // [exclusive]
  // before(i, j) = sold(0, j) + .. + sold(i - 1, j), and 0 for i = 0
  Kokkos::View<int**> before("before", hours, products);
  fused_scan::exclusive_scan(exec, sold, before, 0, fused_scan::Sum{});
  // [exclusive]

  // [offsets]
  // Where the rows of a sparse matrix begin, from their lengths, in place: 3 0 2 4 -> 0 3 3 5
  Kokkos::View<int*> rows("rows", products);
  Kokkos::deep_copy(exec, rows, Kokkos::subview(sold, 5, Kokkos::ALL));
  fused_scan::exclusive_scan(exec, rows, rows);
  // [offsets]

  const auto host_left = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), left);
  const auto host_before = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), before);
  const auto host_rows = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), rows);
  int wrong = 0;
  int offset = 0;
  for (int j = 0; j < products; ++j) {
    wrong += host_rows(j) != offset;
    offset += host_sold(5, j);
    int sum_before = 0;
    int sum_left = 0;
    for (int i = 0; i < hours; ++i) {
      wrong += host_before(i, j) != sum_before;
      sum_before += host_sold(i, j);
      sum_left += host_sold(hours - 1 - i, j);
      wrong += host_left(hours - 1 - i, j) != sum_left;
    }
  }
  std::printf("product 0: %d sold before noon, %d from noon on, %d in the whole day\n",
              host_before(12, 0), host_left(12, 0), host_left(0, 0));
  std::printf("%d of %d numbers differ from a loop's\n", wrong, (2 * hours + 1) * products);
  return wrong == 0 ? 0 : 1;
}
