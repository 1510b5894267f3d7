// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Gradients of every parameter against differences of the reference, in double.

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "ar_ssm_call.hpp"

namespace fused_scan::test {
namespace {

void check_gradients(const Case& c) {
  INFO(c);
  constexpr double l1_weight = 3;
  LayerAndReference<double> both(c, 0.5);
  ReferenceLayer& reference = both.reference;
  const auto grad_y = random_values<double>(reference.x.size(), 77);
  const auto run = [&](bool checkpointing) {
    both.layer.set_checkpointing(checkpointing);
    return run_layer(both.layer, c.bidirectional, both.x,
                     sequence("grad_y", c.batch, c.length, c.d_model, grad_y), l1_weight);
  };
  const auto kept = run(false);
  const auto recomputed = run(true);
  const auto check = [&](const std::string& name, std::vector<double>& values) {
    INFO(name);
    const std::vector<double> expected = reference.differences(values, grad_y, l1_weight);
    CHECK(relative_error(kept.at("gradients/" + name), expected) < 1e-8);
    CHECK(relative_error(recomputed.at("gradients/" + name), expected) < 1e-8);
  };
  CHECK(relative_error(kept.at("y"), reference.output()) < 1e-13);
  CHECK(relative_error(recomputed.at("y"), reference.output()) < 1e-13);
  check("x", reference.x);
  for (auto& [name, values] : reference.parameters) check(name, values);
}

TEST_CASE("ArSsmGradients.EveryGateModeMaskAndDirection") {
  for (const GateMode mode : {GateMode::soft, GateMode::ste, GateMode::gumbel}) {
    for (const int current_ranks : {7, 4}) {
      for (const bool bidirectional : {false, true}) {
        for (const bool training : {false, true}) {
          Case c;
          c.mode = mode;
          c.current_ranks = current_ranks;
          c.bidirectional = bidirectional;
          c.training = training;
          c.temperature = mode == GateMode::gumbel ? 0.8 : 1;
          check_gradients(c);
        }
      }
    }
  }
}

TEST_CASE("ArSsmGradients.CausalConvolution") {
  for (const bool bidirectional : {false, true}) {
    Case c;
    c.causal_convolution = true;
    c.bidirectional = bidirectional;
    check_gradients(c);
  }
}

TEST_CASE("ArSsmGradients.SizesOfOne") {
  check_gradients(
      {.batch = 1, .length = 1, .d_model = 1, .max_rank = 1, .hidden = 1, .current_ranks = 1});
  check_gradients(
      {.batch = 3, .length = 1, .d_model = 2, .max_rank = 1, .hidden = 2, .current_ranks = 1});
  check_gradients({.batch = 1,
                   .length = 2,
                   .d_model = 1,
                   .max_rank = 3,
                   .hidden = 1,
                   .current_ranks = 3,
                   .bidirectional = true});
}

// More rows than a slab has, and sizes that fill no tile.
TEST_CASE("ArSsmGradients.SeveralSlabs") {
  Case c{.batch = 2, .length = 150, .d_model = 3, .max_rank = 2, .hidden = 2, .current_ranks = 2};
  check_gradients(c);
}

// The original's fused kernel had no gradient for U_proj at all.
TEST_CASE("ArSsmGradients.ScanGradientReachesU") {
  LayerAndReference<float> both(Case{});
  const auto answers = run_layer(both.layer, false, both.x, both.x);
  for (const float gradient : answers.at("gradients/U_proj.weight")) CHECK(gradient != 0);
}

TEST_CASE("ArSsmGradients.OfReluAtZeroIsZero") {
  LayerAndReference<double> both(Case{.batch = 1, .length = 1});
  both.layer.parameters().for_each([](const std::string& name, const auto& view) {
    if (name.starts_with("complexity_gate.0")) Kokkos::deep_copy(view, 0.0);
  });
  const auto answers = run_layer(both.layer, false, both.x, both.x, 1.0);
  for (const double gradient : answers.at("gradients/complexity_gate.0.bias")) CHECK(gradient == 0);
  for (const double gradient : answers.at("gradients/complexity_gate.2.bias")) CHECK(gradient != 0);
}

// A gate near 1 has the gradient of one near 0: sigmoid'(z) = sigmoid'(-z), however small.
TEST_CASE("ArSsmGradients.SaturatedGates") {
  for (const double logit : {-30.0, 30.0}) {
    LayerAndReference<float> both(Case{.batch = 1, .length = 1, .max_rank = 1, .current_ranks = 1});
    both.layer.parameters().for_each([&](const std::string& name, const auto& view) {
      if (name == "complexity_gate.2.weight") Kokkos::deep_copy(view, 0.0F);
      if (name == "complexity_gate.2.bias") Kokkos::deep_copy(view, static_cast<float>(logit));
    });
    Sequence<float> nothing("grad_y", both.x.layout());
    const auto answers = run_layer(both.layer, false, both.x, nothing, 1.0);
    const double expected = 0.7 * std::exp(-30.0) / std::pow(1 + std::exp(-30.0), 2);
    CHECK(relative_error(answers.at("gradients/complexity_gate.2.bias"), {expected}) * 1e-3 /
              expected <
          1e-6);
  }
}

}  // namespace
}  // namespace fused_scan::test
