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

#include "hdf5_file.hpp"

namespace fused_scan::cli {

using Element = std::variant<float, double, std::int32_t, std::uint32_t, std::int64_t,
                             std::uint64_t, Kokkos::complex<float>, Kokkos::complex<double>>;

/// The type (with the value 0) in which the elements of a data set are scanned: the smallest one
/// that holds them all, so float for the 16-bit floating types and std::int32_t for 8-bit integers.
/// Throws std::runtime_error for anything but integers, floating-point numbers and complex ones as
/// h5py writes them, of at most 64 bits (a part).
Element element_of(const Dataset& dataset);

/// HDF5's word for elements of that type in memory. Complex ones take the form that they have in
/// `stored`, without which HDF5 doesn't convert them.
Handle memory_type(const Element& element, hid_t stored);

/// As NumPy says it: float32, uint8, complex128.
std::string type_name(hid_t stored);

}  // namespace fused_scan::cli

#endif
