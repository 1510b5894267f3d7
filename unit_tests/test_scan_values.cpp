// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Every operator on every type of number that it is for.

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <fused_scan/scan.hpp>
#include <limits>
#include <tuple>
#include <type_traits>

#include "random_bits.hpp"
#include "scan_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Numbers =
    std::tuple<float, double, Kokkos::Experimental::half_t, Kokkos::Experimental::bhalf_t,
               Kokkos::complex<float>, Kokkos::complex<double>, std::int32_t, std::uint32_t,
               std::int64_t, std::uint64_t>;
using RealNumbers =
    std::tuple<float, double, Kokkos::Experimental::half_t, Kokkos::Experimental::bhalf_t,
               std::int32_t, std::uint32_t, std::int64_t, std::uint64_t>;

// An array of numbers made of the bits random_bits(i), and of no others.
template <class T, class F>
HostArray<T> generated(const Extents& extents, F number_of) {
  HostArray<T> array(extents);
  for (std::size_t i = 0; i < array.values.size(); ++i) array.values[i] = number_of(random_bits(i));
  return array;
}

template <class To, class From>
HostArray<To> converted(const HostArray<From>& array) {
  HostArray<To> result(array.extents);
  for (std::size_t i = 0; i < array.values.size(); ++i) {
    result.values[i] = static_cast<To>(array.values[i]);
  }
  return result;
}

template <std::integral T>
HostArray<T> all_integers(const Extents& extents) {
  return generated<T>(extents,
                      [](std::uint64_t bits) { return static_cast<T>(bits >> 32 ^ bits); });
}

// Compares scans along every axis of Views that take different paths, short lines and long ones,
// with `expected(array, call)`.
template <class T, class Op, class Generate, class Expected, class Matcher>
void check_numbers(Generate generate, Expected expected, Matcher matcher) {
  using View = ViewOfRank<T, 3, Kokkos::LayoutRight, Kokkos::DefaultExecutionSpace>;
  for (const Extents& extents : {Extents{3, 300, 20}, Extents{2, 3, 1025}, Extents{2, 1025, 3}})
    for (int axis = 0; axis < 3; ++axis)
      for_each_call(axis, [&](const ScanCall& call) {
        const HostArray<T> array = generate(extents);
        INFO(to_string(extents) << ", " << to_string(call));
        CHECK_THAT((scanned<View, View>(array, Op{}, call)), matcher(expected(array, call)));
      });
}

template <class T, class Op, class Generate, class Reference>
void check_folded(Generate generate, T identity, Reference reference) {
  using Number = std::conditional_t<sizeof(T) == 2, float, T>;  // half types are scanned in float
  check_numbers<T, Op>(
      generate,
      [&](const HostArray<T>& array, const ScanCall& call) {
        return converted<T>(folded(converted<Number>(array), Number(identity), reference, call));
      },
      equals<T>);
}

// Products of these stay exact: units, their doubles and halves, as many of one as of the other.
template <class T>
T factor(std::uint64_t bits) {
  const T sign(bits % 2 == 0 ? 1 : -1);
  const T size(bits / 2 % 4 == 0 ? 2 : bits / 2 % 4 == 1 ? 0.5 : 1);
  if constexpr (is_complex<T>) {
    return bits / 8 % 2 == 0 ? sign * size : T(0, sign.real() * size.real());
  } else {
    return sign * size;
  }
}

// From 0.5 to 1, with all bits of the type; well-conditioned sums.
template <class T>
T positive_fraction(std::uint64_t bits) {
  if constexpr (is_complex<T>) {
    using Part = typename T::value_type;
    return T(positive_fraction<Part>(bits), positive_fraction<Part>(random_bits(bits)));
  } else {
    return static_cast<T>(0.5 + 0.5 * random_fraction(bits));
  }
}

template <class T, bool Largest>
constexpr T identity_of_extremum() {
  if constexpr (std::integral<T>) {
    return Largest ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max();
  } else {
    return static_cast<T>(Largest ? -std::numeric_limits<float>::infinity()
                                  : std::numeric_limits<float>::infinity());
  }
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("ScanValues.CompensatedSum", "", Numbers) {
  using T = TestType;
  if constexpr (std::integral<T>) {
    check_folded<T, CompensatedSum>(all_integers<T>, T(0), ReferenceSum{});
  } else {
    check_numbers<T, CompensatedSum>(
        [](const Extents& extents) { return generated<T>(extents, positive_fraction<T>); },
        exactly_summed<T>, within_one_ulp<T>);
  }
}

TEMPLATE_LIST_TEST_CASE("ScanValues.Sum", "", Numbers) {
  using T = TestType;
  if constexpr (std::integral<T>) {
    check_folded<T, Sum>(all_integers<T>, T(0), ReferenceSum{});
  } else {
    check_numbers<T, Sum>(small_integers<T>, exactly_summed<T>, equals<T>);
  }
}

TEMPLATE_LIST_TEST_CASE("ScanValues.Prod", "", Numbers) {
  using T = TestType;
  const auto generate = [](const Extents& extents) {
    if constexpr (std::integral<T>) {  // odd ones: a product of them is never zero
      return generated<T>(extents, [](std::uint64_t bits) { return static_cast<T>(bits | 1); });
    } else {
      return generated<T>(extents, factor<T>);
    }
  };
  check_folded<T, Prod>(generate, T(1), ReferenceProduct{});
}

TEMPLATE_LIST_TEST_CASE("ScanValues.MaxAndMin", "", RealNumbers) {
  using T = TestType;
  const auto generate = [](const Extents& extents) {
    if constexpr (std::integral<T>) {
      return all_integers<T>(extents);
    } else {
      return generated<T>(extents, [](std::uint64_t bits) {
        return static_cast<T>(static_cast<double>(bits) * 0x1p-53 - 1024.0);
      });
    }
  };
  check_folded<T, Max>(generate, identity_of_extremum<T, true>(), ReferenceMax{});
  check_folded<T, Min>(generate, identity_of_extremum<T, false>(), ReferenceMin{});
}

// Numbers are scanned in the common type of input and output, and rounded to the output's once.
TEMPLATE_LIST_TEST_CASE("ScanValues.InputAndOutputOfTwoTypes", "", ExecutionSpaces) {
  const auto check = []<class In, class Out>(In, Out) {
    const Extents extents{3, 300};
    const auto array = small_integers<In>(extents);
    for (int axis = 0; axis < 2; ++axis) {
      const ScanCall call{.axis = axis};
      CHECK_THAT((scanned<ViewOfRank<In, 2, Kokkos::LayoutRight, TestType>,
                          ViewOfRank<Out, 2, Kokkos::LayoutRight, TestType>>(array, Sum{}, call)),
                 equals(folded(converted<Out>(array), Out(0), ReferenceSum{}, call)));
    }
  };
  check(double{}, float{});
  check(std::int32_t{}, double{});
  check(float{}, Kokkos::complex<double>{});
  check(std::int8_t{}, std::int64_t{});
}
