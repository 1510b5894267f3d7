// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Vectors of FUSED_SCAN_BYTES, of GCC and Clang, which they make for any processor. Included by
// kernels.hpp in a namespace for each set of instructions, whose functions are compiled for it.

#if defined(FUSED_SCAN_BYTES)

inline constexpr int bytes = FUSED_SCAN_BYTES;

template <class T>
inline constexpr int lanes_of = bytes / sizeof(T);

#if defined(__GNUC__) && !defined(__CUDACC__)

/// Whether numbers can be combined in vectors as they are in memory.
template <class Op, class In, class Out>
inline constexpr bool in_lanes =
    sizeof(In) >= 4 && std::is_same_v<In, typename Op::value_type> && std::is_same_v<Out, In>;

template <class T>
struct Lanes {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  using Vector [[gnu::vector_size(bytes)]] = T;
  using Unsigned [[gnu::vector_size(bytes)]] = Bits;
};
template <class T>
using Vector = typename Lanes<T>::Vector;

/// A row of few columns in the shortest vector that has room for it.
template <class T, int n_columns>
struct RowVector {
  static constexpr int columns = n_columns;
  static constexpr int size = columns * sizeof(T);
  using V[[gnu::vector_size(size <= 16 ? 16 : size <= 32 ? 32 : 64)]] = T;
};

template <class T, class V>
[[gnu::always_inline]] inline void load(const T* from, V& to) {
  std::memcpy(&to, from, sizeof(V));
}
template <class T, class V>
[[gnu::always_inline]] inline void store(const V& from, T* to) {
  std::memcpy(static_cast<void*>(to), &from, sizeof(V));
}

/// to = a combined with b, lane by lane.
///@{
template <class T, class V>
[[gnu::always_inline]] inline void combine(const SumMonoid<T>&, const V& a, const V& b, V& to) {
  using Unsigned = typename Lanes<T>::Unsigned;
  to = reinterpret_cast<V>(reinterpret_cast<Unsigned>(a) + reinterpret_cast<Unsigned>(b));
}
template <class T, class V>
[[gnu::always_inline]] inline void combine(const IntegerProdMonoid<T>&, const V& a, const V& b,
                                           V& to) {
  using Unsigned = typename Lanes<T>::Unsigned;
  to = reinterpret_cast<V>(reinterpret_cast<Unsigned>(a) * reinterpret_cast<Unsigned>(b));
}
template <class T, int sign, class V>
[[gnu::always_inline]] inline void combine(const ExtremumMonoid<T, sign>&, const V& a, const V& b,
                                           V& to) {
  if constexpr (sign > 0) {
    to = ((a >= b) | (a != a)) ? a : b;
  } else {
    to = ((a <= b) | (a != a)) ? a : b;
  }
}
///@}

/// Rows of so many columns, whole ones of which fill a vector.
template <class Op, int columns>
struct LaneRows {
  using T = typename Op::value_type;
  using V = Vector<T>;
  static constexpr int lanes = lanes_of<T>;
  static constexpr int rows = lanes / columns;
  static_assert(lanes % columns == 0);
  using All = std::make_integer_sequence<int, lanes>;

  /// In every row the same values.
  template <int... k>
  [[gnu::always_inline]] static void repeat(const T* values, V& to,
                                            std::integer_sequence<int, k...>) {
    V row = {};
    for (int j = 0; j < columns; ++j) row[j] = values[j];
    to = __builtin_shufflevector(row, row, (k % columns)...);
  }
  /// to[k] = from[k - by], and before the first one of `before`.
  template <int by, int... k>
  [[gnu::always_inline]] static void shift(const V& before, const V& from, V& to,
                                           std::integer_sequence<int, k...>) {
    to = __builtin_shufflevector(before, from, (k < by ? k : lanes + k - by)...);
  }
  /// The rows in opposite order.
  template <int... k>
  [[gnu::always_inline]] static void turn(V& x, std::integer_sequence<int, k...>) {
    const V from = x;
    x = __builtin_shufflevector(from, from, ((rows - 1 - k / columns) * columns + k % columns)...);
  }
  /// The last row in place of all.
  template <int... k>
  [[gnu::always_inline]] static void repeat_last(const V& from, V& to,
                                                 std::integer_sequence<int, k...>) {
    to = __builtin_shufflevector(from, from, (lanes - columns + k % columns)...);
  }
  /// Running values of the rows of a vector, found in log2(rows) steps.
  template <int by = columns>
  [[gnu::always_inline]] static void scan(const Op& op, const V& neutral, V& x) {
    if constexpr (by < lanes) {
      V shifted;
      shift<by>(neutral, x, shifted, All());
      combine(op.monoid(), shifted, x, x);
      scan<2 * by>(op, neutral, x);
    }
  }
};

#else

// What stands for them where there are none, and is never used.
template <class Op, class In, class Out>
inline constexpr bool in_lanes = false;
template <class T>
using Vector = T;
template <class T, int columns>
struct RowVector;
template <class Op, int columns>
struct LaneRows;

#endif

#endif
