// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sweep_report.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iomanip>
#include <stdexcept>

#include "context.hpp"
#include "timing.hpp"

namespace fused_scan::perf {

namespace {

struct Share {
  double share;
  const Record* record;
};

/// Of the drawn shapes, or of the others, from the lowest.
std::vector<Share> shares(const std::vector<Record>& records, const std::string& method,
                          bool drawn) {
  std::vector<Share> found;
  for (const Record& record : records) {
    for (const auto& [name, time] : record.times) {
      if (name == method && record.drawn == drawn) found.push_back({record.copy / time, &record});
    }
  }
  if (drawn) {
    std::sort(found.begin(), found.end(),
              [](const Share& a, const Share& b) { return a.share < b.share; });
  }
  return found;
}

void write_settings(std::ostream& out, const SweepOptions& options) {
  const Setup& setup = options.setup;
  static constexpr const char* data[] = {"uniform", "normal", "alternating"};
  out << "\"settings\": {\"seed\": " << options.seed << ", \"size\": " << options.size
      << ", \"type\": " << std::quoted(setup.type) << ",\n  \"layout\": \""
      << (setup.left ? "left" : "right") << "\", \"direction\": \""
      << (setup.reverse() ? "reverse" : "forward") << "\", \"exclusive\": " << std::boolalpha
      << setup.exclusive << ", \"functors\": " << setup.functors
      << ",\n  \"block_size\": " << setup.options.block_size
      << ", \"data\": " << std::quoted(data[static_cast<int>(setup.data)])
      << ", \"graph\": " << options.recorded << ", \"statistic\": \""
      << (options.fastest ? "fastest" : "median") << "\"}";
}

void write_record(std::ostream& out, const Record& record) {
  const Shape& shape = record.shape;
  out << "{\"shape\": [" << shape.outer << ", " << shape.length << ", " << shape.inner
      << "], \"drawn\": " << std::boolalpha << record.drawn
      << ", \"milliseconds\": {\"copy\": " << record.copy;
  for (const auto& [name, time] : record.times) out << ", " << std::quoted(name) << ": " << time;
  out << "}";
  const char* separator = ", \"wrong\": [";
  for (const std::string& name : record.wrong) {
    out << separator << std::quoted(name);
    separator = ", ";
  }
  out << (record.wrong.empty() ? "}" : "]}");
}

}  // namespace

void SweepReport::add(const Record& record) {
  m_records.push_back(record);
  for (const std::string& name : record.wrong) {
    std::fprintf(stderr, "%s: %s is WRONG\n", record.shape.text().c_str(), name.c_str());
  }
}

std::vector<std::string> SweepReport::methods() const {
  std::vector<std::string> names;
  for (const Record& record : m_records) {
    for (const auto& [name, time] : record.times) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

void SweepReport::print() const {
  const auto line = [](const Share& s) {
    std::printf("    %.3f  %-28s copy %8.4f ms\n", s.share, s.record->shape.text().c_str(),
                s.record->copy);
  };
  std::printf("an empty parallel_for: %.5f ms\n", m_launch);
  for (const std::string& method : methods()) {
    const std::vector<Share> others = shares(m_records, method, false);
    const std::vector<Share> drawn = shares(m_records, method, true);
    std::printf("%s, of a copy\n", method.c_str());
    if (!drawn.empty()) {
      std::vector<double> sorted;
      for (const Share& share : drawn) sorted.push_back(share.share);
      std::printf("  worst %.3f, 5%% %.3f, 25%% %.3f, median %.3f, best %.3f of %zu shapes\n",
                  drawn.front().share, quantile(sorted, 0.05), quantile(sorted, 0.25),
                  quantile(sorted, 0.5), drawn.back().share, drawn.size());
    }
    const std::size_t worst = method.find("copy") == std::string::npos ? 10 : 0;
    for (std::size_t i = 0; i < std::min(worst, drawn.size()); ++i) line(drawn[i]);
    if (!others.empty()) std::printf("  by hand\n");
    for (const Share& share : others) line(share);
  }
}

void SweepReport::write_json() const {
  std::ofstream out(m_options.json);
  out << "{\n";
  write_machine(out);
  out << ",\n";
  write_settings(out, m_options);
  out << ",\n\"empty_parallel_for\": " << m_launch << ",\n\"records\": [";
  const char* separator = "\n";
  for (const Record& record : m_records) {
    out << separator;
    write_record(out, record);
    separator = ",\n";
  }
  out << "\n]}\n";
  if (!out.flush()) throw std::runtime_error("can't write " + m_options.json);
}

bool SweepReport::failed() const {
  return std::any_of(m_records.begin(), m_records.end(),
                     [](const Record& record) { return !record.wrong.empty(); });
}

}  // namespace fused_scan::perf
