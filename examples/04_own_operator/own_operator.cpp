// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Two operators that aren't in the library, each a struct of a few lines:
//
//   - an affine recurrence h(i) = a(i) h(i-1) + b(i), which is a scan over maps h -> a h + b;
//   - a running argmax: where the largest element so far is.

#include <Kokkos_Core.hpp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fused_scan/fused_scan.hpp>
#include <string>

namespace {

// [affine]
/// The map h -> scale * h + shift.
struct Map {
  double scale;
  double shift;
};

/// One map after the other. This is associative, and not commutative.
struct Affine {
  using value_type = Map;
  KOKKOS_FUNCTION Map identity() const { return {1, 0}; }
  KOKKOS_FUNCTION Map combine(const Map& first, const Map& then) const {
    return {then.scale * first.scale, then.scale * first.shift + then.shift};
  }
};
// [affine]

// [argmax]
struct Candidate {
  double number;
  std::int64_t place;
};

/// The larger one; of equals the first.
struct ArgMax {
  using value_type = Candidate;
  KOKKOS_FUNCTION Candidate identity() const {
    return {-Kokkos::Experimental::infinity_v<double>, -1};
  }
  KOKKOS_FUNCTION Candidate combine(const Candidate& a, const Candidate& b) const {
    return b.number > a.number ? b : a;
  }
};
// [argmax]

constexpr int steps = 1000;
constexpr int series = 70;

using Matrix = Kokkos::View<double**>;

/// Numbers from low to high, without a pattern that matters.
Matrix numbers(const std::string& label, double low, double high) {
  const Matrix x(label, steps, series);
  Kokkos::parallel_for(
      label, Kokkos::MDRangePolicy<Kokkos::Rank<2>>({0, 0}, {steps, series}),
      KOKKOS_LAMBDA(int i, int j) {
        const auto bits = static_cast<std::uint32_t>(i * series + j) * 2654435761U;
        x(i, j) = low + (high - low) * (bits >> 8) / 0x1p24;
      });
  return x;
}

}  // namespace

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  const Kokkos::DefaultExecutionSpace exec;
  const Matrix a = numbers("a", 0.5, 1), b = numbers("b", -1, 1);

  // [recurrence]
  // h(i, j) = a(i, j) h(i - 1, j) + b(i, j), from h = 2 on. The maps are made where they are read,
  // and what they make of 2 is stored: no array of maps is ever in memory.
  const Matrix h("h", steps, series);
  fused_scan::transform_scan(
      exec, {.outer = 1, .length = steps, .inner = series},
      KOKKOS_LAMBDA(std::int64_t, std::int64_t i, std::int64_t j) { return Map{a(i, j), b(i, j)}; },
      KOKKOS_LAMBDA(std::int64_t, std::int64_t i, std::int64_t j, const Map& map) {
        h(i, j) = map.scale * 2 + map.shift;
      },
      Affine{});
  // [recurrence]

  // [places]
  // largest(i, j) = the place of the largest of b(0, j), .., b(i, j)
  const Kokkos::View<std::int64_t**> largest("largest", steps, series);
  fused_scan::transform_scan(
      exec, {.outer = 1, .length = steps, .inner = series},
      KOKKOS_LAMBDA(std::int64_t, std::int64_t i, std::int64_t j) { return Candidate{b(i, j), i}; },
      KOKKOS_LAMBDA(std::int64_t, std::int64_t i, std::int64_t j, const Candidate& best) {
        largest(i, j) = best.place;
      },
      ArgMax{});
  // [places]

  const auto host_a = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), a);
  const auto host_b = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), b);
  const auto host_h = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), h);
  const auto host_largest = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), largest);
  double distance = 0;
  int wrong_places = 0;
  for (int j = 0; j < series; ++j) {
    double value = 2;
    int place = 0;
    for (int i = 0; i < steps; ++i) {
      value = host_a(i, j) * value + host_b(i, j);
      distance = std::fmax(distance, std::abs(host_h(i, j) - value));
      if (host_b(i, j) > host_b(place, j)) place = i;
      wrong_places += host_largest(i, j) != place;
    }
  }
  std::printf("affine recurrence: h(%d, 0) = %.6f, at most %.1e from a loop's\n", steps - 1,
              host_h(steps - 1, 0), distance);
  std::printf("running argmax: b(%d, 0) = %.6f is the largest, %d places differ from a loop's\n",
              static_cast<int>(host_largest(steps - 1, 0)), host_b(host_largest(steps - 1, 0), 0),
              wrong_places);
  return distance < 1e-13 && wrong_places == 0 ? 0 : 1;
}
