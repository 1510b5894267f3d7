// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The layer on packed sequences: each of them as if it were alone.

#include <algorithm>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ar_ssm_call.hpp"

namespace fused_scan::test {
namespace {

/// Empty ones beside each other and at both ends; one that is long for a thread.
const std::vector<int> all_lengths{0, 5, 1, 0, 0, 2, 17, 3000, 1, 1, 16, 3, 300, 0};

template <class Integer = int>
Kokkos::View<Integer*, Exec::memory_space> offsets_of(const std::vector<int>& lengths) {
  std::vector<Integer> offsets{0};
  for (const int length : lengths) {
    offsets.push_back(static_cast<Integer>(offsets.back() + static_cast<Integer>(length)));
  }
  const Kokkos::View<Integer*, Exec::memory_space> view("offsets", offsets.size());
  set_values(view, offsets);
  return view;
}

template <class T>
Sequence<T> positions(const Sequence<T>& of, int begin, int end) {
  const Sequence<T> copy("copy", of.extent_int(0), end - begin, of.extent_int(2));
  Kokkos::deep_copy(copy, Kokkos::subview(of, Kokkos::ALL, std::pair(begin, end), Kokkos::ALL));
  return copy;
}

template <class T>
Answers<T> packed(Layer<T>& layer, const Sequence<T>& x, const Sequence<T>& grad_y,
                  const std::vector<int>& lengths, double l1_weight = 0) {
  const auto offsets = offsets_of(lengths);
  const Sequence<T> y("y", x.layout()), grad_x("grad_x", x.layout());
  const auto gradients = layer.make_gradients();
  layer.forward(Exec(), x, y, offsets);
  layer.backward(Exec(), x, grad_y, grad_x, gradients, offsets, l1_weight);
  Answers<T> answers;
  answers["y"] = values_of(y);
  answers["gradients/x"] = values_of(grad_x);
  collect_gradients(answers, gradients);
  return answers;
}

/// Each sequence by itself, put together: its y and gradient of x, and sums of the others.
template <class T>
Answers<T> alone(Layer<T>& layer, const Sequence<T>& x, const Sequence<T>& grad_y,
                 const std::vector<int>& lengths, double l1_weight = 0) {
  const Sequence<T> y("y", x.layout()), grad_x("grad_x", x.layout());
  Answers<T> answers;
  int begin = 0;
  for (const int length : lengths) {
    if (length == 0) continue;
    const auto range = std::pair(begin, begin + length);
    begin += length;
    const auto x_alone = positions(x, range.first, range.second);
    const Sequence<T> y_alone("y", x_alone.layout()), grad_x_alone("grad_x", x_alone.layout());
    const auto gradients = layer.make_gradients();
    layer.forward(Exec(), x_alone, y_alone);
    layer.backward(Exec(), x_alone, positions(grad_y, range.first, range.second), grad_x_alone,
                   gradients, l1_weight * length / x.extent_int(1));
    Kokkos::deep_copy(Kokkos::subview(y, Kokkos::ALL, range, Kokkos::ALL), y_alone);
    Kokkos::deep_copy(Kokkos::subview(grad_x, Kokkos::ALL, range, Kokkos::ALL), grad_x_alone);
    Answers<T> of_this;
    collect_gradients(of_this, gradients);
    for (const auto& [name, values] : of_this) {
      auto& sums = answers[name];
      sums.resize(values.size());
      for (std::size_t i = 0; i < values.size(); ++i) sums[i] += values[i];
    }
  }
  answers["y"] = values_of(y);
  answers["gradients/x"] = values_of(grad_x);
  return answers;
}

template <class T>
double relative_error_of(const std::vector<T>& actual, const std::vector<T>& expected) {
  return relative_error(actual, std::vector<double>(expected.begin(), expected.end()));
}

/// Of Kokkos Kernels' gemm the bits depend on the number of rows.
template <class T>
std::string segment_difference(const std::vector<T>& actual, const std::vector<T>& expected) {
#ifdef FUSED_SCAN_HAVE_KOKKOS_KERNELS
  const double error = relative_error_of(actual, expected);
  return error < 1000 * std::numeric_limits<T>::epsilon() ? "" : "error " + std::to_string(error);
#else
  return difference(actual, expected);
#endif
}

int sum_of(const std::vector<int>& lengths) {
  int sum = 0;
  for (const int length : lengths) sum += length;
  return sum;
}

template <class T>
Sequence<T> random_gradient(const Case& c) {
  return sequence("grad_y", c.batch, c.length, c.d_model,
                  random_values<T>(std::size_t{1} * c.batch * c.length * c.d_model, 8));
}

TEMPLATE_TEST_CASE("ArSsmPacked.EachAsIfAlone", "", float, double) {
  for (const bool causal : {false, true}) {
    for (const bool checkpointing : {false, true}) {
      Case c{.batch = checkpointing ? 2 : 1,
             .length = sum_of(all_lengths),
             .d_model = 9,
             .current_ranks = 6,
             .mode = checkpointing ? GateMode::gumbel : GateMode::soft};
      c.causal_convolution = causal;
      INFO(c << (checkpointing ? ", checkpointing" : ""));
      LayerAndReference<TestType> both(c);
      both.layer.set_checkpointing(checkpointing);
      const auto grad_y = random_gradient<TestType>(c);
      const auto answers = packed(both.layer, both.x, grad_y, all_lengths, 0.0);
      const auto expected = alone(both.layer, both.x, grad_y, all_lengths, 0.0);
      for (const char* const name : {"y", "gradients/x"}) {
        INFO(name);
        CHECK(segment_difference(answers.at(name), expected.at(name)) == "");
      }
      const auto with_l1 = packed(both.layer, both.x, grad_y, all_lengths, 0.5);
      for (const auto& [name, values] : alone(both.layer, both.x, grad_y, all_lengths, 0.5)) {
        INFO(name);
        CHECK(relative_error_of(with_l1.at(name), values) <
              3000 * std::numeric_limits<TestType>::epsilon());
      }
    }
  }
}

// Backward takes what forward has kept of the same offsets, and of no others.
TEST_CASE("ArSsmPacked.BackwardReusesWhatIsOfItsOffsets") {
  Case c{.batch = 1, .length = 40};
  LayerAndReference<double> both(c);
  auto& layer = both.layer;
  const auto grad_y = random_gradient<double>(c);
  const auto a = offsets_of<std::int64_t>({3, 0, 37}), b = offsets_of<std::int64_t>({20, 1, 19});
  const Sequence<double> y("y", both.x.layout());
  const auto backward = [&](const auto&... offsets) {
    const Sequence<double> grad_x("grad_x", both.x.layout());
    layer.backward(Exec(), both.x, grad_y, grad_x, layer.make_gradients(), offsets...);
    return values_of(grad_x);
  };
  const auto of_a = backward(a), of_b = backward(b), of_none = backward();
  CHECK(difference(of_a, of_b) != "");
  layer.train();
  layer.forward(Exec(), both.x, y, a);
  CHECK(difference(backward(a), of_a) == "");
  layer.forward(Exec(), both.x, y, a);
  CHECK(difference(backward(b), of_b) == "");
  layer.forward(Exec(), both.x, y, a);
  CHECK(difference(backward(), of_none) == "");
  layer.forward(Exec(), both.x, y);
  CHECK(difference(backward(a), of_a) == "");
}

// NaN and Inf stay in their sequence.
TEST_CASE("ArSsmPacked.NotANumberStaysInItsSequence") {
  for (const bool causal : {false, true}) {
    Case c{.batch = 1, .length = 30};
    c.causal_convolution = causal;
    LayerAndReference<float> both(c);
    for (int d = 0; d < 5; ++d) both.reference.x[both.reference.at(0, 12, d, 5)] = NAN;
    set_values(both.x, both.reference.x);
    const Sequence<float> y("y", both.x.layout());
    both.layer.forward(Exec(), both.x, y, offsets_of({10, 2, 1, 2, 15}));
    const auto values = values_of(y);
    for (int i = 0; i < 30 * 5; ++i) CHECK(std::isnan(values[i]) == (i / 5 == 12));
  }
}

TEST_CASE("ArSsmPacked.Errors") {
  LayerAndReference<float> both(Case{.batch = 1, .length = 6});
  const Sequence<float> y("y", both.x.layout()), grad_x("grad_x", both.x.layout());
  Kokkos::deep_copy(y, 7);
  const auto refused = [&](auto& layer, const auto& offsets, const std::string& text) {
    using Catch::Matchers::Message;
    CHECK_THROWS_MATCHES(layer.forward(Exec(), both.x, y, offsets), std::invalid_argument,
                         Message("fused_scan::ArSsm::forward: " + text));
    CHECK_THROWS_MATCHES(
        layer.backward(Exec(), both.x, both.x, grad_x, layer.make_gradients(), offsets),
        std::invalid_argument, Message("fused_scan::ArSsm::backward: " + text));
    for (const float value : values_of(y)) CHECK(value == 7);
  };
  refused(both.layer, Kokkos::View<int*, Exec::memory_space>("none", 0),
          "offsets 'none' are empty: n segments have n + 1 offsets");
  if constexpr (impl::reads_offsets<Exec, Kokkos::View<int*, Exec::memory_space>>) {
    refused(both.layer, offsets_of({2, 3}),
            "offsets 'offsets' must end with the extent of the axis, 6, not with 5");
    refused(both.layer, offsets_of({4, -1, 3}),
            "offsets 'offsets' must not fall, as from 4 to 3 at 2");
  }
  ArSsmConfig plain = both.layer.config();
  plain.use_fused_scan = false;
  Layer<float> unfused(plain);
  refused(unfused, offsets_of({6}), "a call with offsets needs use_fused_scan");
}

}  // namespace
}  // namespace fused_scan::test
