// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_TIMING_HPP
#define FUSED_SCAN_TIMING_HPP

// Times of calls: batches of them, back to back between two fences.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "copies.hpp"

namespace fused_scan::perf {

#if defined(KOKKOS_ENABLE_CUDA)
inline void check(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
}

/// Calls recorded as a CUDA graph, so that what the host does for a launch doesn't count.
class Recording {
 public:
  Recording(const Work& work, int calls) {
    // The stream of the default instance can't be recorded.
    static const std::vector<Exec> instances = Kokkos::Experimental::partition_space(Exec(), 1);
    const Exec& exec = instances[0];
    work(exec);  // what is allocated, or loaded, at a first call can't be recorded either
    exec.fence();
    check(cudaStreamBeginCapture(exec.cuda_stream(), cudaStreamCaptureModeRelaxed));
    for (int i = 0; i < calls; ++i) work(exec);
    check(cudaStreamEndCapture(exec.cuda_stream(), &m_graph));
    check(cudaGraphInstantiate(&m_calls, m_graph, 0));
  }
  ~Recording() {
    cudaGraphExecDestroy(m_calls);
    cudaGraphDestroy(m_graph);
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  void play(const Exec& exec) const { check(cudaGraphLaunch(m_calls, exec.cuda_stream())); }

 private:
  cudaGraph_t m_graph = nullptr;
  cudaGraphExec_t m_calls = nullptr;
};
#else
class Recording {
 public:
  Recording(const Work&, int) { throw std::runtime_error("only calls of CUDA can be recorded"); }
  void play(const Exec&) const {}
};
#endif

/// The times of one method's calls, batch by batch.
class Stopwatch {
 public:
  /// Finds how many calls take 2 ms, and how many such batches take `seconds` in all.
  Stopwatch(Work work, bool recorded, double seconds) : m_work(std::move(work)) {
    const double of_batch = std::min(2e-3, seconds / least_batches);
    double of_call = batch();
    for (int i = 0; i < 3 && of_call < of_batch; ++i) of_call = std::min(of_call, batch());
    of_call = std::max(of_call, 1e-9);
    m_calls = static_cast<int>(std::ceil(std::clamp(of_batch / of_call, 1.0, 1000.0)));
    if (recorded) m_recording = std::make_shared<Recording>(m_work, m_calls);
    const double batches = std::min<double>(seconds / std::max(batch(), of_batch), most_batches);
    m_batches = std::max(least_batches, static_cast<int>(batches));
  }

  /// Times another batch, where not enough of them are timed.
  bool run() {
    if (static_cast<int>(m_seconds.size()) == m_batches) return false;
    m_seconds.push_back(batch() / m_calls);
    return true;
  }

  /// Of one call: the median of the batches, or the fastest.
  double milliseconds(bool fastest) const {
    std::vector<double> sorted = m_seconds;
    std::sort(sorted.begin(), sorted.end());
    if (fastest) return 1e3 * sorted.front();
    const std::size_t half = sorted.size() / 2;
    return 500 * (sorted[half] + sorted[sorted.size() - 1 - half]);
  }

 private:
  static constexpr int least_batches = 3;
  static constexpr int most_batches = 21;

  double batch() const {
    const Exec exec;
    exec.fence();
    const Kokkos::Timer timer;
    if (m_recording) {
      m_recording->play(exec);
    } else {
      for (int i = 0; i < m_calls; ++i) m_work(exec);
    }
    exec.fence();
    return timer.seconds();
  }

  Work m_work;
  int m_calls = 1;
  int m_batches = least_batches;
  std::shared_ptr<Recording> m_recording;
  std::vector<double> m_seconds;
};

/// Milliseconds of one call of each method. Batches are timed by turns, so that a bad moment of the
/// machine hits all methods.
inline std::vector<double> times_by_turns(std::vector<Stopwatch>& stopwatches, bool fastest) {
  for (bool more = true; more;) {
    more = false;
    for (Stopwatch& stopwatch : stopwatches) more = stopwatch.run() || more;
  }
  std::vector<double> times;
  for (const Stopwatch& stopwatch : stopwatches) times.push_back(stopwatch.milliseconds(fastest));
  return times;
}

/// As numpy.quantile: between neighbours in proportion.
inline double quantile(const std::vector<double>& sorted, double at) {
  const double place = at * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - std::floor(place));
}

}  // namespace fused_scan::perf

#endif
