// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The program under mpiexec: the bits of one rank, one sentence where something is wrong, and no
// file that is half written.

#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

#include "test_files.hpp"

using Catch::Matchers::ContainsSubstring;

namespace {

/// How the ranks write: together where HDF5 is a parallel one, else in turn, as they are told to.
enum class Writing { as_they_can, in_turn };

#ifdef H5_HAVE_PARALLEL
constexpr bool can_write_together = true;
#else
constexpr bool can_write_together = false;
#endif

/// MPI says this and that on stderr on some machines, so lines of the program are looked for there.
TestFolder::Outcome over_ranks(const TestFolder& folder, int ranks, const std::string& arguments,
                               Writing writing = Writing::as_they_can,
                               const std::string& before = "") {
  return folder.shell(before + (writing == Writing::in_turn ? "FUSED_SCAN_PARALLEL_HDF5=0 " : "") +
                      "OMP_NUM_THREADS=1 timeout 100 " FUSED_SCAN_MPIEXEC " " +
                      std::to_string(ranks) + " \"$FUSED_SCAN\" " + arguments);
}

std::size_t count_of(const std::string& part, const std::string& text) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

/// Scans on one rank, and over ranks, each with the memory.
void check_same_bits(const TestFolder& folder, int ranks, const std::string& options,
                     const std::string& memory, const std::string& share,
                     Writing writing = Writing::as_they_can) {
  CAPTURE(ranks, options, memory, writing);
  std::filesystem::remove(folder / "out.h5");
  const auto alone = folder.fused_scan("scan in.h5:/x out.h5:/alone " + options);
  REQUIRE(alone.err == "");
  const auto shared =
      over_ranks(folder, ranks, "scan in.h5:/x out.h5:/g/shared " + options + memory, writing);
  REQUIRE(shared.status == 0);
  CHECK(count_of("fused-scan: ", shared.err) == 0);
  CHECK(count_of("out.h5:/g/shared written\n", shared.out) == 1);
  const bool together = can_write_together && writing == Writing::as_they_can;
  CHECK_THAT(shared.out,
             ContainsSubstring("over " + std::to_string(ranks) + " ranks, each with " + share +
                               ", written " + (together ? "together" : "in turn") + "\n"));
  const TestFile out(folder / "out.h5");
  CHECK((bytes_in(out, "/g/shared") == bytes_in(out, "/alone")));
}

const std::string pieces = "pieces of all lines", own = "lines of its own";

}  // namespace

TEST_CASE("CliRanks.TheBitsOfOneRank") {
  struct Case {
    Extents extents;
    int axis;
    std::string memory;
    std::string share;
  };
  const std::vector<Case> cases{
      {{20'011}, 0, "", pieces},                   // the only line
      {{20'011}, 0, " --memory 64KiB", pieces},    // in many rounds
      {{9'000, 3}, 0, "", pieces},                 // rows
      {{2, 7'000}, 1, " --memory 64KiB", pieces},  // one line after the other
      {{50, 700}, 1, "", own},                     // blocks of lines
      {{50, 2'000}, 1, " --memory 64KiB", own},    // of several slabs
      {{30, 70}, 0, "", own},                      // columns
      {{5}, 0, "", pieces},                        // ranks without an element
  };
  for (const auto& [extents, axis, memory, share] : cases) {
    const TestFolder folder;
    TestFile(folder / "in.h5")
        .write("/x", H5T_IEEE_F32LE, extents, H5T_NATIVE_DOUBLE,
               rough_numbers(size_of(extents)).data());
    const std::string along = "--axis " + std::to_string(axis);
    check_same_bits(folder, 3, along + " --op sum", memory, share);
    check_same_bits(folder, 4, along + " --op sum --reverse --exclusive", memory, share);
    check_same_bits(folder, 3, along + " --reverse", memory, share, Writing::in_turn);
    check_same_bits(folder, 4, along + " --op max --exclusive", memory, share);
  }
}

TEST_CASE("CliRanks.OfEveryKindOfNumber") {
  const Extents extents{10'001, 2};
  const hid_t complex = valid(H5Tcreate(H5T_COMPOUND, 8));
  H5Tinsert(complex, "r", 0, H5T_IEEE_F32LE);
  H5Tinsert(complex, "i", 4, H5T_IEEE_F32LE);
  const hid_t boolean = valid(H5Tenum_create(H5T_STD_I8LE));
  for (const signed char value : {0, 1}) H5Tenum_insert(boolean, value ? "TRUE" : "FALSE", &value);
  for (const hid_t type : {H5T_STD_U64LE, H5T_STD_I16LE, complex, boolean}) {
    const TestFolder folder;
    std::vector<unsigned char> raw(size_of(extents) * H5Tget_size(type));
    for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = static_cast<unsigned char>(i % 3 == 0);
    TestFile(folder / "in.h5").write("/x", type, extents, type, raw.data());
    const std::string wide = type == H5T_STD_I16LE ? " --out-type int64" : "";
    check_same_bits(folder, 3, "--axis 0" + wide, " --memory 100KiB", pieces);
    check_same_bits(folder, 3, "--axis 0 --op prod --reverse --exclusive --repeat 2" + wide, "",
                    pieces, Writing::in_turn);
  }
}

// Numbers that aren't stored as they are scanned, in chunks that several ranks have parts of, in
// more rounds for some ranks than for others.
TEST_CASE("CliRanks.ConvertedAndCompressed") {
  const Extents extents{5'000, 5}, chunk{100, 2};
  for (const hid_t type : {H5T_IEEE_F32BE, H5T_STD_I32BE}) {
    const TestFolder folder;
    const hid_t creation = valid(H5Pcreate(H5P_DATASET_CREATE));
    H5Pset_chunk(creation, 2, chunk.data());
    H5Pset_shuffle(creation);
    H5Pset_deflate(creation, 1);
    TestFile(folder / "in.h5")
        .write("/x", type, extents, H5T_NATIVE_DOUBLE, rough_numbers(size_of(extents)).data(),
               creation);
    check_same_bits(folder, 3, "--axis 0 --op max", " --memory 64KiB", pieces);
    check_same_bits(folder, 4, "--axis 0 --op sum --reverse", "", pieces);
    check_same_bits(folder, 3, "--axis 1", "", own);
  }
}

// Sums of ones are known without a scan; the chunks and the filter are IN's.
TEST_CASE("CliRanks.SumsOfOnesInChunks") {
  const TestFolder folder;
  const Extents extents{1000, 60}, chunk{64, 16};
  const hid_t creation = valid(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_chunk(creation, 2, chunk.data());
  H5Pset_deflate(creation, 1);
  const std::vector<int> ones(size_of(extents), 1);
  TestFile(folder / "in.h5")
      .write("/x", H5T_STD_I32LE, extents, H5T_NATIVE_INT, ones.data(), creation);
  const auto outcome = over_ranks(folder, 3, "scan in.h5:/x in.h5:/y --axis 1");
  CHECK(outcome.status == 0);
  const TestFile file(folder / "in.h5");
  const auto y = file.read<int>("/y", H5T_NATIVE_INT);
  bool right = true;
  for (std::size_t i = 0; i < y.size(); ++i) right = right && y[i] == static_cast<int>(i % 60 + 1);
  CHECK(right);
  CHECK(file.read<int>("/x", H5T_NATIVE_INT) == ones);
}

TEST_CASE("CliRanks.WhatIsWrongIsSaidOnce") {
  const TestFolder folder;
  const std::vector<int> x(5000, 100);
  TestFile(folder / "in.h5").write("/x", H5T_STD_I8LE, {5000}, H5T_NATIVE_INT, x.data());
  const auto before = folder.contents();
  const std::vector<std::vector<std::string>> calls{
      {"scan in.h5:/x out.h5:/y --axis 1", "axis 1 is out of range [-1, 0] for in.h5:/x of rank 1"},
      {"scan none.h5:/x out.h5:/y --axis 0", "there is no file 'none.h5'"},
      {"scan in.h5:/z out.h5:/y --axis 0", "'in.h5' has no data set /z; the file has /x"},
      {"scan in.h5:/x in.h5:/x --axis 0",
       "in.h5:/x exists already and is never overwritten; choose another name or file"},
      {"scan in.h5:/x no/folder/out.h5:/y --axis 0", "there is no folder 'no/folder' to write to"},
      {"scan in.h5:/x out.h5:/y --axis 0 --block-size 7",
       "fused_scan::inclusive_scan: block_size 7 must be 0 (chosen) or a power of two, at least "
       "16"},
      // On every rank but for some: the numbers of the first pieces fit.
      {"scan in.h5:/x out.h5:/y --axis 0",
       "cannot write out.h5:/y: a number does not fit in its 8 bits; --out-type chooses a wider "
       "type"},
      {"scan in.h5:/x out.h5:/y --axis 0 --memory 1KiB",
       "there is no memory for a scan of in.h5:/x along axis 0: 1.0 KiB are too little, "},
      {"scan in.h5:/x", "OUT is required (fused-scan scan --help shows the use)"},
      {"recurrence in.h5:/x in.h5:/x out.h5:/y --axis 0", "in.h5:/x has int8 numbers; "},
  };
  for (const auto& call : calls) {
    CAPTURE(call[0]);
    const auto check = [&](Writing writing) {
      CAPTURE(writing);
      const auto outcome = over_ranks(folder, 3, call[0], writing);
      CHECK(outcome.status == 2);
      CHECK(count_of("fused-scan: ", outcome.err) == 1);
      CHECK_THAT(outcome.err, ContainsSubstring("fused-scan: " + call[1]));
      CHECK(folder.contents() == before);
    };
    check(Writing::as_they_can);
    if (call[1].starts_with("cannot write")) check(Writing::in_turn);
  }
}

// A file that would be larger than the user allows: HDF5 couldn't close it on all ranks.
TEST_CASE("CliRanks.NoRoom") {
  const TestFolder folder;
  const std::vector<double> x(3'000'000, 1);
  TestFile(folder / "in.h5").write("/x", H5T_IEEE_F64LE, {x.size()}, H5T_NATIVE_DOUBLE, x.data());
  const auto before = folder.contents();
  for (const Writing writing : {Writing::as_they_can, Writing::in_turn}) {
    CAPTURE(writing);
    // In blocks of 512 bytes; files that MPI makes must have room.
    const auto outcome = over_ranks(folder, 3, "scan in.h5:/x out.h5:/y --axis 0 --op max", writing,
                                    "ulimit -f 32000; ");
    CHECK(outcome.status == 2);
    CHECK(count_of("fused-scan: ", outcome.err) == 1);
    CHECK_THAT(outcome.err, ContainsSubstring("fused-scan: cannot write ") &&
                                ContainsSubstring("File too large\n"));
    CHECK((folder.contents() == before));
  }
}

// What ranks can't do together is done by the first.
TEST_CASE("CliRanks.OtherCommands") {
  const TestFolder folder;
  const std::vector<double> x(10, 1);
  TestFile(folder / "in.h5").write("/x", H5T_IEEE_F64LE, {10}, H5T_NATIVE_DOUBLE, x.data());
  const auto outcome = over_ranks(folder, 3, "recurrence in.h5:/x in.h5:/x out.h5:/h --axis 0");
  CHECK(outcome.status == 0);
  CHECK(count_of("out.h5:/h written\n", outcome.out) == 1);
  std::vector<double> sums(10);
  std::iota(sums.begin(), sums.end(), 1);
  CHECK(TestFile(folder / "out.h5").read<double>("/h", H5T_NATIVE_DOUBLE) == sums);
  const auto help = over_ranks(folder, 2, "scan --help");
  CHECK(help.status == 0);
  CHECK(count_of("mpiexec -n 4 fused-scan scan", help.out) == 1);
}
