// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Sequences of different lengths, one after the other on an axis, without padding: sums and a
// recurrence of each for itself, and where the largest number so far was.

#include <Kokkos_Core.hpp>
#include <cstdio>
#include <fused_scan/fused_scan.hpp>
#include <vector>

namespace {

using Exec = Kokkos::DefaultExecutionSpace;
using Matrix = Kokkos::View<float**, Exec>;

constexpr int channels = 8;

void fill(const Matrix& x, int seed) {
  Kokkos::parallel_for(
      "fill", Kokkos::RangePolicy<Exec>(0, x.extent_int(0)), KOKKOS_LAMBDA(int i) {
        for (int j = 0; j < x.extent_int(1); ++j) {
          x(i, j) = static_cast<float>((i * 7919 + j * 104729 + seed * 611) % 1000) / 1000.0f;
        }
      });
}

/// How many numbers of `packed` differ from those that each sequence has alone.
template <class Alone>
int differences(const Matrix& packed, const std::vector<int>& lengths, const Alone& alone) {
  const auto all = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), packed);
  int wrong = 0, begin = 0;
  for (const int length : lengths) {
    const auto one = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(),
                                                         alone(std::pair(begin, begin + length)));
    for (int i = 0; i < length; ++i) {
      for (int j = 0; j < channels; ++j) wrong += one(i, j) != all(begin + i, j);
    }
    begin += length;
  }
  return wrong;
}

}  // namespace

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  const Exec exec;

  const std::vector<int> lengths{5, 1, 0, 700, 20000, 33};
  // [offsets]
  // Where each sequence begins, and where the last one ends: 0 5 6 6 706 20706 20739
  const Kokkos::View<int*, Exec> offsets("offsets", lengths.size() + 1);
  const auto host_offsets = Kokkos::create_mirror_view(offsets);
  for (std::size_t s = 0; s < lengths.size(); ++s) {
    host_offsets(s + 1) = host_offsets(s) + lengths[s];
  }
  Kokkos::deep_copy(offsets, host_offsets);
  // [offsets]
  const int positions = host_offsets(lengths.size());

  const Matrix x("x", positions, channels), a("a", positions, channels);
  fill(x, 1);
  fill(a, 2);
  // [packed]
  // Along axis 0, of every channel; each sequence begins anew.
  const Matrix sums("sums", positions, channels), h("h", positions, channels);
  fused_scan::segmented_inclusive_scan(exec, x, sums, offsets, 0);
  fused_scan::segmented_linear_recurrence(exec, a, x, h, offsets, 0);
  // [packed]

  // [running_max]
  // Of the first sequence, the largest number so far, and its position.
  const auto first = Kokkos::subview(x, std::pair(0, lengths[0]), Kokkos::ALL);
  const Matrix largest("largest", lengths[0], channels);
  const Kokkos::View<int**, Exec> position("position", lengths[0], channels);
  fused_scan::running_max(exec, first, largest, position, 0);
  // [running_max]
  exec.fence();

  const auto rows = [&](const Matrix& view, const std::pair<int, int>& range) {
    return Kokkos::subview(view, range, Kokkos::ALL);
  };
  const int of_sums = differences(sums, lengths, [&](const std::pair<int, int>& range) {
    const Matrix alone("alone", range.second - range.first, channels);
    fused_scan::inclusive_scan(exec, rows(x, range), alone, 0);
    return alone;
  });
  const int of_h = differences(h, lengths, [&](const std::pair<int, int>& range) {
    const Matrix alone("alone", range.second - range.first, channels);
    fused_scan::linear_recurrence(exec, rows(a, range), rows(x, range), alone, 0);
    return alone;
  });
  const auto host_x = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), x);
  const auto host_position = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), position);
  int of_positions = 0;
  for (int j = 0; j < channels; ++j) {
    for (int i = 0, best = 0; i < lengths[0]; ++i) {
      if (host_x(i, j) >= host_x(best, j)) best = i;
      of_positions += host_position(i, j) != best;
    }
  }
  std::printf("%zu sequences, %d positions, %d channels\n", lengths.size(), positions, channels);
  std::printf("differences from each sequence alone: %d of its sums, %d of its recurrence\n",
              of_sums, of_h);
  std::printf("positions of running maxima that are wrong: %d\n", of_positions);
  return of_sums + of_h + of_positions == 0 ? 0 : 1;
}
