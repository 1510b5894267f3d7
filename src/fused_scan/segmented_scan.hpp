// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_SEGMENTED_SCAN_HPP
#define FUSED_SCAN_SEGMENTED_SCAN_HPP

/// \file
/// Scans and recurrences of the segments of an axis, each for itself: sequences of different
/// lengths that are packed one after the other.
///
/// **Offsets.** `offsets` is a View of rank 1 of n + 1 integers of any type, which says where the n
/// segments begin: offsets(0) = 0, none is smaller than the one before it, and offsets(n) is the
/// extent of the axis. Segment s is [offsets(s), offsets(s + 1)), in every line; empty ones are
/// fine.
///
/// **Reproducibility.** The bits of a segment are those of scanning it alone, whatever lies beside
/// it: NaN and Inf stay in their segment, too.
///
/// **Errors.** Where work runs on a host, offsets are checked, and throw std::invalid_argument
/// before anything is written. On a GPU they aren't copied to the host and not checked: a segment
/// that isn't inside the axis is left out, and so may be such as begin before one that precedes
/// them.
///
/// **Speed.** On a host long segments are scanned by all threads, and short ones by a thread each.
/// On a GPU teams share long segments, as they do long lines; the short ones that begin side by
/// side are one team's, or of 8 columns and more each a thread's for each column. So neither the
/// lengths nor the number of lines matters much.
///
/// **Everything else** is as for scans and recurrences: scan.hpp, recurrence.hpp.

#include <Kokkos_Core.hpp>
#include <fused_scan/concepts.hpp>
#include <fused_scan/impl/recurrence.hpp>
#include <fused_scan/impl/segmented_scan.hpp>
#include <fused_scan/operators.hpp>
#include <fused_scan/scan.hpp>
#include <fused_scan/scan_options.hpp>

namespace fused_scan {

/// out(.., i, ..) = op(in(.., b, ..), .., in(.., i, ..)), with b the beginning of i's segment.
///
/// \param exec     the instance that runs it
/// \param in       View of rank 1 to 8; may be const
/// \param out      View of the same extents; may be `in` itself
/// \param offsets  View of the segments' offsets on the axis
/// \param axis     the dimension to scan along, as in NumPy: -1 is the last
/// \param op       the monoid, or family of monoids
/// \param options  the direction (reverse: from the last element of a segment to its first), and
/// the
///                 block size
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, KokkosView Offsets,
          class Op = CompensatedSum>
void segmented_inclusive_scan(const Exec& exec, const In& in, const Out& out,
                              const Offsets& offsets, int axis = -1, Op op = {},
                              ScanOptions options = {}) {
  impl::scan_segments(exec, in, out, offsets, axis, op,
                      impl::call_of("fused_scan::segmented_inclusive_scan", options, false));
}

/// The same without the element itself: each segment begins with the operator's identity.
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, KokkosView Offsets,
          class Op = CompensatedSum>
void segmented_exclusive_scan(const Exec& exec, const In& in, const Out& out,
                              const Offsets& offsets, int axis = -1, Op op = {},
                              ScanOptions options = {}) {
  impl::scan_segments(exec, in, out, offsets, axis, op,
                      impl::call_of("fused_scan::segmented_exclusive_scan", options, true));
}

/// linear_recurrence of each segment, from h = 0.
template <KokkosExecutionSpace Exec, KokkosView A, KokkosView B, KokkosView H, KokkosView Offsets>
void segmented_linear_recurrence(const Exec& exec, const A& a, const B& b, const H& h,
                                 const Offsets& offsets, int axis = -1, ScanOptions options = {}) {
  impl::assert_offsets<Exec, Offsets>();
  const auto call = impl::call_of("fused_scan::segmented_linear_recurrence", options, false);
  impl::with_recurrence(exec, a, b, h, impl::None(), impl::None(), axis, call,
                        [&](const auto& scan, const impl::ScanShape& shape) {
                          impl::check_offsets_view(call.function, offsets, impl::array_of(h));
                          impl::run_segments(exec, scan, shape, offsets, call.function);
                        });
}

/// linear_recurrence_backward of each segment.
template <KokkosExecutionSpace Exec, KokkosView A, KokkosView H, KokkosView GradH, KokkosView GradA,
          KokkosView GradB, KokkosView Offsets>
void segmented_linear_recurrence_backward(const Exec& exec, const A& a, const H& h,
                                          const GradH& grad_h, const GradA& grad_a,
                                          const GradB& grad_b, const Offsets& offsets,
                                          int axis = -1, ScanOptions options = {}) {
  impl::assert_offsets<Exec, Offsets>();
  const auto call =
      impl::call_of("fused_scan::segmented_linear_recurrence_backward", options, false);
  impl::with_gradients(exec, a, h, grad_h, impl::None(), grad_a, grad_b, impl::None(), axis, call,
                       [&](const auto& scan, const impl::ScanShape& shape) {
                         impl::check_offsets_view(call.function, offsets, impl::array_of(grad_a));
                         impl::check_offsets_view(call.function, offsets, impl::array_of(grad_b));
                         impl::run_segments(exec, scan, shape, offsets, call.function);
                       });
}

}  // namespace fused_scan

#endif
