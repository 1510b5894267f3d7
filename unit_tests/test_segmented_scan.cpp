// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// A segment has the bits of its scan alone, which other tests check against exact arithmetic.

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fused_scan/operators.hpp>
#include <fused_scan/recurrence.hpp>
#include <fused_scan/scan.hpp>
#include <fused_scan/segmented_scan.hpp>
#include <limits>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "instances.hpp"
#include "monoids.hpp"
#include "recurrence_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Exec = Kokkos::DefaultExecutionSpace;
template <class T>
using View3 = AnyView<T, 3, Exec>;

/// Lengths by turns empty, of one element, shorter and longer than a chunk, and long; `all` in sum.
std::vector<int> lengths_of(int all, std::uint64_t seed) {
  std::vector<int> lengths;
  for (int left = all; left > 0;) {
    const std::uint64_t bits = random_bits(seed * 1009 + lengths.size());
    const int most[] = {0, 1, 15, 33, 300, all};
    const int length = static_cast<int>(bits % 97 % (most[bits % 6] + 1)) + (bits % 41 == 0) * 200;
    lengths.push_back(std::min(length, left));
    left -= lengths.back();
  }
  lengths.push_back(0);
  return lengths;
}

template <class Index>
Kokkos::View<Index*, Exec> offsets_of_lengths(const std::vector<int>& lengths) {
  const Kokkos::View<Index*, Exec> offsets("offsets", lengths.size() + 1);
  const auto on_host = Kokkos::create_mirror_view(offsets);
  on_host(0) = 0;
  for (std::size_t s = 0; s < lengths.size(); ++s) {
    on_host(s + 1) = static_cast<Index>(on_host(s) + lengths[s]);
  }
  Kokkos::deep_copy(offsets, on_host);
  return offsets;
}

/// Some positions of an axis.
template <class View>
View part(const View& view, int axis, int begin, int end) {
  const std::pair range(begin, end);
  const auto all = Kokkos::ALL;
  if (axis == 0) return Kokkos::subview(view, range, all, all);
  if (axis == 1) return Kokkos::subview(view, all, range, all);
  return Kokkos::subview(view, all, all, range);
}

/// f(begin, end) for each segment.
template <class F>
void for_each_segment(const std::vector<int>& lengths, const F& f) {
  int begin = 0;
  for (const int length : lengths) {
    f(begin, begin + length);
    begin += length;
  }
}

struct Case {
  Extents extents;
  int axis;
};
/// Lines along any axis, and enough elements that some segments are long ones.
const std::vector<Case> cases{{{1200, 3, 2}, 0},
                              {{2, 700, 40}, 1},
                              {{3, 2, 1500}, 2},
                              {{1, 90000, 1}, 1},
                              {{300, 1, 150}, 0}};

template <class F>
void for_each_case(const F& f) {
  int number = 0;
  for (const Case& c : cases) {
    auto lengths = lengths_of(static_cast<int>(c.extents[c.axis]), number);
    // One that is most of the axis, as well.
    if (c.extents[c.axis] == 90000) lengths = {7, 0, 60000, 29993};
    for (const Direction direction : {Direction::forward, Direction::reverse}) {
      const Order order = static_cast<Order>(number++ % 3);
      INFO(to_string(c.extents) << ", axis " << c.axis << ", " << lengths.size()
                                << " segments, reverse " << (direction == Direction::reverse)
                                << ", order " << static_cast<int>(order));
      f(c, lengths, ScanOptions{direction}, order);
    }
  }
}

template <class Index, class T, class Op>
void check_scans(const Op& op) {
  for_each_case(
      [&](const Case& c, const std::vector<int>& lengths, const ScanOptions& options, Order order) {
        const auto x = random_array<T>(c.extents, 3);
        const auto in = make_any_view<T, 3, Exec>("x", x, order);
        const View3<T> expected("expected", in.layout()), out("out", in.layout());
        const auto offsets = offsets_of_lengths<Index>(lengths);
        for_each_segment(lengths, [&](int begin, int end) {
          inclusive_scan(Exec(), part(in, c.axis, begin, end), part(expected, c.axis, begin, end),
                         c.axis, op, options);
        });
        segmented_inclusive_scan(Exec(), in, out, offsets, c.axis, op, options);
        CHECK_THAT(read(out), equals_bitwise(read(expected)));
        for_each_segment(lengths, [&](int begin, int end) {
          exclusive_scan(Exec(), part(in, c.axis, begin, end), part(expected, c.axis, begin, end),
                         c.axis, op, options);
        });
        segmented_exclusive_scan(Exec(), in, in, offsets, c.axis, op, options);
        CHECK_THAT(read(in), equals_bitwise(read(expected)));
      });
}

}  // namespace

TEST_CASE("SegmentedScan.CompensatedSums") {
  check_scans<int, float>(CompensatedSum());
  check_scans<std::int64_t, double>(CompensatedSum());
}
TEST_CASE("SegmentedScan.Products") { check_scans<std::uint32_t, double>(Prod()); }
TEST_CASE("SegmentedScan.Maxima") { check_scans<int, float>(Max()); }

// Recurrences, and their gradients.
TEST_CASE("SegmentedScan.Recurrences") {
  for_each_case([&](const Case& c, const std::vector<int>& lengths, const ScanOptions& options,
                    Order order) {
    const auto view = [&](const char* name, std::uint64_t seed) {
      return make_any_view<float, 3, Exec>(name, random_array<float>(c.extents, seed, 1.2), order);
    };
    const auto a = view("a", 1), b = view("b", 2);
    const View3<float> expected("expected", a.layout()), h("h", a.layout());
    const View3<float> expected_a("expected_a", a.layout()), grad_a("grad_a", a.layout());
    const View3<float> expected_b("expected_b", a.layout()), grad_b("grad_b", a.layout());
    const auto offsets = offsets_of_lengths<int>(lengths);
    for_each_segment(lengths, [&](int begin, int end) {
      const auto of = [&](const View3<float>& array) { return part(array, c.axis, begin, end); };
      linear_recurrence(Exec(), of(a), of(b), of(expected), c.axis, options);
      linear_recurrence_backward(Exec(), of(a), of(expected), of(b), of(expected_a), of(expected_b),
                                 c.axis, options);
    });
    segmented_linear_recurrence(Exec(), a, b, h, offsets, c.axis, options);
    CHECK_THAT(read(h), equals_bitwise(read(expected)));
    // As where offsets can't be read before the launch.
    impl::with_gradients(Exec(), a, h, b, impl::None(), grad_a, grad_b, impl::None(), c.axis,
                         impl::call_of("test", options, false),
                         [&](const auto& scan, const impl::ScanShape& shape) {
                           impl::run_segments_by_threads(Exec(), scan, shape, offsets, "test");
                         });
    CHECK_THAT(read(grad_a), equals_bitwise(read(expected_a)));
    CHECK_THAT(read(grad_b), equals_bitwise(read(expected_b)));
    // In place.
    Kokkos::deep_copy(grad_a, 0);
    segmented_linear_recurrence_backward(Exec(), a, h, b, grad_a, b, offsets, c.axis, options);
    CHECK_THAT(read(grad_a), equals_bitwise(read(expected_a)));
    CHECK_THAT(read(b), equals_bitwise(read(expected_b)));
  });
}

namespace {

/// Floats by which windows of segments are, or aren't, added up without a rounding.
std::vector<HostArray<float>> floats_for_windows(std::size_t size) {
  std::vector<HostArray<float>> arrays(5, HostArray<float>({size}));
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint64_t bits = random_bits(i);
    const float x = static_cast<float>(static_cast<int>(bits % 2001) - 1000) / 64;
    arrays[0].values[i] = x;
    arrays[1].values[i] = bits % 7 == 0 ? x : -0.0f;
    arrays[2].values[i] = std::ldexp(x, static_cast<int>(bits >> 32) % 60);
    arrays[3].values[i] = bits % 701 == 0 ? INFINITY : bits % 1409 == 0 ? std::nanf("") : x;
  }
  // Half-way between two floats but for the last number, of which a double takes too little: its
  // exponent is one too small. (Were it larger by one, the sum would be exact.)
  const double all = 0x1p54 + 0x1p30 - 0x1p24, each = std::floor(all / 299 / 0x1p22) * 0x1p22;
  for (int i = 0; i < 299; ++i) arrays[4].values[i] = static_cast<float>(each);
  arrays[4].values[298] = static_cast<float>(all - 298 * each);
  arrays[4].values[299] = 0x1p24f + 2;
  return arrays;
}

}  // namespace

// Many short segments of floats are added up in one go, where the order makes no difference.
TEST_CASE("SegmentedScan.WindowsOfFloats") {
  // What fills a window of 512 elements, or is too long for it by one.
  std::vector<int> lengths{300, 212, 511, 1, 513, 512, 510, 3, 700};
  lengths.insert(lengths.end(), 1100, 0);
  for (int length = 1; length <= 40; ++length) lengths.push_back(length);
  for (int k = 0; k < 150; ++k) lengths.push_back(7);
  int size = 0;
  for (const int length : lengths) size += length;
  const auto offsets = offsets_of_lengths<std::int64_t>(lengths);
  for (const auto& x : floats_for_windows(size)) {
    const auto in = make_any_view<float, 1, Exec>("x", x, Order::right);
    const AnyView<float, 1, Exec> expected("expected", in.layout()), out("out", in.layout());
    for (const Direction direction : {Direction::forward, Direction::reverse}) {
      const auto check = [&](const auto& scan, const auto& segmented) {
        for_each_segment(lengths, [&](int begin, int end) {
          const std::pair range(begin, end);
          scan(Kokkos::subview(in, range), Kokkos::subview(expected, range));
        });
        for (const auto widest :
             {impl::Vectors::none, impl::Vectors::avx2, impl::Vectors::avx512}) {
          impl::widest_vectors = widest;
          segmented(in, out);
          CHECK_THAT(read(out), equals_bitwise(read(expected)));
          Kokkos::deep_copy(out, in);
          segmented(out, out);
          CHECK_THAT(read(out), equals_bitwise(read(expected)));
        }
      };
      const CompensatedSum op;
      check([&](auto from, auto to) { inclusive_scan(Exec(), from, to, 0, op, {direction}); },
            [&](auto from, auto to) {
              segmented_inclusive_scan(Exec(), from, to, offsets, 0, op, {direction});
            });
      check([&](auto from, auto to) { exclusive_scan(Exec(), from, to, 0, op, {direction}); },
            [&](auto from, auto to) {
              segmented_exclusive_scan(Exec(), from, to, offsets, 0, op, {direction});
            });
    }
  }
}

// The number of threads makes no difference; nor does a segment's neighbour that isn't finite.
TEST_CASE("SegmentedScan.Neighbours") {
  const std::vector<int> lengths = lengths_of(50000, 5);
  const auto offsets = offsets_of_lengths<int>(lengths);
  auto x = random_array<float>({50000}, 1);
  const auto in = make_any_view<float, 1, Exec>("x", x, Order::right);
  const AnyView<float, 1, Exec> out("out", in.layout());
  segmented_inclusive_scan(Exec(), in, out, offsets);
  const auto clean = read(out);
  std::vector<bool> is_infected(50000, false);
  int number = 0;
  for_each_segment(lengths, [&](int begin, int end) {
    if (end - begin < 2 || number++ % 3 != 0) return;
    x.values[begin + 1] = number % 2 == 0 ? INFINITY : std::nanf("");
    for (int i = begin + 1; i < end; ++i) is_infected[i] = true;
  });
  write(in, x);
  for (const Exec& exec : instances<Exec>()) {
    segmented_inclusive_scan(exec, in, out, offsets);
    const auto infected = read(out);
    int wrong = 0;
    for (std::size_t i = 0; i < is_infected.size(); ++i) {
      const bool same = same_bits(infected.values[i], clean.values[i]);
      wrong += is_infected[i] ? std::isfinite(infected.values[i]) : !same;
    }
    CHECK(wrong == 0);
  }
}

// As many segments as there are elements, and none at all.
TEST_CASE("SegmentedScan.ManyAndNone") {
  const auto x = random_array<double>({100000}, 1);
  const auto in = make_any_view<double, 1, Exec>("x", x, Order::right);
  const AnyView<double, 1, Exec> out("out", in.layout());
  segmented_inclusive_scan(Exec(), in, out, offsets_of_lengths<int>(std::vector<int>(100000, 1)));
  CHECK_THAT(read(out), equals_bitwise(x));
  const Kokkos::View<double*, Exec> nothing("nothing", 0);
  segmented_inclusive_scan(Exec(), nothing, nothing, offsets_of_lengths<int>({}));
  segmented_inclusive_scan(Exec(), nothing, nothing, offsets_of_lengths<int>({0, 0}));
}

// One sentence, and nothing is written.
TEST_CASE("SegmentedScan.Errors") {
  const Kokkos::View<float**, Exec> x("x", 2, 10);
  Kokkos::deep_copy(x, 1);
  const auto refuses = [&](const auto& offsets, const std::string& text) {
    CHECK_THROWS_MATCHES(segmented_inclusive_scan(Exec(), x, x, offsets), std::invalid_argument,
                         Catch::Matchers::Message("fused_scan::segmented_inclusive_scan: " + text));
  };
  refuses(Kokkos::View<int*, Exec>("offsets", 0),
          "offsets 'offsets' are empty: n segments have n + 1 offsets");
  if constexpr (impl::reads_offsets<Exec, Kokkos::View<int*, Exec>>) {
    refuses(offsets_of_lengths<int>({4, 5}),
            "offsets 'offsets' must end with the extent of the axis, 10, not with 9");
    refuses(offsets_of_lengths<int>({4, 8, -2}),
            "offsets 'offsets' must not fall, as from 12 to 10 at 3");
    const auto late = offsets_of_lengths<int>({4, 6});
    Kokkos::deep_copy(Kokkos::subview(late, 0), 2);
    refuses(late, "offsets 'offsets' must begin with 0, not 2");
  }
  refuses(Kokkos::View<int*, Exec, Kokkos::MemoryUnmanaged>(reinterpret_cast<int*>(x.data()), 3),
          "Views '' and 'x' overlap in memory");
  CHECK_THAT(read(x), equals(same_everywhere({2, 10}, 1.0f)));
}
