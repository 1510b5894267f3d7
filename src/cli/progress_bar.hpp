// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_PROGRESS_BAR_HPP
#define FUSED_SCAN_PROGRESS_BAR_HPP

#include <chrono>
#include <cstdint>
#include <string>

namespace fused_scan::cli {

/// A line on stderr that shows how far a task is, for somebody who waits at a terminal: nothing
/// appears elsewhere (a log, a pipe) or before half a second, and nothing stays once it is done.
class ProgressBar {
 public:
  ProgressBar(std::string task, std::uint64_t total);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void advance(std::uint64_t amount);

 private:
  using Clock = std::chrono::steady_clock;

  std::string m_task;
  std::uint64_t m_total;
  std::uint64_t m_done = 0;
  bool m_terminal;
  bool m_visible = false;
  Clock::time_point m_next_update;
};

}  // namespace fused_scan::cli

#endif
