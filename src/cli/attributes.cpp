// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "attributes.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "element_type.hpp"
#include "hdf5_file.hpp"

namespace fused_scan::cli {

namespace {

struct Attribute {
  Handle handle;
  Handle type;
  std::string label;

  H5T_class_t type_class() const { return H5Tget_class(type.id()); }

  [[noreturn]] void fail(const std::string& wanted) const {
    throw std::runtime_error(label + " is of type " + type_name(type.id()) + ", it must be " +
                             wanted);
  }
  void require_scalar() const {
    const Handle space(H5Aget_space(handle.id()));
    if (H5Sget_simple_extent_npoints(space.id()) == 1) return;
    throw std::runtime_error(label + " must be a single value");
  }
  template <class T>
  T read(hid_t memory_type) const {
    T value{};
    if (H5Aread(handle.id(), memory_type, &value) < 0) {
      throw std::runtime_error("cannot read " + label + ": " + hdf5_reason());
    }
    return value;
  }
};

std::optional<Attribute> open_attribute(hid_t object, const std::string& owner, const char* name) {
  if (H5Aexists(object, name) <= 0) return std::nullopt;
  const std::string label = "attribute " + std::string(name) + " of " + owner;
  Handle handle(H5Aopen(object, name, H5P_DEFAULT));
  if (!handle) throw std::runtime_error("cannot read " + label + ": " + hdf5_reason());
  Handle type(H5Aget_type(handle.id()));
  Attribute attribute{std::move(handle), std::move(type), label};
  attribute.require_scalar();
  return attribute;
}

}  // namespace

std::optional<std::int64_t> integer_attribute(hid_t object, const std::string& owner,
                                              const char* name) {
  const auto attribute = open_attribute(object, owner, name);
  if (!attribute) return std::nullopt;
  if (attribute->type_class() != H5T_INTEGER) attribute->fail("an integer");
  return attribute->read<std::int64_t>(H5T_NATIVE_INT64);
}

std::optional<double> float_attribute(hid_t object, const std::string& owner, const char* name) {
  const auto attribute = open_attribute(object, owner, name);
  if (!attribute) return std::nullopt;
  const H5T_class_t type_class = attribute->type_class();
  if (type_class != H5T_FLOAT && type_class != H5T_INTEGER) attribute->fail("a number");
  return attribute->read<double>(H5T_NATIVE_DOUBLE);
}

std::optional<bool> bool_attribute(hid_t object, const std::string& owner, const char* name) {
  const auto attribute = open_attribute(object, owner, name);
  if (!attribute) return std::nullopt;
  std::int64_t value = 0;
  if (attribute->type_class() == H5T_ENUM) {
    // An enumeration converts to another only by its names: read the number that it is stored as.
    const Handle native(H5Tget_native_type(attribute->type.id(), H5T_DIR_ASCEND));
    const Handle native_base(H5Tget_super(native.id()));
    const std::size_t size = H5Tget_size(native_base.id());
    if (size > sizeof value) attribute->fail("a bool");
    std::vector<unsigned char> bytes(sizeof value);
    if (H5Aread(attribute->handle.id(), native.id(), bytes.data()) < 0 ||
        H5Tconvert(native_base.id(), H5T_NATIVE_INT64, 1, bytes.data(), nullptr, H5P_DEFAULT) < 0) {
      throw std::runtime_error("cannot read " + attribute->label + ": " + hdf5_reason());
    }
    std::copy_n(bytes.data(), sizeof value, reinterpret_cast<unsigned char*>(&value));
  } else if (attribute->type_class() == H5T_INTEGER) {
    value = attribute->read<std::int64_t>(H5T_NATIVE_INT64);
  } else {
    attribute->fail("a bool");
  }
  if (value != 0 && value != 1) {
    throw std::runtime_error(attribute->label + " is " + std::to_string(value) +
                             ", it must be true or false");
  }
  return value == 1;
}

std::optional<std::string> string_attribute(hid_t object, const std::string& owner,
                                            const char* name) {
  const auto attribute = open_attribute(object, owner, name);
  if (!attribute) return std::nullopt;
  if (attribute->type_class() != H5T_STRING) attribute->fail("a string");
  const hid_t type = attribute->type.id();
  if (H5Tis_variable_str(type) > 0) {
    char* text = attribute->read<char*>(type);
    const std::string value = text ? text : "";
    H5free_memory(text);
    return value;
  }
  std::vector<char> text(H5Tget_size(type) + 1, '\0');
  if (H5Aread(attribute->handle.id(), type, text.data()) < 0) {
    throw std::runtime_error("cannot read " + attribute->label + ": " + hdf5_reason());
  }
  std::string value = text.data();
  value.erase(value.find_last_not_of(' ') + 1);  // Fortran pads with blanks
  return value;
}

std::vector<std::string> attribute_names(hid_t object) {
  std::vector<std::string> names;
  const H5A_operator2_t collect = [](hid_t, const char* name, const H5A_info_t*,
                                     void* list) -> herr_t {
    static_cast<std::vector<std::string>*>(list)->push_back(name);
    return 0;
  };
  H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &names);
  return names;
}

}  // namespace fused_scan::cli
