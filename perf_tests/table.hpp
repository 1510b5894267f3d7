// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_TABLE_HPP
#define FUSED_SCAN_TABLE_HPP

// Tables of numbers, as Markdown and JSON.

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace fused_scan::perf {

/// Rows of a name and numbers.
class Table {
 public:
  Table(std::string title, std::vector<std::string> columns)
      : m_title(std::move(title)), m_columns(std::move(columns)) {}

  void add(const std::string& name, const std::vector<double>& numbers) {
    m_rows.push_back({name});
    for (const double number : numbers) m_rows.back().push_back(short_number(number));
  }

  void print() const {
    std::printf("\n%s\n\n", m_title.c_str());
    print(m_columns);
    print(std::vector<std::string>(m_columns.size(), "---"));
    for (const auto& row : m_rows) print(row);
    std::fflush(stdout);
  }

  void write_json(std::ostream& file) const {
    file << "{\"title\": \"" << m_title << "\", \"rows\": [";
    for (std::size_t r = 0; r < m_rows.size(); ++r) {
      file << (r == 0 ? "\n" : ",\n") << "  {";
      for (std::size_t c = 0; c < m_rows[r].size(); ++c) {
        const std::string mark = c == 0 ? "\"" : "";
        file << (c == 0 ? "" : ", ") << '"' << m_columns[c] << "\": " << mark << m_rows[r][c]
             << mark;
      }
      file << "}";
    }
    file << "]}";
  }

 private:
  static void print(const std::vector<std::string>& cells) {
    for (const std::string& cell : cells) std::printf("| %s ", cell.c_str());
    std::printf("|\n");
  }
  static std::string short_number(double number) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.4g", number);
    return text;
  }

  std::string m_title;
  std::vector<std::string> m_columns;
  std::vector<std::vector<std::string>> m_rows;
};

inline void write_json(const std::string& path,
                       const std::vector<std::pair<std::string, std::string>>& context,
                       const std::vector<Table>& tables) {
  std::ofstream file(path);
  file << "{";
  for (const auto& [key, value] : context) file << '"' << key << "\": \"" << value << "\",\n";
  file << "\"tables\": [";
  for (std::size_t t = 0; t < tables.size(); ++t) {
    file << (t == 0 ? "" : ",\n");
    tables[t].write_json(file);
  }
  file << "]}\n";
}

}  // namespace fused_scan::perf

#endif
