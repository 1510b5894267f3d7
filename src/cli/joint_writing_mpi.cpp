// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <mpi.h>

#include <cstdlib>

#include "joint_writing.hpp"

namespace fused_scan::cli {

namespace {

// An older HDF5 refuses compressed data sets.
#ifdef H5_HAVE_PARALLEL_FILTERED_WRITES
constexpr bool writes_every_data_set = true;
#else
constexpr bool writes_every_data_set = false;
#endif

bool is_wanted() {
  const char* const given = std::getenv("FUSED_SCAN_PARALLEL_HDF5");
  return given == nullptr || given[0] != '0';
}

}  // namespace

bool can_write_together(const Ranks& ranks) {
  if (!writes_every_data_set || ranks.size() == 1) return false;
  return ranks.smallest(is_wanted() ? 1 : 0) > 0;
}

void open_together(hid_t file_access) {
  H5Pset_fapl_mpio(file_access, MPI_COMM_WORLD, MPI_INFO_NULL);
}

void write_together(hid_t transfer) { H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE); }

void abandon(Handle& file) {
  void* in_mpi = nullptr;
  if (H5Fget_vfd_handle(file.id(), H5P_DEFAULT, &in_mpi) >= 0) {
    MPI_File_close(static_cast<MPI_File*>(in_mpi));
  }
  file.let_go();
}

}  // namespace fused_scan::cli
