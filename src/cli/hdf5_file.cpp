// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "hdf5_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <system_error>

#include "progress_bar.hpp"

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

Handle open_file(const fs::path& path, unsigned flags) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) fail("there is no file " + quoted(path));
  if (!fs::is_regular_file(path, ignored)) fail(quoted(path) + " is not a file");
  const Handle access = file_access();
  Handle file(H5Fopen(path.c_str(), flags, access.id()));
  if (!file) fail("cannot open " + quoted(path) + " as an HDF5 file: " + hdf5_reason());
  return file;
}

/// Boxes that cover the data set, of about 64 MiB where that is possible without cutting a chunk: a
/// cut chunk would be read, and decompressed, once for every part.
template <class Visit>
void for_each_slab(const Extents& extents, const Extents& chunk, std::size_t element_size,
                   const Visit& visit) {
  if (std::find(extents.begin(), extents.end(), 0) != extents.end()) return;
  constexpr hsize_t target_bytes = hsize_t{64} << 20;
  Extents offset(extents.size(), 0);
  Extents count = extents;
  const std::function<void(std::size_t)> cover = [&](std::size_t dimension) {
    hsize_t row_bytes = element_size;
    for (std::size_t d = 0; d < extents.size(); ++d) row_bytes *= d == dimension ? 1 : count[d];
    hsize_t step = chunk[dimension];
    const bool too_large = row_bytes * step > target_bytes && dimension + 1 < extents.size();
    if (!too_large) step *= std::max<hsize_t>(1, target_bytes / (row_bytes * step));
    for (hsize_t first = 0; first < extents[dimension]; first += step) {
      offset[dimension] = first;
      count[dimension] = std::min(step, extents[dimension] - first);
      if (too_large) {
        cover(dimension + 1);
      } else {
        visit(offset, count);
      }
    }
    offset[dimension] = 0;
    count[dimension] = extents[dimension];
  };
  cover(0);
}

Extents chunk_of(hid_t dataset, std::size_t rank) {
  Extents chunk(rank, 1);
  const Handle properties(H5Dget_create_plist(dataset));
  if (H5Pget_layout(properties.id()) == H5D_CHUNKED) {
    H5Pget_chunk(properties.id(), static_cast<int>(rank), chunk.data());
  }
  return chunk;
}

}  // namespace

void silence_hdf5() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

std::string hdf5_reason() {
  std::string reason;
  const H5E_walk2_t take_first = [](unsigned, const H5E_error2_t* error, void* text) -> herr_t {
    std::string& first = *static_cast<std::string*>(text);
    // Where a filter is missing, the search for a plugin that has it is not what matters.
    const bool plugin_search = std::string(error->func_name).starts_with("H5PL");
    if (first.empty() && !plugin_search) first = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, &reason);

  // Of "file write failed: time = ..., error message = 'No space left on device', buf = ..." keep
  // what was tried and the system's answer.
  const std::string mark = "error message = '";
  const std::size_t answer = reason.find(mark);
  if (answer == std::string::npos) return reason;
  const std::size_t begin = answer + mark.size();
  return reason.substr(0, reason.find_first_of(":,")) + ": " +
         reason.substr(begin, reason.find('\'', begin) - begin);
}

DatasetPath::DatasetPath(const std::string& argument) {
  const std::size_t colon = argument.rfind(":/");
  if (colon == std::string::npos || colon == 0) {
    fail("'" + argument + "' does not name a data set: write FILE:/DATASET, for example in.h5:/x");
  }
  file = argument.substr(0, colon);
  name = argument.substr(colon + 1);
}

Dataset::Dataset(Handle dataset, std::string label)
    : m_dataset(std::move(dataset)),
      m_stored_type(H5Dget_type(m_dataset.id())),
      m_label(std::move(label)) {
  const Handle space(H5Dget_space(m_dataset.id()));
  if (H5Sget_simple_extent_type(space.id()) == H5S_NULL)
    fail(m_label + " is empty: it has no shape");
  m_extents.resize(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space.id())));
  H5Sget_simple_extent_dims(space.id(), m_extents.data(), nullptr);
}

template <class Transfer>
void Dataset::transfer(const std::string& verb, hid_t memory_type, Transfer transfer) const {
  const auto require_success = [&](herr_t status) {
    if (status < 0) fail("cannot " + verb + " " + m_label + ": " + hdf5_reason());
  };
  if (m_extents.empty()) return require_success(transfer(H5S_ALL));
  const hsize_t size =
      std::accumulate(m_extents.begin(), m_extents.end(), hsize_t{1}, std::multiplies<>());
  ProgressBar progress(verb + " " + m_label, size);
  // One selection serves both sides, since the elements in memory have the data set's shape.
  const Handle selection(H5Dget_space(m_dataset.id()));
  for_each_slab(m_extents, chunk_of(m_dataset.id(), m_extents.size()), H5Tget_size(memory_type),
                [&](const Extents& offset, const Extents& count) {
                  H5Sselect_hyperslab(selection.id(), H5S_SELECT_SET, offset.data(), nullptr,
                                      count.data(), nullptr);
                  require_success(transfer(selection.id()));
                  progress.advance(
                      std::accumulate(count.begin(), count.end(), hsize_t{1}, std::multiplies<>()));
                });
}

void Dataset::read(hid_t memory_type, void* elements) const {
  transfer("read", memory_type, [&](hid_t selection) {
    return H5Dread(m_dataset.id(), memory_type, selection, selection, H5P_DEFAULT, elements);
  });
}

void Dataset::write(hid_t memory_type, const void* elements, bool saturate) const {
  const Handle properties(H5Pcreate(H5P_DATASET_XFER));
  bool too_large = false;
  const H5T_conv_except_func_t refuse = [](H5T_conv_except_t, hid_t, hid_t, void*, void*,
                                           void* flag) {
    *static_cast<bool*>(flag) = true;
    return H5T_CONV_ABORT;
  };
  if (H5Tget_class(m_stored_type.id()) == H5T_INTEGER && !saturate) {
    H5Pset_type_conv_cb(properties.id(), refuse, &too_large);
  }
  transfer("write", memory_type, [&](hid_t selection) {
    const herr_t status =
        H5Dwrite(m_dataset.id(), memory_type, selection, selection, properties.id(), elements);
    if (too_large) {
      fail("cannot write " + m_label + ": a number does not fit in its " +
           std::to_string(8 * H5Tget_size(m_stored_type.id())) + " bits; use a wider type");
    }
    return status;
  });
}

InputFile::InputFile(fs::path path)
    : m_path(std::move(path)), m_file(open_file(m_path, H5F_ACC_RDONLY)) {}

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

OutputFile::OutputFile(const fs::path& path, Existing existing)
    : m_path(path),
      m_original_version(current_version()),
      m_temporary(m_original_version ? fs::canonical(path) : path) {  // a link stays a link
  const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!fs::is_directory(folder)) fail("there is no folder " + quoted(folder) + " to write to");
  if (m_original_version) m_original = open_file(path, H5F_ACC_RDONLY);
  if (m_original_version && existing == Existing::add_to_it) {
    std::error_code error;
    fs::copy_file(path, m_temporary.path(), error);
    if (error) fail("cannot add to a copy of " + quoted(path) + ": " + error.message());
    m_file = open_file(m_temporary.path(), H5F_ACC_RDWR);
  } else {
    const Handle access = file_access();
    m_file = Handle(H5Fcreate(m_temporary.path().c_str(), H5F_ACC_EXCL, H5P_DEFAULT, access.id()));
    if (!m_file) fail("cannot write in folder " + quoted(folder) + ": " + hdf5_reason());
  }
}

std::optional<OutputFile::Version> OutputFile::current_version() const {
  struct stat status{};
  if (stat(m_path.c_str(), &status) != 0) return std::nullopt;
  return Version(status.st_ino, status.st_size, fs::last_write_time(m_path));
}

Dataset OutputFile::create_dataset(const std::string& name, const Extents& extents,
                                   hid_t stored_type) {
  const std::string label = m_path.string() + ":" + name;
  for (std::size_t slash = 0; slash != std::string::npos;) {
    slash = name.find('/', slash + 1);
    const std::string part = name.substr(0, slash);
    const Handle object(H5Oopen(m_file.id(), part.c_str(), H5P_DEFAULT));
    if (object && slash == std::string::npos) {
      fail(label + " exists already and is never overwritten; choose another name or file");
    }
    if (object && H5Iget_type(object.id()) != H5I_GROUP) {
      fail("cannot make " + label + ": " + part + " is not a group");
    }
  }
  const Handle space(extents.empty() ? H5Screate(H5S_SCALAR)
                                     : H5Screate_simple(static_cast<int>(extents.size()),
                                                        extents.data(), nullptr));
  const Handle links(H5Pcreate(H5P_LINK_CREATE));
  H5Pset_create_intermediate_group(links.id(), 1);
  const Handle type(H5Tcopy(stored_type));  // a named type of another file becomes a plain one
  Handle dataset(H5Dcreate2(m_file.id(), name.c_str(), type.id(), space.id(), links.id(),
                            H5P_DEFAULT, H5P_DEFAULT));
  if (!dataset) fail("cannot make " + label + ": " + hdf5_reason());
  return Dataset(std::move(dataset), label);
}

void OutputFile::commit() {
  if (H5Fflush(m_file.id(), H5F_SCOPE_GLOBAL) < 0 || !m_file.close()) {
    fail("cannot write " + quoted(m_path) + ": " + hdf5_reason());
  }
  if (current_version() != m_original_version) {
    fail(quoted(m_path) + " was changed by another program in the meantime and is left as it is");
  }
  try {
    m_temporary.take_final_name();
  } catch (const std::system_error& error) {
    fail("cannot write " + quoted(m_path) + ": " + error.what());
  }
}

}  // namespace fused_scan::cli
