// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_SCAN_HPP
#define FUSED_SCAN_SCAN_HPP

/// \file
/// Associative scans along any axis of a Kokkos::View: inclusive_scan, exclusive_scan, and
/// transform_scan, the engine under both.
///
/// **Order.** Elements are combined in the order in which the scan walks, op(.. op(x0, x1) .., xi),
/// so the operator need not be commutative. Direction::reverse walks from the last element to the
/// first and combines in that order, x[n-1] first.
///
/// **Views.** Rank 1 to 8, any layout and strides, managed or not, any extents, more than 2^31
/// elements. Input and output may be the same array; any other overlap of their elements is an
/// error. Interleaved parts of one allocation don't overlap.
///
/// **Reproducibility.** The result is a function of the line's elements, the operator and the
/// direction. The number of threads, the layout, block_size, and the timing of a run don't change a
/// bit of it. For CompensatedSum and for integers the bits are the same on every backend.
/// (impl/prefix_tree.hpp has the order of the additions.)
///
/// **Synchronisation.** Work goes to the given instance; no call waits for it, or for any other. On
/// several host threads use an instance each.
///
/// **Memory traffic.** Each element is read once and written once. Nothing is transposed or copied.
///
/// **Errors.** Types are checked at compile time. Values are checked before anything is launched,
/// and throw std::invalid_argument with function, View label and numbers: axis out of range,
/// extents that differ, overlap, a bad block_size.
///
/// **Profiling.** A region `fused_scan::inclusive_scan[path]` around kernels and allocations
/// labelled `fused_scan::inclusive_scan::...`.

#include <Kokkos_Core.hpp>
#include <concepts>
#include <cstdint>
#include <fused_scan/concepts.hpp>
#include <fused_scan/impl/scan.hpp>
#include <fused_scan/operators.hpp>
#include <fused_scan/scan_options.hpp>

namespace fused_scan {

/// out(.., i, ..) = op(in(.., 0, ..), .., in(.., i, ..))
///
/// \param exec  the instance that runs it
/// \param in    View of rank 1 to 8; may be const
/// \param out   View of the same extents; may be `in` itself
/// \param axis  the dimension to scan along, as in NumPy: -1 is the last
/// \param op    the monoid, or family of monoids (operators.hpp); CompensatedSum{} by default: each
///              output is the exact sum correctly rounded, but for about one in a million that is
///              the float next to it, as long as the sum hasn't cancelled more than 20 of its
///              leading bits
/// \param options  the direction, and the block size
///
/// The page's head says what holds for every scan. numpy.cumsum(in, axis) is the same with `Sum`.
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, class Op = CompensatedSum>
void inclusive_scan(const Exec& exec, const In& in, const Out& out, int axis = -1, Op op = {},
                    ScanOptions options = {}) {
  impl::scan_views(exec, in, out, impl::None(), impl::None(), axis, op,
                   impl::Call{"fused_scan::inclusive_scan", options, false});
}

/// The same from a state, and to one: lines are op(initial(..), in(.., 0, ..), ..), and final(..)
/// is what the line ends in, so that a long axis can be scanned piece by piece.
///
/// `initial` and `final` are Views of the extents of `in` without the axis, and may be one array.
/// They hold the operator's value_type (CompensatedValue<float>: nothing is lost from piece to
/// piece) or elements. `final` is set where the axis has extent 0, too.
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, KokkosView Initial,
          KokkosView Final, class Op = CompensatedSum>
void inclusive_scan(const Exec& exec, const In& in, const Out& out, const Initial& initial,
                    const Final& final, int axis = -1, Op op = {}, ScanOptions options = {}) {
  impl::scan_views(exec, in, out, initial, final, axis, op,
                   impl::Call{"fused_scan::inclusive_scan", options, false});
}

/// out(.., i, ..) = op(in(.., 0, ..), .., in(.., i - 1, ..)), and the operator's identity for i =
/// 0. Everything else as in inclusive_scan.
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, class Op = CompensatedSum>
void exclusive_scan(const Exec& exec, const In& in, const Out& out, int axis = -1, Op op = {},
                    ScanOptions options = {}) {
  impl::scan_views(exec, in, out, impl::None(), impl::None(), axis, op,
                   impl::Call{"fused_scan::exclusive_scan", options, true});
}

/// The same from a state, which is then the first output, and to one, which includes the last
/// element.
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, KokkosView Initial,
          KokkosView Final, class Op = CompensatedSum>
void exclusive_scan(const Exec& exec, const In& in, const Out& out, const Initial& initial,
                    const Final& final, int axis = -1, Op op = {}, ScanOptions options = {}) {
  impl::scan_views(exec, in, out, initial, final, axis, op,
                   impl::Call{"fused_scan::exclusive_scan", options, true});
}

/// A scan that reads and writes through functors, so that what comes before and after it costs no
/// pass over memory: for each of outer * inner lines, store(o, i, j, op(load(o, 0, j), .., load(o,
/// i, j))).
///
/// \param exec     the instance that runs it
/// \param extents  {outer, length, inner}: o in [0, outer), i in [0, length), j in [0, inner)
/// \param load     load(o, i, j) -> element; called once for each element
/// \param store    store(o, i, j, result); called once for each element, after its load
/// \param op       the monoid, or family of monoids
/// \param options  the direction, and the block size
/// \param kind     inclusive or exclusive
///
/// The calls come in no order and from many threads. Lines of neighbouring j are worked on
/// together, so j should be what is contiguous in memory; where that is i, let inner be 1.
template <KokkosExecutionSpace Exec, class Load, class Store, class Op = CompensatedSum>
void transform_scan(const Exec& exec, const ScanExtents& extents, const Load& load,
                    const Store& store, Op op = {}, ScanOptions options = {},
                    ScanKind kind = ScanKind::inclusive) {
  impl::scan_functors(
      exec, extents, load, store, impl::None(), impl::None(), op,
      impl::Call{"fused_scan::transform_scan", options, kind == ScanKind::exclusive});
}

/// The same with states: initial(o, j) -> the operator's value_type, or an element; final(o, j,
/// value), called once for each line, with the value_type.
template <KokkosExecutionSpace Exec, class Load, class Store, class Initial, class Final,
          class Op = CompensatedSum>
  requires std::invocable<Initial, std::int64_t, std::int64_t>
void transform_scan(const Exec& exec, const ScanExtents& extents, const Load& load,
                    const Store& store, const Initial& initial, const Final& final, Op op = {},
                    ScanOptions options = {}, ScanKind kind = ScanKind::inclusive) {
  impl::scan_functors(
      exec, extents, load, store, initial, final, op,
      impl::Call{"fused_scan::transform_scan", options, kind == ScanKind::exclusive});
}

}  // namespace fused_scan

#endif
