// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_RECURRENCE_REPORT_HPP
#define FUSED_SCAN_RECURRENCE_REPORT_HPP

// What perf_recurrence.cpp prints and writes.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iomanip>
#include <stdexcept>
#include <string>
#include <vector>

#include "context.hpp"
#include "copies.hpp"
#include "sweep_shapes.hpp"
#include "timing.hpp"

namespace fused_scan::perf {

/// Milliseconds of ours, of what it is compared with, and of the plain loop where there is one.
struct Record {
  std::string part;  // of the report: named, drawn or segments
  std::string what;
  std::string type;
  Shape shape;
  bool right = true;
  double ours = 0, bound = 0, plain = 0;

  double share() const { return right ? bound / ours : 0; }
};

inline void print_row(const Record& record) {
  std::printf("| %s %s | %s | %.4f | %.4f | %s%.3f |", record.what.c_str(), record.type.c_str(),
              record.shape.text().c_str(), record.bound, record.ours, record.right ? "" : "WRONG ",
              record.share());
  if (on_host) std::printf(" %.3f |", record.plain == 0 ? 0 : record.bound / record.plain);
  std::printf("\n");
}

inline void print_table(const char* title, const std::vector<Record>& records) {
  std::printf("\n%s\n\n| | shape | once, ms | ours, ms | share |%s\n|---|---|---|---|---|%s\n",
              title, on_host ? " plain loop |" : "", on_host ? "---|" : "");
  for (const Record& record : records) print_row(record);
}

/// Tables in Markdown.
inline void print(const std::vector<Record>& records) {
  const auto part = [&](const char* name) {
    std::vector<Record> found;
    for (const Record& record : records) {
      if (record.part == name) found.push_back(record);
    }
    return found;
  };
  print_table("Recurrences, beside reading and writing once", part("named"));
  print_table("Segments, CompensatedSum, beside a copy", part("segments"));
  std::vector<Record> drawn = part("drawn");
  if (drawn.empty()) return;
  std::sort(drawn.begin(), drawn.end(),
            [](const Record& a, const Record& b) { return a.share() < b.share(); });
  std::vector<double> shares;
  for (const Record& record : drawn) shares.push_back(record.share());
  std::printf("\n| shapes | worst | 5%% | 25%% | median | best |\n|---|---|---|---|---|---|\n");
  std::printf("| %zu | %.3f | %.3f | %.3f | %.3f | %.3f |\n", shares.size(), shares.front(),
              quantile(shares, 0.05), quantile(shares, 0.25), quantile(shares, 0.5), shares.back());
  drawn.resize(std::min<std::size_t>(drawn.size(), 10));
  print_table("The slowest", drawn);
}

/// Throws std::runtime_error where the file can't be written.
inline void write_json(const std::string& file, std::uint64_t seed, std::int64_t size,
                       const std::vector<Record>& records) {
  std::ofstream out(file);
  out << "{\n";
  write_machine(out);
  out << ",\n\"settings\": {\"seed\": " << seed << ", \"size\": " << size << "},\n\"records\": [";
  const char* separator = "\n";
  for (const Record& record : records) {
    out << separator << "{\"part\": " << std::quoted(record.part)
        << ", \"what\": " << std::quoted(record.what) << ", \"type\": " << std::quoted(record.type)
        << ", \"shape\": [" << record.shape.outer << ", " << record.shape.length << ", "
        << record.shape.inner << "],\n  \"right\": " << (record.right ? "true" : "false")
        << ", \"once\": " << record.bound << ", \"ours\": " << record.ours;
    if (record.plain > 0) out << ", \"plain_loop\": " << record.plain;
    out << "}";
    separator = ",\n";
  }
  out << "\n]}\n";
  if (!out.flush()) throw std::runtime_error("can't write " + file);
}

}  // namespace fused_scan::perf

#endif
