// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// How fast the AR-SSM layer is beside its dense products alone, and how its time grows with the
// length of the sequence:
//
//   fused_scan_perf_ar_ssm [--benchmark_...]   Google Benchmark's own table, or JSON
//   fused_scan_perf_ar_ssm --markdown          the tables of the README
//
// Passes are made back to back between two fences, as many as take 2 ms at least; the counter
// `median_ms` is the median of the rounds, for one pass. The shapes are larger on a GPU.
//
// `products` are the three products that a forward pass can't do without, with the same code, each
// storing its result and nothing else. Results are verified against the plain path.

#include <benchmark/benchmark.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fused_scan/ar_ssm.hpp>
#include <map>
#include <string>
#include <vector>

#include "context.hpp"

namespace {

using Exec = Kokkos::DefaultExecutionSpace;
using Layer = fused_scan::ArSsm<float, Exec>;
using Sequence = Kokkos::View<float***, Kokkos::LayoutRight, Exec>;

struct Case {
  int batch, length, d_model;
  static constexpr int max_rank = 32;

  std::string shape() const {
    return "(" + std::to_string(batch) + ", " + std::to_string(length) + ", " +
           std::to_string(d_model) + ", " + std::to_string(max_rank) + ")";
  }
};

const std::vector<Case> cases =
    fused_scan::impl::is_host_space<Exec>
        ? std::vector<Case>{{4, 2048, 256}, {1, 8192, 512}}
        : std::vector<Case>{{4, 8192, 512}, {1, 65536, 256}, {4, 2048, 256}};
const std::vector<int> lengths{512, 1024, 2048, 4096, 8192, 16384, 32768, 65536};
Case of_length(int length) { return {1, length, 128}; }

void fill(const Sequence& x) {
  Kokkos::parallel_for(
      "fill", Kokkos::RangePolicy<Exec>(0, x.size()), KOKKOS_LAMBDA(std::int64_t i) {
        x.data()[i] =
            static_cast<float>(static_cast<std::uint32_t>(i) * 2654435761U >> 8) * 0x1p-23f - 1.0f;
      });
}

/// A layer and all that its passes work on.
struct Setting {
  Exec exec;
  Layer layer;
  Sequence x, y, grad_x;
  Layer::Parameters gradients;

  explicit Setting(const Case& c, bool fused = true)
      : layer({.d_model = c.d_model, .max_rank = Case::max_rank, .use_fused_scan = fused}, 1),
        x("x", c.batch, c.length, c.d_model),
        y("y", x.layout()),
        grad_x("grad_x", x.layout()),
        gradients(layer.make_gradients()) {
    fill(x);
  }

  void forward() { layer.forward(exec, x, y); }
  void forward_and_backward() {
    layer.train();
    layer.forward(exec, x, y);
    layer.backward(exec, x, x, grad_x, gradients);
  }
};

/// The dense products of a forward pass, and nothing else.
class Products {
 public:
  explicit Products(const Setting& s)
      : m_setting(s),
        m_rows(s.x.extent(0) * s.x.extent(1)),
        m_length(s.x.extent(1)),
        m_d_model(s.x.extent(2)),
        m_hidden(s.layer.config().gate_hidden_dim),
        m_columns(m_hidden + 2 * Case::max_rank),
        m_products("products", m_rows * m_columns),
        m_gates("gates", m_rows * Case::max_rank),
        m_packed("packed", fused_scan::impl::packed_size<float>(m_d_model, m_columns) +
                               fused_scan::impl::packed_size<float>(Case::max_rank, m_d_model)) {}

  void operator()() const {
    using fused_scan::impl::plain_rows;
    const auto& parameters = m_setting.layer.parameters();
    const auto products = plain_rows(m_products.data(), m_length, m_columns);
    const auto gates = plain_rows(m_gates.data(), m_length, Case::max_rank);
    const auto y = plain_rows(m_setting.y.data(), m_length, m_d_model);
    multiply(plain_rows<const float>(m_setting.x.data(), m_length, m_d_model), m_d_model,
             parameters.gate_weight_0.data(), m_columns, products);
    multiply(products, m_hidden, parameters.gate_weight_2.data(), Case::max_rank, gates);
    multiply(gates, Case::max_rank, parameters.output_weight.data(), m_d_model, y);
  }

 private:
  using Floats = Kokkos::View<float*, Exec>;
  using Rows = fused_scan::impl::Rows<const float>;

  void multiply(const Rows& a, std::int64_t depth, const float* transposed_b, std::int64_t columns,
                const fused_scan::impl::Rows<float>& out) const {
    fused_scan::impl::dense_product<Exec, float>(
        m_setting.exec, "product", m_rows, a, depth, {transposed_b, 1, depth}, columns, out,
        m_packed.data(), fused_scan::impl::StoreRows<float>{out});
  }

  const Setting& m_setting;
  std::int64_t m_rows, m_length, m_d_model, m_hidden, m_columns;
  Floats m_products, m_gates, m_packed;
};

/// Whether the fused path has the plain path's output, to the rounding of a float.
bool is_right(Setting& setting, const Case& c) {
  Setting plain(c, false);
  setting.layer.eval();
  setting.forward();
  plain.forward();
  const auto a = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), setting.y);
  const auto b = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), plain.y);
  float size = 0, difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    size = std::max(size, std::abs(b.data()[i]));
    const float d = std::abs(a.data()[i] - b.data()[i]);
    if (!(d <= difference)) difference = d;
  }
  return difference <= 1e-5f * size;
}

template <class Work>
void measure(benchmark::State& state, const Setting& setting, const Work& work) {
  const auto seconds = [&](int passes) {
    setting.exec.fence();
    const Kokkos::Timer timer;
    for (int i = 0; i < passes; ++i) work();
    setting.exec.fence();
    return timer.seconds();
  };
  seconds(1);  // what is done once only
  int passes = 1;
  while (seconds(passes) < 2e-3) passes *= 2;
  std::vector<double> times;
  for (auto _ : state) {
    times.push_back(seconds(passes) / passes);
    state.SetIterationTime(times.back());
  }
  const auto middle = times.begin() + times.size() / 2;
  std::nth_element(times.begin(), middle, times.end());
  state.counters["median_ms"] = *middle * 1e3;
}

void add(const std::string& name, const Case& c, void (*run)(benchmark::State&, Setting&)) {
  benchmark::RegisterBenchmark(name,
                               [=](benchmark::State& state) {
                                 Setting setting(c);
                                 run(state, setting);
                                 if (!is_right(setting, c)) state.SkipWithError("wrong result");
                               })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

void run_products(benchmark::State& state, Setting& setting) {
  measure(state, setting, Products(setting));
}
void run_forward(benchmark::State& state, Setting& setting) {
  measure(state, setting, [&] { setting.forward(); });
}
void run_forward_and_backward(benchmark::State& state, Setting& setting) {
  measure(state, setting, [&] { setting.forward_and_backward(); });
}

std::string length_name(int length) { return of_length(length).shape() + "/forward"; }

/// Keeps the fastest repetition of every benchmark, and prints the tables of the README at the end.
class MarkdownReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override {
    PrintBasicContext(&GetErrorStream(), context);
    return true;
  }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type == Run::RT_Aggregate || run.skipped) continue;
      const double time = run.GetAdjustedRealTime();
      double& least = m_time.try_emplace(run.run_name.function_name, time).first->second;
      least = std::min(least, time);
    }
  }

  void Finalize() override {
    std::printf(
        "| (B, L, D, R) | dense products alone | forward | of products | forward + backward | of "
        "products |\n|---|---|---|---|---|---|\n");
    for (const Case& c : cases) {
      const double products = m_time[c.shape() + "/products"];
      std::printf("| %s | %.2f ms", c.shape().c_str(), products);
      for (const char* pass : {"/forward", "/forward+backward"}) {
        const double time = m_time[c.shape() + pass];
        std::printf(" | %.2f ms | %.2f", time, time / products);
      }
      std::printf(" |\n");
    }
    std::printf("\n| L | forward of (1, L, 128, 32) | for each position |\n|---|---|---|\n");
    for (const int length : lengths) {
      const double time = m_time[length_name(length)];
      std::printf("| %d | %.3f ms | %.0f ns |\n", length, time, time / length * 1e6);
    }
  }

 private:
  std::map<std::string, double> m_time;
};

}  // namespace

int main(int argc, char* argv[]) {
  std::vector<char*> arguments(argv, argv + argc);
  const auto markdown = std::find_if(arguments.begin(), arguments.end(), [](const char* argument) {
    return std::strcmp(argument, "--markdown") == 0;
  });
  const bool as_markdown = markdown != arguments.end();
  // One short run after the other of every benchmark, many times over: what else the machine does
  // then slows all of them down alike.
  char repetitions[] = "--benchmark_repetitions=25";
  char interleaving[] = "--benchmark_enable_random_interleaving=true";
  char time[] = "--benchmark_min_time=0.02s";
  if (as_markdown) {
    arguments.erase(markdown);
    arguments.insert(arguments.begin() + 1, {repetitions, interleaving, time});
  }
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);

  const Kokkos::ScopeGuard kokkos(count, arguments.data());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  for (const auto& [key, value] : fused_scan::perf::context()) {
    benchmark::AddCustomContext(key, value);
  }
  for (const Case& c : cases) {
    add(c.shape() + "/products", c, run_products);
    add(c.shape() + "/forward", c, run_forward);
    add(c.shape() + "/forward+backward", c, run_forward_and_backward);
  }
  for (const int length : lengths) add(length_name(length), of_length(length), run_forward);
  MarkdownReporter reporter;
  if (as_markdown) {
    benchmark::RunSpecifiedBenchmarks(&reporter);
  } else {
    benchmark::RunSpecifiedBenchmarks();
  }
  return 0;
}
