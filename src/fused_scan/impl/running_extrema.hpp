// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_RUNNING_EXTREMA_HPP
#define FUSED_SCAN_IMPL_RUNNING_EXTREMA_HPP

// From the Views of a running maximum or minimum to a LineScan.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/access/indexed_access.hpp>
#include <fused_scan/impl/access/states.hpp>
#include <fused_scan/impl/array/array.hpp>
#include <fused_scan/impl/array/checks.hpp>
#include <fused_scan/impl/array/lines.hpp>
#include <fused_scan/impl/engine.hpp>
#include <fused_scan/impl/operator/bound_operator.hpp>
#include <fused_scan/impl/operator/extrema.hpp>
#include <fused_scan/impl/plan/scan_shape.hpp>
#include <fused_scan/impl/scan.hpp>
#include <limits>
#include <string>
#include <type_traits>

namespace fused_scan::impl {

/// Whether positions below `length` are numbers of type Index.
template <class Index>
void check_index_type(const char* function, const Array& indices, std::int64_t length) {
  const auto largest = static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
  impl::require(length == 0 || static_cast<std::uint64_t>(length - 1) <= largest, function, [&] {
    return "the type of View " + indices.quoted() + " holds no more than " +
           std::to_string(largest) + ", and positions go up to " + std::to_string(length - 1);
  });
}

template <class Exec, class In, class Values, class Indices>
void assert_running_extrema() {
  assert_views<Exec, In, Values>();
  using Index = typename Indices::value_type;
  static_assert(
      std::is_same_v<std::remove_const_t<typename In::value_type>, typename Values::value_type>,
      "fused_scan: the values of a running maximum or minimum have the input's type");
  static_assert(Indices::rank == In::rank,
                "fused_scan: indices must have the same rank as the input");
  static_assert(std::is_integral_v<Index> && !std::is_same_v<std::remove_const_t<Index>, bool>,
                "fused_scan: the indices of a running maximum or minimum must be integers");
  static_assert(!std::is_const_v<Index>, "fused_scan: the indices must not be const");
  static_assert(is_accessible<Exec, Indices>,
                "fused_scan: the indices must be accessible from the execution space");
}

/// The scan of a running maximum (sign = 1) or minimum (-1): use(scan, shape).
template <int sign, class Exec, class In, class Values, class Indices, class Use>
void with_running_extremum(const Exec&, const In& in, const Values& values, const Indices& indices,
                           int any_axis, const Call& call, const Use& use) {
  assert_running_extrema<Exec, In, Values, Indices>();
  using T = typename Values::value_type;
  using Index = typename Indices::value_type;
  using Number = scan_number_t<T>;
  enum { of_values, of_in, of_indices, count };
  const Array values_array = array_of(values), in_array = array_of(in),
              indices_array = array_of(indices);
  const char* const function = call.function;
  const int axis = checked_axis(function, in_array, any_axis);
  check_block_size(function, call.block_size);
  check_same_extents(function, in_array, values_array);
  check_same_extents(function, in_array, indices_array);
  check_no_self_overlap(function, values_array);
  check_no_self_overlap(function, indices_array);
  check_no_overlap(function, in_array, values_array, true);
  check_no_overlap(function, in_array, indices_array, false);
  check_no_overlap(function, values_array, indices_array, false);
  check_index_type<Index>(function, indices_array, in_array.extent[axis]);
  const Array* const arrays[count] = {&values_array, &in_array, &indices_array};
  const Lines lines = lines_along(arrays, count, axis);

  using Load = IndexedLoad<const T, Number>;
  using Store = IndexedStore<T, Index>;
  const BoundOperator<IndexedExtremumMonoid<Number, sign>, IndexedNumber<Number>, void> op({});
  const auto scan =
      impl::line_scan(op, Load{{in.data(), lines, of_in}},
                      Store{{values.data(), lines, of_values}, {indices.data(), lines, of_indices}},
                      impl::initial_state(op, None(), lines), NoFinalState(), lines, call);
  use(scan, shape_of_arrays(scan, lines, of_in, of_values, call));
}

}  // namespace fused_scan::impl

#endif
