// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Data that is larger than memory: slab by slab, with the bits of a scan in one piece.

#include <fcntl.h>

#include <algorithm>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "address_sanitizer.hpp"
#include "test_files.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Matches;

namespace {

/// Scans in one piece, and in slabs that `memory` is enough for.
void check_same_bits(const TestFolder& folder, const std::string& options,
                     const std::string& memory) {
  CAPTURE(options, memory);
  std::filesystem::remove(folder / "out.h5");
  const auto whole = folder.fused_scan("scan in.h5:/x out.h5:/whole " + options);
  REQUIRE(whole.err == "");
  CHECK_THAT(whole.out, !ContainsSubstring("slabs of at most"));
  const auto cut =
      folder.fused_scan("scan in.h5:/x out.h5:/cut " + options + " --memory " + memory);
  REQUIRE(cut.err == "");
  CHECK_THAT(cut.out, ContainsSubstring("slabs of at most"));
  const TestFile out(folder / "out.h5");
  CHECK((bytes_in(out, "/cut") == bytes_in(out, "/whole")));
}

}  // namespace

TEST_CASE("Cli.SlabsHaveTheBitsOfOnePiece") {
  struct Case {
    Extents extents;
    int axis;
    std::string memory;
  };
  const std::vector<Case> cases{
      {{100'000}, 0, "100KiB"},       // pieces of the only line
      {{40'000, 3}, 0, "100KB"},      // pieces of rows
      {{3, 40'000}, 1, "100KB"},      // one line after the other, in pieces
      {{50, 2'000}, 1, "64k"},        // line blocks
      {{3'000, 70}, 0, "200KiB"},     // blocks of columns, in pieces
      {{6, 2'500, 12}, 1, "300000"},  // both
      {{20, 30, 40}, 2, "50KiB"},    {{20, 30, 40}, 0, "50KiB"},
  };
  for (const auto& [extents, axis, memory] : cases) {
    const TestFolder folder;
    TestFile(folder / "in.h5")
        .write("/x", H5T_IEEE_F32LE, extents, H5T_NATIVE_DOUBLE,
               rough_numbers(size_of(extents)).data());
    for (const std::string op : {"compensated-sum", "sum"}) {
      for (const std::string rest : {"", " --reverse", " --exclusive", " --reverse --exclusive"}) {
        check_same_bits(folder, "--axis " + std::to_string(axis) + " --op " + op + rest, memory);
      }
    }
    check_same_bits(folder, "--axis " + std::to_string(axis) + " --op max", memory);
  }
}

TEST_CASE("Cli.SlabsOfEveryType") {
  const Extents extents{30'001, 2};
  const auto numbers = rough_numbers(size_of(extents));
  const hid_t complex = valid(H5Tcreate(H5T_COMPOUND, 8));
  H5Tinsert(complex, "r", 0, H5T_IEEE_F32LE);
  H5Tinsert(complex, "i", 4, H5T_IEEE_F32LE);
  const hid_t boolean = valid(H5Tenum_create(H5T_STD_I8LE));
  for (const signed char value : {0, 1}) H5Tenum_insert(boolean, value ? "TRUE" : "FALSE", &value);
  const hid_t float16 = valid(H5Tcopy(H5T_IEEE_F32LE));
  H5Tset_fields(float16, 15, 10, 5, 0, 10);
  H5Tset_size(float16, 2);
  H5Tset_ebias(float16, 15);
  for (const hid_t type : {H5T_IEEE_F32BE, H5T_IEEE_F64LE, H5T_STD_I32LE, H5T_STD_U64LE,
                           H5T_STD_I16LE, complex, boolean, float16}) {
    const TestFolder folder;
    std::vector<unsigned char> raw(size_of(extents) * H5Tget_size(type));
    std::mt19937 random(3);
    for (unsigned char& byte : raw) byte = static_cast<unsigned char>(random() % 2);
    const bool number = type == H5T_IEEE_F32BE || type == H5T_IEEE_F64LE;
    TestFile(folder / "in.h5")
        .write("/x", type, extents, number ? H5T_NATIVE_DOUBLE : type,
               number ? static_cast<const void*>(numbers.data()) : raw.data());
    const std::string wide = type == H5T_STD_I16LE ? " --out-type int64" : "";
    check_same_bits(folder, "--axis 0" + wide, "100KiB");
    check_same_bits(folder, "--axis 0 --op prod --reverse --exclusive --repeat 2" + wide, "150KiB");
  }
}

TEST_CASE("Cli.SlabsOfChunks") {
  const TestFolder folder;
  const Extents extents{300, 500}, chunk{64, 100};
  const hid_t creation = valid(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_chunk(creation, 2, chunk.data());
  H5Pset_deflate(creation, 1);
  TestFile(folder / "in.h5")
      .write("/x", H5T_IEEE_F64LE, extents, H5T_NATIVE_DOUBLE,
             rough_numbers(size_of(extents)).data(), creation);
  for (const std::string axis : {"0", "1"}) {
    check_same_bits(folder, "--axis " + axis, "300KiB");
    check_same_bits(folder, "--axis " + axis, "20KiB");  // less than a chunk
  }
}

TEST_CASE("Cli.TooLittleMemory") {
  const TestFolder folder;
  const auto x = rough_numbers(10'000);
  TestFile(folder / "in.h5").write("/x", H5T_IEEE_F64LE, {10'000}, H5T_NATIVE_DOUBLE, x.data());
  const auto before = folder.contents();
  const auto outcome = folder.fused_scan("scan in.h5:/x out.h5:/y --axis 0 --memory 1KiB");
  CHECK(outcome.err ==
        "fused-scan: there is no memory for a scan of in.h5:/x along axis 0: 1.0 KiB are too "
        "little, 32.0 KiB are enough\n");
  CHECK(outcome.status == 2);
  CHECK(folder.contents() == before);
  for (const std::string size : {"much", "-1", "1.5 parsecs"}) {
    const auto refused =
        folder.fused_scan("scan in.h5:/x out.h5:/y --axis 0 --memory '" + size + "'");
    CHECK(refused.status == 2);
    CHECK_THAT(refused.err, Matches("fused-scan: --memory: .*\n"));
  }
}

// 512 MiB of zeros, which take no room on the disk, in a process that may have less.
TEST_CASE("Cli.LargerThanMemory") {
  if (address_sanitized) SKIP("the address space can't be limited");
  const TestFolder folder;
  const Extents extents{1 << 27}, chunk{1 << 20};
  const hid_t creation = valid(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_chunk(creation, 1, chunk.data());
  H5Pset_deflate(creation, 1);
  TestFile(folder / "in.h5")
      .write("/x", H5T_IEEE_F32LE, extents, H5T_NATIVE_FLOAT, nullptr, creation);
  const std::string scan = "\"$FUSED_SCAN\" scan in.h5:/x out.h5:/y --axis 0";
  const auto outcome = folder.shell("export OMP_NUM_THREADS=2; ulimit -v 500000; " + scan);
  REQUIRE(outcome.err == "");
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.out, ContainsSubstring(" slabs of at most "));
  CHECK(TestFile(folder / "out.h5").extents("/y") == extents);
}

namespace {

/// What a line of shell prints on a terminal, whose name it gets.
template <class Line>
std::string seen_on_terminal(const TestFolder& folder, const Line& line) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(terminal >= 0);
  REQUIRE(grantpt(terminal) == 0);
  REQUIRE(unlockpt(terminal) == 0);
  const std::string name = ptsname(terminal);
  const int keeps_it_open = open(name.c_str(), O_RDWR | O_NOCTTY);
  // A terminal that nobody reads from would hold up the program.
  std::string seen;
  std::thread reader([&] {
    char letter = 0;
    while (read(terminal, &letter, 1) == 1 && letter != '\a') seen += letter;
  });
  const auto outcome = folder.shell(line(name) + "; printf '\\a' >" + name);
  reader.join();
  close(keeps_it_open);
  close(terminal);
  CHECK(outcome.status == 0);
  return seen;
}

}  // namespace

TEST_CASE("Cli.TheProgressBarCountsBytes") {
  const TestFolder folder;
  const auto x = rough_numbers(1'000'000);
  TestFile(folder / "in.h5").write("/x", H5T_IEEE_F64LE, {1'000'000}, H5T_NATIVE_DOUBLE, x.data());
  std::string seen;
  // Until it takes long enough for a bar.
  for (int repeat = 250; seen.empty() && repeat < 1'000'000; repeat *= 2) {
    seen = seen_on_terminal(folder, [&](const std::string& terminal) {
      return "rm -f out.h5; OMP_NUM_THREADS=1 \"$FUSED_SCAN\" scan in.h5:/x out.h5:/y --axis 0 "
             "--memory 1MiB "
             "--repeat " +
             std::to_string(repeat) + " 2>" + terminal;
    });
  }
  CHECK_THAT(seen, ContainsSubstring("scan in.h5:/x ["));
  CHECK_THAT(seen, ContainsSubstring("MiB of 7.6 MiB"));
}
