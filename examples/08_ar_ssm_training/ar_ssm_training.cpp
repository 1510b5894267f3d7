// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Training with ArSsm: one layer learns a delayed running mean from 32 sequences, by plain gradient
// descent, until it has them by heart.
//
//   08_ar_ssm_training [steps] [loss.svg]
//
// The target at l is the mean of the 32 inputs before l, where those before the beginning count as
// 0. The layer has all that takes: a sum over what came before, and a convolution that can take the
// present input out of it. Exit status 0 if the loss fell a hundredfold.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fused_scan/ar_ssm.hpp>
#include <random>
#include <vector>

namespace {

using Exec = Kokkos::DefaultExecutionSpace;
using Layer = fused_scan::ArSsm<float, Exec>;
using Sequences = Kokkos::View<float***, Kokkos::LayoutRight, Exec>;

constexpr int batch = 32;
constexpr int length = 32;
constexpr int d_model = 8;

/// Noise about a level of its own in each channel and sequence; the last channel is 1 throughout,
/// from which the layer can make a factor that doesn't depend on the rest.
Sequences make_inputs() {
  const Sequences x("x", batch, length, d_model);
  const auto host_x = Kokkos::create_mirror_view(x);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (int b = 0; b < batch; ++b) {
    for (int d = 0; d < d_model; ++d) {
      const float level = normal(random);
      for (int l = 0; l < length; ++l) {
        host_x(b, l, d) = d == d_model - 1 ? 1.0f : level + 0.5f * normal(random);
      }
    }
  }
  Kokkos::deep_copy(x, host_x);
  return x;
}

Sequences make_targets(const Sequences& x) {
  const Sequences target("target", x.layout());
  Kokkos::parallel_for(
      "targets", Kokkos::MDRangePolicy<Exec, Kokkos::Rank<2>>({0, 0}, {batch, d_model}),
      KOKKOS_LAMBDA(int b, int d) {
        float sum = 0;
        for (int l = 0; l < length; ++l) {
          target(b, l, d) = sum / length;
          sum += x(b, l, d);
        }
      });
  return target;
}

/// The mean squared error of y, whose gradient takes the place of y.
float loss_and_gradient(const Exec& exec, const Sequences& y, const Sequences& target) {
  const int count = static_cast<int>(y.size());
  float sum = 0;
  Kokkos::parallel_reduce(
      "loss", Kokkos::RangePolicy<Exec>(exec, 0, count),
      KOKKOS_LAMBDA(int i, float& squares) {
        const float error = y.data()[i] - target.data()[i];
        squares += error * error;
        y.data()[i] = 2 * error / count;
      },
      sum);
  return sum / count;
}

void descend(const Exec& exec, const Layer::Parameters& parameters,
             const Layer::Parameters& gradients, float rate) {
  const auto p = parameters.all;
  const auto g = gradients.all;
  Kokkos::parallel_for(
      "descend", Kokkos::RangePolicy<Exec>(exec, 0, p.size()),
      KOKKOS_LAMBDA(int i) { p(i) -= rate * g(i); });
}

/// The losses over the steps, the former on a logarithmic axis with a line for each power of ten.
void draw(const char* file, const std::vector<float>& losses) {
  std::FILE* const out = std::fopen(file, "w");
  if (!out) return;
  constexpr double width = 640, height = 400, left = 70, right = 620, top = 40, bottom = 350;
  const auto [low, high] = std::minmax_element(losses.begin(), losses.end());
  const double first = std::floor(std::log10(*low)), last = std::ceil(std::log10(*high));
  const auto x_of = [&](std::size_t step) {
    return left + (right - left) * static_cast<double>(step) / static_cast<double>(losses.size());
  };
  const auto y_of = [&](double log_loss) {
    return bottom - (bottom - top) * (log_loss - first) / (last - first);
  };
  std::fprintf(out,
               "<svg xmlns='http://www.w3.org/2000/svg' width='%g' height='%g' "
               "font-family='sans-serif' font-size='14'>\n"
               "<rect width='100%%' height='100%%' fill='white'/>\n"
               "<text x='%g' y='24'>Mean squared error over %zu steps of gradient descent</text>\n",
               width, height, left, losses.size());
  for (double power = first; power <= last; ++power) {
    std::fprintf(out,
                 "<line x1='%g' x2='%g' y1='%g' y2='%g' stroke='#ccc'/>\n"
                 "<text x='10' y='%g'>1e%+.0f</text>\n",
                 left, right, y_of(power), y_of(power), y_of(power) + 5, power);
  }
  std::fprintf(out, "<polyline fill='none' stroke='#06c' stroke-width='2' points='");
  const std::size_t stride = std::max<std::size_t>(1, losses.size() / 500);
  for (std::size_t i = 0; i < losses.size(); i += stride) {
    std::fprintf(out, "%.1f,%.1f ", x_of(i), y_of(std::log10(losses[i])));
  }
  std::fprintf(out, "'/>\n<text x='%g' y='%g'>0</text><text x='%g' y='%g'>%zu</text>\n</svg>\n",
               left, bottom + 20, right - 30, bottom + 20, losses.size());
  std::fclose(out);
}

}  // namespace

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  const int steps = argc > 1 ? std::atoi(argv[1]) : 1500;
  constexpr float rate = 0.3f;

  const Exec exec;
  const Sequences x = make_inputs();
  const Sequences target = make_targets(x);
  const Sequences y("y", x.layout());
  const Sequences grad_x("grad_x", x.layout());

  Layer layer({.d_model = d_model, .max_rank = 12}, 1);
  const auto gradients = layer.make_gradients();
  layer.train();

  std::vector<float> losses;
  for (int step = 0; step < steps; ++step) {
    layer.forward(exec, x, y);
    losses.push_back(loss_and_gradient(exec, y, target));
    layer.backward(exec, x, y, grad_x, gradients);
    descend(exec, layer.parameters(), gradients, rate);
    if (step % 100 == 99 || step == 0) {
      std::printf("\rstep %5d of %d  loss %.3e", step + 1, steps, losses.back());
      std::fflush(stdout);
    }
  }
  const float fall = losses.front() / losses.back();
  std::printf("\nloss %.3e -> %.3e, %.0f times less\n", losses.front(), losses.back(), fall);
  if (argc > 2) draw(argv[2], losses);
  return fall >= 100 ? EXIT_SUCCESS : EXIT_FAILURE;
}
