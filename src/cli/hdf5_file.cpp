// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "hdf5_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "joint_writing.hpp"

namespace fused_scan::cli {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const std::string& message) { throw std::runtime_error(message); }

std::string quoted(const fs::path& path) { return "'" + path.string() + "'"; }

/// Closing the file closes every object in it, so that commit() leaves nothing to be written.
Handle file_access() {
  Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_fclose_degree(access.id(), H5F_CLOSE_STRONG);
  return access;
}

/// Messages call the file by `name`.
Handle open_file(const fs::path& path, unsigned flags, const fs::path& name) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) fail("there is no file " + quoted(name));
  if (!fs::is_regular_file(path, ignored)) fail(quoted(name) + " is not a file");
  const Handle access = file_access();
  Handle file(H5Fopen(path.c_str(), flags, access.id()));
  if (!file) fail("cannot open " + quoted(name) + " as an HDF5 file: " + hdf5_reason());
  return file;
}

/// All ranks at once: where one can't open it, MPI tells the others.
Handle open_file_together(const fs::path& path, const fs::path& name) {
  const Handle access = file_access();
  open_together(access.id());
  Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.id()));
  if (!file) fail("the ranks cannot open " + quoted(name) + " together: " + hdf5_reason());
  return file;
}

Dataset written_dataset(const Handle& file, const DatasetPath& path) {
  const std::string label = path.file.string() + ":" + path.name;
  Handle dataset(H5Dopen2(file.id(), path.name.c_str(), H5P_DEFAULT));
  if (!dataset) fail("cannot write " + label + ": " + hdf5_reason());
  return Dataset(std::move(dataset), label);
}

void close_written(Handle& file, const fs::path& name) {
  if (H5Fflush(file.id(), H5F_SCOPE_GLOBAL) < 0 || !file.close()) {
    fail("cannot write " + quoted(name) + ": " + hdf5_reason());
  }
}

/// Where writing to `path` writes to: behind symbolic links, the last of which may point to what
/// doesn't exist yet.
fs::path behind_links(fs::path path) {
  const fs::path name = path;
  constexpr int most = 40;  // as in the kernel
  std::error_code ignored;
  for (int links = 0; fs::is_symlink(path, ignored); ++links) {
    if (links == most) fail("cannot write " + quoted(name) + ": its symbolic links lead in a loop");
    path = path.parent_path() / fs::read_symlink(path);
  }
  return path;
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

fs::path checked_target(const fs::path& path) {
  fs::path target = behind_links(path);
  std::error_code ignored;
  if (!fs::is_directory(folder_of(target), ignored)) {
    fail("there is no folder " + quoted(folder_of(target)) + " to write to" +
         (target == path ? "" : "; " + quoted(path) + " is a symbolic link to a file in it"));
  }
  // The work is done on a copy, which may be written; the user has said that this one may not.
  if (fs::exists(target, ignored) && access(target.c_str(), W_OK) != 0) {
    fail("cannot write " + quoted(path) + ": " + std::generic_category().message(errno));
  }
  return target;
}

/// A property list for opening objects which doesn't follow links into other files; `*other_file`
/// becomes the name of the file of a link that was met.
Handle access_within_file(hid_t list_class, std::string* other_file) {
  Handle access(H5Pcreate(list_class));
  const H5L_elink_traverse_t refuse = [](const char*, const char*, const char* file, const char*,
                                         unsigned*, hid_t, void* name) -> herr_t {
    *static_cast<std::string*>(name) = file;
    return -1;
  };
  H5Pset_elink_cb(access.id(), refuse, other_file);
  return access;
}

}  // namespace

DatasetPath::DatasetPath(const std::string& argument) {
  const std::size_t colon = argument.rfind(":/");
  if (colon == std::string::npos || colon == 0) {
    fail("'" + argument + "' does not name a data set: write FILE:/DATASET, for example in.h5:/x");
  }
  file = argument.substr(0, colon);
  name = argument.substr(colon + 1);
}

InputFile::InputFile(fs::path path)
    : m_path(std::move(path)), m_file(open_file(m_path, H5F_ACC_RDONLY, m_path)) {}

Dataset InputFile::dataset(const std::string& name) const {
  const std::string label = m_path.string() + ":" + name;
  Handle object(H5Oopen(m_file.id(), name.c_str(), H5P_DEFAULT));
  if (object && H5Iget_type(object.id()) == H5I_DATASET) return Dataset(std::move(object), label);

  std::string message = label;
  if (object) {
    message += " is not a data set";
  } else {
    message = quoted(m_path) + " has no data set " + name;
  }
  const std::vector<std::string> names = dataset_names();
  if (names.empty()) fail(message + "; there is none in the file");
  message += "; the file has ";
  constexpr std::size_t most = 5;
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i) {
    message += (i == 0 ? "" : ", ") + names[i];
  }
  fail(message + (names.size() > most ? ", ..." : ""));
}

std::vector<std::string> InputFile::dataset_names() const {
  std::vector<std::string> names;
  const auto collect = [](hid_t root, const char* name, const H5L_info_t*, void* list) -> herr_t {
    const Handle object(H5Oopen(root, name, H5P_DEFAULT));
    if (object && H5Iget_type(object.id()) == H5I_DATASET) {
      static_cast<std::vector<std::string>*>(list)->push_back(std::string("/") + name);
    }
    return 0;
  };
  H5Lvisit(m_file.id(), H5_INDEX_NAME, H5_ITER_NATIVE, collect, &names);
  return names;
}

DatasetForm::DatasetForm(const Extents& extents, hid_t stored_type)
    : type(H5Tcopy(stored_type)),  // a named type of another file becomes a plain one
      space(extents.empty()
                ? H5Screate(H5S_SCALAR)
                : H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr)),
      creation(H5Pcreate(H5P_DATASET_CREATE)) {}

OutputFile::OutputFile(const fs::path& path, Existing existing)
    : m_path(path),
      m_target(checked_target(path)),
      m_original_version(current_version()),
      m_temporary(m_target) {
  if (m_original_version) m_original = open_file(m_target, H5F_ACC_RDONLY, path);
  if (m_original_version && existing == Existing::add_to_it) {
    std::error_code error;
    fs::copy_file(m_target, m_temporary.path(), error);
    if (error) fail("cannot add to a copy of " + quoted(path) + ": " + error.message());
    m_file = open_file(m_temporary.path(), H5F_ACC_RDWR, path);
  } else {
    const Handle access = file_access();
    m_file = Handle(H5Fcreate(m_temporary.path().c_str(), H5F_ACC_EXCL, H5P_DEFAULT, access.id()));
    if (!m_file) {
      fail("cannot write in folder " + quoted(folder_of(m_target)) + ": " + hdf5_reason());
    }
  }
}

std::optional<OutputFile::Version> OutputFile::current_version() const {
  struct stat status{};
  if (stat(m_target.c_str(), &status) != 0) return std::nullopt;
  return Version(status.st_ino, status.st_size, fs::last_write_time(m_target));
}

/// Throws unless `name` can be made: nothing is there yet, and it goes through groups of this file.
void OutputFile::check_free(const std::string& name, const std::string& label) const {
  std::string other_file;
  const Handle access = access_within_file(H5P_LINK_ACCESS, &other_file);
  for (std::size_t slash = 0; slash != std::string::npos;) {
    slash = name.find('/', slash + 1);
    const std::string part = name.substr(0, slash);
    const Handle object(H5Oopen(m_file.id(), part.c_str(), access.id()));
    if (!other_file.empty()) {
      fail("cannot make " + label + ": " + part + " is an external link to " + other_file +
           ", which stays as it is; name a data set in that file as OUT");
    }
    if (object && slash == std::string::npos) {
      fail(label + " exists already and is never overwritten; choose another name or file");
    }
    if (object && H5Iget_type(object.id()) != H5I_GROUP) {
      fail("cannot make " + label + ": " + part + " is not a group");
    }
    if (!object && H5Lexists(m_file.id(), part.c_str(), H5P_DEFAULT) > 0) {
      fail("cannot make " + label + ": " + part + " is a link that leads nowhere; choose another " +
           "name");
    }
  }
}

Dataset OutputFile::create_dataset(const std::string& name, const DatasetForm& form) {
  const std::string label = m_path.string() + ":" + name;
  check_free(name, label);
  const Handle links(H5Pcreate(H5P_LINK_CREATE));
  H5Pset_create_intermediate_group(links.id(), 1);
  Handle dataset(H5Dcreate2(m_file.id(), name.c_str(), form.type.id(), form.space.id(), links.id(),
                            form.creation.id(), H5P_DEFAULT));
  if (!dataset) fail("cannot make " + label + ": " + hdf5_reason());
  return Dataset(std::move(dataset), label);
}

void OutputFile::release() { close_written(m_file, m_path); }

void OutputFile::commit() {
  if (m_file) close_written(m_file, m_path);
  if (current_version() != m_original_version) {
    fail(quoted(m_path) + " was changed by another program in the meantime and is left as it is");
  }
  try {
    m_temporary.take_final_name();
  } catch (const std::system_error& error) {
    fail("cannot write " + quoted(m_path) + ": " + error.what());
  }
}

ReleasedDataset::ReleasedDataset(const fs::path& temporary_path, const DatasetPath& path,
                                 Writers writers)
    : m_name(path.file),
      m_writers(writers),
      m_file(writers == Writers::together ? open_file_together(temporary_path, path.file)
                                          : open_file(temporary_path, H5F_ACC_RDWR, path.file)),
      m_dataset(written_dataset(m_file, path)) {}

ReleasedDataset::~ReleasedDataset() {
  if (m_file && m_writers == Writers::together) abandon(m_file);
}

void ReleasedDataset::close() { close_written(m_file, m_name); }

}  // namespace fused_scan::cli
