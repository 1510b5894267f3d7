// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_MAKE_NODE_HPP
#define FUSED_SCAN_IMPL_MAKE_NODE_HPP

// The nodes over whole chunks of lines: a pass that only reads.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/access/line_scan.hpp>
#include <fused_scan/impl/access/memory_access.hpp>
#include <fused_scan/impl/access/no_store.hpp>
#include <fused_scan/impl/access/states.hpp>
#include <fused_scan/impl/array/lines.hpp>
#include <fused_scan/impl/device/backend.hpp>
#include <fused_scan/impl/engine.hpp>
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

/// A monoid whose results are its values.
template <class M>
struct ValuesOf : M {
  explicit ValuesOf(const M& monoid) : M(monoid) {}
  KOKKOS_FORCEINLINE_FUNCTION typename M::value_type lower(
      const typename M::value_type& value) const {
    return value;
  }
};

/// The same of a monoid whose identity may change the bits of what comes after it: beside its
/// values there is nothing, which doesn't.
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
template <class M>
using values_of_t = std::conditional_t<has_neutral_identity<M>, ValuesOf<M>, ValuesAfterNothing<M>>;

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

/// Lines with one element more at their end, which nothing depends on: the one beside it again.
template <class Access>
struct OneMore {
  static constexpr bool is_memory = false;
  Access access;
  std::int64_t length;  // without it
  bool reverse;

  struct Slab {
    typename Access::Slab own;
    std::int64_t length;
    bool reverse;
    KOKKOS_FUNCTION auto read(std::int64_t i, std::int64_t j) const {
      const std::int64_t at = reverse ? i - 1 : i;
      return own.read(at < 0 ? 0 : (at < length ? at : length - 1), j);
    }
  };
  KOKKOS_FUNCTION Slab slab(std::int64_t outer) const {
    return {access.slab(outer), length, reverse};
  }
};

/// Keeps the result at one position.
template <class Value>
struct StoreAt {
  static constexpr bool is_memory = false;
  MemoryAccess<Value> rows;
  std::int64_t position;

  struct Slab {
    typename MemoryAccess<Value>::Slab row;
    std::int64_t position;
    KOKKOS_FUNCTION void write(std::int64_t i, std::int64_t j, const Value& result) const {
      if (i == position) row.write(0, j, result);
    }
  };
  KOKKOS_FUNCTION Slab slab(std::int64_t outer) const { return {rows.slab(outer), position}; }
};

/// Nodes as results of a scan, of any engine: an exclusive scan of one element more has there the
/// prefix after the others.
template <class Exec, class M, class Element, class Out, class Load>
void node_by_scan(const Exec& exec, const BoundOperator<M, Element, Out>& op, const Load& load,
                  const AccessShape& in, const MemoryAccess<typename M::value_type>& node,
                  Lines lines, Call call) {
  using Values = BoundOperator<values_of_t<M>, Element, void>;
  const Values values{values_of_t<M>(op.monoid())};
  const std::int64_t length = lines.length++;
  call.exclusive = true;
  const auto scan =
      impl::line_scan(values, OneMore<Load>{load, length, call.reverse},
                      StoreAt<typename M::value_type>{node, call.reverse ? 0 : length},
                      NoInitialState<Values>{values}, NoFinalState(), lines, call);
  ScanShape shape = shape_of(scan, call);
  shape.in = in;
  shape.in.is_memory = false;
  shape.out = shape.in;
  shape.out.element_size = sizeof(typename M::value_type);
  impl::run_scan(exec, scan, shape, call.function);
}

/// The node over lines of 2^k chunks, k > 0.
template <class Exec, class M, class Element, class Out, class Load>
void make_node(const Exec& exec, const BoundOperator<M, Element, Out>& op, const Load& load,
               const AccessShape& in, const MemoryAccess<typename M::value_type>& node,
               const Lines& lines, const Call& call) {
  using Node = typename M::value_type;
  if constexpr (has_device_engine<Exec>) {
    node_by_scan(exec, op, load, in, node, lines, call);
  } else if constexpr (has_neutral_identity<M>) {
    reduce_scan(exec, op, load, in, FinalNode<Node, Node>{node}, lines, call);
  } else {
    using Values = ValuesAfterNothing<M>;
    reduce_scan(exec, BoundOperator<Values, Element, void>(Values(op.monoid())), load, in,
                FinalNode<typename Values::value_type, Node>{node}, lines, call);
  }
}

}  // namespace fused_scan::impl

#endif
