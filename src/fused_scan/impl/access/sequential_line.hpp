// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ACCESS_SEQUENTIAL_LINE_HPP
#define FUSED_SCAN_IMPL_ACCESS_SEQUENTIAL_LINE_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/order/streamed_tree.hpp>
#include <fused_scan/impl/order/tree.hpp>

namespace fused_scan::impl {

/// Scans the elements of a line from `first` to `last`, one after the other, in the order of the
/// tree. `first` begins a chunk, and the tree's prefix is what comes before it. Returns the state
/// after the last element.
template <class Scan>
KOKKOS_FUNCTION typename Scan::Value scan_line(const Scan& scan,
                                               StreamedTree<typename Scan::Op>& tree,
                                               std::int64_t outer, std::int64_t column,
                                               std::int64_t first, std::int64_t last) {
  using Value = typename Scan::Value;
  const auto& op = scan.op;
  const auto from = scan.load.slab(outer);
  const auto to = scan.store.slab(outer);
  Value state = tree.prefix();
  for (std::int64_t begin = first; begin < last; begin += chunk_length) {
    const auto left = last - begin;
    const int count = left < chunk_length ? static_cast<int>(left) : chunk_length;
    Value sum = op.neutral();
    state = tree.prefix();
    for (int r = 0; r < count; ++r) {
      const std::int64_t i = scan.position(begin + r);
      const auto element = static_cast<typename Scan::Element>(from.read(i, column));
      const Value before = begin + r == 0 ? scan.first_output(state) : state;
      sum = r == 0 ? op.lift(element) : op.accumulate(sum, element);
      if constexpr (Scan::Op::combines_chunks) {
        state = op.combine(tree.prefix(), sum);
      } else {
        state = op.accumulate(state, element);
      }
      to.write(i, column, op.lower(scan.exclusive ? before : state));
    }
    if (count == chunk_length) tree.push(sum);
  }
  return state;
}

}  // namespace fused_scan::impl

#endif
