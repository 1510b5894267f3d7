// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// How fast scans are on a GPU, beside a copy of the same View and beside Kokkos' own scans:
//
//   fused_scan_perf_device [--small] > scan.json
//
// As many calls as take 2 ms at least are recorded once, in a CUDA graph where there is CUDA, and
// played between two fences; a time is the median of 21 such rounds over the number of calls. So
// what the host does for a launch doesn't count, but for Kokkos' own scans, which can't be recorded
// since they fence. Arrays are used over and over, by the copy as well, and small ones stay in the
// caches. Bytes are those of the array, read once and written once; a GB is 10^9. Every result is
// verified, before it is timed and after.

#include <Kokkos_Core.hpp>
#include <Kokkos_StdAlgorithms.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fused_scan/fused_scan.hpp>
#include <iomanip>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "context.hpp"
#include "scan_case.hpp"

namespace {

using Exec = Kokkos::DefaultExecutionSpace;
using fused_scan::Direction;
using fused_scan::ScanOptions;
using fused_scan::perf::Case;
using Range = Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>;

// --- cases
// ----------------------------------------------------------------------------------------

const std::vector<Case> large_cases{
    {{8, 65536, 512}, 1}, {{8, 65536, 512}, 2},  {{65536, 4096}, 0},
    {{268435456}, 0},     {{16384, 2048}, 1},    {{2048, 8192}, 1},
    {{4, 8192, 512}, 1},  {{1, 1048576, 32}, 1}, {{4, 65536, 32}, 1}};

std::vector<Case> grid() {
  std::vector<Case> cases;
  for (const int length : {512, 1024, 2048, 4096, 8192}) {
    for (const int d : {32, 256, 512, 1024}) {
      for (const int batch : {1, 4, 16}) cases.push_back({{batch, length, d}, 1});
    }
  }
  return cases;
}

const std::vector<Case> small_cases{{{2, 500, 40}, 1}, {{2, 50, 400}, 2}, {{4000}, 0}};
const std::vector<Case> small_grid{{{1, 512, 32}, 1}};

// --- data whose scan is known
// ---------------------------------------------------------------------

/// The result that an inclusive scan is to have at element i: any number of so few bits that sums
/// and differences of two are exact in T. Elements are the differences of neighbours.
template <class T>
KOKKOS_FUNCTION float wanted(std::int64_t i) {
  constexpr int digits = sizeof(T) == 2 ? 6 : 21;
  std::uint32_t bits = static_cast<std::uint32_t>(i) * 2654435761U;
  bits = (bits ^ bits >> 15) * 2246822519U;
  return static_cast<float>(bits >> (32 - digits));
}

enum class Kind { copy, inclusive, exclusive, reverse };

/// The elements of a View, counted in the order of LayoutRight whatever its layout.
template <class T>
struct Elements {
  T* data;
  std::int64_t extents[3];
  std::int64_t strides[3];
  std::int64_t length;
  std::int64_t inner;

  template <class View>
  Elements(const Case& c, const View& view)
      : data(view.data()), extents{1, 1, 1}, strides{}, length(c.length()), inner(c.inner()) {
    for (int d = 0; d < c.rank(); ++d) {
      extents[d + 3 - c.rank()] = c.extents[d];
      strides[d + 3 - c.rank()] = static_cast<std::int64_t>(view.stride(d));
    }
  }

  KOKKOS_FUNCTION T& operator()(std::int64_t i) const {
    return data[i % extents[2] * strides[2] + i / extents[2] % extents[1] * strides[1] +
                i / extents[2] / extents[1] * strides[0]];
  }

  KOKKOS_FUNCTION float expected(std::int64_t i, Kind kind) const {
    const std::int64_t position = i / inner % length;
    const float before = position > 0 ? wanted<T>(i - inner) : 0;
    if (kind == Kind::inclusive) return wanted<T>(i);
    if (kind == Kind::exclusive) return before;
    const std::int64_t last = kind == Kind::copy ? i : i + (length - 1 - position) * inner;
    return wanted<T>(last) - before;
  }
};

template <class T>
void fill(std::int64_t size, const Elements<T>& x) {
  Kokkos::parallel_for(
      "fill", Range(0, size),
      KOKKOS_LAMBDA(std::int64_t i) { x(i) = static_cast<T>(x.expected(i, Kind::copy)); });
}

template <class T>
bool is_right(std::int64_t size, const Elements<T>& y, Kind kind) {
  std::int64_t mistakes = 0;
  Kokkos::parallel_reduce(
      "is_right", Range(0, size),
      KOKKOS_LAMBDA(std::int64_t i, std::int64_t& count) {
        if (!(static_cast<float>(y(i)) == y.expected(i, kind))) ++count;
      },
      mistakes);
  return mistakes == 0;
}

// --- timing
// ---------------------------------------------------------------------------------------

constexpr int samples = 21;
constexpr double seconds_of_sample = 2e-3;

/// Calls of work(exec), one after the other.
template <class Work>
class Calls {
 public:
  Calls(const Work& work, int count) : m_work(work), m_count(count) {}
  void operator()(const Exec& exec) const {
    for (int i = 0; i < m_count; ++i) m_work(exec);
  }

 private:
  const Work& m_work;
  int m_count;
};

#if defined(KOKKOS_ENABLE_CUDA)
void check(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
}

/// The same as a CUDA graph.
template <class Work>
class RecordedCalls {
 public:
  RecordedCalls(const Work& work, int count) {
    const Exec exec = instance();
    work(exec);  // what is allocated, or loaded, at a first call can't be recorded
    exec.fence();
    check(cudaStreamBeginCapture(exec.cuda_stream(), cudaStreamCaptureModeRelaxed));
    Calls<Work>(work, count)(exec);
    check(cudaStreamEndCapture(exec.cuda_stream(), &m_graph));
    check(cudaGraphInstantiate(&m_calls, m_graph, 0));
  }
  ~RecordedCalls() {
    cudaGraphExecDestroy(m_calls);
    cudaGraphDestroy(m_graph);
  }
  RecordedCalls(const RecordedCalls&) = delete;
  RecordedCalls& operator=(const RecordedCalls&) = delete;
  void operator()(const Exec& exec) const { check(cudaGraphLaunch(m_calls, exec.cuda_stream())); }

 private:
  /// One whose stream can be recorded, which that of the default instance can't.
  static Exec instance() {
    static const std::vector<Exec> instances = Kokkos::Experimental::partition_space(Exec(), 1);
    return instances[0];
  }

  cudaGraph_t m_graph = nullptr;
  cudaGraphExec_t m_calls = nullptr;
};
#else
template <class Work>
using RecordedCalls = Calls<Work>;
#endif

template <class AllCalls>
double seconds_of(const AllCalls& calls) {
  const Exec exec;
  exec.fence();
  const Kokkos::Timer timer;
  calls(exec);
  exec.fence();
  return timer.seconds();
}

/// Milliseconds that one call takes.
template <template <class> class CallsOf = RecordedCalls, class Work>
double median_time(const Work& work) {
  for (int count = 1;; count *= 2) {
    const CallsOf<Work> calls(work, count);
    seconds_of(calls);  // what is done at a first time only
    if (seconds_of(calls) < seconds_of_sample) continue;
    std::vector<double> times(samples);
    for (double& time : times) time = seconds_of(calls) / count * 1e3;
    std::nth_element(times.begin(), times.begin() + samples / 2, times.end());
    return times[samples / 2];
  }
}

// --- output
// ---------------------------------------------------------------------------------------

/// Writes an array of records, each as soon as it is there.
class Report {
 public:
  Report() {
    std::cout << "{\n\"context\": {";
    const char* separator = "\n";
    for (const auto& [key, value] : fused_scan::perf::context()) {
      std::cout << separator << std::quoted(key) << ": " << std::quoted(value);
      separator = ",\n";
    }
    std::cout << "\n},\n\"records\": [";
  }
  ~Report() { std::cout << "\n]\n}\n"; }
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  bool failed() const { return m_failed; }

  void add_launch(double time) {
    begin("empty kernel", "Kokkos");
    add_time(time);
    std::cout << "}";
  }

  struct Row {
    std::string name, peer, dtype, op, variant;
  };
  void add(const Case& c, const Row& row, std::int64_t bytes, double time, double copy_time) {
    begin_row(c, row);
    add_time(time);
    std::cout << ", \"gigabytes_per_second\": " << static_cast<double>(bytes) / time * 1e-6
              << ", \"share_of_copy\": " << copy_time / time << "}";
  }
  void add_error(const Case& c, const Row& row) {
    begin_row(c, row);
    std::cout << ", \"error\": \"wrong result\"}";
    m_failed = true;
  }

 private:
  void begin(const std::string& name, const std::string& peer) {
    std::cout << m_separator << "{\"name\": " << std::quoted(name)
              << ", \"peer\": " << std::quoted(peer);
    m_separator = ",\n";
  }
  void begin_row(const Case& c, const Row& row) {
    begin(row.name, row.peer);
    std::cout << ", \"shape\": " << std::quoted(c.array()) << ", \"axis\": " << c.axis
              << ", \"dtype\": " << std::quoted(row.dtype) << ", \"op\": " << std::quoted(row.op)
              << ", \"variant\": " << std::quoted(row.variant);
  }
  void add_time(double time) {
    std::cout << ", \"milliseconds_median\": " << time << ", \"samples\": " << samples;
  }

  bool m_failed = false;
  const char* m_separator = "\n";
};

// --- what is timed
// --------------------------------------------------------------------------------

/// Two arrays of a case, and everything that is timed on them.
template <class T, class Layout = Kokkos::LayoutRight>
class Bench {
 public:
  Bench(Report& report, const Case& c, const std::string& dtype, const std::string& layout = "")
      : m_report(report),
        m_case(c),
        m_dtype(dtype),
        m_layout(layout),
        m_x(Kokkos::view_alloc(Kokkos::WithoutInitializing, "x"), c.size()),
        m_y(Kokkos::view_alloc(Kokkos::WithoutInitializing, "y"), c.size()) {
    with_views([&](const auto& x, const auto&) { fill(c.size(), Elements<T>(c, x)); });
    run({"deep_copy", "Kokkos", dtype, "", layout}, Kind::copy,
        [](const Exec& exec, const auto& x, const auto& y) { Kokkos::deep_copy(exec, y, x); });
  }

  template <class Op>
  void inclusive(const std::string& op, const std::string& variant = "", ScanOptions options = {}) {
    const bool reverse = options.direction == Direction::reverse;
    run({"inclusive_scan", "FusedScan", m_dtype, op, m_layout + variant},
        reverse ? Kind::reverse : Kind::inclusive,
        [&](const Exec& exec, const auto& x, const auto& y) {
          fused_scan::inclusive_scan(exec, x, y, m_case.axis, Op(), options);
        });
  }

  template <class Op>
  void exclusive(const std::string& op) {
    run({"exclusive_scan", "FusedScan", m_dtype, op, "exclusive"}, Kind::exclusive,
        [&](const Exec& exec, const auto& x, const auto& y) {
          fused_scan::exclusive_scan(exec, x, y, m_case.axis, Op());
        });
  }

  /// Kokkos' own, which scan arrays of one dimension.
  void kokkos_scans() {
    if (m_case.rank() > 1) return;
    const auto row = [&](const std::string& name, const std::string& op) {
      return Report::Row{name, "Kokkos", m_dtype, op, ""};
    };
    run_on<Calls>(m_x, m_y, row("parallel_scan", "Sum"), Kind::inclusive,
                  [&](const Exec& exec) { fused_scan::perf::kokkos_scan<T>(exec, m_x, m_y); });
    run_on<Calls>(m_x, m_y, row("parallel_scan", "CompensatedSum"), Kind::inclusive,
                  [&](const Exec& exec) {
                    fused_scan::perf::kokkos_scan<fused_scan::CompensatedValue<T>>(exec, m_x, m_y);
                  });
    run_on<Calls>(m_x, m_y, row("Experimental::inclusive_scan", "Sum"), Kind::inclusive,
                  [&](const Exec& exec) { Kokkos::Experimental::inclusive_scan(exec, m_x, m_y); });
  }

 private:
  using Memory = Kokkos::View<T*, Exec>;

  template <class F>
  void with_views(const F& f) const {
    const auto call = [&]<class View>(View, auto... extents) {
      f(View(m_x.data(), extents...), View(m_y.data(), extents...));
    };
    const auto& n = m_case.extents;
    if (n.size() == 1) call(Kokkos::View<T*, Layout, Exec>(), n[0]);
    if (n.size() == 2) call(Kokkos::View<T**, Layout, Exec>(), n[0], n[1]);
    if (n.size() == 3) call(Kokkos::View<T***, Layout, Exec>(), n[0], n[1], n[2]);
  }

  template <class Work>
  void run(const Report::Row& row, Kind kind, const Work& work) {
    with_views([&](const auto& x, const auto& y) {
      run_on(x, y, row, kind, [&](const Exec& exec) { work(exec, x, y); });
    });
  }

  template <template <class> class CallsOf = RecordedCalls, class View, class Work>
  void run_on(const View&, const View& y, const Report::Row& row, Kind kind, const Work& work) {
    const Elements<T> results(m_case, y);
    Kokkos::deep_copy(m_y, static_cast<T>(-1e9f));  // no result
    work(Exec());
    const bool right = is_right(m_case.size(), results, kind);
    const double time = right ? median_time<CallsOf>(work) : 0;
    if (!right || !is_right(m_case.size(), results, kind)) return m_report.add_error(m_case, row);
    if (kind == Kind::copy) m_copy_time = time;
    m_report.add(m_case, row, 2 * m_case.size() * std::int64_t{sizeof(T)}, time, m_copy_time);
  }

  Report& m_report;
  Case m_case;
  std::string m_dtype;
  std::string m_layout;
  Memory m_x, m_y;
  double m_copy_time = 0;
};

void time_everything(Report& report, const Case& c) {
  using fused_scan::CompensatedSum;
  using fused_scan::Sum;
  {
    Bench<float> bench(report, c, "float");
    bench.inclusive<CompensatedSum>("CompensatedSum");
    bench.inclusive<Sum>("Sum");
    bench.inclusive<CompensatedSum>("CompensatedSum", "reverse", {.direction = Direction::reverse});
    bench.exclusive<CompensatedSum>("CompensatedSum");
    for (const int size : {256, 512, 1024}) {
      bench.inclusive<CompensatedSum>("CompensatedSum", "block_size " + std::to_string(size),
                                      {.block_size = size});
    }
    bench.kokkos_scans();
  }
  if (c.rank() > 1) {
    Bench<float, Kokkos::LayoutLeft>(report, c, "float", "LayoutLeft")
        .inclusive<CompensatedSum>("CompensatedSum");
  }
  Bench<Kokkos::Experimental::half_t>(report, c, "half_t")
      .inclusive<CompensatedSum>("CompensatedSum");
  Bench<Kokkos::Experimental::bhalf_t>(report, c, "bhalf_t")
      .inclusive<CompensatedSum>("CompensatedSum");
  Bench<double>(report, c, "double").inclusive<CompensatedSum>("CompensatedSum");
}

void time_sums(Report& report, const Case& c) {
  Bench<float> bench(report, c, "float");
  bench.inclusive<fused_scan::CompensatedSum>("CompensatedSum");
  bench.inclusive<fused_scan::Sum>("Sum");
}

double time_of_launch() {
  return median_time([](const Exec& exec) {
    Kokkos::parallel_for("empty", Range(exec, 0, 1), KOKKOS_LAMBDA(std::int64_t){});
  });
}

}  // namespace

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  const bool small = argc == 2 && std::strcmp(argv[1], "--small") == 0;
  if (argc > 1 && !small) {
    std::fprintf(stderr, "usage: %s [--small] > scan.json\n", argv[0]);
    return 2;
  }
  Report report;
  report.add_launch(time_of_launch());
  for (const Case& c : small ? small_cases : large_cases) time_everything(report, c);
  for (const Case& c : small ? small_grid : grid()) time_sums(report, c);
  return report.failed() ? 1 : 0;
}
