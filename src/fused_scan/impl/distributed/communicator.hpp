// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DISTRIBUTED_COMMUNICATOR_HPP
#define FUSED_SCAN_IMPL_DISTRIBUTED_COMMUNICATOR_HPP

// MPI as the scans over ranks use it: collective operations on rows of values, which no message of
// the caller's on the same communicator can meet.

#include <mpi.h>

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fused_scan/impl/distributed/lent_memory.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

// Open MPI says here whether it reads the memory of GPUs.
#if defined(OPEN_MPI) && __has_include(<mpi-ext.h>)
#include <mpi-ext.h>
#endif

namespace fused_scan::impl {

/// Of a communicator whose errors aren't fatal.
inline void require_success(int code, const char* operation) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw std::runtime_error(std::string("fused_scan: ") + operation + ": " + text);
}

/// A row of `count` values of `size` bytes, of any number of bytes: MPI counts rows in an int.
class RowType {
 public:
  RowType(std::size_t size, std::int64_t count) {
    constexpr std::int64_t of_block = std::int64_t{1} << 30;
    MPI_Datatype value = MPI_DATATYPE_NULL, block = MPI_DATATYPE_NULL;
    require_success(MPI_Type_contiguous(static_cast<int>(size), MPI_BYTE, &value),
                    "MPI_Type_contiguous");
    require_success(MPI_Type_contiguous(static_cast<int>(of_block), value, &block),
                    "MPI_Type_contiguous");
    const int lengths[] = {static_cast<int>(count / of_block), static_cast<int>(count % of_block)};
    const MPI_Aint places[] = {
        0, static_cast<MPI_Aint>(count / of_block * of_block * static_cast<std::int64_t>(size))};
    const MPI_Datatype types[] = {block, value};
    require_success(lengths[0] == 0 ? MPI_Type_contiguous(lengths[1], value, &m_type)
                                    : MPI_Type_create_struct(2, lengths, places, types, &m_type),
                    "MPI_Type_create_struct");
    require_success(MPI_Type_commit(&m_type), "MPI_Type_commit");
    MPI_Type_free(&block);
    MPI_Type_free(&value);
  }
  RowType(const RowType&) = delete;
  RowType& operator=(const RowType&) = delete;
  ~RowType() { MPI_Type_free(&m_type); }

  MPI_Datatype get() const { return m_type; }

 private:
  MPI_Datatype m_type = MPI_DATATYPE_NULL;
};

class Communicator {
 public:
  explicit Communicator(MPI_Comm comm) : m_comm(comm) {
    int is_between_groups = 0;
    require_success(MPI_Comm_test_inter(comm, &is_between_groups), "MPI_Comm_test_inter");
    if (is_between_groups != 0) {
      throw std::invalid_argument("fused_scan: an intercommunicator's ranks have no one order");
    }
    require_success(MPI_Comm_rank(comm, &m_rank), "MPI_Comm_rank");
    require_success(MPI_Comm_size(comm, &m_size), "MPI_Comm_size");
  }

  int rank() const { return m_rank; }
  int size() const { return m_size; }

  /// Every rank's `own`, in the order of the ranks.
  template <class T>
  std::vector<T> all_gather(const T& own) const {
    std::vector<T> all(static_cast<std::size_t>(m_size));
    require_success(
        MPI_Allgather(&own, sizeof(T), MPI_BYTE, all.data(), sizeof(T), MPI_BYTE, m_comm),
        "MPI_Allgather");
    return all;
  }
  int smallest(int own) const {
    int result = 0;
    require_success(MPI_Allreduce(&own, &result, 1, MPI_INT, MPI_MIN, m_comm), "MPI_Allreduce");
    return result;
  }
  /// The text that `root` has, on every rank.
  std::string broadcast(std::string text, int root) const {
    text.resize(1024);
    require_success(MPI_Bcast(text.data(), static_cast<int>(text.size()), MPI_CHAR, root, m_comm),
                    "MPI_Bcast");
    return text.c_str();
  }

  /// The row that `root` has, on every rank.
  void broadcast_row(void* row, const RowType& type, int root) const {
    require_success(MPI_Bcast(row, 1, type.get(), root, m_comm), "MPI_Bcast");
  }

  /// Counts and places, in rows, of each rank.
  struct Rows {
    explicit Rows(int ranks)
        : counts(static_cast<std::size_t>(ranks)), places(static_cast<std::size_t>(ranks)) {}
    std::vector<int> counts;
    std::vector<int> places;
  };
  /// Each rank's rows are at their place already, and come to the same place on the other ranks.
  void all_gather_rows(void* rows, const Rows& of_ranks, const RowType& type) const {
    require_success(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, rows, of_ranks.counts.data(),
                                   of_ranks.places.data(), type.get(), m_comm),
                    "MPI_Allgatherv");
  }
  /// Rows to some ranks and from some.
  void exchange_rows(const void* sent, const Rows& to, void* received, const Rows& from,
                     const RowType& type) const {
    require_success(MPI_Alltoallv(sent, to.counts.data(), to.places.data(), type.get(), received,
                                  from.counts.data(), from.places.data(), type.get(), m_comm),
                    "MPI_Alltoallv");
  }

 private:
  MPI_Comm m_comm;
  int m_rank = 0;
  int m_size = 1;
};

/// Whether MPI reads and writes the memory of the GPU; FUSED_SCAN_GPU_AWARE_MPI=0|1 overrules what
/// it says.
inline bool mpi_is_gpu_aware() {
  if (const char* const given = std::getenv("FUSED_SCAN_GPU_AWARE_MPI")) return given[0] == '1';
#if defined(KOKKOS_ENABLE_CUDA) && defined(MPIX_GPU_SUPPORT_CUDA)
  int is_aware = 0;
  return MPIX_GPU_query_support(MPIX_GPU_SUPPORT_CUDA, &is_aware) == MPI_SUCCESS && is_aware != 0;
#elif defined(KOKKOS_ENABLE_HIP) && defined(MPIX_GPU_SUPPORT_HIP)
  int is_aware = 0;
  return MPIX_GPU_query_support(MPIX_GPU_SUPPORT_HIP, &is_aware) == MPI_SUCCESS && is_aware != 0;
#elif defined(KOKKOS_ENABLE_CUDA) && defined(MPIX_CUDA_AWARE_SUPPORT)
  return MPIX_Query_cuda_support() == 1;
#else
  return false;
#endif
}

/// Rows of values, one value a line, that an execution space works on and MPI sends and receives:
/// where MPI doesn't read the space's memory, from a copy on the host.
template <class Exec, class T>
class RowBuffer {
 public:
  using Space = typename Exec::memory_space;
  static constexpr bool on_host = Kokkos::SpaceAccessibility<Kokkos::HostSpace, Space>::accessible;

  RowBuffer(const Exec& exec, std::int64_t rows, std::int64_t lines, const std::string& label)
      : m_lines(lines), m_values(exec, bytes(rows), label) {
    if (!on_host && !mpi_is_gpu_aware()) m_copy.emplace(exec, bytes(rows), label + "::host");
  }

  T* row(std::int64_t row) const { return m_values.template data<T>() + row * m_lines; }
  /// Where MPI finds the first row.
  T* for_mpi() const { return m_copy ? m_copy->template data<T>() : row(0); }

  /// Before MPI reads rows, and after it has written some.
  ///@{
  void to_mpi(const Exec& exec, std::int64_t row, std::int64_t count) const {
    if (m_copy) Kokkos::deep_copy(exec, rows_on_host(row, count), rows(row, count));
  }
  void from_mpi(const Exec& exec, std::int64_t row, std::int64_t count) const {
    if (m_copy) Kokkos::deep_copy(exec, rows(row, count), rows_on_host(row, count));
  }
  ///@}

 private:
#if defined(KOKKOS_HAS_SHARED_HOST_PINNED_SPACE)
  using Pinned = Kokkos::SharedHostPinnedSpace;
#else
  using Pinned = Kokkos::HostSpace;
#endif
  template <class Memory>
  using Values = Kokkos::View<T*, Memory, Kokkos::MemoryUnmanaged>;

  std::size_t bytes(std::int64_t rows) const {
    return static_cast<std::size_t>(rows * m_lines) * sizeof(T);
  }
  auto rows(std::int64_t first, std::int64_t count) const {
    return Values<Space>(row(first), static_cast<std::size_t>(count * m_lines));
  }
  auto rows_on_host(std::int64_t first, std::int64_t count) const {
    return Values<Pinned>(for_mpi() + first * m_lines, static_cast<std::size_t>(count * m_lines));
  }

  std::int64_t m_lines;
  LentMemory<Exec, Space> m_values;
  std::optional<LentMemory<Exec, Pinned>> m_copy;
};

}  // namespace fused_scan::impl

#endif
