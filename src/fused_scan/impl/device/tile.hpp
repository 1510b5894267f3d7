// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_TILE_HPP
#define FUSED_SCAN_IMPL_DEVICE_TILE_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/plan/device_plan.hpp>

namespace fused_scan::impl {

/// A count from `start` on by steps of `step`, in two digits of base `base`: without a division at
/// each step.
struct TwoDigits {
  int low;
  int high;
  int base;
  int low_step;
  int high_step;

  KOKKOS_FUNCTION TwoDigits(int start, int step, int of_base) : base(of_base) {
    high = static_cast<unsigned>(start) / static_cast<unsigned>(base);
    low = start - high * base;
    high_step = static_cast<unsigned>(step) / static_cast<unsigned>(base);
    low_step = step - high_step * base;
  }

  /// Returns by how much the high digit grew.
  KOKKOS_FORCEINLINE_FUNCTION int advance() {
    low += low_step;
    const bool carries = low >= base;
    const int growth = high_step + (carries ? 1 : 0);
    if (carries) low -= base;
    high += growth;
    return growth;
  }
};

/// The elements of one tile, as they lie in memory and in scratch memory: element i of column j of
/// slab s, all counted from 0 in the tile, i in the order of memory.
struct Tile {
  std::int64_t first_slab;  // or line, where columns aren't interleaved
  std::int64_t first_column;
  std::int64_t first_row;   // in memory
  std::int64_t first_step;  // in the order of the scan
  int slabs;
  int rows;
  int columns;
  int pitch;  // columns of a whole tile
  int lines;
  bool interleaved;

  template <class Scan>
  KOKKOS_FUNCTION Tile(const DevicePlan& plan, const Scan& scan, std::uint32_t group,
                       std::uint32_t number) {
    const auto blocks = static_cast<std::uint32_t>(plan.column_blocks);
    const std::uint32_t slab_group = blocks == 1 ? group : group / blocks;
    interleaved = plan.interleaved;
    pitch = plan.columns;
    first_slab = std::int64_t{slab_group} * plan.slabs;
    first_column = std::int64_t{group - slab_group * blocks} * plan.columns;
    first_step = std::int64_t{number} * plan.rows;
    slabs = below(plan.slabs, (interleaved ? scan.outer : scan.outer * scan.inner) - first_slab);
    rows = below(plan.rows, scan.length - first_step);
    columns = interleaved ? below(plan.columns, scan.inner - first_column) : 1;
    lines = slabs * columns;
    first_row = scan.reverse ? scan.length - first_step - rows : first_step;
  }

  /// Of a line of the tile.
  KOKKOS_FORCEINLINE_FUNCTION int slab_of(int line) const {
    if (slabs == 1) return 0;
    return columns == 1
               ? line
               : static_cast<int>(static_cast<unsigned>(line) / static_cast<unsigned>(columns));
  }
  /// The elements in front of element i of column j of slab s.
  KOKKOS_FORCEINLINE_FUNCTION int index(int s, int i, int j) const {
    return (s * rows + i) * pitch + j;
  }

 private:
  KOKKOS_FUNCTION static int below(int wanted, std::int64_t left) {
    return left < wanted ? static_cast<int>(left) : wanted;
  }
};

/// Where the staging elements of a tile lie in scratch memory.
struct Staging {
  std::byte* memory;
  int shift;  // elements left out in front, so that packs are aligned
  int pad;
  int pad_shift;

  KOKKOS_FORCEINLINE_FUNCTION int place(int index) const {
    const int shifted = shift + index;
    return shifted + (shifted >> pad_shift) * pad;
  }
  template <class T, class Slot>
  KOKKOS_FORCEINLINE_FUNCTION T* at(int index) const {
    return reinterpret_cast<T*>(memory + place(index) * static_cast<int>(sizeof(Slot)));
  }
};

}  // namespace fused_scan::impl

#endif
