// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_RUNNING_EXTREMA_HPP
#define FUSED_SCAN_RUNNING_EXTREMA_HPP

/// \file
/// Running maxima and minima along with where they are. Without indices they are scans, by Max and
/// Min.
///
/// Views, synchronisation, errors and profiling are as for scans: scan.hpp. Results are the same on
/// every backend, whatever the number of threads.

#include <Kokkos_Core.hpp>
#include <fused_scan/concepts.hpp>
#include <fused_scan/impl/running_extrema.hpp>
#include <fused_scan/scan.hpp>
#include <fused_scan/scan_options.hpp>

namespace fused_scan {

/// values(.., i, ..) = max(in(.., 0, ..), .., in(.., i, ..)), and indices(.., i, ..) is its
/// position on the axis: the last one where several are equal. NaN counts as the largest, so it
/// stays, with the position of the latest NaN. This is what torch.cummax returns.
///
/// \param exec     the instance that runs it
/// \param in       View of rank 1 to 8, of integers or real floating-point numbers
/// \param values   View of the same type and extents; may be `in` itself
/// \param indices  View of the same extents, of any integer type that holds every position; it
///                 overlaps nothing else
/// \param axis     the dimension to go along, as in NumPy: -1 is the last
/// \param options  the direction, and the block size. From the last element on (reverse) positions
///                 are still counted from the first, and the last of equals is the one nearest to
///                 it
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Values, KokkosView Indices>
void running_max(const Exec& exec, const In& in, const Values& values, const Indices& indices,
                 int axis = -1, ScanOptions options = {}) {
  const auto call = impl::call_of("fused_scan::running_max", options, false);
  impl::with_running_extremum<1>(exec, in, values, indices, axis, call,
                                 [&](const auto& scan, const impl::ScanShape& shape) {
                                   impl::run_scan(exec, scan, shape, call.function);
                                 });
}

/// The same for minima, as torch.cummin: NaN counts as the smallest.
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Values, KokkosView Indices>
void running_min(const Exec& exec, const In& in, const Values& values, const Indices& indices,
                 int axis = -1, ScanOptions options = {}) {
  const auto call = impl::call_of("fused_scan::running_min", options, false);
  impl::with_running_extremum<-1>(exec, in, values, indices, axis, call,
                                  [&](const auto& scan, const impl::ScanShape& shape) {
                                    impl::run_scan(exec, scan, shape, call.function);
                                  });
}

}  // namespace fused_scan

#endif
