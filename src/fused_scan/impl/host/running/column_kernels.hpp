// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Included as lanes.hpp is, after it.

#if defined(FUSED_SCAN_BYTES)

/// Of a row's results so many wait between arithmetic and memory, into which they may be written
/// past the caches.
template <class Out>
inline constexpr int piece_of = 512 / sizeof(Out);

/// A row, or a piece of it, and what comes soon after it.
template <class In, class Out>
struct Row {
  const In* from;
  const In* next_from;
  Out* to;
  Out* next_to;
};

/// From where memory is read or written to what is to be asked for: the next row, since where a
/// thread has a piece of each row the processor doesn't foresee the next one; or some KiB ahead,
/// where rows follow each other.
template <class T>
std::int64_t ahead(std::int64_t row, int columns) {
  constexpr std::int64_t distance = (4 << 10) / sizeof(T);
  return row == columns ? distance : row == -columns ? -distance : row;
}

template <class In, class Out, class F>
[[gnu::always_inline]] inline void for_rows(const Rows<In, Out>& rows, const F& f) {
  const std::int64_t ahead_of_from = ahead<In>(rows.x_row, rows.columns);
  const std::int64_t ahead_of_to = ahead<Out>(rows.y_row, rows.columns);
  Row<In, Out> row{rows.x, rows.x, rows.y, rows.y};
  for (std::int64_t i = 0; i < rows.count; ++i) {
    row.next_from = row.from + ahead_of_from;
    row.next_to = row.to + ahead_of_to;
    f(row);
    row.from += rows.x_row;
    row.to += rows.y_row;
  }
}

/// f(piece, its first column, its columns), at first of `first` columns, if they are any.
template <class In, class Out, class F>
[[gnu::always_inline]] inline void for_pieces(const Rows<In, Out>& rows, const Row<In, Out>& row,
                                              int first, const F& f) {
  Row<In, Out> piece = row;
  int n = 0;
  for (int j = 0; j < rows.columns; j += n) {
    n = std::min(j == 0 && first > 0 ? first : piece_of<Out>, rows.columns - j);
    f(piece, j, n);
    piece.from += n * rows.x_column;
    piece.next_from += n * rows.x_column;
    piece.to += n * rows.y_column;
  }
}

/// The elements of a piece side by side.
template <class In, class Out>
[[gnu::always_inline]] inline const In* elements_of(const Rows<In, Out>& rows,
                                                    const Row<In, Out>& piece, int n,
                                                    In* elements) {
  if (rows.x_column == 1) {
    impl::prefetch_row(piece.next_from, n);
    return piece.from;
  }
  for (int k = 0; k < n; ++k) elements[k] = piece.from[k * rows.x_column];
  return elements;
}

/// Of `n` columns, a number that compilers may know.
template <bool exclusive, class Op, class Number, class In, class Out>
[[gnu::always_inline]] inline void scan_some(const Op& op, Number n, const In* x,
                                             typename Op::value_type* KOKKOS_RESTRICT value,
                                             Out* KOKKOS_RESTRICT y) {
  using Element = typename Op::element_type;
  for (int j = 0; j < n; ++j) {
    const typename Op::value_type old = value[j];
    const typename Op::value_type now = op.accumulate(old, static_cast<Element>(x[j]));
    value[j] = now;
    y[j] = static_cast<Out>(op.lower(exclusive ? old : now));
  }
}

template <bool exclusive, class Op, class In, class Out>
void scan_in_pieces(const Op& op, const Rows<In, Out>& rows, typename Op::value_type* value) {
  constexpr int most = piece_of<Out>;
  for_rows(rows, [&](const Row<In, Out>& row) __attribute__((always_inline)) {
    const int first = rows.streaming ? impl::before_cache_line(row.to) : 0;
    for_pieces(rows, row, first,
               [&](const Row<In, Out>& piece, int column, int n) __attribute__((always_inline)) {
                 In elements[most];
                 Out results[most];
                 const In* const x = elements_of(rows, piece, n, elements);
                 if (n == most) {
                   scan_some<exclusive>(op, std::integral_constant<int, most>(), x, value + column,
                                        results);
                 } else {
                   scan_some<exclusive>(op, n, x, value + column, results);
                 }
                 if (rows.y_column != 1) {
                   for (int k = 0; k < n; ++k) piece.to[k * rows.y_column] = results[k];
                 } else if (rows.streaming) {
                   impl::stream_row(results, n, piece.to);
                 } else {
                   impl::copy_row(results, n, piece.to);
                 }
               });
  });
  if (rows.streaming) impl::end_streaming();
}

/// In whole vectors. The last one of a row begins before the one before it ends: it is read before
/// others are written, and its running values are kept apart.
template <bool exclusive, class Op, class T>
void scan_in_lanes(const Op& op, const Rows<T, T>& rows, T* value) {
  if constexpr (in_lanes<Op, T, T>) {
    constexpr int lanes = lanes_of<T>;
    using V = Vector<T>;
    const int begin_last = rows.columns - lanes;
    V value_last;
    load(value + begin_last, value_last);
    for_rows(rows, [&](const Row<T, T>& row) __attribute__((always_inline)) {
      V x_last;
      load(row.from + begin_last, x_last);
      for (int j = 0; j < begin_last; j += lanes) {
        __builtin_prefetch(row.next_from + j, 0, 3);
        __builtin_prefetch(row.next_to + j, 1, 3);
        V x, old, now;
        load(row.from + j, x);
        load(value + j, old);
        combine(op.monoid(), old, x, now);
        store(exclusive ? old : now, row.to + j);
        store(now, value + j);
      }
      V now;
      combine(op.monoid(), value_last, x_last, now);
      store(exclusive ? value_last : now, row.to + begin_last);
      value_last = now;
    });
    store(value_last, value + begin_last);
  }
}

template <bool exclusive, class Op, class In, class Out>
void scan_columns_as(const Op& op, const Rows<In, Out>& rows, typename Op::value_type* value) {
  if constexpr (in_lanes<Op, In, Out>) {
    const bool neighbours = rows.x_column == 1 && rows.y_column == 1;
    if (neighbours && !rows.streaming && rows.columns >= lanes_of<In>) {
      return scan_in_lanes<exclusive>(op, rows, value);
    }
  }
  scan_in_pieces<exclusive>(op, rows, value);
}

template <class Op, class In, class Out>
void scan_columns(const Op& op, const Rows<In, Out>& rows, typename Op::value_type* value) {
  if (rows.exclusive) {
    scan_columns_as<true>(op, rows, value);
  } else {
    scan_columns_as<false>(op, rows, value);
  }
}

template <class Op, class In, class Out>
void sum_columns(const Op& op, const Rows<In, Out>& rows, typename Op::value_type* value) {
  using Element = typename Op::element_type;
  for_rows(rows, [&](const Row<In, Out>& row) __attribute__((always_inline)) {
    for_pieces(rows, row, 0,
               [&](const Row<In, Out>& piece, int column, int n) __attribute__((always_inline)) {
                 In elements[piece_of<Out>];
                 const In* const x = elements_of(rows, piece, n, elements);
                 typename Op::value_type* KOKKOS_RESTRICT const sums = value + column;
                 for (int j = 0; j < n; ++j) {
                   sums[j] = op.accumulate(sums[j], static_cast<Element>(x[j]));
                 }
               });
  });
}

#endif
