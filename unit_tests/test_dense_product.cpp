// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The dense products of the layer against sums in long double: the module's own, and what is chosen
// (gemm, where Kokkos Kernels is built in).

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <cmath>
#include <fused_scan/layers/dense_product.hpp>
#include <limits>
#include <vector>

#include "ar_ssm_call.hpp"

namespace fused_scan::test {
namespace {

using impl::Matrix;
using impl::Rows;
using impl::Slabs;
using Memory = Exec::memory_space;
template <class T>
using Flat = Kokkos::View<T*, Memory>;

template <class T>
Flat<T> random_flat(std::size_t count, int seed) {
  Flat<T> view("values", count);
  set_values(view, random_values<T>(count, seed));
  return view;
}

template <class T>
struct StoreTwice {
  Rows<T> out;
  struct Row {
    T* out;
    std::int64_t stride;
    KOKKOS_FUNCTION void operator()(std::int64_t first, std::int64_t count, const T* values) const {
      for (std::int64_t j = 0; j < count; ++j) out[(first + j) * stride] = 2 * values[j];
    }
  };
  KOKKOS_FUNCTION Row row(std::int64_t i) const { return {out.row(i), out.column_stride}; }
};

struct Sizes {
  int batch, length, depth, columns;
};

const std::vector<Sizes> all_sizes{{1, 1, 1, 1},    {1, 7, 3, 5},    {3, 5, 9, 33},
                                   {2, 49, 64, 32}, {1, 48, 256, 8}, {1, 97, 257, 65},
                                   {1, 60, 600, 3}, {2, 20, 5, 300}};

template <class T>
std::int64_t packed(const Sizes& s) {
  return impl::packed_size<T>(s.depth, s.columns);
}

// Rows with gaps between columns, rows and batch elements; the small matrix as it is or transposed.
template <class T>
void check_product(const Sizes& s, int gap, bool transposed, bool own) {
  INFO(s.batch << " x " << s.length << " rows, depth " << s.depth << ", columns " << s.columns
               << ", gap " << gap << (transposed ? ", transposed" : "") << (own ? ", own" : ""));
  const auto rows_in = [&](const Flat<T>& memory, int columns) {
    const std::int64_t row = gap * columns + (gap - 1);
    return Rows<T>{memory.data(), s.length, row * s.length + (gap - 1), row, gap};
  };
  const auto memory_for = [&](int columns, int seed) {
    return random_flat<T>(std::size_t{1} * s.batch * (s.length * (gap * columns + gap) + gap),
                          seed);
  };
  const auto a_memory = memory_for(s.depth, 1);
  const auto out_memory = memory_for(s.columns, 2);
  const auto b_memory = random_flat<T>(std::size_t{1} * s.depth * s.columns, 3);
  const Rows<T> a = rows_in(a_memory, s.depth);
  const Rows<T> out = rows_in(out_memory, s.columns);
  const Matrix<T> b = transposed ? Matrix<T>{b_memory.data(), 1, s.depth}
                                 : Matrix<T>{b_memory.data(), s.columns, 1};
  const Flat<T> panels("packed", packed<T>(s));
  const std::int64_t rows = std::int64_t{1} * s.batch * s.length;
  const StoreTwice<T> store{out};
  if (own) {
    impl::own_product<Exec, T>(Exec(), "product", rows, a, s.depth, b, s.columns, panels.data(),
                               store);
  } else {
    impl::dense_product<Exec, T>(Exec(), "product", rows, a, s.depth, b, s.columns, out,
                                 panels.data(), store);
  }

  const auto a_values = values_of(a_memory);
  const auto b_values = values_of(b_memory);
  const auto out_values = values_of(out_memory);
  double worst = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto offset = [&](const Rows<T>& matrix, std::int64_t j) {
      return i / s.length * matrix.batch_stride + i % s.length * matrix.row_stride +
             j * matrix.column_stride;
    };
    for (int j = 0; j < s.columns; ++j) {
      long double sum = 0;
      for (int k = 0; k < s.depth; ++k) {
        sum += static_cast<long double>(a_values[offset(a, k)]) *
               b_values[k * b.row_stride + j * b.column_stride];
      }
      worst = std::max(worst, std::abs(static_cast<double>(out_values[offset(out, j)] - 2 * sum)));
    }
  }
  CHECK(worst <= 2 * s.depth * std::numeric_limits<T>::epsilon());
}

TEMPLATE_TEST_CASE("DenseProduct.EverySizeAndStride", "", float, double) {
  for (const Sizes& s : all_sizes) {
    for (const int gap : {1, 2, 3}) {
      for (const bool transposed : {false, true}) {
        check_product<TestType>(s, gap, transposed, true);
        check_product<TestType>(s, gap, transposed, false);
      }
    }
  }
}

template <class T>
std::vector<T> sum_over_rows(const Sizes& s, const Flat<T>& a, const Flat<T>& b, bool own,
                             bool at_once) {
  constexpr int groups = impl::sum_groups<Exec>;
  const std::int64_t elements = std::int64_t{1} * s.depth * s.columns;
  const std::int64_t stride = elements + 3;
  const Flat<T> sums("sums", groups * stride);
  const int step = at_once ? s.batch : 1;
  for (int first = 0; first < s.batch; first += step) {
    const Slabs slabs{first, step, s.length};
    const Rows<const T> a_rows =
        impl::plain_rows<const T>(a.data(), s.length, s.depth).from_batch(first);
    const Rows<const T> b_rows =
        impl::plain_rows<const T>(b.data(), s.length, s.columns).from_batch(first);
    if (own) {
      impl::own_transposed_product<Exec, T>(Exec(), "sum", slabs, a_rows, s.depth, b_rows,
                                            s.columns, sums.data(), stride);
    } else {
      impl::transposed_product<Exec, T>(Exec(), "sum", slabs, a_rows, s.depth, b_rows, s.columns,
                                        sums.data(), stride);
    }
  }
  const auto values = values_of(sums);
  std::vector<T> result(elements);
  for (int group = 0; group < groups; ++group) {
    for (std::int64_t i = 0; i < elements; ++i) result[i] += values[group * stride + i];
  }
  return result;
}

TEMPLATE_TEST_CASE("DenseProduct.SumsOverRows", "", float, double) {
  using T = TestType;
  for (Sizes s : all_sizes) {
    s.length *= 7;  // several slabs, some in every group
    INFO(s.batch << " x " << s.length << " rows, " << s.depth << " x " << s.columns);
    const auto a = random_flat<T>(std::size_t{1} * s.batch * s.length * s.depth, 1);
    const auto b = random_flat<T>(std::size_t{1} * s.batch * s.length * s.columns, 2);
    const auto a_values = values_of(a);
    const auto b_values = values_of(b);
    std::vector<double> expected(std::size_t{1} * s.depth * s.columns);
    for (int row = 0; row < s.batch * s.length; ++row) {
      for (int i = 0; i < s.depth; ++i) {
        for (int j = 0; j < s.columns; ++j) {
          expected[std::size_t{1} * i * s.columns + j] +=
              static_cast<double>(a_values[std::size_t{1} * row * s.depth + i]) *
              b_values[std::size_t{1} * row * s.columns + j];
        }
      }
    }
    for (const bool own : {true, false}) {
      const auto at_once = sum_over_rows(s, a, b, own, true);
      const double allowed = 10 * std::sqrt(s.batch * s.length) * std::numeric_limits<T>::epsilon();
      CHECK(relative_error(at_once, expected) <= allowed);
      CHECK(difference(sum_over_rows(s, a, b, own, false), at_once) == "");
    }
  }
}

}  // namespace
}  // namespace fused_scan::test
