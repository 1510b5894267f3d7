// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The answers of `fused-scan ar-ssm MODEL.h5 OUT.h5` beside those of the original layer, which
// MODEL.h5 has in /expected:
//
//   fused_scan_layer_demo MODEL.h5 OUT.h5 [POINTS.txt]
//
// POINTS.txt, for a picture of the first sequence, gets a line of gates for each position; then,
// after two blank lines, one with the sum of the gates and the distance of y from the original's,
// in units of what is allowed.

#include <hdf5.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

/// A data set of real numbers, of either precision.
struct Data {
  std::vector<hsize_t> extents;
  std::vector<double> numbers;
  double tolerance = 0;  // the attribute tol_abs, where there is one

  /// One of the numbers of a sequence: of extents (batch, length, columns).
  double at(hsize_t l, hsize_t column) const { return numbers[l * extents[2] + column]; }
};

hid_t open(const char* path) {
  const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0) throw std::runtime_error(std::string("cannot open ") + path);
  return file;
}

Data read(hid_t file, const std::string& name) {
  const hid_t dataset = H5Dopen2(file, name.c_str(), H5P_DEFAULT);
  if (dataset < 0) throw std::runtime_error("there is no data set " + name);
  const hid_t space = H5Dget_space(dataset);
  Data data;
  data.extents.resize(H5Sget_simple_extent_ndims(space));
  H5Sget_simple_extent_dims(space, data.extents.data(), nullptr);
  data.numbers.resize(H5Sget_simple_extent_npoints(space));
  const herr_t status =
      H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data.numbers.data());
  if (status < 0) throw std::runtime_error("cannot read " + name);
  if (H5Aexists(dataset, "tol_abs") > 0) {
    const hid_t attribute = H5Aopen(dataset, "tol_abs", H5P_DEFAULT);
    H5Aread(attribute, H5T_NATIVE_DOUBLE, &data.tolerance);
    H5Aclose(attribute);
  }
  H5Sclose(space);
  H5Dclose(dataset);
  return data;
}

/// The data sets of real numbers in /expected, relative to it.
std::vector<std::string> expected_names(hid_t file) {
  std::vector<std::string> names;
  const H5O_iterate2_t add = [](hid_t group, const char* name, const H5O_info2_t* info,
                                void* list) -> herr_t {
    if (info->type != H5O_TYPE_DATASET) return 0;
    const hid_t dataset = H5Dopen2(group, name, H5P_DEFAULT);
    const hid_t type = H5Dget_type(dataset);
    const bool real = H5Tget_class(type) == H5T_FLOAT;
    H5Tclose(type);
    H5Dclose(dataset);
    if (real) static_cast<std::vector<std::string>*>(list)->push_back(name);
    return 0;
  };
  const herr_t status = H5Ovisit_by_name3(file, "/expected", H5_INDEX_NAME, H5_ITER_NATIVE, add,
                                          &names, H5O_INFO_BASIC, H5P_DEFAULT);
  if (status < 0) throw std::runtime_error("there is no group /expected with answers");
  return names;
}

/// NaN where one of the two is.
double largest_distance(const Data& answer, const Data& expected) {
  double largest = 0;
  for (std::size_t i = 0; i < expected.numbers.size(); ++i) {
    const double distance = std::abs(answer.numbers[i] - expected.numbers[i]);
    if (!(distance <= largest)) largest = distance;
  }
  return largest;
}

void write_points(const std::string& file, const Data& gates, const Data& y, const Data& expected) {
  std::ofstream out(file);
  const hsize_t length = gates.extents[1];
  for (hsize_t l = 0; l < length; ++l) {
    for (hsize_t j = 0; j < gates.extents[2]; ++j) out << gates.at(l, j) << ' ';
    out << '\n';
  }
  out << "\n\n";
  for (hsize_t l = 0; l < length; ++l) {
    double rank = 0, distance = 0;
    for (hsize_t j = 0; j < gates.extents[2]; ++j) rank += gates.at(l, j);
    for (hsize_t d = 0; d < y.extents[2]; ++d) {
      distance = std::max(distance, std::abs(y.at(l, d) - expected.at(l, d)));
    }
    out << rank << ' ' << distance / expected.tolerance << '\n';
  }
  if (!out.flush()) throw std::runtime_error("cannot write " + file);
}

bool run(int argc, char* argv[]) {
  if (argc < 3)
    throw std::runtime_error("usage: fused_scan_layer_demo MODEL.h5 OUT.h5 [POINTS.txt]");
  const hid_t model = open(argv[1]);
  const hid_t out = open(argv[2]);

  bool all_right = true;
  std::printf("%-42s %14s %12s\n", "beside the answers of the original", "largest error",
              "allowed");
  for (const std::string& name : expected_names(model)) {
    const Data expected = read(model, "/expected/" + name);
    const Data answer = read(out, "/" + name);
    if (answer.extents != expected.extents) throw std::runtime_error(name + " has another shape");
    const double distance = largest_distance(answer, expected);
    std::printf("%-42s %14.1e %12.1e\n", name.c_str(), distance, expected.tolerance);
    all_right = all_right && distance <= expected.tolerance;
  }
  const Data gates = read(out, "/diagnostics/gates");
  std::printf("effective rank %.4f, of the original %.4f, of at most %d\n",
              read(out, "/diagnostics/effective_rank").numbers.at(0),
              read(model, "/expected/diagnostics/effective_rank").numbers.at(0),
              static_cast<int>(gates.extents.at(2)));
  if (argc > 3) write_points(argv[3], gates, read(out, "/y"), read(model, "/expected/y"));
  H5Fclose(out);
  H5Fclose(model);
  return all_right;
}

}  // namespace

int main(int argc, char* argv[]) {
  try {
    return run(argc, argv) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
