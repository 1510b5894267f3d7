// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_ELEMENT_TYPE_HPP
#define FUSED_SCAN_ELEMENT_TYPE_HPP

/// \file
/// Between the types that numbers have in a file and those that they are scanned in.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "dataset.hpp"

namespace fused_scan::cli {

using Element = std::variant<float, double, std::int32_t, std::uint32_t, std::int64_t,
                             std::uint64_t, Kokkos::complex<float>, Kokkos::complex<double>>;

/// How the numbers of a data set are stored.
struct NumberFormat {
  /// What HDF5 converts by itself; 16-bit floating-point numbers, which it doesn't round as IEEE
  /// 754 has it; and h5py's enumerations of FALSE and TRUE, which it doesn't convert.
  enum class Coding { by_hdf5, float16, boolean };

  Element element;  // the smallest type (with the value 0) that holds all such numbers
  Coding coding = Coding::by_hdf5;
  int mantissa_bits = 0;  // of 16: 10 in IEEE's type, 7 in bfloat16
  bool big_endian = false;
};

/// Throws std::runtime_error for anything but integers, the floating-point numbers of IEEE 754 and
/// bfloat16, bools, and complex numbers as h5py writes them, of at most 64 bits (a part).
NumberFormat number_format(hid_t stored, const std::string& owner);

/// The type of OUT by its name in NumPy. Throws std::runtime_error where it isn't sure to hold
/// every number of type `in`, with the names of those that are.
Handle wider_type(const std::string& name, hid_t in, const std::string& owner);
/// The names that wider_type() knows.
std::vector<std::string> wider_type_names();

/// HDF5's word for elements of that type in memory. Complex ones take the form that they have in
/// `stored`, without which HDF5 doesn't convert them.
Handle memory_type(const Element& element, hid_t stored);

/// As NumPy says it: float32, uint8, complex128.
std::string type_name(hid_t stored);

}  // namespace fused_scan::cli

#endif
