// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_ROW_ARITHMETIC_HPP
#define FUSED_SCAN_IMPL_HOST_ROW_ARITHMETIC_HPP

// One element each of chunks that are added side by side. The loops are plain ones, over arrays
// that don't overlap, which compilers turn into vectors where the operator lets them.

#include <Kokkos_Core.hpp>
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
      for (int j = 0; j < n; ++j) sum[j] = op.accumulate(sum[j], x[j]);
    }
  }

  /// Results too: `state` is what comes after the elements.
  void scan(int row, bool begins_line, int n, const Element* KOKKOS_RESTRICT x,
            const Value* KOKKOS_RESTRICT prefix, Value* KOKKOS_RESTRICT sum,
            Value* KOKKOS_RESTRICT state, Result* KOKKOS_RESTRICT y) const {
    const Op& op = m_scan.op;
    if (m_scan.exclusive) {
      const Value* KOKKOS_RESTRICT const before = row == 0 ? prefix : state;
      if (begins_line) {
        for (int j = 0; j < n; ++j) y[j] = op.lower(m_scan.first_output(before[j]));
      } else {
        for (int j = 0; j < n; ++j) y[j] = op.lower(before[j]);
      }
    }
    if constexpr (Op::combines_chunks) {
      this->sum(row, n, x, sum);
      for (int j = 0; j < n; ++j) state[j] = op.combine(prefix[j], sum[j]);
    } else if (row == 0) {
      for (int j = 0; j < n; ++j) state[j] = op.accumulate(prefix[j], x[j]);
      this->sum(row, n, x, sum);
    } else {
      for (int j = 0; j < n; ++j) state[j] = op.accumulate(state[j], x[j]);
      this->sum(row, n, x, sum);
    }
    if (!m_scan.exclusive) {
      for (int j = 0; j < n; ++j) y[j] = op.lower(state[j]);
    }
  }

 private:
  const Scan& m_scan;
};

}  // namespace fused_scan::impl

#endif
