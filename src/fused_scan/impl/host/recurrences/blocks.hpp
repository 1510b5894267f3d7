// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_RECURRENCES_BLOCKS_HPP
#define FUSED_SCAN_IMPL_HOST_RECURRENCES_BLOCKS_HPP

// From memory to blocks, and back.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fused_scan/impl/access/memory_access.hpp>
#include <fused_scan/impl/access/recurrence_access.hpp>
#include <fused_scan/impl/access/states.hpp>
#include <fused_scan/impl/host/copy_row.hpp>
#include <fused_scan/impl/host/recurrences/arguments.hpp>
#include <fused_scan/impl/host/recurrences/kernels.hpp>
#include <fused_scan/impl/host/stream_row.hpp>
#include <fused_scan/impl/host/transpose_square.hpp>
#include <fused_scan/impl/host/wide_vectors.hpp>
#include <fused_scan/impl/operator/affine.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <type_traits>
#include <utility>

namespace fused_scan::impl::recurrences {

/// Whether elements lie in memory as the coefficients of a recurrence.
template <class Load>
inline constexpr bool reads_coefficients = false;
template <class A, class B>
inline constexpr bool reads_coefficients<CoefficientAccess<A, B>> = true;
template <class A, class G>
inline constexpr bool reads_coefficients<GradientCoefficientAccess<A, G>> = true;

/// Whether nothing of the last state counts but where it leads.
template <class Final>
inline constexpr bool takes_state = false;
template <>
inline constexpr bool takes_state<NoFinalState> = true;
template <class Op, class T>
inline constexpr bool takes_state<FinalArray<Op, T>> = is_recurrence_number<T>;
template <class Op, class A, class T>
inline constexpr bool takes_state<GradientOfInitial<Op, A, T>> = true;

template <class Scan>
inline constexpr bool serves =
    std::is_same_v<typename Scan::Op::monoid_type, AffineMonoid<double>> &&
    reads_coefficients<typename Scan::Load> && takes_state<typename Scan::Final> && !Scan::reduces;

/// The type of a scan's results in blocks.
template <class Store>
struct ResultsOf {
  using type = double;
};
template <>
struct ResultsOf<MemoryAccess<float>> {
  using type = float;
};

template <class Store>
inline constexpr bool stores_gradients = false;
template <class Op, class Initial, class H, class GradA, class GradB>
inline constexpr bool stores_gradients<GradientStore<Op, Initial, H, GradA, GradB>> = true;

/// One of the arrays of a recurrence. Where the elements of a position lie `shift` positions from
/// it, there is none for the first step, and 0 stands for it.
template <class Slab>
struct Side {
  Slab slab;
  std::int64_t shift = 0;
};

/// What comes so many rows on is asked for, and of rows that follow each other what comes so far
/// on: processors don't foresee that four rows at a time are read.
inline constexpr std::int64_t ahead_bytes = 4 << 10, ahead_rows = 8;

/// Neighbouring columns of a slab from a step of the scan on.
struct Slot {
  std::int64_t outer = 0;
  std::int64_t column = 0;
  std::int64_t step = 0;
  int rows = 0;
};

/// Rows of `columns` neighbours, which are `piece` to less than twice as many.
template <int piece, class T>
void copy_rows_in_pieces(int rows, int columns, const T* from, std::int64_t from_row, T* to,
                         std::int64_t to_row) {
  for (int r = 0; r < rows; ++r, from += from_row, to += to_row) {
    constexpr std::size_t size = piece * sizeof(T);
    std::memcpy(static_cast<void*>(to), from, size);
    const int rest = columns - piece;
    if (rest > 0) std::memcpy(static_cast<void*>(to + rest), from + rest, size);
  }
}
/// Rows of at most `block_lines` neighbours, to where nothing of them lies.
template <class T>
void copy_rows(int rows, int columns, const T* from, std::int64_t from_row, T* to,
               std::int64_t to_row) {
  if (columns >= 16) return copy_rows_in_pieces<16>(rows, columns, from, from_row, to, to_row);
  if (columns >= 8) return copy_rows_in_pieces<8>(rows, columns, from, from_row, to, to_row);
  if (columns >= 4) return copy_rows_in_pieces<4>(rows, columns, from, from_row, to, to_row);
  if (columns >= 2) return copy_rows_in_pieces<2>(rows, columns, from, from_row, to, to_row);
  copy_rows_in_pieces<1>(rows, columns, from, from_row, to, to_row);
}

/// Where chunks lie.
template <class T>
struct Places {
  T* at[block_lines] = {};
  // They share few places in the caches, being at such distances from each other: they are read
  // cache line by cache line.
  bool are_few = false;

  void look(int count) {
    constexpr std::intptr_t page = 4096;
    const auto address = [this](int c) { return reinterpret_cast<std::intptr_t>(at[c]); };
    are_few = count > 1 && (address(1) - address(0)) % page == 0;
  }
};

/// The blocks of a scan. In, Out: the numbers of which the kernels are.
template <class Scan>
class Blocks {
 public:
  using Element = typename Scan::Element;
  using In = std::conditional_t<sizeof(Element::a) <= 4 && sizeof(Element::b) <= 4, float, double>;
  using Out = typename ResultsOf<typename Scan::Store>::type;

  explicit Blocks(const Scan& scan) : m_scan(scan) {}

  /// The results of lines that are shorter than a chunk, with their states; false where they don't
  /// lie in memory as In and Out.
  template <class Map>
  bool scan_short_lines(const Slot* slots, int count, Map* states) const {
    if constexpr (stores_rows) {
      constexpr int at_once = 4;
      ShortLine<In, Out> line[at_once];
      for (int c = 0; c < count; c += at_once) {
        const int n = std::min(at_once, count - c);
        std::int64_t a_row = 0, b_row = 0, h_row = 0;
        for (int k = 0; k < n; ++k) {
          const Slot& slot = slots[c + k];
          const auto from = m_scan.load.slab(slot.outer);
          const auto to = m_scan.store.slab(slot.outer);
          if (!in_memory(side_a(from), slot, line[k].a, a_row) ||
              !in_memory(side_b(from), slot, line[k].b, b_row)) {
            return false;
          }
          line[k].h = to.at(m_scan.position(slot.step), slot.column);
          h_row = direction() * to.axis_stride;
          line[k].state = states[c + k];
        }
        const int rows = slots[c].rows;
        if (n == at_once) {
          recurrences::scan_short_lines<at_once>(rows, a_row, b_row, h_row, line);
        } else {
          for (int k = 0; k < n; ++k) {
            recurrences::scan_short_lines<1>(rows, a_row, b_row, h_row, line + k);
          }
        }
        for (int k = 0; k < n; ++k) states[c + k] = line[k].state;
      }
      return true;
    }
    return false;
  }
  /// Columns that go to in_rows() together: whole blocks.
  int columns_in_rows(int columns) const { return stores_rows ? columns : most_gradients; }
  /// Columns of a slab where they lie, if they are neighbours; if results replace them, of few
  /// columns a copy. Gradients are made of the results afterwards.
  bool in_rows(const Slot& slot, int columns, Block<In, Out>& rows) {
    if constexpr (stores_rows || stores_gradients<typename Scan::Store>) {
      const auto from = m_scan.load.slab(slot.outer);
      const auto to = m_scan.store.slab(slot.outer);
      const auto a = side_a(from);
      const auto b = side_b(from);
      if (a.slab.column_stride != 1 || b.slab.column_stride != 1) return false;
      if (!in_memory(a, slot, rows.a, rows.a_row) || !in_memory(b, slot, rows.b, rows.b_row)) {
        return false;
      }
      const auto ahead = [columns](std::int64_t row) {
        const std::int64_t rows_on = ahead_rows * row, least = ahead_bytes / sizeof(In);
        if (row == columns) return std::max(rows_on, least);
        return row == -columns ? std::min(rows_on, -least) : rows_on;
      };
      rows.rows = slot.rows;
      rows.next_a_row = ahead(rows.a_row);
      rows.next_b_row = ahead(rows.b_row);
      if constexpr (stores_gradients<typename Scan::Store>) {
        rows.h = m_gradients;
        rows.h_row = columns;
        return to.columns_are_neighbours();
      } else {
        if (to.column_stride != 1) return false;
        rows.h = to.at(m_scan.position(slot.step), slot.column);
        rows.h_row = direction() * to.axis_stride;
        rows.next_h_row = ahead(rows.h_row);
        if (static_cast<const void*>(rows.h) != static_cast<const void*>(rows.b)) return true;
        if (columns > block_lines) return false;
        copy_rows(rows.rows, columns, rows.b, rows.b_row, m_b, block_lines);
        rows.b = m_b;
        rows.b_row = block_lines;
        return true;
      }
    }
    return false;
  }
  /// Stores what isn't stored yet.
  void write_in_rows([[maybe_unused]] const Slot& slot, [[maybe_unused]] int columns) const {
    if constexpr (stores_gradients<typename Scan::Store>) {
      write_gradients(m_scan.store.slab(slot.outer), slot, columns, m_gradients, columns);
    }
  }
  /// Undoes what results of in_rows() have replaced.
  void put_back(const Block<In, Out>& rows, int columns) const {
    if constexpr (std::is_same_v<In, Out>) {
      if (rows.b != m_b) return;
      copy_rows(rows.rows, columns, m_b, block_lines, rows.h, rows.h_row);
    }
  }
  /// Some columns of a slab, row by row; those that fill a block where they lie, if they can be.
  const Block<In, Out>& read_columns(const Slot& slot, int columns) {
    const auto from = m_scan.load.slab(slot.outer);
    m_block.rows = slot.rows;
    m_block.a = rows_of(side_a(from), slot, columns, m_a, m_block.a_row);
    m_block.b = rows_of(side_b(from), slot, columns, m_b, m_block.b_row);
    m_block.h = m_h;
    m_block.h_row = block_lines;
    no_next();
    if (m_block.a != m_a) {
      m_block.next_a = m_block.a + chunk_length * m_block.a_row;
      m_block.next_a_row = m_block.a_row;
    }
    if (m_block.b != m_b) {
      m_block.next_b = m_block.b + chunk_length * m_block.b_row;
      m_block.next_b_row = m_block.b_row;
    }
    if constexpr (stores_rows) {
      const auto to = m_scan.store.slab(slot.outer);
      if (columns == block_lines && to.column_stride == 1) {
        m_block.h = to.at(m_scan.position(slot.step), slot.column);
        m_block.h_row = direction() * to.axis_stride;
        m_block.next_h = m_block.h + chunk_length * m_block.h_row;
        m_block.next_h_row = m_block.h_row;
      }
    }
    return m_block;
  }
  void write_columns(const Slot& slot, int columns) {
    if (m_block.h != m_h) return;
    write_rows(m_scan.store.slab(slot.outer), slot, columns, m_h);
  }

  /// So many slots of `columns` each, turned: they lie side by side. Beyond a slot's rows are steps
  /// that change no state.
  const Block<In, Out>& read_slots(const Slot* slots, int count, int columns, int rows) {
    m_all_whole = count == block_lines;
    for (int c = 0; c < count; ++c) m_all_whole &= slots[c].rows == chunk_length;
    m_block = {m_a, m_b, m_h};
    m_block.rows = rows;
    no_next();
    turn_in([](const auto& slab) { return side_a(slab); }, slots, count, columns, In(1), m_places_a,
            m_ahead_a, m_a);
    turn_in([](const auto& slab) { return side_b(slab); }, slots, count, columns, In(-0.0),
            m_places_b, m_ahead_b, m_b);
    return m_block;
  }
  void write_slots(const Slot* slots, int count, int columns) {
    const auto first = m_scan.store.slab(slots[0].outer);
    if constexpr (stores_rows) {
      const std::int64_t stride = direction() * first.axis_stride;
      if (columns == 1 && (stride == 1 || stride == -1)) {
        return write_squares(slots, count, stride < 0);
      }
    } else if constexpr (stores_gradients<typename Scan::Store>) {
      if (columns == 1 && first.positions_are_neighbours()) {
        return write_squares(slots, count, m_scan.reverse);
      }
    }
    for (int c = 0; c < count; ++c) {
      const auto to = m_scan.store.slab(slots[c].outer);
      if constexpr (stores_rows) {
        if (m_ahead_h != 0) {
          prefetch_elements(lowest_of(to, slots[c]) + m_ahead_h, slots[c].rows * columns);
        }
      }
      write_rows(to, slots[c], columns, m_h + c * columns);
    }
  }

  /// Where slots lie, whose steps will all be as many more than now.
  void place_slots(const Slot* slots, int count) {
    for (int c = 0; c < count; ++c) {
      const auto from = m_scan.load.slab(slots[c].outer);
      place_slot(side_a(from), slots[c], m_places_a.at[c]);
      place_slot(side_b(from), slots[c], m_places_b.at[c]);
      if constexpr (stores_rows) {
        place_slot(Side<typename Scan::Store::Slab>{m_scan.store.slab(slots[c].outer)}, slots[c],
                   m_places_h.at[c]);
      }
    }
    m_places_a.look(count);
    m_places_b.look(count);
  }

  /// Where what comes later lies beside what is read now: it is asked for at the same time.
  void expect_later(const Slot& now, const Slot& later) {
    const auto distance = [&](const auto& from, const auto& to) {
      return to.at(m_scan.position(later.step), later.column) -
             from.at(m_scan.position(now.step), now.column);
    };
    const auto from = m_scan.load.slab(now.outer), to = m_scan.load.slab(later.outer);
    m_ahead_a = distance(side_a(from).slab, side_a(to).slab);
    m_ahead_b = distance(side_b(from).slab, side_b(to).slab);
    if constexpr (stores_rows) {
      m_ahead_h = distance(m_scan.store.slab(now.outer), m_scan.store.slab(later.outer));
    }
    expect_gradients(now, later);
  }
  void expect_gradients([[maybe_unused]] const Slot& now, [[maybe_unused]] const Slot& later) {
    if constexpr (stores_gradients<typename Scan::Store>) {
      const auto place = [this](const Slot& slot, const auto& f) {
        m_scan.store.slab(slot.outer).for_arrays(m_scan.position(slot.step), slot.column, f);
      };
      std::intptr_t from[3];
      int k = 0;
      place(now, [&](const auto* first) { from[k++] = reinterpret_cast<std::intptr_t>(first); });
      k = 0;
      place(later, [&](const auto* first) {
        m_bytes_ahead[k] = reinterpret_cast<std::intptr_t>(first) - from[k];
        ++k;
      });
    }
  }

  /// Lets the kernels ask for the memory of the elements from a slot's first on, if it has them and
  /// they are neighbours.
  void expect(const Slot& slot, int columns) {
    if (slot.step + slot.rows > m_scan.length) return;
    const auto first = m_scan.position(slot.step);
    const auto last = m_scan.position(slot.step + slot.rows - 1);
    const std::int64_t lowest = std::min(first, last);
    const auto some = [&](const auto& slab, auto& next, std::int64_t& row) {
      if (slab.axis_stride != columns) return;
      next = slab.at(lowest, slot.column);
      row = slot.rows * columns / chunk_length;
    };
    const auto from = m_scan.load.slab(slot.outer);
    if constexpr (is_of_in<decltype(from.a)>) some(from.a, m_block.next_a, m_block.next_a_row);
    const auto b = side_b(from);
    if constexpr (is_of_in<decltype(b.slab)>) some(b.slab, m_block.next_b, m_block.next_b_row);
    if constexpr (stores_rows) {
      some(m_scan.store.slab(slot.outer), m_block.next_h, m_block.next_h_row);
    }
  }

 private:
  static constexpr bool stores_rows = std::is_same_v<typename Scan::Store, MemoryAccess<Out>>;
  template <class Slab>
  static constexpr bool is_of_in = std::is_same_v<std::remove_cvref_t<decltype(*Slab::begin)>, In>;

  template <class Slab, class T>
  void place_slot(const Side<Slab>& side, const Slot& slot, T*& at) const {
    if constexpr (std::is_convertible_v<decltype(side.slab.begin), T*>) {
      at = side.slab.at(m_scan.position(slot.step) + side.shift, slot.column);
    }
  }
  template <class T>
  static void prefetch_elements([[maybe_unused]] const T* from, [[maybe_unused]] int count) {
#if defined(__GNUC__)
    constexpr int of_line = cache_line / sizeof(T);
    for (int k = 0; k < count; k += of_line) __builtin_prefetch(from + k, 0, 2);
#endif
  }
  static void prefetch_bytes([[maybe_unused]] std::intptr_t address) {
#if defined(__GNUC__)
    __builtin_prefetch(reinterpret_cast<const void*>(address), 0, 2);
#endif
  }
  template <class Slab>
  auto* lowest_of(const Slab& slab, const Slot& slot) const {
    return slab.at(m_scan.position(m_scan.reverse ? slot.step + slot.rows - 1 : slot.step),
                   slot.column);
  }
  void no_next() {
    m_block.next_a = m_a, m_block.next_b = m_b, m_block.next_h = m_h;
    m_block.next_a_row = m_block.next_b_row = m_block.next_h_row = 0;
  }
  template <class Slab>
  static auto side_a(const Slab& slab) {
    using A = std::remove_cvref_t<decltype(slab.a)>;
    if constexpr (requires { slab.axis; }) {
      return Side<A>{slab.a, slab.axis.step};
    } else {
      return Side<A>{slab.a};
    }
  }
  template <class Slab>
  static auto side_b(const Slab& slab) {
    if constexpr (requires { slab.grad_h; }) {
      return Side<std::remove_cvref_t<decltype(slab.grad_h)>>{slab.grad_h};
    } else {
      return Side<std::remove_cvref_t<decltype(slab.b)>>{slab.b};
    }
  }
  std::int64_t direction() const { return m_scan.reverse ? -1 : 1; }

  /// Rows of a slot, one after the other in `to`.
  template <class Slab>
  void read_rows(const Side<Slab>& side, const Slot& slot, int columns, In* to) const {
    const bool lacks_first = side.shift != 0 && slot.step == 0;
    const int begin = lacks_first ? 1 : 0;
    if (lacks_first) std::fill_n(to, columns, In(0));
    const auto* from = side.slab.at(m_scan.position(slot.step + begin) + side.shift, slot.column);
    const std::int64_t row = direction() * side.slab.axis_stride, column = side.slab.column_stride;
    to += begin * block_lines;
    if constexpr (is_of_in<Slab>) {
      if (column == 1) return copy_rows(slot.rows - begin, columns, from, row, to, block_lines);
    }
    for (int r = begin; r < slot.rows; ++r, from += row, to += block_lines) {
      for (int k = 0; k < columns; ++k) to[k] = static_cast<In>(from[k * column]);
    }
  }
  template <class Slab>
  void write_rows(const Slab& slab, const Slot& slot, int columns, const Out* from) const {
    if constexpr (stores_rows) {
      if (slab.column_stride == 1) {
        return copy_rows(slot.rows, columns, from, block_lines,
                         slab.at(m_scan.position(slot.step), slot.column),
                         direction() * slab.axis_stride);
      }
    }
    if constexpr (stores_gradients<typename Scan::Store>) {
      if (columns > 1 && slab.columns_are_neighbours()) {
        return write_gradients(slab, slot, columns, from, block_lines);
      }
    }
    for (int r = 0; r < slot.rows; ++r, from += block_lines) {
      write_row(slab, m_scan.position(slot.step + r), slot.column, columns, from);
    }
  }
  template <class Slab>
  void write_row(const Slab& slab, std::int64_t i, std::int64_t column, int columns,
                 const Out* from) const {
    for (int k = 0; k < columns; ++k) {
      slab.write(i, column + k, number_as<typename Scan::Result>(from[k]));
    }
  }
  /// Rows of neighbours.
  template <class Slab>
  void write_gradients(const Slab& slab, const Slot& slot, int columns, const Out* from,
                       int from_row) const {
    run_in_vectors<true>([this, &slab, &slot, columns, from, from_row] {
      const Out* g = from;
      const int ahead = std::max(chunk_length, 1024 / columns);
      for (int r = 0; r < slot.rows; ++r, g += from_row) {
        const std::int64_t i = m_scan.position(slot.step + r), later = i + direction() * ahead;
        if (slab.axis.has(later)) {
          slab.for_arrays(later, slot.column,
                          [columns](const auto* first) { prefetch_elements(first, columns); });
        }
        if (i == slab.axis.first()) {
          write_row(slab, i, slot.column, columns, g);
        } else {
          slab.write_neighbours(i, slot.column, columns, g);
        }
      }
    });
  }
  /// Positions of a line that are neighbours, the lowest first.
  template <class Slab>
  void write_line_of_gradients(const Slab& slab, const Slot& slot, const Out* from) const {
    std::int64_t begin = m_scan.position(slot.step + (m_scan.reverse ? slot.rows - 1 : 0));
    std::int64_t end = begin + slot.rows;
    int k = 0;
    slab.for_arrays(begin, slot.column, [&](const auto* first) {
      prefetch_bytes(reinterpret_cast<std::intptr_t>(first) + m_bytes_ahead[k++]);
    });
    const std::int64_t first = slab.axis.first();
    if (begin <= first && first < end) {
      slab.write(first, slot.column, from[first - begin]);
      if (first == begin) {
        ++begin, ++from;
      } else {
        --end;
      }
    }
    slab.write_neighbours(begin, slot.column, static_cast<int>(end - begin), from);
  }

  template <class Slab>
  bool in_memory(const Side<Slab>& side, const Slot& slot, const In*& first,
                 std::int64_t& row) const {
    if constexpr (is_of_in<Slab>) {
      if (side.shift != 0 && slot.step == 0) return false;
      row = direction() * side.slab.axis_stride;
      first = side.slab.at(m_scan.position(slot.step) + side.shift, slot.column);
      return true;
    }
    return false;
  }
  template <class Slab>
  const In* rows_of(const Side<Slab>& side, const Slot& slot, int columns, In* local,
                    std::int64_t& row) const {
    const In* first = nullptr;
    if (columns == block_lines && side.slab.column_stride == 1 &&
        in_memory(side, slot, first, row)) {
      return first;
    }
    row = block_lines;
    if (columns < block_lines) std::fill_n(local, slot.rows * block_lines, In(0));
    read_rows(side, slot, columns, local);
    return local;
  }

  template <class SideOf>
  void turn_in(const SideOf& side_of, const Slot* slots, int count, int columns, In neutral,
               const Places<const In>& places, std::int64_t ahead, In* local) {
    const auto first = side_of(m_scan.load.slab(slots[0].outer));
    if constexpr (is_of_in<decltype(first.slab)>) {
      const std::int64_t stride = direction() * first.slab.axis_stride;
      if (columns == 1 && (stride == 1 || stride == -1)) {
        return read_squares(side_of, slots, count, neutral, places, ahead, stride < 0, local);
      }
    }
    std::fill_n(local, block_elements, neutral);
    for (int c = 0; c < count; ++c) {
      const auto side = side_of(m_scan.load.slab(slots[c].outer));
      if (ahead != 0) {
        prefetch_elements(lowest_of(side.slab, slots[c]) + ahead, slots[c].rows * columns);
      }
      read_rows(side, slots[c], columns, local + c * columns);
    }
  }

  /// Chunks of neighbours in memory, up or down.
  template <class SideOf>
  void read_squares(const SideOf& side_of, const Slot* slots, int count, In neutral,
                    const Places<const In>& places, std::int64_t ahead, bool down, In* local) {
    const In* chunks[block_lines];
    const auto first = side_of(m_scan.load.slab(slots[0].outer));
    if (m_all_whole && (first.shift == 0 || slots[0].step > 0)) {
      find_chunks(places, slots[0].step, down, ahead, chunks);
      if (places.are_few) {
        for (int c = 0; c < block_lines; ++c) {
          chunks[c] = static_cast<const In*>(
              std::memcpy(m_in_pieces + c * chunk_length, chunks[c], chunk_length * sizeof(In)));
        }
      }
    } else {
      for (int c = 0; c < block_lines; ++c) {
        In* const piece = m_in_pieces + c * chunk_length;
        chunks[c] = piece;
        std::fill_n(piece, chunk_length, neutral);
        const int rows = c < count ? slots[c].rows : 0;
        if (rows == 0) continue;
        const auto side = side_of(m_scan.load.slab(slots[c].outer));
        const int begin = side.shift != 0 && slots[c].step == 0 ? 1 : 0;  // with 0 before it
        if (begin > 0) piece[place(0, down)] = In(0);
        const int lowest = down ? rows - 1 : begin;  // of the rows, in memory
        impl::copy_row(
            side.slab.at(m_scan.position(slots[c].step + lowest) + side.shift, slots[c].column),
            rows - begin, piece + place(lowest, down));
      }
    }
    run_in_vectors<true>([&chunks, down, local] {
      for (int s = 0; s < block_lines; s += chunk_length) {
        impl::transpose_rows<In>(
            [&chunks, s](int c) { return chunks[s + c]; },
            [down, local, s](int r) { return local + place(r, down) * block_lines + s; });
      }
    });
  }
  void write_squares(const Slot* slots, int count, bool down) {
    Out* chunks[block_lines];
    const bool in_place = stores_rows && m_all_whole;
    if (in_place) {
      find_chunks(m_places_h, slots[0].step, down, m_ahead_h, chunks);
    } else {
      for (int c = 0; c < block_lines; ++c) chunks[c] = m_out_pieces + c * chunk_length;
    }
    const Out* const local = m_h;
    run_in_vectors<true>([&chunks, down, local] {
      for (int s = 0; s < block_lines; s += chunk_length) {
        impl::transpose_rows<Out>(
            [down, local, s](int r) { return local + place(r, down) * block_lines + s; },
            [&chunks, s](int c) { return chunks[s + c]; });
      }
    });
    if (!in_place)
      run_in_vectors<true>([this, slots, count, down] { write_pieces(slots, count, down); });
  }
  void write_pieces(const Slot* slots, int count, bool down) const {
    for (int c = 0; c < count; ++c) {
      const int rows = slots[c].rows;
      if (rows == 0) continue;
      const Out* const piece = m_out_pieces + c * chunk_length + (down ? chunk_length - rows : 0);
      const auto slab = m_scan.store.slab(slots[c].outer);
      if constexpr (stores_rows) {
        impl::copy_row<Out>(piece, rows, lowest_of(slab, slots[c]));
      } else {
        write_line_of_gradients(slab, slots[c], piece);
      }
    }
  }
  /// The lowest elements of whole chunks, and asks for what comes later.
  template <class T>
  static void find_chunks(const Places<T>& places, std::int64_t step, bool down, std::int64_t ahead,
                          T** chunks) {
    const std::int64_t offset = down ? -step - (chunk_length - 1) : step;
    for (int c = 0; c < block_lines; ++c) chunks[c] = places.at[c] + offset;
    if (ahead == 0) return;
    for (int c = 0; c < block_lines; ++c) prefetch_elements(chunks[c] + ahead, chunk_length);
  }
  static int place(int row, bool down) { return down ? chunk_length - 1 - row : row; }

  const Scan& m_scan;
  Block<In, Out> m_block;
  bool m_all_whole = false;
  Places<const In> m_places_a, m_places_b;
  Places<Out> m_places_h;
  std::int64_t m_ahead_a = 0;
  std::int64_t m_ahead_b = 0;
  std::int64_t m_ahead_h = 0;
  std::intptr_t m_bytes_ahead[3] = {};  // of what gradients are made of and stored to
  alignas(64) In m_a[block_elements];
  alignas(64) In m_b[block_elements];
  alignas(64) Out m_h[block_elements];
  alignas(64) In m_in_pieces[block_elements] = {};
  alignas(64) Out m_out_pieces[block_elements] = {};
  static constexpr int most_gradients = 2 * block_lines;  // columns
  alignas(64) Out m_gradients[stores_rows ? 1 : chunk_length * most_gradients];
};

}  // namespace fused_scan::impl::recurrences

#endif
