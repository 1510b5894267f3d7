// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_RECURRENCE_HPP
#define FUSED_SCAN_IMPL_RECURRENCE_HPP

// From the Views of a linear recurrence, and of its gradients, to a LineScan.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/access/line_scan.hpp>
#include <fused_scan/impl/access/memory_access.hpp>
#include <fused_scan/impl/access/recurrence_access.hpp>
#include <fused_scan/impl/access/states.hpp>
#include <fused_scan/impl/array/array.hpp>
#include <fused_scan/impl/array/checks.hpp>
#include <fused_scan/impl/array/lines.hpp>
#include <fused_scan/impl/operator/affine.hpp>
#include <fused_scan/impl/operator/bound_operator.hpp>
#include <fused_scan/impl/plan/scan_shape.hpp>
#include <fused_scan/impl/scan.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// A View of a recurrence that is read.
template <class Exec, class First, class View>
void assert_read() {
  static_assert(First::rank >= 1, "fused_scan: a View of rank 0 has no axis");
  static_assert(View::rank == First::rank,
                "fused_scan: the Views of a recurrence must have the same rank");
  static_assert(
      is_accessible<Exec, View>,
      "fused_scan: the Views of a recurrence must be accessible from the execution space");
  static_assert(is_recurrence_number<std::remove_const_t<typename View::value_type>>,
                "fused_scan: a recurrence needs floating-point or complex numbers");
}

/// One that is written.
template <class Exec, class First, class View>
void assert_written() {
  assert_read<Exec, First, View>();
  static_assert(!std::is_const_v<typename View::value_type>,
                "fused_scan: the results of a recurrence must not be const");
}

/// The arrays of a call by their roles, the first of which are those of any scan.
class RecurrenceArrays {
 public:
  enum Role {
    of_out = CheckedArrays::of_out,  // h, or grad_b
    of_in = CheckedArrays::of_in,    // b, or grad_h
    of_initial = CheckedArrays::of_initial,
    of_final = CheckedArrays::of_final,  // or grad_initial
    of_a,
    of_h,
    of_grad_a,
    of_rows,  // of one value a line: nothing of the caller's
    roles
  };

  explicit RecurrenceArrays(const char* function) : m_function(function) {}

  /// `view` must outlive this.
  template <class View>
  void add(Role role, const View& view) {
    if constexpr (is_array_state<View>) {
      m_array[role] = array_of(view);
      m_given[role] = true;
    }
  }

  /// The axis, once everything is as it should be. Arrays that are read may have one number in many
  /// places; where `state_in_place` the two states may be one array.
  int checked_axis(int any_axis, int block_size, bool state_in_place) const {
    const Array& out = m_array[of_out];
    const int axis = impl::checked_axis(m_function, out, any_axis);
    check_block_size(m_function, block_size);
    for (int role = 0; role < of_rows; ++role) {
      if (!m_given[role]) continue;
      const Array& array = m_array[role];
      if (role == of_initial || role == of_final) {
        check_state_extents(m_function, role == of_initial ? "initial state" : "final state", out,
                            axis, array);
      } else {
        check_same_extents(m_function, out, array);
      }
    }
    for (const Role written : {of_out, of_final, of_grad_a}) {
      if (m_given[written]) check_written(written, state_in_place);
    }
    return axis;
  }

  /// The lines along an axis that was checked, beside rows if there are any.
  Lines lines(int axis, const Array* rows = nullptr) const {
    const Array* arrays[roles];
    for (int role = 0; role < roles; ++role) arrays[role] = &m_array[m_given[role] ? role : of_out];
    if (rows != nullptr) arrays[of_rows] = rows;
    return lines_along(arrays, roles, axis);
  }
  Lines checked_lines(int any_axis, int block_size, bool state_in_place) const {
    return lines(checked_axis(any_axis, block_size, state_in_place));
  }

 private:
  void check_written(Role written, bool state_in_place) const {
    check_no_self_overlap(m_function, m_array[written]);
    for (int role = 0; role < of_rows; ++role) {
      if (!m_given[role] || role == written) continue;
      const bool may_be_same = (role == of_in && written == of_out) ||
                               (role == of_initial && written == of_final && state_in_place);
      check_no_overlap(m_function, m_array[role], m_array[written], may_be_same);
    }
  }

  const char* m_function;
  Array m_array[roles];
  bool m_given[roles] = {};
};
static_assert(int{RecurrenceArrays::roles} <= Lines::max_arrays);

/// The arrays of a recurrence, which its Views must outlive.
template <class A, class B, class H, class Initial, class Final>
RecurrenceArrays recurrence_arrays(const char* function, const A& a, const B& b, const H& h,
                                   const Initial& initial, const Final& final) {
  RecurrenceArrays arrays(function);
  arrays.add(RecurrenceArrays::of_out, h);
  arrays.add(RecurrenceArrays::of_in, b);
  arrays.add(RecurrenceArrays::of_initial, initial);
  arrays.add(RecurrenceArrays::of_final, final);
  arrays.add(RecurrenceArrays::of_a, a);
  return arrays;
}

/// The operator of a recurrence whose Views are of these types.
template <class A, class B, class H>
auto recurrence_operator() {
  using AT = typename A::value_type;
  using BT = typename B::value_type;
  using HT = typename H::value_type;
  using Number = carried_number_t<AT, BT, HT>;
  static_assert(is_complex_v<scan_number_t<HT>> || !is_complex_v<Number>,
                "fused_scan: a recurrence of complex numbers needs complex results");
  using Element = typename CoefficientAccess<const AT, const BT>::Element;
  return BoundOperator<AffineMonoid<Number>, Element, HT>({});
}

template <class Exec, class A, class B, class H>
void assert_recurrence() {
  assert_read<Exec, H, A>();
  assert_read<Exec, H, B>();
  assert_written<Exec, H, H>();
}

/// The scan of a linear recurrence: use(scan, shape).
template <class Exec, class A, class B, class H, class Initial, class Final, class Use>
void with_recurrence(const Exec&, const A& a, const B& b, const H& h, const Initial& initial,
                     const Final& final, int axis, const Call& call, const Use& use) {
  assert_recurrence<Exec, A, B, H>();
  assert_state<Exec, H, Initial>();
  assert_state<Exec, H, Final>();
  using Arrays = RecurrenceArrays;
  using HT = typename H::value_type;
  const Lines lines = impl::recurrence_arrays(call.function, a, b, h, initial, final)
                          .checked_lines(axis, call.block_size, true);

  const CoefficientAccess<const typename A::value_type, const typename B::value_type> load{
      {a.data(), lines, Arrays::of_a}, {b.data(), lines, Arrays::of_in}};
  const auto op = impl::recurrence_operator<A, B, H>();
  const auto scan = impl::line_scan(op, load, MemoryAccess<HT>(h.data(), lines, Arrays::of_out),
                                    impl::initial_state(op, initial, lines),
                                    impl::final_state(op, final, lines), lines, call);
  ScanShape shape = shape_of(scan, call);
  shape.in = memory_shape(b.data(), sizeof(typename B::value_type), lines, Arrays::of_in);
  shape.beside = memory_shape(a.data(), sizeof(typename A::value_type), lines, Arrays::of_a);
  shape.out = memory_shape(h.data(), sizeof(HT), lines, Arrays::of_out);
  use(scan, shape);
}

template <class Op, class A, class GradInitial>
auto gradient_of_initial(const Op& op, const A& a, const GradInitial& grad_initial,
                         const Lines& lines, const Axis& axis) {
  if constexpr (is_array_state<GradInitial>) {
    using AT = typename A::value_type;
    using T = typename GradInitial::value_type;
    static_assert(!std::is_const_v<T>, "fused_scan: the results of a recurrence must not be const");
    return GradientOfInitial<Op, const AT, T>{
        op,
        {a.data(), lines, RecurrenceArrays::of_a},
        {grad_initial.data(), lines, RecurrenceArrays::of_final},
        axis};
  } else {
    return NoFinalState();
  }
}

/// The scan of a recurrence's gradients, which goes the other way: use(scan, shape). `call` is that
/// of the recurrence.
template <class Exec, class A, class H, class GradH, class Initial, class GradA, class GradB,
          class GradInitial, class Use>
void with_gradients(const Exec&, const A& a, const H& h, const GradH& grad_h,
                    const Initial& initial, const GradA& grad_a, const GradB& grad_b,
                    const GradInitial& grad_initial, int any_axis, const Call& call,
                    const Use& use) {
  assert_read<Exec, GradB, A>();
  assert_read<Exec, GradB, H>();
  assert_read<Exec, GradB, GradH>();
  assert_written<Exec, GradB, GradA>();
  assert_written<Exec, GradB, GradB>();
  assert_state<Exec, GradB, Initial>();
  assert_state<Exec, GradB, GradInitial>();
  using Arrays = RecurrenceArrays;
  using AT = const typename A::value_type;
  using HT = const typename H::value_type;
  using GT = const typename GradH::value_type;
  using GradAT = typename GradA::value_type;
  using GradBT = typename GradB::value_type;
  using Number = carried_number_t<AT, HT, GT>;
  auto arrays = impl::recurrence_arrays(call.function, a, grad_h, grad_b, initial, grad_initial);
  arrays.add(Arrays::of_h, h);
  arrays.add(Arrays::of_grad_a, grad_a);
  const Lines lines = arrays.checked_lines(any_axis, call.block_size, false);

  const Axis axis{lines.length, call.reverse ? -1 : 1};
  const Call backward{call.function, !call.reverse, call.block_size, false};
  using Load = GradientCoefficientAccess<AT, GT>;
  const Load load{{a.data(), lines, Arrays::of_a}, {grad_h.data(), lines, Arrays::of_in}, axis};
  const BoundOperator<AffineMonoid<Number>, typename Load::Element, Number> op({});
  const auto before = impl::initial_state(op, initial, lines);
  const GradientStore<std::decay_t<decltype(op)>, std::decay_t<decltype(before)>, HT, GradAT,
                      GradBT>
      store{op,
            before,
            {h.data(), lines, Arrays::of_h},
            {grad_a.data(), lines, Arrays::of_grad_a},
            {grad_b.data(), lines, Arrays::of_out},
            axis};
  const auto scan =
      impl::line_scan(op, load, store, impl::initial_state(op, None(), lines),
                      impl::gradient_of_initial(op, a, grad_initial, lines, axis), lines, backward);
  use(scan, shape_of_arrays(scan, lines, Arrays::of_in, Arrays::of_out, backward));
}

}  // namespace fused_scan::impl

#endif
