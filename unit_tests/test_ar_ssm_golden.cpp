// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The layer against the answers of the original PyTorch layer, in golden/*.h5.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "../src/cli/attributes.hpp"
#include "../src/cli/hdf5_file.hpp"
#include "../src/cli/model_file.hpp"
#include "ar_ssm_call.hpp"

namespace fused_scan::test {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> golden_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(FUSED_SCAN_GOLDEN_FILES)) {
    if (entry.path().extension() == ".h5") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The names of all data sets below a group, relative to it.
std::vector<std::string> datasets_below(hid_t file, const char* group) {
  std::vector<std::string> names;
  const auto add = [](hid_t group, const char* name, const H5L_info_t*, void* list) -> herr_t {
    const hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    if (H5Iget_type(object) == H5I_DATASET)
      static_cast<std::vector<std::string>*>(list)->push_back(name);
    return H5Oclose(object);
  };
  H5Lvisit_by_name(file, group, H5_INDEX_NAME, H5_ITER_NATIVE, add, &names, H5P_DEFAULT);
  return names;
}

enum class Way { as_stored, checkpointed, plain_scan };

/// The passes that the file describes; diagnostics come from a forward pass of their own.
template <class T>
Answers<T> answers_for(const cli::ModelFile& model, Way way) {
  ArSsmConfig config = model.config;
  config.use_fused_scan = way != Way::plain_scan;
  Layer<T> layer(config);
  layer.set_current_max_rank(model.current_max_rank);
  layer.set_checkpointing(model.checkpointing || way == Way::checkpointed);
  if (model.training) layer.train();
  layer.parameters().for_each([&](const char* name, const auto& view) {
    set_values(view, model.read<T>("/parameters/" + std::string(name)));
  });
  const int batch = model.batch();
  const int length = model.length();
  if (model.has_gumbel_uniform()) {
    layer.set_gumbel_uniform(
        sequence("uniform", batch, length, config.max_rank, model.read<T>("/gumbel_uniform")));
  }
  const auto x = sequence("x", batch, length, config.d_model, model.read<T>("/x"));
  const auto grad_y = sequence("grad_y", batch, length, config.d_model, model.read<T>("/grad_y"));
  Answers<T> answers = run_layer(layer, model.bidirectional, x, grad_y, model.l1_weight);

  typename Layer<T>::Diagnostics diagnostics;
  diagnostics.check_stability = true;
  const Sequence<T> y("y", batch, length, config.d_model);
  if (model.bidirectional) {
    layer.forward_bidirectional(Exec(), x, y, diagnostics);
  } else {
    layer.forward(Exec(), x, y, diagnostics);
  }
  CHECK(difference(values_of(y), answers["y"]) == "");
  collect_diagnostics(answers, diagnostics);
  return answers;
}

template <class T>
void check_file(const cli::ModelFile& model, const cli::InputFile& file, Way way) {
  const Answers<T> answers = answers_for<T>(model, way);
  const auto names = datasets_below(file.id(), "/expected");
  REQUIRE(names.size() >= 11);
  for (const std::string& name : names) {
    INFO(name);
    const std::string path = "/expected/" + name;
    const cli::Handle object(H5Oopen(file.id(), path.c_str(), H5P_DEFAULT));
    const auto tolerance = cli::float_attribute(object.id(), path, "tol_abs");
    REQUIRE(tolerance);
    const cli::Dataset dataset = file.dataset(path);
    const auto answer = answers.find(name);
    REQUIRE(answer != answers.end());
    // bool is an enumeration in the file
    if (H5Tget_class(dataset.stored_type()) == H5T_ENUM) {
      signed char expected = 0;
      dataset.read(dataset.stored_type(), &expected);
      if (name != "diagnostics/used_fused_scan")
        CHECK(static_cast<T>(expected) == answer->second.at(0));
      continue;
    }
    const auto expected = model.read<double>(path);
    REQUIRE(expected.size() == answer->second.size());
    double worst = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double error = std::abs(static_cast<double>(answer->second[i]) - expected[i]);
      if (!(error <= worst)) worst = error;
    }
    CHECK(worst <= *tolerance);
  }
}

void check_all_files(Way way) {
  const auto files = golden_files();
  REQUIRE(files.size() >= 15);
  for (const fs::path& path : files) {
    INFO(path.filename().string());
    const cli::ModelFile model(path, true);
    const cli::InputFile file(path);
    if (model.double_precision()) {
      check_file<double>(model, file, way);
    } else {
      check_file<float>(model, file, way);
    }
  }
}

TEST_CASE("ArSsmGolden.EveryFile") { check_all_files(Way::as_stored); }
TEST_CASE("ArSsmGolden.EveryFileWithCheckpointing") { check_all_files(Way::checkpointed); }
TEST_CASE("ArSsmGolden.EveryFileWithThePlainScan") { check_all_files(Way::plain_scan); }

}  // namespace
}  // namespace fused_scan::test
