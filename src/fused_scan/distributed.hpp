// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_DISTRIBUTED_HPP
#define FUSED_SCAN_DISTRIBUTED_HPP

/// \file
/// Scans and linear recurrences along an axis that is spread over the ranks of an MPI communicator.
/// For programs that link FusedScan::mpi. With this header the passes of the layer, ArSsm, take a
/// communicator as well: ar_ssm.hpp.
///
/// Each rank gives its piece of the axis, in the order of the ranks. Pieces may differ in length,
/// and be empty. What scan.hpp says of Views, operators, order and synchronisation holds here too.
///
/// **Reproducibility.** The bits of a result don't depend on the number of ranks or on where the
/// axis is cut: they are those of a scan of the whole axis on one rank, for every operator whose
/// bits don't depend on the number of threads, and for recurrences.
///
/// **Collective.** Every rank of the communicator calls the same function with the same axis,
/// direction, operator, types, states, and extents off the axis; layouts and block_size may differ.
/// No message of the caller's on the communicator is in the way.
///
/// **Errors.** A call that is wrong on one rank, or another than rank 0's, throws
/// std::invalid_argument on every rank, with the same sentence, which names the rank; nothing is
/// written. Where a rank runs out of memory or the like, every rank throws std::runtime_error.
/// Members of an operator aren't compared, nor the values of states.
///
/// **Traffic.** Elements are read twice and written once. A rank sends a few values a line
/// (state_t): one where the lengths of the pieces are one power of two, at least 16, else at most
/// two for each binary digit of the number of chunks of 16 elements; and where the axis is cut
/// within a chunk, at most 15 elements a line. docs/distributed.md has the numbers.
///
/// **Synchronisation.** A call waits for the instance before MPI sends something, and for the other
/// ranks; the scan itself is asynchronous. MPI must have been initialised, for this thread.
///
/// **GPUs.** MPI is handed memory of the GPU if it says that it can read it; otherwise what is sent
/// goes through pinned memory of the host. The environment variable FUSED_SCAN_GPU_AWARE_MPI, 0 or
/// 1, overrules what MPI says.
///
/// **Memory.** What is allocated for values that are sent is kept for later calls on the instance,
/// until Kokkos::finalize.

#include <mpi.h>

#include <Kokkos_Core.hpp>
#include <concepts>
#include <cstdint>
#include <fused_scan/concepts.hpp>
#include <fused_scan/impl/distributed/scan.hpp>
#include <fused_scan/layers/ar_ssm/distributed.hpp>
#include <fused_scan/operators.hpp>
#include <fused_scan/recurrence.hpp>
#include <fused_scan/scan.hpp>
#include <fused_scan/scan_options.hpp>

namespace fused_scan {

/// inclusive_scan and exclusive_scan of the whole axis.
///
/// \param exec       the instance that runs the rank's part
/// \param comm       the communicator, an intracommunicator
/// \param local_in   the rank's piece of the input: a View of rank 1 to 8; may be const
/// \param local_out  the rank's piece of the output, of the same extents; may be `local_in` itself
/// \param axis       the dimension to scan along, which is the one that is spread: -1 is the last
/// \param op         the monoid, or family of monoids
/// \param options    the direction: a reverse scan begins with the last rank's last element; and
///                   the block size
///@{
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, class Op = CompensatedSum>
void inclusive_scan(const Exec& exec, MPI_Comm comm, const In& local_in, const Out& local_out,
                    int axis = -1, Op op = {}, ScanOptions options = {}) {
  impl::distributed_scan_of_views(exec, comm, local_in, local_out, impl::None(), impl::None(), axis,
                                  op, impl::call_of("fused_scan::inclusive_scan", options, false));
}
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, class Op = CompensatedSum>
void exclusive_scan(const Exec& exec, MPI_Comm comm, const In& local_in, const Out& local_out,
                    int axis = -1, Op op = {}, ScanOptions options = {}) {
  impl::distributed_scan_of_views(exec, comm, local_in, local_out, impl::None(), impl::None(), axis,
                                  op, impl::call_of("fused_scan::exclusive_scan", options, true));
}
///@}

/// The same from a state and to one, those of the whole axis.
///
/// \param initial  View of the extents without the axis, or from(value); the same on every rank
/// \param final    View of the extents without the axis, which gets what the last rank's lines end
///                 in, on every rank; may be `initial`. The call waits for the scan.
///@{
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, impl::InitialStates Initial,
          KokkosView Final, class Op = CompensatedSum>
void inclusive_scan(const Exec& exec, MPI_Comm comm, const In& local_in, const Out& local_out,
                    const Initial& initial, const Final& final, int axis = -1, Op op = {},
                    ScanOptions options = {}) {
  impl::distributed_scan_of_views(exec, comm, local_in, local_out, initial, final, axis, op,
                                  impl::call_of("fused_scan::inclusive_scan", options, false));
}
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, impl::InitialStates Initial,
          KokkosView Final, class Op = CompensatedSum>
void exclusive_scan(const Exec& exec, MPI_Comm comm, const In& local_in, const Out& local_out,
                    const Initial& initial, const Final& final, int axis = -1, Op op = {},
                    ScanOptions options = {}) {
  impl::distributed_scan_of_views(exec, comm, local_in, local_out, initial, final, axis, op,
                                  impl::call_of("fused_scan::exclusive_scan", options, true));
}
///@}

/// transform_scan of lines that are spread over ranks.
///
/// \param exec           the instance that runs the rank's part
/// \param comm           the communicator, an intracommunicator
/// \param local_extents  {outer, length, inner} of the rank's piece; the ranks' lengths may differ
/// \param load           load(o, i, j) -> element, with i in the rank's piece; called up to three
///                       times for an element, the last time before its store
/// \param store          store(o, i, j, result); called once for each element
/// \param op             the monoid, or family of monoids
/// \param options        the direction, and the block size
/// \param kind           inclusive or exclusive
template <KokkosExecutionSpace Exec, class Load, class Store, class Op = CompensatedSum>
void transform_scan(const Exec& exec, MPI_Comm comm, const ScanExtents& local_extents,
                    const Load& load, const Store& store, Op op = {}, ScanOptions options = {},
                    ScanKind kind = ScanKind::inclusive) {
  impl::distributed_scan_of_functors(
      exec, comm, local_extents.outer, local_extents.length, local_extents.inner, load, store,
      impl::None(), impl::None(), op,
      impl::call_of("fused_scan::transform_scan", options, kind == ScanKind::exclusive));
}

/// The same with states, those of the whole axis, as in scan.hpp: initial(o, j) is the same on
/// every rank; final(o, j, value) is called on every rank, once for each line, and the call waits
/// for the scan.
///@{
template <KokkosExecutionSpace Exec, class Load, class Store, class Initial, class Final,
          class Op = CompensatedSum>
  requires(impl::is_start_value<Initial> || std::invocable<Initial, std::int64_t, std::int64_t>)
void transform_scan(const Exec& exec, MPI_Comm comm, const ScanExtents& local_extents,
                    const Load& load, const Store& store, const Initial& initial,
                    const Final& final, Op op = {}, ScanOptions options = {},
                    ScanKind kind = ScanKind::inclusive) {
  impl::distributed_scan_of_functors(
      exec, comm, local_extents.outer, local_extents.length, local_extents.inner, load, store,
      initial, final, op,
      impl::call_of("fused_scan::transform_scan", options, kind == ScanKind::exclusive));
}
template <KokkosExecutionSpace Exec, class Load, class Store, class T, class Op = CompensatedSum>
  requires(!std::invocable<Op, std::int64_t, std::int64_t, const T&>)
void transform_scan(const Exec& exec, MPI_Comm comm, const ScanExtents& local_extents,
                    const Load& load, const Store& store, const impl::StartValue<T>& initial,
                    Op op = {}, ScanOptions options = {}, ScanKind kind = ScanKind::inclusive) {
  impl::distributed_scan_of_functors(
      exec, comm, local_extents.outer, local_extents.length, local_extents.inner, load, store,
      initial, impl::None(), op,
      impl::call_of("fused_scan::transform_scan", options, kind == ScanKind::exclusive));
}
///@}

/// linear_recurrence (recurrence.hpp) of the whole axis: h is 0 before the first rank's first
/// element. Element types must be the same on every rank.
///
/// \param exec     the instance that runs the rank's part
/// \param comm     the communicator, an intracommunicator
/// \param local_a  the rank's piece of the coefficients: a View of rank 1 to 8; strides of 0 are
///                 fine
/// \param local_b  the rank's piece of the terms, of the same extents
/// \param local_h  the rank's piece of the results, of the same extents; may be `local_b` itself,
///                 and overlaps nothing else
/// \param axis     the dimension to go along, which is the one that is spread: -1 is the last
/// \param options  the direction: a reverse recurrence begins with the last rank's last element;
///                 and the block size
template <KokkosExecutionSpace Exec, KokkosView A, KokkosView B, KokkosView H>
void linear_recurrence(const Exec& exec, MPI_Comm comm, const A& local_a, const B& local_b,
                       const H& local_h, int axis = -1, ScanOptions options = {}) {
  impl::distributed_recurrence(exec, comm, local_a, local_b, local_h, impl::None(), impl::None(),
                               axis,
                               impl::call_of("fused_scan::linear_recurrence", options, false));
}

/// The same from a state and to one, as in scans.
template <KokkosExecutionSpace Exec, KokkosView A, KokkosView B, KokkosView H,
          impl::InitialStates Initial, KokkosView Final>
void linear_recurrence(const Exec& exec, MPI_Comm comm, const A& local_a, const B& local_b,
                       const H& local_h, const Initial& initial, const Final& final, int axis = -1,
                       ScanOptions options = {}) {
  impl::distributed_recurrence(exec, comm, local_a, local_b, local_h, initial, final, axis,
                               impl::call_of("fused_scan::linear_recurrence", options, false));
}

}  // namespace fused_scan

#endif
