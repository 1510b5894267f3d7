// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_ROW_ARITHMETIC_HPP
#define FUSED_SCAN_IMPL_HOST_ROW_ARITHMETIC_HPP

// One element each of chunks that are added side by side. The loops are plain ones, over arrays
// that don't overlap, which compilers turn into vectors where the operator lets them.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <fused_scan/impl/order/tree.hpp>

namespace fused_scan::impl {

/// The rows of chunks, each given as its `row` in the chunk, which is 0 for a chunk's first.
template <class Scan>
class RowArithmetic {
 public:
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;
  using Result = typename Scan::Result;

  explicit RowArithmetic(const Scan& scan) : m_scan(scan) {}

  /// The chunks' sums so far.
  void sum(int row, int n, const Element* KOKKOS_RESTRICT x, Value* KOKKOS_RESTRICT sum) const {
    const Op& op = m_scan.op;
    if (row == 0) {
      for (int j = 0; j < n; ++j) sum[j] = op.lift(x[j]);
    } else {
      accumulate(n, sum, x, sum);
    }
  }

  /// Results too: `state` is what comes after the elements.
  void scan(int row, bool begins_line, int n, const Element* KOKKOS_RESTRICT x,
            const Value* KOKKOS_RESTRICT prefix, Value* KOKKOS_RESTRICT sum, Value* state,
            Result* KOKKOS_RESTRICT y) const {
    const Op& op = m_scan.op;
    if (m_scan.exclusive) {
      const Value* const before = row == 0 ? prefix : state;
      if (begins_line) {
        for (int j = 0; j < n; ++j) y[j] = op.lower(m_scan.first_output(before[j]));
      } else {
        for (int j = 0; j < n; ++j) y[j] = op.lower(before[j]);
      }
    }
    if constexpr (Op::combines_chunks) {
      this->sum(row, n, x, sum);
      for (int j = 0; j < n; ++j) state[j] = op.combine(prefix[j], sum[j]);
    } else {
      // Not one call, so that compilers see which of the arrays are the same.
      if (row == 0) {
        accumulate(n, prefix, x, state);
      } else {
        accumulate(n, state, x, state);
      }
      this->sum(row, n, x, sum);
    }
    if (!m_scan.exclusive) {
      for (int j = 0; j < n; ++j) y[j] = op.lower(state[j]);
    }
  }

 private:
  /// Elements are added to values, which may be `to`. Where that is cheaper while nothing is
  /// rounded away it is tried first.
  void accumulate(int n, const Value* from, const Element* KOKKOS_RESTRICT x, Value* to) const {
    const Op& op = m_scan.op;
    if constexpr (Op::adds_exactly) {
      for (int j = 0; j < n; j += at_once) {
        const int count = std::min(at_once, n - j);
        if (count == at_once) {
          add_pairs<at_once>(at_once, from + j, x + j, to + j);
        } else {
          add_pairs<0>(count, from + j, x + j, to + j);
        }
      }
    } else {
      for (int j = 0; j < n; ++j) to[j] = op.accumulate(from[j], x[j]);
    }
  }
  static constexpr int at_once = 32;

  /// Pairs of sums and compensations, taken apart, which compilers need for vectors. `known` is
  /// their number where it is known.
  template <int known>
  void add_pairs(int count, const Value* from, const Element* KOKKOS_RESTRICT x, Value* to) const {
    const Op& op = m_scan.op;
    const int n = known > 0 ? known : count;
    Element sums[at_once], compensations[at_once];
    auto lost = Op::nothing_lost();
    for (int k = 0; k < n; ++k) {
      sums[k] = from[k].sum;
      compensations[k] = from[k].compensation;
    }
    for (int k = 0; k < n; ++k) {
      const Value next = op.accumulate_exactly(Value(sums[k], compensations[k]), x[k], lost);
      sums[k] = next.sum;
      compensations[k] = next.compensation;
    }
    if (lost != 0) {
      for (int k = 0; k < n; ++k) to[k] = op.accumulate(from[k], x[k]);
    } else {
      for (int k = 0; k < n; ++k) to[k] = Value(sums[k], compensations[k]);
    }
  }

  const Scan& m_scan;
};

}  // namespace fused_scan::impl

#endif
