// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// An AR-SSM layer with the weights of a PyTorch model, and its answer for a batch of sequences:
//
//   07_ar_ssm_from_file MODEL.h5 OUT.h5
//
// MODEL.h5 holds /x and, in the group /parameters, the layer's state_dict. In Python:
//
//   with h5py.File("model.h5", "w") as file:
//       file["x"] = x.numpy()
//       for name, value in layer.state_dict().items(): file["parameters/" + name] = value.numpy()
//
// OUT.h5 gets /y. Where MODEL.h5 has the answer of the original in /expected/y, the two are
// compared. This is the layer in float with soft gates; the program fused-scan knows the rest.

#include <hdf5.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fused_scan/ar_ssm.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Exec = Kokkos::DefaultExecutionSpace;
using Layer = fused_scan::ArSsm<float, Exec>;
using Sequences = Kokkos::View<float***, Kokkos::LayoutRight, Exec>;

std::vector<hsize_t> extents_of(hid_t file, const std::string& name) {
  const hid_t dataset = H5Dopen2(file, name.c_str(), H5P_DEFAULT);
  if (dataset < 0) throw std::runtime_error("there is no data set " + name);
  const hid_t space = H5Dget_space(dataset);
  std::vector<hsize_t> extents(H5Sget_simple_extent_ndims(space));
  H5Sget_simple_extent_dims(space, extents.data(), nullptr);
  H5Sclose(space);
  H5Dclose(dataset);
  return extents;
}

/// A data set into a View of its shape, wherever its memory is.
template <class View>
void read(hid_t file, const std::string& name, const View& view) {
  const std::vector<hsize_t> extents = extents_of(file, name);
  bool same = extents.size() == View::rank;
  for (std::size_t d = 0; same && d < extents.size(); ++d) same = extents[d] == view.extent(d);
  if (!same) throw std::runtime_error(name + " doesn't have the shape that it should have");

  const auto host = Kokkos::create_mirror_view(view);
  const hid_t dataset = H5Dopen2(file, name.c_str(), H5P_DEFAULT);
  const herr_t status =
      H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, host.data());
  H5Dclose(dataset);
  if (status < 0) throw std::runtime_error("cannot read " + name);
  Kokkos::deep_copy(view, host);
}

void write(const char* path, const char* name, const Sequences& view) {
  const auto host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), view);
  const hsize_t extents[] = {view.extent(0), view.extent(1), view.extent(2)};
  const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(3, extents, nullptr);
  const hid_t dataset =
      H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const herr_t status =
      H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, host.data());
  H5Dclose(dataset);
  H5Sclose(space);
  if (H5Fclose(file) < 0 || status < 0) {
    throw std::runtime_error(std::string("cannot write ") + path);
  }
}

/// The largest |y - expected|, held against the attribute tol_abs of the data set.
bool as_expected(hid_t file, const Sequences& y) {
  const Sequences expected("expected", y.layout());
  read(file, "/expected/y", expected);
  float distance = 0;
  Kokkos::parallel_reduce(
      "distance", Kokkos::RangePolicy<Exec>(0, y.size()),
      KOKKOS_LAMBDA(std::size_t i, float& largest) {
        largest = Kokkos::max(largest, Kokkos::abs(y.data()[i] - expected.data()[i]));
      },
      Kokkos::Max<float>(distance));
  double tolerance = 0;
  const hid_t attribute = H5Aopen_by_name(file, "/expected/y", "tol_abs", H5P_DEFAULT, H5P_DEFAULT);
  H5Aread(attribute, H5T_NATIVE_DOUBLE, &tolerance);
  H5Aclose(attribute);
  std::printf("at most %.2g from the answer of the original, of allowed %.2g\n", distance,
              tolerance);
  return distance <= tolerance;
}

bool run(const char* model, const char* out) {
  const hid_t file = H5Fopen(model, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0) throw std::runtime_error(std::string("cannot open ") + model);

  // [layer]
  const auto sizes = extents_of(file, "/x");  // batch, length, d_model
  const auto gate_sizes = extents_of(file, "/parameters/complexity_gate.2.weight");
  fused_scan::ArSsmConfig config;
  config.d_model = static_cast<int>(sizes.at(2));
  config.max_rank = static_cast<int>(gate_sizes.at(0));
  config.min_rank = std::min(config.min_rank, config.max_rank);
  config.gate_hidden_dim = static_cast<int>(gate_sizes.at(1));

  Layer layer(config);
  layer.parameters().for_each(
      [&](const std::string& name, const auto& view) { read(file, "/parameters/" + name, view); });

  const Sequences x("x", sizes[0], sizes[1], sizes[2]), y("y", x.layout());
  read(file, "/x", x);
  layer.forward(Exec(), x, y);
  Kokkos::fence();
  // [layer]

  std::printf("%s: batch %zu, length %zu, d_model %d, rank %d\n", model, x.extent(0), x.extent(1),
              config.d_model, config.max_rank);
  write(out, "y", y);
  const bool right = H5Lexists(file, "/expected", H5P_DEFAULT) <= 0 || as_expected(file, y);
  H5Fclose(file);
  return right;
}

}  // namespace

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  if (argc != 3) {
    std::fprintf(stderr, "usage: 07_ar_ssm_from_file MODEL.h5 OUT.h5\n");
    return 2;
  }
  try {
    return run(argv[1], argv[2]) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
