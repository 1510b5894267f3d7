// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_PLAIN_PLAIN_SCAN_HPP
#define FUSED_SCAN_IMPL_PLAIN_PLAIN_SCAN_HPP

// The path of backends without an engine of their own: constructs of Kokkos alone. Where lines are
// many each is worked on by one thread, in the order of order/tree.hpp; where they are few each is
// a Kokkos::parallel_scan, which groups as it likes and reads elements twice.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/access/sequential_line.hpp>
#include <fused_scan/impl/order/streamed_tree.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/workspace.hpp>
#include <string>

namespace fused_scan::impl {

template <class Scan>
struct ScanLineByThread {
  Scan scan;

  KOKKOS_FUNCTION void operator()(std::int64_t line) const {
    const std::int64_t outer = line / scan.inner, column = line % scan.inner;
    StreamedTree<typename Scan::Op> tree(scan.op, scan.initial(outer, column));
    const auto state = scan_line(scan, tree, outer, column, 0, scan.length);
    scan.final(outer, column, Scan::ends_in_prefix ? tree.prefix() : state);
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
