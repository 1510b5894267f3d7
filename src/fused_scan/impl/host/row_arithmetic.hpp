// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_ROW_ARITHMETIC_HPP
#define FUSED_SCAN_IMPL_HOST_ROW_ARITHMETIC_HPP

// One element each of chunks that are added side by side. The loops are plain ones, over arrays
// that don't overlap, which compilers turn into vectors where the operator lets them.

#include <Kokkos_Core.hpp>
#include <fused_scan/impl/host/chunk_tree.hpp>
#include <fused_scan/impl/host/pair_sums/kernels.hpp>
#include <fused_scan/impl/host/value_rows.hpp>
#include <fused_scan/impl/host/wide_vectors.hpp>
#include <fused_scan/impl/operator/sums.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// The rows of chunks, of which the first is given as its `row` in the chunk: 0 for a chunk's
/// first.
template <class Scan, bool wide>
class RowArithmetic {
 public:
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;
  using Result = typename Scan::Result;
  using Row = row_of_t<Value>;

  /// Whether there are kernels for sums that are looked at before, and turn out exact.
  static constexpr bool looks = std::is_same_v<typename Op::monoid_type, PairSumMonoid<double>> &&
                                std::is_same_v<Element, double> && std::is_same_v<Result, double>;

  /// Some rows of chunks.
  struct Rows {
    int row = 0;  // the first of them is, in the chunks
    int rows = 1;
    int n = 0;  // elements in a row
    const Element* x = nullptr;
    std::int64_t x_pitch = 0;
    Result* y = nullptr;
    std::int64_t y_pitch = 0;
    Row prefix{};  // before the chunks
    Row sum{};     // of the chunks so far
    Row state{};   // after the elements
    bool begins_line = false;
    bool sums_known = false;  // of the chunks: `sum` may be left as it is
    // What is needed next, and may be asked for meanwhile: as many elements there, where sums are
    // made, or results; or the rows after these, in memory as they are.
    const void* next = nullptr;
    bool in_memory = false;
  };

  explicit RowArithmetic(const Scan& scan) : m_scan(scan) {}

  /// Before the first rows of other chunks.
  void begin_chunks() {
    if constexpr (looks) m_range = {}, m_exact = false;
  }

  /// sum() and scan() where exponents show that no sum is rounded; false where they don't, and
  /// nothing is done. Results may go where the elements are.
  ///@{
  bool sum_exactly(const Rows& rows) {
    if constexpr (looks) {
      const pair_sums::Rows numbers = pairs(rows);
      const bool exact = m_kernels != nullptr && m_kernels->look(numbers, m_range);
      if (exact) m_kernels->sum(numbers);
      return exact;
    }
    return false;
  }
  bool scan_exactly(const Rows& rows) {
    if constexpr (looks) {
      if (m_kernels == nullptr) return false;
      const pair_sums::Rows numbers = pairs(rows);
      if (rows.row == 0 && !m_exact) m_kernels->add_prefixes(rows.prefix, rows.n, m_range);
      const bool exact = m_exact || (rows.sums_known ? m_kernels->adds_exactly(m_range, 0)
                                                     : m_kernels->look(numbers, m_range));
      // Where a line begins something else may be the first result.
      if (!exact || (rows.begins_line && m_scan.exclusive)) return false;
      m_kernels->scan[!rows.sums_known][m_scan.exclusive](numbers);
      return true;
    }
    return false;
  }
  ///@}

  /// The chunks' sums so far.
  void sum(const Rows& rows) {
    if (sum_exactly(rows)) return;
    for (int r = 0; r < rows.rows; ++r) {
      add(rows.row + r, rows.n, rows.x + r * rows.x_pitch, rows.sum);
    }
  }

  /// From the sums of a tree's chunks the prefixes before them, the first of which are given.
  /// Returns the nodes over all of them.
  Row prefixes(const ChunkTree<Op>& tree, int lines, Row sum, Row nodes, Row prefix) {
    if constexpr (looks) {
      if (m_kernels != nullptr) {
        m_kernels->add_prefixes(prefix, lines, m_range);
        m_exact = m_kernels->adds_exactly(m_range, tree.levels());
        if (m_exact) return m_kernels->tree(lines, tree.levels(), sum, nodes, prefix);
      }
    }
    Row node{};
    run_in_vectors<wide>([&] { node = tree.combine(sum, nodes, prefix); });
    return node;
  }

  /// Results too. They may not go where the elements are.
  void scan(const Rows& rows) {
    if (scan_exactly(rows)) return;
    for (int r = 0; r < rows.rows; ++r) {
      scan_row(rows, rows.row + r, rows.x + r * rows.x_pitch, rows.y + r * rows.y_pitch);
    }
  }

 private:
  static const pair_sums::Kernels* kernels() {
    if constexpr (looks) return pair_sums::kernels();
    return nullptr;
  }
  pair_sums::Rows pairs(const Rows& rows) const {
    return {rows.x,
            rows.x_pitch,
            rows.rows,
            rows.n,
            rows.y,
            rows.y_pitch,
            rows.row == 0 ? rows.prefix : rows.state,
            rows.state,
            rows.sum,
            rows.row == 0,
            static_cast<const double*>(rows.next),
            rows.in_memory};
  }

  void add(int row, int n, const Element* KOKKOS_RESTRICT x, Row sum) const {
    if (row == 0) {
      each(n, sum, [&](int j) { return m_scan.op.lift(x[j]); });
    } else {
      accumulate(n, sum, x, sum);
    }
  }
  void scan_row(const Rows& rows, int row, const Element* KOKKOS_RESTRICT x,
                Result* KOKKOS_RESTRICT y) const {
    const int n = rows.n;
    const Row prefix = rows.prefix, sum = rows.sum, state = rows.state;
    if (m_scan.exclusive) {
      const Row before = row == 0 ? prefix : state;
      if (rows.begins_line && row == 0) {
        for (int j = 0; j < n; ++j) y[j] = m_scan.op.lower(m_scan.first_output(get(before, j)));
      } else {
        lower(n, before, y);
      }
    }
    if constexpr (Op::combines_chunks) {
      add(row, n, x, sum);
      impl::combine_rows(m_scan.op, n, prefix, sum, state);
    } else {
      // Not one call, so that compilers see which of the arrays are the same.
      if (row == 0) {
        accumulate(n, prefix, x, state);
      } else {
        accumulate<Scan::Final::given>(n, state, x, state);
      }
      if (!rows.sums_known) add(row, n, x, sum);
    }
    if (!m_scan.exclusive) lower(n, state, y);
  }

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
  const pair_sums::Kernels* m_kernels = kernels();
  pair_sums::Range m_range;
  bool m_exact = false;  // the chunks with their prefixes
};

}  // namespace fused_scan::impl

#endif
