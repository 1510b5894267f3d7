// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_JOINT_WRITING_HPP
#define FUSED_SCAN_JOINT_WRITING_HPP

/// \file
/// What HDF5 is told where all ranks write a file together. Without a parallel HDF5 they never do.

#include "hdf5_handle.hpp"
#include "ranks.hpp"

namespace fused_scan::cli {

/// Whether there are several ranks, and a parallel HDF5. FUSED_SCAN_PARALLEL_HDF5=0 in the
/// environment of one of them overrules it, for file systems that MPI can't write to. Collective.
bool can_write_together(const Ranks& ranks);

/// Property lists, for opening a file and for writing, of which all ranks make use at once.
///@{
void open_together(hid_t file_access);
void write_together(hid_t transfer);
///@}

/// Gives up a file that all ranks have opened: behind an error HDF5 can't close it together, since
/// not all of them come as far. Collective.
void abandon(Handle& file);

}  // namespace fused_scan::cli

#endif
