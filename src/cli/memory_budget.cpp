// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "memory_budget.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <limits>
#include <string>

namespace fused_scan::cli {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The first number of a file of the system; `otherwise` where there is none ("max").
double number_in(const char* file, double otherwise) {
  double number = otherwise;
  return std::ifstream(file) >> number ? number : otherwise;
}

double page_size() { return static_cast<double>(sysconf(_SC_PAGESIZE)); }

/// Linux counts what it would give up for others (caches) as available; elsewhere only what is
/// free is known.
double free_on_machine() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    const std::string name = "MemAvailable:";
    if (line.starts_with(name)) return std::stod(line.substr(name.size())) * 1024;
  }
#ifdef _SC_AVPHYS_PAGES
  return static_cast<double>(sysconf(_SC_AVPHYS_PAGES)) * page_size();
#else
  return infinity;
#endif
}

double free_to_address() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return infinity;
  return static_cast<double>(limit.rlim_cur) - number_in("/proc/self/statm", 0) * page_size();
}

/// Caches count as used by a container, and are given up as well: only its own memory is taken off.
double free_in_container() {
  std::string name;
  double used = 0;
  std::ifstream("/sys/fs/cgroup/memory.stat") >> name >> used;
  return number_in("/sys/fs/cgroup/memory.max", infinity) - (name == "anon" ? used : 0);
}

}  // namespace

double memory_budget() {
  const double least = std::min({free_on_machine(), free_to_address(), free_in_container()});
  return std::max(0.0, 0.75 * least);
}

std::string bytes_as_text(double bytes) {
  const char* unit = "bytes";
  for (const char* larger : {"KiB", "MiB", "GiB", "TiB"}) {
    if (bytes < 1024) break;
    bytes /= 1024;
    unit = larger;
  }
  char text[64];
  std::snprintf(text, sizeof text, unit[0] == 'b' ? "%.0f %s" : "%.1f %s", bytes, unit);
  return text;
}

}  // namespace fused_scan::cli
