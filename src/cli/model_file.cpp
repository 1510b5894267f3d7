// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "model_file.hpp"

#include <limits>
#include <map>
#include <set>
#include <stdexcept>

#include "attributes.hpp"
#include "element_type.hpp"

namespace fused_scan::cli {

namespace {

[[noreturn]] void fail(const std::string& message) { throw std::runtime_error(message); }

std::string shape(const Extents& extents) {
  std::string text;
  for (const hsize_t extent : extents) text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return "(" + text + ")";
}

int size_as_int(const Dataset& dataset, std::size_t dimension) {
  const hsize_t extent = dataset.extents()[dimension];
  if (extent == 0 || extent > static_cast<hsize_t>(std::numeric_limits<int>::max())) {
    fail(dataset.label() + " has shape " + shape(dataset.extents()) + ", no size can be " +
         std::to_string(extent));
  }
  return static_cast<int>(extent);
}

std::string listed(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::vector<std::string> link_names(hid_t file, const char* group) {
  std::vector<std::string> names;
  const H5L_iterate_t collect = [](hid_t, const char* name, const H5L_info_t*,
                                   void* list) -> herr_t {
    static_cast<std::vector<std::string>*>(list)->push_back(name);
    return 0;
  };
  H5Literate_by_name(file, group, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &names,
                     H5P_DEFAULT);
  return names;
}

bool exists(hid_t file, const std::string& name) {
  return H5Lexists(file, name.c_str(), H5P_DEFAULT) > 0;
}

}  // namespace

ModelFile::ModelFile(const std::filesystem::path& path, bool with_gradient)
    : m_file(path), m_path(path.string()) {
  read_sizes();
  read_settings();
  const hsize_t d = config.d_model, r = config.max_rank, h = config.gate_hidden_dim;
  check_dataset("/parameters/complexity_gate.0.weight", {h, d});
  check_dataset("/parameters/complexity_gate.0.bias", {h});
  check_dataset("/parameters/complexity_gate.2.weight", {r, h});
  check_dataset("/parameters/complexity_gate.2.bias", {r});
  check_dataset("/parameters/U_proj.weight", {r, d});
  check_dataset("/parameters/V_proj.weight", {r, d});
  check_dataset("/parameters/T_conv.weight", {d, 1, 3});
  check_dataset("/parameters/output_proj.weight", {d, r});
  check_dataset("/parameters/output_proj.bias", {d});
  if (with_gradient) check_dataset("/grad_y", {m_batch, m_length, d});
  m_has_gumbel_uniform = exists(m_file.id(), "/gumbel_uniform");
  if (m_has_gumbel_uniform) check_dataset("/gumbel_uniform", {m_batch, m_length, r});
  find_unknown();
}

Dataset ModelFile::real_dataset(const std::string& name, std::size_t rank) const {
  Dataset dataset = m_file.dataset(name);
  const hid_t type = dataset.stored_type();
  const std::size_t size = H5Tget_size(type);
  if (H5Tget_class(type) != H5T_FLOAT || (size != 4 && size != 8)) {
    fail(dataset.label() + " is of type " + type_name(type) + ", it must be float32 or float64");
  }
  if (dataset.extents().size() != rank) {
    fail(dataset.label() + " has shape " + shape(dataset.extents()) + ", it must have rank " +
         std::to_string(rank));
  }
  return dataset;
}

void ModelFile::check_dataset(const std::string& name, const Extents& extents) const {
  const Dataset dataset = real_dataset(name, extents.size());
  if ((H5Tget_size(dataset.stored_type()) == 8) != m_double_precision) {
    fail(dataset.label() + " is of type " + type_name(dataset.stored_type()) + ", but " + m_path +
         ":/x of type " + (m_double_precision ? "float64" : "float32"));
  }
  if (dataset.extents() != extents) {
    fail(dataset.label() + " has shape " + shape(dataset.extents()) + ", it must have " +
         shape(extents));
  }
}

/// The parameters have them all; attributes may repeat them.
void ModelFile::read_sizes() {
  const Dataset x = real_dataset("/x", 3);
  m_double_precision = H5Tget_size(x.stored_type()) == 8;
  m_batch = size_as_int(x, 0);
  m_length = size_as_int(x, 1);
  config.d_model = size_as_int(x, 2);
  const Dataset gate = real_dataset("/parameters/complexity_gate.2.weight", 2);
  config.max_rank = size_as_int(gate, 0);
  config.gate_hidden_dim = size_as_int(gate, 1);
  const auto check = [&](const char* name, int size, const std::string& source) {
    const auto value = integer_attribute(m_file.id(), m_path, name);
    if (value && *value != size) {
      fail("attribute " + std::string(name) + " of " + m_path + " is " + std::to_string(*value) +
           ", but " + source + " has " + std::to_string(size));
    }
  };
  check("d_model", config.d_model, "/x");
  check("max_rank", config.max_rank, "/parameters/complexity_gate.2.weight");
  check("gate_hidden_dim", config.gate_hidden_dim, "/parameters/complexity_gate.2.weight");
}

void ModelFile::read_settings() {
  const hid_t file = m_file.id();
  const auto small_integer = [&](const char* name, int low, int high, int otherwise) {
    const std::int64_t value = integer_attribute(file, m_path, name).value_or(otherwise);
    if (value < low || value > high) {
      fail("attribute " + std::string(name) + " of " + m_path + " is " + std::to_string(value) +
           ", it must be from " + std::to_string(low) + " to " + std::to_string(high));
    }
    return static_cast<int>(value);
  };
  config.min_rank =
      small_integer("min_rank", 1, config.max_rank, std::min(config.min_rank, config.max_rank));
  current_max_rank = small_integer("current_max_rank", 0, config.max_rank, config.max_rank);

  const std::map<std::string, GateMode> modes{
      {"soft", GateMode::soft}, {"ste", GateMode::ste}, {"gumbel", GateMode::gumbel}};
  const std::string mode = string_attribute(file, m_path, "gate_mode").value_or("soft");
  if (!modes.contains(mode)) {
    fail("attribute gate_mode of " + m_path + " is '" + mode + "', it must be soft, ste or gumbel");
  }
  config.gate_mode = modes.at(mode);

  const auto number = [&](const char* name, double otherwise) {
    return float_attribute(file, m_path, name).value_or(otherwise);
  };
  config.l1_regularization = number("l1_regularization", config.l1_regularization);
  config.gumbel_temperature = number("gumbel_temperature", config.gumbel_temperature);
  l1_weight = number("l1_weight", 0);
  const auto flag = [&](const char* name) {
    return bool_attribute(file, m_path, name).value_or(false);
  };
  training = flag("training");
  bidirectional = flag("bidirectional");
  checkpointing = flag("checkpointing");
  config.causal_convolution = flag("causal_convolution");
  config.use_fused_scan = bool_attribute(file, m_path, "use_fused_scan").value_or(true);
}

/// What is there and means nothing: perhaps a name that was meant to be another.
void ModelFile::find_unknown() {
  const std::string meaning = ", which means nothing to ar-ssm and is ignored; it knows ";
  const std::set<std::string> settings{
      "bidirectional",     "causal_convolution", "checkpointing", "current_max_rank",
      "d_model",           "gate_hidden_dim",    "gate_mode",     "gumbel_temperature",
      "l1_regularization", "l1_weight",          "max_rank",      "min_rank",
      "training",          "use_fused_scan"};
  for (const std::string& name : attribute_names(m_file.id())) {
    if (settings.contains(name)) continue;
    m_warnings.push_back(m_path + " has the attribute " + name + meaning + listed(settings));
  }
  const std::set<std::string> parameters{"T_conv.weight",
                                         "U_proj.weight",
                                         "V_proj.weight",
                                         "complexity_gate.0.bias",
                                         "complexity_gate.0.weight",
                                         "complexity_gate.2.bias",
                                         "complexity_gate.2.weight",
                                         "output_proj.bias",
                                         "output_proj.weight"};
  for (const std::string& name : link_names(m_file.id(), "/parameters")) {
    if (parameters.contains(name)) continue;
    m_warnings.push_back(m_path + " has /parameters/" + name + meaning + listed(parameters));
  }
}

}  // namespace fused_scan::cli
