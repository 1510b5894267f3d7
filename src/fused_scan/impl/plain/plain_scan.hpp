// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_PLAIN_PLAIN_SCAN_HPP
#define FUSED_SCAN_IMPL_PLAIN_PLAIN_SCAN_HPP

// The path of backends without an engine of their own: constructs of Kokkos alone. Where lines are
// many each is worked on by one thread, in the order of order/tree.hpp; where they are few each is
// a Kokkos::parallel_scan, which groups as it likes and reads elements twice.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/workspace.hpp>
#include <string>

namespace fused_scan::impl {

/// The tree over the chunks of one line, fed chunk by chunk.
template <class Op>
class StreamedTree {
 public:
  using Value = typename Op::value_type;

  KOKKOS_FUNCTION StreamedTree(const Op& op, const Value& initial) : m_op(op), m_prefix(initial) {}

  KOKKOS_FUNCTION const Value& prefix() const { return m_prefix; }

  /// Appends a whole chunk of the sum `node`.
  KOKKOS_FUNCTION void push(Value node) {
    const int level = levels_ending_with(m_chunks++);
    for (int s = 0; s < level; ++s) node = m_op.combine(m_node[s], node);
    m_node[level] = node;
    // What is merged begins where the largest of the nodes in it began.
    const Value before = level > 0 ? m_before[level - 1] : m_prefix;
    m_before[level] = before;
    m_prefix = m_op.combine(before, node);
  }

 private:
  static constexpr int max_levels = 44;  // 2^48 elements

  const Op& m_op;
  std::int64_t m_chunks = 0;
  Value m_prefix;
  Value m_node[max_levels];
  Value m_before[max_levels];
};

/// A line between two slabs, scanned by the calling thread from one end to the other.
template <class Scan, class From, class To>
class LineByThread {
 public:
  using Value = typename Scan::Value;

  KOKKOS_FUNCTION LineByThread(const Scan& scan, const From& from, const To& to,
                               std::int64_t length, std::int64_t column)
      : m_scan(scan), m_from(from), m_to(to), m_length(length), m_column(column) {}

  /// Returns the state that the line ends in.
  KOKKOS_FUNCTION Value run(const Value& initial) const {
    Value state = initial;
    if (m_length <= chunk_length) {
      scan_chunk(0, static_cast<int>(m_length), initial, state);
      return state;
    }
    StreamedTree<typename Scan::Op> tree(m_scan.op, initial);
    for (std::int64_t begin = 0; begin < m_length; begin += chunk_length) {
      const auto left = m_length - begin;
      const int count = left < chunk_length ? static_cast<int>(left) : chunk_length;
      const Value sum = scan_chunk(begin, count, tree.prefix(), state);
      if (left > chunk_length) tree.push(sum);
    }
    return state;
  }

 private:
  /// Returns the chunk's sum; `state` is then what comes after it.
  KOKKOS_FUNCTION Value scan_chunk(std::int64_t begin, int count, const Value& prefix,
                                   Value& state) const {
    const auto& op = m_scan.op;
    Value sum = op.neutral();
    state = prefix;
    for (int r = 0; r < count; ++r) {
      const std::int64_t step = begin + r;
      const std::int64_t i = m_scan.reverse ? m_length - 1 - step : step;
      const auto element = static_cast<typename Scan::Element>(m_from.read(i, m_column));
      const Value before = step == 0 ? m_scan.first_output(state) : state;
      sum = r == 0 ? op.lift(element) : op.accumulate(sum, element);
      if constexpr (Scan::Op::combines_chunks) {
        state = op.combine(prefix, sum);
      } else {
        state = op.accumulate(state, element);
      }
      m_to.write(i, m_column, op.lower(m_scan.exclusive ? before : state));
    }
    return sum;
  }

  const Scan& m_scan;
  const From& m_from;
  const To& m_to;
  std::int64_t m_length;
  std::int64_t m_column;
};

template <class Scan>
struct ScanLineByThread {
  Scan scan;

  KOKKOS_FUNCTION void operator()(std::int64_t line) const {
    const std::int64_t outer = line / scan.inner, column = line % scan.inner;
    const auto from = scan.load.slab(outer);
    const auto to = scan.store.slab(outer);
    const LineByThread line_of(scan, from, to, scan.length, column);
    scan.final(outer, column, line_of.run(scan.initial(outer, column)));
  }
};

/// One line in Kokkos::parallel_scan, between states that wait in memory of their own: the two that
/// the user gives may be one array.
template <class Scan>
struct ScanLineByKokkos {
  using value_type = typename Scan::Value;

  Scan scan;
  std::int64_t outer;
  std::int64_t column;
  value_type* states;  // initial, final

  KOKKOS_FUNCTION void init(value_type& value) const { value = scan.op.neutral(); }
  KOKKOS_FUNCTION void join(value_type& into, const value_type& from) const {
    into = scan.op.combine(into, from);
  }
  KOKKOS_FUNCTION void operator()(std::int64_t step, value_type& value, bool is_final) const {
    const auto& op = scan.op;
    const std::int64_t i = scan.position(step);
    const auto element = static_cast<typename Scan::Element>(scan.load.slab(outer).read(i, column));
    const value_type with_element = op.combine(value, op.lift(element));
    if (is_final) {
      const value_type before =
          step == 0 ? scan.first_output(states[0]) : op.combine(states[0], value);
      const value_type after = op.combine(states[0], with_element);
      scan.store.slab(outer).write(i, column, op.lower(scan.exclusive ? before : after));
      if (step == scan.length - 1) states[1] = after;
    }
    value = with_element;
  }
};

/// Whether lines are so few that threads would be idle.
template <class Exec>
bool plain_lines_are_few(const Exec& exec, std::int64_t lines, std::int64_t length) {
  return lines < exec.concurrency() / 4 && length > 64 * chunk_length;
}

template <class Exec, class Scan>
void run_plain(const Exec& exec, const Scan& scan, const std::string& label) {
  using Range = Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>;
  const std::int64_t lines = scan.outer * scan.inner;
  if (!plain_lines_are_few(exec, lines, scan.length)) {
    Kokkos::parallel_for(label + "::plain", Range(exec, 0, lines), ScanLineByThread<Scan>{scan});
    return;
  }
  using Value = typename Scan::Value;
  const auto states =
      reinterpret_cast<Value*>(Workspace<Exec>::get(exec, 2 * sizeof(Value), label));
  const Range once(exec, 0, 1);
  for (std::int64_t line = 0; line < lines; ++line) {
    const std::int64_t outer = line / scan.inner, column = line % scan.inner;
    Kokkos::parallel_for(
        label + "::plain_initial", once,
        KOKKOS_LAMBDA(std::int64_t) { states[0] = scan.initial(outer, column); });
    Kokkos::parallel_scan(label + "::plain", Range(exec, 0, scan.length),
                          ScanLineByKokkos<Scan>{scan, outer, column, states});
    Kokkos::parallel_for(
        label + "::plain_final", once,
        KOKKOS_LAMBDA(std::int64_t) { scan.final(outer, column, states[1]); });
  }
}

}  // namespace fused_scan::impl

#endif
