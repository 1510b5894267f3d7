// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_TEST_TREE_NODE_HPP
#define FUSED_SCAN_TEST_TREE_NODE_HPP

#include <cstddef>
#include <fused_scan/impl/order/tree.hpp>
#include <vector>

namespace fused_scan::test {

/// The node over the elements of 2^k whole chunks, level by level, as the order of additions says.
template <class Op, class Element>
typename Op::value_type node_over(const Op& op, const std::vector<Element>& elements) {
  std::vector<typename Op::value_type> nodes;
  for (std::size_t k = 0; k < elements.size(); ++k) {
    if (k % impl::chunk_length == 0) {
      nodes.push_back(op.lift(elements[k]));
    } else {
      nodes.back() = op.accumulate(nodes.back(), elements[k]);
    }
  }
  for (; nodes.size() > 1; nodes.resize(nodes.size() / 2)) {
    for (std::size_t k = 0; k < nodes.size() / 2; ++k) {
      nodes[k] = op.combine(nodes[2 * k], nodes[2 * k + 1]);
    }
  }
  return nodes.front();
}

}  // namespace fused_scan::test

#endif
