// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_MODEL_FILE_HPP
#define FUSED_SCAN_MODEL_FILE_HPP

/// \file
/// Model files of the AR-SSM layer: parameters by their PyTorch names, input, and settings.

#include <filesystem>
#include <fused_scan/ar_ssm_parameters.hpp>
#include <string>
#include <utility>
#include <vector>

#include "hdf5_file.hpp"

namespace fused_scan::cli {

/// HDF5's word for T in memory.
inline hid_t native_type(float) { return H5T_NATIVE_FLOAT; }
inline hid_t native_type(double) { return H5T_NATIVE_DOUBLE; }

/// The settings of a model file, and its data sets. Whatever is wrong with one is found by the
/// constructor, before any work is done, and thrown as std::runtime_error.
class ModelFile {
 public:
  /// `with_gradient`: /grad_y is needed.
  ModelFile(const std::filesystem::path& path, bool with_gradient);

  ArSsmConfig config;
  int current_max_rank = 0;
  bool training = false;
  bool bidirectional = false;
  bool checkpointing = false;
  double l1_weight = 0;

  bool double_precision() const { return m_double_precision; }
  hsize_t batch() const { return m_batch; }
  hsize_t length() const { return m_length; }
  /// Attributes and parameters that the file has and the layer hasn't: a line for each.
  const std::vector<std::string>& warnings() const { return m_warnings; }
  /// Whether the file brings the uniform numbers for the noise of gumbel gates.
  bool has_gumbel_uniform() const { return m_has_gumbel_uniform; }

  /// All elements of a data set.
  template <class T>
  std::vector<T> read(const std::string& name) const {
    const Dataset dataset = m_file.dataset(name);
    hsize_t size = 1;
    for (const hsize_t extent : dataset.extents()) size *= extent;
    std::vector<T> elements(size);
    dataset.read(native_type(T()), elements.data());
    return elements;
  }

 private:
  void read_sizes();
  void read_settings();
  void find_unknown();
  Dataset real_dataset(const std::string& name, std::size_t rank) const;
  void check_dataset(const std::string& name, const Extents& extents) const;

  InputFile m_file;
  std::string m_path;
  bool m_double_precision = false;
  hsize_t m_batch = 0;
  hsize_t m_length = 0;
  bool m_has_gumbel_uniform = false;
  std::vector<std::string> m_warnings;
};

}  // namespace fused_scan::cli

#endif
