// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Without MPI, or with an HDF5 that isn't parallel.

#include "joint_writing.hpp"

namespace fused_scan::cli {

bool can_write_together(const Ranks&) { return false; }
void open_together(hid_t) {}
void write_together(hid_t) {}
void abandon(Handle&) {}

}  // namespace fused_scan::cli
