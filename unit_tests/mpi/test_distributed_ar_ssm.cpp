// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The layer over ranks: the bits of one rank that has the whole sequences.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fused_scan/ar_ssm.hpp>
#include <stdexcept>
#include <string>
#include <utility>

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

// The gradient of x has the bits of one rank; those of parameters are summed up in another order.
TEST_CASE("DistributedArSsm.Backward") {
  const int ranks = test::size_of(MPI_COMM_WORLD), rank = rank_of();
  for (const bool bidirectional : {false, true})
    for (const bool causal : {false, true})
      for (const std::size_t length : {1, 4, 200})
        for (std::uint64_t seed = 0; seed < 4; ++seed) {
          ArSsmConfig config{.d_model = d_model, .max_rank = 8};
          config.causal_convolution = causal;
          const auto whole = random_array<float>({2, length, d_model}, 7);
          const auto whole_g = random_array<float>({2, length, d_model}, 8);
          Layer alone = make_layer(config, true), layer = make_layer(config, true);
          layer.set_checkpointing(seed % 2 == 1);
          const Cuts cuts = seed == 0 ? even_cuts(length, ranks) : random_cuts(length, ranks, seed);
          INFO(to_string(cuts, length)
               << (bidirectional ? ", bidirectional" : "") << (causal ? ", causal" : ""));
          const auto run = [&](Layer& of, const HostArray<float>& x_array,
                               const HostArray<float>& g_array, auto... comm) {
            const auto x = make_view<Strided>("x", x_array);
            const auto g = make_view<Sequences>("g", g_array);
            const auto grad_x = make_view<Sequences>("grad_x", x_array.extents);
            const auto gradients = of.make_gradients();
            if (bidirectional) {
              of.backward_bidirectional(Exec{}, comm..., x, g, grad_x, gradients, 0.5);
            } else {
              of.backward(Exec{}, comm..., x, g, grad_x, gradients, 0.5);
            }
            return std::pair(read(grad_x), read(gradients.all));
          };
          const auto expected = run(alone, whole, whole_g);
          const auto piece = run(layer, piece_of(whole, 1, cuts, rank),
                                 piece_of(whole_g, 1, cuts, rank), MPI_COMM_WORLD);
          CHECK_THAT(piece.first, equals_bitwise(piece_of(expected.first, 1, cuts, rank)));
          double largest = 0, off = 0;
          for (std::size_t i = 0; i < expected.second.values.size(); ++i) {
            const double right = expected.second.values[i];
            largest = std::max(largest, std::abs(right));
            off = std::max(off, std::abs(static_cast<double>(piece.second.values[i]) - right));
          }
          CHECK(off <= 1e-5 * largest);
          // Every rank has the same.
          HostArray<float> first = piece.second;
          MPI_Bcast(first.values.data(), static_cast<int>(first.values.size()), MPI_FLOAT, 0,
                    MPI_COMM_WORLD);
          CHECK_THAT(piece.second, equals_bitwise(first));
        }
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
