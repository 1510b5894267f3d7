// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Linear recurrences on measured data: an exponential moving average, a low-pass filter of second
// order, and the gradient of a smoothing constant.
//
//   10_recurrence SERIES.txt [SMOOTHED.txt]
//
// SERIES.txt has a number a line. SMOOTHED.txt gets a line for each of them: the number, its moving
// average, and what the filter makes of it; gnuplot -c smoothed.gp draws it.

#include <Kokkos_Core.hpp>
#include <cmath>
#include <complex>
#include <cstdio>
#include <fstream>
#include <fused_scan/recurrence.hpp>
#include <numbers>
#include <string>
#include <vector>

namespace {

using Exec = Kokkos::DefaultExecutionSpace;
using Series = Kokkos::View<double*, Exec>;

std::vector<double> read_series(const char* file) {
  std::ifstream in(file);
  std::vector<double> series;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with('#')) series.push_back(std::stod(line));
  }
  return series;
}

std::vector<double> on_host(const Series& series) {
  const auto mirror = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), series);
  return {mirror.data(), mirror.data() + mirror.extent(0)};
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

/// average(i) = (1 - weight) average(i - 1) + weight x(i), from x(0) on.
Series moving_average(const Exec& exec, const Series& x, double weight, double first) {
  const int n = x.extent_int(0);
  // [average]
  // One coefficient for all positions: a View of strides 0.
  const Kokkos::View<double, Exec> coefficient("coefficient");
  Kokkos::deep_copy(exec, coefficient, 1 - weight);
  const Kokkos::View<const double*, Kokkos::LayoutStride, Exec, Kokkos::MemoryUnmanaged> a(
      coefficient.data(), Kokkos::LayoutStride(n, 0));

  const Series average("average", n);
  Kokkos::parallel_for(
      "weigh", Kokkos::RangePolicy<Exec>(exec, 0, n),
      KOKKOS_LAMBDA(int i) { average(i) = weight * x(i); });

  // average(i) = a(i) average(i - 1) + average(i), in place, from the first number on.
  const Kokkos::View<double, Exec> last("last");
  fused_scan::linear_recurrence(exec, a, average, average, fused_scan::from(first), last);
  // [average]
  exec.fence();
  return average;
}

std::vector<double> moving_average_by_loop(const std::vector<double>& x, double weight) {
  std::vector<double> average;
  double state = x[0];
  for (const double number : x) average.push_back(state = (1 - weight) * state + weight * number);
  return average;
}

/// The low-pass filter of Butterworth of order 2, for numbers one time unit apart:
///   y(i) = gain (x(i) + 2 x(i-1) + x(i-2)) - a1 y(i-1) - a2 y(i-2),
/// with the poles p and conj(p), the roots of z^2 + a1 z + a2.
struct LowPass {
  double gain, a1, a2;
  std::complex<double> pole;

  /// Of the bilinear transform; `period` is that of waves whose power it halves.
  explicit LowPass(double period) {
    const double k = std::tan(std::numbers::pi / period), s = std::numbers::sqrt2 * k;
    gain = k * k / (1 + s + k * k);
    a1 = 2 * (k * k - 1) / (1 + s + k * k);
    a2 = (1 - s + k * k) / (1 + s + k * k);
    pole = {-a1 / 2, std::sqrt(a2 - a1 * a1 / 4)};
  }
};

Series filtered(const Exec& exec, const Series& x, const LowPass& filter) {
  const int n = x.extent_int(0);
  // [filter]
  // A filter of order 2 is one recurrence in complex numbers, h(i) = p h(i-1) + u(i), of which
  // the output is y(i) = Im(p h(i)) / Im(p).
  using Complex = Kokkos::complex<double>;
  const Kokkos::View<Complex*, Exec> a("a", n), h("h", n);
  const Complex pole = filter.pole;
  const double gain = filter.gain;
  Kokkos::parallel_for(
      "input", Kokkos::RangePolicy<Exec>(exec, 0, n), KOKKOS_LAMBDA(int i) {
        a(i) = pole;
        h(i) = gain * (x(i) + (i > 0 ? 2 * x(i - 1) : 0) + (i > 1 ? x(i - 2) : 0));
      });
  fused_scan::linear_recurrence(exec, a, h, h);
  // [filter]
  const Series y("y", n);
  Kokkos::parallel_for(
      "output", Kokkos::RangePolicy<Exec>(exec, 0, n),
      KOKKOS_LAMBDA(int i) { y(i) = (pole * h(i)).imag() / pole.imag(); });
  exec.fence();
  return y;
}

std::vector<double> filtered_by_loop(const std::vector<double>& x, const LowPass& filter) {
  std::vector<double> y(x.size());
  const auto at = [](const std::vector<double>& v, std::size_t i, std::size_t back) {
    return i >= back ? v[i - back] : 0;
  };
  for (std::size_t i = 0; i < x.size(); ++i) {
    y[i] = filter.gain * (x[i] + 2 * at(x, i, 1) + at(x, i, 2)) - filter.a1 * at(y, i, 1) -
           filter.a2 * at(y, i, 2);
  }
  return y;
}

/// The derivative of L = sum (average(i) - x(i + 1))^2, how badly the average foretells the next
/// number, by the weight.
double slope_of_error(const Exec& exec, const Series& x, const Series& average, double weight,
                      double first) {
  const int n = x.extent_int(0);
  // [gradient]
  const Series a("a", n), grad_average("grad_average", n), grad_a("grad_a", n), grad_b("grad_b", n);
  Kokkos::deep_copy(exec, a, 1 - weight);
  Kokkos::parallel_for(
      "grad_average", Kokkos::RangePolicy<Exec>(exec, 0, n),
      KOKKOS_LAMBDA(int i) { grad_average(i) = i + 1 < n ? 2 * (average(i) - x(i + 1)) : 0; });
  const Kokkos::View<double, Exec> grad_first("grad_first");
  fused_scan::linear_recurrence_backward(exec, a, average, grad_average, fused_scan::from(first),
                                         grad_a, grad_b, grad_first);

  // a(i) = 1 - weight and b(i) = weight x(i), for all i.
  double slope = 0;
  Kokkos::parallel_reduce(
      "slope", Kokkos::RangePolicy<Exec>(exec, 0, n),
      KOKKOS_LAMBDA(int i, double& sum) { sum += grad_b(i) * x(i) - grad_a(i); }, slope);
  // [gradient]
  return slope;
}

double error_by_loop(const std::vector<double>& x, double weight) {
  const auto average = moving_average_by_loop(x, weight);
  double error = 0;
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    error += (average[i] - x[i + 1]) * (average[i] - x[i + 1]);
  }
  return error;
}

int run(const char* series_file, const char* smoothed_file) {
  const Exec exec;
  const std::vector<double> numbers = read_series(series_file);
  if (numbers.empty()) {
    std::fprintf(stderr, "10_recurrence: no numbers in %s\n", series_file);
    return 2;
  }
  const Series x("x", numbers.size());
  Kokkos::deep_copy(x,
                    Kokkos::View<const double*, Kokkos::HostSpace>(numbers.data(), numbers.size()));
  const double weight = 2.0 / (365 + 1);
  const Series average = moving_average(exec, x, weight, numbers[0]);
  const LowPass filter(365.25);
  const Series smooth = filtered(exec, x, filter);
  const double slope = slope_of_error(exec, x, average, weight, numbers[0]);

  const double of_average =
      largest_difference(on_host(average), moving_average_by_loop(numbers, weight));
  const double of_filter = largest_difference(on_host(smooth), filtered_by_loop(numbers, filter));
  const double step = 1e-7;
  const double by_differences =
      (error_by_loop(numbers, weight + step) - error_by_loop(numbers, weight - step)) / (2 * step);
  std::printf("%zu numbers\n", numbers.size());
  std::printf("moving average: largest difference from a loop %.1e\n", of_average);
  std::printf("filter:         largest difference from a loop %.1e\n", of_filter);
  std::printf("slope of the error of the average as a forecast: %.6g, by differences %.6g\n", slope,
              by_differences);
  if (smoothed_file != nullptr) {
    std::ofstream out(smoothed_file);
    const auto averages = on_host(average), smooths = on_host(smooth);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      out << numbers[i] << ' ' << averages[i] << ' ' << smooths[i] << '\n';
    }
  }
  const bool right = of_average < 1e-12 && of_filter < 1e-10 &&
                     std::abs(slope - by_differences) < 1e-5 * std::abs(slope);
  return right ? 0 : 1;
}

}  // namespace

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  if (argc < 2) {
    std::fprintf(stderr, "10_recurrence SERIES.txt [SMOOTHED.txt]\n");
    return 2;
  }
  return run(argv[1], argc > 2 ? argv[2] : nullptr);
}
