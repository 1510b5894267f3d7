// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_LAYERS_AR_SSM_LINES_HPP
#define FUSED_SCAN_LAYERS_AR_SSM_LINES_HPP

// What the length of x is: a sequence, packed sequences, or a piece of a sequence. Each knows how
// its sums are scanned, and what lies beside its rows.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/continued_scan.hpp>
#include <fused_scan/impl/scan.hpp>
#include <fused_scan/impl/segmented_scan.hpp>
#include <fused_scan/layers/ar_ssm/pass.hpp>
#include <fused_scan/layers/ar_ssm/scan.hpp>
#include <fused_scan/layers/ar_ssm/surroundings.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// One sequence.
struct WholeLines {
  static constexpr bool packed = false;
  static constexpr bool may_be_empty = false;
  const void* key() const { return nullptr; }

  template <class T, class Exec>
  Surroundings<T> surroundings(const Exec&, std::int64_t, T*) const {
    return {};
  }

  template <class T, class Exec, class Load, class Store>
  void scan(const ArSsmPass<T, Exec>& pass, Direction direction, const Load& load,
            const Store& store) const {
    layer_scan<T>(pass.exec, pass.fused, pass.scan_extents(), direction, load, store,
                  IgnoreTotal());
  }
};

/// Sequences one after the other.
template <class Offsets>
struct SegmentedLines {
  Offsets offsets;

  static constexpr bool packed = true;
  static constexpr bool may_be_empty = false;
  const void* key() const { return offsets.data(); }

  template <class T, class Exec>
  Surroundings<T> surroundings(const Exec& exec, std::int64_t length, T* positions_before) const {
    Kokkos::parallel_for("fused_scan::ArSsm::positions_before", range_policy(exec, length),
                         CountPositionsBefore<T, Offsets>{offsets, positions_before});
    return {.positions_before = positions_before};
  }

  template <class T, class Exec, class Load, class Store>
  void scan(const ArSsmPass<T, Exec>& pass, Direction direction, const Load& load,
            const Store& store) const {
    Lines lines;
    lines.outer = pass.batches;
    lines.length = pass.length;
    lines.inner = pass.sizes.ranks;
    scan_functor_segments(pass.exec, lines, load, store, StartValue<T>{0}, offsets,
                          CompensatedSum(), call_of("fused_scan::ArSsm::scan", {direction}, false));
  }
};

/// A piece of a sequence, whose sums go on from `held` and into it: rows of (batch, ranks).
template <class T, class Value>
struct ContinuedLines {
  Value* held;
  std::int64_t all_lines;  // of a row
  Surroundings<T> around;

  static constexpr bool packed = false;
  static constexpr bool may_be_empty = false;
  const void* key() const { return nullptr; }

  template <class Exec>
  Surroundings<T> surroundings(const Exec&, std::int64_t, T*) const {
    return around;
  }

  template <class Exec, class Load, class Store>
  void scan(const ArSsmPass<T, Exec>& pass, Direction, const Load& load, const Store& store) const {
    const auto op = bind_operator<T, T, true>(CompensatedSum());
    using Op = std::remove_const_t<decltype(op)>;
    const std::int64_t ranks = pass.sizes.ranks;
    const HeldLines<Op> held_lines{op, op.value_of_state(T(0)), held + pass.first_batch * ranks,
                                   all_lines, ranks};
    ContinuedScan<Exec, Op, Load, Store>(pass.exec, held_lines, pass.batches, load, store,
                                         call_of("fused_scan::ArSsm::continued_scan", {}, false))
        .run(around.first_position, pass.length);
  }
};

/// What the layer needs of a communicator, of type MPI_Comm: layers/ar_ssm/distributed.hpp.
template <class Comm>
struct OverRanks;

}  // namespace fused_scan::impl

#endif
