// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The layer on sequences that come piece by piece, down to one position: the same bits as in one
// go.

#include <algorithm>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ar_ssm_call.hpp"
#include "instances.hpp"

namespace fused_scan::test {
namespace {

/// Of Kokkos Kernels' gemm the bits depend on the number of rows.
template <class T>
std::string piece_difference(const std::vector<T>& actual, const std::vector<T>& expected) {
#ifdef FUSED_SCAN_HAVE_KOKKOS_KERNELS
  const double error =
      relative_error(actual, std::vector<double>(expected.begin(), expected.end()));
  return error < 100 * std::numeric_limits<T>::epsilon() ? "" : "error " + std::to_string(error);
#else
  return difference(actual, expected);
#endif
}

template <class T>
LayerAndReference<T> layer_of(Case c) {
  c.causal_convolution = true;
  return LayerAndReference<T>(c);
}

template <class View>
auto positions(const View& view, int begin, int end) {
  return Kokkos::subview(view, Kokkos::ALL, std::pair(begin, end), Kokkos::ALL);
}

template <class T, class X>
std::vector<T> in_one_go(Layer<T>& layer, const X& x) {
  const Sequence<T> y("y", x.extent(0), x.extent(1), x.extent(2));
  layer.forward(Exec(), x, y);
  return values_of(y);
}

/// In pieces of the given lengths, in turn, until the end.
template <class T, class X>
std::vector<T> in_pieces(Layer<T>& layer, const X& x, const std::vector<int>& lengths,
                         const Exec& exec = Exec()) {
  const int length = x.extent_int(1);
  const Sequence<T> y("y", x.extent(0), x.extent(1), x.extent(2));
  auto state = layer.make_state(x.extent_int(0));
  for (int begin = 0, k = 0; begin < length; ++k) {
    const int end = std::min(begin + lengths[k % lengths.size()], length);
    layer.forward(exec, positions(x, begin, end), positions(y, begin, end), state);
    begin = end;
    CHECK(state.position == end);
  }
  exec.fence();
  return values_of(y);
}

std::vector<int> random_lengths(std::uint64_t seed) {
  std::vector<int> lengths(50);
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    // Short ones as often as long ones.
    lengths[i] = static_cast<int>(std::exp2(9 * random_fraction(100 * seed + i)));
  }
  return lengths;
}

const std::vector<std::vector<int>> cuts{{1},        {2},        {3},      {15},    {16},
                                         {17},       {300},      {600, 1}, {1, 15}, {16, 1, 1, 14},
                                         {512, 512}, {1, 2, 700}};

/// Sums of u that lose what is small beside what is large: any other order of the additions has
/// other bits. All gates are 1; rows of x are now and then `large`, and soon after its negative.
template <class T>
void make_order_count(LayerAndReference<T>& both, const Case& c) {
  Kokkos::deep_copy(both.layer.parameters().gate_weight_2, T(0));
  Kokkos::deep_copy(both.layer.parameters().gate_bias_2, T(10));
  const double large = sizeof(T) == 4 ? 0x1p48 : 0x1p101;
  std::vector<T> x = random_values<T>(both.x.size(), 5);
  const auto at = [&](int b, int l, int d) -> T& {
    return x[static_cast<std::size_t>((b * c.length + l) * c.d_model + d)];
  };
  for (int b = 0; b < c.batch; ++b) {
    for (int l = 5 + b; l + 40 < c.length; l += 47) {
      const int back = l + 7 + l % 31;
      for (int d = 0; d < c.d_model; ++d) {
        at(b, l, d) = static_cast<T>(large * (1 + d));
        at(b, back, d) = -at(b, l, d);
      }
    }
  }
  set_values(both.x, x);
}

TEMPLATE_TEST_CASE("ArSsmSteps.PiecesGiveTheBitsOfOneGo", "", float, double) {
  const Case c{.batch = 2, .length = 700, .mode = GateMode::ste};
  auto both = layer_of<TestType>(c);
  make_order_count(both, c);
  const auto expected = in_one_go<TestType>(both.layer, both.x);
  CHECK(std::all_of(expected.begin(), expected.end(), [](auto y) { return std::isfinite(y); }));
  for (const auto& lengths : cuts) {
    INFO(lengths[0] << ", ...");
    CHECK(piece_difference(in_pieces<TestType>(both.layer, both.x, lengths), expected) == "");
  }
  const auto execs = instances<Exec>();
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    INFO("seed " << seed);
    const auto y =
        in_pieces<TestType>(both.layer, both.x, random_lengths(seed), execs[seed % execs.size()]);
    CHECK(piece_difference(y, expected) == "");
  }
}

// Parts that the engine scans, with and without what is left of a chunk, from places of all kinds.
TEMPLATE_TEST_CASE("ArSsmSteps.LongPieces", "", float, double) {
  const Case c{
      .batch = 2, .length = 6000, .max_rank = 5, .current_ranks = 5, .mode = GateMode::ste};
  auto both = layer_of<TestType>(c);
  make_order_count(both, c);
  const auto expected = in_one_go<TestType>(both.layer, both.x);
  const std::vector<std::vector<int>> long_cuts{
      {6000},           {512},        {1024, 1},       {1, 5998},
      {2047, 2, 3000},  {600, 4096},  {511, 513, 700}, {16, 1008, 3000},
      {4096, 1000, 17}, {1040, 5000}, {2048, 2048},    {512, 16, 2560}};
  for (const auto& lengths : long_cuts) {
    INFO(lengths[0] << ", ...");
    CHECK(piece_difference(in_pieces<TestType>(both.layer, both.x, lengths), expected) == "");
  }
}

TEST_CASE("ArSsmSteps.EveryGateMode") {
  for (const GateMode mode : {GateMode::soft, GateMode::ste, GateMode::gumbel}) {
    for (const bool checkpointing : {false, true}) {
      const Case c{.batch = 3,
                   .length = 100,
                   .d_model = 17,
                   .max_rank = 9,
                   .current_ranks = 6,
                   .mode = mode,
                   .temperature = 0.7};
      INFO(c << (checkpointing ? ", checkpointing" : ""));
      auto both = layer_of<float>(c);
      both.layer.set_checkpointing(checkpointing);
      const auto expected = in_one_go<float>(both.layer, both.x);
      CHECK(relative_error(expected, both.reference.output()) < 1e-5);
      CHECK(piece_difference(in_pieces<float>(both.layer, both.x, {1}), expected) == "");
      CHECK(piece_difference(in_pieces<float>(both.layer, both.x, {40, 1, 7}), expected) == "");
    }
  }
}

TEST_CASE("ArSsmSteps.AnyStridesAndComplexNumbers") {
  auto both = layer_of<float>(Case{.batch = 2, .length = 50});
  const auto expected = in_one_go<float>(both.layer, both.x);
  const Kokkos::View<float***, Kokkos::LayoutLeft, Exec::memory_space> left("left", 2, 50, 5);
  const Kokkos::View<Kokkos::complex<float>***, Exec::memory_space> complex("complex", 2, 50, 5);
  const auto x = both.x;
  Kokkos::parallel_for(
      "fill", Kokkos::RangePolicy<Exec>(0, 2 * 50 * 5), KOKKOS_LAMBDA(int i) {
        const int b = i / 250, l = i / 5 % 50, d = i % 5;
        left(b, l, d) = x(b, l, d);
        complex(b, l, d) = Kokkos::complex<float>(x(b, l, d), 1);
      });
  for (const int length : {1, 3}) {
    CHECK(piece_difference(in_pieces<float>(both.layer, left, {length}), expected) == "");
    CHECK(piece_difference(in_pieces<float>(both.layer, complex, {length}), expected) == "");
  }
}

// What was before the first position is nothing, even where weights are infinite.
TEST_CASE("ArSsmSteps.NothingBeforeTheFirstPosition") {
  auto both = layer_of<float>(Case{.batch = 1, .length = 2});
  const auto state = both.layer.make_state(1);
  Kokkos::deep_copy(state.last_x, NAN);
  Kokkos::deep_copy(both.layer.parameters().conv_weight, INFINITY);
  auto begun = state;
  const Sequence<float> y("y", 1, 1, 5);
  both.layer.forward(Exec(), positions(both.x, 0, 1), y, begun);
  for (const float value : values_of(y)) CHECK(std::isinf(value));
}

// States are independent of each other, of other calls, and can be begun anew and copied.
TEST_CASE("ArSsmSteps.StatesAreApart") {
  auto both = layer_of<double>(Case{.batch = 2, .length = 60});
  auto& layer = both.layer;
  const auto expected = in_one_go<double>(layer, both.x);
  const Sequence<double> other("other", 1, 9, 5), y("y", 2, 60, 5), ignored("ignored", 1, 9, 5);
  auto a = layer.make_state(2), b = layer.make_state(1);
  const auto step = [&](auto& state, int begin, int end) {
    layer.forward(Exec(), positions(both.x, begin, end), positions(y, begin, end), state);
  };
  step(a, 0, 20);
  layer.forward(Exec(), other, ignored, b);
  layer.forward(Exec(), other, ignored);
  step(a, 20, 33);

  auto copy = layer.make_state(2);
  Kokkos::deep_copy(copy.sums, a.sums);
  Kokkos::deep_copy(copy.last_x, a.last_x);
  copy.position = a.position;
  layer.forward(Exec(), positions(both.x, 0, 5), Sequence<double>("ignored", 2, 5, 5), a);
  step(copy, 33, 60);
  CHECK(piece_difference(values_of(y), expected) == "");

  a.position = 0;
  Kokkos::deep_copy(y, 0);
  step(a, 0, 1);
  step(a, 1, 60);
  CHECK(piece_difference(values_of(y), expected) == "");
}

TEST_CASE("ArSsmSteps.StepsDoNotAllocate") {
  auto both = layer_of<float>(Case{.batch = 2, .length = 40});
  const Sequence<float> y("y", 2, 1, 5);
  auto state = both.layer.make_state(2);
  both.layer.forward(Exec(), positions(both.x, 0, 1), y, state);
  static int allocations;
  allocations = 0;
  Kokkos::Tools::Experimental::set_allocate_data_callback(
      [](Kokkos::Tools::SpaceHandle, const char* label, const void*, std::uint64_t) {
        // A backend may keep memory of its own for a kernel.
        if (!std::string(label).starts_with("Kokkos::")) ++allocations;
      });
  for (int l = 1; l < 40; ++l) {
    both.layer.forward(Exec(), positions(both.x, l, l + 1), y, state);
  }
  Kokkos::Tools::Experimental::set_allocate_data_callback(nullptr);
  CHECK(allocations == 0);
}

TEST_CASE("ArSsmSteps.Errors") {
  const auto refused = [](auto& both, auto& state, const std::string& text) {
    const Sequence<float> y("y", both.x.layout());
    CHECK_THROWS_MATCHES(both.layer.forward(Exec(), both.x, y, state), std::invalid_argument,
                         Catch::Matchers::Message("fused_scan::ArSsm::forward: " + text));
    CHECK(state.position == 0);
  };
  const Case c{};
  {
    LayerAndReference<float> both(c);
    auto state = both.layer.make_state(2);
    refused(both, state,
            "a call with a state needs causal_convolution: else the convolution looks one position "
            "ahead");
  }
  auto both = layer_of<float>(c);
  auto of_three = both.layer.make_state(3);
  refused(both, of_three,
          "the state's 'fused_scan::ArSsm::state::sums' has extents (46, 3, 7) instead of (46, 2, "
          "7)");
  auto of_other_width = layer_of<float>(Case{.d_model = 6}).layer.make_state(2);
  refused(both, of_other_width,
          "the state's 'fused_scan::ArSsm::state::last_x' has extents (2, 2, 6) instead of (2, 2, "
          "5)");
  Layer<float>::State none;
  refused(both, none, "the state's '' has extents (0, 0, 0) instead of (46, 2, 7)");
  both.layer.train();
  auto state = both.layer.make_state(2);
  refused(both, state, "a call with a state needs evaluation mode: eval() turns it on");
  CHECK_THROWS_MATCHES(
      both.layer.make_state(0), std::invalid_argument,
      Catch::Matchers::Message("fused_scan::ArSsm::make_state: batch 0 must be positive"));

  ArSsmConfig plain = both.layer.config();
  plain.use_fused_scan = false;
  Layer<float> unfused(plain);
  CHECK_THROWS_MATCHES(
      unfused.forward(Exec(), both.x, Sequence<float>("y", both.x.layout()), state),
      std::invalid_argument,
      Catch::Matchers::Message(
          "fused_scan::ArSsm::forward: a call with a state needs use_fused_scan"));
}

}  // namespace
}  // namespace fused_scan::test
