// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The layer over ranks: the bits of one rank that has the whole sequences.

#include <Kokkos_Core.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/ar_ssm.hpp>
#include <stdexcept>
#include <string>

#include "../recurrence_call.hpp"
#include "distributed_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Exec = Kokkos::DefaultExecutionSpace;
using Layer = ArSsm<float, Exec>;
using Sequences = ViewOfRank<float, 3, Kokkos::LayoutRight, Exec>;
using Strided = ViewOfRank<float, 3, Kokkos::LayoutLeft, Exec>;

constexpr int d_model = 12;

Layer make_layer(const ArSsmConfig& config, bool noisy) {
  Layer layer(config, 5);
  const auto all = Kokkos::create_mirror_view(layer.parameters().all);
  for (std::size_t i = 0; i < all.size(); ++i)
    all(i) = static_cast<float>(random_fraction(i) - 0.5);
  Kokkos::deep_copy(layer.parameters().all, all);
  if (noisy) layer.train();
  return layer;
}

template <class... Comm>
void forward(Layer& layer, bool bidirectional, Comm... comm_and_views) {
  if (bidirectional) {
    layer.forward_bidirectional(Exec{}, comm_and_views...);
  } else {
    layer.forward(Exec{}, comm_and_views...);
  }
}

/// Some cuts of sequences, twice each: noise is another the second time.
void check_layer(const ArSsmConfig& config, bool bidirectional, bool noisy, std::size_t length) {
  const auto whole = random_array<float>({2, length, d_model}, 7);
  const int ranks = test::size_of(MPI_COMM_WORLD), rank = rank_of();
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    Layer alone = make_layer(config, noisy), layer = make_layer(config, noisy);
    layer.set_checkpointing(seed % 2 == 1);
    const Cuts cuts = seed == 0 ? even_cuts(length, ranks) : random_cuts(length, ranks, seed);
    INFO(to_string(cuts, length) << (bidirectional ? ", bidirectional" : "")
                                 << (config.causal_convolution ? ", causal" : ""));
    const auto x = make_view<Sequences>("x", whole);
    const auto y = make_view<Sequences>("y", whole.extents);
    const auto piece = piece_of(whole, 1, cuts, rank);
    const auto local_x = make_view<Strided>("x", piece);
    const auto local_y = make_view<Sequences>("y", piece.extents);
    for (int pass = 0; pass < 2; ++pass) {
      forward(alone, bidirectional, x, y);
      forward(layer, bidirectional, MPI_COMM_WORLD, local_x, local_y);
      CHECK_THAT(read(local_y), equals_bitwise(piece_of(read(y), 1, cuts, rank)));
    }
  }
}

}  // namespace

TEST_CASE("DistributedArSsm.Forward") {
  for (const bool bidirectional : {false, true})
    for (const bool causal : {false, true})
      for (const std::size_t length : {1, 3, 50, 300}) {
        ArSsmConfig config{.d_model = d_model, .max_rank = 8};
        config.causal_convolution = causal;
        check_layer(config, bidirectional, false, length);
      }
}

TEST_CASE("DistributedArSsm.NoiseIsThatOfOneRank") {
  ArSsmConfig config{.d_model = d_model, .max_rank = 8};
  config.gate_mode = GateMode::gumbel;
  check_layer(config, false, true, 70);
}

TEST_CASE("DistributedArSsm.Errors") {
  const int last = test::size_of(MPI_COMM_WORLD) - 1;
  const bool wrong = rank_of() == last;
  const Sequences x("x", 2, 10, d_model), y("y", 2, 10, d_model), z("z", 2, 9, d_model);
  const auto thrown_by = [&](const auto& call) {
    try {
      call();
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("nothing");
  };
  const std::string rank = "fused_scan::ArSsm::forward: rank " + std::to_string(last);
  Layer layer = make_layer({.d_model = d_model, .max_rank = 8}, false);
  CHECK(thrown_by([&] { layer.forward(Exec{}, MPI_COMM_WORLD, x, wrong ? z : y); }) ==
        rank + ": y 'z' has extents (2, 9, 12) instead of (2, 10, 12)");
  if (last == 0) return;
  if (wrong) layer.set_current_max_rank(5);
  CHECK(thrown_by([&] { layer.forward(Exec{}, MPI_COMM_WORLD, x, y); }) ==
        rank + " calls with a layer in another state, rank 0 with its own");
}
