// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_PROGRESS_BAR_HPP
#define FUSED_SCAN_PROGRESS_BAR_HPP

#include <chrono>
#include <string>

namespace fused_scan::cli {

/// A line on stderr that shows how far a task is, for somebody who waits at a terminal: nothing
/// appears elsewhere (a log, a pipe) or before half a second, and nothing stays once it is done.
class ProgressBar {
 public:
  /// `total`: what advance() adds up to. The user sees it as a part of `bytes`.
  ProgressBar(std::string task, double total, double bytes);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void advance(double amount);

 private:
  using Clock = std::chrono::steady_clock;

  std::string m_task;
  double m_total;
  double m_bytes;
  double m_done = 0;
  bool m_terminal;
  bool m_visible = false;
  Clock::time_point m_next_update;
};

}  // namespace fused_scan::cli

#endif
