// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_RECURRENCE_HPP
#define FUSED_SCAN_RECURRENCE_HPP

/// \file
/// Linear recurrences h(i) = a(i) h(i - 1) + b(i) along any axis of a Kokkos::View, and their
/// gradients: state-space models, recursive filters, exponential moving averages.
///
/// **Views.** Rank 1 to 8, any layout and strides, managed or not, any extents. `a` may have
/// strides of 0, and so may everything that is read: one coefficient for a line, a row, or all.
/// Each element is read once and written once; nothing but inputs and outputs is in memory.
///
/// **Numbers.** float, double, half_t, bhalf_t, and complex numbers of float and double; the Views
/// of a call may differ in it. The state is carried in double, or two doubles for complex numbers,
/// and rounded to the type of a View once. Its range is larger than that of a double: products of
/// coefficients that overflow or underflow on the way do no harm.
///
/// **Accuracy.** The error of h(i) is a few units in the last place of a double, times the sum of
/// the magnitudes |a(i) .. a(k + 1) b(k)| over all k up to i. Where they cancel, as in a recurrence
/// that grows whose terms keep the state small all the same, digits are lost that a loop may keep.
///
/// **Reproducibility.** Bits are a function of the line's elements and the direction: the same for
/// any number of threads, layout, block_size, and on CPU and GPU. Backends without an engine of
/// their own give the same results within rounding.
///
/// **Everything else** (synchronisation, errors, states, profiling) is as for scans: scan.hpp.
///
/// Source: the maps h -> a h + b are a monoid, as in G. E. Blelloch, "Prefix sums and their
/// applications", CMU-CS-90-190, 1990, section 1.4.

#include <Kokkos_Core.hpp>
#include <fused_scan/concepts.hpp>
#include <fused_scan/impl/recurrence.hpp>
#include <fused_scan/scan.hpp>
#include <fused_scan/scan_options.hpp>

namespace fused_scan {

/// h(.., i, ..) = a(.., i, ..) * h(.., i - 1, ..) + b(.., i, ..); before the first element h is 0.
///
/// \param exec  the instance that runs it
/// \param a     View of rank 1 to 8; strides of 0 are fine
/// \param b     View of the same extents
/// \param h     View of the same extents; may be `b` itself, and overlaps nothing else
/// \param axis  the dimension to go along, as in NumPy: -1 is the last
/// \param options  the direction (reverse: h(i) = a(i) h(i + 1) + b(i)), and the block size
template <KokkosExecutionSpace Exec, KokkosView A, KokkosView B, KokkosView H>
void linear_recurrence(const Exec& exec, const A& a, const B& b, const H& h, int axis = -1,
                       ScanOptions options = {}) {
  const auto call = impl::call_of("fused_scan::linear_recurrence", options, false);
  impl::with_recurrence(exec, a, b, h, impl::None(), impl::None(), axis, call,
                        [&](const auto& scan, const impl::ScanShape& shape) {
                          impl::run_scan(exec, scan, shape, call.function);
                        });
}

/// The same from a state, and to one.
///
/// \param initial  h before the first element: View of the extents without the axis, or from(value)
/// \param final    View of the extents without the axis, which gets h after the last element; may
///                 be `initial`. Views of double (or complex numbers of it) lose nothing.
template <KokkosExecutionSpace Exec, KokkosView A, KokkosView B, KokkosView H,
          impl::InitialStates Initial, KokkosView Final>
void linear_recurrence(const Exec& exec, const A& a, const B& b, const H& h, const Initial& initial,
                       const Final& final, int axis = -1, ScanOptions options = {}) {
  const auto call = impl::call_of("fused_scan::linear_recurrence", options, false);
  impl::with_recurrence(exec, a, b, h, initial, final, axis, call,
                        [&](const auto& scan, const impl::ScanShape& shape) {
                          impl::run_scan(exec, scan, shape, call.function);
                        });
}

/// The gradients of a number L that depends on h = linear_recurrence(a, b), from grad_h = dL/dh:
///
///     grad_b(i) = grad_h(i) + conj(a(i + 1)) grad_b(i + 1)
///     grad_a(i) = grad_b(i) conj(h(i - 1))
///
/// Gradients of complex numbers are dL/dRe + i dL/dIm, as PyTorch's; where a View of a gradient is
/// real its real part. Where `a` has strides of 0 grad_a has one number an element all the same:
/// their sum is the gradient of a coefficient that is there once.
///
/// \param a, h     as in the forward pass, with the same axis and options
/// \param grad_h   View of the same extents
/// \param grad_a   View of the same extents, which overlaps nothing else
/// \param grad_b   View of the same extents; may be `grad_h` itself
template <KokkosExecutionSpace Exec, KokkosView A, KokkosView H, KokkosView GradH, KokkosView GradA,
          KokkosView GradB>
void linear_recurrence_backward(const Exec& exec, const A& a, const H& h, const GradH& grad_h,
                                const GradA& grad_a, const GradB& grad_b, int axis = -1,
                                ScanOptions options = {}) {
  const auto call = impl::call_of("fused_scan::linear_recurrence_backward", options, false);
  impl::with_gradients(exec, a, h, grad_h, impl::None(), grad_a, grad_b, impl::None(), axis, call,
                       [&](const auto& scan, const impl::ScanShape& shape) {
                         impl::run_scan(exec, scan, shape, call.function);
                       });
}

/// The same of a recurrence from a state.
///
/// \param initial       as in the forward pass: a View, or from(value)
/// \param grad_initial  View of the extents without the axis: conj(a(0)) grad_b(0), and 0 where the
///                      axis has extent 0; it overlaps nothing else
template <KokkosExecutionSpace Exec, KokkosView A, KokkosView H, KokkosView GradH,
          impl::InitialStates Initial, KokkosView GradA, KokkosView GradB, KokkosView GradInitial>
void linear_recurrence_backward(const Exec& exec, const A& a, const H& h, const GradH& grad_h,
                                const Initial& initial, const GradA& grad_a, const GradB& grad_b,
                                const GradInitial& grad_initial, int axis = -1,
                                ScanOptions options = {}) {
  const auto call = impl::call_of("fused_scan::linear_recurrence_backward", options, false);
  impl::with_gradients(exec, a, h, grad_h, initial, grad_a, grad_b, grad_initial, axis, call,
                       [&](const auto& scan, const impl::ScanShape& shape) {
                         impl::run_scan(exec, scan, shape, call.function);
                       });
}

}  // namespace fused_scan

#endif
