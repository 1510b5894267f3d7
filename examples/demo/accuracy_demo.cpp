// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Running sums of a measured series in float, beside the exact ones:
//
//   fused_scan_accuracy_demo SERIES.txt [POINTS.txt]
//
// SERIES.txt has a number a line. POINTS.txt, for a picture, gets a line for each of them: the
// exact sum, and the error of every method in units of the exact sum's last place.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <fused_scan/fused_scan.hpp>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "exact_sum.hpp"

namespace {

using Exec = Kokkos::DefaultExecutionSpace;
using Floats = Kokkos::View<float*, Exec>;

std::vector<float> read_series(const std::string& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot read " + file);
  std::vector<float> series;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with('#')) series.push_back(std::stof(line));
  }
  return series;
}

std::vector<float> loop(const std::vector<float>& x) {
  std::vector<float> sums;
  float sum = 0;
  for (const float number : x) sums.push_back(sum += number);
  return sums;
}

/// The scan that `scan(x, y)` puts into y.
template <class Scan>
std::vector<float> scanned(const std::vector<float>& x, const Scan& scan) {
  const Floats in("in", x.size()), out("out", x.size());
  Kokkos::deep_copy(in, Kokkos::View<const float*, Kokkos::HostSpace>(x.data(), x.size()));
  scan(in, out);
  std::vector<float> sums(x.size());
  Kokkos::deep_copy(Kokkos::View<float*, Kokkos::HostSpace>(sums.data(), sums.size()), out);
  return sums;
}

std::vector<float> kokkos_scan(const std::vector<float>& x) {
  return scanned(x, [](const Floats& in, const Floats& out) {
    Kokkos::parallel_scan(
        "kokkos_scan", Kokkos::RangePolicy<Exec>(0, in.extent_int(0)),
        KOKKOS_LAMBDA(int i, float& sum, bool final) {
          sum += in(i);
          if (final) out(i) = sum;
        });
  });
}

template <class Op>
std::vector<float> fused_scan(const std::vector<float>& x, Op op) {
  return scanned(x, [op](const Floats& in, const Floats& out) {
    fused_scan::inclusive_scan(Exec(), in, out, 0, op);
  });
}

/// The exact sums, which double holds to 29 bits more than float does.
struct Exact {
  std::vector<double> sums;
  std::vector<float> rounded;
};

Exact exact_sums(const std::vector<float>& x) {
  Exact exact;
  fused_scan::test::ExactSum sum;
  for (const float number : x) {
    sum.add(number);
    exact.sums.push_back(sum.round<double>());
    exact.rounded.push_back(sum.round<float>());
  }
  return exact;
}

/// The distance from |x| to the next float.
double ulp(float x) {
  x = std::abs(x);
  return static_cast<double>(std::nextafter(x, std::numeric_limits<float>::infinity())) - x;
}

struct Method {
  std::string name;
  std::vector<float> sums;
  std::vector<double> errors{};  // in ulps of the exact sum
  double largest_error = 0;
  double share_correct = 0;
};

void compare(Method& method, const Exact& exact) {
  const std::size_t n = exact.sums.size();
  std::size_t n_correct = 0;
  for (std::size_t i = 0; i < n; ++i) {
    method.errors.push_back((method.sums[i] - exact.sums[i]) / ulp(exact.rounded[i]));
    method.largest_error = std::max(method.largest_error, std::abs(method.errors[i]));
    if (method.sums[i] == exact.rounded[i]) ++n_correct;
  }
  method.share_correct = static_cast<double>(n_correct) / static_cast<double>(n);
}

void print_table(const std::vector<Method>& methods, const Exact& exact) {
  std::printf("%-36s %14s %12s %14s\n", "float sums by", "largest error", "correctly", "last sum");
  std::printf("%-36s %14s %12s\n", "", "(ulps)", "rounded");
  for (const Method& method : methods) {
    std::printf("%-36s %14.2f %10.2f %% %14.6f\n", method.name.c_str(), method.largest_error,
                100 * method.share_correct, method.sums.back());
  }
  std::printf("%-36s %14s %12s %14.6f\n", "exact arithmetic", "0", "", exact.sums.back());
}

void write_points(const std::string& file, const std::vector<Method>& methods, const Exact& exact) {
  std::ofstream out(file);
  out.precision(10);
  for (std::size_t i = 0; i < exact.sums.size(); ++i) {
    out << exact.sums[i];
    for (const Method& method : methods) out << ' ' << method.errors[i];
    out << '\n';
  }
  if (!out.flush()) throw std::runtime_error("cannot write " + file);
}

int run(int argc, char* argv[]) {
  if (argc < 2) throw std::runtime_error("usage: fused_scan_accuracy_demo SERIES.txt [POINTS.txt]");
  const std::vector<float> series = read_series(argv[1]);
  if (series.empty()) throw std::runtime_error(std::string("no numbers in ") + argv[1]);

  const Exact exact = exact_sums(series);
  std::vector<Method> methods{
      {"a loop", loop(series)},
      {"Kokkos::parallel_scan", kokkos_scan(series)},
      {"inclusive_scan, Sum", fused_scan(series, fused_scan::Sum())},
      {"inclusive_scan, CompensatedSum", fused_scan(series, fused_scan::CompensatedSum())}};
  for (Method& method : methods) compare(method, exact);
  print_table(methods, exact);
  if (argc > 2) write_points(argv[2], methods, exact);

  const Method& compensated = methods.back();
  return compensated.largest_error < 1 && compensated.share_correct > 0.999 ? 0 : 1;
}

}  // namespace

int main(int argc, char* argv[]) {
  try {
    // Without advice that is meant for the author of a program.
    const Kokkos::ScopeGuard kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
