// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_MOVEMENT_HPP
#define FUSED_SCAN_IMPL_DEVICE_MOVEMENT_HPP

// A team moves a tile between memory and scratch memory, in the order of memory whatever the axis
// is: neighbouring threads take neighbouring elements.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/access/memory_access.hpp>
#include <fused_scan/impl/device/backend.hpp>
#include <fused_scan/impl/device/tile.hpp>
#include <fused_scan/impl/device/unrolled.hpp>
#include <fused_scan/impl/plan/device_plan.hpp>

namespace fused_scan::impl {

/// One thread's part in moving a tile. Slot is a staging element; T what lies in it on this side.
template <class Access, class T, class Slot>
class TileMover {
 public:
  using Slab = decltype(std::declval<const Access&>().slab(0));
  /// Other accesses have loops for one slab, and for many: with more of them gradients of
  /// recurrences took 1.12 times as long.
  static constexpr bool calls_functor = requires { requires Access::calls_functor; };
  static constexpr int pack = 16 % sizeof(Slot) == 0 ? 16 / int{sizeof(Slot)} : 1;

  KOKKOS_FUNCTION TileMover(const Access& access, const Tile& tile, int thread, int threads)
      : m_access(access), m_tile(tile), m_thread(thread), m_threads(threads) {}

  /// Elements in front of the tile's first in its 16 bytes.
  KOKKOS_FUNCTION int misalignment() const {
    const auto address = reinterpret_cast<std::uintptr_t>(first());
    return static_cast<int>(address / sizeof(Slot)) & (pack - 1);
  }

  /// Calls move_element(index in the tile, slab, i, j) for this thread's part of the elements, or
  /// move_pack(index, address) for 16 bytes of them.
  template <class MoveElement, class MovePack>
  KOKKOS_FORCEINLINE_FUNCTION void move(Movement movement, int shift,
                                        const MoveElement& move_element,
                                        const MovePack& move_pack) const {
    if constexpr (Access::is_memory) {
      if constexpr (pack > 1 && sizeof(T) == sizeof(Slot)) {
        if (movement == Movement::linear_packs) {
          return linear_packs(shift, move_element, move_pack);
        }
        if (movement == Movement::row_packs) return row_packs(move_pack);
      }
      if (movement == Movement::linear) return linear(move_element);
      if (movement == Movement::axis_first) return axis_first(move_element);
      columns_first(move_element);
    } else {
      for_elements<4>(
          movement,
          [&](int, int index, const Slab& slab, std::int64_t i, std::int64_t j) {
            move_element(index, slab, i, j);
          },
          [](int, int) {});
    }
  }

  /// The same for what passes through registers: put(index, read(slab, i, j)), several reads under
  /// way at a time. For all that a compiler knows a read can't overtake a write.
  template <class Read, class Put>
  KOKKOS_FORCEINLINE_FUNCTION void move_through_registers(Movement movement, const Read& read,
                                                          const Put& put) const {
    using Value = decltype(read(std::declval<const Slab&>(), 0, 0));
    constexpr int several = sizeof(Value) <= 8 ? 8 : 4;
    Value values[several];
    for_elements<several>(
        movement,
        [&](int k, int, const Slab& slab, std::int64_t i, std::int64_t j) {
          values[k] = read(slab, i, j);
        },
        [&](int k, int index) { put(index, values[k]); });
  }

  /// Asks for the elements of the tile, to wait in the cache of the card.
  KOKKOS_FUNCTION void prefetch(Movement movement) const {
    if constexpr (Access::is_memory) {
      constexpr int line = 128 / int{sizeof(T)};
      if (movement == Movement::linear_packs || movement == Movement::linear) {
        const T* const begin = first();
        for (int at = m_thread * line; at < elements(); at += m_threads * line) {
          prefetch_to_cache(begin + at);
        }
      } else if (movement != Movement::axis_first) {
        const Slab from = slab();
        for (int i = m_thread; i < m_tile.rows; i += m_threads) {
          for (int j = 0; j < m_tile.columns; j += line) {
            prefetch_to_cache(from.at(m_tile.first_row + i, m_tile.first_column + j));
          }
        }
      }
    }
  }

 private:
  /// Of the tile's first line, or of all its columns where they are interleaved.
  KOKKOS_FUNCTION Slab slab(int s = 0) const { return m_access.slab(m_tile.first_slab + s); }
  KOKKOS_FUNCTION T* first() const
    requires Access::is_memory
  {
    return const_cast<T*>(slab().at(m_tile.first_row, m_tile.first_column));
  }
  KOKKOS_FUNCTION int elements() const { return m_tile.lines * m_tile.rows; }

  /// What lies before the first whole pack and after the last, element by element.
  template <class MoveElement, class MovePack>
  KOKKOS_FORCEINLINE_FUNCTION void linear_packs(int shift, const MoveElement& move_element,
                                                const MovePack& move_pack) const {
    T* const begin = first();
    const int count = elements();
    const int before = (pack - shift) & (pack - 1);
    by_fours(before + m_thread * pack, count - pack + 1, m_threads * pack,
             [&](int at) { move_pack(at, begin + at); });
    const int first_after = before + ((count - before) & -pack);
    for (int at = m_thread; at < count && at < before; at += m_threads) {
      move_element(at, linear_slab(), at, 0);
    }
    for (int at = first_after + m_thread; at < count && count > before; at += m_threads) {
      move_element(at, linear_slab(), at, 0);
    }
  }

  template <class MovePack>
  KOKKOS_FORCEINLINE_FUNCTION void row_packs(const MovePack& move_pack) const {
    const TwoDigits start(m_thread, m_threads, m_tile.columns / pack);
    for (int s = 0; s < m_tile.slabs; ++s) {
      const Slab from = slab(s);
      T* row = const_cast<T*>(from.at(m_tile.first_row + start.high, m_tile.first_column));
      const std::int64_t stride = from.axis_stride;
      if (start.low_step == 0) {  // this thread's packs are below each other
        const int step = start.high_step * m_tile.pitch;
        int index = m_tile.index(s, start.high, start.low * pack);
        T* address = row + start.low * pack;
        by_fours(start.high, m_tile.rows, start.high_step, [&](int) {
          move_pack(index, address);
          index += step;
          address += start.high_step * stride;
        });
        continue;
      }
      TwoDigits at = start;
      while (at.high < m_tile.rows) {
        move_pack(m_tile.index(s, at.high, at.low * pack), row + at.low * pack);
        row += at.advance() * stride;
      }
    }
  }

  template <class MoveElement>
  KOKKOS_FORCEINLINE_FUNCTION void linear(const MoveElement& move_element) const {
    const Slab contiguous = linear_slab();
    const int count = elements();
    by_fours(m_thread, count, m_threads, [&](int at) { move_element(at, contiguous, at, 0); });
  }
  KOKKOS_FUNCTION Slab linear_slab() const {
    Slab contiguous = slab();
    contiguous.begin = contiguous.at(m_tile.first_row, m_tile.first_column);
    contiguous.axis_stride = 1;
    return contiguous;
  }

  template <class MoveElement>
  KOKKOS_FORCEINLINE_FUNCTION void columns_first(const MoveElement& move_element) const {
    if (m_tile.columns > m_threads / 2) return columns_by_thread(move_element);
    for (TwoDigits at = by_columns(); at.high < m_tile.slabs * m_tile.rows; at.advance()) {
      with_row(at, [&](int s, int i) {
        move_element(m_tile.index(s, i, at.low), slab(s), m_tile.first_row + i,
                     m_tile.first_column + at.low);
      });
    }
  }
  KOKKOS_FUNCTION TwoDigits by_columns() const { return {m_thread, m_threads, m_tile.columns}; }
  /// Rows of all slabs are one digit: short slabs leave threads idle that the next can use.
  template <class F>
  KOKKOS_FORCEINLINE_FUNCTION void with_row(const TwoDigits& at, const F& f) const {
    const int s =
        m_tile.slabs == 1
            ? 0
            : static_cast<int>(static_cast<unsigned>(at.high) / static_cast<unsigned>(m_tile.rows));
    f(s, at.high - s * m_tile.rows);
  }

  /// Wide rows: a thread's elements are below each other, which takes half of the instructions.
  template <class MoveElement>
  KOKKOS_FORCEINLINE_FUNCTION void columns_by_thread(const MoveElement& move_element) const {
    for (int s = 0; s < m_tile.slabs; ++s) {
      const Slab from = slab(s);
      for (int j = m_thread; j < m_tile.columns; j += m_threads) {
        const std::int64_t column = m_tile.first_column + j;
        int index = m_tile.index(s, 0, j);
        by_fours(0, m_tile.rows, 1, [&](int i) {
          move_element(index, from, m_tile.first_row + i, column);
          index += m_tile.pitch;
        });
      }
    }
  }

  /// Short lines leave threads idle that the next lines can use: slabs and columns are one digit.
  template <class MoveElement>
  KOKKOS_FORCEINLINE_FUNCTION void axis_first(const MoveElement& move_element) const {
    for (TwoDigits at(m_thread, m_threads, m_tile.rows); at.high < m_tile.lines; at.advance()) {
      const int s = m_tile.slab_of(at.high);
      const int j = at.high - s * m_tile.columns;
      const Tile::Line line = m_tile.line_of(s, j);
      move_element(m_tile.index(s, at.low, j), m_access.slab(line.outer), m_tile.first_row + at.low,
                   line.column);
    }
  }

  /// Calls begin(k, index in the tile, slab, i, j) for `several` of this thread's elements (k = 0,
  /// ...), then end(k, index) for the same. Neighbouring threads take neighbouring columns, or
  /// positions where the movement says so and columns are interleaved. A thread stays in its
  /// column, or position, as long as there are rows: one digit less to count. (Memory has loops of
  /// its own, which take fewer registers: with these, floats ran at 0.92 to 0.95 of the speed.)
  template <int several, class Begin, class End>
  KOKKOS_FORCEINLINE_FUNCTION void for_elements(Movement movement, const Begin& begin,
                                                const End& end) const {
    const bool along_axis = movement == Movement::axis_first && m_tile.columns > 1;
    const int low_base = along_axis ? m_tile.rows : m_tile.columns;
    const int rows = along_axis ? m_tile.columns : m_tile.rows;
    const int width = low_base < m_threads ? low_base : m_threads;
    const TwoDigits place(m_thread, m_threads, width);
    const int step = place.high_step;
    if (place.high >= step) return;  // no whole row is left for this thread
    if constexpr (calls_functor) {
      if (!along_axis && rows < several && m_tile.columns >= several * m_threads) {
        return wide_rows<several>(begin, end);
      }
    }
    const RowWalk start(m_tile, place.high, step, rows);
    const int count = (m_tile.slabs * rows - place.high + step - 1) / step;
    looped((low_base - place.low + width - 1) / width, [&](int pass) {
      const int low = place.low + pass * width;
      const auto index_of = [&](int s, int row) {
        return along_axis ? m_tile.index(s, low, row) : m_tile.index(s, row, low);
      };
      const auto begin_at = [&](int k, const Slab& slab, int index, int row, std::int64_t column) {
        begin(k, index, slab, m_tile.first_row + (along_axis ? low : row),
              column + (along_axis ? row : low));
      };
      // Of long slabs one after the other: where in the arrays a row is needn't be found each time.
      const bool slab_by_slab = calls_functor && rows >= several * step;
      if (m_tile.slabs == 1 || slab_by_slab) {
        const int index_step = index_of(0, step) - index_of(0, 0);
        const auto for_slab = [&](int s, const Tile::Line& line, int number) {
          const Slab slab = m_access.slab(line.outer);
          int row = place.high, index = index_of(s, row);
          by_several<several>(number, [&](auto size) {
            constexpr int n = decltype(size)::value;
            unrolled<n>([&](int k) {
              begin_at(k, slab, index + k * index_step, row + k * step, line.column);
            });
            unrolled<n>([&](int k) { end(k, index + k * index_step); });
            row += n * step;
            index += n * index_step;
          });
        };
        if constexpr (calls_functor) {
          const int of_slab = (rows - place.high + step - 1) / step;
          looped(m_tile.slabs, [&](int s) {
            for_slab(s, s == 0 ? start.line() : m_tile.line_of(s, 0), of_slab);
          });
        } else {
          for_slab(0, start.line(), count);
        }
        return;
      }
      RowWalk at = start;
      by_several<several>(count, [&](auto size) {
        constexpr int n = decltype(size)::value;
        int indices[n];
        unrolled<n>([&](int k) {
          indices[k] = index_of(at.slab(), at.row());
          begin_at(k, m_access.slab(at.line().outer), indices[k], at.row(), at.line().column);
          at.advance();
        });
        unrolled<n>([&](int k) { end(k, indices[k]); });
      });
    });
  }

  /// The same of few wide rows, one after the other.
  template <int several, class Begin, class End>
  KOKKOS_FORCEINLINE_FUNCTION void wide_rows(const Begin& begin, const End& end) const {
    looped(m_tile.slabs * m_tile.rows, [&](int row) {
      const int s = m_tile.slabs == 1 ? 0 : row / m_tile.rows, i = row - s * m_tile.rows;
      const Tile::Line line = m_tile.line_of(s, 0);
      const Slab slab = m_access.slab(line.outer);
      int column = m_thread, index = m_tile.index(s, i, column);
      by_several<several>((m_tile.columns - m_thread + m_threads - 1) / m_threads, [&](auto size) {
        constexpr int n = decltype(size)::value;
        unrolled<n>([&](int k) {
          const int right = k * m_threads;
          begin(k, index + right, slab, m_tile.first_row + i, line.column + column + right);
        });
        unrolled<n>([&](int k) { end(k, index + k * m_threads); });
        column += n * m_threads;
        index += n * m_threads;
      });
    });
  }

  const Access& m_access;
  const Tile& m_tile;
  int m_thread;
  int m_threads;
};

}  // namespace fused_scan::impl

#endif
