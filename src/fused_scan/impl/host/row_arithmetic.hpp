// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_ROW_ARITHMETIC_HPP
#define FUSED_SCAN_IMPL_HOST_ROW_ARITHMETIC_HPP

// One element each of chunks that are added side by side. The loops are plain ones, over arrays
// that don't overlap, which compilers turn into vectors where the operator lets them.

#include <Kokkos_Core.hpp>
#include <fused_scan/impl/host/value_rows.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// The rows of chunks, each given as its `row` in the chunk, which is 0 for a chunk's first.
template <class Scan>
class RowArithmetic {
 public:
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;
  using Result = typename Scan::Result;
  using Row = row_of_t<Value>;

  explicit RowArithmetic(const Scan& scan) : m_scan(scan) {}

  /// The chunks' sums so far.
  void sum(int row, int n, const Element* KOKKOS_RESTRICT x, Row sum) const {
    if (row == 0) {
      each(n, sum, [&](int j) { return m_scan.op.lift(x[j]); });
    } else {
      accumulate(n, sum, x, sum);
    }
  }

  /// Results too: `state` is what comes after the elements. Where the chunks' sums are known
  /// already, `sum` may be left as it is.
  void scan(int row, bool begins_line, bool sums_known, int n, const Element* KOKKOS_RESTRICT x,
            Row prefix, Row sum, Row state, Result* KOKKOS_RESTRICT y) const {
    if (m_scan.exclusive) {
      const Row before = row == 0 ? prefix : state;
      if (begins_line) {
        for (int j = 0; j < n; ++j) y[j] = m_scan.op.lower(m_scan.first_output(get(before, j)));
      } else {
        lower(n, before, y);
      }
    }
    if constexpr (Op::combines_chunks) {
      this->sum(row, n, x, sum);
      impl::combine_rows(m_scan.op, n, prefix, sum, state);
    } else {
      // Not one call, so that compilers see which of the arrays are the same.
      if (row == 0) {
        accumulate(n, prefix, x, state);
      } else {
        accumulate<Scan::Final::given>(n, state, x, state);
      }
      if (!sums_known) this->sum(row, n, x, sum);
    }
    if (!m_scan.exclusive) lower(n, state, y);
  }

 private:
  template <class F>
  static void each(int n, Row to, const F& f) {
    if constexpr (!std::is_pointer_v<Row>) {
      for (int j = 0; j < n; ++j) set(to, j, f(j));
    } else {
      Value* KOKKOS_RESTRICT const values = to;
      for (int j = 0; j < n; ++j) values[j] = f(j);
    }
  }
  void lower(int n, Row from, Result* KOKKOS_RESTRICT y) const {
    if constexpr (in_map_rows<Value>) {
      run_in_vectors<true>([&] { LowerMaps<Op, Result>{m_scan.op, from, y}.run(n); });
    } else {
      for (int j = 0; j < n; ++j) y[j] = m_scan.op.lower(get(from, j));
    }
  }

  /// Elements are added to values, which may be `to`. Where that is cheaper while nothing is
  /// rounded away it is tried first. Without `whole` only results are made of the values.
  template <bool whole = true>
  void accumulate(int n, Row from, const Element* KOKKOS_RESTRICT x, Row to) const {
    const Op& op = m_scan.op;
    if constexpr (in_pair_rows<Value> && Op::adds_exactly) {
      impl::set_pairs(
          n, to,
          [&](int j, std::uint64_t& lost) {
            return op.accumulate_exactly(get(from, j), x[j], lost);
          },
          [&](int j) { return op.accumulate(get(from, j), x[j]); });
    } else if constexpr (in_map_rows<Value>) {
      run_in_vectors<true>([&] { AccumulateMaps<whole, Op, Element>{op, from, x, to}.run(n); });
    } else {
      for (int j = 0; j < n; ++j) set(to, j, op.accumulate(get(from, j), x[j]));
    }
  }

  const Scan& m_scan;
};

}  // namespace fused_scan::impl

#endif
