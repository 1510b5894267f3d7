// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_MOVEMENT_HPP
#define FUSED_SCAN_IMPL_DEVICE_MOVEMENT_HPP

// A team moves a tile between memory and scratch memory, in the order of memory whatever the axis
// is: neighbouring threads take neighbouring elements.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/device/backend.hpp>
#include <fused_scan/impl/device/tile.hpp>
#include <fused_scan/impl/plan/device_plan.hpp>

namespace fused_scan::impl {

/// A count to `end` in two digits, by steps of `step`: without a division at each.
struct TwoDigits {
  int low;
  int high;
  int base;
  int low_step;
  int high_step;

  KOKKOS_FUNCTION TwoDigits(int start, int step, int base_)
      : low(start % base_),
        high(start / base_),
        base(base_),
        low_step(step % base_),
        high_step(step / base_) {}

  KOKKOS_FORCEINLINE_FUNCTION void advance() {
    low += low_step;
    high += high_step;
    if (low >= base) {
      low -= base;
      ++high;
    }
  }
};

/// One thread's part in moving a tile. Slot is a staging element; T what lies in it on this side.
template <class Access, class T, class Slot>
class TileMover {
 public:
  using Slab = decltype(std::declval<const Access&>().slab(0));
  static constexpr int pack = 16 % sizeof(Slot) == 0 ? 16 / int{sizeof(Slot)} : 1;

  KOKKOS_FUNCTION TileMover(const Access& access, const Tile& tile, const Staging& staging,
                            bool interleaved, std::int64_t inner, int thread, int threads)
      : m_access(access),
        m_tile(tile),
        m_staging(staging),
        m_inner(interleaved ? 0 : inner),
        m_thread(thread),
        m_threads(threads) {}

  /// Elements in front of the first in its 16 bytes.
  KOKKOS_FUNCTION static int misalignment(const T* first) {
    return static_cast<int>(reinterpret_cast<std::uintptr_t>(first) / sizeof(Slot)) & (pack - 1);
  }
  KOKKOS_FUNCTION T* first() const
    requires Access::is_memory
  {
    return const_cast<T*>(slab(0).at(m_tile.first_row, column(0, 0)));
  }

  /// Calls move_element(place in scratch memory, slab, i, j) for this thread's part of the
  /// elements, or move_pack(place, address) for 16 bytes of them.
  template <class MoveElement, class MovePack>
  KOKKOS_FORCEINLINE_FUNCTION void move(Movement movement, const MoveElement& move_element,
                                        const MovePack& move_pack) const {
    if constexpr (Access::is_memory) {
      if constexpr (pack > 1 && sizeof(T) == sizeof(Slot)) {
        if (movement == Movement::linear_packs) return linear_packs(move_pack);
        if (movement == Movement::row_packs) return row_packs(move_pack);
      }
      if (movement == Movement::linear) return linear(move_element);
    }
    if (movement == Movement::axis_first) return axis_first(move_element);
    columns_first(move_element);
  }

 private:
  KOKKOS_FUNCTION Slab slab(int s) const {
    const std::int64_t index = m_tile.first_slab + s;
    return m_access.slab(m_inner > 1 ? index / m_inner : index);
  }
  /// The column of a line that stands for itself, or of one of the tile's.
  KOKKOS_FORCEINLINE_FUNCTION std::int64_t column(int s, int j) const {
    return m_inner > 1 ? (m_tile.first_slab + s) % m_inner : m_tile.first_column + j;
  }

  template <class MovePack>
  KOKKOS_FORCEINLINE_FUNCTION void linear_packs(const MovePack& move_pack) const {
    T* const begin = first();
    const int count = m_tile.slabs * m_tile.rows * m_tile.columns;
    const int before = m_staging.shift;
    // Packs from the one that the first element lies in on; those at the ends may be broken.
    for (int at = m_thread * pack - before; at < count; at += m_threads * pack) {
      move_pack(begin, at, at < 0 ? -at : 0, count - at < pack ? count - at : pack);
    }
  }

  template <class MovePack>
  KOKKOS_FORCEINLINE_FUNCTION void row_packs(const MovePack& move_pack) const {
    const int packs_of_row = (m_tile.columns + pack - 1) / pack;
    for (int s = 0; s < m_tile.slabs; ++s) {
      T* const begin = const_cast<T*>(slab(s).at(m_tile.first_row, m_tile.first_column));
      const std::int64_t stride = slab(s).axis_stride;
      TwoDigits at(m_thread, m_threads, packs_of_row);
      for (; at.high < m_tile.rows; at.advance()) {
        const int j = at.low * pack;
        const int left = m_tile.columns - j;
        move_pack(begin + at.high * stride - m_tile.index(s, at.high, 0),
                  m_tile.index(s, at.high, j), 0, left < pack ? left : pack);
      }
    }
  }

  template <class MoveElement>
  KOKKOS_FORCEINLINE_FUNCTION void linear(const MoveElement& move_element) const {
    const int count = m_tile.slabs * m_tile.rows * m_tile.columns;
    const Slab contiguous = linear_slab();
    for (int at = m_thread; at < count; at += m_threads) move_element(at, contiguous, at, 0);
  }
  KOKKOS_FUNCTION Slab linear_slab() const {
    Slab contiguous = slab(0);
    contiguous.begin = contiguous.at(m_tile.first_row, column(0, 0));
    contiguous.axis_stride = 1;
    return contiguous;
  }

  template <class MoveElement>
  KOKKOS_FORCEINLINE_FUNCTION void columns_first(const MoveElement& move_element) const {
    for (int s = 0; s < m_tile.slabs; ++s) {
      const Slab from = slab(s);
      TwoDigits at(m_thread, m_threads, m_tile.columns);
      for (; at.high < m_tile.rows; at.advance()) {
        move_element(m_tile.index(s, at.high, at.low), from, m_tile.first_row + at.high,
                     column(s, at.low));
      }
    }
  }

  template <class MoveElement>
  KOKKOS_FORCEINLINE_FUNCTION void axis_first(const MoveElement& move_element) const {
    // Short lines leave threads idle that the next lines could use: slabs and columns are one
    // digit.
    TwoDigits at(m_thread, m_threads, m_tile.rows);
    const int lines = m_tile.lines();
    for (; at.high < lines; at.advance()) {
      const int s = m_tile.columns == 1 ? at.high : at.high / m_tile.columns;
      const int j = m_tile.columns == 1 ? 0 : at.high % m_tile.columns;
      move_element(m_tile.index(s, at.low, j), slab(s), m_tile.first_row + at.low, column(s, j));
    }
  }

  const Access& m_access;
  const Tile& m_tile;
  const Staging& m_staging;
  std::int64_t m_inner;  // columns of a slab, where a line stands for itself
  int m_thread;
  int m_threads;
};

}  // namespace fused_scan::impl

#endif
