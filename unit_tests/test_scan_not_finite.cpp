// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Infinities, NaN and overflow: a scan gives what the plain operation gives, from the element on
// where it happens.

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <fused_scan/scan.hpp>
#include <limits>
#include <tuple>

#include "scan_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

template <class T>
constexpr T inf_of = std::numeric_limits<T>::infinity();
template <class T>
constexpr T nan_of = std::numeric_limits<T>::quiet_NaN();

// Lines along each path, with special values around the edges of chunks and at both ends.
template <class T, class Op, class Reference>
void check_special(T value, T other, T identity, Reference reference) {
  constexpr std::size_t length = 300;
  using View = ViewOfRank<T, 2, Kokkos::LayoutRight, Kokkos::DefaultExecutionSpace>;
  for (const Extents& extents : {Extents{1, length}, Extents{length, 1}, Extents{length, 20}}) {
    const int axis = extents[0] == length ? 0 : 1;
    for (const std::size_t first : {0, 15, 16, 256, 299})
      for (const std::size_t second : {7, 272})
        for_each_call(axis, [&](const ScanCall& call) {
          auto array = small_integers<T>(extents);
          const std::size_t stride = extents[1] == length ? 1 : extents[1];
          const std::size_t line = extents[1] == 20 ? 13 : 0;  // the other lines stay ordinary
          array.values[second * stride + line] = other;
          array.values[first * stride + line] = value;
          INFO("elements " << first << " and " << second << ", " << to_string(extents) << ", "
                           << to_string(call));
          CHECK_THAT((scanned<View, View>(array, Op{}, call)),
                     equals(folded(array, identity, reference, call)));
        });
  }
}

using Floats = std::tuple<float, double>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("ScanNotFinite.CompensatedSum", "", Floats) {
  using T = TestType;
  check_special<T, CompensatedSum>(inf_of<T>, 1, 0, ReferenceSum{});
  check_special<T, CompensatedSum>(inf_of<T>, inf_of<T>, 0, ReferenceSum{});
  check_special<T, CompensatedSum>(inf_of<T>, -inf_of<T>, 0, ReferenceSum{});
  check_special<T, CompensatedSum>(nan_of<T>, -inf_of<T>, 0, ReferenceSum{});
}

TEST_CASE("ScanNotFinite.CompensatedSumOfComplexNumbers") {
  using T = Kokkos::complex<float>;
  constexpr float inf = inf_of<float>;
  check_special<T, CompensatedSum>(T(inf, 1), T(1, -inf), T(0), ReferenceSum{});
  check_special<T, CompensatedSum>(T(inf, 1), T(-inf, nan_of<float>), T(0), ReferenceSum{});
}

TEST_CASE("ScanNotFinite.Sum") {
  constexpr float inf = inf_of<float>;
  check_special<float, Sum>(inf, -inf, 0, ReferenceSum{});
  check_special<float, Sum>(inf, nan_of<float>, 0, ReferenceSum{});
}

TEST_CASE("ScanNotFinite.NanSpreadsThroughMaxAndMin") {
  constexpr float inf = inf_of<float>;
  constexpr float nan = nan_of<float>;
  check_special<float, Max>(nan, inf, -inf, ReferenceMax{});
  check_special<float, Max>(-inf, nan, -inf, ReferenceMax{});
  check_special<float, Min>(nan, -inf, inf, ReferenceMin{});
  check_special<float, Min>(inf, nan, inf, ReferenceMin{});
}

// Past the largest number a sum is infinite, and no NaN comes of it; short of it nothing happens,
// though TwoSum computes with numbers of that size.
TEMPLATE_LIST_TEST_CASE("ScanNotFinite.SumsAroundTheLargestNumber", "", Floats) {
  using T = TestType;
  using View = ViewOfRank<T, 1, Kokkos::LayoutRight, Kokkos::DefaultExecutionSpace>;
  constexpr T largest = std::numeric_limits<T>::max();
  const T ulp = largest * std::numeric_limits<T>::epsilon() / 2;
  HostArray<T> array({300});

  array.values[3] = largest;
  array.values[200] = largest;
  CHECK_THAT((scanned<View, View>(array, CompensatedSum{}, {})),
             equals(folded(array, T(0), ReferenceSum{}, {})));

  array.values[4] = ulp / 4;
  array.values[5] = -largest;
  array.values[200] = -largest;
  array.values[201] = -ulp / 4;
  CHECK_THAT((scanned<View, View>(array, CompensatedSum{}, {})), equals(exactly_summed(array, {})));

  array.values[5] = ulp / 4;  // with the quarter before it half an ulp, which rounds up
  array.values[200] = 0;
  CHECK_THAT((scanned<View, View>(array, CompensatedSum{}, {})), equals(exactly_summed(array, {})));
}

// The product of zero and infinity is the one case where Prod makes a NaN of ordinary ones.
TEST_CASE("ScanNotFinite.Prod") {
  using View = ViewOfRank<float, 1, Kokkos::LayoutRight, Kokkos::DefaultExecutionSpace>;
  for (const std::size_t zero : {3, 20, 299}) {
    HostArray<float> array({300});
    for (auto& x : array.values) x = -1;
    array.values[zero] = 0;
    array.values[100] = inf_of<float>;
    CHECK_THAT((scanned<View, View>(array, Prod{}, {})),
               equals(folded(array, 1.0F, ReferenceProduct{}, {})));
  }
}
