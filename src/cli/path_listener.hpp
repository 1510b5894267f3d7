// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_PATH_LISTENER_HPP
#define FUSED_SCAN_PATH_LISTENER_HPP

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <string>

namespace fused_scan::cli {

/// Hears which path the library takes: the name of its profiling region has it in brackets. A tool
/// that listens already goes on hearing everything.
class PathListener {
 public:
  PathListener() {
    m_path.clear();
    m_tool = Kokkos::Tools::Experimental::get_callbacks().push_region;
    Kokkos::Tools::Experimental::set_push_region_callback(hear);
  }
  ~PathListener() { Kokkos::Tools::Experimental::set_push_region_callback(m_tool); }
  PathListener(const PathListener&) = delete;
  PathListener& operator=(const PathListener&) = delete;

  std::string path() const { return m_path; }

 private:
  static void hear(const char* region) {
    const std::string name = region;
    const std::size_t begin = name.find('[');
    if (name.starts_with("fused_scan::") && begin != std::string::npos) {
      m_path = name.substr(begin + 1, name.find(']') - begin - 1);
    }
    if (m_tool) m_tool(region);
  }

  static inline std::string m_path;
  static inline Kokkos_Profiling_pushFunction m_tool = nullptr;
};

}  // namespace fused_scan::cli

#endif
