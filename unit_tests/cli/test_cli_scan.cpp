// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What `fused-scan scan` computes: types, axes, operators, against plain loops and against NumPy.

#include <algorithm>
#include <catch2/generators/catch_generators.hpp>
#include <cmath>
#include <complex>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "test_files.hpp"

namespace {

using Extents = std::vector<hsize_t>;

/// The scan by definition, one element after the other.
template <class T, class Combine>
std::vector<T> plain_scan(const std::vector<T>& x, const Extents& extents, int axis, bool reverse,
                          bool exclusive, T identity, Combine combine) {
  std::size_t inner = 1;
  for (std::size_t d = axis + 1; d < extents.size(); ++d) inner *= extents[d];
  const std::size_t length = extents[axis];
  std::vector<T> result(x.size());
  for (std::size_t line = 0; line < x.size() / length; ++line) {
    T total = identity;
    for (std::size_t step = 0; step < length; ++step) {
      const std::size_t i = reverse ? length - 1 - step : step;
      const std::size_t at = (line / inner * length + i) * inner + line % inner;
      const T before = total;
      total = combine(total, x[at]);
      result[at] = exclusive ? before : total;
    }
  }
  return result;
}

/// The 16-bit type of IEEE 754, which older versions of HDF5 don't have ready.
hid_t float16() {
  const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

hid_t complex_of(hid_t part, const char* real = "r", const char* imaginary = "i") {
  const hid_t type = valid(H5Tcreate(H5T_COMPOUND, 2 * H5Tget_size(part)));
  H5Tinsert(type, real, 0, part);
  H5Tinsert(type, imaginary, H5Tget_size(part), part);
  return type;
}

const Extents extents{3, 50, 4};

std::vector<double> small_integers(int modulus) {
  std::vector<double> x(600);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i * i % 7 % modulus);
  return x;
}

}  // namespace

TEST_CASE("Cli.TypesAndOperators") {
  struct Stored {
    std::string name;
    hid_t type;
    double lowest, highest;  // the identities of max and min
  };
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::vector<Stored> types{
      {"float16", float16(), -infinity, infinity},
      {"float32", H5T_IEEE_F32LE, -infinity, infinity},
      {"float64", H5T_IEEE_F64LE, -infinity, infinity},
      {"float32 big-endian", H5T_IEEE_F32BE, -infinity, infinity},
      {"int8", H5T_STD_I8LE, -128, 127},
      {"uint8", H5T_STD_U8LE, 0, 255},
      {"int16", H5T_STD_I16LE, -32768, 32767},
      {"uint16", H5T_STD_U16LE, 0, 65535},
      {"int32", H5T_STD_I32LE, -2147483648.0, 2147483647.0},
      {"uint32", H5T_STD_U32LE, 0, 4294967295.0},
      {"uint32 big-endian", H5T_STD_U32BE, 0, 4294967295.0},
      {"int64", H5T_STD_I64LE, -std::ldexp(1, 63), std::ldexp(1, 63)},
      {"uint64", H5T_STD_U64LE, 0, std::ldexp(1, 64)},
  };
  const auto larger = [](double a, double b) { return std::max(a, b); };
  const auto smaller = [](double a, double b) { return std::min(a, b); };
  const TestFolder folder;
  {
    const TestFile in(folder / "in.h5");
    for (const Stored& stored : types) {
      in.write(stored.name, stored.type, extents, H5T_NATIVE_DOUBLE, small_integers(5).data());
      in.write("bits " + stored.name, stored.type, extents, H5T_NATIVE_DOUBLE,
               small_integers(2).data());
    }
  }
  int number = 0;
  std::vector<std::function<void(const TestFile&)>> checks;
  for (const Stored& stored : types) {
    for (const std::string op : {"compensated-sum", "sum", "prod", "max", "min"}) {
      const int axis = number % 3;
      const bool reverse = number % 2 == 1, exclusive = number / 2 % 2 == 1;
      const std::string out = "/out/" + std::to_string(number++);
      const std::string in = (op == "prod" ? "/bits " : "/") + stored.name;
      std::string arguments = "scan 'in.h5:" + in + "' out.h5:" + out + " --op " + op;
      arguments += " --axis " + std::to_string(exclusive ? axis - 3 : axis);
      if (reverse) arguments += " --reverse";
      if (exclusive) arguments += " --exclusive";
      CAPTURE(arguments);
      const auto outcome = folder.fused_scan(arguments);
      REQUIRE(outcome.err == "");
      REQUIRE(outcome.status == 0);

      const auto scanned = [&](double identity, auto combine) {
        return plain_scan(small_integers(op == "prod" ? 2 : 5), extents, axis, reverse, exclusive,
                          identity, combine);
      };
      const TestFile file(folder / "out.h5");
      REQUIRE(H5Tequal(file.stored_type(out), stored.type) > 0);
      REQUIRE(file.extents(out) == extents);
      REQUIRE(file.read<double>(out, H5T_NATIVE_DOUBLE) ==
              (op == "max"    ? scanned(stored.lowest, larger)
               : op == "min"  ? scanned(stored.highest, smaller)
               : op == "prod" ? scanned(1, std::multiplies<>())
                              : scanned(0, std::plus<>())));
    }
  }
}

TEST_CASE("Cli.SixtyFourBitIntegersWrap") {
  const bool is_signed = GENERATE(true, false);
  const std::uint64_t large = 0x7000'0000'0000'0001;
  const std::vector<std::uint64_t> x{large, 2, large, large, 5};
  const hid_t type = is_signed ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64;
  const TestFolder folder;
  TestFile(folder / "in.h5").write("/x", type, {5}, type, x.data());
  REQUIRE(folder.fused_scan("scan in.h5:/x out.h5:/sum --axis 0").status == 0);
  REQUIRE(folder.fused_scan("scan in.h5:/x out.h5:/prod --axis 0 --op prod").status == 0);
  const TestFile out(folder / "out.h5");
  REQUIRE(out.read<std::uint64_t>("/sum", type) ==
          plain_scan<std::uint64_t>(x, {5}, 0, false, false, 0, std::plus<>()));
  REQUIRE(out.read<std::uint64_t>("/prod", type) ==
          plain_scan<std::uint64_t>(x, {5}, 0, false, false, 1, std::multiplies<>()));
}

TEST_CASE("Cli.ComplexNumbers") {
  const bool is_double = GENERATE(true, false);
  const hid_t part = is_double ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;
  struct Forms {
    hid_t stored;
    hid_t in_memory;
  };
  const std::vector<Forms> types{
      {complex_of(part), complex_of(H5T_NATIVE_DOUBLE)},
      {complex_of(part, "real", "imag"), complex_of(H5T_NATIVE_DOUBLE, "real", "imag")},
#if H5_VERSION_GE(2, 0, 0)
      {valid(H5Tcomplex_create(part)), valid(H5Tcomplex_create(H5T_NATIVE_DOUBLE))},
#endif
  };
  // Powers of i, so that products are exact as well.
  using Complex = std::complex<double>;
  std::vector<Complex> x(600);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = std::vector<Complex>{{1, 0}, {0, 1}, {-1, 0}, {0, -1}}[i * i % 7 % 4];
  }
  for (const auto& [type, memory] : types) {
    const TestFolder folder;
    TestFile(folder / "in.h5").write("/x", type, extents, memory, x.data());
    for (const std::string op : {"compensated-sum", "sum", "prod"}) {
      const auto outcome =
          folder.fused_scan("scan in.h5:/x out.h5:/" + op + " --axis 1 --op " + op);
      REQUIRE(outcome.err == "");
      const TestFile out(folder / "out.h5");
      REQUIRE(H5Tequal(out.stored_type(op), type) > 0);
      const auto scanned = [&](Complex identity, auto combine) {
        return plain_scan(x, extents, 1, false, false, identity, combine);
      };
      REQUIRE(out.read<Complex>(op, memory) ==
              (op == "prod" ? scanned(1, std::multiplies<>()) : scanned(0, std::plus<>())));
    }
  }
}

TEST_CASE("Cli.WrittenByH5py") {
  const TestFolder folder;
  std::filesystem::copy(FUSED_SCAN_H5PY_FILE, folder / "in.h5");
  std::vector<std::string> names;
  {
    const TestFile in(folder / "in.h5");
    const auto collect = [](hid_t, const char* name, const H5L_info_t*, void* list) -> herr_t {
      static_cast<std::vector<std::string>*>(list)->push_back(name);
      return 0;
    };
    const hid_t group = valid(H5Gopen2(in.id(), "/x", H5P_DEFAULT));
    REQUIRE(H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &names) >= 0);
    H5Gclose(group);
  }
  REQUIRE(names.size() == 23);
  for (const std::string& name : names) {
    CAPTURE(name);
    const auto outcome =
        folder.fused_scan("scan 'in.h5:/x/" + name + "' 'out.h5:/" + name + "' --axis 1");
    REQUIRE(outcome.err == "");
    const TestFile in(folder / "in.h5");
    const TestFile out(folder / "out.h5");
    const hid_t type = in.stored_type("/x/" + name);
    REQUIRE(H5Tequal(out.stored_type(name), type) > 0);
    // As stored, byte for byte.
    using Byte = unsigned char;
    const auto stored_bytes = [&](const TestFile& file, const std::string& dataset) {
      std::vector<Byte> bytes(30 * H5Tget_size(type));
      const hid_t id = valid(H5Dopen2(file.id(), dataset.c_str(), H5P_DEFAULT));
      REQUIRE(H5Dread(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) >= 0);
      H5Dclose(id);
      return bytes;
    };
    REQUIRE(stored_bytes(out, name) == stored_bytes(in, "/expected/" + name));
  }
}

TEST_CASE("Cli.CompensatedSumIsTheDefault") {
  // In plain floats every partial sum after the first is off.
  const std::vector<float> x{1e8f, 1, 1, -1e8f, 0.5f, -2};
  const TestFolder folder;
  TestFile(folder / "in.h5").write("/x", H5T_IEEE_F32LE, {6}, H5T_NATIVE_FLOAT, x.data());
  REQUIRE(folder.fused_scan("scan in.h5:/x out.h5:/y --axis 0").status == 0);
  REQUIRE(TestFile(folder / "out.h5").read<float>("/y", H5T_NATIVE_FLOAT) ==
          std::vector<float>{1e8f, 1e8f, 1e8f, 2, 2.5f, 0.5f});
}

TEST_CASE("Cli.Float16IsRoundedOnce") {
  // From 2048 on two neighbours are 2 apart, from 32768 on 32.
  const std::vector<float> x{2048, 1, 0.5f, 0.5f, 63424, 1024};
  const TestFolder folder;
  TestFile(folder / "in.h5").write("/x", float16(), {6}, H5T_NATIVE_FLOAT, x.data());
  REQUIRE(folder.fused_scan("scan in.h5:/x out.h5:/y --axis 0").status == 0);
  REQUIRE(
      TestFile(folder / "out.h5").read<float>("/y", H5T_NATIVE_FLOAT) ==
      std::vector<float>{2048, 2048, 2050, 2050, 65472, std::numeric_limits<float>::infinity()});
}

TEST_CASE("Cli.EveryRank") {
  const TestFolder folder;
  for (int rank = 1; rank <= 8; ++rank) {
    const Extents extents(rank, 2);
    std::vector<std::int32_t> x(std::size_t{1} << rank);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::int32_t>(i * i);
    const std::string name = "/rank" + std::to_string(rank);
    TestFile(folder / "in.h5").write(name, H5T_STD_I32LE, extents, H5T_NATIVE_INT32, x.data());
    for (int axis = 0; axis < rank; ++axis) {
      const std::string out = name + "/axis" + std::to_string(axis);
      const auto outcome = folder.fused_scan("scan in.h5:" + name + " out.h5:" + out + " --axis " +
                                             std::to_string(axis));
      REQUIRE(outcome.err == "");
      const TestFile file(folder / "out.h5");
      REQUIRE(file.extents(out) == extents);
      REQUIRE(file.read<std::int32_t>(out, H5T_NATIVE_INT32) ==
              plain_scan(x, extents, axis, false, false, 0, std::plus<>()));
    }
  }
}

TEST_CASE("Cli.NoElements") {
  const TestFolder folder;
  const Extents extents = GENERATE(Extents{0}, Extents{0, 5}, Extents{5, 0}, Extents{2, 0, 3});
  TestFile(folder / "in.h5").write("/x", H5T_IEEE_F32LE, extents, H5T_NATIVE_FLOAT, nullptr);
  REQUIRE(folder.fused_scan("scan in.h5:/x out.h5:/y --axis 0").status == 0);
  REQUIRE(TestFile(folder / "out.h5").extents("/y") == extents);
}

TEST_CASE("Cli.LargerThanOnePieceOfReading") {
  // 80 MB are read and written piece by piece: by rows, and by columns of whole chunks.
  const Extents extents{5, 4'000'000};
  const bool chunked = GENERATE(false, true);
  const hid_t creation = valid(H5Pcreate(H5P_DATASET_CREATE));
  const Extents chunk{5, 30'000};
  if (chunked) H5Pset_chunk(creation, 2, chunk.data());
  std::vector<std::int32_t> x(20'000'000);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::int32_t>(i % 1013);
  const TestFolder folder;
  TestFile(folder / "in.h5")
      .write("/x", H5T_STD_I32LE, extents, H5T_NATIVE_INT32, x.data(), creation);
  REQUIRE(folder.fused_scan("scan in.h5:/x out.h5:/y --axis 0").status == 0);
  const auto y = TestFile(folder / "out.h5").read<std::int32_t>("/y", H5T_NATIVE_INT32);
  REQUIRE((y == plain_scan(x, extents, 0, false, false, 0, std::plus<>())));
}
