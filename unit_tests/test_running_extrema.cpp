// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <Kokkos_Core.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fused_scan/running_extrema.hpp>
#include <limits>
#include <stdexcept>
#include <vector>

#include "recurrence_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Exec = Kokkos::DefaultExecutionSpace;

/// Few different numbers, so that many are equal; of floating-point numbers some are NaN or
/// infinite.
template <class T>
HostArray<T> numbers(const Extents& extents, std::uint64_t seed, std::uint64_t nan_every) {
  HostArray<T> array(extents);
  for (std::size_t i = 0; i < array.values.size(); ++i) {
    const std::uint64_t bits = random_bits(seed * 1000003 + i);
    array.values[i] = static_cast<T>(static_cast<int>(bits % 23) - 11);
    if constexpr (std::is_floating_point_v<T>) {
      if (bits % 101 == 0) array.values[i] = -std::numeric_limits<T>::infinity();
      if (nan_every > 0 && (bits >> 8) % nan_every == 0) {
        array.values[i] = std::numeric_limits<T>::quiet_NaN();
      }
    }
  }
  return array;
}

/// As the documentation of torch.cummax has it, in a loop.
template <class T, class Index>
void loop(const HostArray<T>& x, int axis, Direction direction, bool of_max, HostArray<T>& values,
          HostArray<Index>& indices) {
  const auto positions = [&] {
    HostArray<std::int64_t> places(x.extents);
    for (const Line& line : lines_of(x.extents, axis, Direction::forward)) {
      for (std::size_t i = 0; i < line.size(); ++i) {
        places.values[line[i]] = static_cast<std::int64_t>(i);
      }
    }
    return places;
  }();
  for (const Line& line : lines_of(x.extents, axis, direction)) {
    std::size_t best = line.empty() ? 0 : line[0];
    for (const std::size_t at : line) {
      const T a = x.values[best], b = x.values[at];
      if (b != b || (a == a && (of_max ? b >= a : b <= a))) best = at;
      values.values[at] = x.values[best];
      indices.values[at] = static_cast<Index>(positions.values[best]);
    }
  }
}

template <class T, class Index>
void check(const Extents& extents, int axis, std::uint64_t nan_every) {
  for (const Direction direction : {Direction::forward, Direction::reverse}) {
    for (const bool of_max : {true, false}) {
      for (const Order order : {Order::right, Order::left, Order::gaps}) {
        INFO(to_string(extents) << ", axis " << axis << ", max " << of_max << ", reverse "
                                << (direction == Direction::reverse) << ", order "
                                << static_cast<int>(order));
        const auto x = numbers<T>(extents, axis + 1, nan_every);
        HostArray<T> values(extents);
        HostArray<Index> indices(extents);
        loop(x, axis, direction, of_max, values, indices);
        const auto in = make_any_view<T, 3, Exec>("x", x, order);
        const auto out = make_any_view<T, 3, Exec>("values", x, Order::right);
        const AnyView<Index, 3, Exec> at("indices", in.layout());
        const auto run = [&](const auto& to) {
          if (of_max) {
            running_max(Exec(), in, to, at, axis, {.direction = direction});
          } else {
            running_min(Exec(), in, to, at, axis, {.direction = direction});
          }
        };
        run(out);
        CHECK_THAT(read(out), equals(values));
        CHECK_THAT(read(at), equals(indices));
        run(in);
        CHECK_THAT(read(in), equals(values));
        CHECK_THAT(read(at), equals(indices));
      }
    }
  }
}

}  // namespace

TEST_CASE("RunningExtrema.AgainstALoop") {
  for (const int axis : {0, 1, 2}) {
    check<float, std::int64_t>({3, 50, 40}, axis, 0);
    check<float, std::int64_t>({60, 5, 3}, axis, 40);
    check<std::int32_t, std::uint16_t>({2, 300, 5}, axis, 0);
    check<std::uint8_t, std::int64_t>({1, 3000, 1}, axis, 0);
    check<float, std::int64_t>({2, 0, 3}, axis, 0);
  }
  check<float, std::int64_t>({1, 40001, 1}, 1, 20000);
  check<std::int32_t, std::uint16_t>({1, 20001, 3}, 1, 0);
}

// One sentence, and nothing is written.
TEST_CASE("RunningExtrema.Errors") {
  const Kokkos::View<float**, Exec> x("x", 2, 300), y("y", 2, 300);
  const Kokkos::View<std::int8_t**, Exec> bytes("bytes", 2, 300);
  const Kokkos::View<int**, Exec> shorter("shorter", 2, 299);
  const Kokkos::View<int**, Exec, Kokkos::MemoryUnmanaged> in_y(reinterpret_cast<int*>(y.data()), 2,
                                                                300);
  Kokkos::deep_copy(y, 1);
  const auto refuses = [](const auto& call, const std::string& text) {
    CHECK_THROWS_MATCHES(call(), std::invalid_argument, Catch::Matchers::Message(text));
  };
  refuses([&] { running_max(Exec(), x, y, bytes); },
          "fused_scan::running_max: the type of View 'bytes' holds no more than 127, and positions "
          "go up to 299");
  refuses([&] { running_min(Exec(), x, y, shorter); },
          "fused_scan::running_min: extents of 'x' (2, 300) and 'shorter' (2, 299) differ");
  refuses([&] { running_min(Exec(), x, y, in_y); },
          "fused_scan::running_min: Views 'y' and '' overlap in memory");
  CHECK_THAT(read(Kokkos::View<const float**, Exec>(y)), equals(same_everywhere({2, 300}, 1.0f)));
}
