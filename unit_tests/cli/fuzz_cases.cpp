// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fuzz_cases.hpp"

#include <hdf5.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <random>
#include <stdexcept>

namespace fused_scan::fuzz {

namespace {

namespace fs = std::filesystem;
using Random = std::mt19937_64;
using Texts = std::vector<std::string>;

// ---- good files ---------------------------------------------------------------------------------

hid_t good(hid_t id) {
  if (id < 0) throw std::runtime_error("the files to start from can't be made");
  return id;
}

void write(hid_t file, const char* name, hid_t type, const std::vector<hsize_t>& extents,
           hid_t creation = H5P_DEFAULT) {
  const hid_t space =
      good(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr));
  const hid_t dataset =
      good(H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT));
  const auto size = static_cast<std::size_t>(H5Sget_simple_extent_npoints(space));
  std::vector<char> bytes(size * H5Tget_size(type));
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i % 2);
  if (H5Tis_variable_str(type) <= 0) {
    good(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()));
  }
  const hid_t attribute =
      good(H5Acreate2(dataset, "values", type, space, H5P_DEFAULT, H5P_DEFAULT));
  if (H5Tis_variable_str(type) <= 0) good(H5Awrite(attribute, type, bytes.data()));
  H5Aclose(attribute);
  H5Dclose(dataset);
  H5Sclose(space);
}

hid_t compound(const char* first, const char* second) {
  const hid_t type = good(H5Tcreate(H5T_COMPOUND, 8));
  H5Tinsert(type, first, 0, H5T_IEEE_F32LE);
  H5Tinsert(type, second, 4, H5T_IEEE_F32LE);
  return type;
}

hid_t float16() {
  const hid_t type = good(H5Tcopy(H5T_IEEE_F32LE));
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

hid_t boolean() {
  const hid_t type = good(H5Tenum_create(H5T_STD_I8LE));
  for (const signed char value : {0, 1}) H5Tenum_insert(type, value ? "TRUE" : "FALSE", &value);
  return type;
}

hid_t variable_string() {
  const hid_t type = good(H5Tcopy(H5T_C_S1));
  H5Tset_size(type, H5T_VARIABLE);
  return type;
}

hid_t chunked(bool with_filters) {
  const hid_t creation = good(H5Pcreate(H5P_DATASET_CREATE));
  const hsize_t chunk[] = {4, 3};
  H5Pset_chunk(creation, 2, chunk);
  if (with_filters) {
    H5Pset_shuffle(creation);
    H5Pset_deflate(creation, 1);
    H5Pset_fletcher32(creation);
  }
  return creation;
}

/// `latest`: in the forms of HDF5's newest versions, which damage hits in other ways.
void make_input(const fs::path& path, bool latest) {
  const hid_t access = good(H5Pcreate(H5P_FILE_ACCESS));
  if (latest) H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  const hid_t file = good(H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, access));
  write(file, "f4", H5T_IEEE_F32LE, {20});
  write(file, "f8", H5T_IEEE_F64BE, {5, 4, 3}, H5P_DEFAULT);
  write(file, "i2", H5T_STD_I16LE, {9, 7}, chunked(true));
  write(file, "u8", H5T_STD_U64LE, {9, 7}, chunked(false));
  write(file, "f2", float16(), {8, 2});
  write(file, "bool", boolean(), {12});
  write(file, "complex", compound("r", "i"), {3, 3});
  write(file, "pair", compound("range", "intensity"), {3});
  write(file, "text", variable_string(), {2});
  H5Gclose(good(H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
  good(H5Lcreate_soft("/f4", file, "soft", H5P_DEFAULT, H5P_DEFAULT));
  good(H5Lcreate_external("old.h5", "/", file, "ext", H5P_DEFAULT, H5P_DEFAULT));
  H5Fclose(file);
  H5Pclose(access);
}

// ---- damage -------------------------------------------------------------------------------------

template <class T>
const T& one_of(const std::vector<T>& all, Random& random) {
  return all[random() % all.size()];
}

void damage_once(std::string& bytes, Random& random) {
  if (bytes.empty()) return;
  const std::size_t at = random() % bytes.size();
  const std::size_t length = std::min<std::size_t>(bytes.size() - at, 1 + random() % 64);
  switch (random() % 8) {
    case 0:
    case 1:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
      break;
    case 2:
      bytes[at] = static_cast<char>(random());
      break;
    case 3: {  // a number at the edge of its type
      const std::vector<std::uint64_t> numbers{0,          1,          0x7f,       0x80,
                                               0xff,       0x7fff,     0xffff,     0x7fffffff,
                                               0x80000000, 0xffffffff, ~0ull >> 1, ~0ull};
      const std::uint64_t number = one_of(numbers, random);
      const std::size_t width = std::size_t{1} << random() % 4;
      std::memcpy(bytes.data() + at, &number, std::min(width, bytes.size() - at));
      break;
    }
    case 4:
      bytes.resize(at);
      break;
    case 5:
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), length, '\0');
      break;
    case 6: {  // a block where another one was
      const std::size_t to = random() % (bytes.size() - length + 1);
      std::memmove(bytes.data() + to, bytes.data() + at, length);
      break;
    }
    default:
      bytes.erase(at, random() % 4);
  }
}

void damage(const fs::path& path, Random& random) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  in.close();
  for (unsigned long i = 0; i <= random() % 6; ++i) damage_once(bytes, random);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// ---- lines --------------------------------------------------------------------------------------

const Texts datasets{"f4", "f8", "i2", "u8", "f2", "bool", "complex", "pair", "text", "soft"};

void add_good_options(Texts& line, Random& random) {
  const auto maybe = [&](const Texts& option) {
    if (random() % 4 == 0) line.insert(line.end(), option.begin(), option.end());
  };
  const std::vector<std::string> axes{"0", "0", "-1", "1", "2"};
  line.insert(line.end(), {"--axis", one_of(axes, random)});
  maybe({"--op", one_of(Texts{"sum", "prod", "max", "min", "compensated-sum"}, random)});
  maybe({"--reverse"});
  maybe({"--exclusive"});
  maybe({"--memory", one_of(Texts{"1KiB", "100", "64KiB", "1GB"}, random)});
  maybe({"--out-type", one_of(Texts{"int64", "float64", "complex128"}, random)});
  maybe({"--block-size", one_of(Texts{"16", "256"}, random)});
  maybe({"--repeat", "2"});
}

Case damaged_file(Random& random, const fs::path& folder) {
  Case fuzzed{{}, "/y"};
  if (random() % 4 == 0) {
    damage(folder / "model.h5", random);
    fuzzed.arguments = {"ar-ssm", "model.h5", "out.h5"};
    if (random() % 2 == 0) fuzzed.arguments.push_back("--backward");
    if (random() % 2 == 0) fuzzed.arguments.push_back("--diagnostics");
    return fuzzed;
  }
  const std::string in = random() % 2 == 0 ? "in.h5" : "latest.h5";
  const bool out_is_damaged = random() % 4 == 0;
  const std::string out = out_is_damaged ? "old.h5" : "out.h5";
  damage(folder / (out_is_damaged ? out : in), random);
  fuzzed.arguments = {"scan", in + ":/" + one_of(datasets, random), out + ":/y"};
  add_good_options(fuzzed.arguments, random);
  return fuzzed;
}

std::string noise(Random& random) {
  std::string text(random() % 12, '\0');
  for (char& letter : text) letter = static_cast<char>(1 + random() % 255);
  return text;
}

/// A value that fits an option, or doesn't.
std::string any_value(Random& random) {
  static const Texts values{"0",
                            "1",
                            "-1",
                            "2",
                            "-9",
                            "7",
                            "99999999999",
                            "-99999999999999999999",
                            "1e3",
                            "0x10",
                            "nan",
                            "",
                            " ",
                            "sum",
                            "max",
                            "prod",
                            "compensated-sum",
                            "cumsum",
                            "int8",
                            "uint64",
                            "float16",
                            "bfloat16",
                            "complex64",
                            "int7",
                            "16",
                            "100",
                            "256",
                            "2147483647",
                            "64KiB",
                            "1KB",
                            "1.5GiB",
                            "999999999999EiB",
                            "k",
                            "in.h5:/f4",
                            "old.h5:/y",
                            "true",
                            "false",
                            "--",
                            "-",
                            "%s%n"};
  return random() % 8 == 0 ? noise(random) : one_of(values, random);
}

std::string any_in(Random& random) {
  static const Texts more{"in.h5",         "in.h5:/",      ":/f4",       "in.h5:/nothing",
                          "in.h5:/group",  "in.h5:f4",     "nowhere:/x", ".:/x",
                          "text.txt:/x",   "in.h5:/ext",   "in.h5:/f4/", "in.h5:/./f4",
                          "in.h5:/group/", "/dev/null:/x", "in.h5::/f4", "model.h5:/x"};
  const unsigned long choice = random() % 16;
  if (choice == 0) return noise(random);
  if (choice == 1) return "in.h5:/" + noise(random);
  if (choice == 2) return std::string(5000, 'a') + ":/x";
  if (choice < 8) return one_of(more, random);
  return "in.h5:/" + one_of(datasets, random);
}

std::string any_out(Random& random) {
  static const Texts bad{"out.h5",      "out.h5:/",    "old.h5:/x",    "in.h5:/f4", "in.h5:/ext/y",
                         "dir:/y",      "nodir/o:/y",  "/dev/null:/y", ":/y",       "in.h5:/ext",
                         "text.txt:/y", "in.h5:/f4/y", "in.h5:/soft"};
  if (random() % 4 == 0) return one_of(bad, random);
  return one_of(Texts{"out.h5:/y", "old.h5:/y", "in.h5:/y"}, random);
}

Case random_line(Random& random) {
  static const Texts options{"--axis",        "--op",          "--reverse",    "--exclusive",
                             "--memory",      "--out-type",    "--block-size", "--help",
                             "--version",     "--axis=0",      "--axis=-1",    "--op=max",
                             "--repeat=2",    "--repeat=0",    "-h",           "--backward",
                             "--diagnostics", "--memory=1KiB", "--nothing"};
  Case fuzzed{{}, "/y"};
  Texts& line = fuzzed.arguments;
  const unsigned long kind = random() % 8;
  if (kind < 6) {
    line = {"scan", any_in(random), any_out(random)};
    add_good_options(line, random);
  } else if (kind == 6) {
    line = {"ar-ssm", one_of(Texts{"model.h5", "in.h5", "nowhere", "dir", ""}, random), "out.h5"};
  } else {
    line = {one_of(Texts{"info", "scan", "ar-ssm", "scam", "", "--help", "--version"}, random)};
  }
  // Then something is put in, taken out, or put elsewhere.
  for (unsigned long i = 0; i < random() % 5; ++i) {
    const auto at = line.begin() + static_cast<std::ptrdiff_t>(random() % (line.size() + 1));
    switch (random() % 4) {
      case 0:
        line.insert(at, one_of(options, random));
        break;
      case 1:
        line.insert(at, any_value(random));
        break;
      case 2:
        if (at != line.end()) line.erase(at);
        break;
      default:
        if (at != line.end()) std::swap(*at, line[random() % line.size()]);
    }
  }
  return fuzzed;
}

}  // namespace

void make_seeds(const fs::path& folder, const fs::path& golden_files) {
  fs::create_directories(folder / "dir");
  make_input(folder / "in.h5", false);
  make_input(folder / "latest.h5", true);
  const hid_t old =
      good(H5Fcreate((folder / "old.h5").c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT));
  write(old, "x", H5T_STD_I32LE, {10});
  H5Fclose(old);
  fs::copy_file(golden_files / "batch1_length2_f32.h5", folder / "model.h5");
  fs::permissions(folder / "model.h5", fs::perms::owner_write, fs::perm_options::add);
  std::ofstream(folder / "text.txt") << "not HDF5\n";
}

Case make_case(unsigned long seed, unsigned long number, const fs::path& folder) {
  std::seed_seq sequence{seed, number};
  Random random(sequence);
  return number % 2 == 0 ? damaged_file(random, folder) : random_line(random);
}

}  // namespace fused_scan::fuzz
