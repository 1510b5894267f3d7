// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_SWEEP_REPORT_HPP
#define FUSED_SCAN_SWEEP_REPORT_HPP

// What is printed and written of a sweep.

#include <string>
#include <utility>
#include <vector>

#include "sweep_options.hpp"

namespace fused_scan::perf {

/// The times of one shape, in milliseconds, by method; none where a result is wrong.
struct Record {
  Shape shape;
  bool drawn;
  double copy;  // the one that shares are of
  std::vector<std::pair<std::string, double>> times;
  std::vector<std::string> wrong;
};

class SweepReport {
 public:
  SweepReport(const SweepOptions& options, double launch) : m_options(options), m_launch(launch) {}

  void add(const Record& record);
  /// The quantiles of the shares of a copy's speed, and the lowest ten, for each method.
  void print() const;
  /// Throws std::runtime_error where the file can't be written.
  void write_json() const;
  bool failed() const;

 private:
  std::vector<std::string> methods() const;

  const SweepOptions& m_options;
  double m_launch;
  std::vector<Record> m_records;
};

}  // namespace fused_scan::perf

#endif
