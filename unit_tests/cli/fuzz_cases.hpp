// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_FUZZ_CASES_HPP
#define FUSED_SCAN_FUZZ_CASES_HPP

#include <filesystem>
#include <string>
#include <vector>

namespace fused_scan::fuzz {

/// A line for the program, and the data set that it may make.
struct Case {
  std::vector<std::string> arguments;
  std::string out_dataset;
};

/// Good files: in.h5 with data sets of many kinds, old.h5 to be added to, and model.h5.
void make_seeds(const std::filesystem::path& folder, const std::filesystem::path& golden_files);

/// Case `number` of `seed`; it may damage one of the files in `folder`, which are those of
/// make_seeds().
Case make_case(unsigned long seed, unsigned long number, const std::filesystem::path& folder);

}  // namespace fused_scan::fuzz

#endif
