// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// fused-scan ar-ssm: the original's answers, and one clear line for every bad file.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "test_files.hpp"

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

std::vector<std::string> datasets_below(const TestFile& file, const char* group) {
  std::vector<std::string> names;
  const H5O_iterate2_t add = [](hid_t, const char* name, const H5O_info2_t* info,
                                void* list) -> herr_t {
    if (info->type == H5O_TYPE_DATASET)
      static_cast<std::vector<std::string>*>(list)->push_back(name);
    return 0;
  };
  H5Ovisit_by_name3(file.id(), group, H5_INDEX_NAME, H5_ITER_NATIVE, add, &names, H5O_INFO_BASIC,
                    H5P_DEFAULT);
  return names;
}

double tolerance_of(const TestFile& file, const std::string& name) {
  const hid_t attribute =
      valid(H5Aopen_by_name(file.id(), name.c_str(), "tol_abs", H5P_DEFAULT, H5P_DEFAULT));
  double tolerance = -1;
  H5Aread(attribute, H5T_NATIVE_DOUBLE, &tolerance);
  H5Aclose(attribute);
  return tolerance;
}

void check_against_original(const fs::path& golden, const fs::path& out) {
  const TestFile expected(golden);
  const TestFile actual(out);
  for (const std::string& name : datasets_below(expected, "/expected")) {
    INFO(name);
    const std::string path = "/expected/" + name;
    REQUIRE(actual.contains("/" + name));
    CHECK(actual.extents("/" + name) == expected.extents(path));
    const hid_t type = expected.stored_type(path);
    if (H5Tget_class(type) == H5T_ENUM) {
      CHECK(H5Tequal(type, actual.stored_type("/" + name)) > 0);
      if (name != "diagnostics/used_fused_scan") {
        CHECK(actual.read<signed char>("/" + name, type) == expected.read<signed char>(path, type));
      }
      continue;
    }
    CHECK(H5Tequal(actual.stored_type("/" + name), actual.stored_type("/y")) > 0);
    const auto a = actual.read<double>("/" + name, H5T_NATIVE_DOUBLE);
    const auto e = expected.read<double>(path, H5T_NATIVE_DOUBLE);
    double worst = 0;
    for (std::size_t i = 0; i < e.size(); ++i) {
      if (!(std::abs(a[i] - e[i]) <= worst)) worst = std::abs(a[i] - e[i]);
    }
    CHECK(worst <= tolerance_of(expected, path));
  }
}

/// A folder with a good model file to be spoilt.
struct FolderWithModel : TestFolder {
  FolderWithModel() {
    fs::copy_file(fs::path(FUSED_SCAN_GOLDEN_FILES) / "causal_soft_f64.h5", *this / "model.h5");
    fs::permissions(*this / "model.h5", fs::perms::owner_write, fs::perm_options::add);
  }

  void refuses(const std::string& message, const std::string& arguments = "model.h5 out.h5") const {
    const auto before = contents();
    const auto outcome = fused_scan("ar-ssm " + arguments);
    CHECK(outcome.err == "fused-scan: " + message + "\n");
    CHECK(outcome.status == 2);
    CHECK(outcome.out == "");
    CHECK(contents() == before);
  }

  void remove(const std::string& name) const {
    REQUIRE(H5Ldelete(TestFile(*this / "model.h5").id(), name.c_str(), H5P_DEFAULT) >= 0);
  }

  template <class T>
  void replace(const std::string& name, hid_t type, const std::vector<hsize_t>& extents) const {
    remove(name);
    std::size_t size = 1;
    for (const hsize_t extent : extents) size *= extent;
    const std::vector<T> zeros(size);
    TestFile(*this / "model.h5").write(name, type, extents, type, zeros.data());
  }

  void set_attribute(const char* name, hid_t type, const void* value) const {
    const TestFile file(*this / "model.h5");
    if (H5Aexists(file.id(), name) > 0) H5Adelete(file.id(), name);
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attribute =
        valid(H5Acreate2(file.id(), name, type, space, H5P_DEFAULT, H5P_DEFAULT));
    REQUIRE(H5Awrite(attribute, type, value) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
  }
  void set_string(const char* name, const std::string& value) const {
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, value.size() + 1);
    set_attribute(name, type, value.c_str());
    H5Tclose(type);
  }
  void set_integer(const char* name, int value) const {
    set_attribute(name, H5T_NATIVE_INT, &value);
  }
};

}  // namespace

TEST_CASE("CliArSsm.ReproducesTheOriginal") {
  const auto files = golden_files();
  REQUIRE(files.size() >= 15);
  for (const fs::path& golden : files) {
    INFO(golden.filename().string());
    const TestFolder folder;
    const auto outcome =
        folder.fused_scan("ar-ssm '" + golden.string() + "' out.h5 --backward --diagnostics");
    CHECK(outcome.err == "");
    REQUIRE(outcome.status == 0);
    check_against_original(golden, folder / "out.h5");
  }
}

TEST_CASE("CliArSsm.WritesWhatIsAskedFor") {
  const FolderWithModel folder;
  const auto outcome = folder.fused_scan("ar-ssm model.h5 out.h5");
  CHECK(outcome.status == 0);
  CHECK(outcome.out.find("model.h5: x ") == 0);
  CHECK(outcome.out.find("backward") == std::string::npos);
  {
    const TestFile out(folder / "out.h5");
    CHECK(out.extents("/y") == TestFile(folder / "model.h5").extents("/x"));
    CHECK_FALSE(out.contains("/gradients"));
    CHECK_FALSE(out.contains("/diagnostics"));
  }
  // An output file of an earlier run is replaced.
  CHECK(folder.fused_scan("ar-ssm model.h5 out.h5 --backward").status == 0);
  CHECK(TestFile(folder / "out.h5").contains("/gradients/T_conv.weight"));
  CHECK_FALSE(TestFile(folder / "out.h5").contains("/diagnostics"));
}

// Backward needs more memory than forward alone, in evaluation as well.
TEST_CASE("CliArSsm.TellsTheMemoryOfWhatIsAskedFor") {
  const FolderWithModel folder;
  const auto memory = [&](const std::string& options) {
    const std::string out = folder.fused_scan("ar-ssm model.h5 out.h5" + options).out;
    const std::size_t line = out.find("worked in ");
    REQUIRE(line != std::string::npos);
    return std::stod(out.substr(line + 10));
  };
  const double training = memory(" --backward");
  folder.set_integer("training", 0);
  CHECK(memory(" --backward") == training);
  CHECK(memory("") < training);
}

// Its taps reach back from a position: what the others find there is found one position later.
TEST_CASE("CliArSsm.CausalConvolution") {
  const FolderWithModel folder;
  const auto t_component = [&](const std::string& out) {
    const auto outcome = folder.fused_scan("ar-ssm model.h5 " + out + " --diagnostics");
    CHECK(outcome.err == "");
    REQUIRE(outcome.status == 0);
    const bool said = outcome.out.find("causal convolution") != std::string::npos;
    CHECK(said == (out == "causal.h5"));
    return TestFile(folder / out).read<double>("/diagnostics/t_component", H5T_NATIVE_DOUBLE);
  };
  const auto centred = t_component("centred.h5");
  folder.set_integer("causal_convolution", 1);
  const auto causal = t_component("causal.h5");
  const auto shape = TestFile(folder / "model.h5").extents("/x");
  const std::size_t length = shape[1] * shape[2];
  REQUIRE(causal.size() == shape[0] * length);
  for (std::size_t i = 0; i < causal.size(); ++i) {
    if (i % length >= shape[2]) REQUIRE(causal[i] == centred[i - shape[2]]);
  }
}

TEST_CASE("CliArSsm.ThePlainPath") {
  const FolderWithModel folder;
  folder.set_integer("use_fused_scan", 0);
  const auto outcome = folder.fused_scan("ar-ssm model.h5 out.h5");
  CHECK(outcome.err == "");
  CHECK(outcome.out.find("path plain\n") != std::string::npos);
  check_against_original(fs::path(FUSED_SCAN_GOLDEN_FILES) / "causal_soft_f64.h5", [&] {
    folder.fused_scan("ar-ssm model.h5 full.h5 --backward --diagnostics");
    return folder / "full.h5";
  }());
}

TEST_CASE("CliArSsm.WhatMeansNothingIsNamed") {
  const FolderWithModel folder;
  folder.set_integer("bidirectionnal", 1);
  {
    const double bias = 0;
    TestFile(folder / "model.h5")
        .write("/parameters/U_proj.bias", H5T_NATIVE_DOUBLE, {1}, H5T_NATIVE_DOUBLE, &bias);
  }
  const auto outcome = folder.fused_scan("ar-ssm model.h5 out.h5");
  CHECK(outcome.status == 0);
  CHECK(outcome.out.find("forward in time") != std::string::npos);
  const std::string ignored = ", which means nothing to ar-ssm and is ignored; it knows ";
  CHECK(outcome.err ==
        "fused-scan: warning: model.h5 has the attribute bidirectionnal" + ignored +
            "bidirectional, causal_convolution, checkpointing, current_max_rank, d_model, "
            "gate_hidden_dim, gate_mode, gumbel_temperature, l1_regularization, l1_weight, "
            "max_rank, min_rank, training, use_fused_scan\n"
            "fused-scan: warning: model.h5 has /parameters/U_proj.bias" +
            ignored +
            "T_conv.weight, U_proj.weight, V_proj.weight, complexity_gate.0.bias, "
            "complexity_gate.0.weight, complexity_gate.2.bias, complexity_gate.2.weight, "
            "output_proj.bias, output_proj.weight\n");
  // Where something is wrong, that is the only line.
  folder.set_integer("min_rank", 0);
  folder.refuses("attribute min_rank of model.h5 is 0, it must be from 1 to 8");
}

TEST_CASE("CliArSsm.WrongUse") {
  const FolderWithModel folder;
  folder.refuses("OUT is required (fused-scan ar-ssm --help shows the use)", "model.h5");
  folder.refuses("there is no file 'nothing.h5'", "nothing.h5 out.h5");
  folder.refuses("OUT is the model file model.h5 itself; choose another name", "model.h5 model.h5");
  folder.refuses("there is no folder 'nowhere' to write to", "model.h5 nowhere/out.h5");
  std::ofstream(folder / "text.txt") << "precious";
  folder.refuses("cannot open 'text.txt' as an HDF5 file: file signature not found",
                 "model.h5 text.txt");
}

TEST_CASE("CliArSsm.BadDatasets") {
  const std::string parameters = "/parameters/";
  {
    const FolderWithModel folder;
    folder.remove("/parameters/V_proj.weight");
    const auto outcome = folder.fused_scan("ar-ssm model.h5 out.h5");
    CHECK(outcome.status == 2);
    CHECK(outcome.err.find("fused-scan: 'model.h5' has no data set /parameters/V_proj.weight") ==
          0);
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
    CHECK_FALSE(fs::exists(folder / "out.h5"));
  }
  {
    const FolderWithModel folder;
    folder.remove("/grad_y");
    CHECK(folder.fused_scan("ar-ssm model.h5 out.h5").status == 0);
    CHECK(folder.fused_scan("ar-ssm model.h5 out.h5 --backward").status == 2);
  }
  const FolderWithModel good;
  const auto d = TestFile(good / "model.h5").extents("/x")[2];
  const std::string d_model = std::to_string(d);
  {
    const FolderWithModel folder;
    folder.replace<double>("/parameters/output_proj.bias", H5T_NATIVE_DOUBLE, {d + 1});
    folder.refuses("model.h5:/parameters/output_proj.bias has shape (" + std::to_string(d + 1) +
                   "), it must have (" + d_model + ")");
  }
  {
    const FolderWithModel folder;
    folder.replace<double>("/parameters/T_conv.weight", H5T_NATIVE_DOUBLE, {d, 3});
    folder.refuses("model.h5:/parameters/T_conv.weight has shape (" + d_model +
                   ", 3), it must have rank 3");
  }
  {
    const FolderWithModel folder;
    folder.replace<float>("/parameters/output_proj.bias", H5T_NATIVE_FLOAT, {d});
    folder.refuses(
        "model.h5:/parameters/output_proj.bias is of type float32, but model.h5:/x of type "
        "float64");
  }
  {
    const FolderWithModel folder;
    folder.replace<int>("/x", H5T_NATIVE_INT, {1, 2, d});
    folder.refuses("model.h5:/x is of type int32, it must be float32 or float64");
  }
  {
    const FolderWithModel folder;
    folder.replace<double>("/x", H5T_NATIVE_DOUBLE, {2, 0, d});
    folder.refuses("model.h5:/x has shape (2, 0, " + d_model + "), no size can be 0");
  }
  {
    const FolderWithModel folder;
    fs::resize_file(folder / "model.h5", fs::file_size(folder / "model.h5") / 2);
    const auto outcome = folder.fused_scan("ar-ssm model.h5 out.h5");
    CHECK(outcome.status == 2);
    CHECK(outcome.err.find("fused-scan: cannot open 'model.h5' as an HDF5 file: ") == 0);
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
    CHECK_FALSE(fs::exists(folder / "out.h5"));
  }
}

TEST_CASE("CliArSsm.BadAttributes") {
  const auto with = [](const auto& change, const std::string& message) {
    const FolderWithModel folder;
    change(folder);
    folder.refuses(message);
  };
  with([](const auto& folder) { folder.set_string("gate_mode", "hard"); },
       "attribute gate_mode of model.h5 is 'hard', it must be soft, ste or gumbel");
  with([](const auto& folder) { folder.set_string("gate_mode", "soft\nor not"); },
       "attribute gate_mode of model.h5 is 'soft or not', it must be soft, ste or gumbel");
  with([](const auto& folder) { folder.set_integer("gate_mode", 1); },
       "attribute gate_mode of model.h5 is of type int32, it must be a string");
  with([](const auto& folder) { folder.set_string("training", "yes"); },
       "attribute training of model.h5 is of type string, it must be a bool");
  with([](const auto& folder) { folder.set_integer("bidirectional", 2); },
       "attribute bidirectional of model.h5 is 2, it must be true or false");
  with([](const auto& folder) { folder.set_integer("min_rank", 0); },
       "attribute min_rank of model.h5 is 0, it must be from 1 to 8");
  with([](const auto& folder) { folder.set_integer("current_max_rank", -1); },
       "attribute current_max_rank of model.h5 is -1, it must be from 0 to 8");
  with([](const auto& folder) { folder.set_integer("d_model", 7); },
       "attribute d_model of model.h5 is 7, but /x has " +
           std::to_string(TestFile(FolderWithModel() / "model.h5").extents("/x")[2]));
  with(
      [](const auto& folder) {
        folder.set_string("gate_mode", "gumbel");
        folder.set_integer("gumbel_temperature", 0);
      },
      "fused_scan::ArSsm: gumbel_temperature 0.000000 must be a positive number");
}
