// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// OUT is stored as IN is: chunks, filters, attributes, labels of dimensions.

#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>
#include <vector>

#include "test_files.hpp"

namespace {

using Extents = std::vector<hsize_t>;

const Extents extents{40, 30};

hid_t text_type() {
  const hid_t type = valid(H5Tcopy(H5T_C_S1));
  H5Tset_size(type, H5T_VARIABLE);
  return type;
}

void set_attribute(const TestFile& file, const std::string& object, const char* name, hid_t type,
                   const Extents& shape, const void* values) {
  const hid_t space = valid(
      shape.empty() ? H5Screate(H5S_SCALAR)
                    : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr));
  const hid_t attribute = valid(H5Acreate_by_name(file.id(), object.c_str(), name, type, space,
                                                  H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  REQUIRE(H5Awrite(attribute, type, values) >= 0);
  H5Aclose(attribute);
  H5Sclose(space);
}

bool has_attribute(const TestFile& file, const std::string& object, const char* name) {
  return H5Aexists_by_name(file.id(), object.c_str(), name, H5P_DEFAULT) > 0;
}

/// The bytes in memory of an attribute without variable length.
template <class T>
std::vector<T> attribute(const TestFile& file, const std::string& object, const char* name,
                         std::size_t count) {
  const hid_t id =
      valid(H5Aopen_by_name(file.id(), object.c_str(), name, H5P_DEFAULT, H5P_DEFAULT));
  const hid_t type = valid(H5Aget_type(id));
  std::vector<T> values(count);
  REQUIRE(count * sizeof(T) == H5Aget_storage_size(id));
  REQUIRE(H5Aread(id, type, values.data()) >= 0);
  H5Tclose(type);
  H5Aclose(id);
  return values;
}

std::vector<std::string> texts(const TestFile& file, const std::string& object, const char* name,
                               std::size_t count) {
  const hid_t id =
      valid(H5Aopen_by_name(file.id(), object.c_str(), name, H5P_DEFAULT, H5P_DEFAULT));
  const hid_t type = text_type();
  std::vector<char*> values(count);
  REQUIRE(H5Aread(id, type, values.data()) >= 0);
  std::vector<std::string> all;
  for (char* text : values) {
    all.push_back(text ? text : "");
    H5free_memory(text);
  }
  H5Tclose(type);
  H5Aclose(id);
  return all;
}

/// A data set of its creation properties, filled.
void write(const TestFile& file, const std::string& name, hid_t creation) {
  std::vector<int> x(1200);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<int>(i % 3);
  file.write(name, H5T_STD_I32LE, extents, H5T_NATIVE_INT, x.data(), creation);
}

hid_t chunked(const Extents& chunk) {
  const hid_t creation = valid(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
  return creation;
}

hid_t creation_of(const TestFile& file, const std::string& name) {
  const hid_t dataset = valid(H5Dopen2(file.id(), name.c_str(), H5P_DEFAULT));
  const hid_t creation = valid(H5Dget_create_plist(dataset));
  H5Dclose(dataset);
  return creation;
}

std::vector<H5Z_filter_t> filters(hid_t creation) {
  std::vector<H5Z_filter_t> all;
  for (int i = 0; i < H5Pget_nfilters(creation); ++i) {
    std::size_t count = 0;
    all.push_back(H5Pget_filter2(creation, static_cast<unsigned>(i), nullptr, &count, nullptr, 0,
                                 nullptr, nullptr));
  }
  return all;
}

}  // namespace

TEST_CASE("Cli.OutIsChunkedAndCompressedAsIn") {
  const TestFolder folder;
  {
    const TestFile in(folder / "in.h5");
    const hid_t creation = chunked({16, 7});
    H5Pset_shuffle(creation);
    H5Pset_deflate(creation, 6);
    H5Pset_fletcher32(creation);
    write(in, "/x", creation);
  }
  for (const std::string type : {"", " --out-type float64"}) {
    std::filesystem::remove(folder / "out.h5");
    const auto outcome = folder.fused_scan("scan in.h5:/x out.h5:/y --axis 0" + type);
    REQUIRE(outcome.err == "");
    const TestFile out(folder / "out.h5");
    const hid_t creation = creation_of(out, "/y");
    REQUIRE(H5Pget_layout(creation) == H5D_CHUNKED);
    Extents chunk(2);
    H5Pget_chunk(creation, 2, chunk.data());
    CHECK(chunk == Extents{16, 7});
    CHECK(filters(creation) ==
          std::vector<H5Z_filter_t>{H5Z_FILTER_SHUFFLE, H5Z_FILTER_DEFLATE, H5Z_FILTER_FLETCHER32});
    std::size_t values = 1;
    unsigned level = 0;
    H5Pget_filter_by_id2(creation, H5Z_FILTER_DEFLATE, nullptr, &values, &level, 0, nullptr,
                         nullptr);
    CHECK(level == 6);
    CHECK(out.read<int>("/y", H5T_NATIVE_INT).back() == 80);
  }
}

TEST_CASE("Cli.ADataSetThatGrowsStillDoes") {
  const TestFolder folder;
  {
    const TestFile in(folder / "in.h5");
    const Extents now{3}, most{H5S_UNLIMITED}, chunk{100};
    const hid_t space = valid(H5Screate_simple(1, now.data(), most.data()));
    const hid_t dataset = valid(
        H5Dcreate2(in.id(), "/x", H5T_STD_I32LE, space, H5P_DEFAULT, chunked(chunk), H5P_DEFAULT));
    H5Dclose(dataset);
    H5Sclose(space);
  }
  REQUIRE(folder.fused_scan("scan in.h5:/x out.h5:/y --axis 0").err == "");
  const TestFile out(folder / "out.h5");
  const hid_t dataset = valid(H5Dopen2(out.id(), "/y", H5P_DEFAULT));
  const Extents more{1000};
  CHECK(H5Dset_extent(dataset, more.data()) >= 0);
  H5Dclose(dataset);
}

TEST_CASE("Cli.FiltersThatLoseDigitsAreLeftOut") {
  const TestFolder folder;
  {
    const TestFile in(folder / "in.h5");
    const hid_t creation = chunked({40, 30});
    H5Pset_scaleoffset(creation, H5Z_SO_INT, 2);  // the numbers are 0, 1 and 2; their sums aren't
    H5Pset_deflate(creation, 1);
    write(in, "/x", creation);
  }
  const auto outcome = folder.fused_scan("scan in.h5:/x out.h5:/y --axis 0");
  CHECK(outcome.status == 0);
  CHECK(outcome.err ==
        "fused-scan: warning: OUT is stored without the filter 6 (scaleoffset) of in.h5:/x, which "
        "is not known to keep every digit\n");
  const TestFile out(folder / "out.h5");
  CHECK(filters(creation_of(out, "/y")) == std::vector<H5Z_filter_t>{H5Z_FILTER_DEFLATE});
  CHECK(out.read<int>("/y", H5T_NATIVE_INT).back() == 80);
}

// Elements in files of their own: OUT's go into OUT.
TEST_CASE("Cli.ExternalStorageIsNotTakenOver") {
  const TestFolder folder;
  {
    const TestFile in(folder / "in.h5");
    const hid_t creation = valid(H5Pcreate(H5P_DATASET_CREATE));
    H5Pset_external(creation, (folder / "raw.bin").c_str(), 0, 4800);
    write(in, "/external", creation);
    const hid_t virtual_creation = valid(H5Pcreate(H5P_DATASET_CREATE));
    const hid_t space = valid(H5Screate_simple(2, extents.data(), nullptr));
    H5Pset_virtual(virtual_creation, space, ".", "/external", space);
    in.write("/virtual", H5T_STD_I32LE, extents, H5T_NATIVE_INT, nullptr, virtual_creation);
    H5Sclose(space);
  }
  const std::string raw = bytes_of(folder / "raw.bin");
  for (const std::string name : {"external", "virtual"}) {
    REQUIRE(folder.fused_scan("scan in.h5:/" + name + " out.h5:/" + name + " --axis 0").err == "");
    const TestFile out(folder / "out.h5");
    CHECK(H5Pget_layout(creation_of(out, name)) == H5D_CONTIGUOUS);
    CHECK(H5Pget_external_count(creation_of(out, name)) == 0);
    CHECK(out.read<int>(name, H5T_NATIVE_INT).back() == 80);
  }
  CHECK(bytes_of(folder / "raw.bin") == raw);
}

TEST_CASE("Cli.OutHasTheAttributesOfIn") {
  const TestFolder folder;
  {
    const TestFile in(folder / "in.h5");
    write(in, "/x", H5P_DEFAULT);
    const float scale = 0.25f;
    set_attribute(in, "/x", "scale", H5T_IEEE_F32LE, {}, &scale);
    const char* units = "m s\u207b\u00b9";
    set_attribute(in, "/x", "units", text_type(), {}, &units);
    const std::vector<int> numbers{1, 2, 3, 4, 5, 6};
    set_attribute(in, "/x", "matrix", H5T_NATIVE_INT, {2, 3}, numbers.data());
    std::vector<int> inner{7, 8};
    const hvl_t lists[] = {{1, inner.data()}, {2, inner.data()}};
    const hid_t list = valid(H5Tvlen_create(H5T_NATIVE_INT));
    set_attribute(in, "/x", "lists", list, {2}, lists);
    const hid_t named = valid(H5Tcopy(H5T_STD_I16BE));
    H5Tcommit2(in.id(), "/named", named, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    const short big = 0x0100;
    set_attribute(in, "/x", "of_named_type", named, {}, &big);
    const hid_t nothing = valid(H5Screate(H5S_NULL));
    H5Aclose(valid(H5Acreate_by_name(in.id(), "/x", "empty", H5T_NATIVE_INT, nothing, H5P_DEFAULT,
                                     H5P_DEFAULT, H5P_DEFAULT)));
    H5Sclose(nothing);
    hobj_ref_t reference;
    H5Rcreate(&reference, in.id(), "/x", H5R_OBJECT, -1);
    set_attribute(in, "/x", "reference", H5T_STD_REF_OBJ, {}, &reference);
  }
  const auto outcome = folder.fused_scan("scan in.h5:/x out.h5:/y --axis 0");
  REQUIRE(outcome.err == "");
  const TestFile out(folder / "out.h5");
  CHECK(attribute<float>(out, "/y", "scale", 1) == std::vector<float>{0.25f});
  CHECK(texts(out, "/y", "units", 1) == std::vector<std::string>{"m s\u207b\u00b9"});
  CHECK(attribute<int>(out, "/y", "matrix", 6) == std::vector<int>{1, 2, 3, 4, 5, 6});
  CHECK(attribute<short>(out, "/y", "of_named_type", 1) == std::vector<short>{0x0100});
  CHECK(has_attribute(out, "/y", "lists"));
  CHECK(has_attribute(out, "/y", "empty"));
  CHECK_FALSE(has_attribute(out, "/y", "reference"));
}

TEST_CASE("Cli.ScalesBecomeLabels") {
  const TestFolder folder;
  {
    const TestFile in(folder / "in.h5");
    write(in, "/x", H5P_DEFAULT);
    const char* labels[] = {"", "place"};
    set_attribute(in, "/x", "DIMENSION_LABELS", text_type(), {2}, labels);
    // As HDF5's high-level library attaches scales.
    const int zeros[40] = {};
    in.write("/axes/time", H5T_STD_I32LE, {40}, H5T_NATIVE_INT, zeros);
    in.write("/axes/station", H5T_STD_I32LE, {30}, H5T_NATIVE_INT, zeros);
    const hid_t text = valid(H5Tcopy(H5T_C_S1));
    H5Tset_size(text, 16);
    for (const std::string scale : {"/axes/time", "/axes/station"}) {
      set_attribute(in, scale, "CLASS", text, {}, "DIMENSION_SCALE");
    }
    hobj_ref_t scales[2];
    H5Rcreate(&scales[0], in.id(), "/axes/time", H5R_OBJECT, -1);
    H5Rcreate(&scales[1], in.id(), "/axes/station", H5R_OBJECT, -1);
    const hvl_t attached[] = {{1, &scales[0]}, {1, &scales[1]}};
    const hid_t list = valid(H5Tvlen_create(H5T_STD_REF_OBJ));
    set_attribute(in, "/x", "DIMENSION_LIST", list, {2}, attached);
  }
  REQUIRE(folder.fused_scan("scan in.h5:/x out.h5:/y --axis 0").err == "");
  REQUIRE(folder.fused_scan("scan in.h5:/axes/time out.h5:/times --axis 0").err == "");
  const TestFile out(folder / "out.h5");
  CHECK(texts(out, "/y", "DIMENSION_LABELS", 2) == std::vector<std::string>{"time", "place"});
  CHECK_FALSE(has_attribute(out, "/y", "DIMENSION_LIST"));
  // The sums of a scale are none.
  CHECK_FALSE(has_attribute(out, "/times", "CLASS"));
}
