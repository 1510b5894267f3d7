// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The layer's convolution along the sequence, with three taps for each column. Rows stay as they
// are in memory: torch's convolution wants them turned round, which takes longer than the sums.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <fused_scan/impl/access/memory_access.hpp>
#include <fused_scan/impl/array/checks.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <stdexcept>
#include <vector>

#include "instance.hpp"
#include "layer_elements.hpp"
#include "request.hpp"

namespace fused_scan::python {

namespace {

/// An array (batch, length, columns).
template <class T>
struct Sequences {
  T* data;
  std::int64_t batch_stride, row_stride, column_stride;

  explicit Sequences(const Operand& operand)
      : data(static_cast<T*>(const_cast<void*>(operand.array.data))),
        batch_stride(operand.array.stride[0]),
        row_stride(operand.array.stride[1]),
        column_stride(operand.array.stride[2]) {}

  KOKKOS_FORCEINLINE_FUNCTION T& at(std::int64_t b, std::int64_t l, std::int64_t d) const {
    return data[b * batch_stride + l * row_stride + d * column_stride];
  }
};

/// Columns of pieces of `rows` positions: a GPU's thread has one of a column, a core's of all.
struct Pieces {
  std::int64_t length, columns, rows;

  KOKKOS_FORCEINLINE_FUNCTION std::int64_t of_sequence() const {
    return impl::ceil_div(length, rows);
  }
};

/// A piece: positions [begin, end) of batch element b.
struct Piece {
  std::int64_t b, begin, end;

  KOKKOS_FORCEINLINE_FUNCTION Piece(const Pieces& pieces, std::int64_t index) {
    const std::int64_t count = pieces.of_sequence();
    b = impl::divided(index, count);
    begin = (index - b * count) * pieces.rows;
    end = begin + pieces.rows < pieces.length ? begin + pieces.rows : pieces.length;
  }
};

/// The value of a tap, which is 0 beyond the sequence.
template <class T>
KOKKOS_FORCEINLINE_FUNCTION Arithmetic<T> value(const Sequences<const T>& x, std::int64_t length,
                                                std::int64_t b, std::int64_t l, std::int64_t d) {
  return 0 <= l && l < length ? static_cast<Arithmetic<T>>(x.at(b, l, d)) : Arithmetic<T>(0);
}

/// y[l] = sum over n of taps[n] x[l + n - shift]
template <class T>
struct Convolution {
  static constexpr int rows = 16;
  Sequences<const T> x;
  Sequences<T> y;
  const Arithmetic<T>* taps;  // of column d: taps[d * column_stride + n * tap_stride]
  std::int64_t column_stride, tap_stride;
  Pieces pieces;
  int shift;

  KOKKOS_FORCEINLINE_FUNCTION Arithmetic<T> tap(int n, std::int64_t d) const {
    return taps[d * column_stride + n * tap_stride];
  }

  /// A column of a piece.
  KOKKOS_FUNCTION void operator()(std::int64_t index) const {
    const std::int64_t whole = impl::divided(index, pieces.columns);
    const std::int64_t d = index - whole * pieces.columns;
    const Piece piece(pieces, whole);
    const auto x_at = [&](std::int64_t l) { return value(x, pieces.length, piece.b, l, d); };
    const Arithmetic<T> of_tap[3] = {tap(0, d), tap(1, d), tap(2, d)};
    Arithmetic<T> window[rows + 2];
    for (int r = 0; r < rows + 2; ++r) window[r] = x_at(piece.begin + r - shift);
    for (int r = 0; r < rows; ++r) {
      if (piece.begin + r >= piece.end) return;
      y.at(piece.b, piece.begin + r, d) = static_cast<T>(
          of_tap[0] * window[r] + of_tap[1] * window[r + 1] + of_tap[2] * window[r + 2]);
    }
  }

  /// All columns of a piece, along the rows.
  void on_host(std::int64_t index) const {
    const Piece piece(pieces, index);
    for (std::int64_t l = piece.begin; l < piece.end; ++l) {
      const std::int64_t first = l - shift;
      if (x.column_stride == 1 && y.column_stride == 1 && first >= 0 && first + 2 < pieces.length) {
        row_inside(&x.at(piece.b, first, 0), &y.at(piece.b, l, 0));
        continue;
      }
      for (std::int64_t d = 0; d < pieces.columns; ++d) {
        Arithmetic<T> sum = 0;
        for (int n = 0; n < 3; ++n) {
          sum += tap(n, d) * value(x, pieces.length, piece.b, first + n, d);
        }
        y.at(piece.b, l, d) = static_cast<T>(sum);
      }
    }
  }

 private:
  /// The usual row by itself, which compiles to vector instructions.
  void row_inside(const T* KOKKOS_RESTRICT from, T* KOKKOS_RESTRICT to) const {
    const Arithmetic<T>* const of_tap[3] = {taps, taps + tap_stride, taps + 2 * tap_stride};
    const T* const next = from + x.row_stride;
    const T* const last = next + x.row_stride;
    for (std::int64_t d = 0; d < pieces.columns; ++d) {
      to[d] = static_cast<T>(of_tap[0][d] * static_cast<Arithmetic<T>>(from[d]) +
                             of_tap[1][d] * static_cast<Arithmetic<T>>(next[d]) +
                             of_tap[2][d] * static_cast<Arithmetic<T>>(last[d]));
    }
  }
};

/// sums[piece, n, d] = sum over the piece's l of grad_y[l] x[l + n - shift]
template <class T>
struct TapGradient {
  static constexpr int rows = 8;  // that a GPU's thread reads at a time
  Sequences<const T> x;
  Sequences<const T> grad_y;
  Arithmetic<T>* sums;
  Pieces pieces;
  int shift;

  KOKKOS_FUNCTION void operator()(std::int64_t index) const {
    const std::int64_t whole = impl::divided(index, pieces.columns);
    const std::int64_t d = index - whole * pieces.columns;
    const Piece piece(pieces, whole);
    Arithmetic<T> sum[3] = {};
    for (std::int64_t begin = piece.begin; begin < piece.end; begin += rows) {
      Arithmetic<T> window[rows + 2], gradient[rows];
      for (int r = 0; r < rows + 2; ++r) {
        window[r] = value(x, pieces.length, piece.b, begin + r - shift, d);
      }
      for (int r = 0; r < rows; ++r) {
        gradient[r] = value(grad_y, piece.end, piece.b, begin + r, d);
      }
      for (int r = 0; r < rows; ++r) {
        for (int n = 0; n < 3; ++n) sum[n] += gradient[r] * window[r + n];
      }
    }
    for (int n = 0; n < 3; ++n) sums[(whole * 3 + n) * pieces.columns + d] = sum[n];
  }

  void on_host(std::int64_t index) const {
    const Piece piece(pieces, index);
    for (int n = 0; n < 3; ++n) {
      Arithmetic<T>* KOKKOS_RESTRICT const sum = sums + (index * 3 + n) * pieces.columns;
      std::fill_n(sum, pieces.columns, Arithmetic<T>(0));
      const std::int64_t begin = std::max<std::int64_t>(piece.begin, shift - n);
      const std::int64_t end = std::min(piece.end, pieces.length + shift - n);
      for (std::int64_t l = begin; l < end; ++l) {
        add_row(&grad_y.at(piece.b, l, 0), &x.at(piece.b, l + n - shift, 0), sum);
      }
    }
  }

 private:
  void add_row(const T* KOKKOS_RESTRICT gradient, const T* KOKKOS_RESTRICT row,
               Arithmetic<T>* KOKKOS_RESTRICT sum) const {
    using A = Arithmetic<T>;
    if (grad_y.column_stride == 1 && x.column_stride == 1) {  // vector instructions
      for (std::int64_t d = 0; d < pieces.columns; ++d) {
        sum[d] += static_cast<A>(gradient[d]) * static_cast<A>(row[d]);
      }
      return;
    }
    for (std::int64_t d = 0; d < pieces.columns; ++d) {
      sum[d] += static_cast<A>(gradient[d * grad_y.column_stride]) *
                static_cast<A>(row[d * x.column_stride]);
    }
  }
};

template <class Kernel>
struct OnHost {
  Kernel kernel;
  void operator()(std::int64_t index) const { kernel.on_host(index); }
};

/// A kernel whose indices are a GPU's threads, or a core's pieces.
template <class Kernel>
void launch(const AnyRequest& request, const Kernel& kernel, std::int64_t batch) {
  const std::int64_t pieces = batch * kernel.pieces.of_sequence();
  const std::int64_t threads = pieces * kernel.pieces.columns;
  python::on_instance(request.place, threads * kernel.pieces.rows, [&](const auto& exec) {
    using Exec = std::decay_t<decltype(exec)>;
    using Policy = Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>;
    if constexpr (std::is_same_v<typename Exec::memory_space, Kokkos::HostSpace>) {
      Kokkos::parallel_for(request.function, Policy(exec, 0, pieces), OnHost<Kernel>{kernel});
      exec.fence(request.function);
    } else {
      Kokkos::parallel_for(request.function, Policy(exec, 0, threads), kernel);
    }
  });
}

/// Throws where an array isn't a dense one of these extents, in the type of the arithmetic.
void check_dense(const LayerRequest& request, const Operand& operand,
                 const std::vector<std::int64_t>& extents, std::size_t size) {
  bool fits = operand.array.rank == static_cast<int>(extents.size()) &&
              operand.type == (size == 4 ? ElementType::float32 : ElementType::float64);
  std::int64_t stride = 1;
  for (int d = operand.array.rank - 1; fits && d >= 0; --d) {
    const std::int64_t extent = extents[static_cast<std::size_t>(d)];
    fits = operand.array.extent[d] == extent && (extent <= 1 || operand.array.stride[d] == stride);
    stride *= extent;
  }
  if (!fits) {
    throw std::invalid_argument(request.function + ": '" + operand.name +
                                "' has a wrong shape or type");
  }
}

}  // namespace

void convolution(const LayerRequest& request) {
  const Operand &x = request.arrays[0], &y = request.arrays[1], &weight = request.arrays[2];
  const std::int64_t columns = x.array.extent[2];
  if (x.array.empty()) return;
  with_element_type(request, [&]<class T>(T) {
    using A = Arithmetic<T>;
    check_dense(request, weight, {columns, 3}, sizeof(A));
    Convolution<T> kernel{Sequences<const T>(x),
                          Sequences<T>(y),
                          static_cast<const A*>(weight.array.data),
                          3,
                          1,
                          {x.array.extent[1], columns, Convolution<T>::rows},
                          request.shift};
    std::vector<A> turned;  // on a host a tap's numbers lie side by side
    if (!request.place.on_gpu) {
      turned.resize(static_cast<std::size_t>(3 * columns));
      for (std::int64_t d = 0; d < columns; ++d) {
        for (int n = 0; n < 3; ++n)
          turned[static_cast<std::size_t>(n * columns + d)] = kernel.tap(n, d);
      }
      kernel.taps = turned.data();
      kernel.column_stride = 1;
      kernel.tap_stride = columns;
    }
    if (request.reverse) {
      kernel.taps += 2 * kernel.tap_stride;
      kernel.tap_stride = -kernel.tap_stride;
    }
    python::launch(request, kernel, x.array.extent[0]);
  });
}

void convolution_gradient(const LayerRequest& request) {
  const Operand &x = request.arrays[0], &grad_y = request.arrays[1], &sums = request.arrays[2];
  const std::int64_t batch = x.array.extent[0], length = x.array.extent[1],
                     columns = x.array.extent[2];
  if (x.array.empty()) return;
  impl::require(sums.array.extent[0] >= batch, request.function.c_str(),
                [] { return "'sums' has too few pieces"; });
  with_element_type(request, [&]<class T>(T) {
    using A = Arithmetic<T>;
    // The caller says by the sums' extent how many pieces there are.
    const std::int64_t count = sums.array.extent[0] / batch;
    const Pieces pieces{length, columns, impl::ceil_div(length, count)};
    check_dense(request, sums, {batch * pieces.of_sequence(), 3, columns}, sizeof(A));
    python::launch(
        request,
        TapGradient<T>{Sequences<const T>(x), Sequences<const T>(grad_y),
                       static_cast<A*>(const_cast<void*>(sums.array.data)), pieces, request.shift},
        batch);
  });
}

}  // namespace fused_scan::python
