// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What the program does to files, and what it prints when all is well.

#include <algorithm>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "address_sanitizer.hpp"
#include "test_files.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Matches;
using Catch::Matchers::StartsWith;

namespace {

const std::vector<int> numbers{3, 1, 4, 1, 5, 9};
const std::vector<int> sums{3, 4, 8, 9, 14, 23};

void write_numbers(const std::filesystem::path& file, const std::string& name) {
  TestFile(file).write(name, H5T_STD_I32LE, {6}, H5T_NATIVE_INT, numbers.data());
}

std::vector<int> ints(const std::filesystem::path& file, const std::string& name) {
  return TestFile(file).read<int>(name, H5T_NATIVE_INT);
}

}  // namespace

TEST_CASE("Cli.ANewFileHasTheUsualPermissions") {
  const TestFolder folder;
  write_numbers(folder / "in.h5", "/x");
  REQUIRE(folder.shell("umask 027; \"$FUSED_SCAN\" scan in.h5:/x out.h5:/y --axis 0").status == 0);
  using std::filesystem::perms;
  REQUIRE(std::filesystem::status(folder / "out.h5").permissions() ==
          (perms::owner_read | perms::owner_write | perms::group_read));
  REQUIRE(folder.contents().size() == 2);  // and there is nothing else
}

TEST_CASE("Cli.AnExistingFileKeepsWhatItHas") {
  const TestFolder folder;
  write_numbers(folder / "in.h5", "/x");
  {
    write_numbers(folder / "out.h5", "/group/x");
    const TestFile out(folder / "out.h5");
    const hid_t space = valid(H5Screate(H5S_SCALAR));
    valid(H5Acreate2(out.id(), "attribute", H5T_STD_I8LE, space, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
  }
  REQUIRE(folder.fused_scan("scan in.h5:/x out.h5:/group/sums --axis 0").status == 0);
  REQUIRE(folder.fused_scan("scan in.h5:/x out.h5:/a/b/sums --axis 0").status == 0);
  REQUIRE(ints(folder / "out.h5", "/group/x") == numbers);
  REQUIRE(ints(folder / "out.h5", "/group/sums") == sums);
  REQUIRE(ints(folder / "out.h5", "/a/b/sums") == sums);
  REQUIRE(H5Aexists(TestFile(folder / "out.h5").id(), "attribute") > 0);
  REQUIRE(folder.contents().size() == 2);
}

TEST_CASE("Cli.InputAndOutputInOneFile") {
  const TestFolder folder;
  write_numbers(folder / "a.h5", "/x");
  REQUIRE(folder.fused_scan("scan a.h5:/x a.h5:/sums --axis 0").status == 0);
  REQUIRE(ints(folder / "a.h5", "/x") == numbers);
  REQUIRE(ints(folder / "a.h5", "/sums") == sums);
}

TEST_CASE("Cli.ALinkStaysALink") {
  const TestFolder folder;
  write_numbers(folder / "in.h5", "/x");
  write_numbers(folder / "target.h5", "/x");
  std::filesystem::create_symlink("target.h5", folder / "link.h5");
  REQUIRE(folder.fused_scan("scan in.h5:/x link.h5:/sums --axis 0").status == 0);
  REQUIRE(std::filesystem::is_symlink(folder / "link.h5"));
  REQUIRE(ints(folder / "target.h5", "/sums") == sums);
}

TEST_CASE("Cli.ColonsInThePath") {
  const TestFolder folder;
  std::filesystem::create_directory(folder / "at 12:30");
  write_numbers(folder / "at 12:30" / "a:b.h5", "/x");
  const auto outcome =
      folder.fused_scan("scan 'at 12:30/a:b.h5:/x' 'at 12:30/c:/../c:d.h5:/y' --axis 0");
  REQUIRE(outcome.status == 2);  // there is no folder "c:"
  REQUIRE(folder.fused_scan("scan 'at 12:30/a:b.h5:/x' 'at 12:30/c:d.h5:/y' --axis 0").status == 0);
  REQUIRE(ints(folder / "at 12:30" / "c:d.h5", "/y") == sums);
}

TEST_CASE("Cli.WhenInterruptedNothingIsLeft") {
  const TestFolder folder;
  write_numbers(folder / "in.h5", "/x");
  write_numbers(folder / "out.h5", "/x");
  const auto before = folder.contents();
  const auto outcome = folder.shell(
      "\"$FUSED_SCAN\" scan in.h5:/x out.h5:/y --axis 0 --repeat 2000000000 & program=$!;"
      "until ls *.tmp >/dev/null 2>&1; do sleep 0.05; kill -0 $program || exit 1; done;"
      "kill -TERM $program; wait $program");
  REQUIRE(outcome.status == 128 + SIGTERM);
  REQUIRE(folder.contents() == before);
}

TEST_CASE("Cli.ACrashLeavesNothingEither") {
  const TestFolder folder;
  write_numbers(folder / "in.h5", "/x");
  const auto before = folder.contents();
  for (const std::string signal : {"SEGV", "ABRT"}) {
    const auto outcome = folder.shell(
        "export ASAN_OPTIONS=" + std::string(asan_options) +
        ";\"$FUSED_SCAN\" scan in.h5:/x out.h5:/y --axis 0 --repeat 2000000000 & program=$!;"
        "until ls *.tmp >/dev/null 2>&1; do sleep 0.05; kill -0 $program || exit 1; done;"
        "kill -" +
        signal + " $program; wait $program");
    CHECK(outcome.status == 2);
    CHECK(outcome.err ==
          (signal == "SEGV"
               ? "fused-scan: crashed, perhaps over a damaged file; nothing is written\n"
               : ""));
    CHECK(folder.contents() == before);
  }
}

TEST_CASE("Cli.SummaryOfAScan") {
  const TestFolder folder;
  const std::vector<double> x(24, 0.5);
  TestFile(folder / "in.h5").write("/x", H5T_IEEE_F32LE, {4, 3, 2}, H5T_NATIVE_DOUBLE, x.data());
  const auto once = folder.fused_scan("scan in.h5:/x out.h5:/y --axis -2 --op max --exclusive");
  REQUIRE(once.err == "");
  REQUIRE_THAT(once.out, Matches("in\\.h5:/x: 4 x 3 x 2 float32\n"
                                 "max along axis 1, exclusive, forward\n"
                                 "on [A-Za-z]+, concurrency [0-9]+, path [a-z0-9 ,()]+\n"
                                 "[0-9]+\\.[0-9]{3} ms, [0-9]+\\.[0-9]{2} GB/s read and written\n"
                                 "out\\.h5:/y written\n"));
  const auto repeated =
      folder.fused_scan("scan in.h5:/x out.h5:/z --axis 0 --reverse --block-size 256 --repeat 3");
  REQUIRE_THAT(repeated.out, ContainsSubstring("compensated-sum along axis 0, inclusive, reverse"));
  REQUIRE_THAT(repeated.out, ContainsSubstring("GB/s read and written (median of 3)\n"));
  // Repeated or not, the sums are those of the input.
  REQUIRE(TestFile(folder / "out.h5").read<float>("/z", H5T_NATIVE_FLOAT).front() == 2);
}

TEST_CASE("Cli.Info") {
  const auto outcome = TestFolder().fused_scan("info");
  REQUIRE(outcome.status == 0);
  REQUIRE(outcome.err == "");
  REQUIRE_THAT(outcome.out, StartsWith("fused-scan " FUSED_SCAN_RELEASE "\n"));
  REQUIRE_THAT(outcome.out, ContainsSubstring("\nKokkos " FUSED_SCAN_KOKKOS_RELEASE));
  REQUIRE_THAT(outcome.out, ContainsSubstring("scans run on: "));
  REQUIRE(std::count(outcome.out.begin(), outcome.out.end(), '\n') < 20);
}

TEST_CASE("Cli.HelpSaysWhatHappensToFiles") {
  REQUIRE_THAT(TestFolder().fused_scan("--help").out, ContainsSubstring("Exit status"));
  const auto outcome = TestFolder().fused_scan("scan --help");
  REQUIRE(outcome.status == 0);
  REQUIRE_THAT(outcome.out, ContainsSubstring("never overwritten"));
  REQUIRE(TestFolder().fused_scan("--version").out == FUSED_SCAN_RELEASE "\n");
}

TEST_CASE("Cli.TheExamplesInTheHelpWork") {
  const TestFolder folder;
  {
    const TestFile in(folder / "in.h5");
    in.write("/x", H5T_STD_I32LE, {2, 3}, H5T_NATIVE_INT, numbers.data());
    in.write("/counts", H5T_STD_I32LE, {6}, H5T_NATIVE_INT, numbers.data());
    in.write("/bytes", H5T_STD_U8LE, {6}, H5T_NATIVE_INT, numbers.data());
    write_numbers(folder / "huge.h5", "/x");
  }
  const std::string help = folder.fused_scan("scan --help").out;
  const std::string examples = help.substr(help.find("Examples:"));
  for (const std::string option : {"--axis", "--op", "--reverse", "--exclusive", "--out-type",
                                   "--memory", "--block-size", "--repeat"}) {
    REQUIRE_THAT(examples, ContainsSubstring(option));
  }
  std::istringstream lines(examples);
  int found = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t command = line.find("fused-scan scan ");
    if (command == std::string::npos) continue;
    ++found;
    CAPTURE(line);
    const auto outcome =
        folder.fused_scan(line.substr(command + std::string("fused-scan ").size()));
    CHECK(outcome.err == "");
    CHECK(outcome.status == 0);
    std::filesystem::remove(folder / "out.h5");
  }
  CHECK(found == 9);
}
