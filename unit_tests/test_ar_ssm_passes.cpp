// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// How the layer's passes behave: memory, bits, long and bad input.

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ar_ssm_call.hpp"
#include "instances.hpp"

namespace fused_scan::test {
namespace {

const std::vector<Case> some_cases{
    {.batch = 3, .length = 300, .d_model = 24, .max_rank = 9, .hidden = 6, .current_ranks = 9},
    {.batch = 1,
     .length = 1000,
     .d_model = 40,
     .max_rank = 32,
     .hidden = 10,
     .current_ranks = 20,
     .mode = GateMode::ste},
    {.batch = 5,
     .length = 33,
     .d_model = 17,
     .max_rank = 20,
     .hidden = 5,
     .current_ranks = 20,
     .mode = GateMode::gumbel,
     .training = true},
    {.batch = 2,
     .length = 129,
     .d_model = 8,
     .max_rank = 4,
     .hidden = 4,
     .current_ranks = 4,
     .bidirectional = true}};

template <class T>
Sequence<T> random_gradient(const Case& c) {
  return sequence("grad_y", c.batch, c.length, c.d_model,
                  random_values<T>(std::size_t{1} * c.batch * c.length * c.d_model, 8));
}

// ---- bits -------------------------------------------------------------------------------------

// Kept or recomputed, all of the batch or one element at a time: the same numbers.
TEMPLATE_TEST_CASE("ArSsmPasses.CheckpointingGivesTheSameBits", "", float, double) {
  for (const Case& c : some_cases) {
    INFO(c);
    LayerAndReference<TestType> both(c);
    const auto grad_y = random_gradient<TestType>(c);
    const auto run = [&](bool training, bool checkpointing) {
      both.layer.eval();
      if (training) both.layer.train();
      both.layer.set_checkpointing(checkpointing);
      return run_layer(both.layer, c.bidirectional, both.x, grad_y, 0.5);
    };
    const auto recomputed = run(c.training, true);
    CHECK(difference(run(c.training, false), recomputed) == "");
    if (c.mode == GateMode::gumbel) continue;  // training adds noise
    CHECK(difference(run(true, false), recomputed) == "");
    CHECK(difference(run(true, true), recomputed) == "");
  }
}

// The noise of a pass that isn't kept is made once more.
TEST_CASE("ArSsmPasses.CheckpointingRepeatsItsOwnNoise") {
  const Case c{.mode = GateMode::gumbel};
  LayerAndReference<double> both(c);
  both.layer.train();
  const auto run = [&](bool checkpointing) {
    both.layer.set_checkpointing(checkpointing);
    both.layer.set_noise_seed(11);
    return run_layer(both.layer, false, both.x, random_gradient<double>(c));
  };
  CHECK(difference(run(true), run(false)) == "");
}

TEST_CASE("ArSsmPasses.BackwardDoesNotReuseWhatIsStale") {
  const Case c{};
  LayerAndReference<double> both(c);
  auto& layer = both.layer;
  const auto grad_y = random_gradient<double>(c);
  const auto backward_of = [&](const auto& x) {
    const Sequence<double> grad_x("grad_x", both.x.layout());
    layer.backward(Exec(), x, grad_y, grad_x, layer.make_gradients());
    return values_of(grad_x);
  };
  const auto backward = [&] { return backward_of(both.x); };
  layer.train();
  const Sequence<double> y("y", both.x.layout());
  layer.forward(Exec(), both.x, y);
  const auto first = backward();
  CHECK(difference(backward(), first) == "");  // the first has used up what was kept

  layer.forward(Exec(), both.x, y);
  layer.set_current_max_rank(3);
  const auto masked = backward();
  CHECK(difference(masked, first) != "");
  layer.set_current_max_rank(7);
  layer.forward_bidirectional(Exec(), both.x, y);
  CHECK(difference(backward(), first) == "");

  const Kokkos::View<const double***, Kokkos::LayoutLeft, Exec::memory_space,
                     Kokkos::MemoryUnmanaged>
      same_memory(both.x.data(), both.x.extent(0), both.x.extent(1), both.x.extent(2));
  layer.forward(Exec(), both.x, y);
  const auto of_other_order = backward_of(same_memory);
  CHECK(difference(backward_of(same_memory), of_other_order) == "");
}

TEST_CASE("ArSsmPasses.TenRunsOnAnyNumberOfThreadsGiveTheSameBits") {
  for (const Case& c : some_cases) {
    INFO(c);
    LayerAndReference<float> both(c);
    both.layer.set_checkpointing(false);
    const auto grad_y = random_gradient<float>(c);
    const auto expected = run_layer(both.layer, c.bidirectional, both.x, grad_y);
    const auto execs = instances<Exec>();
    for (int run = 0; run < 10; ++run) {
      const auto answers =
          run_layer(both.layer, c.bidirectional, both.x, grad_y, 0, execs[run % execs.size()]);
      CHECK(difference(answers, expected) == "");
    }
  }
}

TEST_CASE("ArSsmPasses.PlainScanAgrees") {
  for (const Case& c : some_cases) {
    INFO(c);
    LayerAndReference<double> both(c);
    auto config = both.layer.config();
    config.use_fused_scan = false;
    Layer<double> plain(config);
    Kokkos::deep_copy(plain.parameters().all, both.layer.parameters().all);
    plain.set_current_max_rank(c.current_ranks);
    if (c.training) {
      plain.train();
      plain.set_noise_seed(1);
      both.layer.set_noise_seed(1);
    }
    const auto grad_y = random_gradient<double>(c);
    const auto fused_answers = run_layer(both.layer, c.bidirectional, both.x, grad_y);
    for (const auto& [name, values] : run_layer(plain, c.bidirectional, both.x, grad_y)) {
      INFO(name);
      CHECK(relative_error(values, fused_answers.at(name)) < 1e-13);
    }
    typename Layer<double>::Diagnostics diagnostics;
    plain.forward(Exec(), both.x, Sequence<double>("y", both.x.layout()), diagnostics);
    CHECK_FALSE(diagnostics.used_fused_scan);
    both.layer.forward(Exec(), both.x, Sequence<double>("y", both.x.layout()), diagnostics);
    CHECK(diagnostics.used_fused_scan);
  }
}

// Asking for diagnostics changes nothing.
TEST_CASE("ArSsmPasses.DiagnosticsLeaveTheRestAlone") {
  for (const Case& c : some_cases) {
    INFO(c);
    LayerAndReference<float> both(c);
    both.layer.train();
    if (c.mode == GateMode::gumbel) both.layer.eval();
    const auto grad_y = random_gradient<float>(c);
    const auto expected = run_layer(both.layer, c.bidirectional, both.x, grad_y);
    typename Layer<float>::Diagnostics diagnostics;
    diagnostics.check_stability = true;
    const Sequence<float> y("y", both.x.layout()), grad_x("grad_x", both.x.layout());
    const auto gradients = both.layer.make_gradients();
    if (c.bidirectional) {
      both.layer.forward_bidirectional(Exec(), both.x, y, diagnostics);
      both.layer.backward_bidirectional(Exec(), both.x, grad_y, grad_x, gradients);
    } else {
      both.layer.forward(Exec(), both.x, y, diagnostics);
      both.layer.backward(Exec(), both.x, grad_y, grad_x, gradients);
    }
    CHECK(difference(values_of(y), expected.at("y")) == "");
    CHECK(difference(values_of(grad_x), expected.at("gradients/x")) == "");
    CHECK(difference(values_of(gradients.u_weight), expected.at("gradients/U_proj.weight")) == "");
  }
}

// ---- memory -----------------------------------------------------------------------------------

/// What Kokkos Tools sees of allocations while it lives.
class AllocationWatch {
 public:
  AllocationWatch() {
    counts() = {};
    using namespace Kokkos::Tools::Experimental;
    set_allocate_data_callback(
        [](Kokkos::Tools::SpaceHandle, const char* label, const void* address, std::uint64_t size) {
          // A backend may keep memory of its own for a kernel.
          if (std::string_view(label).starts_with("Kokkos::")) return;
          ++counts().allocations;
          counts().live[address] = size;
          counts().now += size;
          counts().peak = std::max(counts().peak, counts().now);
        });
    set_deallocate_data_callback(
        [](Kokkos::Tools::SpaceHandle, const char*, const void* address, std::uint64_t) {
          const auto found = counts().live.find(address);
          if (found == counts().live.end()) return;
          counts().now -= found->second;
          counts().live.erase(found);
        });
  }
  ~AllocationWatch() {
    Kokkos::Tools::Experimental::set_allocate_data_callback(nullptr);
    Kokkos::Tools::Experimental::set_deallocate_data_callback(nullptr);
  }

  int allocations() const { return counts().allocations; }
  std::size_t peak() const { return counts().peak; }

 private:
  struct Counts {
    int allocations = 0;
    std::size_t now = 0;
    std::size_t peak = 0;
    std::map<const void*, std::size_t> live;
  };
  static Counts& counts() {
    static Counts counts;
    return counts;
  }
};

// A layer and all that its passes write to, so that what allocates is the layer.
class Passes {
 public:
  Passes(const Case& c, bool training, bool checkpointing)
      : m_both(c),
        m_bidirectional(c.bidirectional),
        m_grad_y(random_gradient<float>(c)),
        m_y("y", m_both.x.layout()),
        m_grad_x("grad_x", m_both.x.layout()),
        m_gradients(m_both.layer.make_gradients()) {
    m_both.layer.eval();
    if (training) m_both.layer.train();
    m_both.layer.set_checkpointing(checkpointing);
  }

  const Layer<float>& layer() const { return m_both.layer; }

  template <class... Diagnostics>
  void run(bool backward, Diagnostics&... diagnostics) {
    Layer<float>& layer = m_both.layer;
    if (m_bidirectional) {
      layer.forward_bidirectional(Exec(), m_both.x, m_y, diagnostics...);
      if (backward) {
        layer.backward_bidirectional(Exec(), m_both.x, m_grad_y, m_grad_x, m_gradients);
      }
    } else {
      layer.forward(Exec(), m_both.x, m_y, diagnostics...);
      if (backward) layer.backward(Exec(), m_both.x, m_grad_y, m_grad_x, m_gradients);
    }
    Kokkos::fence();
  }

 private:
  LayerAndReference<float> m_both;
  bool m_bidirectional;
  Sequence<float> m_grad_y;
  Sequence<float> m_y;
  Sequence<float> m_grad_x;
  decltype(std::declval<Layer<float>>().make_gradients()) m_gradients;
};

void check_memory_usage(const Case& c, bool training, bool checkpointing, bool backward) {
  INFO(c << (training ? ", training" : "") << (checkpointing ? ", checkpointing" : "")
         << (backward ? ", backward" : ""));
  LayerAndReference<float> warm_up(c);  // what the scans keep for an instance
  run_layer(warm_up.layer, c.bidirectional, warm_up.x, random_gradient<float>(c));

  Passes passes(c, training, checkpointing);
  const std::size_t usage = passes.layer().memory_usage(c.batch, c.length, backward);
  if (training == backward) CHECK(usage == passes.layer().memory_usage(c.batch, c.length));
  {
    const AllocationWatch watch;
    passes.run(backward);
    CHECK(watch.allocations() > 0);
    CHECK(watch.peak() == usage);
  }
  {
    const AllocationWatch watch;
    passes.run(backward);
    CHECK(watch.allocations() == 0);
  }
}

TEST_CASE("ArSsmPasses.MemoryUsageIsWhatIsAllocatedOnce") {
  for (const Case& c : some_cases) {
    for (const bool training : {false, true}) {
      for (const bool checkpointing : {false, true}) {
        for (const bool backward : {false, true}) {
          check_memory_usage(c, training, checkpointing, backward);
        }
      }
    }
  }
}

TEST_CASE("ArSsmPasses.DiagnosticsAllocateOnce") {
  for (const Case& c : some_cases) {
    for (const bool training : {false, true}) {
      for (const bool checkpointing : {false, true}) {
        INFO(c << (training ? ", training" : "") << (checkpointing ? ", checkpointing" : ""));
        Passes passes(c, training, checkpointing);
        Layer<float>::Diagnostics diagnostics;
        diagnostics.check_stability = true;
        passes.run(true, diagnostics);
        const AllocationWatch watch;
        passes.run(true, diagnostics);
        CHECK(watch.allocations() == 0);
      }
    }
  }
}

TEST_CASE("ArSsmPasses.MemoryUsageIsLinearAndLessWithCheckpointing") {
  Layer<float> layer({.d_model = 256});
  layer.train();
  const auto usage = [&](int batch, int length) {
    return static_cast<double>(layer.memory_usage(batch, length));
  };
  const double per_element = usage(4, 8192) - usage(4, 4096);
  CHECK(std::abs(usage(4, 16384) - usage(4, 8192) - 2 * per_element) < 1000);
  CHECK(usage(4, 65536) < static_cast<double>(layer.attention_memory_usage(4, 65536)) / 100);
  CHECK(layer.attention_memory_usage(2, 100) == 2 * 100 * 100 * 4);
  // So long that the sums for the gradients of the parameters, of 64 groups on a GPU, count little.
  const double kept = usage(8, 65536);
  layer.set_checkpointing(true);
  CHECK(usage(8, 65536) < kept / 5);
}

// ---- long and bad input -------------------------------------------------------------------------

// The sums reach 8192 * 100 * 100; a plain sum in float would be off by much more.
TEST_CASE("ArSsmPasses.LongInputOfLargeValues") {
  for (const bool bidirectional : {false, true}) {
    Case c{
        .batch = 1, .length = 8192, .d_model = 16, .max_rank = 8, .hidden = 4, .current_ranks = 8};
    c.bidirectional = bidirectional;
    LayerAndReference<float> both(c);
    for (double& value : both.reference.x) value = 100;
    set_values(both.x, both.reference.x);
    both.reference.relu_is_open.clear();
    const auto answers = run_layer(both.layer, bidirectional, both.x, both.x);
    CHECK(relative_error(answers.at("y"), both.reference.output()) < 1e-6);
    for (const auto& [name, values] : answers) {
      INFO(name);
      CHECK(std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); }));
    }
  }
}

TEST_CASE("ArSsmPasses.NotANumberStaysInItsBatchElement") {
  const Case plain{.batch = 3, .length = 200};
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    for (const bool bidirectional : {false, true}) {
      Case c = plain;
      c.bidirectional = bidirectional;
      INFO(c << ", " << bad);
      LayerAndReference<float> both(c);
      const auto grad_y = random_gradient<float>(c);
      const auto without = run_layer(both.layer, bidirectional, both.x, grad_y);
      both.reference.x[both.reference.at(1, 70, 2, 5)] = bad;
      set_values(both.x, both.reference.x);
      const auto with = run_layer(both.layer, bidirectional, both.x, grad_y);
      bool is_finite = true;
      for (const char* const name : {"y", "gradients/x"}) {
        for (std::size_t i = 0; i < with.at(name).size(); ++i) {
          const bool other_element = i / (200 * 5) != 1;
          if (other_element && with.at(name)[i] != without.at(name)[i])
            FAIL_CHECK(name << " " << i);
          if (!other_element) is_finite = is_finite && std::isfinite(with.at(name)[i]);
        }
      }
      CHECK_FALSE(is_finite);
    }
  }
}

// Before the bad position nothing is known of it, but for the one the convolution looks ahead to.
TEST_CASE("ArSsmPasses.NotANumberSpreadsForwardOnly") {
  LayerAndReference<float> both(Case{.batch = 1, .length = 200});
  both.reference.x[both.reference.at(0, 70, 2, 5)] = NAN;
  set_values(both.x, both.reference.x);
  const Sequence<float> y("y", both.x.layout());
  both.layer.forward(Exec(), both.x, y);
  const auto values = values_of(y);
  for (int l = 0; l < 200; ++l) {
    for (int d = 0; d < 5; ++d) {
      CHECK(std::isnan(values[l * 5 + d]) == (l >= 70 || (l == 69 && d == 2)));
    }
  }
}

TEST_CASE("ArSsmPasses.SaturatedGatesAreZeroOrOne") {
  for (const double logit : {-1e4, 1e4}) {
    LayerAndReference<float> both(Case{});
    Kokkos::deep_copy(both.layer.parameters().gate_bias_2, static_cast<float>(logit));
    typename Layer<float>::Diagnostics diagnostics;
    both.layer.forward(Exec(), both.x, Sequence<float>("y", both.x.layout()), diagnostics);
    for (const float gate : values_of(diagnostics.gates)) CHECK(gate == (logit > 0 ? 1 : 0));
    for (const auto& [name, values] : run_layer(both.layer, false, both.x, both.x, 1.0)) {
      for (const float value : values) CHECK(std::isfinite(value));
    }
  }
}

}  // namespace
}  // namespace fused_scan::test
