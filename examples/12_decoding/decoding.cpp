// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Decoding with ArSsm: what a sequence goes on with depends on what the layer has said so far, so
// it is given one position at a time. A state holds what the layer knows of the positions before;
// the time of a step doesn't depend on how many there are. And packed sequences of different
// lengths.

#include <Kokkos_Core.hpp>
#include <cmath>
#include <cstdio>
#include <fused_scan/ar_ssm.hpp>
#include <utility>

namespace {

using Exec = Kokkos::DefaultExecutionSpace;
using Layer = fused_scan::ArSsm<float, Exec>;
using Sequences = Kokkos::View<float***, Kokkos::LayoutRight, Exec>;

constexpr int batch = 2;
constexpr int prompt = 100;
constexpr int length = 400;
constexpr int d_model = 32;

#ifdef FUSED_SCAN_HAVE_KOKKOS_KERNELS
// The bits of its products depend on how many positions a call has.
constexpr float tolerance = 1e-4f;
#else
constexpr float tolerance = 0;
#endif

/// The positions [begin, end) of every sequence.
auto part(const Sequences& sequences, int begin, int end) {
  return Kokkos::subview(sequences, Kokkos::ALL, std::pair(begin, end), Kokkos::ALL);
}

/// Makes the input at l + 1 from the output at l, as a model would that has more layers than this.
void choose_next(const Exec& exec, const Sequences& y, const Sequences& x, int l) {
  Kokkos::parallel_for(
      "choose_next", Kokkos::RangePolicy<Exec>(exec, 0, batch * d_model), KOKKOS_LAMBDA(int i) {
        const int b = i / d_model, d = i % d_model;
        x(b, l + 1, d) = Kokkos::sin(3 * y(b, l, (d + 1) % d_model) + static_cast<float>(l));
      });
}

/// How many of the numbers at [begin, end) of `a` and at `shift` further on in `b` differ.
int differences(const Sequences& a, const Sequences& b, int begin, int end, int shift = 0) {
  const auto host_a = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), a);
  const auto host_b = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), b);
  int different = 0;
  for (int i = 0; i < a.extent_int(0); ++i) {
    for (int l = begin; l < end; ++l) {
      for (int d = 0; d < d_model; ++d) {
        different += !(std::abs(host_a(i, l, d) - host_b(i, l + shift, d)) <= tolerance);
      }
    }
  }
  return different;
}

}  // namespace

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  const Exec exec;
  fused_scan::ArSsmConfig config{.d_model = d_model};
  config.max_rank = 16;
  config.causal_convolution = true;
  Layer layer(config, 2026);

  const Sequences x("x", batch, length, d_model), y("y", batch, length, d_model);
  Kokkos::parallel_for(
      "prompt", Kokkos::RangePolicy<Exec>(exec, 0, prompt), KOKKOS_LAMBDA(int l) {
        for (int d = 0; d < d_model; ++d) {
          x(0, l, d) = Kokkos::sin(0.1f * static_cast<float>(l * (d + 1)));
          x(1, l, d) = Kokkos::cos(0.3f * static_cast<float>(l + d));
        }
      });

  // [decode]
  // The prompt in one piece, and then a position at a time.
  Layer::State state = layer.make_state(batch);
  layer.forward(exec, part(x, 0, prompt), part(y, 0, prompt), state);
  for (int l = prompt; l < length; ++l) {
    choose_next(exec, y, x, l - 1);
    layer.forward(exec, part(x, l, l + 1), part(y, l, l + 1), state);
  }
  // [decode]

  const Sequences whole("whole", batch, length, d_model);
  layer.forward(exec, x, whole);
  exec.fence();
  const int of_steps = differences(y, whole, 0, length);
  std::printf("%d sequences, a prompt of %d positions, %d more one by one\n", batch, prompt,
              length - prompt);
  std::printf("numbers that differ from those of one pass over all %d positions: %d\n", length,
              of_steps);

  // [packed]
  // Three sequences one after the other: positions 0 to 249, 250, and 251 to 399.
  const Kokkos::View<int*, Exec> offsets("offsets", 4);
  const auto host_offsets = Kokkos::create_mirror_view(offsets);
  host_offsets(1) = 250;
  host_offsets(2) = 251;
  host_offsets(3) = length;
  Kokkos::deep_copy(exec, offsets, host_offsets);
  layer.forward(exec, x, y, offsets);
  // [packed]

  const int last = length - 251;
  const Sequences alone("alone", batch, last, d_model);
  layer.forward(exec, part(x, 251, length), alone);
  exec.fence();
  const int of_packed = differences(y, whole, 0, 250) + differences(alone, y, 0, last, 251);
  std::printf("numbers of packed sequences that differ from those of each alone: %d\n", of_packed);
  return of_steps + of_packed == 0 ? 0 : 1;
}
