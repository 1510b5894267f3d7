// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Segments as a GPU scans them, carried out on a host by teams of one thread: windows of short ones
// and pieces of long ones, against each segment scanned alone.

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fused_scan/operators.hpp>
#include <fused_scan/recurrence.hpp>
#include <fused_scan/scan.hpp>
#include <fused_scan/segmented_scan.hpp>
#include <numeric>
#include <string>
#include <vector>

namespace {

using namespace fused_scan;

using Exec = Kokkos::DefaultHostExecutionSpace;
template <class T>
using View = Kokkos::View<T***, Kokkos::LayoutRight, Exec>;
using Offsets = Kokkos::View<int*, Exec>;
using Half = Kokkos::Experimental::half_t;

/// A host has less scratch memory for a team than a GPU.
constexpr int block_size = 2048;

/// Of one multiprocessor, so that tiles are as large as they may be, or of many: 1024 elements.
impl::DeviceMachine machine_of(int multiprocessors) {
  return {multiprocessors, 32, 227 << 10, 228 << 10};
}

template <class Array>
void fill(const Array& x, std::uint32_t bits) {
  using T = typename Array::non_const_value_type;
  // Of sizes far enough apart that sums are rounded.
  const unsigned sizes = sizeof(T) == 2 ? 12 : sizeof(T) == 4 ? 40 : 90;
  for (std::size_t k = 0; k < x.size(); ++k) {
    bits = bits * 1664525U + 1013904223U;
    // A double's 53 bits.
    const double low = sizeof(T) == 8 ? std::ldexp(bits, -32) : 0;
    const double value = std::ldexp((bits >> 8) + low, -24 - static_cast<int>(bits % sizes));
    const double element = bits % 3 == 0 ? -value : value;
    if constexpr (sizeof(T) == 8) {
      x.data()[k] = element;
    } else {
      x.data()[k] = static_cast<T>(static_cast<float>(element));
    }
  }
}

template <class A>
int different(const A& a, const A& b) {
  int count = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    count += std::memcmp(a.data() + k, b.data() + k, sizeof(a.data()[k])) != 0 ? 1 : 0;
  }
  return count;
}

Offsets offsets_of(const std::vector<int>& lengths) {
  const Offsets offsets("offsets", lengths.size() + 1);
  for (std::size_t s = 0; s < lengths.size(); ++s) offsets(s + 1) = offsets(s) + lengths[s];
  return offsets;
}

std::uint32_t random_bits(std::uint32_t& state) {
  state = state * 1664525U + 1013904223U;
  return state >> 8;
}

/// Around the chunk, a window (2048 floats, 1024 doubles) and a tile (2048 or 1024 elements);
/// tiny ones, with a long one among them; any in turns; a few long ones; one.
std::vector<std::vector<int>> all_lengths() {
  std::vector<int> edges{0, 0, 1, 15, 16, 17, 31, 32, 33, 0, 255, 256, 257};
  for (const int edge : {256, 1024, 2048}) {
    for (const int length : {edge - 1, edge, edge + 1, 1}) edges.push_back(length);
  }
  edges.push_back(3 * 2048 + 5);
  edges.push_back(7 * 2048);
  edges.push_back(0);
  std::vector<int> tiny(800, 7);
  tiny[534] = 9000;
  std::vector<int> any;
  std::uint32_t state = 1;
  for (int k = 0; k < 200; ++k) {
    any.push_back(static_cast<int>(random_bits(state) % (1U << random_bits(state) % 13)));
  }
  return {edges, tiny, std::vector<int>(3000, 1), any, {9000, 12000, 3}, {20001}};
}

impl::SegmentPlan plan_of(impl::ScanShape shape, const Offsets& offsets, int multiprocessors) {
  // A host's teams have 32 KiB of scratch memory.
  if (shape.inner > 32) shape.block_size = 48;
  auto plan =
      impl::make_segment_plan(shape, offsets.extent_int(0) - 1, machine_of(multiprocessors));
  plan.threads = plan.pieces.threads = 1;
  return plan;
}

/// What use(scan, shape) may be.
auto on_device_engine(const Offsets& offsets, int multiprocessors) {
  return [=](const auto& scan, const impl::ScanShape& shape) {
    impl::run_segments_on_device(Exec(), scan, plan_of(shape, offsets, multiprocessors), offsets,
                                 machine_of(multiprocessors), "test");
  };
}

template <class Array>
auto part(const Array& x, int begin, int end) {
  return Kokkos::subview(x, Kokkos::ALL, std::pair(begin, end), Kokkos::ALL);
}

template <class F>
void for_each_segment(const Offsets& offsets, const F& f) {
  for (int s = 0; s + 1 < offsets.extent_int(0); ++s) f(offsets(s), offsets(s + 1));
}

/// f(lengths, outer, inner, multiprocessors, reverse)
template <class F>
void for_each_case(const F& f) {
  struct Columns {
    int outer, inner, multiprocessors;
  };
  for (const Columns& c : {Columns{1, 1, 1}, {2, 1, 132}, {1, 3, 132}, {1, 40, 1}}) {
    int number = 0;
    for (const auto& lengths : all_lengths()) {
      // Of many columns some: the edges, and a few long ones.
      if (c.inner == 40 && number++ % 4 != 0) continue;
      for (const bool reverse : {false, true}) {
        INFO(lengths.size() << " segments, first of " << lengths[0] << ", " << c.outer << " x "
                            << c.inner << " lines, reverse " << reverse);
        f(offsets_of(lengths), c.outer, c.inner, c.multiprocessors, reverse);
      }
    }
  }
}

template <class T, class Op>
void check_scans(const Op& op) {
  for_each_case(
      [&](const Offsets& offsets, int outer, int inner, int multiprocessors, bool reverse) {
        const int length = offsets(offsets.extent_int(0) - 1);
        const View<T> x("x", outer, length, inner), y("y", outer, length, inner);
        const View<T> expected("expected", outer, length, inner);
        fill(x, 1);
        const ScanOptions options{reverse ? Direction::reverse : Direction::forward};
        const auto scan = [&](const auto& from, const auto& to, bool exclusive) {
          impl::with_scan_of_views(Exec(), from, to, impl::None(), impl::None(), 1, op,
                                   impl::Call{"test", reverse, block_size, exclusive},
                                   on_device_engine(offsets, multiprocessors));
        };
        for_each_segment(offsets, [&](int begin, int end) {
          inclusive_scan(Exec(), part(x, begin, end), part(expected, begin, end), 1, op, options);
        });
        scan(x, y, false);
        CHECK(different(y, expected) == 0);
        for_each_segment(offsets, [&](int begin, int end) {
          exclusive_scan(Exec(), part(x, begin, end), part(expected, begin, end), 1, op, options);
        });
        // In place.
        scan(x, x, true);
        CHECK(different(x, expected) == 0);
      });
}

/// Counts how often it is called for a position.
struct CountedLoad {
  View<float> x;
  View<int> calls;
  KOKKOS_FUNCTION float operator()(std::int64_t o, std::int64_t i, std::int64_t j) const {
    ++calls(o, i, j);
    return x(o, i, j);
  }
};
struct Store {
  View<float> y;
  KOKKOS_FUNCTION void operator()(std::int64_t o, std::int64_t i, std::int64_t j,
                                  float result) const {
    y(o, i, j) = result;
  }
};

}  // namespace

TEST_CASE("DeviceSegments.SumsOfFloats") { check_scans<float>(CompensatedSum()); }
TEST_CASE("DeviceSegments.SumsOfDoubles") { check_scans<double>(CompensatedSum()); }
TEST_CASE("DeviceSegments.SumsOfHalves") { check_scans<Half>(CompensatedSum()); }
TEST_CASE("DeviceSegments.Maxima") { check_scans<float>(Max()); }

// A recurrence reads two arrays at once; its gradients look at the positions beside.
TEST_CASE("DeviceSegments.Recurrences") {
  for_each_case(
      [](const Offsets& offsets, int outer, int inner, int multiprocessors, bool reverse) {
        const int length = offsets(offsets.extent_int(0) - 1);
        const auto view = [&](const std::string& name) {
          return View<float>(name, outer, length, inner);
        };
        const auto a = view("a"), b = view("b"), h = view("h"), grad_a = view("grad_a");
        const auto expected = view("expected"), expected_a = view("expected_a");
        const auto expected_b = view("expected_b");
        fill(a, 1);
        fill(b, 2);
        const ScanOptions options{reverse ? Direction::reverse : Direction::forward};
        const impl::Call call{"test", reverse, block_size, false};
        for_each_segment(offsets, [&](int begin, int end) {
          const auto of = [&](const View<float>& array) { return part(array, begin, end); };
          linear_recurrence(Exec(), of(a), of(b), of(expected), 1, options);
          linear_recurrence_backward(Exec(), of(a), of(expected), of(b), of(expected_a),
                                     of(expected_b), 1, options);
        });
        impl::with_recurrence(Exec(), a, b, h, impl::None(), impl::None(), 1, call,
                              on_device_engine(offsets, multiprocessors));
        CHECK(different(h, expected) == 0);
        // In place.
        impl::with_gradients(Exec(), a, h, b, impl::None(), grad_a, b, impl::None(), 1, call,
                             on_device_engine(offsets, multiprocessors));
        CHECK(different(grad_a, expected_a) == 0);
        CHECK(different(b, expected_b) == 0);
      });
}

// Two types of different sizes, rows that aren't aligned, and another start than the identity.
TEST_CASE("DeviceSegments.Unaligned") {
  for_each_case(
      [](const Offsets& offsets, int outer, int inner, int multiprocessors, bool reverse) {
        const int length = offsets(offsets.extent_int(0) - 1);
        const View<float> all("all", outer, length + 3, inner + 1);
        const View<double> expected("expected", outer, length, inner), y("y", outer, length, inner);
        fill(all, 1);
        const auto x =
            Kokkos::subview(all, Kokkos::ALL, std::pair(1, length + 1), std::pair(1, inner + 1));
        const ScanOptions options{reverse ? Direction::reverse : Direction::forward};
        for_each_segment(offsets, [&](int begin, int end) {
          exclusive_scan(Exec(), part(x, begin, end), part(expected, begin, end), from(0.5), 1,
                         CompensatedSum(), options);
        });
        impl::with_scan_of_views(Exec(), x, y, impl::StartValue<double>{0.5}, impl::None(), 1,
                                 CompensatedSum(), impl::Call{"test", reverse, block_size, true},
                                 on_device_engine(offsets, multiprocessors));
        CHECK(different(y, expected) == 0);
      });
}

// Functors, as the layer has them: each position is loaded once.
TEST_CASE("DeviceSegments.Functors") {
  for_each_case(
      [](const Offsets& offsets, int outer, int inner, int multiprocessors, bool reverse) {
        impl::Lines lines;
        lines.outer = outer;
        lines.length = offsets(offsets.extent_int(0) - 1);
        lines.inner = inner;
        const View<float> x("x", outer, lines.length, inner), y("y", x.layout());
        const View<float> expected("expected", x.layout());
        const View<int> calls("calls", x.layout()), once("once", x.layout());
        fill(x, 1);
        Kokkos::deep_copy(once, 1);
        for_each_segment(offsets, [&](int begin, int end) {
          inclusive_scan(Exec(), part(x, begin, end), part(expected, begin, end), 1,
                         CompensatedSum(), {reverse ? Direction::reverse : Direction::forward});
        });
        const impl::Call call{"test", reverse, block_size, false};
        const auto op = impl::bind_operator<float, float, true>(CompensatedSum());
        const auto scan = impl::line_scan(
            op, impl::FunctorPart<CountedLoad>{{x, calls}}, impl::FunctorPart<Store>{{y}},
            impl::initial_state(op, impl::None(), lines), impl::NoFinalState(), lines, call);
        on_device_engine(offsets, multiprocessors)(scan, impl::shape_of_functors(scan, call));
        CHECK(different(y, expected) == 0);
        CHECK(different(calls, once) == 0);
      });
}

// Whatever the offsets are, nothing outside the axis is touched, and no kernel waits forever. Those
// that are right are scanned where the windows are in order.
TEST_CASE("DeviceSegments.WrongOffsets") {
  const int length = 30000, margin = 5000;
  std::uint32_t state = 1;
  for (int round = 0; round < 60; ++round) {
    std::vector<int> lengths;
    for (int left = length; left > 0; left -= lengths.back()) {
      lengths.push_back(std::min<int>(left, random_bits(state) % (round % 2 == 0 ? 40 : 6000)));
    }
    const Offsets offsets = offsets_of(lengths);
    const int segments = offsets.extent_int(0) - 1;
    for (int k = 0; k <= round % 7; ++k) {
      const auto bits = random_bits(state);
      offsets(bits % (segments + 1)) =
          static_cast<int>(random_bits(state)) % (2 * length) - length / 2;
    }
    // All of them, at times.
    if (round % 10 == 9) {
      for (int k = 0; k <= segments; ++k) offsets(k) = k % 2 == 0 ? 0 : length;
    }
    for (const int inner : {1, 40}) {
      const View<float> all("all", 1, length + 2 * margin, inner);
      fill(all, 3);
      const View<float> before("before", 1, length + 2 * margin, inner);
      Kokkos::deep_copy(before, all);
      const auto x = part(all, margin, margin + length);
      impl::with_scan_of_views(Exec(), x, x, impl::None(), impl::None(), 1, Sum(),
                               impl::Call{"test", round % 4 == 0, block_size, false},
                               on_device_engine(offsets, 1));
      int touched = 0;
      for (int i = 0; i < length + 2 * margin; ++i) {
        if (i >= margin && i < margin + length) continue;
        for (int j = 0; j < inner; ++j) touched += all(0, i, j) != before(0, i, j) ? 1 : 0;
      }
      CHECK(touched == 0);
    }
  }
}

// One that ends beyond the axis, and one that falls, among such as are right.
TEST_CASE("DeviceSegments.LeftOut") {
  const Offsets offsets("offsets", 6);
  const int values[] = {0, 5, 1000, 10, 20, 40};
  for (int k = 0; k < 6; ++k) offsets(k) = values[k];
  for (const int inner : {1, 40}) {
    const View<float> x("x", 1, 40, inner), y("y", 1, 40, inner);
    Kokkos::deep_copy(x, 1);
    impl::with_scan_of_views(Exec(), x, y, impl::None(), impl::None(), 1, Sum(),
                             impl::Call{"test", false, block_size, false},
                             on_device_engine(offsets, 1));
    for (int i = 0; i < 40; ++i) {
      const int expected = i < 5 ? i + 1 : i < 10 ? 0 : i < 20 ? i - 9 : i - 19;
      for (int j = 0; j < inner; ++j) CHECK(y(0, i, j) == static_cast<float>(expected));
    }
  }
}
