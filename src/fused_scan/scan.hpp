// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_SCAN_HPP
#define FUSED_SCAN_SCAN_HPP

/// \file
/// Associative scans along any axis of a Kokkos::View: inclusive_scan, exclusive_scan, and
/// transform_scan, which reads and writes through functors; reduce_lines, which gives the last
/// state alone; scan_plan says how a scan is carried out.
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
/// bit of it. For CompensatedSum and for integers the bits are the same on every backend that has
/// an engine of its own. (impl/order/tree.hpp has the order of the additions.)
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
/// **States.** `initial` is a View of the extents of the input without the axis, or from(value),
/// one value for every line; lines are then op(initial(..), in(.., 0, ..), ..). `final`, such a
/// View, gets what each line ends in, so that a long axis can be scanned piece by piece; it is set
/// where the axis has extent 0, too. Both may be one array. They hold elements or, so that nothing
/// is lost from piece to piece, state_t<Op, T>.
///
/// **Profiling.** A region `fused_scan::inclusive_scan[plan]` around kernels and allocations
/// labelled `fused_scan::inclusive_scan::...`.

#include <Kokkos_Core.hpp>
#include <concepts>
#include <cstdint>
#include <fused_scan/concepts.hpp>
#include <fused_scan/impl/reduction.hpp>
#include <fused_scan/impl/scan.hpp>
#include <fused_scan/operators.hpp>
#include <fused_scan/scan_options.hpp>

namespace fused_scan {

/// The value that a scan with `op` of elements of type In into elements of type Out carries: what a
/// View of states holds where nothing may be lost.
template <class Op, class In, class Out = In>
using state_t =
    typename decltype(impl::bind_operator<In, Out, false>(std::declval<const Op&>()))::value_type;

/// A value (an element, or a state_t) that every line starts from, where a View of initial states
/// may stand.
template <class T>
impl::StartValue<T> from(T value) {
  return {value};
}

namespace impl {
/// A View of states, or from(value).
template <class T>
concept InitialStates = KokkosView<T> || is_start_value<T>;

inline Call call_of(const char* function, const ScanOptions& options, bool exclusive) {
  return {function, options.direction == Direction::reverse, options.block_size, exclusive};
}
template <class Axis>
void refuse_axis() {
  static_assert(
      !std::floating_point<Axis>,
      "fused_scan: the axis is an int; a start value is given as fused_scan::from(value)");
}
}  // namespace impl

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
                   impl::call_of("fused_scan::inclusive_scan", options, false));
}

/// The same from a state; with `final`, to one as well.
///@{
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, impl::InitialStates Initial,
          KokkosView Final, class Op = CompensatedSum>
void inclusive_scan(const Exec& exec, const In& in, const Out& out, const Initial& initial,
                    const Final& final, int axis = -1, Op op = {}, ScanOptions options = {}) {
  impl::scan_views(exec, in, out, initial, final, axis, op,
                   impl::call_of("fused_scan::inclusive_scan", options, false));
}
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, impl::InitialStates Initial,
          class Op = CompensatedSum>
void inclusive_scan(const Exec& exec, const In& in, const Out& out, const Initial& initial,
                    int axis = -1, Op op = {}, ScanOptions options = {}) {
  impl::scan_views(exec, in, out, initial, impl::None(), axis, op,
                   impl::call_of("fused_scan::inclusive_scan", options, false));
}
///@}

/// out(.., i, ..) = op(in(.., 0, ..), .., in(.., i - 1, ..)), and the operator's identity for i =
/// 0. Everything else as in inclusive_scan.
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, class Op = CompensatedSum>
void exclusive_scan(const Exec& exec, const In& in, const Out& out, int axis = -1, Op op = {},
                    ScanOptions options = {}) {
  impl::scan_views(exec, in, out, impl::None(), impl::None(), axis, op,
                   impl::call_of("fused_scan::exclusive_scan", options, true));
}

/// The same from a state, which is then the first output; with `final` to one as well, which
/// includes the last element.
///@{
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, impl::InitialStates Initial,
          KokkosView Final, class Op = CompensatedSum>
void exclusive_scan(const Exec& exec, const In& in, const Out& out, const Initial& initial,
                    const Final& final, int axis = -1, Op op = {}, ScanOptions options = {}) {
  impl::scan_views(exec, in, out, initial, final, axis, op,
                   impl::call_of("fused_scan::exclusive_scan", options, true));
}
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, impl::InitialStates Initial,
          class Op = CompensatedSum>
void exclusive_scan(const Exec& exec, const In& in, const Out& out, const Initial& initial,
                    int axis = -1, Op op = {}, ScanOptions options = {}) {
  impl::scan_views(exec, in, out, initial, impl::None(), axis, op,
                   impl::call_of("fused_scan::exclusive_scan", options, true));
}
///@}

/// A floating-point number is no axis.
///@{
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, std::floating_point Axis,
          class... More>
void inclusive_scan(const Exec&, const In&, const Out&, Axis, More&&...) {
  impl::refuse_axis<Axis>();
}
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, std::floating_point Axis,
          class... More>
void exclusive_scan(const Exec&, const In&, const Out&, Axis, More&&...) {
  impl::refuse_axis<Axis>();
}
///@}

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
      exec, extents.outer, extents.length, extents.inner, load, store, impl::None(), impl::None(),
      op, impl::call_of("fused_scan::transform_scan", options, kind == ScanKind::exclusive));
}

/// The same with states: initial(o, j) -> a state_t, or an element, or from(value); final(o, j,
/// value), called once for each line, with the state_t.
///@{
template <KokkosExecutionSpace Exec, class Load, class Store, class Initial, class Final,
          class Op = CompensatedSum>
  requires(impl::is_start_value<Initial> || std::invocable<Initial, std::int64_t, std::int64_t>)
void transform_scan(const Exec& exec, const ScanExtents& extents, const Load& load,
                    const Store& store, const Initial& initial, const Final& final, Op op = {},
                    ScanOptions options = {}, ScanKind kind = ScanKind::inclusive) {
  impl::scan_functors(
      exec, extents.outer, extents.length, extents.inner, load, store, initial, final, op,
      impl::call_of("fused_scan::transform_scan", options, kind == ScanKind::exclusive));
}
template <KokkosExecutionSpace Exec, class Load, class Store, class T, class Op = CompensatedSum>
  requires(!std::invocable<Op, std::int64_t, std::int64_t, const T&>)
void transform_scan(const Exec& exec, const ScanExtents& extents, const Load& load,
                    const Store& store, const impl::StartValue<T>& initial, Op op = {},
                    ScanOptions options = {}, ScanKind kind = ScanKind::inclusive) {
  impl::scan_functors(
      exec, extents.outer, extents.length, extents.inner, load, store, initial, impl::None(), op,
      impl::call_of("fused_scan::transform_scan", options, kind == ScanKind::exclusive));
}
///@}

/// What a scan of each line ends in, without the scan: totals(..) = op(in(.., 0, ..), .., in(.., n
/// - 1, ..)), to the bit the `final` state of inclusive_scan. Elements are read once.
///
/// \param exec    the instance that runs it
/// \param in      View of rank 1 to 8; may be const
/// \param totals  View of the extents of `in` without the axis, which must not overlap `in`: of
///                results, of which numbers may be of another type than those of `in`, or of
///                state_t<Op, T>. Where the axis has extent 0: what nothing adds up to
/// \param axis    the dimension to reduce along: -1 is the last
/// \param op      the monoid, or family of monoids
/// \param options the direction, and the block size
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Totals, class Op = CompensatedSum>
void reduce_lines(const Exec& exec, const In& in, const Totals& totals, int axis = -1, Op op = {},
                  ScanOptions options = {}) {
  impl::reduce_views(exec, in, totals, axis, op,
                     impl::call_of("fused_scan::reduce_lines", options, false));
}

/// How inclusive_scan or exclusive_scan would carry out a call with these arguments; nothing is
/// run. Throws what they would throw.
template <KokkosExecutionSpace Exec, KokkosView In, KokkosView Out, class Op = CompensatedSum>
ScanPlan scan_plan(const Exec& exec, const In& in, const Out& out, int axis = -1, Op op = {},
                   ScanOptions options = {}) {
  return impl::with_scan_of_views(
      exec, in, out, impl::None(), impl::None(), axis, op,
      impl::call_of("fused_scan::scan_plan", options, false),
      [&](const auto&, const impl::ScanShape& shape) { return impl::make_plan(exec, shape); });
}

}  // namespace fused_scan

#endif
