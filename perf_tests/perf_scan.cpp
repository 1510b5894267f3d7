// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// How fast inclusive_scan is beside a copy of the same array:
//
//   fused_scan_perf_scan [--benchmark_...]   Google Benchmark's own table, or JSON
//   fused_scan_perf_scan --markdown          the tables of the README
//
// Bytes are those read and written, 8 for a float, in all rows; a GB is 10^9. `copy` is a
// Kokkos::parallel_for over the array as it lies in memory, `deep_copy` is Kokkos::deep_copy. Every
// result is verified.

#include <benchmark/benchmark.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fused_scan/fused_scan.hpp>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "context.hpp"
#include "scan_case.hpp"

namespace {

using Exec = Kokkos::DefaultExecutionSpace;
using Floats = Kokkos::View<float*, Exec>;
using fused_scan::perf::Case;
using fused_scan::perf::Extents;

const std::vector<Case> cases{{{4, 8192, 512}, 0},   {{4, 8192, 512}, 1}, {{4, 8192, 512}, 2},
                              {{1, 1048576, 32}, 1}, {{16777216}, 0},     {{8192, 2048}, 1}};

/// -1, 0 or 1, so that every partial sum is exact and a single mistake shows.
KOKKOS_FUNCTION float element(std::int64_t i) {
  return static_cast<float>((static_cast<std::uint32_t>(i) * 2654435761U >> 16) % 3) - 1.0f;
}

void fill(const Floats& x) {
  Kokkos::parallel_for(
      "fill", Kokkos::RangePolicy<Exec>(0, x.size()),
      KOKKOS_LAMBDA(std::int64_t i) { x(i) = element(i); });
}

bool is_copy(const Case&, const Floats& y) {
  const auto host_y = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), y);
  for (std::int64_t i = 0; i < y.extent_int(0); ++i) {
    if (host_y(i) != element(i)) return false;
  }
  return true;
}

bool is_scan(const Case& c, const Floats& y) {
  const auto host_y = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), y);
  std::vector<float> sums(c.inner());
  for (std::int64_t i = 0; i < y.extent_int(0); ++i) {
    float& sum = sums[i % c.inner()];
    if (i / c.inner() % c.length() == 0) sum = 0;
    sum += element(i);
    if (host_y(i) != sum) return false;
  }
  return true;
}

void copy(const Exec& exec, const Case&, const Floats& x, const Floats& y) {
  Kokkos::parallel_for(
      "copy", Kokkos::RangePolicy<Exec>(exec, 0, x.size()),
      KOKKOS_LAMBDA(std::int64_t i) { y(i) = x(i); });
}

void deep_copy(const Exec& exec, const Case&, const Floats& x, const Floats& y) {
  Kokkos::deep_copy(exec, y, x);
}

template <class Op>
void inclusive_scan(const Exec& exec, const Case& c, const Floats& x, const Floats& y) {
  const auto scan_as = [&]<class View>(View, auto... extents) {
    fused_scan::inclusive_scan(exec, View(x.data(), extents...), View(y.data(), extents...), c.axis,
                               Op());
  };
  const Extents& n = c.extents;
  using Kokkos::LayoutRight;
  if (c.rank() == 1) scan_as(Kokkos::View<float*, LayoutRight, Exec>(), n[0]);
  if (c.rank() == 2) scan_as(Kokkos::View<float**, LayoutRight, Exec>(), n[0], n[1]);
  if (c.rank() == 3) scan_as(Kokkos::View<float***, LayoutRight, Exec>(), n[0], n[1], n[2]);
}

template <class Value>
void kokkos_scan(const Exec& exec, const Case&, const Floats& x, const Floats& y) {
  fused_scan::perf::kokkos_scan<Value>(exec, x, y);
}

/// run(exec, c, x, y) is timed, is_right(c, y) verifies it.
template <class Run, class Verify>
void add(const Case& c, const std::string& method, Run run, Verify is_right) {
  const auto measure = [=](benchmark::State& state) {
    const Exec exec;
    const Floats x("x", c.size()), y("y", c.size());
    fill(x);
    Kokkos::deep_copy(y, std::numeric_limits<float>::quiet_NaN());
    const std::int64_t bytes = c.size() * 2 * std::int64_t{sizeof(float)};
    double fastest = std::numeric_limits<double>::infinity();
    for (auto _ : state) {
      exec.fence();
      const Kokkos::Timer timer;
      run(exec, c, x, y);
      exec.fence();
      const double seconds = timer.seconds();
      state.SetIterationTime(seconds);
      fastest = std::min(fastest, seconds);
    }
    state.SetBytesProcessed(state.iterations() * bytes);
    state.counters["fastest_GB/s"] = static_cast<double>(bytes) / fastest * 1e-9;
    if (!is_right(c, y)) state.SkipWithError("wrong result");
  };
  benchmark::RegisterBenchmark(c.name(method), measure)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

void add_case(const Case& c) {
  add(c, "copy", copy, is_copy);
  add(c, "deep_copy", deep_copy, is_copy);
  add(c, "CompensatedSum", inclusive_scan<fused_scan::CompensatedSum>, is_scan);
  add(c, "Sum", inclusive_scan<fused_scan::Sum>, is_scan);
  if (c.rank() == 1) {
    add(c, "parallel_scan", kokkos_scan<float>, is_scan);
    add(c, "parallel_scan compensated", kokkos_scan<fused_scan::CompensatedValue<float>>, is_scan);
  }
}

/// Keeps the fastest run of every benchmark, and prints the tables of the README at the end. The
/// fastest is what the machine can do; what else it does makes the others slower.
class MarkdownReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override {
    PrintBasicContext(&GetErrorStream(), context);
    return true;
  }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type == Run::RT_Aggregate || run.skipped) continue;
      double& fastest = m_speed[run.run_name.function_name];
      fastest = std::max<double>(fastest, run.counters.at("fastest_GB/s"));
    }
  }

  void Finalize() override {
    std::printf(
        "| array of float | axis | copy | deep_copy | CompensatedSum | share | Sum | share |\n"
        "|---|---|---|---|---|---|---|---|\n");
    for (const Case& c : cases) {
      std::printf("| %s | %d |", c.array().c_str(), c.axis);
      print_speed(c, "copy");
      print_speed(c, "deep_copy");
      for (const char* method : {"CompensatedSum", "Sum"}) {
        print_speed(c, method);
        print_share(c, method);
      }
      std::printf("\n");
    }
    std::printf("\n| array of float | Kokkos | GB/s | share |\n|---|---|---|---|\n");
    for (const Case& c : cases) {
      if (c.rank() > 1) continue;
      for (const char* method : {"parallel_scan", "parallel_scan compensated"}) {
        std::printf("| %s | %s |", c.array().c_str(), method);
        print_speed(c, method);
        print_share(c, method);
        std::printf("\n");
      }
    }
  }

 private:
  double fastest(const Case& c, const std::string& method) const {
    const auto found = m_speed.find(c.name(method));
    return found == m_speed.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
  }
  void print_speed(const Case& c, const std::string& method) const {
    std::printf(" %.1f |", fastest(c, method));
  }
  void print_share(const Case& c, const std::string& method) const {
    std::printf(" %.2f |", fastest(c, method) / fastest(c, "copy"));
  }

  std::map<std::string, double> m_speed;
};

}  // namespace

int main(int argc, char* argv[]) {
  std::vector<char*> arguments(argv, argv + argc);
  const auto markdown = std::find_if(arguments.begin(), arguments.end(), [](const char* argument) {
    return std::strcmp(argument, "--markdown") == 0;
  });
  const bool as_markdown = markdown != arguments.end();
  // All benchmarks in turn, several times over, so that a bad moment hits none of them alone.
  char repetitions[] = "--benchmark_repetitions=5";
  char interleaving[] = "--benchmark_enable_random_interleaving=true";
  char time[] = "--benchmark_min_time=0.1s";
  if (as_markdown) {
    arguments.erase(markdown);
    arguments.insert(arguments.begin() + 1, {repetitions, interleaving, time});
  }
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);

  const Kokkos::ScopeGuard kokkos(count, arguments.data());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  fused_scan::perf::add_context();
  for (const Case& c : cases) add_case(c);
  MarkdownReporter reporter;
  if (as_markdown) {
    benchmark::RunSpecifiedBenchmarks(&reporter);
  } else {
    benchmark::RunSpecifiedBenchmarks();
  }
  return 0;
}
