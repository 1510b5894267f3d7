// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_CONTINUED_SCAN_HPP
#define FUSED_SCAN_IMPL_CONTINUED_SCAN_HPP

// A scan of the next piece of lines, with the bits of a scan of the whole lines: from what is held
// of the pieces before (order/held_tree.hpp), and into it.
//
// Few elements are pushed one by one, a line a thread. Of many, the engine scans the parts that
// order/pieces.hpp makes of the piece, and the nodes over them are made by another pass over them.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <bit>
#include <cstdint>
#include <fused_scan/impl/access/functor_access.hpp>
#include <fused_scan/impl/access/memory_access.hpp>
#include <fused_scan/impl/access/states.hpp>
#include <fused_scan/impl/array/lines.hpp>
#include <fused_scan/impl/engine.hpp>
#include <fused_scan/impl/make_node.hpp>
#include <fused_scan/impl/order/held_tree.hpp>
#include <fused_scan/impl/order/pieces.hpp>
#include <fused_scan/impl/scan.hpp>
#include <string>

namespace fused_scan::impl {

/// What is held of outer * inner lines: held_rows rows, `stride` apart.
template <class Op>
struct HeldLines {
  using Value = typename Op::value_type;
  Op op;
  Value initial;
  Value* rows;
  std::int64_t stride;
  std::int64_t inner;

  KOKKOS_FUNCTION HeldNodes<Op> of(std::int64_t outer, std::int64_t column) const {
    return {op, initial, rows + outer * inner + column, stride};
  }
};

/// Pushes `count` elements of a line, from `first` on; with `stores`, stores the results.
template <class Op, class Load, class Store>
struct PushElements {
  HeldLines<Op> held;
  Load load;
  Store store;
  std::int64_t position;  // of the piece in its line
  std::int64_t first;
  std::int64_t count;
  bool stores;

  KOKKOS_FUNCTION void operator()(std::int64_t line) const {
    const std::int64_t outer = divided(line, held.inner), column = line - outer * held.inner;
    HeldTree<Op> tree(held.of(outer, column), position + first);
    typename Op::element_type elements[chunk_length];
    for (std::int64_t begin = first; begin < first + count; begin += chunk_length) {
      const std::int64_t left = first + count - begin;
      const int n = left < chunk_length ? static_cast<int>(left) : chunk_length;
      // Together, so that memory is waited for once.
      for (int r = 0; r < n; ++r) elements[r] = load(outer, begin + r, column);
      for (int r = 0; r < n; ++r) {
        const auto state = tree.push(elements[r]);
        if (stores) store(outer, begin + r, column, held.op.lower(state));
      }
    }
    tree.keep();
  }
};

/// Appends a node that lies in the row of the chunk's sum, which is free between chunks.
template <class Op>
struct PushNode {
  HeldLines<Op> held;
  int level;
  std::int64_t chunk;

  KOKKOS_FUNCTION void operator()(std::int64_t line) const {
    const std::int64_t outer = divided(line, held.inner), column = line - outer * held.inner;
    const HeldNodes<Op> nodes = held.of(outer, column);
    nodes.push(nodes.sum_of_chunk(), level, chunk);
  }
};

template <class Op>
struct HeldPrefix {
  HeldLines<Op> held;
  std::int64_t chunk;
  KOKKOS_FUNCTION typename Op::value_type operator()(std::int64_t outer,
                                                     std::int64_t column) const {
    return held.of(outer, column).prefix_before(chunk);
  }
};

template <class Exec, class Op, class Load, class Store>
class ContinuedScan {
 public:
  ContinuedScan(const Exec& exec, const HeldLines<Op>& held, std::int64_t outer, const Load& load,
                const Store& store, const Call& call)
      : m_exec(exec), m_held(held), m_outer(outer), m_load(load), m_store(store), m_call(call) {}

  /// Scans the `length` elements of each line from `position` on.
  void run(std::int64_t position, std::int64_t length) const {
    const Piece piece{position, position + length};
    if (length < long_part) return push(piece, piece, true);
    Piece short_parts{piece.begin, piece.begin};
    for (const Piece& part : parts_of(piece)) {
      if (part.begin >= piece.begin && part.end - part.begin >= long_part) {
        push(piece, short_parts, true);
        scan(piece, part);
        short_parts.begin = part.end;
      }
      short_parts.end = part.end;
    }
    push(piece, short_parts, true);
  }

 private:
  using Range = Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>;
  /// Elements from which on a part is worth the launches of two passes, and of its nodes.
  static constexpr std::int64_t long_part = 512;

  std::string label(const char* step) const { return std::string(m_call.function) + "::" + step; }
  Range all_lines() const { return Range(m_exec, 0, m_outer * m_held.inner); }

  void push(const Piece& piece, const Piece& part, bool stores) const {
    if (part.empty()) return;
    Kokkos::parallel_for(
        label("push_elements"), all_lines(),
        PushElements<Op, Load, Store>{m_held, m_load, m_store, piece.begin,
                                      part.begin - piece.begin, part.end - part.begin, stores});
  }

  /// Of a part of the piece that begins with a chunk.
  void scan(const Piece& piece, const Piece& part) const {
    // Nodes first: the store may overwrite what is loaded. They leave the prefix before the part.
    hold_nodes(piece, part);
    const std::int64_t first = part.begin - piece.begin;
    const std::int64_t begin = part.first_chunk();
    const auto scan = impl::line_scan(
        m_held.op, FunctorPart<Load>{m_load, first}, FunctorPart<Store>{m_store, first},
        InitialFunctor<Op, HeldPrefix<Op>>{m_held.op, {m_held, begin}}, NoFinalState(),
        lines_of(part.end - part.begin), m_call);
    run_scan(m_exec, scan, shape_of_functors(scan, m_call), m_call.function);
  }

  void hold_nodes(const Piece& piece, const Piece& part) const {
    const std::int64_t begin = part.first_chunk();
    const std::int64_t chunks = part.end_chunk() - begin;
    if (begin > 0 && chunks == (begin & -begin)) {
      // The one node over the part, which is merged with those before it.
      const int level = std::countr_zero(static_cast<std::uint64_t>(chunks));
      hold_node(piece, begin, level, held_levels);
      Kokkos::parallel_for(label("push_node"), all_lines(), PushNode<Op>{m_held, level, begin});
      return;
    }
    // None of these levels is in use before the part.
    std::int64_t chunk = begin;
    for (int level = held_levels - 1; level > 0; --level) {
      if (((chunks >> level) & 1) == 0) continue;
      hold_node(piece, chunk, level, level);
      chunk += std::int64_t{1} << level;
    }
    push(piece, {chunk * chunk_length, part.end}, false);
  }

  /// The node over 2^level chunks, in a row.
  void hold_node(const Piece& piece, std::int64_t chunk, int level, int row) const {
    const Lines lines = lines_of(chunk_length * (std::int64_t{1} << level));
    make_node(m_exec, m_held.op, FunctorPart<Load>{m_load, chunk * chunk_length - piece.begin},
              functor_shape(sizeof(typename Op::element_type), lines.length, lines.inner),
              MemoryAccess<typename Op::value_type>(m_held.rows + row * m_held.stride, lines, 0),
              lines, m_call);
  }

  /// Lines of the piece, and as array 0 the rows.
  Lines lines_of(std::int64_t length) const {
    Lines lines;
    lines.outer = m_outer;
    lines.length = length;
    lines.inner = m_held.inner;
    lines.outer_rank = 1;
    lines.outer_extent[0] = m_outer;
    lines.of[0].column = 1;
    lines.of[0].outer[0] = m_held.inner;
    return lines;
  }

  const Exec& m_exec;
  HeldLines<Op> m_held;
  std::int64_t m_outer;
  const Load& m_load;
  const Store& m_store;
  Call m_call;
};

}  // namespace fused_scan::impl

#endif
