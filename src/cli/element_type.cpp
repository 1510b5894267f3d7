// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "element_type.hpp"

#include <cstddef>
#include <optional>
#include <stdexcept>

namespace fused_scan::cli {

namespace {

hid_t native_type(float) { return H5T_NATIVE_FLOAT; }
hid_t native_type(double) { return H5T_NATIVE_DOUBLE; }
hid_t native_type(std::int32_t) { return H5T_NATIVE_INT32; }
hid_t native_type(std::uint32_t) { return H5T_NATIVE_UINT32; }
hid_t native_type(std::int64_t) { return H5T_NATIVE_INT64; }
hid_t native_type(std::uint64_t) { return H5T_NATIVE_UINT64; }

std::string member_name(hid_t compound, unsigned index) {
  char* text = H5Tget_member_name(compound, index);
  const std::string name = text;
  H5free_memory(text);
  return name;
}

/// The type of real and imaginary part, if the numbers are complex: a compound of two
/// floating-point numbers r and i (h5py), or real and imag; from HDF5 2 on there is a type of its
/// own as well.
Handle complex_part(hid_t stored) {
#if H5_VERSION_GE(2, 0, 0)
  if (H5Tget_class(stored) == H5T_COMPLEX) return Handle(H5Tget_super(stored));
#endif
  if (H5Tget_class(stored) != H5T_COMPOUND || H5Tget_nmembers(stored) != 2) return Handle();
  if (member_name(stored, 0).front() != 'r' || member_name(stored, 1).front() != 'i') {
    return Handle();
  }
  Handle real(H5Tget_member_type(stored, 0));
  const Handle imaginary(H5Tget_member_type(stored, 1));
  const bool floating = H5Tget_class(real.id()) == H5T_FLOAT;
  return floating && H5Tequal(real.id(), imaginary.id()) > 0 ? std::move(real) : Handle();
}

std::optional<Element> element_of_type(hid_t stored) {
  constexpr std::size_t most = 8;  // bytes
  if (const Handle part = complex_part(stored)) {
    const std::size_t size = H5Tget_size(part.id());
    if (size > most) return std::nullopt;
    return size <= 4 ? Element(Kokkos::complex<float>()) : Element(Kokkos::complex<double>());
  }
  const H5T_class_t type_class = H5Tget_class(stored);
  const std::size_t size = H5Tget_size(stored);
  if (size > most) return std::nullopt;
  if (type_class == H5T_FLOAT) return size <= 4 ? Element(float()) : Element(double());
  if (type_class != H5T_INTEGER) return std::nullopt;
  if (H5Tget_sign(stored) == H5T_SGN_NONE) {
    return size <= 4 ? Element(std::uint32_t()) : Element(std::uint64_t());
  }
  return size <= 4 ? Element(std::int32_t()) : Element(std::int64_t());
}

template <class Real>
Handle complex_memory_type(hid_t stored, Real real) {
#if H5_VERSION_GE(2, 0, 0)
  if (H5Tget_class(stored) == H5T_COMPLEX) return Handle(H5Tcomplex_create(native_type(real)));
#endif
  Handle type(H5Tcreate(H5T_COMPOUND, 2 * sizeof(Real)));
  H5Tinsert(type.id(), member_name(stored, 0).c_str(), 0, native_type(real));
  H5Tinsert(type.id(), member_name(stored, 1).c_str(), sizeof(Real), native_type(real));
  return type;
}

}  // namespace

Element element_of(const Dataset& dataset) {
  if (const auto element = element_of_type(dataset.stored_type())) return *element;
  throw std::runtime_error(dataset.label() + " has elements of type " +
                           type_name(dataset.stored_type()) +
                           "; only integers and floating-point numbers of at most 64 bits can be "
                           "scanned, and complex numbers of two such");
}

Handle memory_type(const Element& element, hid_t stored) {
  return std::visit(
      [&]<class T>(T zero) {
        if constexpr (std::is_arithmetic_v<T>) {
          return Handle(H5Tcopy(native_type(zero)));
        } else {
          return complex_memory_type(stored, zero.real());
        }
      },
      element);
}

std::string type_name(hid_t stored) {
  const auto bits = [](hid_t type) { return std::to_string(8 * H5Tget_size(type)); };
  if (const Handle part = complex_part(stored)) {
    return "complex" + std::to_string(2 * 8 * H5Tget_size(part.id()));
  }
  switch (H5Tget_class(stored)) {
    case H5T_FLOAT:
      return "float" + bits(stored);
    case H5T_INTEGER:
      return (H5Tget_sign(stored) == H5T_SGN_NONE ? "uint" : "int") + bits(stored);
    case H5T_STRING:
      return "string";
    case H5T_ENUM:
      return "enumeration (or bool)";
    case H5T_COMPOUND:
      return "compound";
    case H5T_VLEN:
      return "variable-length sequence";
    case H5T_ARRAY:
      return "array";
    case H5T_REFERENCE:
      return "reference";
    default:
      return "uninterpreted bits";
  }
}

}  // namespace fused_scan::cli
