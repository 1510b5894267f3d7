// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_VALUE_ROWS_HPP
#define FUSED_SCAN_IMPL_HOST_VALUE_ROWS_HPP

// Values side by side: a pointer to the first. Of pairs the sums and the compensations are two
// rows, since compilers make vectors of loops over numbers, and not of loops over pairs; maps of
// recurrences are in affine_rows.hpp.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/host/affine_rows.hpp>
#include <fused_scan/impl/host/copy_row.hpp>
#include <fused_scan/impl/host/recurrences/kernels.hpp>
#include <fused_scan/impl/operator/compensated_value.hpp>
#include <type_traits>

namespace fused_scan::impl {

template <class T>
struct PairRow {
  T* sums = nullptr;
  T* compensations = nullptr;

  PairRow operator+(std::int64_t offset) const { return {sums + offset, compensations + offset}; }
};

template <class Value>
struct RowOf {
  using type = Value*;
};
template <class T>
  requires std::is_floating_point_v<T>
struct RowOf<CompensatedValue<T>> {
  using type = PairRow<T>;
};
template <>
struct RowOf<AffineMap<double>> {
  using type = AffineRow;
};
template <class Value>
using row_of_t = typename RowOf<Value>::type;
template <class Value>
inline constexpr bool in_map_rows = std::is_same_v<row_of_t<Value>, AffineRow>;
template <class Value>
inline constexpr bool in_pair_rows = !std::is_pointer_v<row_of_t<Value>> && !in_map_rows<Value>;

/// `count` values in memory of the caller's.
template <class Value>
row_of_t<Value> row_in(std::byte* memory, std::int64_t count) {
  if constexpr (in_pair_rows<Value>) {
    auto* const sums = reinterpret_cast<decltype(Value::sum)*>(memory);
    return {sums, sums + count};
  } else if constexpr (in_map_rows<Value>) {
    auto* const numbers = reinterpret_cast<double*>(memory);
    return {numbers, numbers + count, reinterpret_cast<std::int64_t*>(numbers + 2 * count)};
  } else {
    return reinterpret_cast<Value*>(memory);
  }
}

template <class Value>
const Value& get(const Value* row, std::int64_t j) {
  return row[j];
}
template <class T>
CompensatedValue<T> get(const PairRow<T>& row, std::int64_t j) {
  return {row.sums[j], row.compensations[j]};
}
template <class Value>
void set(Value* row, std::int64_t j, const Value& value) {
  row[j] = value;
}
template <class T>
void set(const PairRow<T>& row, std::int64_t j, const CompensatedValue<T>& value) {
  row.sums[j] = value.sum;
  row.compensations[j] = value.compensation;
}

template <class T>
void copy_row(const PairRow<T>& from, int count, const PairRow<T>& to) {
  impl::copy_row(from.sums, count, to.sums);
  impl::copy_row(from.compensations, count, to.compensations);
}

/// to[j] = quick(j, lost), unless bits of `lost` are set by any of some neighbours; then
/// careful(j) of each of them. What is read may lie where results do.
template <class T, class Quick, class Careful>
void set_pairs(int count, const PairRow<T>& to, const Quick& quick, const Careful& careful) {
  constexpr int at_once = 32;
  T sums[at_once], compensations[at_once];
  const auto some = [&](int begin, auto n) {
    std::uint64_t lost = 0;
    for (int k = 0; k < n; ++k) {
      const CompensatedValue<T> value = quick(begin + k, lost);
      sums[k] = value.sum;
      compensations[k] = value.compensation;
    }
    if (lost != 0) {
      for (int k = 0; k < n; ++k) set(to, begin + k, careful(begin + k));
      return;
    }
    for (int k = 0; k < n; ++k) set(to, begin + k, CompensatedValue<T>(sums[k], compensations[k]));
  };
  int j = 0;
  // A number that compilers know.
  for (; j + at_once <= count; j += at_once) some(j, std::integral_constant<int, at_once>());
  if (j < count) some(j, count - j);
}

/// to[j] = left(j) combined with right(j).
template <class Op, class Left, class Right>
void combine_each(const Op& op, int count, row_of_t<typename Op::value_type> to, const Left& left,
                  const Right& right) {
  if constexpr (in_pair_rows<typename Op::value_type> && Op::adds_exactly) {
    impl::set_pairs(
        count, to,
        [&](int j, std::uint64_t& lost) { return op.combine_exactly(left(j), right(j), lost); },
        [&](int j) { return op.combine(left(j), right(j)); });
  } else {
    for (int j = 0; j < count; ++j) set(to, j, op.combine(left(j), right(j)));
  }
}

/// to[j] = a[j] combined with b[j], which may be to[j].
template <class Op>
void combine_rows(const Op& op, int count, row_of_t<typename Op::value_type> a,
                  row_of_t<typename Op::value_type> b, row_of_t<typename Op::value_type> to) {
  using Value = typename Op::value_type;
  if constexpr (in_pair_rows<Value>) {
    impl::combine_each(
        op, count, to, [&](int j) { return get(a, j); }, [&](int j) { return get(b, j); });
  } else if constexpr (in_map_rows<Value>) {
    recurrences::combine_maps(count, count, a, b, to);
  } else {
    const Value* KOKKOS_RESTRICT const left = a;
    for (int j = 0; j < count; ++j) to[j] = op.combine(left[j], b[j]);
  }
}

}  // namespace fused_scan::impl

#endif
