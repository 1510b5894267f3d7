// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DISTRIBUTED_SCAN_HPP
#define FUSED_SCAN_IMPL_DISTRIBUTED_SCAN_HPP

// From a communicator and the Views or functors of each rank to the rank's PieceScan.

#include <Kokkos_Core.hpp>
#include <Kokkos_Profiling_ScopedRegion.hpp>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <fused_scan/impl/array/array.hpp>
#include <fused_scan/impl/array/checks.hpp>
#include <fused_scan/impl/array/lines.hpp>
#include <fused_scan/impl/distributed/agreement.hpp>
#include <fused_scan/impl/distributed/communicator.hpp>
#include <fused_scan/impl/distributed/piece_access.hpp>
#include <fused_scan/impl/distributed/piece_scan.hpp>
#include <fused_scan/impl/operator/bound_operator.hpp>
#include <fused_scan/impl/recurrence.hpp>
#include <fused_scan/impl/scan.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace fused_scan::impl {

template <class State>
inline constexpr bool is_given = !std::is_same_v<State, None>;

/// The same of a scan.
template <class Op, class T, class Result, class Initial, class Final, class Describe>
std::vector<std::int64_t> agreed_lengths(const Communicator& comm, const Call& call,
                                         const Describe& describe) {
  CallRecord record;
  record.function = hash_of(call.function);
  record.exclusive = call.exclusive;
  record.reverse = call.reverse;
  record.op = type_number<Op>();
  record.elements = type_number<T>();
  record.results = type_number<Result>();
  record.states = (is_given<Initial> ? 1 : 0) + (is_given<Final> ? 2 : 0);
  return agreed_lengths(comm, call.function, record, describe);
}

/// The array of one value a line, in row-major order of the dimensions off the axis.
inline Array rows_array(const Array& array, int axis) {
  Array rows;
  rows.rank = array.rank - 1;
  std::int64_t stride = 1;
  for (int d = rows.rank - 1; d >= 0; --d) {
    rows.extent[d] = array.extent[d < axis ? d : d + 1];
    rows.stride[d] = stride;
    stride *= rows.extent[d];
  }
  return rows;
}

/// Of the array that is scanned.
inline void describe_array(const Array& array, int axis, CallRecord& record) {
  record.rank = array.rank;
  record.axis = axis;
  for (int d = 0; d < array.rank; ++d) record.extent[d] = d == axis ? 0 : array.extent[d];
  record.length = array.extent[axis];
}

template <class T, class Exec, class Op, class In, class Out, class Initial, class Final>
void scan_piece(const Exec& exec, const Communicator& comm, const Op& op, const In& in,
                const Out& out, const Initial& initial, const Final& final, const Lines& lines,
                int of_rows, bool in_place, const Call& call,
                const std::vector<std::int64_t>& lengths) {
  PieceScan<Exec, Op, T, In, Out, Initial, Final>(exec, comm, op, in, out, initial, final, lines,
                                                  of_rows, in_place, call, lengths)
      .run();
}

template <class Exec, class In, class Out, class Initial, class Final, class Op>
void distributed_scan_of_views(const Exec& exec, MPI_Comm mpi_comm, const In& in, const Out& out,
                               const Initial& initial, const Final& final, int any_axis,
                               const Op& op, const Call& call) {
  assert_views<Exec, In, Out>();
  assert_state<Exec, In, Initial>();
  assert_state<Exec, In, Final>();
  using InT = typename In::value_type;
  using OutT = typename Out::value_type;
  using T = std::remove_const_t<InT>;
  static_assert(std::is_trivially_copyable_v<T>,
                "fused_scan: elements that travel between ranks must be trivially copyable");
  const Communicator comm(mpi_comm);
  const Array in_array = array_of(in), out_array = array_of(out);
  int axis = 0;
  bool in_place = false;
  const auto lengths =
      agreed_lengths<Op, T, OutT, Initial, Final>(comm, call, [&](CallRecord& record) {
        in_place = checked_views(in, out, initial, final, any_axis, call).in_place;
        axis = checked_axis(call.function, in_array, any_axis);
        describe_array(in_array, axis, record);
      });
  // Those of a scan by one rank, and rows.
  constexpr int of_rows = CheckedArrays::count;
  const Array rows = rows_array(in_array, axis);
  Array initial_array = out_array, final_array = out_array;
  if constexpr (is_array_state<Initial>) initial_array = array_of(initial);
  if constexpr (is_array_state<Final>) final_array = array_of(final);
  const Array* const all[] = {&out_array, &in_array, &initial_array, &final_array, &rows};
  const Lines lines = lines_along(all, of_rows + 1, axis);
  const auto bound = bind_operator<T, OutT, false>(op);
  using Bound = std::remove_const_t<decltype(bound)>;
  if constexpr (!std::is_same_v<Bound, NoOperator>) {
    scan_piece<T>(exec, comm, bound, ArraySide<const T>{in.data(), lines, CheckedArrays::of_in},
                  ArraySide<OutT>{out.data(), lines, CheckedArrays::of_out},
                  impl::initial_state(bound, initial, lines),
                  impl::final_state(bound, final, lines), lines, of_rows, in_place, call, lengths);
  }
}

template <class Exec, class Load, class Store, class Initial, class Final, class Op>
void distributed_scan_of_functors(const Exec& exec, MPI_Comm mpi_comm, std::int64_t outer,
                                  std::int64_t length, std::int64_t inner, const Load& load,
                                  const Store& store, const Initial& initial, const Final& final,
                                  const Op& op, const Call& call) {
  using T = std::decay_t<decltype(load(0, 0, 0))>;
  static_assert(std::is_trivially_copyable_v<T>,
                "fused_scan: elements that travel between ranks must be trivially copyable");
  const Communicator comm(mpi_comm);
  const auto bound = bind_operator<T, T, true>(op);
  using Bound = std::remove_const_t<decltype(bound)>;
  const auto lengths = agreed_lengths<Op, T, typename Bound::result_type, Initial, Final>(
      comm, call, [&](CallRecord& record) {
        check_functor_extents(call, outer, length, inner);
        record.rank = 3;
        record.axis = 1;
        record.extent[0] = outer;
        record.extent[2] = inner;
        record.length = length;
      });
  constexpr int of_rows = 0;
  Lines lines;
  lines.outer = outer;
  lines.length = length;
  lines.inner = inner;
  lines.outer_rank = 1;
  lines.outer_extent[0] = outer;
  lines.of[of_rows].outer[0] = inner;
  lines.of[of_rows].column = 1;
  scan_piece<T>(exec, comm, bound, FunctorSide<Load>{load, inner}, FunctorSide<Store>{store, inner},
                impl::initial_state(bound, initial, lines), impl::final_state(bound, final, lines),
                lines, of_rows, false, call, lengths);
}

template <class Exec, class A, class B, class H, class Initial, class Final>
void distributed_recurrence(const Exec& exec, MPI_Comm mpi_comm, const A& a, const B& b, const H& h,
                            const Initial& initial, const Final& final, int any_axis,
                            const Call& call) {
  assert_recurrence<Exec, A, B, H>();
  assert_state<Exec, H, Initial>();
  assert_state<Exec, H, Final>();
  using Arrays = RecurrenceArrays;
  using AT = const typename A::value_type;
  using BT = const typename B::value_type;
  using HT = typename H::value_type;
  const auto op = impl::recurrence_operator<A, B, H>();
  using Op = std::remove_const_t<decltype(op)>;
  using T = typename Op::element_type;
  const Communicator comm(mpi_comm);
  const Arrays arrays = impl::recurrence_arrays(call.function, a, b, h, initial, final);
  const Array h_array = array_of(h);
  int axis = 0;
  const auto lengths =
      agreed_lengths<Op, T, HT, Initial, Final>(comm, call, [&](CallRecord& record) {
        axis = arrays.checked_axis(any_axis, call.block_size, true);
        describe_array(h_array, axis, record);
      });
  const Array rows = rows_array(h_array, axis);
  const Lines lines = arrays.lines(axis, &rows);
  scan_piece<T>(
      exec, comm, op,
      CoefficientSide<AT, BT>{{a.data(), lines, Arrays::of_a}, {b.data(), lines, Arrays::of_in}},
      ArraySide<HT>{h.data(), lines, Arrays::of_out}, impl::initial_state(op, initial, lines),
      impl::final_state(op, final, lines), lines, Arrays::of_rows, false, call, lengths);
}

}  // namespace fused_scan::impl

#endif
