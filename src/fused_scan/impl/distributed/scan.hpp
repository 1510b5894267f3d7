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

/// Calls describe(record), which checks the rank's call, and returns the lengths of all pieces;
/// throws on every rank where one of the calls is wrong or another than the first.
template <class Op, class T, class Result, class Describe>
std::vector<std::int64_t> agreed_lengths(const Communicator& comm, const Call& call,
                                         const Describe& describe) {
  CallRecord record;
  record.function = hash_of(call.function);
  record.exclusive = call.exclusive;
  record.reverse = call.reverse;
  record.op = type_number<Op>();
  record.elements = type_number<T>();
  record.results = type_number<Result>();
  std::string sentence;
  try {
    describe(record);
  } catch (const std::exception& error) {
    sentence = error.what();
    record.wrong = 1;
  }
  std::vector<std::int64_t> lengths;
  for (const CallRecord& each : agreed_calls(comm, call.function, record, sentence)) {
    lengths.push_back(each.length);
  }
  return lengths;
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

template <class Exec, class In, class Out, class Op>
void distributed_scan_of_views(const Exec& exec, MPI_Comm mpi_comm, const In& in, const Out& out,
                               int any_axis, const Op& op, const Call& call) {
  assert_views<Exec, In, Out>();
  using InT = typename In::value_type;
  using OutT = typename Out::value_type;
  using T = std::remove_const_t<InT>;
  static_assert(std::is_trivially_copyable_v<T>,
                "fused_scan: elements that travel between ranks must be trivially copyable");
  const Communicator comm(mpi_comm);
  const Array in_array = array_of(in), out_array = array_of(out);
  int axis = 0;
  bool in_place = false;
  const auto lengths = agreed_lengths<Op, T, OutT>(comm, call, [&](CallRecord& record) {
    in_place = checked_views(in, out, None(), None(), any_axis, call).in_place;
    axis = checked_axis(call.function, in_array, any_axis);
    describe_array(in_array, axis, record);
  });
  enum { of_out, of_in, of_rows, arrays };
  const Array rows = rows_array(in_array, axis);
  const Array* const all[arrays] = {&out_array, &in_array, &rows};
  const Lines lines = lines_along(all, arrays, axis);
  const auto bound = bind_operator<T, OutT, false>(op);
  using Bound = std::remove_const_t<decltype(bound)>;
  if constexpr (!std::is_same_v<Bound, NoOperator>) {
    using InSide = ArraySide<const T>;
    using OutSide = ArraySide<OutT>;
    PieceScan<Exec, Bound, T, InSide, OutSide>(exec, comm, bound, InSide{in.data(), lines, of_in},
                                               OutSide{out.data(), lines, of_out}, lines, of_rows,
                                               in_place, call, lengths)
        .run();
  }
}

template <class Exec, class Load, class Store, class Op>
void distributed_scan_of_functors(const Exec& exec, MPI_Comm mpi_comm, std::int64_t outer,
                                  std::int64_t length, std::int64_t inner, const Load& load,
                                  const Store& store, const Op& op, const Call& call) {
  using T = std::decay_t<decltype(load(0, 0, 0))>;
  static_assert(std::is_trivially_copyable_v<T>,
                "fused_scan: elements that travel between ranks must be trivially copyable");
  const Communicator comm(mpi_comm);
  const auto bound = bind_operator<T, T, true>(op);
  using Bound = std::remove_const_t<decltype(bound)>;
  const auto lengths =
      agreed_lengths<Op, T, typename Bound::result_type>(comm, call, [&](CallRecord& record) {
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
  using InSide = FunctorSide<Load>;
  using OutSide = FunctorSide<Store>;
  PieceScan<Exec, Bound, T, InSide, OutSide>(exec, comm, bound, InSide{load, inner},
                                             OutSide{store, inner}, lines, of_rows, false, call,
                                             lengths)
      .run();
}

template <class Exec, class A, class B, class H>
void distributed_recurrence(const Exec& exec, MPI_Comm mpi_comm, const A& a, const B& b, const H& h,
                            int any_axis, const Call& call) {
  assert_recurrence<Exec, A, B, H>();
  using Arrays = RecurrenceArrays;
  using AT = const typename A::value_type;
  using BT = const typename B::value_type;
  using HT = typename H::value_type;
  const auto op = impl::recurrence_operator<A, B, H>();
  using Op = std::remove_const_t<decltype(op)>;
  using T = typename Op::element_type;
  const Communicator comm(mpi_comm);
  Arrays arrays(call.function);
  arrays.add(Arrays::of_out, h);
  arrays.add(Arrays::of_in, b);
  arrays.add(Arrays::of_a, a);
  const Array h_array = array_of(h);
  int axis = 0;
  const auto lengths = agreed_lengths<Op, T, HT>(comm, call, [&](CallRecord& record) {
    axis = arrays.checked_axis(any_axis, call.block_size, true);
    describe_array(h_array, axis, record);
  });
  const Array rows = rows_array(h_array, axis);
  const Lines lines = arrays.lines(axis, &rows);
  using In = CoefficientSide<AT, BT>;
  using Out = ResultSide<HT>;
  PieceScan<Exec, Op, T, In, Out>(
      exec, comm, op, In{{a.data(), lines, Arrays::of_a}, {b.data(), lines, Arrays::of_in}},
      Out{{h.data(), lines, Arrays::of_out}}, lines, Arrays::of_rows, false, call, lengths)
      .run();
}

}  // namespace fused_scan::impl

#endif
