// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "progress_bar.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <utility>

#include "memory_budget.hpp"

namespace fused_scan::cli {

ProgressBar::ProgressBar(std::string task, double total, double bytes)
    : m_task(std::move(task)),
      m_total(total),
      m_bytes(bytes),
      m_terminal(isatty(STDERR_FILENO) == 1),
      m_next_update(Clock::now() + std::chrono::milliseconds(500)) {}

ProgressBar::~ProgressBar() {
  if (m_visible) std::fputs("\r\033[K", stderr);
}

void ProgressBar::advance(double amount) {
  m_done += amount;
  if (!m_terminal || Clock::now() < m_next_update) return;
  constexpr int width = 30;
  const double fraction = std::min(1.0, m_done / m_total);
  const std::string bar(static_cast<std::size_t>(fraction * width), '#');
  std::fprintf(stderr, "\r\033[K%s [%-*s] %3.0f %%, %s of %s", m_task.c_str(), width, bar.c_str(),
               fraction * 100, bytes_as_text(fraction * m_bytes).c_str(),
               bytes_as_text(m_bytes).c_str());
  m_visible = true;
  m_next_update = Clock::now() + std::chrono::milliseconds(100);
}

}  // namespace fused_scan::cli
