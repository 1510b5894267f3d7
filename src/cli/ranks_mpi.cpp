// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "ranks.hpp"

namespace fused_scan::cli {

namespace {

/// What the launchers of MPI leave in the environment of a process. Without them nothing of MPI is
/// started: it takes a while, and fails on machines where programs of MPI must have a launcher.
bool is_launched() {
  for (const char* name : {"PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "PALS_RANKID"}) {
    if (std::getenv(name) != nullptr) return true;
  }
  return false;
}

bool is_started() {
  int started = 0;
  MPI_Initialized(&started);
  return started != 0;
}

}  // namespace

// MPI ends all processes where something goes wrong in it: no call returns an error.

Ranks::Ranks(int& argc, char**& argv) {
  if (!is_launched()) return;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &m_rank);
  MPI_Comm_size(MPI_COMM_WORLD, &m_size);
}

Ranks::~Ranks() {
  if (is_started()) MPI_Finalize();
}

int Ranks::on_this_machine() const {
  if (m_size == 1) return 1;
  MPI_Comm machine = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
  int size = 1;
  MPI_Comm_size(machine, &size);
  MPI_Comm_free(&machine);
  return size;
}

double Ranks::smallest(double own) const {
  if (m_size == 1) return own;
  double result = 0;
  MPI_Allreduce(&own, &result, 1, MPI_DOUBLE, MPI_MIN, MPI_COMM_WORLD);
  return result;
}

std::string Ranks::broadcast(std::string text, int root) const {
  if (m_size == 1) return text;
  std::uint64_t size = text.size();
  MPI_Bcast(&size, 1, MPI_UINT64_T, root, MPI_COMM_WORLD);
  text.resize(size);
  MPI_Bcast(text.data(), static_cast<int>(size), MPI_CHAR, root, MPI_COMM_WORLD);
  return text;
}

void Ranks::all_gather(std::byte* of_ranks, std::size_t bytes) const {
  if (m_size == 1) return;
  // Some at a time, since MPI counts in an int.
  constexpr std::size_t most = std::size_t{1} << 30;
  if (bytes <= most) {
    MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, of_ranks, static_cast<int>(bytes), MPI_BYTE,
                  MPI_COMM_WORLD);
    return;
  }
  for (int r = 0; r < m_size; ++r) {
    std::byte* const own = of_ranks + static_cast<std::size_t>(r) * bytes;
    for (std::size_t done = 0; done < bytes; done += most) {
      MPI_Bcast(own + done, static_cast<int>(std::min(most, bytes - done)), MPI_BYTE, r,
                MPI_COMM_WORLD);
    }
  }
}

}  // namespace fused_scan::cli
