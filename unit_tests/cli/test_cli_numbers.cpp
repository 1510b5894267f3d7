// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Numbers that HDF5 has no ready conversion for: 16-bit floats, bools, complex ones; --out-type.

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "test_files.hpp"

namespace {

hid_t float_type(std::size_t exponent_bits, std::size_t mantissa_bits, H5T_order_t order) {
  const hid_t type = valid(H5Tcopy(H5T_IEEE_F32LE));
  H5Tset_fields(type, 15, mantissa_bits, exponent_bits, 0, mantissa_bits);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, (1u << (exponent_bits - 1)) - 1);
  H5Tset_order(type, order);
  return type;
}
hid_t float16(H5T_order_t order = H5T_ORDER_LE) { return float_type(5, 10, order); }
hid_t bfloat16(H5T_order_t order = H5T_ORDER_LE) { return float_type(8, 7, order); }

/// As h5py writes it.
hid_t boolean(hid_t base = H5T_STD_I8LE, const char* no = "FALSE", const char* yes = "TRUE") {
  const hid_t type = valid(H5Tenum_create(base));
  for (const long long value : {0, 1}) {
    long long stored = value;
    H5Tconvert(H5T_NATIVE_LLONG, base, 1, &stored, nullptr, H5P_DEFAULT);
    REQUIRE(H5Tenum_insert(type, value == 0 ? no : yes, &stored) >= 0);
  }
  return type;
}

using Bits = std::vector<std::uint16_t>;

Bits swapped(Bits all) {
  for (std::uint16_t& bits : all) bits = static_cast<std::uint16_t>(bits << 8 | bits >> 8);
  return all;
}

void run(const TestFolder& folder, const std::string& arguments) {
  CAPTURE(arguments);
  const auto outcome = folder.fused_scan("scan " + arguments);
  REQUIRE(outcome.err == "");
  REQUIRE(outcome.status == 0);
}

void require_refusal(const TestFolder& folder, const std::string& arguments,
                     const std::string& message) {
  CAPTURE(arguments);
  const auto before = folder.contents();
  const auto outcome = folder.fused_scan("scan " + arguments);
  CHECK(outcome.err == "fused-scan: " + message + "\n");
  CHECK(outcome.status == 2);
  CHECK(folder.contents() == before);
}

}  // namespace

TEST_CASE("Cli.SixteenBitsAreRoundedOnceToNearestEven") {
  // The bits of x, and those of its sums. 0x3c00 is 1, 0x1000 2^-11, 0x0001 2^-24.
  struct Case {
    bool ieee;
    Bits x, sums;
  };
  const std::vector<Case> cases{
      {true, {0x3c00, 0x1000, 0x0001}, {0x3c00, 0x3c00, 0x3c01}},  // a tie, and a bit more
      {true, {0x3c01, 0x1000}, {0x3c01, 0x3c02}},                  // a tie the other way
      {true, {0x7bff, 0x4800}, {0x7bff, 0x7bff}},                  // 65504 + 8 = 65512
      {true, {0x7bff, 0x4c00}, {0x7bff, 0x7c00}},  // 65504 + 16: a tie with infinity
      {true, {0xfbff, 0xcbff}, {0xfbff, 0xfbff}},  // less than 16, negative
      {true, {0x0001, 0x0001, 0x03ff}, {0x0001, 0x0002, 0x0401}},  // subnormal to normal
      {true, {0x7c00, 0x3c00, 0xfc00}, {0x7c00, 0x7c00, 0x7e00}},  // infinities, and NaN
      {true, {0x8000, 0x3c00, 0xbc00}, {0x8000, 0x3c00, 0x0000}},
      {false, {0x3f80, 0x3b80}, {0x3f80, 0x3f80}},                  // 1 + 2^-8: a tie
      {false, {0x3f80, 0x3b80, 0x2180}, {0x3f80, 0x3f80, 0x3f81}},  // and 2^-60 more
      {false, {0x3f81, 0x3b80, 0xa180}, {0x3f81, 0x3f82, 0x3f81}},  // and 2^-60 less
      {false, {0x7f7f, 0x7b00}, {0x7f7f, 0x7f80}},
      {false, {0x0001, 0x007f}, {0x0001, 0x0080}},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& [ieee, x, sums] = cases[i];
    for (const H5T_order_t order : {H5T_ORDER_LE, H5T_ORDER_BE}) {
      CAPTURE(i, order);
      const hid_t type = ieee ? float16(order) : bfloat16(order);
      const bool big = order == H5T_ORDER_BE;
      const TestFolder folder;
      TestFile(folder / "in.h5").write("/x", type, {x.size()}, type, (big ? swapped(x) : x).data());
      run(folder, "in.h5:/x out.h5:/y --axis 0");
      const TestFile out(folder / "out.h5");
      REQUIRE(H5Tequal(out.stored_type("/y"), type) > 0);
      auto y = out.read<std::uint16_t>("/y", type);
      if (big) y = swapped(y);
      // A NaN may have a sign; and -0 + nothing is -0 or 0, as the library's sum has it.
      if (y.back() == 0xfe00) y.back() = 0x7e00;
      if (x[0] == 0x8000) y[0] |= 0x8000;
      CHECK(y == sums);
    }
  }
}

TEST_CASE("Cli.OtherFloatsAreRefused") {
  const TestFolder folder;
  const hid_t no_infinity = float16(), narrow = valid(H5Tcopy(H5T_IEEE_F32LE));
  H5Tset_ebias(no_infinity, 16);
  H5Tset_fields(narrow, 23, 15, 8, 0, 15);
  H5Tset_size(narrow, 3);
  const float x = 1;
  for (const auto& [name, type] : {std::pair("float16", no_infinity), {"float24", narrow}}) {
    TestFile(folder / "in.h5").write(name, type, {1}, H5T_NATIVE_FLOAT, &x);
    const auto outcome =
        folder.fused_scan("scan in.h5:/" + std::string(name) + " out.h5:/y --axis 0");
    CHECK(outcome.status == 2);
    CHECK(outcome.err.starts_with("fused-scan: in.h5:/" + std::string(name) +
                                  " has elements of type " + name + "; only "));
  }
}

TEST_CASE("Cli.ComplexIsWhatIsNamedSo") {
  const auto compound = [](const char* first, const char* second, hid_t part = H5T_NATIVE_DOUBLE) {
    const std::size_t size = H5Tget_size(part);
    const hid_t type = valid(H5Tcreate(H5T_COMPOUND, 2 * size));
    H5Tinsert(type, first, 0, part);
    H5Tinsert(type, second, size, part);
    return type;
  };
  const std::vector<double> x{1, 10, 2, 20};
  const TestFolder folder;
  {
    const TestFile in(folder / "in.h5");
    for (const auto& [re, im] : {std::pair("r", "i"),
                                 {"re", "im"},
                                 {"real", "imag"},
                                 {"range", "intensity"},
                                 {"r", "imag"},
                                 {"real", "i"},
                                 {"i", "r"},
                                 {"red", "impulse"}}) {
      const hid_t type = compound(re, im);
      in.write(std::string(re) + "_" + im, type, {2}, type, x.data());
    }
    const hid_t halves = compound("r", "i", float16());
    in.write("halves", halves, {2}, halves, nullptr);
    const hid_t integers = compound("r", "i", H5T_STD_I32LE);
    in.write("integers", integers, {2}, integers, nullptr);
  }
  for (const std::string name : {"r_i", "re_im", "real_imag"}) {
    run(folder, "in.h5:/" + name + " out.h5:/" + name + " --axis 0 --op prod");
    const TestFile out(folder / "out.h5");
    const hid_t type = out.stored_type(name);
    std::vector<double> y(4);
    const hid_t dataset = valid(H5Dopen2(out.id(), name.c_str(), H5P_DEFAULT));
    REQUIRE(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, y.data()) >= 0);
    H5Dclose(dataset);
    CHECK(y == std::vector<double>{1, 10, -198, 40});
  }
  for (const std::string name :
       {"range_intensity", "r_imag", "real_i", "i_r", "red_impulse", "halves", "integers"}) {
    const auto before = folder.contents();
    const auto outcome = folder.fused_scan("scan in.h5:/" + name + " out.h5:/z --axis 0 --op prod");
    CAPTURE(name, outcome.err);
    CHECK(outcome.status == 2);
    CHECK(outcome.err.find("complex numbers (r and i, re and im, or real and imag)") !=
          std::string::npos);
    CHECK(folder.contents() == before);
  }
}

TEST_CASE("Cli.Bools") {
  const std::vector<signed char> x{0, 1, 0, 1, 1};
  const TestFolder folder;
  TestFile(folder / "in.h5").write("/x", boolean(), {5}, boolean(), x.data());
  using Counts = std::vector<std::int64_t>;
  const auto counts = [&](const std::string& name, const std::string& options) {
    run(folder, "in.h5:/x out.h5:/" + name + " --axis 0 " + options);
    return TestFile(folder / "out.h5").read<std::int64_t>(name, H5T_NATIVE_INT64);
  };
  CHECK(counts("sum", "") == Counts{0, 1, 1, 2, 3});
  CHECK(counts("plain", "--op sum --reverse") == Counts{3, 3, 2, 2, 1});
  CHECK(counts("before", "--exclusive") == Counts{0, 0, 1, 1, 2});
  CHECK(counts("prod", "--op prod --exclusive") == Counts{1, 0, 0, 0, 0});
  CHECK(counts("as_float", "--out-type float32") == Counts{0, 1, 1, 2, 3});
  REQUIRE(H5Tequal(TestFile(folder / "out.h5").stored_type("/sum"), H5T_STD_I64LE) > 0);

  using Bools = std::vector<signed char>;
  const auto bools = [&](const std::string& name, const std::string& options) {
    run(folder, "in.h5:/x out.h5:/" + name + " --axis 0 " + options);
    const TestFile out(folder / "out.h5");
    REQUIRE(H5Tequal(out.stored_type(name), boolean()) > 0);
    return out.read<signed char>(name, boolean());
  };
  CHECK(bools("any", "--op max") == Bools{0, 1, 1, 1, 1});
  CHECK(bools("any_before", "--op max --exclusive") == Bools{0, 0, 1, 1, 1});
  CHECK(bools("all", "--op min --reverse") == Bools{0, 0, 0, 1, 1});
  CHECK(bools("all_behind", "--op min --reverse --exclusive") == Bools{0, 0, 1, 1, 1});
}

TEST_CASE("Cli.BoolsOfOtherPrograms") {
  const TestFolder folder;
  std::filesystem::copy(FUSED_SCAN_H5PY_FILE, folder / "h5py.h5");  // True, False
  run(folder, "h5py.h5:/bool out.h5:/h5py --axis 0");
  CHECK(TestFile(folder / "out.h5").read<int>("/h5py", H5T_NATIVE_INT) == std::vector<int>{1, 1});
  const std::int32_t wide[] = {1, 0, 1};
  {
    const TestFile in(folder / "in.h5");
    const hid_t native = boolean(H5T_NATIVE_INT32, "false", "true");
    in.write("wide", boolean(H5T_STD_I32BE, "false", "true"), {3}, native, wide);
    in.write("colours", boolean(H5T_STD_I8LE, "RED", "GREEN"), {3},
             boolean(H5T_NATIVE_INT32, "RED", "GREEN"), wide);
  }
  run(folder, "in.h5:/wide out.h5:/sum --axis 0");
  CHECK(TestFile(folder / "out.h5").read<int>("/sum", H5T_NATIVE_INT) == std::vector<int>{1, 1, 2});
  run(folder, "in.h5:/wide out.h5:/any --axis 0 --op max --reverse");
  const hid_t native = boolean(H5T_NATIVE_INT32, "false", "true");
  CHECK(TestFile(folder / "out.h5").read<int>("/any", native) == std::vector<int>{1, 1, 1});
  const auto outcome = folder.fused_scan("scan in.h5:/colours out.h5:/y --axis 0");
  CHECK(outcome.status == 2);
  CHECK(outcome.err.starts_with("fused-scan: in.h5:/colours has elements of type enumeration; "));
}

TEST_CASE("Cli.OutType") {
  const TestFolder folder;
  const std::vector<int> x{100, 100, -128};
  {
    const TestFile in(folder / "in.h5");
    in.write("/int8", H5T_STD_I8LE, {3}, H5T_NATIVE_INT, x.data());
    in.write("/uint8", H5T_STD_U8LE, {2}, H5T_NATIVE_INT, x.data());
    in.write("/int32", H5T_STD_I32BE, {3}, H5T_NATIVE_INT, x.data());
    in.write("/float32", H5T_IEEE_F32LE, {3}, H5T_NATIVE_INT, x.data());
    in.write("/float16", float16(), {3}, H5T_NATIVE_INT, x.data());
  }
  const auto sums = [&](const std::string& in, const std::string& type) {
    const std::string name = in + "_" + type;
    run(folder, "in.h5:/" + in + " out.h5:/" + name + " --axis 0 --out-type " + type);
    return TestFile(folder / "out.h5").read<double>(name, H5T_NATIVE_DOUBLE);
  };
  const std::vector<double> expected{100, 200, 72};
  for (const std::string in : {"int8", "int32", "float32", "float16"}) {
    CHECK(sums(in, "float64") == expected);
  }
  for (const std::string type : {"int16", "int32", "int64", "float16", "bfloat16", "float32"}) {
    CHECK(sums("int8", type) == expected);
  }
  CHECK(sums("uint8", "uint16") == std::vector<double>{100, 200});
  CHECK(sums("float16", "float32") == expected);

  {
    const TestFile out(folder / "out.h5");
    CHECK(H5Tequal(out.stored_type("/int8_int64"), H5T_STD_I64LE) > 0);
    CHECK(H5Tequal(out.stored_type("/int8_bfloat16"), bfloat16()) > 0);
  }
  const auto refused = [&](const std::string& in, const std::string& type,
                           const std::string& wide_enough) {
    require_refusal(folder, "in.h5:/" + in + " out.h5:/z --axis 0 --out-type " + type,
                    "--out-type " + type + " does not hold every number of in.h5:/" + in +
                        " of type " + in + "; these do: " + wide_enough);
  };
  refused("int8", "uint64", "int8, int16, int32, int64, float32, float64, float16, bfloat16");
  refused("int32", "float32", "int32, int64, float64");
  refused("float32", "float16", "float32, float64");
  refused("float16", "bfloat16", "float32, float64, float16");
  refused("float32", "int64", "float32, float64");
  require_refusal(folder, "in.h5:/int8 out.h5:/z --axis 0",
                  "cannot write out.h5:/z: a number does not fit in its 8 bits; --out-type chooses "
                  "a wider type");
}
