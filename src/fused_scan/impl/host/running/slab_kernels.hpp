// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Included as lanes.hpp is, after it.

#if defined(FUSED_SCAN_BYTES)

/// Columns whose running values stay in registers. Where there are kernels for AVX2 those for any
/// processor serve very old ones only, and are not worth the time that more take to be compiled.
#if defined(FUSED_SCAN_HAVE_VECTORS) && FUSED_SCAN_BYTES == 16
inline constexpr int most_columns = 1;
#else
inline constexpr int most_columns = 8;
#endif

template <class Op, class In, class Out, int columns>
constexpr bool fill_lanes() {
  if constexpr (in_lanes<Op, In, Out>) return lanes_of<In> % columns == 0;
  return false;
}

/// Whether rows follow each other in memory, up or down, and fill a vector.
template <int columns, class In, class Out>
bool in_vectors(const Rows<In, Out>& rows, bool stores) {
  const bool as_long = rows.x_row == columns || rows.x_row == -columns;
  const bool neighbours = columns == 1 || (rows.x_column == 1 && (!stores || rows.y_column == 1));
  return as_long && neighbours && (!stores || rows.y_row == rows.x_row) &&
         rows.count * columns >= lanes_of<In>;
}

/// What of a slab's rows fills vectors; `rows` is then what is left.
template <bool stores, bool exclusive, int columns, class Op, class T>
[[gnu::always_inline]] inline void walk_lanes(const Op& op, Rows<T, T>& rows, T* value) {
  if constexpr (fill_lanes<Op, T, T, columns>()) {
    using Of = LaneRows<Op, columns>;
    using V = typename Of::V;
    constexpr typename Of::All all;
    const bool reverse = rows.x_row < 0;
    const std::int64_t lowest = reverse ? (Of::rows - 1) * columns : 0;
    const std::int64_t step = reverse ? -Of::lanes : Of::lanes;
    T neutrals[columns];
    for (T& neutral : neutrals) neutral = op.neutral();
    V neutral, before, x, y, last;
    Of::repeat(neutrals, neutral, all);
    Of::repeat(value, before, all);
    for (; rows.count >= Of::rows; rows.count -= Of::rows) {
      load(rows.x - lowest, x);
      if (reverse) Of::turn(x, all);
      Of::scan(op, neutral, x);
      if constexpr (stores) {
        y = x;
        if constexpr (exclusive) Of::template shift<columns>(neutral, x, y, all);
        combine(op.monoid(), before, y, y);
        if (reverse) Of::turn(y, all);
        store(y, rows.y - lowest);
        rows.y += step;
      }
      rows.x += step;
      Of::repeat_last(x, last, all);
      combine(op.monoid(), before, last, before);
    }
    for (int j = 0; j < columns; ++j) value[j] = before[j];
  }
}

/// Row by row, each in a vector: of choices between two numbers compilers would make branches.
template <bool stores, bool exclusive, class Row, class Op, class T>
[[gnu::always_inline]] inline void walk_row_vectors(const Op& op, const Rows<T, T>& rows,
                                                    T* value) {
  using V = typename Row::V;
  V running = {};
  for (int j = 0; j < Row::columns; ++j) running[j] = value[j];
  const T* from = rows.x;
  T* to = rows.y;
  for (std::int64_t i = 0; i < rows.count; ++i) {
    V x = {}, now;
    for (int j = 0; j < Row::columns; ++j) x[j] = from[j * rows.x_column];
    combine(op.monoid(), running, x, now);
    if constexpr (stores) {
      const V y = exclusive ? running : now;
      for (int j = 0; j < Row::columns; ++j) to[j * rows.y_column] = y[j];
      to += rows.y_row;
    }
    running = now;
    from += rows.x_row;
  }
  for (int j = 0; j < Row::columns; ++j) value[j] = running[j];
}

template <bool stores, bool exclusive, int columns, class Op, class In, class Out>
[[gnu::always_inline]] inline void walk_rows(const Op& op, const Rows<In, Out>& rows,
                                             typename Op::value_type* value) {
  using Value = typename Op::value_type;
  using Element = typename Op::element_type;
  if constexpr (in_lanes<Op, In, Out> && std::is_floating_point_v<Value>) {
    if constexpr (columns <= lanes_of<Value>) {
      return walk_row_vectors<stores, exclusive, RowVector<Value, columns>>(op, rows, value);
    }
  }
  Value running[columns];
  for (int j = 0; j < columns; ++j) running[j] = value[j];
  const In* x = rows.x;
  Out* y = rows.y;
  for (std::int64_t i = 0; i < rows.count; ++i) {
    Out results[columns];
    for (int j = 0; j < columns; ++j) {
      const Value old = running[j];
      running[j] = op.accumulate(old, static_cast<Element>(x[j * rows.x_column]));
      results[j] = static_cast<Out>(op.lower(exclusive ? old : running[j]));
    }
    x += rows.x_row;
    if constexpr (stores) {
      for (int j = 0; j < columns; ++j) y[j * rows.y_column] = results[j];
      y += rows.y_row;
    }
  }
  for (int j = 0; j < columns; ++j) value[j] = running[j];
}

/// Some neighbouring columns of the slabs, which may have more.
template <bool stores, bool exclusive, int columns, class Op, class In, class Out>
void walk_columns(const Op& op, Rows<In, Out> rows, typename Op::value_type* value) {
  const bool vectors = fill_lanes<Op, In, Out, columns>() && in_vectors<columns>(rows, stores);
  for (int s = 0; s < rows.slabs; ++s) {
    Rows<In, Out> rest = rows;
    if constexpr (fill_lanes<Op, In, Out, columns>()) {
      if (vectors) walk_lanes<stores, exclusive, columns>(op, rest, value);
    }
    walk_rows<stores, exclusive, columns>(op, rest, value);
    rows.x += rows.x_slab;
    rows.y += rows.y_slab;
    value += rows.columns;
  }
}
template <bool stores, bool exclusive, class Op, class In, class Out, int... less>
void walk_some(const Op& op, const Rows<In, Out>& rows, int columns, typename Op::value_type* value,
               std::integer_sequence<int, less...>) {
  (void)((columns == less + 1 &&
          (walk_columns<stores, exclusive, less + 1>(op, rows, value), true)) ||
         ...);
}

template <bool stores, bool exclusive, class Op, class In, class Out>
void walk_slabs(const Op& op, Rows<In, Out> rows, typename Op::value_type* value) {
  for (int left = rows.columns; left > 0;) {
    const int columns = std::min(left, most_columns);
    walk_some<stores, exclusive>(op, rows, columns, value,
                                 std::make_integer_sequence<int, most_columns>());
    left -= columns;
    value += columns;
    rows.x += columns * rows.x_column;
    rows.y += columns * rows.y_column;
  }
}

template <class Op, class In, class Out>
void scan_slabs(const Op& op, const Rows<In, Out>& rows, typename Op::value_type* value) {
  if (rows.exclusive) {
    walk_slabs<true, true>(op, rows, value);
  } else {
    walk_slabs<true, false>(op, rows, value);
  }
}
template <class Op, class In, class Out>
void sum_slabs(const Op& op, const Rows<In, Out>& rows, typename Op::value_type* value) {
  walk_slabs<false, false>(op, rows, value);
}

#endif
