// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_HDF5_FILE_HPP
#define FUSED_SCAN_HDF5_FILE_HPP

/// \file
/// Data sets in HDF5 files: read whole, written whole or not at all.
///
/// Every function throws std::runtime_error with one line that says what is wrong and, where there
/// is one, what would be right.

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "temporary_file.hpp"

namespace fused_scan::cli {

using Extents = std::vector<hsize_t>;

/// HDF5 prints its stack of errors by itself; after this call only our own line is seen.
void silence_hdf5();

/// What HDF5 has to say about its last failure, from the innermost function that saw it.
std::string hdf5_reason();

/// Owns one identifier of any kind of HDF5 object.
class Handle {
 public:
  Handle() = default;
  explicit Handle(hid_t id) : m_id(id) {}
  ~Handle() { close(); }
  Handle(Handle&& other) noexcept : m_id(std::exchange(other.m_id, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(m_id, other.m_id);
    return *this;
  }

  hid_t id() const { return m_id; }
  explicit operator bool() const { return m_id >= 0; }

  /// False if HDF5 could not close the object, as when a file can't be brought to the disk.
  bool close() { return m_id < 0 || H5Idec_ref(std::exchange(m_id, H5I_INVALID_HID)) >= 0; }

 private:
  hid_t m_id = H5I_INVALID_HID;
};

/// FILE:/DATASET as the user writes it. The last ":/" is where the file's name ends, so that the
/// file's path may contain colons.
struct DatasetPath {
  std::filesystem::path file;
  std::string name;

  explicit DatasetPath(const std::string& argument);
};

class Dataset {
 public:
  Dataset(Handle dataset, std::string label);

  /// FILE:/DATASET, for messages.
  const std::string& label() const { return m_label; }
  const Extents& extents() const { return m_extents; }
  /// The type of an element as it is stored in the file.
  hid_t stored_type() const { return m_stored_type.id(); }

  /// All elements, last index fastest; HDF5 converts between memory_type and the stored type.
  void read(hid_t memory_type, void* elements) const;
  /// An integer that the stored type can't hold is an error, unless `saturate`: then it is stored
  /// as the nearest number that fits.
  void write(hid_t memory_type, const void* elements, bool saturate = false) const;

 private:
  template <class Transfer>
  void transfer(const std::string& verb, hid_t memory_type, Transfer transfer) const;

  Handle m_dataset;
  Handle m_stored_type;
  Extents m_extents;
  std::string m_label;
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

/// A file that gets new data sets, or is made with them: all of them at commit(), or none.
///
/// The work is done on a temporary file in the same folder, which takes the final name only when it
/// is complete and on the disk. An existing file is copied there first: what it holds is kept, and
/// a data set that it already has is never overwritten. Without commit() nothing changes.
class OutputFile {
 public:
  /// What becomes of an existing HDF5 file; anything else that exists is an error.
  enum class Existing { add_to_it, replace_it };

  explicit OutputFile(const std::filesystem::path& path, Existing existing = Existing::add_to_it);

  hid_t id() const { return m_file.id(); }
  /// A new data set, not filled yet; the groups that its name goes through are made as needed.
  Dataset create_dataset(const std::string& name, const Extents& extents, hid_t stored_type);
  /// No data set of this file can be used afterwards.
  void commit();

 private:
  /// Inode, size and time of the last change: what tells one version of a file from the next.
  using Version = std::tuple<std::uint64_t, std::uintmax_t, std::filesystem::file_time_type>;
  std::optional<Version> current_version() const;

  std::filesystem::path m_path;
  std::optional<Version> m_original_version;
  // Held open, which keeps other programs from opening the file for writing in the meantime.
  Handle m_original;
  TemporaryFile m_temporary;
  Handle m_file;
};

}  // namespace fused_scan::cli

#endif
