// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_PREFIX_TREE_HPP
#define FUSED_SCAN_IMPL_HOST_PREFIX_TREE_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/host/lanes.hpp>
#include <fused_scan/impl/order/tree.hpp>

namespace fused_scan::impl {

/// The tree over the blocks of N lines side by side, fed block by block on a host core.
template <class Op, int N>
class PrefixTree {
 public:
  using Value = typename Op::value_type;

  PrefixTree(const Op& op, int lanes) : m_op(op), m_lanes(lanes) {}

  /// The prefix before block `first` (0 but for a tile in the middle of a line) is set by the
  /// caller.
  Lanes<Value, N>& prefix() { return m_prefix; }
  void restart() { m_blocks = 0; }

  /// Appends a block; `total`, its sum, is overwritten.
  void push(Lanes<Value, N>& total) {
    const int level = merge(total);
    Lanes<Value, N>& before = m_before[level];
    // The merged block begins where the largest of the blocks in it began.
    before.assign(level > 0 ? m_before[level - 1] : m_prefix, lanes());
    for (int j = 0; j < lanes(); ++j) {
      m_prefix.set(j, m_op.combine(before.get(j), m_node[level].get(j)));
    }
  }

  /// Appends a block without following the prefix; returns the level of the node it completes.
  int merge(Lanes<Value, N>& total) {
    const int level = levels_ending_with(m_blocks++);
    for (int s = 0; s < level; ++s) {
      for (int j = 0; j < lanes(); ++j) {
        total.set(j, m_op.combine(m_node[s].get(j), total.get(j)));
      }
    }
    m_node[level].assign(total, lanes());
    return level;
  }

  const Lanes<Value, N>& node(int level) const { return m_node[level]; }

 private:
  static constexpr int max_levels = 44;  // 2^48 elements

  /// A constant where it can be no other.
  int lanes() const { return N == 1 ? 1 : m_lanes; }

  Op m_op;
  int m_lanes;
  std::int64_t m_blocks = 0;
  Lanes<Value, N> m_prefix{};
  Lanes<Value, N> m_node[max_levels];
  Lanes<Value, N> m_before[max_levels];
};

}  // namespace fused_scan::impl

#endif
