// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_SCAN_HPP
#define FUSED_SCAN_IMPL_SCAN_HPP

// From Views and functors to a LineScan.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdint>
#include <fused_scan/impl/access/functor_access.hpp>
#include <fused_scan/impl/access/line_scan.hpp>
#include <fused_scan/impl/access/memory_access.hpp>
#include <fused_scan/impl/access/no_store.hpp>
#include <fused_scan/impl/access/states.hpp>
#include <fused_scan/impl/array/array.hpp>
#include <fused_scan/impl/array/checks.hpp>
#include <fused_scan/impl/array/lines.hpp>
#include <fused_scan/impl/engine.hpp>
#include <fused_scan/impl/operator/bound_operator.hpp>
#include <string>
#include <type_traits>

namespace fused_scan::impl {

/// What a call says besides its data and its operator.
struct Call {
  const char* function;  // "fused_scan::inclusive_scan"
  bool reverse;
  int block_size;
  bool exclusive;
};

/// A start value that stands where a View of states may.
template <class T>
struct StartValue {
  T value;
};
template <class T>
inline constexpr bool is_start_value = false;
template <class T>
inline constexpr bool is_start_value<StartValue<T>> = true;

template <class Exec, class View>
inline constexpr bool is_accessible =
    Kokkos::SpaceAccessibility<Exec, typename View::memory_space>::accessible;

/// The arrays of a call on Views, checked, and their lines.
struct CheckedArrays {
  enum { of_out, of_in, of_initial, of_final, count };
  Lines lines;
  bool in_place = false;
};

template <class State>
inline constexpr bool is_array_state = Kokkos::is_view_v<State>;

/// Of arrays as plain numbers: `initial` and `final` are null where there are none.
inline CheckedArrays checked_arrays(const Array& in, const Array& out, const Array* initial,
                                    const Array* final, int any_axis, const Call& call) {
  const char* const function = call.function;
  const int axis = checked_axis(function, in, any_axis);
  check_block_size(function, call.block_size);
  check_same_extents(function, in, out);
  check_no_self_overlap(function, out);
  check_no_overlap(function, in, out, true);
  const Array* arrays[CheckedArrays::count] = {&out, &in, &out, &out};
  if (initial != nullptr) {
    arrays[CheckedArrays::of_initial] = initial;
    check_state_extents(function, "initial state", in, axis, *initial);
    check_no_overlap(function, *initial, out, false);
  }
  if (final != nullptr) {
    arrays[CheckedArrays::of_final] = final;
    check_state_extents(function, "final state", in, axis, *final);
    check_no_self_overlap(function, *final);
    check_no_overlap(function, in, *final, false);
    check_no_overlap(function, out, *final, false);
    if (initial != nullptr) check_no_overlap(function, *initial, *final, true);
  }
  return {lines_along(arrays, CheckedArrays::count, axis), same_array(in, out)};
}

template <class In, class Out, class Initial, class Final>
CheckedArrays checked_views(const In& in, const Out& out, const Initial& initial,
                            const Final& final, int axis, const Call& call) {
  Array initial_array, final_array;
  if constexpr (is_array_state<Initial>) initial_array = array_of(initial);
  if constexpr (is_array_state<Final>) final_array = array_of(final);
  return checked_arrays(array_of(in), array_of(out),
                        is_array_state<Initial> ? &initial_array : nullptr,
                        is_array_state<Final> ? &final_array : nullptr, axis, call);
}

template <class Exec, class In, class Out>
void assert_views() {
  static_assert(In::rank >= 1, "fused_scan: a View of rank 0 has no axis to scan along");
  static_assert(In::rank == Out::rank, "fused_scan: input and output must have the same rank");
  static_assert(!std::is_const_v<typename Out::value_type>,
                "fused_scan: the output must not be const");
  static_assert(is_accessible<Exec, In>,
                "fused_scan: the input must be accessible from the execution space");
  static_assert(is_accessible<Exec, Out>,
                "fused_scan: the output must be accessible from the execution space");
}

template <class Exec, class In, class State>
void assert_state() {
  if constexpr (is_array_state<State>) {
    static_assert(State::rank + 1 == In::rank,
                  "fused_scan: a View of states must have the input's rank less one");
    static_assert(is_accessible<Exec, State>,
                  "fused_scan: a View of states must be accessible from the execution space");
  }
}

template <class Op, class Initial>
auto initial_state(const Op& op, const Initial& initial, const Lines& lines) {
  if constexpr (std::is_same_v<Initial, None>) {
    return NoInitialState<Op>{op};
  } else if constexpr (is_start_value<Initial>) {
    return InitialNumber<Op, decltype(initial.value)>{op, initial.value};
  } else if constexpr (is_array_state<Initial>) {
    using T = typename Initial::value_type;
    return InitialArray<Op, T>{op, {initial.data(), lines, CheckedArrays::of_initial}};
  } else {
    return InitialFunctor<Op, Initial>{op, initial};
  }
}

template <class Op, class Final>
auto final_state(const Op& op, const Final& final, const Lines& lines) {
  if constexpr (std::is_same_v<Final, None>) {
    return NoFinalState();
  } else if constexpr (is_array_state<Final>) {
    using T = typename Final::value_type;
    static_assert(!std::is_const_v<T>, "fused_scan: the final state must not be const");
    return FinalArray<Op, T>{op, {final.data(), lines, CheckedArrays::of_final}};
  } else {
    return FinalFunctor<Op, Final>{op, final};
  }
}

template <class Op, class Load, class Store, class Initial, class Final>
auto line_scan(const Op& op, const Load& load, const Store& store, const Initial& initial,
               const Final& final, const Lines& lines, const Call& call) {
  return LineScan<Op, Load, Store, Initial, Final>{
      op,          load,         store,       initial,      final,
      lines.outer, lines.length, lines.inner, call.reverse, call.exclusive};
}

template <class Scan>
ScanShape shape_of(const Scan& scan, const Call& call) {
  ScanShape shape;
  shape.outer = scan.outer;
  shape.length = scan.length;
  shape.inner = scan.inner;
  using Held = HeldBy<typename Scan::Load, typename Scan::Element>;
  using Stored = typename HeldBy<typename Scan::Store, typename Scan::Result>::type;
  shape.alignment = static_cast<int>(
      std::max({alignof(typename Held::type), alignof(typename Held::beside), alignof(Stored)}));
  shape.value_size = sizeof(typename Scan::Value);
  if constexpr (can_hold_runs<Scan>) shape.held_run = HeldRun<Scan>::length;
  shape.reverse = call.reverse;
  shape.block_size = call.block_size;
  shape.lines_together = recurrences::serves<Scan>;
  return shape;
}

/// Whether a host has kernels for a scan between arrays whose stores can bypass the caches.
template <class Scan>
bool can_stream(const Scan&, const ScanShape& shape) {
  return (float_sums::serves<Scan> || running::serves<Scan>) && shape.in.column_stride == 1 &&
         shape.out.column_stride == 1;
}

/// Elements of a line that a host's kernels add at a time, of scans that they could as well carry
/// out with many lines side by side.
template <class Scan>
int line_block(const Scan& scan, const ScanShape& shape) {
  constexpr bool has_states = Scan::Initial::given || Scan::Final::given;
  const bool has_choice = float_sums::serves<Scan> && !Scan::reduces && !has_states &&
                          !(scan.exclusive && shape.in_place);
  return has_choice && vectors_of_processor() != Vectors::none ? float_sums::block_length : 0;
}

/// What a scan whose elements come from several arrays looks like to a plan: strides are those of
/// two of them, but elements don't move as pieces of memory.
template <class Scan>
ScanShape shape_of_arrays(const Scan& scan, const Lines& lines, int in, int out, const Call& call) {
  ScanShape shape = shape_of(scan, call);
  shape.in = memory_shape(nullptr, sizeof(typename Scan::Element), lines, in);
  shape.out = memory_shape(nullptr, sizeof(typename Scan::Result), lines, out);
  shape.in.is_memory = shape.out.is_memory = false;
  return shape;
}

template <class Scan>
ScanShape shape_of_functors(const Scan& scan, const Call& call) {
  ScanShape shape = shape_of(scan, call);
  shape.in = functor_shape(sizeof(typename Scan::Element), scan.length, scan.inner);
  shape.out = functor_shape(sizeof(typename Scan::Result), scan.length, scan.inner);
  return shape;
}

/// The scan of a call on Views: use(scan, shape).
template <class Exec, class In, class Out, class Initial, class Final, class Op, class Use>
auto with_scan_of_views(const Exec&, const In& in, const Out& out, const Initial& initial,
                        const Final& final, int axis, const Op& op, const Call& call,
                        const Use& use) {
  assert_views<Exec, In, Out>();
  assert_state<Exec, In, Initial>();
  assert_state<Exec, In, Final>();
  using InT = typename In::value_type;
  using OutT = typename Out::value_type;
  const CheckedArrays arrays = checked_views(in, out, initial, final, axis, call);
  const Lines& lines = arrays.lines;
  const auto bound = bind_operator<std::remove_const_t<InT>, OutT, false>(op);
  if constexpr (!std::is_same_v<decltype(bound), const NoOperator>) {
    const auto scan =
        impl::line_scan(bound, MemoryAccess<const InT>(in.data(), lines, CheckedArrays::of_in),
                        MemoryAccess<OutT>(out.data(), lines, CheckedArrays::of_out),
                        impl::initial_state(bound, initial, lines),
                        impl::final_state(bound, final, lines), lines, call);
    ScanShape shape = shape_of(scan, call);
    shape.in = memory_shape(in.data(), sizeof(InT), lines, CheckedArrays::of_in);
    shape.out = memory_shape(out.data(), sizeof(OutT), lines, CheckedArrays::of_out);
    shape.in_place = arrays.in_place;
    shape.can_stream = can_stream(scan, shape);
    shape.line_block = line_block(scan, shape);
    return use(scan, shape);
  }
}

template <class Exec, class In, class Out, class Initial, class Final, class Op>
void scan_views(const Exec& exec, const In& in, const Out& out, const Initial& initial,
                const Final& final, int axis, const Op& op, const Call& call) {
  impl::with_scan_of_views(exec, in, out, initial, final, axis, op, call,
                           [&](const auto& scan, const ScanShape& shape) {
                             impl::run_scan(exec, scan, shape, call.function);
                           });
}

inline void check_functor_extents(const Call& call, std::int64_t outer, std::int64_t length,
                                  std::int64_t inner) {
  check_block_size(call.function, call.block_size);
  impl::require(outer >= 0 && length >= 0 && inner >= 0, call.function, [&] {
    return "extents (" + std::to_string(outer) + ", " + std::to_string(length) + ", " +
           std::to_string(inner) + ") must not be negative";
  });
}

/// Carries out a scan whose loads, stores and states are functors of (o, i, j).
template <class Exec, class Load, class Store, class Initial, class Final, class Op>
void scan_functors(const Exec& exec, std::int64_t outer, std::int64_t length, std::int64_t inner,
                   const Load& load, const Store& store, const Initial& initial, const Final& final,
                   const Op& op, const Call& call) {
  check_functor_extents(call, outer, length, inner);
  using Element = std::decay_t<decltype(load(0, 0, 0))>;
  const auto bound = bind_operator<Element, Element, true>(op);
  if constexpr (!std::is_same_v<decltype(bound), const NoOperator>) {
    Lines lines;
    lines.outer = outer;
    lines.length = length;
    lines.inner = inner;
    const auto scan = impl::line_scan(bound, FunctorAccess<Load>{load}, FunctorAccess<Store>{store},
                                      impl::initial_state(bound, initial, lines),
                                      impl::final_state(bound, final, lines), lines, call);
    impl::run_scan(exec, scan, shape_of_functors(scan, call), call.function);
  }
}

}  // namespace fused_scan::impl

#endif
