// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Sums over a stream that never is in memory as a whole: each piece starts from the state in which
// the piece before it ended. The states are of the type that the scan carries, so that nothing is
// lost where two pieces meet.

#include <Kokkos_Core.hpp>
#include <cmath>
#include <cstdio>
#include <fused_scan/fused_scan.hpp>

namespace {

constexpr int sensors = 3;
constexpr int pieces = 100;
constexpr int piece_length = 1003;

}  // namespace

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  const Kokkos::DefaultExecutionSpace exec;

  // [stream]
  Kokkos::View<float**> x("x", piece_length, sensors), sums("sums", piece_length, sensors);
  using State = fused_scan::state_t<fused_scan::CompensatedSum, float>;
  Kokkos::View<State*> state("state", sensors);  // all zero

  for (int piece = 0; piece < pieces; ++piece) {
    Kokkos::deep_copy(exec, x, 0.1f);  // or what has arrived
    fused_scan::inclusive_scan(exec, x, sums, state, state, 0);
  }
  // [stream]

  // A float times an integer of less than 29 bits is exact in double.
  const auto exact = [](int count) {
    return static_cast<float>(static_cast<double>(0.1f) * count);
  };
  const auto host_sums = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), sums);
  const int before = (pieces - 1) * piece_length;
  int wrong = 0;
  for (int i = 0; i < piece_length; ++i) {
    for (int j = 0; j < sensors; ++j) wrong += host_sums(i, j) != exact(before + i + 1);
  }
  float loop = 0;
  for (int i = 0; i < pieces * piece_length; ++i) loop += 0.1f;

  std::printf("the sum of %d times 0.1f:  exact and rounded %.8g, in pieces %.8g, loop %.8g\n",
              pieces * piece_length, exact(pieces * piece_length), host_sums(piece_length - 1, 0),
              loop);
  std::printf("%d of the last piece's %d sums differ from the exact ones\n", wrong,
              piece_length * sensors);
  return wrong == 0 ? 0 : 1;
}
