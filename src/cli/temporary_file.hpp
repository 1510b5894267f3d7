// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_TEMPORARY_FILE_HPP
#define FUSED_SCAN_TEMPORARY_FILE_HPP

#include <filesystem>

namespace fused_scan::cli {

/// The name of a file that becomes `final_path` when it is complete. Until then it vanishes with
/// this object, and when the program is interrupted. One at a time.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& final_path);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::filesystem::path& path() const { return m_path; }
  /// Brings the file to the disk and gives it its final name; throws std::system_error.
  void take_final_name();

 private:
  std::filesystem::path m_final_path;
  std::filesystem::path m_path;
};

/// From now on a crash is an error like others: the temporary file goes, and the exit status is 2;
/// so is a file that the user's limit doesn't allow to be as large. HDF5 has assertions that a
/// damaged file can break; it says so in a line of its own.
void end_crashes_tidily();

}  // namespace fused_scan::cli

#endif
