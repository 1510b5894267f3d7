// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Makes 256 MiB of numbers for `fused-scan scan`, and times on them what its speed is held against:
//
//   fused_scan_speed_demo FILE.h5     writes the data set /x
//
// Prints lines of a name and GB/s, read and written, from the median of some runs.

#include <hdf5.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fused_scan/fused_scan.hpp>
#include <vector>

namespace {

using Exec = Kokkos::DefaultExecutionSpace;
using Floats = Kokkos::View<float*, Exec>;

constexpr std::int64_t n = std::int64_t{64} << 20;

/// Numbers between 0 and 1, without a pattern that matters.
void fill(const Floats& x) {
  Kokkos::parallel_for(
      "fill", Kokkos::RangePolicy<Exec>(0, n), KOKKOS_LAMBDA(std::int64_t i) {
        const auto bits = static_cast<std::uint32_t>(i) * 2654435761U;
        x(i) = static_cast<float>(bits >> 8) * 0x1p-24f;
      });
}

bool write(const char* file, const Floats& x) {
  const auto host_x = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), x);
  const hsize_t extent = n;
  const hid_t out = H5Fcreate(file, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(1, &extent, nullptr);
  const hid_t dataset =
      H5Dcreate2(out, "x", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const herr_t status =
      H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, host_x.data());
  H5Dclose(dataset);
  H5Sclose(space);
  return status >= 0 && H5Fclose(out) >= 0;
}

template <class Run>
void time(const char* name, const Run& run) {
  std::vector<double> seconds;
  for (int i = 0; i < 9; ++i) {
    Kokkos::fence();
    const Kokkos::Timer timer;
    run();
    Kokkos::fence();
    seconds.push_back(timer.seconds());
  }
  std::ranges::sort(seconds);
  constexpr double bytes = 2.0 * sizeof(float) * n;
  std::printf("%-44s %7.2f\n", name, bytes / seconds[seconds.size() / 2] * 1e-9);
}

KOKKOS_FUNCTION float rounded(float sum) { return sum; }
KOKKOS_FUNCTION float rounded(const fused_scan::CompensatedValue<float>& sum) {
  return sum.value();
}

/// The scan as one writes it with Kokkos, the sum carried as a Value.
template <class Value>
void kokkos_scan(const Floats& x, const Floats& y) {
  Kokkos::parallel_scan(
      "kokkos_scan", Kokkos::RangePolicy<Exec>(0, n),
      KOKKOS_LAMBDA(std::int64_t i, Value& sum, bool final) {
        sum += x(i);
        if (final) y(i) = rounded(sum);
      });
}

void copy(const Floats& x, const Floats& y) {
  Kokkos::parallel_for(
      "copy", Kokkos::RangePolicy<Exec>(0, n), KOKKOS_LAMBDA(std::int64_t i) { y(i) = x(i); });
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fused_scan_speed_demo FILE.h5\n");
    return 2;
  }
  // Without advice that is meant for the author of a program.
  const Kokkos::ScopeGuard kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  const Floats x("x", n), y("y", n);
  fill(x);
  if (!write(argv[1], x)) {
    std::fprintf(stderr, "cannot write %s\n", argv[1]);
    return 2;
  }
  time("copy", [&] { copy(x, y); });
  time("Kokkos::parallel_scan", [&] { kokkos_scan<float>(x, y); });
  time("Kokkos::parallel_scan, compensated",
       [&] { kokkos_scan<fused_scan::CompensatedValue<float>>(x, y); });
  return 0;
}
