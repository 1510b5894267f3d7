// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_DATASET_LIKENESS_HPP
#define FUSED_SCAN_DATASET_LIKENESS_HPP

/// \file
/// A data set that is stored as another one is, and says as much about itself.

#include <string>
#include <vector>

#include "hdf5_file.hpp"

namespace fused_scan::cli {

/// Extents, chunks, and those filters of `original` that lose nothing and can be written here; the
/// others are named in `warnings`. A data set that can grow still can.
DatasetForm form_like(const Dataset& original, hid_t stored_type,
                      std::vector<std::string>& warnings);

/// Gives `copy` the attributes of `original`. Its dimensions are labelled as there, or else with
/// the names of the scales that are attached there: the scales themselves, and whatever else refers
/// to objects of the original's file, can't come along. What HDF5 doesn't copy, though it should,
/// is named in `warnings`.
void copy_attributes(const Dataset& original, const Dataset& copy,
                     std::vector<std::string>& warnings);

}  // namespace fused_scan::cli

#endif
