// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Wrong use and bad files: one line on stderr, exit status 2, every file as it was.

#include <algorithm>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>
#include <vector>

#include "test_files.hpp"

namespace {

void require_refusal(const TestFolder& folder, const std::string& arguments,
                     const std::string& message) {
  CAPTURE(arguments);
  const auto before = folder.contents();
  const auto outcome = folder.fused_scan(arguments);
  CHECK(outcome.err == "fused-scan: " + message + "\n");
  CHECK(outcome.status == 2);
  CHECK(outcome.out == "");
  CHECK(folder.contents() == before);
}

/// in.h5 with one data set /x of shape (2, 3).
struct FolderWithInput : TestFolder {
  FolderWithInput() {
    const std::vector<float> x(6, 1);
    TestFile(*this / "in.h5").write("/x", H5T_IEEE_F32LE, {2, 3}, H5T_NATIVE_FLOAT, x.data());
  }
};

}  // namespace

TEST_CASE("Cli.WrongUse") {
  const FolderWithInput folder;
  const auto refused = [&](const std::string& arguments, const std::string& message) {
    require_refusal(folder, arguments, message);
  };
  const std::string help = " (fused-scan --help shows the use)";
  const std::string scan_help = " (fused-scan scan --help shows the use)";
  refused("", "A subcommand is required" + help);
  refused("scam", "A subcommand is required" + help);
  refused("scan", "IN is required" + scan_help);
  refused("scan in.h5:/x out.h5:/y", "--axis is required" + scan_help);
  refused("scan in.h5:/x out.h5:/y --axis one", "Could not convert: --axis = one" + scan_help);
  refused("scan in.h5:/x out.h5:/y --axis 0 --op cumsum",
          "--op: cumsum not in {compensated-sum,max,min,prod,sum}" + scan_help);
  refused("scan in.h5:/x out.h5:/y --axis 0 --repeat 0",
          "--repeat: Value 0 not in range [1 - 2147483647]" + scan_help);
  refused("scan in.h5:/x out.h5:/y --axis 0 --fast",
          "The following argument was not expected: --fast" + scan_help);
  refused("scan in.h5:/x out.h5:/y --axis 0 'two\nlines\r'",
          "The following argument was not expected: two lines " + scan_help);
  refused("scan in.h5:/x out.h5:/y --axis 2",
          "axis 2 is out of range [-2, 1] for in.h5:/x of rank 2");
  refused("scan in.h5:/x out.h5:/y --axis -3",
          "axis -3 is out of range [-2, 1] for in.h5:/x of rank 2");
  for (const std::string size : {"-1", "100", "8"}) {
    refused("scan in.h5:/x out.h5:/y --axis 0 --block-size " + size,
            "fused_scan::inclusive_scan: block_size " + size +
                " must be 0 (chosen) or a power of two, at least 16");
  }
  for (const std::string name : {"in.h5", "in.h5:x", ":/x"}) {
    refused("scan " + name + " out.h5:/y --axis 0",
            "'" + name + "' does not name a data set: write FILE:/DATASET, for example in.h5:/x");
  }
}

TEST_CASE("Cli.BadInputFiles") {
  const FolderWithInput folder;
  const auto refused = [&](const std::string& in, const std::string& message) {
    require_refusal(folder, "scan '" + in + "' out.h5:/y --axis 0", message);
  };
  refused("nowhere.h5:/x", "there is no file 'nowhere.h5'");
  std::filesystem::create_directory(folder / "folder.h5");
  refused("folder.h5:/x", "'folder.h5' is not a file");
  std::ofstream(folder / "text.h5") << "This is not HDF5.\n";
  refused("text.h5:/x", "cannot open 'text.h5' as an HDF5 file: file signature not found");
  std::ofstream(folder / "truncated.h5", std::ios::binary)
      << bytes_of(folder / "in.h5").substr(0, 1000);
  refused("truncated.h5:/x",
          "cannot open 'truncated.h5' as an HDF5 file: truncated file: eof = 1000, "
          "sblock->base_addr = 0, stored_eof = " +
              std::to_string(std::filesystem::file_size(folder / "in.h5")));
  refused("in.h5:/y", "'in.h5' has no data set /y; the file has /x");
  refused("in.h5:/x/y", "'in.h5' has no data set /x/y; the file has /x");
  refused("in.h5:/", "in.h5:/ is not a data set; the file has /x");
  {
    const TestFile empty(folder / "empty.h5");
  }
  refused("empty.h5:/x", "'empty.h5' has no data set /x; there is none in the file");
}

TEST_CASE("Cli.DataSetsThatCannotBeScanned") {
  const TestFolder folder;
  std::filesystem::copy(FUSED_SCAN_H5PY_FILE, folder / "in.h5");
  {
    const TestFile in(folder / "in.h5");
    const std::vector<hsize_t> nine(9, 1), huge{1 << 20, 1 << 20, 1 << 20, 1 << 20};
    const int zero = 0;
    in.write("rank9", H5T_STD_I32LE, nine, H5T_NATIVE_INT, &zero);
    in.write("float128", H5T_NATIVE_LDOUBLE, {1}, H5T_NATIVE_INT, &zero);
    const hid_t pair = valid(H5Tcreate(H5T_COMPOUND, 8));
    H5Tinsert(pair, "a", 0, H5T_STD_I32LE);
    H5Tinsert(pair, "b", 4, H5T_STD_I32LE);
    in.write("pair", pair, {1}, pair, nullptr);
    const hid_t creation = valid(H5Pcreate(H5P_DATASET_CREATE));
    const std::vector<hsize_t> chunk(4, 16);
    H5Pset_chunk(creation, 4, chunk.data());
    in.write("huge", H5T_STD_I32LE, huge, H5T_NATIVE_INT, nullptr, creation);
  }
  const auto refused = [&](const std::string& in, const std::string& message) {
    require_refusal(folder, "scan in.h5:" + in + " out.h5:/y --axis 0 --op max", message);
  };
  refused("/scalar", "in.h5:/scalar has rank 0; scans need a rank from 1 to 8");
  refused("/rank9", "in.h5:/rank9 has rank 9; scans need a rank from 1 to 8");
  refused("/empty", "in.h5:/empty is empty: it has no shape");
  const std::string what =
      "; only integers of at most 64 bits, floating-point numbers of 16 (IEEE 754 or bfloat16), 32 "
      "and 64 bits, complex numbers (r and i, re and im, or real and imag) of two such of 32 or "
      "64 bits, and bools can be scanned";
  refused("/strings", "in.h5:/strings has elements of type string" + what);
  refused("/float128", "in.h5:/float128 has elements of type float128" + what);
  refused("/pair", "in.h5:/pair has elements of type compound" + what);
  refused("/x/complex64",
          "in.h5:/x/complex64 has complex numbers, which have no order: max and min can't be had, "
          "compensated-sum, sum and prod can");
  refused("/huge", "in.h5:/huge of 4398046511104.0 TiB is too large; the limit is 524288.0 TiB");
}

TEST_CASE("Cli.NarrowIntegersThatOverflowAreRefused") {
  const TestFolder folder;
  const std::vector<int> x{100, 27, 1};
  TestFile(folder / "in.h5").write("/x", H5T_STD_I8LE, {3}, H5T_NATIVE_INT, x.data());
  require_refusal(folder, "scan in.h5:/x out.h5:/y --axis 0",
                  "cannot write out.h5:/y: a number does not fit in its 8 bits; --out-type chooses "
                  "a wider type");
  // 100, 127 is all that an exclusive sum has.
  REQUIRE(folder.fused_scan("scan in.h5:/x out.h5:/y --axis 0 --exclusive").status == 0);
}

TEST_CASE("Cli.OutputsThatCannotBeWritten") {
  const FolderWithInput folder;
  const auto refused = [&](const std::string& out, const std::string& message) {
    require_refusal(folder, "scan in.h5:/x '" + out + "' --axis 0", message);
  };
  refused("out.h5", "'out.h5' does not name a data set: write FILE:/DATASET, for example in.h5:/x");
  refused("nowhere/out.h5:/y", "there is no folder 'nowhere' to write to");
  const std::string answer = "unable to open file: File name too long";
  refused(std::string(300, 'a') + ":/y", "cannot write in folder '.': " + answer);
  std::filesystem::create_directory(folder / "folder.h5");
  refused("folder.h5:/y", "'folder.h5' is not a file");
  refused("/dev/null:/y", "'/dev/null' is not a file");
  std::ofstream(folder / "text.h5") << "This is not HDF5, and somebody may need it.\n";
  refused("text.h5:/y", "cannot open 'text.h5' as an HDF5 file: file signature not found");
  const std::string exists =
      " exists already and is never overwritten; choose another name or file";
  refused("in.h5:/x", "in.h5:/x" + exists);
  refused("./in.h5:/x", "./in.h5:/x" + exists);
  refused("out.h5:/", "out.h5:/" + exists);
  refused("in.h5:/x/y", "cannot make in.h5:/x/y: /x is not a group");
}

TEST_CASE("Cli.AFullDisk") {
  // A limit on the size of files stands in for the disk.
  const TestFolder folder;
  const std::vector<int> x(100'000, 1);
  TestFile(folder / "in.h5").write("/x", H5T_STD_I32LE, {x.size()}, H5T_NATIVE_INT, x.data());
  const auto before = folder.contents();
  for (const std::string out : {"out.h5:/y", "in.h5:/y"}) {
    const auto outcome =
        folder.shell("ulimit -f 64; \"$FUSED_SCAN\" scan in.h5:/x " + out + " --axis 0");
    CHECK_THAT(outcome.err, Catch::Matchers::Matches("fused-scan: cannot .*File too large\n"));
    CHECK(outcome.status == 2);
    CHECK(folder.contents() == before);
  }
}
