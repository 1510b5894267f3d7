// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_LAYERS_DENSE_PRODUCT_HPP
#define FUSED_SCAN_LAYERS_DENSE_PRODUCT_HPP

// Products of tall matrices (a row for each position of a batch of sequences) with small ones.
//
// Where Kokkos Kernels is built in, its gemm does them, and what follows a product is a pass of its
// own. Without it the module's own product does them: on a host space blocked for the caches and
// the registers, with what follows a product applied to each block while it is in the cache;
// elsewhere an element a thread. The own product also takes what gemm can't: rows of any strides.
//
// The order of the additions in an element is fixed by the matrices' sizes; threads have no part in
// it.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <bit>
#include <cstdint>
#include <fused_scan/impl/access/memory_access.hpp>
#include <string>
#include <type_traits>
#ifdef FUSED_SCAN_HAVE_KOKKOS_KERNELS
#include <KokkosBlas3_gemm.hpp>
#endif

namespace fused_scan::impl {

/// Position l of batch element b.
struct Position {
  std::int64_t b;
  std::int64_t l;

  /// Of row i of sequences one after the other.
  KOKKOS_FUNCTION static Position of_row(std::int64_t i, std::int64_t length) {
    const std::int64_t b = divided(i, length);
    return {b, i - b * length};
  }
};

/// A batch of sequences as the rows of one matrix: row b * length + l is position l of element b.
template <class T>
struct Rows {
  T* data;
  std::int64_t length;
  std::int64_t batch_stride;
  std::int64_t row_stride;
  std::int64_t column_stride;

  KOKKOS_FUNCTION T* row(const Position& at) const {
    return data + at.b * batch_stride + at.l * row_stride;
  }
  KOKKOS_FUNCTION T* row(std::int64_t i) const { return row(Position::of_row(i, length)); }
  KOKKOS_FUNCTION T& operator()(std::int64_t i, std::int64_t j) const {
    return row(i)[j * column_stride];
  }
  operator Rows<const T>() const { return {data, length, batch_stride, row_stride, column_stride}; }
  bool operator==(const Rows&) const = default;

  /// The rows from batch element b on.
  Rows from_batch(std::int64_t b) const {
    return {data + b * batch_stride, length, batch_stride, row_stride, column_stride};
  }
  Rows from_column(std::int64_t j) const {
    return {data + j * column_stride, length, batch_stride, row_stride, column_stride};
  }
  /// Whether the rows of one batch element are a matrix in the sense of BLAS; whether all rows are.
  bool is_matrix(std::int64_t columns) const { return column_stride == 1 && row_stride >= columns; }
  bool is_one_matrix(std::int64_t columns) const {
    return is_matrix(columns) && batch_stride == length * row_stride;
  }
};

/// `columns` neighbouring elements in each of the rows, which follow each other.
template <class T>
Rows<T> plain_rows(T* data, std::int64_t length, std::int64_t columns) {
  return {data, length, length * columns, columns, 1};
}

/// A small matrix: element (k, j) is data[k * row_stride + j * column_stride].
template <class T>
struct Matrix {
  const T* data;
  std::int64_t row_stride;
  std::int64_t column_stride;

  KOKKOS_FUNCTION const T& operator()(std::int64_t k, std::int64_t j) const {
    return data[k * row_stride + j * column_stride];
  }
};

template <class Exec>
inline constexpr bool is_host_space =
    std::is_same_v<typename Exec::memory_space, Kokkos::HostSpace>;

// ---- the blocks of the host's product -----------------------------------------------------------

/// What a core holds in its vector registers: rows x columns sums, where a row is two registers.
#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
inline constexpr int tile_rows = 8;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
inline constexpr int tile_rows = 4;
#else
inline constexpr int vector_bytes = 16;
inline constexpr int tile_rows = 4;
#endif
template <class T>
inline constexpr int tile_columns = 2 * vector_bytes / static_cast<int>(sizeof(T));

/// c(i, j) += or = sum over k < depth of a[i * a_row + k * a_step] * b[k * tile_columns + j]
template <int a_row, int a_step, bool add, class T>
inline void multiply_tile(int depth, const T* KOKKOS_RESTRICT a, const T* KOKKOS_RESTRICT b,
                          T* KOKKOS_RESTRICT c, int c_row) {
  constexpr int columns = tile_columns<T>;
  T sums[tile_rows][columns] = {};
  for (int k = 0; k < depth; ++k) {
// Without it GCC keeps the sums of the larger tiles in memory, ten times slower.
#pragma GCC unroll 8
    for (int i = 0; i < tile_rows; ++i) {
      const T factor = a[i * a_row + k * a_step];
      for (int j = 0; j < columns; ++j) sums[i][j] += factor * b[k * columns + j];
    }
  }
  for (int i = 0; i < tile_rows; ++i) {
    for (int j = 0; j < columns; ++j)
      c[i * c_row + j] = (add ? c[i * c_row + j] : T(0)) + sums[i][j];
  }
}

/// Elements of a small matrix as the own product wants them: panels of tile_columns columns.
template <class T>
std::int64_t packed_size(std::int64_t depth, std::int64_t columns) {
  return depth * ((columns + tile_columns<T> - 1) / tile_columns<T> * tile_columns<T>);
}

template <class T>
struct PackPanels {
  Matrix<T> b;
  std::int64_t depth;
  std::int64_t columns;
  T* panels;

  void operator()(std::int64_t panel) const {
    T* const into = panels + panel * depth * tile_columns<T>;
    for (int j = 0; j < tile_columns<T>; ++j) {
      const std::int64_t column = panel * tile_columns<T> + j;
      for (std::int64_t k = 0; k < depth; ++k) {
        into[k * tile_columns<T> + j] = column < columns ? b(k, column) : T(0);
      }
    }
  }
};

/// A block of rows times all of the packed matrix.
template <class T, class Store>
struct BlockedProduct {
  static constexpr int block_rows = 48;
  static constexpr int block_columns = 256;
  static constexpr int block_depth = 256;
  static constexpr int a_row = block_depth + 16;  // not a power of two: rows share no cache set

  Rows<const T> a;
  const T* panels;
  std::int64_t rows;
  std::int64_t depth;
  std::int64_t columns;
  Store store;

  void operator()(std::int64_t block) const {
    static_assert(block_rows % tile_rows == 0 && block_columns % tile_columns<T> == 0);
    T a_block[block_rows * a_row];
    T c_block[block_rows * block_columns];
    const std::int64_t first_row = block * block_rows;
    const int count = static_cast<int>(std::min<std::int64_t>(block_rows, rows - first_row));
    for (std::int64_t first = 0; first < columns; first += block_columns) {
      const int width = static_cast<int>(std::min<std::int64_t>(block_columns, columns - first));
      for (std::int64_t k = 0; k < depth; k += block_depth) {
        const int steps = static_cast<int>(std::min<std::int64_t>(block_depth, depth - k));
        if (first == 0 || depth > block_depth) copy_rows(first_row, count, k, steps, a_block);
        for (int j = 0; j < width; j += tile_columns<T>) {
          const T* const panel = panels + (first + j) * depth + k * tile_columns<T>;
          for (int i = 0; i < count; i += tile_rows) {
            T* const c = c_block + i * block_columns + j;
            if (k == 0) {
              multiply_tile<a_row, 1, false>(steps, a_block + i * a_row, panel, c, block_columns);
            } else {
              multiply_tile<a_row, 1, true>(steps, a_block + i * a_row, panel, c, block_columns);
            }
          }
        }
      }
      for (int i = 0; i < count; ++i)
        store.row(first_row + i)(first, width, c_block + i * block_columns);
    }
  }

 private:
  void copy_rows(std::int64_t first_row, int count, std::int64_t k, int steps, T* a_block) const {
    for (int i = 0; i < count; ++i) {
      const T* const from = a.row(first_row + i) + k * a.column_stride;
      T* const into = a_block + i * a_row;
      if (a.column_stride == 1) {
        std::copy_n(from, steps, into);
      } else {
        for (int s = 0; s < steps; ++s) into[s] = from[s * a.column_stride];
      }
    }
    for (int i = count; i % tile_rows != 0; ++i) std::fill_n(a_block + i * a_row, steps, T(0));
  }
};

/// An element a thread, for spaces other than the host's.
template <class T, class Store>
struct PlainProduct {
  Rows<const T> a;
  Matrix<T> b;
  std::int64_t depth;
  std::int64_t columns;
  Store store;

  KOKKOS_FUNCTION void operator()(std::int64_t element) const {
    const std::int64_t i = element / columns;
    const std::int64_t j = element % columns;
    T sum(0);
    for (std::int64_t k = 0; k < depth; ++k) sum += a(i, k) * b(k, j);
    store.row(i)(j, 1, &sum);
  }
};

/// Gives the store a product that is in memory: a row at a time on a host; elsewhere 2^lane_bits
/// threads share a row, since to find it takes longer than to store an element.
template <bool on_host, class T, class Store>
struct StorePass {
  Rows<const T> product;
  std::int64_t columns;
  int lane_bits;
  Store store;

  KOKKOS_FUNCTION void operator()(std::int64_t index) const {
    const std::int64_t row = index >> lane_bits;
    const T* const values = product.row(row);
    const auto store_row = store.row(row);
    if constexpr (on_host) {
      store_row(0, columns, values);
    } else {
      const std::int64_t lanes = std::int64_t{1} << lane_bits;
      for (std::int64_t j = index & (lanes - 1); j < columns; j += lanes) {
        store_row(j, 1, values + j);
      }
    }
  }
};

template <class Exec>
auto range_policy(const Exec& exec, std::int64_t count) {
  return Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>(exec, 0, count);
}

/// For kernels whose every index is much work.
template <class Exec>
auto task_policy(const Exec& exec, std::int64_t count) {
  Kokkos::RangePolicy<Exec, Kokkos::Schedule<Kokkos::Dynamic>, Kokkos::IndexType<std::int64_t>>
      policy(exec, 0, count);
  if constexpr (is_host_space<Exec>) policy.set_chunk_size(1);
  return policy;
}

template <class T, class Exec>
using DeviceMatrix =
    Kokkos::View<T**, Kokkos::LayoutRight, typename Exec::memory_space, Kokkos::MemoryUnmanaged>;

/// a b for `rows` rows of a: store.row(i)(first, count, values) is given each row of the product in
/// pieces of neighbouring elements.
///
/// `scratch` is where gemm may put the product first; it may be what the store writes to, element
/// for element. `packed` holds packed_size(depth, columns) elements. Both must stay until exec is
/// done.
template <class Exec, class T, class Store>
void own_product(const Exec& exec, const std::string& label, std::int64_t rows,
                 const Rows<const T>& a, std::int64_t depth, const Matrix<T>& b,
                 std::int64_t columns, T* packed, const Store& store) {
  if constexpr (is_host_space<Exec>) {
    const std::int64_t panels = packed_size<T>(1, columns) / tile_columns<T>;
    Kokkos::parallel_for(label + "::pack", task_policy(exec, panels),
                         PackPanels<T>{b, depth, columns, packed});
    using Product = BlockedProduct<T, Store>;
    const std::int64_t blocks = (rows + Product::block_rows - 1) / Product::block_rows;
    Kokkos::parallel_for(label, task_policy(exec, blocks),
                         Product{a, packed, rows, depth, columns, store});
  } else {
    Kokkos::parallel_for(label, range_policy(exec, rows * columns),
                         PlainProduct<T, Store>{a, b, depth, columns, store});
  }
}

#ifdef FUSED_SCAN_HAVE_KOKKOS_KERNELS
/// gemm's view of rows: of all columns of a row, of which the first `columns` are the matrix.
template <class Exec, class T>
auto gemm_matrix(const Rows<T>& rows, std::int64_t count, std::int64_t columns) {
  const DeviceMatrix<T, Exec> whole(rows.data, count, rows.row_stride);
  return Kokkos::subview(whole, Kokkos::ALL, Kokkos::pair<std::int64_t, std::int64_t>(0, columns));
}

template <class Exec, class T, class Store>
void gemm_product(const Exec& exec, const std::string& label, std::int64_t rows,
                  const Rows<const T>& a, std::int64_t depth, const Matrix<T>& b,
                  std::int64_t columns, const Rows<T>& scratch, const Store& store) {
  // The small matrix is stored by rows as it is, or transposed.
  const bool transposed = b.row_stride == 1;
  const DeviceMatrix<const T, Exec> stored(b.data, transposed ? columns : depth,
                                           transposed ? depth : columns);
  KokkosBlas::gemm(exec, "N", transposed ? "T" : "N", T(1), gemm_matrix<Exec>(a, rows, depth),
                   stored, T(0), gemm_matrix<Exec>(scratch, rows, columns));
  // A product that is already in its place may need no more than its first columns stored.
  std::int64_t stored_columns = columns;
  if constexpr (requires { store.changed_columns(); }) stored_columns = store.changed_columns();
  const auto lanes = static_cast<std::uint64_t>(std::min<std::int64_t>(stored_columns, 32));
  const int lane_bits = is_host_space<Exec> ? 0 : std::bit_width(lanes - 1);
  Kokkos::parallel_for(
      label + "::store", range_policy(exec, rows << lane_bits),
      StorePass<is_host_space<Exec>, T, Store>{scratch, stored_columns, lane_bits, store});
}
#endif

template <class Exec, class T, class Store>
void dense_product(const Exec& exec, const std::string& label, std::int64_t rows,
                   const Rows<const T>& a, std::int64_t depth, const Matrix<T>& b,
                   std::int64_t columns, [[maybe_unused]] const Rows<T>& scratch, T* packed,
                   const Store& store) {
#ifdef FUSED_SCAN_HAVE_KOKKOS_KERNELS
  if (a.is_one_matrix(depth) && scratch.is_one_matrix(columns)) {
    return gemm_product(exec, label, rows, a, depth, b, columns, scratch, store);
  }
#endif
  own_product(exec, label, rows, a, depth, b, columns, packed, store);
}

// ---- sums over all positions: what gradients of parameters are ----------------------------------

/// Rows that are summed up in one go.
inline constexpr int slab_rows = 128;
/// Slabs are dealt out to so many sums in turn, which are added up in the end: what can be done at
/// the same time, and the error of a long sum, both without the number of threads in them.
template <class Exec>
inline constexpr int sum_groups = is_host_space<Exec> ? 8 : 64;

/// The slabs of a range of batch elements. They are numbered over the whole batch, so that a batch
/// in one piece and one taken element by element give the same sums.
struct Slabs {
  std::int64_t first_batch;
  std::int64_t batches;
  std::int64_t length;

  /// Calls f(first row, number of rows) for each slab of the group in their order; rows count from
  /// the first of first_batch.
  template <class F>
  KOKKOS_FUNCTION void for_each(std::int64_t group, std::int64_t groups, const F& f) const {
    const std::int64_t per_batch = (length + slab_rows - 1) / slab_rows;
    const std::int64_t first = first_batch * per_batch;
    const std::int64_t skip = ((group - first) % groups + groups) % groups;
    for (std::int64_t slab = skip; slab < batches * per_batch; slab += groups) {
      const std::int64_t l = slab % per_batch * slab_rows;
      const std::int64_t left = length - l;
      f(slab / per_batch * length + l, static_cast<int>(left < slab_rows ? left : slab_rows));
    }
  }
};

/// A group's sums of a_i^T b_i over rows i, for a tile of the result.
template <class T>
struct BlockedTransposedProduct {
  static constexpr int block_rows = 64;
  static constexpr int block_columns = 128;

  Slabs slabs;
  Rows<const T> a;
  std::int64_t rows;
  Rows<const T> b;
  std::int64_t columns;
  T* sums;
  std::int64_t group_stride;
  int groups;

  std::int64_t row_blocks() const { return (rows + block_rows - 1) / block_rows; }
  std::int64_t column_blocks() const { return (columns + block_columns - 1) / block_columns; }

  void operator()(std::int64_t task) const {
    const std::int64_t tile = task / groups;
    const std::int64_t first_row = tile / column_blocks() * block_rows;
    const std::int64_t first_column = tile % column_blocks() * block_columns;
    const int height = static_cast<int>(std::min<std::int64_t>(block_rows, rows - first_row));
    const int width =
        static_cast<int>(std::min<std::int64_t>(block_columns, columns - first_column));
    T* const target = sums + task % groups * group_stride + first_row * columns + first_column;

    T a_panels[slab_rows * block_rows];
    T b_panels[slab_rows * block_columns];
    T c[block_rows * block_columns];
    for (int i = 0; i < height; ++i)
      std::copy_n(target + i * columns, width, c + i * block_columns);
    slabs.for_each(task % groups, groups, [&](std::int64_t first, int count) {
      copy_panels<tile_rows>(a.from_column(first_row), first, count, height, a_panels);
      copy_panels<tile_columns<T>>(b.from_column(first_column), first, count, width, b_panels);
      for (int j = 0; j < width; j += tile_columns<T>) {
        for (int i = 0; i < height; i += tile_rows) {
          multiply_tile<1, tile_rows, true>(count, a_panels + i * slab_rows,
                                            b_panels + j * slab_rows, c + i * block_columns + j,
                                            block_columns);
        }
      }
    });
    for (int i = 0; i < height; ++i)
      std::copy_n(c + i * block_columns, width, target + i * columns);
  }

 private:
  template <int width>
  static void copy_panels(const Rows<const T>& from, std::int64_t first, int count, int columns,
                          T* panels) {
    for (int k = 0; k < count; ++k) {
      const T* const row = from.row(first + k);
      for (int j = 0; j < columns; j += width) {
        T* const into = panels + j * slab_rows + k * width;
        if (from.column_stride == 1 && columns - j >= width) {
          for (int w = 0; w < width; ++w) into[w] = row[j + w];
        } else {
          for (int w = 0; w < width; ++w) {
            into[w] = j + w < columns ? row[(j + w) * from.column_stride] : T(0);
          }
        }
      }
    }
  }
};

template <class T>
struct PlainTransposedProduct {
  Slabs slabs;
  Rows<const T> a;
  Rows<const T> b;
  std::int64_t elements;
  std::int64_t columns;
  T* sums;
  std::int64_t group_stride;
  int groups;

  KOKKOS_FUNCTION void operator()(std::int64_t task) const {
    const std::int64_t group = task / elements;
    const std::int64_t i = task % elements / columns;
    const std::int64_t j = task % elements % columns;
    T& target = sums[group * group_stride + task % elements];
    slabs.for_each(group, groups, [&](std::int64_t first, int count) {
      T sum(0);
      for (int k = 0; k < count; ++k) sum += a(first + k, i) * b(first + k, j);
      target += sum;
    });
  }
};

/// Adds a^T b, a (rows x columns) matrix, to the groups' sums, which lie group_stride apart.
template <class Exec, class T>
void own_transposed_product(const Exec& exec, const std::string& label, const Slabs& slabs,
                            const Rows<const T>& a, std::int64_t rows, const Rows<const T>& b,
                            std::int64_t columns, T* sums, std::int64_t group_stride) {
  constexpr int groups = sum_groups<Exec>;
  if constexpr (is_host_space<Exec>) {
    const BlockedTransposedProduct<T> product{slabs,   a,    rows,         b,
                                              columns, sums, group_stride, groups};
    Kokkos::parallel_for(
        label, task_policy(exec, groups * product.row_blocks() * product.column_blocks()), product);
  } else {
    Kokkos::parallel_for(label, range_policy(exec, groups * rows * columns),
                         PlainTransposedProduct<T>{slabs, a, b, rows * columns, columns, sums,
                                                   group_stride, groups});
  }
}

template <class Exec, class T>
void transposed_product(const Exec& exec, const std::string& label, const Slabs& slabs,
                        const Rows<const T>& a, std::int64_t rows, const Rows<const T>& b,
                        std::int64_t columns, T* sums, std::int64_t group_stride) {
#ifdef FUSED_SCAN_HAVE_KOKKOS_KERNELS
  if (a.is_matrix(rows) && b.is_matrix(columns)) {
    // A product for each batch element, so that the sums don't depend on how the batch is taken.
    const DeviceMatrix<T, Exec> sum(sums, rows, columns);
    for (std::int64_t i = 0; i < slabs.batches; ++i) {
      KokkosBlas::gemm(exec, "T", "N", T(1), gemm_matrix<Exec>(a.from_batch(i), slabs.length, rows),
                       gemm_matrix<Exec>(b.from_batch(i), slabs.length, columns), T(1), sum);
    }
    return;
  }
#endif
  own_transposed_product(exec, label, slabs, a, rows, b, columns, sums, group_stride);
}

/// For each column, a group's sums of `terms` numbers: term.row(i, position).add(n, first, count,
/// sums) adds the n-th of row i, which is that position, for `count` columns. A core has 64 columns
/// at a time.
template <class Exec, int terms, class T, class Term, class Target>
struct ColumnSums {
  static constexpr int lanes = 64;

  Slabs slabs;
  std::int64_t columns;
  Term term;
  Target target;  // target(j, n): where the n-th sum of column j goes
  T* sums;
  std::int64_t group_stride;

  KOKKOS_FUNCTION static std::int64_t blocks(std::int64_t columns) {
    return (columns + lanes - 1) / lanes;
  }

  KOKKOS_FUNCTION void operator()(std::int64_t task) const {
    constexpr int groups = sum_groups<Exec>;
    const std::int64_t group = task / blocks(columns);
    const std::int64_t first_column = task % blocks(columns) * lanes;
    const std::int64_t left = columns - first_column;
    const int width = static_cast<int>(left < lanes ? left : lanes);
    T* const into = sums + group * group_stride;
    slabs.for_each(group, groups, [&](std::int64_t first, int count) {
      T slab[terms][lanes] = {};
      const auto [b, l] = Position::of_row(first, slabs.length);
      for (int k = 0; k < count; ++k) {
        const auto of_row = term.row(first + k, {b, l + k});
        for (int n = 0; n < terms; ++n) of_row.add(n, first_column, width, slab[n]);
      }
      for (int n = 0; n < terms; ++n) {
        for (int j = 0; j < width; ++j) into[target(first_column + j, n)] += slab[n][j];
      }
    });
  }
};

/// The same on a GPU: a team for 32 columns, whose warps share the rows of a slab.
template <class Exec, int terms, class T, class Term, class Target>
struct DeviceColumnSums {
  static constexpr int lanes = 32;
  static constexpr int warps = 16;

  Slabs slabs;
  std::int64_t columns;
  Term term;
  Target target;
  T* sums;
  std::int64_t group_stride;

  using Policy = Kokkos::TeamPolicy<Exec, Kokkos::LaunchBounds<lanes * warps, 1>>;
  using Member = typename Policy::member_type;
  using Partial = Kokkos::View<T[terms][warps][lanes], typename Exec::scratch_memory_space,
                               Kokkos::MemoryUnmanaged>;

  static Policy policy(const Exec& exec, std::int64_t columns) {
    const std::int64_t teams = sum_groups<Exec> * ((columns + lanes - 1) / lanes);
    return Policy(exec, static_cast<int>(teams), lanes * warps)
        .set_scratch_size(0, Kokkos::PerTeam(Partial::shmem_size()));
  }

  KOKKOS_FUNCTION void operator()(const Member& member) const {
    constexpr int groups = sum_groups<Exec>;
    const int group = member.league_rank() % groups;
    const int lane = member.team_rank() % lanes;
    const int warp = member.team_rank() / lanes;
    const std::int64_t column = std::int64_t{member.league_rank() / groups} * lanes + lane;
    const Partial partial(member.team_scratch(0));
    T mine[terms] = {};
    if (column < columns) {
      slabs.for_each(group, groups, [&](std::int64_t first, int count) {
        const auto [b, l] = Position::of_row(first, slabs.length);
        for (int k = warp; k < count; k += warps) {
          const auto of_row = term.row(first + k, {b, l + k});
          for (int n = 0; n < terms; ++n) of_row.add(n, column, 1, &mine[n]);
        }
      });
    }
    for (int n = 0; n < terms; ++n) partial(n, warp, lane) = mine[n];
    member.team_barrier();
    if (warp < terms && column < columns) {
      T sum = partial(warp, 0, lane);
      for (int w = 1; w < warps; ++w) sum += partial(warp, w, lane);
      sums[group * group_stride + target(column, warp)] += sum;
    }
  }
};

template <int terms, class Exec, class T, class Term, class Target>
void column_sums(const Exec& exec, const std::string& label, const Slabs& slabs,
                 std::int64_t columns, const Term& term, const Target& target, T* sums,
                 std::int64_t group_stride) {
  if constexpr (is_host_space<Exec>) {
    using Kernel = ColumnSums<Exec, terms, T, Term, Target>;
    Kokkos::parallel_for(label, task_policy(exec, sum_groups<Exec> * Kernel::blocks(columns)),
                         Kernel{slabs, columns, term, target, sums, group_stride});
  } else {
    using Kernel = DeviceColumnSums<Exec, terms, T, Term, Target>;
    Kokkos::parallel_for(label, Kernel::policy(exec, columns),
                         Kernel{slabs, columns, term, target, sums, group_stride});
  }
}

}  // namespace fused_scan::impl

#endif
