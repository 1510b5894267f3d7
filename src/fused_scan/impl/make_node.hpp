// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_MAKE_NODE_HPP
#define FUSED_SCAN_IMPL_MAKE_NODE_HPP

// The nodes over whole chunks of lines: a pass that only reads.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/access/memory_access.hpp>
#include <fused_scan/impl/array/lines.hpp>
#include <fused_scan/impl/operator/bound_operator.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/reduction.hpp>
#include <fused_scan/impl/scan.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// The sum of one chunk of every line, as the engines make it.
template <class Op, class Load>
struct SumChunk {
  Op op;
  Load load;  // of steps from the chunk's first element on
  MemoryAccess<typename Op::value_type> node;
  std::int64_t inner;

  KOKKOS_FUNCTION void operator()(std::int64_t line) const {
    const std::int64_t outer = line / inner, column = line % inner;
    const auto from = load.slab(outer);
    using Element = typename Op::element_type;
    auto sum = op.lift(static_cast<Element>(from.read(0, column)));
    for (int r = 1; r < chunk_length; ++r) {
      sum = op.accumulate(sum, static_cast<Element>(from.read(r, column)));
    }
    node.of_line(outer, column) = sum;
  }
};

/// A monoid whose identity may change the bits of what comes after it: beside its values there is
/// nothing, which doesn't.
template <class M>
struct ValuesAfterNothing {
  struct Value {
    typename M::value_type value;
    bool given;
  };
  using value_type = Value;
  static constexpr bool always_finished = true;

  M monoid;

  explicit ValuesAfterNothing(const M& of) : monoid(of) {}
  KOKKOS_FORCEINLINE_FUNCTION value_type identity() const { return {monoid.identity(), false}; }
  template <class Element>
  KOKKOS_FORCEINLINE_FUNCTION value_type lift(const Element& element) const {
    return {monoid.lift(element), true};
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    if (!a.given) return b;
    if (!b.given) return a;
    return {monoid.combine(a.value, b.value), true};
  }
  KOKKOS_FORCEINLINE_FUNCTION typename M::value_type lower(const value_type& value) const {
    return value.value;
  }
};

template <class M>
inline constexpr bool has_neutral_identity = !requires { requires !M::identity_is_neutral; };

/// The prefix after 2^k chunks that nothing comes before: the node over them.
template <class Value, class Node>
struct FinalNode {
  static constexpr bool given = true;
  static constexpr bool of_prefix = true;
  MemoryAccess<Node> nodes;
  KOKKOS_FUNCTION void operator()(std::int64_t outer, std::int64_t column,
                                  const Value& value) const {
    if constexpr (std::is_same_v<Value, Node>) {
      nodes.of_line(outer, column) = value;
    } else {
      nodes.of_line(outer, column) = value.value;
    }
  }
};

/// The node over lines of 2^k chunks, k > 0. `beside` is the array that is read along with `in`, if
/// there is one.
template <class Exec, class M, class Element, class Out, class Load>
void make_node(const Exec& exec, const BoundOperator<M, Element, Out>& op, const Load& load,
               const AccessShape& in, const MemoryAccess<typename M::value_type>& node,
               const Lines& lines, const Call& call, const AccessShape& beside = {}) {
  using Node = typename M::value_type;
  if constexpr (has_neutral_identity<M>) {
    reduce_scan(exec, op, load, in, FinalNode<Node, Node>{node}, lines, call, beside);
  } else {
    using Values = ValuesAfterNothing<M>;
    reduce_scan(exec, BoundOperator<Values, Element, void>(Values(op.monoid())), load, in,
                FinalNode<typename Values::value_type, Node>{node}, lines, call, beside);
  }
}

}  // namespace fused_scan::impl

#endif
