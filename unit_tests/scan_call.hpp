// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_SCAN_CALL_HPP
#define FUSED_SCAN_SCAN_CALL_HPP

#include <Kokkos_Core.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <fused_scan/scan.hpp>
#include <span>
#include <sstream>
#include <string>
#include <type_traits>

#include "matchers.hpp"
#include "random_bits.hpp"
#include "reference_scan.hpp"
#include "test_views.hpp"

namespace fused_scan::test {

/// All that a call of a scan is told at run time, but for its Views.
struct ScanCall {
  ScanKind kind = ScanKind::inclusive;
  Direction direction = Direction::forward;
  int axis = -1;
  bool in_place = false;
  int block_size = 0;
};

inline std::string to_string(const ScanCall& call) {
  std::ostringstream text;
  text << (call.kind == ScanKind::inclusive ? "inclusive" : "exclusive")
       << (call.direction == Direction::forward ? ", forward" : ", reverse") << ", axis "
       << call.axis << (call.in_place ? ", in place" : "") << ", block_size " << call.block_size;
  return text.str();
}

/// f(call) for inclusive and exclusive, forward and reverse, in place and not, along the axis.
template <class F>
void for_each_call(int axis, F f) {
  for (const ScanKind kind : {ScanKind::inclusive, ScanKind::exclusive})
    for (const Direction direction : {Direction::forward, Direction::reverse})
      for (const bool in_place : {false, true}) f(ScanCall{kind, direction, axis, in_place});
}

template <class Exec, class In, class Out, class Op>
void scan(const Exec& exec, const In& in, const Out& out, const Op& op, const ScanCall& call) {
  const ScanOptions options{call.direction, call.block_size};
  if (call.kind == ScanKind::inclusive) {
    inclusive_scan(exec, in, out, call.axis, op, options);
  } else {
    exclusive_scan(exec, in, out, call.axis, op, options);
  }
}

/// Scans the array in Views of these types; in place, `out` is the only one.
template <class In, class Out, class Op>
HostArray<typename Out::value_type> scanned(const HostArray<typename In::value_type>& array,
                                            const Op& op, const ScanCall& call) {
  const typename Out::execution_space exec;
  if constexpr (std::is_same_v<typename In::value_type, typename Out::value_type>) {
    if (call.in_place) {
      const auto view = make_view<Out>("x", array);
      scan(exec, view, view, op, call);
      return read(view);
    }
  }
  const auto in = make_view<In>("x", array);
  const auto out = make_view<Out>("y", array.extents);
  scan(exec, in, out, op, call);
  CHECK_THAT(read(in), equals(array));
  return read(out);
}

/// The array as a sequential scan by the monoid has it.
template <class T, class Op>
HostArray<T> folded(const HostArray<T>& array, const T& identity, Op op, const ScanCall& call) {
  return map_lines(array, call.axis, call.direction,
                   [&](std::span<T> line) { fold_line(line, identity, op, call.kind); });
}

/// The array as a scan by exact sums, each rounded once, has it.
template <class T>
HostArray<T> exactly_summed(const HostArray<T>& array, const ScanCall& call) {
  return map_lines(array, call.axis, call.direction,
                   [&](std::span<T> line) { exact_sum_line(line, call.kind); });
}

/// Random integers from -8 to 8: their sums are exact in every type that the tests scan.
template <class T>
HostArray<T> small_integers(const Extents& extents) {
  HostArray<T> array(extents);
  for (std::size_t i = 0; i < array.values.size(); ++i)
    array.values[i] = static_cast<T>(static_cast<int>(random_bits(i) % 17) - 8);
  return array;
}

}  // namespace fused_scan::test

#endif
