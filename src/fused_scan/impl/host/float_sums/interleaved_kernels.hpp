// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Included as vectors.hpp is, after it. Rows of few columns, of which each is copied to a line of
// its own, and back.

#if defined(FUSED_SCAN_BYTES)

inline constexpr int row_lanes = FUSED_SCAN_BYTES / 4;
using FloatRow = float __attribute__((vector_size(FUSED_SCAN_BYTES)));
using PlacesInRow = std::make_integer_sequence<int, row_lanes>;

/// Of `columns` vectors of rows those elements of vector v that belong to a column, the others from
/// what was found in the vectors before it.
template <int columns, int column, int v, int... i>
[[gnu::always_inline]] inline FloatRow with_column_of(FloatRow found, FloatRow vector,
                                                      std::integer_sequence<int, i...>) {
  constexpr auto place = [](int k) {
    const int at = k * columns + column;
    if (at / row_lanes == v) return row_lanes + at % row_lanes;
    return v == 1 && at < row_lanes ? at : k;
  };
  return __builtin_shufflevector(found, vector, place(i)...);
}
template <int columns, int column, int... v>
[[gnu::always_inline]] inline FloatRow column_of(const FloatRow* rows,
                                                 std::integer_sequence<int, v...>) {
  FloatRow found = rows[0];
  ((found = with_column_of<columns, column, v + 1>(found, rows[v + 1], PlacesInRow())), ...);
  return found;
}

/// The other way: of vector v of the rows those elements that belong to a column.
template <int columns, int v, int column, int... i>
[[gnu::always_inline]] inline FloatRow with_rows_of(FloatRow found, FloatRow line,
                                                    std::integer_sequence<int, i...>) {
  constexpr auto place = [](int k) {
    const int at = v * row_lanes + k;
    if (at % columns == column) return row_lanes + at / columns;
    return column == 1 && at % columns == 0 ? at / columns : k;
  };
  return __builtin_shufflevector(found, line, place(i)...);
}
template <int columns, int v, int... column>
[[gnu::always_inline]] inline FloatRow rows_of(const FloatRow* lines,
                                               std::integer_sequence<int, column...>) {
  FloatRow found = lines[0];
  ((found = with_rows_of<columns, v, column + 1>(found, lines[column + 1], PlacesInRow())), ...);
  return found;
}

/// Rows that follow each other to lines `pitch` apart.
template <int columns, int... k>
void part_columns(const float* from, int rows, float* to, int pitch,
                  std::integer_sequence<int, k...>) {
  using Others = std::make_integer_sequence<int, columns - 1>;
  int r = 0;
  for (; r + row_lanes <= rows; r += row_lanes) {
    const FloatRow vectors[columns] = {load<FloatRow>(from + r * columns + k * row_lanes)...};
    (store(to + k * pitch + r, column_of<columns, k>(vectors, Others())), ...);
  }
  for (; r < rows; ++r) ((to[k * pitch + r] = from[r * columns + k]), ...);
}
template <int columns, int... k>
void join_columns(const float* from, int pitch, int rows, float* to,
                  std::integer_sequence<int, k...>) {
  using Others = std::make_integer_sequence<int, columns - 1>;
  int r = 0;
  for (; r + row_lanes <= rows; r += row_lanes) {
    const FloatRow lines[columns] = {load<FloatRow>(from + k * pitch + r)...};
    (store(to + r * columns + k * row_lanes, rows_of<columns, k>(lines, Others())), ...);
  }
  for (; r < rows; ++r) ((to[r * columns + k] = from[k * pitch + r]), ...);
}

inline void part(const float* from, int columns, int rows, float* to, int pitch) {
  if (columns == 2)
    return part_columns<2>(from, rows, to, pitch, std::integer_sequence<int, 0, 1>());
  if (columns == 3) {
    return part_columns<3>(from, rows, to, pitch, std::integer_sequence<int, 0, 1, 2>());
  }
  part_columns<4>(from, rows, to, pitch, std::integer_sequence<int, 0, 1, 2, 3>());
}
inline void join(const float* from, int pitch, int columns, int rows, float* to) {
  if (columns == 2)
    return join_columns<2>(from, pitch, rows, to, std::integer_sequence<int, 0, 1>());
  if (columns == 3) {
    return join_columns<3>(from, pitch, rows, to, std::integer_sequence<int, 0, 1, 2>());
  }
  join_columns<4>(from, pitch, rows, to, std::integer_sequence<int, 0, 1, 2, 3>());
}

#endif
