// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// OutputFile: all or nothing, whatever other programs do to the file in the meantime.

#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <hdf5_file.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "test_files.hpp"

using Catch::Matchers::Message;
using fused_scan::cli::OutputFile;

namespace {

[[maybe_unused]] const bool silent = (fused_scan::cli::silence_hdf5(), true);

const std::vector<int> numbers{3, 1, 4};

void add_numbers(OutputFile& file, const std::string& name) {
  file.create_dataset(name, {3}, H5T_STD_I32LE).write(H5T_NATIVE_INT, numbers.data());
}

void make_file(const std::filesystem::path& path, const std::string& name) {
  TestFile(path).write(name, H5T_STD_I32LE, {3}, H5T_NATIVE_INT, numbers.data());
}

}  // namespace

TEST_CASE("OutputFile.SeveralDataSetsAtOnce") {
  const TestFolder folder;
  {
    OutputFile file(folder / "out.h5");
    add_numbers(file, "/y");
    add_numbers(file, "/gradients/x");
    file.create_dataset("/diagnostics/rank", {}, H5T_IEEE_F64LE)
        .write(H5T_NATIVE_INT, numbers.data());
    REQUIRE_FALSE(std::filesystem::exists(folder / "out.h5"));
    file.commit();
  }
  const TestFile file(folder / "out.h5");
  REQUIRE(file.read<int>("/y", H5T_NATIVE_INT) == numbers);
  REQUIRE(file.read<int>("/gradients/x", H5T_NATIVE_INT) == numbers);
  REQUIRE(file.read<double>("/diagnostics/rank", H5T_NATIVE_DOUBLE) == std::vector<double>{3});
  REQUIRE(file.extents("/diagnostics/rank").empty());
}

TEST_CASE("OutputFile.WithoutCommitNothingChanges") {
  const TestFolder folder;
  make_file(folder / "old.h5", "/x");
  const auto before = folder.contents();
  for (const std::string name : {"old.h5", "new.h5"}) {
    OutputFile file(folder / name);
    add_numbers(file, "/y");
  }
  REQUIRE(folder.contents() == before);
}

TEST_CASE("OutputFile.AFileThatAppearsMeanwhileIsKept") {
  const TestFolder folder;
  {
    OutputFile file(folder / "out.h5");
    add_numbers(file, "/y");
    make_file(folder / "out.h5", "/others");
    REQUIRE_THROWS_MATCHES(file.commit(), std::runtime_error,
                           Message("'" + (folder / "out.h5").string() +
                                   "' was changed by another program in the meantime and is left "
                                   "as it is"));
  }
  REQUIRE(TestFile(folder / "out.h5").contains("/others"));
  REQUIRE(folder.contents().size() == 1);
}

TEST_CASE("OutputFile.AFileThatIsReplacedMeanwhileIsKept") {
  const TestFolder folder;
  make_file(folder / "out.h5", "/x");
  make_file(folder / "others.h5", "/others");
  {
    OutputFile file(folder / "out.h5");
    add_numbers(file, "/y");
    std::filesystem::rename(folder / "others.h5", folder / "out.h5");
    REQUIRE_THROWS_AS(file.commit(), std::runtime_error);
  }
  REQUIRE(TestFile(folder / "out.h5").contains("/others"));
  REQUIRE(folder.contents().size() == 1);
}
