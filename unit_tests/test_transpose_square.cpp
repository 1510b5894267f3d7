// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <fused_scan/impl/host/transpose_square.hpp>
#include <tuple>
#include <vector>

namespace {

using namespace fused_scan::impl;

// Elements of 2, 4, 8 and 16 bytes: those of 4 and 8 are shuffled in vectors.
using Elements =
    std::tuple<std::int16_t, float, std::int32_t, double, std::int64_t, Kokkos::complex<double>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("TransposeSquare.AnyStridesOfEitherSign", "", Elements) {
  constexpr int n = chunk_length;
  constexpr int space = 40 * n;
  for (const int from_stride : {16, 17, 40, -16, -23}) {
    for (const int to_stride : {16, 19, -16}) {
      INFO("strides " << from_stride << " and " << to_stride);
      std::vector<TestType> from(space), to(space, TestType(-1)), expected(space, TestType(-1));
      for (int i = 0; i < space; ++i) from[i] = static_cast<TestType>(i);
      // Where a square of a negative stride begins, so that it ends at the array's beginning.
      const int from_begin = from_stride < 0 ? -from_stride * (n - 1) : 0;
      const int to_begin = to_stride < 0 ? -to_stride * (n - 1) : 0;
      for (int r = 0; r < n; ++r) {
        for (int c = 0; c < n; ++c) {
          expected[to_begin + r * to_stride + c] = from[from_begin + c * from_stride + r];
        }
      }
      transpose_square(from.data() + from_begin, from_stride, to.data() + to_begin, to_stride);
      CHECK(to == expected);
    }
  }
}
