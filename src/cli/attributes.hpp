// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_ATTRIBUTES_HPP
#define FUSED_SCAN_ATTRIBUTES_HPP

/// \file
/// Attributes as h5py writes Python's values: bool, int, float, str.

#include <hdf5.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fused_scan::cli {

/// The value of the attribute `name` of an object, nothing where there is none. Throws
/// std::runtime_error, with `owner` as the object's name, where it isn't of that kind: integers may
/// have any width, floats as well (and an integer is one, too); a bool is an enumeration, or 0
/// or 1.
std::optional<std::int64_t> integer_attribute(hid_t object, const std::string& owner,
                                              const char* name);
std::optional<double> float_attribute(hid_t object, const std::string& owner, const char* name);
std::optional<bool> bool_attribute(hid_t object, const std::string& owner, const char* name);
std::optional<std::string> string_attribute(hid_t object, const std::string& owner,
                                            const char* name);

std::vector<std::string> attribute_names(hid_t object);

}  // namespace fused_scan::cli

#endif
