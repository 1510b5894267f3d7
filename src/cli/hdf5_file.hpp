// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_HDF5_FILE_HPP
#define FUSED_SCAN_HDF5_FILE_HPP

/// \file
/// HDF5 files: read, and written whole or not at all.
///
/// Every function throws std::runtime_error with one line that says what is wrong and, where there
/// is one, what would be right.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "dataset.hpp"
#include "hdf5_handle.hpp"
#include "temporary_file.hpp"

namespace fused_scan::cli {

/// FILE:/DATASET as the user writes it. The last ":/" is where the file's name ends, so that the
/// file's path may contain colons.
struct DatasetPath {
  std::filesystem::path file;
  std::string name;

  explicit DatasetPath(const std::string& argument);
};

class InputFile {
 public:
  explicit InputFile(std::filesystem::path path);

  hid_t id() const { return m_file.id(); }
  Dataset dataset(const std::string& name) const;

 private:
  std::vector<std::string> dataset_names() const;

  std::filesystem::path m_path;
  Handle m_file;
};

/// What a data set is made with, before it has elements.
struct DatasetForm {
  Handle type;
  Handle space;
  Handle creation;  // a property list: chunks, filters

  /// Contiguous, or a scalar where there are no extents.
  DatasetForm(const Extents& extents, hid_t stored_type);
};

/// A file that gets new data sets, or is made with them: all of them at commit(), or none.
///
/// The work is done on a temporary file in the same folder, which takes the final name only when it
/// is complete and on the disk. An existing file is copied there first: what it holds is kept, and
/// a data set that it already has is never overwritten. Without commit() nothing changes.
///
/// Where the path is a symbolic link, the file that it points to is meant, whether it exists or
/// not. Other files, which an external link inside the file names, are never touched.
class OutputFile {
 public:
  /// What becomes of an existing HDF5 file; anything else that exists is an error.
  enum class Existing { add_to_it, replace_it };

  explicit OutputFile(const std::filesystem::path& path, Existing existing = Existing::add_to_it);

  hid_t id() const { return m_file.id(); }
  /// A new data set, not filled yet; the groups that its name goes through are made as needed.
  Dataset create_dataset(const std::string& name, const DatasetForm& form);
  Dataset create_dataset(const std::string& name, const Extents& extents, hid_t stored_type) {
    return create_dataset(name, DatasetForm(extents, stored_type));
  }
  /// Lets other processes add to the temporary file, as a ReleasedDataset. No data set of this file
  /// can be used afterwards.
  void release();
  const std::filesystem::path& temporary_path() const { return m_temporary.path(); }
  /// No data set of this file can be used afterwards.
  void commit();

 private:
  /// Inode, size and time of the last change: what tells one version of a file from the next.
  using Version = std::tuple<std::uint64_t, std::uintmax_t, std::filesystem::file_time_type>;
  std::optional<Version> current_version() const;
  void check_free(const std::string& name, const std::string& label) const;

  std::filesystem::path m_path;    // as the user calls it
  std::filesystem::path m_target;  // what that is, behind symbolic links
  std::optional<Version> m_original_version;
  // Held open, which keeps other programs from opening the file for writing in the meantime.
  Handle m_original;
  TemporaryFile m_temporary;
  Handle m_file;
};

/// A data set of a temporary file that its owner has released, for one process at a time, or for
/// all ranks, which make, write and close it together. `path` is what the user calls it.
class ReleasedDataset {
 public:
  enum class Writers { in_turn, together };

  ReleasedDataset(const std::filesystem::path& temporary_path, const DatasetPath& path,
                  Writers writers);
  ~ReleasedDataset();
  ReleasedDataset(const ReleasedDataset&) = delete;
  ReleasedDataset& operator=(const ReleasedDataset&) = delete;

  const Dataset& dataset() const { return m_dataset; }
  /// The data set can't be used afterwards. Without it, what was written is lost.
  void close();

 private:
  std::filesystem::path m_name;
  Writers m_writers;
  Handle m_file;
  Dataset m_dataset;
};

}  // namespace fused_scan::cli

#endif
