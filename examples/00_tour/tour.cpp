// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Everything in a minute, with results and times on the screen:
//
//   00_tour [mebi-elements]
//
// A sum along an axis, the same from the other end, what it costs beside a copy and beside
// Kokkos::parallel_scan, the AR-SSM layer, and the layer on its fallback. The argument scales the
// sizes: 16 unless told. Exit status 0 if the results are right.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fused_scan/ar_ssm.hpp>
#include <fused_scan/fused_scan.hpp>
#include <vector>

namespace {

using Exec = Kokkos::DefaultExecutionSpace;
using Array = Kokkos::View<float***, Kokkos::LayoutRight, Exec>;

int wrong = 0;

void report(const char* what, bool right) {
  std::printf("  %-66s %8s\n", what, right ? "ok" : "WRONG");
  wrong += !right;
}

/// The median time of five runs, in milliseconds, after one that isn't counted.
template <class Run>
double milliseconds(const Exec& exec, const Run& run) {
  std::vector<double> times;
  for (int i = 0; i < 6; ++i) {
    exec.fence();
    const Kokkos::Timer timer;
    run();
    exec.fence();
    if (i > 0) times.push_back(1e3 * timer.seconds());
  }
  std::ranges::sort(times);
  return times[times.size() / 2];
}

void print_time(const char* what, double milliseconds, double bytes) {
  std::printf("  %-52s %8.2f ms %9.1f GB/s\n", what, milliseconds, bytes / milliseconds * 1e-6);
}

/// How many of the sums of 0.1f, along axis 1 from the given end, aren't the exact ones, rounded.
int count_wrong_sums(const Exec& exec, const Array& sums, bool reverse) {
  const int length = sums.extent_int(1);
  int count = 0;
  Kokkos::parallel_reduce(
      "count_wrong_sums",
      Kokkos::MDRangePolicy<Exec, Kokkos::Rank<3>>(
          exec, {0, 0, 0}, {sums.extent(0), sums.extent(1), sums.extent(2)}),
      KOKKOS_LAMBDA(int i, int j, int k, int& different) {
        const int terms = reverse ? length - j : j + 1;
        // A float times an integer of less than 29 bits is exact in double.
        different += sums(i, j, k) != static_cast<float>(static_cast<double>(0.1f) * terms);
      },
      count);
  return count;
}

void scans(const Exec& exec, int length) {
  const Array x("x", 4, length, 256), sums("sums", x.layout());
  Kokkos::deep_copy(exec, x, 0.1f);
  std::printf("Scans along axis 1 of (4, %d, 256) float\n", length);

  fused_scan::inclusive_scan(exec, x, sums, 1);
  report("inclusive_scan: every sum of 0.1f is the exact one, rounded",
         count_wrong_sums(exec, sums, false) == 0);

  const fused_scan::ScanOptions reverse{.direction = fused_scan::Direction::reverse};
  fused_scan::inclusive_scan(exec, x, sums, 1, fused_scan::CompensatedSum{}, reverse);
  report("the same from the other end", count_wrong_sums(exec, sums, true) == 0);

  const auto forward = [&] { fused_scan::inclusive_scan(exec, x, sums, 1); };
  const auto backward = [&] {
    fused_scan::inclusive_scan(exec, x, sums, 1, fused_scan::CompensatedSum{}, reverse);
  };
  const auto copy = [&] { Kokkos::deep_copy(exec, sums, x); };
  const auto one_line = [&] {
    Kokkos::parallel_scan(
        "one_line", Kokkos::RangePolicy<Exec>(exec, 0, x.size()),
        KOKKOS_LAMBDA(std::size_t i, float& sum, bool final) {
          sum += x.data()[i];
          if (final) sums.data()[i] = sum;
        });
  };
  const double bytes = 2.0 * sizeof(float) * static_cast<double>(x.size());
  std::printf("Times\n");
  print_time("a copy", milliseconds(exec, copy), bytes);
  print_time("inclusive_scan", milliseconds(exec, forward), bytes);
  print_time("inclusive_scan, reverse", milliseconds(exec, backward), bytes);
  print_time("Kokkos::parallel_scan, as one line, not compensated", milliseconds(exec, one_line),
             bytes);
}

void layers(const Exec& exec, int length) {
  const Array x("x", 2, length, 64), y("y", x.layout()), y_plain("y_plain", x.layout());
  Kokkos::parallel_for(
      "waves", Kokkos::RangePolicy<Exec>(exec, 0, x.size()),
      KOKKOS_LAMBDA(std::size_t i) { x.data()[i] = Kokkos::sin(0.37f * static_cast<float>(i)); });
  std::printf("AR-SSM layers of d_model 64 and rank 16, on (2, %d, 64)\n", length);

  fused_scan::ArSsmConfig config;
  config.d_model = 64;
  config.max_rank = 16;
  fused_scan::ArSsm<float> layer(config, 1);
  config.use_fused_scan = false;
  fused_scan::ArSsm<float> plain_layer(config, 1);  // the same parameters

  const double bytes = 2.0 * sizeof(float) * static_cast<double>(x.size());
  print_time("forward", milliseconds(exec, [&] { layer.forward(exec, x, y); }), bytes);
  print_time("forward, use_fused_scan = false",
             milliseconds(exec, [&] { plain_layer.forward(exec, x, y_plain); }), bytes);

  float distance = 0, largest = 0;
  Kokkos::parallel_reduce(
      "compare", Kokkos::RangePolicy<Exec>(exec, 0, y.size()),
      KOKKOS_LAMBDA(std::size_t i, float& most, float& top) {
        most = Kokkos::max(most, Kokkos::abs(y.data()[i] - y_plain.data()[i]));
        top = Kokkos::max(top, Kokkos::abs(y.data()[i]));
      },
      Kokkos::Max<float>(distance), Kokkos::Max<float>(largest));
  std::printf("  largest |y| %.4g, largest difference of the two %.2g\n", largest, distance);
  report("both paths give the same within rounding", distance <= 1e-5f * largest);
}

}  // namespace

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  const double scale = argc > 1 ? std::atof(argv[1]) : 16;
  const int length = std::max(1, static_cast<int>(scale * 1024));
  const Exec exec;
  std::printf("FusedScan %s on %s\n", FUSED_SCAN_VERSION_STRING, Exec::name());
  scans(exec, length);
  layers(exec, length);
  std::printf("%s\n", wrong == 0 ? "All results are right." : "Some results are WRONG.");
  return wrong == 0 ? 0 : 1;
}
