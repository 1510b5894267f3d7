// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "element_type.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

namespace fused_scan::cli {

namespace {

hid_t native_type(float) { return H5T_NATIVE_FLOAT; }
hid_t native_type(double) { return H5T_NATIVE_DOUBLE; }
hid_t native_type(std::int32_t) { return H5T_NATIVE_INT32; }
hid_t native_type(std::uint32_t) { return H5T_NATIVE_UINT32; }
hid_t native_type(std::int64_t) { return H5T_NATIVE_INT64; }
hid_t native_type(std::uint64_t) { return H5T_NATIVE_UINT64; }

bool big_endian(hid_t type) { return H5Tget_order(type) == H5T_ORDER_BE; }

std::string member_name(hid_t type, unsigned index) {
  char* text = H5Tget_member_name(type, index);
  const std::string name = text ? text : "";
  H5free_memory(text);
  return name;
}

/// The fields of a floating-point type, from the sign on: what tells the common ones apart.
struct FloatFields {
  std::size_t size;
  std::size_t exponent_bits;
  std::size_t mantissa_bits;
};
constexpr FloatFields ieee16{2, 5, 10}, bfloat16{2, 8, 7}, ieee32{4, 8, 23}, ieee64{8, 11, 52};

bool has_fields(hid_t type, const FloatFields& fields) {
  if (H5Tget_class(type) != H5T_FLOAT || H5Tget_size(type) != fields.size) return false;
  std::size_t sign, exponent_at, exponent_bits, mantissa_at, mantissa_bits;
  H5Tget_fields(type, &sign, &exponent_at, &exponent_bits, &mantissa_at, &mantissa_bits);
  const H5T_order_t order = H5Tget_order(type);
  return sign == 8 * fields.size - 1 && exponent_at == fields.mantissa_bits &&
         exponent_bits == fields.exponent_bits && mantissa_at == 0 &&
         mantissa_bits == fields.mantissa_bits &&
         H5Tget_ebias(type) == (std::size_t{1} << (exponent_bits - 1)) - 1 &&
         H5Tget_norm(type) == H5T_NORM_IMPLIED && (order == H5T_ORDER_LE || order == H5T_ORDER_BE);
}

/// As h5py writes them: an enumeration of FALSE, which is 0, and TRUE, which is 1.
bool is_boolean(hid_t type) {
  if (H5Tget_class(type) != H5T_ENUM || H5Tget_nmembers(type) != 2) return false;
  for (unsigned i = 0; i < 2; ++i) {
    std::string name = member_name(type, i);
    for (char& letter : name) letter = static_cast<char>(letter & ~('a' ^ 'A'));
    std::vector<unsigned char> value(H5Tget_size(type)), expected(value.size());
    H5Tget_member_value(type, i, value.data());
    if (name == "TRUE") expected[big_endian(type) ? expected.size() - 1 : 0] = 1;
    if ((name != "TRUE" && name != "FALSE") || value != expected) return false;
  }
  return true;
}

/// The type of real and imaginary part, if the numbers are complex: a compound of two
/// floating-point numbers r and i (h5py), re and im, or real and imag; from HDF5 2 on there is a
/// type of its own as well.
Handle complex_part(hid_t stored) {
#if H5_VERSION_GE(2, 0, 0)
  if (H5Tget_class(stored) == H5T_COMPLEX) return Handle(H5Tget_super(stored));
#endif
  if (H5Tget_class(stored) != H5T_COMPOUND || H5Tget_nmembers(stored) != 2) return Handle();
  const std::pair names(member_name(stored, 0), member_name(stored, 1));
  constexpr std::array<std::pair<const char*, const char*>, 3> forms{
      {{"r", "i"}, {"re", "im"}, {"real", "imag"}}};
  if (std::find(forms.begin(), forms.end(), names) == forms.end()) return Handle();
  Handle real(H5Tget_member_type(stored, 0));
  const Handle imaginary(H5Tget_member_type(stored, 1));
  const bool floating = H5Tget_class(real.id()) == H5T_FLOAT;
  return floating && H5Tequal(real.id(), imaginary.id()) > 0 ? std::move(real) : Handle();
}

std::optional<NumberFormat> format_of(hid_t stored) {
  using Coding = NumberFormat::Coding;
  const bool big = big_endian(stored);
  if (const Handle part = complex_part(stored)) {
    if (has_fields(part.id(), ieee32)) return NumberFormat{Kokkos::complex<float>()};
    if (has_fields(part.id(), ieee64)) return NumberFormat{Kokkos::complex<double>()};
    return std::nullopt;
  }
  // In double, where sums of 16-bit numbers are exact for longer, and are rounded to odd.
  if (has_fields(stored, ieee16)) return NumberFormat{double(), Coding::float16, 10, big};
  if (has_fields(stored, bfloat16)) return NumberFormat{double(), Coding::float16, 7, big};
  if (has_fields(stored, ieee32)) return NumberFormat{float()};
  if (has_fields(stored, ieee64)) return NumberFormat{double()};
  if (is_boolean(stored)) return NumberFormat{std::int32_t(), Coding::boolean, 0, big};
  const std::size_t size = H5Tget_size(stored);
  if (H5Tget_class(stored) != H5T_INTEGER || size > 8) return std::nullopt;
  if (H5Tget_sign(stored) == H5T_SGN_NONE) {
    return NumberFormat{size <= 4 ? Element(std::uint32_t()) : Element(std::uint64_t())};
  }
  return NumberFormat{size <= 4 ? Element(std::int32_t()) : Element(std::int64_t())};
}

/// What matters of a type when it has to hold the numbers of another one.
struct Range {
  enum class Kind { integer, floating, complex } kind;
  std::size_t digits;         // bits of the absolute value, or of the mantissa with its hidden one
  std::size_t exponent_bits;  // 0: an integer
  bool is_signed;

  bool holds(const Range& other) const {
    if (kind == Kind::complex || other.kind == Kind::complex) {
      return kind == other.kind && digits >= other.digits;
    }
    return digits >= other.digits && exponent_bits >= other.exponent_bits &&
           (is_signed || !other.is_signed);
  }
};

Range range_of(hid_t type) {
  using enum Range::Kind;
  if (const Handle part = complex_part(type)) return {complex, H5Tget_size(part.id()), 0, true};
  for (const FloatFields& fields : {ieee16, bfloat16, ieee32, ieee64}) {
    if (has_fields(type, fields)) {
      return {floating, fields.mantissa_bits + 1, fields.exponent_bits, true};
    }
  }
  if (is_boolean(type)) return {integer, 1, 0, false};
  const bool is_signed = H5Tget_sign(type) != H5T_SGN_NONE;
  return {integer, 8 * H5Tget_size(type) - is_signed, 0, is_signed};
}

Handle float_type(const FloatFields& fields) {
  Handle type(H5Tcopy(H5T_IEEE_F32LE));
  H5Tset_fields(type.id(), 8 * fields.size - 1, fields.mantissa_bits, fields.exponent_bits, 0,
                fields.mantissa_bits);
  H5Tset_size(type.id(), fields.size);
  H5Tset_ebias(type.id(), (std::size_t{1} << (fields.exponent_bits - 1)) - 1);
  return type;
}

Handle complex_type(hid_t part) {
  const std::size_t size = H5Tget_size(part);
  Handle type(H5Tcreate(H5T_COMPOUND, 2 * size));
  H5Tinsert(type.id(), "r", 0, part);
  H5Tinsert(type.id(), "i", size, part);
  return type;
}

std::vector<std::pair<std::string, Handle>> wider_types() {
  std::vector<std::pair<std::string, Handle>> types;
  const std::vector<std::pair<const char*, hid_t>> plain{
      {"int8", H5T_STD_I8LE},     {"int16", H5T_STD_I16LE},  {"int32", H5T_STD_I32LE},
      {"int64", H5T_STD_I64LE},   {"uint8", H5T_STD_U8LE},   {"uint16", H5T_STD_U16LE},
      {"uint32", H5T_STD_U32LE},  {"uint64", H5T_STD_U64LE}, {"float32", H5T_IEEE_F32LE},
      {"float64", H5T_IEEE_F64LE}};
  for (const auto& [name, type] : plain) types.emplace_back(name, Handle(H5Tcopy(type)));
  types.emplace_back("float16", float_type(ieee16));
  types.emplace_back("bfloat16", float_type(bfloat16));
  types.emplace_back("complex64", complex_type(H5T_IEEE_F32LE));
  types.emplace_back("complex128", complex_type(H5T_IEEE_F64LE));
  return types;
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

NumberFormat number_format(hid_t stored, const std::string& owner) {
  if (const auto format = format_of(stored)) return *format;
  throw std::runtime_error(
      owner + " has elements of type " + type_name(stored) +
      "; only integers of at most 64 bits, floating-point numbers of 16 (IEEE 754 or bfloat16), 32 "
      "and 64 bits, complex numbers (r and i, re and im, or real and imag) of two such of 32 or "
      "64 bits, and bools can be scanned");
}

Handle wider_type(const std::string& name, hid_t in, const std::string& owner) {
  const Range needed = range_of(in);
  std::string wide_enough;
  Handle chosen;
  for (auto& [candidate, type] : wider_types()) {
    if (!range_of(type.id()).holds(needed)) continue;
    wide_enough += (wide_enough.empty() ? "" : ", ") + candidate;
    if (candidate == name) chosen = std::move(type);
  }
  if (chosen) return chosen;
  throw std::runtime_error("--out-type " + name + " does not hold every number of " + owner +
                           " of type " + type_name(in) + "; these do: " + wide_enough);
}

std::vector<std::string> wider_type_names() {
  std::vector<std::string> names;
  for (const auto& [name, type] : wider_types()) names.push_back(name);
  return names;
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
      return has_fields(stored, bfloat16) ? "bfloat16" : "float" + bits(stored);
    case H5T_INTEGER:
      return (H5Tget_sign(stored) == H5T_SGN_NONE ? "uint" : "int") + bits(stored);
    case H5T_STRING:
      return "string";
    case H5T_ENUM:
      return is_boolean(stored) ? "bool" : "enumeration";
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
