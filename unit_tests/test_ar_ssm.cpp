// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What the layer computes, against the reference; initialisation, schedule, noise, errors.

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "ar_ssm_call.hpp"

namespace fused_scan::test {
namespace {

template <class T, class X, class Y>
void run_forward(Layer<T>& layer, bool bidirectional, const X& x, const Y& y) {
  if (bidirectional) {
    layer.forward_bidirectional(Exec(), x, y);
  } else {
    layer.forward(Exec(), x, y);
  }
}

// ---- values -----------------------------------------------------------------------------------

TEMPLATE_TEST_CASE("ArSsm.ShapesAgainstTheReference", "", float, double) {
  const std::vector<Case> cases{
      {.batch = 1, .length = 1, .d_model = 1, .max_rank = 1, .hidden = 1, .current_ranks = 1},
      {.batch = 1, .length = 2, .d_model = 1, .max_rank = 8, .hidden = 4, .current_ranks = 8},
      {.batch = 5, .length = 1, .d_model = 3, .max_rank = 2, .hidden = 1, .current_ranks = 1},
      {.batch = 2, .length = 17, .d_model = 6, .max_rank = 13, .hidden = 7, .current_ranks = 9},
      {.batch = 3, .length = 100, .d_model = 33, .max_rank = 32, .hidden = 8, .current_ranks = 32},
      {.batch = 1, .length = 777, .d_model = 20, .max_rank = 40, .hidden = 10, .current_ranks = 40},
      {.batch = 1, .length = 50, .d_model = 300, .max_rank = 4, .hidden = 75, .current_ranks = 4}};
  constexpr double tolerance = sizeof(TestType) == 4 ? 1e-5 : 1e-13;
  for (Case c : cases) {
    for (const bool bidirectional : {false, true}) {
      for (const bool causal : {false, true}) {
        for (const bool fused : {false, true}) {
          c.bidirectional = bidirectional;
          c.causal_convolution = causal;
          INFO(c << (fused ? "" : ", plain scan"));
          LayerAndReference<TestType> both(c);
          auto config = both.layer.config();
          config.use_fused_scan = fused;
          Layer<TestType> layer(config);
          Kokkos::deep_copy(layer.parameters().all, both.layer.parameters().all);
          layer.set_current_max_rank(c.current_ranks);
          Sequence<TestType> y("y", both.x.layout());
          run_forward<TestType>(layer, bidirectional, both.x, y);
          CHECK(relative_error(values_of(y), both.reference.output()) < tolerance);
        }
      }
    }
  }
}

// A View of those extents whose elements have gaps in every dimension, and the memory behind it.
template <class T>
struct Strided {
  Sequence<T> memory;
  Kokkos::View<T***, Kokkos::LayoutStride, Exec::memory_space> view;

  Strided(const std::string& label, int batch, int length, int columns)
      : memory(label, 2 * batch, length + 3, 3 * columns),
        view(memory.data() + 7, Kokkos::LayoutStride(batch, 2 * memory.stride(0), length,
                                                     memory.stride(1), columns, 3)) {}
};

template <class From, class To>
void copy_elements(const From& from, const To& to) {
  Kokkos::parallel_for(
      Kokkos::MDRangePolicy<Exec, Kokkos::Rank<3>>(
          {0, 0, 0}, {from.extent(0), from.extent(1), from.extent(2)}),
      KOKKOS_LAMBDA(int b, int l, int d) { to(b, l, d) = from(b, l, d); });
  Kokkos::fence();
}

template <class View>
auto packed(const View& view) {
  using T = typename View::non_const_value_type;
  Sequence<T> copy("copy", view.extent(0), view.extent(1), view.extent(2));
  copy_elements(view, copy);
  return values_of(copy);
}

// The strides of x leave no trace in the bits, but where Kokkos Kernels multiplies: what its gemm
// doesn't take, the own product does in another order.
void check_agreement(const std::vector<double>& values, const std::vector<double>& expected) {
#ifdef FUSED_SCAN_HAVE_KOKKOS_KERNELS
  CHECK(relative_error(values, expected) < 1e-14);
#else
  CHECK(difference(values, expected) == "");
#endif
}

TEST_CASE("ArSsm.AnyLayoutOfEveryView") {
  for (const bool bidirectional : {false, true}) {
    const Case c{.batch = 3, .length = 40, .bidirectional = bidirectional};
    LayerAndReference<double> both(c);
    const auto grad_y = sequence("g", 3, 40, 5, random_values<double>(3 * 40 * 5, 5));
    const auto expected = run_layer(both.layer, bidirectional, both.x, grad_y);

    const auto check = [&](const auto& x, const auto& y, const auto& g, const auto& grad_x) {
      copy_elements(both.x, x);
      copy_elements(grad_y, g);
      const auto gradients = both.layer.make_gradients();
      run_forward<double>(both.layer, bidirectional, x, y);
      if (bidirectional) {
        both.layer.backward_bidirectional(Exec(), x, g, grad_x, gradients);
      } else {
        both.layer.backward(Exec(), x, g, grad_x, gradients);
      }
      Answers<double> answers{{"y", packed(y)}, {"gradients/x", packed(grad_x)}};
      collect_gradients(answers, gradients);
      for (const auto& [name, values] : answers) {
        INFO(name);
        check_agreement(values, expected.at(name));
      }
    };
    using Left = Kokkos::View<double***, Kokkos::LayoutLeft, Exec::memory_space>;
    const Left left[]{Left("x", 3, 40, 5), Left("y", 3, 40, 5), Left("g", 3, 40, 5),
                      Left("gx", 3, 40, 5)};
    check(left[0], left[1], left[2], left[3]);
    const Strided<double> x("x", 3, 40, 5), y("y", 3, 40, 5), g("g", 3, 40, 5), gx("gx", 3, 40, 5);
    check(x.view, y.view, g.view, gx.view);
  }
}

TEST_CASE("ArSsm.ComplexInputGivesItsRealPartAndOneWarning") {
  LayerAndReference<double> both(Case{});
  const Sequence<Kokkos::complex<double>> x("x", 2, 6, 5);
  const auto real = both.x;
  Kokkos::parallel_for(
      Kokkos::RangePolicy<Exec>(0, x.size()),
      KOKKOS_LAMBDA(int i) { x.data()[i] = Kokkos::complex<double>(real.data()[i], 100.0 + i); });
  const Sequence<double> y("y", 2, 6, 5), grad_x("grad_x", 2, 6, 5);
  const auto gradients = both.layer.make_gradients();

  std::ostringstream warnings;
  std::streambuf* const stderr_buffer = std::cerr.rdbuf(warnings.rdbuf());
  Layer<double>::Diagnostics diagnostics;
  both.layer.forward(Exec(), x, y, diagnostics);
  both.layer.forward(Exec(), x, y);
  both.layer.backward(Exec(), x, both.x, grad_x, gradients);
  std::cerr.rdbuf(stderr_buffer);

  CHECK(diagnostics.input_was_complex);
  CHECK(warnings.str() ==
        "fused_scan::ArSsm::forward: x is complex, its imaginary part is ignored\n");
  const auto expected = run_layer(both.layer, false, both.x, both.x);
  check_agreement(values_of(y), expected.at("y"));
  check_agreement(values_of(grad_x), expected.at("gradients/x"));
  check_agreement(values_of(gradients.u_weight), expected.at("gradients/U_proj.weight"));
}

TEST_CASE("ArSsm.CausalConvolutionSeesNothingAhead") {
  LayerAndReference<double> both(Case{.causal_convolution = true});
  Sequence<double> y("y", both.x.layout());
  both.layer.forward(Exec(), both.x, y);
  const auto before = values_of(y);
  auto x = both.reference.x;
  for (int d = 0; d < 5; ++d) x[both.reference.at(0, 4, d, 5)] += 1;
  set_values(both.x, x);
  both.layer.forward(Exec(), both.x, y);
  const auto after = values_of(y);
  for (int l = 0; l < 6; ++l) {
    const bool equal =
        std::equal(before.begin() + l * 5, before.begin() + (l + 1) * 5, after.begin() + l * 5);
    CHECK(equal == (l < 4));
  }
}

// ---- numbers of the diagnostics -----------------------------------------------------------------

TEST_CASE("ArSsm.StabilityChecks") {
  const auto stability = [](const auto& change) {
    LayerAndReference<double> both(Case{.current_ranks = 4});
    change(both);
    Layer<double>::Diagnostics diagnostics;
    diagnostics.check_stability = true;
    Sequence<double> y("y", both.x.layout());
    both.layer.forward(Exec(), both.x, y, diagnostics);
    return diagnostics;
  };
  const auto norms = [](const Sequence<double>& view) {
    const auto values = values_of(view);
    std::vector<double> result(values.size() / 7);
    for (std::size_t i = 0; i < values.size(); ++i) result[i / 7] += values[i] * values[i];
    for (double& norm : result) norm = std::sqrt(norm);
    std::sort(result.begin(), result.end());
    return result;
  };

  const auto usual = stability([](auto&) {});
  const auto u = norms(usual.u_gated), v = norms(usual.v_gated);
  const double expected = u.back() * v.back() / (u.front() * v.front() + 1e-10);
  CHECK(std::abs(usual.condition_number / expected - 1) < 1e-12);
  CHECK_FALSE(usual.is_singular);  // ranks 4, 5 and 6 are off, and don't count
  CHECK(usual.stability_warning == (expected > 1e6));

  const auto no_column = stability([](auto& both) {
    const auto weight = both.layer.parameters().v_weight;
    Kokkos::deep_copy(Kokkos::subview(weight, 2, Kokkos::ALL), 0.0);
  });
  CHECK(no_column.is_singular);
  CHECK(no_column.stability_warning);

  const auto no_position = stability(
      [](auto& both) { Kokkos::deep_copy(Kokkos::subview(both.x, 1, 3, Kokkos::ALL), 0.0); });
  CHECK(no_position.condition_number == 1e10);
  CHECK_FALSE(no_position.is_singular);
  CHECK(no_position.stability_warning);

  const auto not_a_number = stability(
      [](auto& both) { Kokkos::deep_copy(Kokkos::subview(both.x, 1, 3, Kokkos::ALL), NAN); });
  CHECK(std::isnan(not_a_number.condition_number));
}

// A gate whose sigmoid is exactly a half is on; of what isn't a number, none is made.
TEST_CASE("ArSsm.GatesAtTheThresholdAndBeyondNumbers") {
  for (const GateMode mode : {GateMode::soft, GateMode::ste, GateMode::gumbel}) {
    LayerAndReference<float> both(Case{.batch = 1, .mode = mode});
    auto& layer = both.layer;
    Kokkos::deep_copy(layer.parameters().gate_weight_2, 0.0F);
    Kokkos::deep_copy(layer.parameters().gate_bias_2, 0.0F);
    const Sequence<float> y("y", both.x.layout());
    Layer<float>::Diagnostics diagnostics;
    layer.forward(Exec(), both.x, y, diagnostics);
    for (const float gate : values_of(diagnostics.gates)) {
      CHECK(gate == (mode == GateMode::ste ? 1.0F : 0.5F));
    }
    both.reference.x[both.reference.at(0, 3, 1, 5)] = NAN;
    set_values(both.x, both.reference.x);
    layer.forward(Exec(), both.x, y, diagnostics);
    const auto gates = values_of(diagnostics.gates);
    for (std::size_t i = 0; i < gates.size(); ++i) CHECK(std::isnan(gates[i]) == (i / 7 == 3));
  }
}

// ---- initialisation -----------------------------------------------------------------------------

// Singular values of a (rows x columns) matrix, largest first: Jacobi's rotations of its columns.
std::vector<double> singular_values(int rows, int columns, const std::vector<double>& matrix) {
  std::vector<std::vector<double>> c(columns, std::vector<double>(rows));
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) c[j][i] = matrix[std::size_t{1} * i * columns + j];
  }
  const auto dot = [&](int a, int b) {
    double sum = 0;
    for (int i = 0; i < rows; ++i) sum += c[a][i] * c[b][i];
    return sum;
  };
  for (int sweep = 0; sweep < 30; ++sweep) {
    for (int a = 0; a < columns; ++a) {
      for (int b = a + 1; b < columns; ++b) {
        const double angle = 0.5 * std::atan2(2 * dot(a, b), dot(b, b) - dot(a, a));
        for (int i = 0; i < rows; ++i) {
          const double x = c[a][i], y = c[b][i];
          c[a][i] = std::cos(angle) * x - std::sin(angle) * y;
          c[b][i] = std::sin(angle) * x + std::cos(angle) * y;
        }
      }
    }
  }
  std::vector<double> result;
  for (int j = 0; j < columns; ++j) result.push_back(std::sqrt(dot(j, j)));
  std::sort(result.rbegin(), result.rend());
  return result;
}

TEST_CASE("ArSsmInitialization.PrimeBumpHasTheSpectrumOfItsRank") {
  for (const int ranks : {1, 2, 5, 16}) {
    Layer<double> layer({.d_model = 12, .max_rank = ranks, .min_rank = 1}, 7);
    INFO("max_rank " << ranks);
    const int rank = std::min(ranks, 12);
    const auto check = [&](int rows, int columns, int expected_rank, const auto& view) {
      const auto sigma = singular_values(rows, columns, values_of(view));
      CHECK(std::abs(sigma.front() - 1) < 1e-12);
      CHECK(sigma[expected_rank - 1] > 1e-4);
      if (expected_rank < columns) CHECK(sigma[expected_rank] < 1e-12);
    };
    check(ranks, 12, rank, layer.parameters().u_weight);
    check(ranks, 12, rank, layer.parameters().v_weight);
    check(12, ranks, rank, layer.parameters().output_weight);
    check(12, 3, 3, layer.parameters().conv_weight);
  }
}

// Mean and spread of log p over the primes below 64, each with weight log p / p^0.6.
TEST_CASE("ArSsmInitialization.SpectrumIsDrawnFromPrimes") {
  const int primes[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61};
  double weight = 0, mean = 0, square = 0;
  for (const int p : primes) {
    const double w = std::log(p) / std::pow(p, 0.6);
    weight += w;
    mean += w * std::log(p);
    square += w * std::log(p) * std::log(p);
  }
  mean /= weight;
  const double spread = std::sqrt(square / weight - mean * mean + 0.1);
  // The largest of the 32 is divided out: the ratio of spread and mean stays.
  double sum = 0, sum_of_ratios = 0;
  constexpr int seeds = 200;
  for (int seed = 0; seed < seeds; ++seed) {
    impl::RandomNumbers random(seed);
    const auto sigma = impl::prime_spectrum(32, random);
    CHECK(sigma.size() == 32);
    CHECK(sigma.front() == 1);
    CHECK(std::is_sorted(sigma.rbegin(), sigma.rend()));
    double m = 0, s = 0;
    for (const double x : sigma) m += x / 32;
    for (const double x : sigma) s += (x - m) * (x - m) / 31;
    sum += m;
    sum_of_ratios += std::sqrt(s) / m;
  }
  CHECK(std::abs(sum_of_ratios / seeds - spread / mean) < 0.015);
  CHECK(sum / seeds < 0.75);
}

TEST_CASE("ArSsmInitialization.XavierUniformAndZeros") {
  Layer<double> layer({.d_model = 200, .max_rank = 40, .gate_hidden_dim = 100}, 3);
  const auto check = [](const auto& view, double bound) {
    double largest = 0, sum = 0, squares = 0;
    for (const double x : values_of(view)) {
      largest = std::max(largest, std::abs(x));
      sum += x;
      squares += x * x;
    }
    const double n = static_cast<double>(view.size());
    CHECK(largest <= bound);
    CHECK(largest > 0.99 * bound);
    CHECK(std::abs(sum / n) < 4 * bound / std::sqrt(3 * n));
    CHECK(std::abs(squares / n / (bound * bound / 3) - 1) < 0.05);
  };
  check(layer.parameters().gate_weight_0, std::sqrt(6.0 / 300));
  check(layer.parameters().gate_weight_2, std::sqrt(6.0 / 140));
  for (const double x : values_of(layer.parameters().gate_bias_0)) CHECK(x == 0);
  for (const double x : values_of(layer.parameters().gate_bias_2)) CHECK(x == 0);
  for (const double x : values_of(layer.parameters().output_bias)) CHECK(x == 0);

  Layer<double> narrow({.d_model = 1}, 3);
  for (const double x : values_of(narrow.parameters().conv_weight)) {
    CHECK(std::abs(x) <= 1 / std::sqrt(3.0));
    CHECK(x != 0);
  }
}

TEST_CASE("ArSsmInitialization.FollowsTheSeed") {
  const auto values = [](int seed) {
    return values_of(Layer<float>({.d_model = 9}, seed).parameters().all);
  };
  CHECK(difference(values(5), values(5)) == "");
  CHECK(difference(values(5), values(6)) != "");
}

TEST_CASE("ArSsm.GateHiddenDimHasADefault") {
  CHECK(Layer<float>({.d_model = 64}).config().gate_hidden_dim == 16);
  CHECK(Layer<float>({.d_model = 8}).config().gate_hidden_dim == 4);
  CHECK(Layer<float>({.d_model = 8, .gate_hidden_dim = 3}).config().gate_hidden_dim == 3);
}

// ---- schedule and noise -------------------------------------------------------------------------

TEST_CASE("ArSsm.RankSchedule") {
  Layer<float> layer({.d_model = 8, .max_rank = 32, .min_rank = 4});
  CHECK(layer.current_max_rank() == 32);
  const auto at = [&](int step) {
    layer.update_max_rank(step, 1000);
    return layer.current_max_rank();
  };
  CHECK(at(0) == 4);
  CHECK(at(35) == 4);
  CHECK(at(36) == 5);
  CHECK(at(500) == 18);
  CHECK(at(999) == 31);
  CHECK(at(1000) == 32);
  CHECK(at(1000000) == 32);

  Layer<float> many({.d_model = 8, .max_rank = 50, .min_rank = 1});
  for (const int step : {1, 2, 16}) {  // step / 49.0 * 49 is less than step
    many.update_max_rank(step, 49);
    CHECK(many.current_max_rank() == 1 + step);
  }
}

TEST_CASE("ArSsm.GumbelNoiseFollowsSeedAndPass") {
  LayerAndReference<float> both(Case{.mode = GateMode::gumbel});
  auto& layer = both.layer;
  Sequence<float> y("y", both.x.layout());
  const auto output = [&] {
    layer.forward(Exec(), both.x, y);
    return values_of(y);
  };
  const auto without_noise = output();
  CHECK(difference(output(), without_noise) == "");
  layer.train();
  layer.set_noise_seed(3);
  const auto first = output();
  const auto second = output();
  CHECK(difference(first, without_noise) != "");
  CHECK(difference(first, second) != "");
  layer.set_noise_seed(3);
  CHECK(difference(output(), first) == "");
  CHECK(difference(output(), second) == "");
  layer.set_noise_seed(4);
  CHECK(difference(output(), first) != "");
}

TEST_CASE("ArSsm.NoiseIsUniform") {
  const impl::GumbelUniform<double> uniform{.seed = impl::random_bits(1, 1)};
  constexpr int n = 20000;
  double sum = 0, squares = 0, products = 0, last = 0;
  for (int i = 0; i < n; ++i) {
    const double u = uniform(i / 1000, i / 10 % 100, i % 10, 100, 10);
    CHECK((0 <= u && u < 1));
    sum += u;
    squares += u * u;
    products += u * last;
    last = u;
  }
  CHECK(std::abs(sum / n - 1.0 / 2) < 0.01);
  CHECK(std::abs(squares / n - 1.0 / 3) < 0.01);
  CHECK(std::abs(products / n - 1.0 / 4) < 0.01);
}

// ---- errors -------------------------------------------------------------------------------------

template <class F>
void check_error(const F& f, const std::string& text) {
  CHECK_THROWS_MATCHES(f(), std::invalid_argument, Catch::Matchers::Message(text));
}

TEST_CASE("ArSsmErrors.Configuration") {
  const auto make = [](ArSsmConfig config) { return [config] { Layer<float> layer(config); }; };
  check_error(make({.d_model = 0}), "fused_scan::ArSsm: d_model 0 must be positive");
  check_error(make({.d_model = 8, .min_rank = 0}),
              "fused_scan::ArSsm: min_rank 0 must be positive");
  check_error(make({.d_model = 8, .max_rank = 3, .min_rank = 4}),
              "fused_scan::ArSsm: max_rank 3 must be at least min_rank, which is 4");
  check_error(
      make({.d_model = 8, .gate_hidden_dim = -1}),
      "fused_scan::ArSsm: gate_hidden_dim -1 must be positive, or 0 (max(d_model / 4, min_rank))");
  check_error(make({.d_model = 8, .gate_mode = static_cast<GateMode>(7)}),
              "fused_scan::ArSsm: gate_mode 7 is unknown: it must be soft, ste or gumbel");
  check_error(make({.d_model = 8, .gumbel_temperature = 0}),
              "fused_scan::ArSsm: gumbel_temperature 0.000000 must be a positive number");
  check_error(make({.d_model = 8, .gumbel_temperature = NAN}),
              "fused_scan::ArSsm: gumbel_temperature nan must be a positive number");
  check_error(make({.d_model = 8, .l1_regularization = INFINITY}),
              "fused_scan::ArSsm: l1_regularization inf must be finite");
}

TEST_CASE("ArSsmErrors.Setters") {
  Layer<float> layer({.d_model = 8});
  check_error(
      [&] { layer.set_gate_mode(static_cast<GateMode>(-1)); },
      "fused_scan::ArSsm::set_gate_mode: gate_mode -1 is unknown: it must be soft, ste or gumbel");
  check_error([&] { layer.set_gumbel_temperature(-2); },
              "fused_scan::ArSsm::set_gumbel_temperature: gumbel_temperature -2.000000 must be a "
              "positive number");
  check_error([&] { layer.set_current_max_rank(33); },
              "fused_scan::ArSsm::set_current_max_rank: rank 33 is out of range [0, 32]");
  check_error([&] { layer.update_max_rank(-1, 10); },
              "fused_scan::ArSsm::update_max_rank: step -1 must not be negative");
  check_error([&] { layer.update_max_rank(1, 0); },
              "fused_scan::ArSsm::update_max_rank: warmup_steps 0 must be positive");
}

TEST_CASE("ArSsmErrors.ViewsOfPasses") {
  Layer<float> layer({.d_model = 8, .max_rank = 4});
  const auto gradients = layer.make_gradients();
  const auto make = [](const std::string& label, int b, int l, int d) {
    return Sequence<float>(label, b, l, d);
  };
  const auto x = make("input", 2, 5, 8);
  const auto y = make("output", 2, 5, 8);
  Kokkos::deep_copy(y, 3.0F);
  const Exec exec;
  check_error(
      [&] { layer.forward(exec, make("input", 2, 5, 7), y); },
      "fused_scan::ArSsm::forward: x 'input' has extents (2, 5, 7) instead of (batch, length, 8) "
      "with batch and length at least 1");
  check_error(
      [&] { layer.forward_bidirectional(exec, make("input", 2, 0, 8), y); },
      "fused_scan::ArSsm::forward_bidirectional: x 'input' has extents (2, 0, 8) instead of "
      "(batch, length, 8) with batch and length at least 1");
  check_error([&] { layer.forward(exec, x, make("output", 2, 6, 8)); },
              "fused_scan::ArSsm::forward: y 'output' has extents (2, 6, 8) instead of (2, 5, 8)");
  check_error([&] { layer.forward(exec, x, x); },
              "fused_scan::ArSsm::forward: x 'input' and y 'input' overlap in memory");
  const Kokkos::View<float***, Kokkos::LayoutStride, Exec> one_row(
      y.data(), Kokkos::LayoutStride(2, 40, 5, 0, 8, 1));
  check_error(
      [&] { layer.forward(exec, x, one_row); },
      "fused_scan::ArSsm::forward: elements of View '', which is written, overlap in memory");
  check_error(
      [&] { layer.backward(exec, x, x, one_row, gradients); },
      "fused_scan::ArSsm::backward: elements of View '', which is written, overlap in memory");
  check_error([&] { layer.backward(exec, x, make("g", 1, 5, 8), y, gradients); },
              "fused_scan::ArSsm::backward: grad_y 'g' has extents (1, 5, 8) instead of (2, 5, 8)");
  check_error(
      [&] { layer.backward(exec, x, x, make("gx", 2, 5, 9), gradients); },
      "fused_scan::ArSsm::backward: grad_x 'gx' has extents (2, 5, 9) instead of (2, 5, 8)");
  check_error([&] { layer.backward_bidirectional(exec, x, y, y, gradients); },
              "fused_scan::ArSsm::backward_bidirectional: grad_y 'output' and grad_x 'output' "
              "overlap in memory");
  check_error(
      [&] { layer.backward(exec, x, x, y, layer.parameters()); },
      "fused_scan::ArSsm::backward: gradients are the parameters themselves: use make_gradients()");
  check_error(
      [&] { layer.backward(exec, x, x, y, Layer<float>({.d_model = 8}).make_gradients()); },
      "fused_scan::ArSsm::backward: gradients have 996 elements in other shapes than the 184 "
      "parameters: use make_gradients()");
  layer.set_gate_mode(GateMode::gumbel);
  layer.train();
  layer.set_gumbel_uniform(make("noise", 2, 5, 3));
  check_error([&] { layer.forward(exec, x, y); },
              "fused_scan::ArSsm::forward: gumbel_uniform 'noise' has extents (2, 5, 3) instead of "
              "(2, 5, 4)");
  for (const float value : values_of(y)) CHECK(value == 3);  // nothing has run
}

}  // namespace
}  // namespace fused_scan::test
