// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_CARRIED_STATES_HPP
#define FUSED_SCAN_CARRIED_STATES_HPP

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "scan_slabs.hpp"

namespace fused_scan::cli {

/// Whether the grouping of a scan has no influence on its bits.
template <class Op, class T>
inline constexpr bool exactly_associative_v =
    std::is_integral_v<T> || std::is_same_v<Op, Max> || std::is_same_v<Op, Min>;

/// The states of lines that are scanned in pieces.
///
/// A library's scan groups a line by a binary tree over its positions (see "Reproducibility" in
/// scan.hpp). Pieces of a power of two elements are nodes of that tree, so this continues the tree
/// over the totals of the pieces: node(s) is the total of 2^s neighbouring pieces, and the state
/// before piece m combines one node for each bit of m that is set, the largest first.
template <class T, class Op>
class CarriedStates {
 public:
  using Exec = Kokkos::DefaultExecutionSpace;
  using State = carried_state_t<Op, T>;
  using Row = Kokkos::View<State*, Exec::memory_space>;

  /// `chained`: what is handed on is the state after a piece, which serves where the operator is
  /// exactly associative.
  CarriedStates(std::size_t lines, bool chained)
      : m_chained(chained),
        m_state("fused-scan: states", lines),
        m_total("fused-scan: totals", lines) {}

  void restart() { m_pieces = 0; }
  std::size_t pieces() const { return m_pieces; }
  /// What the piece to come starts from, once prepare() has been called.
  const Row& state() const { return m_state; }
  /// Where the total of the piece to come is stored; of a chain the state after it.
  const Row& total() const { return m_total; }

  void fill_with_identity(const Exec& exec, const Row& row) const {
    Kokkos::deep_copy(exec, row, m_monoid.identity());
  }

  void prepare(const Exec& exec) {
    if (m_chained && m_pieces > 0) return;
    fill_with_identity(exec, m_state);
    for (std::size_t level = m_nodes.size(); level-- > 0;) {
      if ((m_pieces >> level) & 1) combine(exec, m_state, m_nodes[level], m_state);
    }
  }

  /// The piece has been scanned; its total is in total().
  void push(const Exec& exec) {
    if (m_chained) {
      std::swap(m_state, m_total);
    } else {
      std::size_t level = 0;
      for (; (m_pieces >> level) & 1; ++level) combine(exec, m_nodes[level], m_total, m_total);
      if (level == m_nodes.size()) m_nodes.emplace_back("fused-scan: nodes", m_total.size());
      Kokkos::deep_copy(exec, m_nodes[level], m_total);
    }
    ++m_pieces;
  }

  /// into = a combined with b. Public for CUDA, which can't capture in a private function.
  void combine(const Exec& exec, const Row& a, const Row& b, const Row& into) const {
    const auto monoid = m_monoid;
    Kokkos::parallel_for(
        "fused-scan: combine states", Kokkos::RangePolicy<Exec>(exec, 0, into.size()),
        KOKKOS_LAMBDA(const std::size_t line) { into(line) = monoid.combine(a(line), b(line)); });
  }

 private:
  typename Op::template monoid<T> m_monoid;
  bool m_chained;
  std::size_t m_pieces = 0;
  Row m_state;
  Row m_total;
  std::vector<Row> m_nodes;
};

}  // namespace fused_scan::cli

#endif
