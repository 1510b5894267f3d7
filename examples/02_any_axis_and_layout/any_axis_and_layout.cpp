// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The axis is an argument, as in NumPy, and the layout may be anything: nothing is transposed or
// copied. Each result is compared with a loop's.

#include <Kokkos_Core.hpp>
#include <cstdio>
#include <fused_scan/fused_scan.hpp>
#include <utility>

namespace {

using Exec = Kokkos::DefaultExecutionSpace;

/// As x, without gaps between its elements: what can be copied between a GPU and the host.
template <class View>
Kokkos::View<int***, Exec> without_gaps(const View& x) {
  return Kokkos::View<int***, Exec>("without gaps", x.extent(0), x.extent(1), x.extent(2));
}

/// A number for each place, from -5 to 5.
template <class View>
void fill(const View& x) {
  const auto numbers = without_gaps(x);
  const auto host_x = Kokkos::create_mirror_view(numbers);
  for (int i = 0; i < x.extent_int(0); ++i) {
    for (int j = 0; j < x.extent_int(1); ++j) {
      for (int k = 0; k < x.extent_int(2); ++k) host_x(i, j, k) = (7 * i + 5 * j + 3 * k) % 11 - 5;
    }
  }
  Kokkos::deep_copy(numbers, host_x);
  Kokkos::deep_copy(x, numbers);
}

template <class View>
auto on_host(const View& x) {
  const auto numbers = without_gaps(x);
  Kokkos::deep_copy(numbers, x);
  return Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), numbers);
}

/// Whether `sums` is x(i, j, k) plus the sum before it on the axis, everywhere.
template <class X, class Sums>
bool correct(const X& x, const Sums& sums, int axis) {
  const auto host_x = on_host(x);
  const auto host_sums = on_host(sums);
  bool correct = true;
  for (int i = 0; i < x.extent_int(0); ++i) {
    for (int j = 0; j < x.extent_int(1); ++j) {
      for (int k = 0; k < x.extent_int(2); ++k) {
        const bool first = (axis == 0 ? i : axis == 1 ? j : k) == 0;
        const int before = first ? 0 : host_sums(i - (axis == 0), j - (axis == 1), k - (axis == 2));
        correct = correct && host_sums(i, j, k) == before + host_x(i, j, k);
      }
    }
  }
  return correct;
}

int wrong = 0;

template <class X, class Sums>
void check(const char* what, const X& x, const Sums& sums, int axis) {
  const bool right = correct(x, sums, axis);
  std::printf("%-44s %s\n", what, right ? "as a loop has it" : "WRONG");
  if (!right) ++wrong;
}

}  // namespace

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  const Exec exec;

  // [axis]
  Kokkos::View<int***> x("x", 30, 40, 50), sums("sums", 30, 40, 50);
  fill(x);
  fused_scan::inclusive_scan(exec, x, sums, 0);  // along i
  check("axis 0", x, sums, 0);
  fused_scan::inclusive_scan(exec, x, sums, 1);  // along j
  check("axis 1", x, sums, 1);
  fused_scan::inclusive_scan(exec, x, sums, -1);  // along k: -1 is the last axis
  check("axis -1", x, sums, 2);
  // [axis]

  // [layout]
  // The other layout: the first index is the one that is contiguous in memory.
  Kokkos::View<int***, Kokkos::LayoutLeft, Exec> x_left("x_left", 30, 40, 50);
  fill(x_left);
  fused_scan::inclusive_scan(exec, x_left, sums, 1);
  check("LayoutLeft into the default layout", x_left, sums, 1);

  // A part of a larger array, whose elements have gaps between them.
  const auto rows = std::pair(3, 17);
  const auto part = Kokkos::subview(x, rows, Kokkos::ALL, Kokkos::ALL);
  const auto part_of_sums = Kokkos::subview(sums, rows, Kokkos::ALL, Kokkos::ALL);
  fused_scan::inclusive_scan(exec, part, part_of_sums, 0);
  check("a subview", part, part_of_sums, 0);

  // Memory that isn't Kokkos' own, here every second number of an array.
  Kokkos::View<int*> memory("memory", 2 * 4 * 5 * 600);
  const Kokkos::LayoutStride every_second(4, 2 * 5 * 600, 5, 2 * 600, 600, 2);
  const Kokkos::View<int***, Kokkos::LayoutStride, Exec, Kokkos::MemoryUnmanaged> strided(
      memory.data(), every_second);
  // [layout]
  fill(strided);
  Kokkos::View<int***> strided_sums("strided_sums", 4, 5, 600);
  fused_scan::inclusive_scan(exec, strided, strided_sums);
  check("every second number of an array", strided, strided_sums, 2);

  return wrong == 0 ? 0 : 1;
}
