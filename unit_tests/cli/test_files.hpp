// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_TEST_FILES_HPP
#define FUSED_SCAN_TEST_FILES_HPP

/// \file
/// A folder for a test, HDF5 files in it (by HDF5's own functions, not by the program's), and the
/// program run there. A mistake in a test's own use of HDF5 fails the test.

#include <hdf5.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <system_error>
#include <vector>

inline std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "fused-scan-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()));
    m_path = name;
    std::filesystem::create_directory(m_path / "work");
  }
  ~TestFolder() { std::filesystem::remove_all(m_path); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::filesystem::path operator/(const std::string& file) const { return m_path / "work" / file; }

  /// Every file of the folder, with what is in it.
  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(m_path / "work")) {
      std::error_code ignored;  // a link may lead in a loop
      all[entry.path().string()] =
          entry.is_regular_file(ignored) ? bytes_of(entry.path()) : std::string();
    }
    return all;
  }

  struct Outcome {
    int status;
    std::string out;
    std::string err;
  };

  /// A line of shell in this folder, where $FUSED_SCAN is the program.
  Outcome shell(const std::string& line) const {
    const std::string out = (m_path / "out").string(), err = (m_path / "err").string();
    const std::string command = "cd '" + (m_path / "work").string() +
                                "' && FUSED_SCAN='" FUSED_SCAN_PROGRAM "' && { " + line + "; } >'" +
                                out + "' 2>'" + err + "'";
    const int status = std::system(command.c_str());
    REQUIRE(WIFEXITED(status));
    return {WEXITSTATUS(status), bytes_of(out), bytes_of(err)};
  }

  Outcome fused_scan(const std::string& arguments) const {
    return shell("\"$FUSED_SCAN\" " + arguments);
  }

 private:
  std::filesystem::path m_path;
};

inline hid_t valid(hid_t id) {
  REQUIRE(id >= 0);
  return id;
}

/// An HDF5 file that is made, or opened if it exists. Identifiers that it hands out live as long.
class TestFile {
 public:
  explicit TestFile(const std::filesystem::path& path) {
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    m_id = valid(std::filesystem::exists(path)
                     ? H5Fopen(path.c_str(), H5F_ACC_RDWR, access)
                     : H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, access));
    H5Pclose(access);
  }
  ~TestFile() { H5Fclose(m_id); }
  TestFile(const TestFile&) = delete;
  TestFile& operator=(const TestFile&) = delete;

  hid_t id() const { return m_id; }

  void write(const std::string& name, hid_t stored_type, const std::vector<hsize_t>& extents,
             hid_t memory_type, const void* elements, hid_t creation = H5P_DEFAULT) const {
    const hid_t links = valid(H5Pcreate(H5P_LINK_CREATE));
    H5Pset_create_intermediate_group(links, 1);
    const hid_t space =
        valid(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr));
    const hid_t dataset =
        valid(H5Dcreate2(m_id, name.c_str(), stored_type, space, links, creation, H5P_DEFAULT));
    if (elements) {
      REQUIRE(H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements) >= 0);
    }
    H5Dclose(dataset);
    H5Sclose(space);
    H5Pclose(links);
  }

  bool contains(const std::string& name) const {
    return H5Lexists(m_id, name.c_str(), H5P_DEFAULT) > 0;
  }

  hid_t stored_type(const std::string& name) const {
    const hid_t dataset = valid(H5Dopen2(m_id, name.c_str(), H5P_DEFAULT));
    const hid_t type = valid(H5Dget_type(dataset));
    H5Dclose(dataset);
    return type;
  }

  std::vector<hsize_t> extents(const std::string& name) const {
    const hid_t dataset = valid(H5Dopen2(m_id, name.c_str(), H5P_DEFAULT));
    const hid_t space = valid(H5Dget_space(dataset));
    std::vector<hsize_t> extents(H5Sget_simple_extent_ndims(space));
    H5Sget_simple_extent_dims(space, extents.data(), nullptr);
    H5Sclose(space);
    H5Dclose(dataset);
    return extents;
  }

  template <class T>
  std::vector<T> read(const std::string& name, hid_t memory_type) const {
    std::size_t size = 1;
    for (const hsize_t extent : extents(name)) size *= extent;
    std::vector<T> elements(size);
    const hid_t dataset = valid(H5Dopen2(m_id, name.c_str(), H5P_DEFAULT));
    REQUIRE(H5Dread(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements.data()) >= 0);
    H5Dclose(dataset);
    return elements;
  }

 private:
  hid_t m_id;
};

using Extents = std::vector<hsize_t>;

/// Numbers whose sums depend on the grouping.
inline std::vector<double> rough_numbers(std::size_t size) {
  std::mt19937_64 random(7);
  std::vector<double> x(size);
  for (double& number : x) {
    number = std::ldexp(static_cast<double>(random() >> 11) - 0x1p52, -52 + random() % 9);
  }
  return x;
}

inline std::size_t size_of(const Extents& extents) {
  std::size_t size = 1;
  for (const hsize_t extent : extents) size *= extent;
  return size;
}

/// As they are stored.
inline std::vector<unsigned char> bytes_in(const TestFile& file, const std::string& name) {
  const hid_t type = file.stored_type(name);
  const Extents extents = file.extents(name);
  std::vector<unsigned char> bytes(size_of(extents) * H5Tget_size(type));
  const hid_t dataset = valid(H5Dopen2(file.id(), name.c_str(), H5P_DEFAULT));
  REQUIRE(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) >= 0);
  H5Dclose(dataset);
  return bytes;
}

#endif
