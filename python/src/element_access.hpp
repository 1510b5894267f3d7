// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_PYTHON_ELEMENT_ACCESS_HPP
#define FUSED_SCAN_PYTHON_ELEMENT_ACCESS_HPP

// Reads and writes elements of any type as numbers of one: an engine is compiled for a few numbers
// only.

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/access/memory_access.hpp>
#include <fused_scan/impl/operator/rounding.hpp>
#include <type_traits>

#include "element_type.hpp"

namespace fused_scan::python {

/// *at as a Number. Complex elements are read as complex numbers only, and floating-point ones not
/// as integers.
template <class Number>
KOKKOS_FUNCTION Number read_element(const std::byte* at, ElementType type) {
  const auto as = [&]<class T>(T) { return *reinterpret_cast<const T*>(at); };
  using Real = std::conditional_t<std::is_integral_v<Number>, std::int64_t, double>;
  if constexpr (impl::is_complex_v<Number>) {
    using Part = typename Number::value_type;
    if (type == ElementType::complex128) return Number(as(Kokkos::complex<double>{}));
    if (type == ElementType::complex64) {
      const auto number = as(Kokkos::complex<float>{});
      return Number(static_cast<Part>(number.real()), static_cast<Part>(number.imag()));
    }
  }
  if constexpr (!std::is_integral_v<Number>) {
    switch (type) {
      case ElementType::float64:
        return static_cast<Number>(as(double{}));
      case ElementType::float32:
        return static_cast<Number>(as(float{}));
      case ElementType::float16:
        return static_cast<Number>(as(Float16{}).number());
      case ElementType::bfloat16:
        return static_cast<Number>(as(BFloat16{}).number());
      default:
        break;
    }
  }
  switch (type) {
    case ElementType::boolean:
      return static_cast<Number>(static_cast<Real>(as(std::uint8_t{}) != 0));
    case ElementType::int8:
      return static_cast<Number>(static_cast<Real>(as(std::int8_t{})));
    case ElementType::int16:
      return static_cast<Number>(static_cast<Real>(as(std::int16_t{})));
    case ElementType::int32:
      return static_cast<Number>(static_cast<Real>(as(std::int32_t{})));
    case ElementType::uint8:
      return static_cast<Number>(static_cast<Real>(as(std::uint8_t{})));
    case ElementType::uint16:
      return static_cast<Number>(static_cast<Real>(as(std::uint16_t{})));
    case ElementType::uint32:
      return static_cast<Number>(static_cast<Real>(as(std::uint32_t{})));
    case ElementType::uint64:
      return static_cast<Number>(static_cast<Real>(as(std::uint64_t{})));
    default:
      return static_cast<Number>(static_cast<Real>(as(std::int64_t{})));
  }
}

/// Rounded once. Real numbers go to any type but integers, integers to any; they wrap around.
template <class Number>
KOKKOS_FUNCTION void write_element(std::byte* at, ElementType type, const Number& number) {
  const auto put = [&]<class T>(const T& element) { *reinterpret_cast<T*>(at) = element; };
  if constexpr (impl::is_complex_v<Number>) {
    if (type == ElementType::complex128) return put(Kokkos::complex<double>(number));
    put(Kokkos::complex<float>(static_cast<float>(number.real()),
                               static_cast<float>(number.imag())));
  } else {
    switch (type) {
      case ElementType::float64:
        return put(static_cast<double>(number));
      case ElementType::float32:
        return put(static_cast<float>(number));
      case ElementType::float16:
        return put(Float16(static_cast<double>(number)));
      case ElementType::bfloat16:
        return put(BFloat16(static_cast<double>(number)));
      case ElementType::complex64:
        return put(Kokkos::complex<float>(static_cast<float>(number)));
      case ElementType::complex128:
        return put(Kokkos::complex<double>(static_cast<double>(number)));
      default:
        break;
    }
    if constexpr (std::is_integral_v<Number>) {
      switch (type) {
        case ElementType::boolean:
          return put(static_cast<std::uint8_t>(number != 0));
        case ElementType::int8:
        case ElementType::uint8:
          return put(static_cast<std::uint8_t>(number));
        case ElementType::int16:
        case ElementType::uint16:
          return put(static_cast<std::uint16_t>(number));
        case ElementType::int32:
        case ElementType::uint32:
          return put(static_cast<std::uint32_t>(number));
        default:
          return put(static_cast<std::uint64_t>(number));
      }
    }
  }
}

/// Strided lines of such elements.
template <class Number>
class ElementAccess {
 public:
  static constexpr bool is_memory = false;
  using Bytes = impl::MemoryAccess<std::byte>;

  struct Slab {
    typename Bytes::Slab bytes;
    ElementType type;
    KOKKOS_FUNCTION Number read(std::int64_t i, std::int64_t j) const {
      return python::read_element<Number>(bytes.at(i, j), type);
    }
    template <class Result>
    KOKKOS_FUNCTION void write(std::int64_t i, std::int64_t j, const Result& result) const {
      python::write_element(bytes.at(i, j), type, result);
    }
    KOKKOS_FUNCTION Slab part(std::int64_t first, std::int64_t length) const {
      return {bytes.part(first, length), type};
    }
  };

  ElementAccess(const void* begin, ElementType type, const impl::Lines& lines_in_bytes, int array)
      : m_bytes(static_cast<std::byte*>(const_cast<void*>(begin)), lines_in_bytes, array),
        m_type(type) {}

  KOKKOS_FUNCTION Slab slab(std::int64_t outer) const { return {m_bytes.slab(outer), m_type}; }

 private:
  Bytes m_bytes;
  ElementType m_type;
};

/// Elements with their positions on the axis. Where the arrays were turned round, positions count
/// from the other end.
template <class Number>
struct Indexed {
  Number value;
  std::int64_t index;
};
template <class Number>
struct IndexedLoad {
  static constexpr bool is_memory = false;
  struct Slab {
    typename ElementAccess<Number>::Slab values;
    std::int64_t first, step;
    KOKKOS_FUNCTION Indexed<Number> read(std::int64_t i, std::int64_t j) const {
      return {values.read(i, j), first + step * i};
    }
  };
  ElementAccess<Number> values;
  std::int64_t first, step;
  KOKKOS_FUNCTION Slab slab(std::int64_t outer) const { return {values.slab(outer), first, step}; }
};
template <class Number>
struct IndexedStore {
  static constexpr bool is_memory = false;
  struct Slab {
    typename ElementAccess<Number>::Slab values;
    ElementAccess<std::int64_t>::Slab indices;
    KOKKOS_FUNCTION void write(std::int64_t i, std::int64_t j,
                               const Indexed<Number>& result) const {
      values.write(i, j, result.value);
      indices.write(i, j, result.index);
    }
  };
  ElementAccess<Number> values;
  ElementAccess<std::int64_t> indices;
  KOKKOS_FUNCTION Slab slab(std::int64_t outer) const {
    return {values.slab(outer), indices.slab(outer)};
  }
};

}  // namespace fused_scan::python

#endif
