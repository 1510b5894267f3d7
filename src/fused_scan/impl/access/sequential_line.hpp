// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ACCESS_SEQUENTIAL_LINE_HPP
#define FUSED_SCAN_IMPL_ACCESS_SEQUENTIAL_LINE_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/order/streamed_tree.hpp>
#include <fused_scan/impl/order/tree.hpp>

namespace fused_scan::impl {

/// A line between two slabs, scanned by the calling thread element by element, in the order of the
/// tree.
template <class Scan, class From, class To>
class SequentialLine {
 public:
  using Value = typename Scan::Value;
  using Tree = StreamedTree<typename Scan::Op>;

  KOKKOS_FUNCTION SequentialLine(const Scan& scan, const From& from, const To& to,
                                 std::int64_t length, std::int64_t column)
      : m_scan(scan), m_from(from), m_to(to), m_length(length), m_column(column) {}

  /// Returns the state that the line ends in.
  KOKKOS_FUNCTION Value scan(const Value& initial) const {
    if (m_length <= chunk_length) {  // for which no tree need be made
      Value state = initial;
      scan_chunk(0, static_cast<int>(m_length), initial, state);
      return state;
    }
    Tree tree(m_scan.op, initial);
    return scan(tree, 0, m_length);
  }

  /// The elements from `first` to `last`. `first` begins a chunk, and the tree's prefix is what
  /// comes before it. Returns the state after the last element.
  KOKKOS_FUNCTION Value scan(Tree& tree, std::int64_t first, std::int64_t last) const {
    Value state = tree.prefix();
    for (std::int64_t begin = first; begin < last; begin += chunk_length) {
      const auto left = last - begin;
      const int count = left < chunk_length ? static_cast<int>(left) : chunk_length;
      const Value sum = scan_chunk(begin, count, tree.prefix(), state);
      if (count == chunk_length) tree.push(sum);
    }
    return state;
  }

 private:
  /// Returns the chunk's sum; `state` is then what comes after it.
  KOKKOS_FUNCTION Value scan_chunk(std::int64_t begin, int count, const Value& prefix,
                                   Value& state) const {
    const auto& op = m_scan.op;
    Value sum = op.neutral();
    state = prefix;
    for (int r = 0; r < count; ++r) {
      const std::int64_t step = begin + r;
      const std::int64_t i = m_scan.reverse ? m_length - 1 - step : step;
      const auto element = static_cast<typename Scan::Element>(m_from.read(i, m_column));
      const Value before = step == 0 ? m_scan.first_output(state) : state;
      sum = r == 0 ? op.lift(element) : op.accumulate(sum, element);
      if constexpr (Scan::Op::combines_chunks) {
        state = op.combine(prefix, sum);
      } else {
        state = op.accumulate(state, element);
      }
      m_to.write(i, m_column, op.lower(m_scan.exclusive ? before : state));
    }
    return sum;
  }

  const Scan& m_scan;
  const From& m_from;
  const To& m_to;
  std::int64_t m_length;
  std::int64_t m_column;
};

/// A part of a line as SequentialLine::scan() does it.
template <class Scan>
KOKKOS_FUNCTION typename Scan::Value scan_line(const Scan& scan,
                                               StreamedTree<typename Scan::Op>& tree,
                                               std::int64_t outer, std::int64_t column,
                                               std::int64_t first, std::int64_t last) {
  const auto from = scan.load.slab(outer);
  const auto to = scan.store.slab(outer);
  return SequentialLine(scan, from, to, scan.length, column).scan(tree, first, last);
}

}  // namespace fused_scan::impl

#endif
