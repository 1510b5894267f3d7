// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Linear recurrences over ranks: the bits are those of one rank that has the whole axis.

#include <Kokkos_Core.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/distributed/piece_access.hpp>
#include <fused_scan/impl/make_node.hpp>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "../recurrence_call.hpp"
#include "../tree_node.hpp"
#include "distributed_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Exec = Kokkos::DefaultExecutionSpace;
template <class T>
using Piece = AnyView<T, 3, Exec>;

template <class T>
struct Recurrence {
  HostArray<T> a, b;
  int axis = 0;
  Direction direction = Direction::forward;

  HostArray<T> on_one_rank() const {
    const auto h = make_any_view<T, 3, Exec>("h", HostArray<T>(b.extents), Order::right);
    linear_recurrence(Exec{}, make_any_view<T, 3, Exec>("a", a, Order::right),
                      make_any_view<T, 3, Exec>("b", b, Order::right), h, axis, {direction});
    return read(h);
  }
  /// The rank's piece; in place every other rank, and the layouts differ.
  HostArray<T> over_ranks(const Cuts& cuts) const {
    const int rank = rank_of();
    const auto order = static_cast<Order>(rank % 3);
    const auto a_piece = make_any_view<T, 3, Exec>("a", piece_of(a, axis, cuts, rank), Order::left);
    const auto b_piece = make_any_view<T, 3, Exec>("b", piece_of(b, axis, cuts, rank), order);
    const auto h = rank % 2 == 0 ? b_piece
                                 : make_any_view<T, 3, Exec>("h", HostArray<T>(extents_of(b_piece)),
                                                             Order::right);
    linear_recurrence(Exec{}, MPI_COMM_WORLD, a_piece, b_piece, h, axis, {direction});
    return read(h);
  }

  void check(int count, std::uint64_t seed) const {
    const std::size_t length = b.extents[static_cast<std::size_t>(axis)];
    const auto expected = on_one_rank();
    const int ranks = test::size_of(MPI_COMM_WORLD);
    for (int k = 0; k < count; ++k) {
      const Cuts cuts = k == 0 ? even_cuts(length, ranks)
                               : random_cuts(length, ranks, seed + static_cast<std::uint64_t>(k));
      INFO(to_string(b.extents) << ", axis " << axis << ", " << to_string(cuts, length)
                                << (direction == Direction::reverse ? ", reverse" : ""));
      CHECK_THAT(over_ranks(cuts), equals_bitwise(piece_of(expected, axis, cuts, rank_of())));
    }
  }
};

template <class T>
void check_recurrence(const Extents& extents, int axis, int count, std::uint64_t seed) {
  for (const Direction direction : {Direction::forward, Direction::reverse})
    Recurrence<T>{coefficients<T>(extents, seed, 1.5), random_array<T>(extents, seed + 1), axis,
                  direction}
        .check(count, seed);
}

// More ranks than cores wait for each other.
int count_of(int of_two_ranks) {
  return test::size_of(MPI_COMM_WORLD) <= 2 ? of_two_ranks : of_two_ranks / 10 + 2;
}

}  // namespace

TEST_CASE("DistributedRecurrence.RandomCuts") {
  std::uint64_t seed = 1;
  for (const std::size_t length : {0, 1, 15, 40, 131, 600})
    check_recurrence<double>({length, 2, 1}, 0, count_of(200), seed += 10000);
}

TEST_CASE("DistributedRecurrence.EachAxis") {
  for (const int axis : {0, 1, 2}) {
    Extents extents{2, 3};
    extents.insert(extents.begin() + axis, 777);
    check_recurrence<double>(extents, axis, count_of(20), 5);
    check_recurrence<Kokkos::complex<double>>(extents, axis, count_of(20), 6);
  }
  // Enough of it for tiles, and for columns.
  check_recurrence<double>({1, 40000, 1}, 1, 3, 7);
  check_recurrence<double>({1, 4096, 20}, 1, 3, 8);
}

// A map of an infinite coefficient, or of -0, is another once it has been combined with the
// identity: no node may be. Numbers that leave the range of a double on the way are in it as well.
TEST_CASE("DistributedRecurrence.InfinitiesAndZeros") {
  const Extents extents{512, 2, 1};
  const auto b = random_array<double>(extents, 4);
  auto scaled = coefficients<double>(extents, 3, 1.5),
       infinite = random_array<double>(extents, 5, 1.5);
  for (std::size_t i = 0; i < scaled.values.size(); ++i) {
    if (i % 2 == 1) scaled.values[i] = i % 5 == 0 ? 0x1p300 : 0x1p-300;
  }
  // The first element of a node, forward and reverse.
  infinite.values[2 * 256] = infinite.values[2 * 255 + 1] = std::numeric_limits<double>::infinity();
  auto signs = same_everywhere(extents, 1.0);
  for (std::size_t i = 0; i < signs.values.size(); ++i) {
    if (random_bits(i) % 2 == 0) signs.values[i] = -1;
  }
  for (const Direction direction : {Direction::forward, Direction::reverse}) {
    Recurrence<double>{scaled, b, 0, direction}.check(count_of(50), 11);
    Recurrence<double>{infinite, b, 0, direction}.check(count_of(50), 12);
    Recurrence<double>{signs, same_everywhere(extents, -0.0), 0, direction}.check(count_of(50), 13);
  }
}

namespace {

bool same(const impl::AccessShape& a, const impl::AccessShape& b) {
  return a.is_memory == b.is_memory && a.element_size == b.element_size && a.address == b.address &&
         a.axis_stride == b.axis_stride && a.column_stride == b.column_stride;
}

// The nodes that ranks send against the tree itself.
void check_node(const HostArray<double>& a, const HostArray<double>& b, bool reverse) {
  using View = ViewOfRank<double, 2, Kokkos::LayoutRight, Exec>;
  const auto a_view = make_view<View>("a", a), b_view = make_view<View>("b", b);
  const auto op = impl::recurrence_operator<View, View, View>();
  using Op = std::remove_const_t<decltype(op)>;
  using Value = typename Op::value_type;
  const Kokkos::View<Value*, Exec> nodes("nodes", b_view.extent(1));
  const impl::Array of_a = impl::array_of(a_view), of_b = impl::array_of(b_view),
                    rows = impl::array_of(nodes);
  const impl::Array* const arrays[] = {&of_b, &of_a, &rows};
  const impl::Lines lines = impl::lines_along(arrays, 3, 0);
  const impl::CoefficientSide<const double, const double> side{{a_view.data(), lines, 1},
                                                               {b_view.data(), lines, 0}};
  // A GPU's engine copies memory by it: it is told what it is told of a recurrence on one rank.
  const auto shape = side.shape(0, lines.length, 16);
  impl::with_recurrence(Exec(), a_view, b_view, b_view, impl::None(), impl::None(), 0,
                        impl::Call{"fused_scan::test", reverse, 0, false},
                        [&](const auto&, const impl::ScanShape& alone) {
                          CHECK(same(shape, alone.in));
                          CHECK(same(side.beside(0), alone.beside));
                        });
  const impl::Call call{"fused_scan::test", reverse, 0, false};
  const Exec exec;
  impl::make_node(exec, op, side.from(0), shape, impl::MemoryAccess<Value>(nodes.data(), lines, 2),
                  lines, call, side.beside(0));
  exec.fence();
  const auto found = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), nodes);
  const std::size_t length = b_view.extent(0), columns = b_view.extent(1);
  for (std::size_t j = 0; j < columns; ++j) {
    std::vector<typename Op::element_type> line;
    for (std::size_t k = 0; k < length; ++k) {
      const std::size_t at = (reverse ? length - 1 - k : k) * columns + j;
      line.push_back({a.values[at], b.values[at]});
    }
    const Value expected = node_over(op, line);
    CHECK(same_bits(found(j).a, expected.a));
    CHECK(same_bits(found(j).b, expected.b));
    CHECK(found(j).a_exponent == expected.a_exponent);
    CHECK(found(j).b_exponent == expected.b_exponent);
  }
}

}  // namespace

TEST_CASE("DistributedRecurrence.Nodes") {
  for (const std::size_t length : {32, 512, 4096})
    for (const bool reverse : {false, true}) {
      auto a = random_array<double>({length, 3}, 1, 1.5), b = random_array<double>({length, 3}, 2);
      check_node(a, b, reverse);
      a.values[0] = a.values[a.values.size() - 1] = std::numeric_limits<double>::infinity();
      check_node(a, b, reverse);
      for (double& x : b.values) x = -0.0;
      for (double& x : a.values) x = -1;
      a.values[1] = 1;
      check_node(a, b, reverse);
    }
}

// Sums of ones are known without a recurrence; the coefficient is there once.
TEST_CASE("DistributedRecurrence.OneCoefficient") {
  const int rank = rank_of();
  const std::size_t own = 100 + 37 * static_cast<std::size_t>(rank);
  const Kokkos::View<double, Exec> one("one");
  Kokkos::deep_copy(one, 1);
  const Kokkos::View<const double**, Kokkos::LayoutStride, Exec, Kokkos::MemoryUnmanaged> a(
      one.data(), Kokkos::LayoutStride(own, 0, 2, 0));
  const Kokkos::View<float**, Exec> b("b", own, 2), h("h", own, 2);
  Kokkos::deep_copy(b, 1);
  std::size_t before = 0;
  for (int r = 0; r < rank; ++r) before += 100 + 37 * static_cast<std::size_t>(r);
  linear_recurrence(Exec{}, MPI_COMM_WORLD, a, b, h, 0);
  HostArray<float> expected({own, 2});
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    const std::size_t row = i / 2;
    expected.values[i] = static_cast<float>(before + 1 + row);
  }
  CHECK_THAT(read(h), equals(expected));
}

TEST_CASE("DistributedRecurrence.WrongOnOneRank") {
  const int last = test::size_of(MPI_COMM_WORLD) - 1;
  const bool wrong = rank_of() == last;
  const Kokkos::View<double**, Exec> a("a", 20, wrong ? 5 : 4), b("b", 20, 4), h("h", 20, 4);
  Kokkos::deep_copy(h, 7);
  const auto before = read(h);
  std::string thrown;
  try {
    linear_recurrence(Exec{}, MPI_COMM_WORLD, a, b, h, 0);
  } catch (const std::invalid_argument& error) {
    thrown = error.what();
  }
  CHECK(thrown == "fused_scan::linear_recurrence: rank " + std::to_string(last) +
                      ": extents of 'h' (20, 4) and 'a' (20, 5) differ");
  CHECK_THAT(read(h), equals_bitwise(before));
}
