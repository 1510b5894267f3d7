// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Scans over ranks: cuts of every kind, layouts, functors, communicators.

#include <Kokkos_Core.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/distributed/communicator.hpp>
#include <fused_scan/impl/make_node.hpp>
#include <numeric>
#include <vector>

#include "../monoids.hpp"
#include "../tree_node.hpp"
#include "distributed_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Exec = Kokkos::DefaultExecutionSpace;
template <class T>
using Pieces = ViewOfRank<T, 2, Kokkos::LayoutRight, Exec>;

// Sums of numbers that are rounded in nearly every place.
HostArray<float> fractions(const Extents& extents) {
  HostArray<float> array(extents);
  for (std::size_t i = 0; i < array.values.size(); ++i)
    array.values[i] = static_cast<float>((random_fraction(i) - 0.4) * (i % 7 == 0 ? 1e5 : 1));
  return array;
}

HostArray<double> doubles(const Extents& extents) {
  HostArray<double> array(extents);
  for (std::size_t i = 0; i < array.values.size(); ++i)
    array.values[i] = (random_fraction(i) - 0.4) * (i % 7 == 0 ? 1e5 : 1);
  return array;
}

HostArray<AffineMap> maps(const Extents& extents) {
  HostArray<AffineMap> array(extents);
  for (std::size_t i = 0; i < array.values.size(); ++i)
    array.values[i] = random_value(AffineComposition{}, i);
  return array;
}

// Any cuts of one array, which is scanned alone once for each kind of call.
template <class T, class Op>
void check_random_cuts(const HostArray<T>& whole, const Op& op, int count, std::uint64_t seed) {
  const std::size_t length = whole.extents[0];
  std::vector<ScanCall> calls;
  std::vector<HostArray<T>> expected;
  for_each_call(0, [&](const ScanCall& call) {
    calls.push_back(call);
    ScanCall alone = call;
    alone.in_place = false;
    expected.push_back(scanned<Pieces<T>, Pieces<T>>(whole, op, alone));
  });
  for (int k = 0; k < count; ++k) {
    const auto at = static_cast<std::size_t>(k) % calls.size();
    const Cuts cuts =
        random_cuts(length, test::size_of(MPI_COMM_WORLD), seed + static_cast<std::uint64_t>(k));
    const auto piece = scanned_over_ranks<Pieces<T>>(whole, cuts, op, calls[at]);
    const auto right = piece_of(expected[at], 0, cuts, rank_of());
    bool same = piece.values.size() == right.values.size();
    for (std::size_t i = 0; same && i < right.values.size(); ++i)
      same = same_bits(piece.values[i], right.values[i]);
    if (!same) {
      INFO(to_string(calls[at]) << ", " << to_string(cuts, length));
      CHECK_THAT(piece, equals_bitwise(right));
    }
  }
}

}  // namespace

TEST_CASE("Distributed.RandomCuts") {
  // More ranks than cores wait for each other.
  const int count = test::size_of(MPI_COMM_WORLD) <= 2 ? 1000 : 60;
  std::uint64_t seed = 1;
  for (const std::size_t length :
       {std::size_t{1}, std::size_t{15}, std::size_t{40}, std::size_t{131}, std::size_t{600}}) {
    // Plain sums of doubles: another grouping has other bits.
    check_random_cuts(doubles({length, 2}), Sum{}, count, seed += 10000);
    check_random_cuts(maps({length, 1}), AffineComposition{}, count, seed += 10000);
  }
}

TEST_CASE("Distributed.AxisOfLengthZeroAndNoLines") {
  const Pieces<float> empty("empty", 0, 5), no_lines("no_lines", 7, 0);
  for (const Pieces<float>& x : {empty, no_lines}) {
    inclusive_scan(Exec{}, MPI_COMM_WORLD, x, x, 0);
    exclusive_scan(Exec{}, MPI_COMM_WORLD, x, x, 0);
  }
}

TEST_CASE("Distributed.OneRankHasAll") {
  const auto whole = fractions({1000, 3});
  const auto expected = scanned<Pieces<float>, Pieces<float>>(whole, CompensatedSum{}, {.axis = 0});
  const int ranks = test::size_of(MPI_COMM_WORLD);
  for (int owner = 0; owner < ranks; ++owner) {
    Cuts cuts;
    for (int r = 0; r < ranks; ++r) cuts.push_back(r < owner ? 0 : 1000);
    CHECK_THAT((scanned_over_ranks<Pieces<float>>(whole, cuts, CompensatedSum{}, {.axis = 0})),
               equals_bitwise(piece_of(expected, 0, cuts, rank_of())));
  }
}

// The sums of ones are known without a scan: what is checked here is no other scan's result.
TEST_CASE("Distributed.SumsOfOnes") {
  const int rank = rank_of();
  const std::size_t own = 100 + 37 * static_cast<std::size_t>(rank);
  const Pieces<std::int32_t> x("x", own, 2);
  Kokkos::deep_copy(x, 1);
  std::int32_t before = 0;
  for (int r = 0; r < rank; ++r) before += 100 + 37 * r;
  inclusive_scan(Exec{}, MPI_COMM_WORLD, x, x, 0, Sum{});
  HostArray<std::int32_t> expected({own, 2});
  for (std::size_t i = 0; i < expected.values.size(); ++i)
    expected.values[i] = before + 1 + static_cast<std::int32_t>(i / 2);
  CHECK_THAT(read(x), equals(expected));
}

namespace {
template <class Layout>
HostArray<float> scanned_with_layout(const HostArray<float>& whole, const Cuts& cuts, int axis) {
  return scanned_over_ranks<ViewOfRank<float, 4, Layout, Exec>>(whole, cuts, CompensatedSum{},
                                                                {.axis = axis});
}
}  // namespace

// Each rank may have its own layout: lines are told apart by their place in the array alone.
TEST_CASE("Distributed.LayoutsThatDiffer") {
  for (const int axis : {0, 1, 2, 3}) {
    Extents extents{2, 3, 5};
    extents.insert(extents.begin() + axis, 200);
    const auto whole = fractions(extents);
    using View = ViewOfRank<float, 4, Kokkos::LayoutRight, Exec>;
    const auto expected = scanned<View, View>(whole, CompensatedSum{}, {.axis = axis});
    const int ranks = test::size_of(MPI_COMM_WORLD), rank = rank_of();
    for (const Cuts& cuts : {even_cuts(200, ranks), random_cuts(200, ranks, 3)}) {
      const auto piece = rank % 3 == 0 ? scanned_with_layout<Kokkos::LayoutLeft>(whole, cuts, axis)
                         : rank % 3 == 1
                             ? scanned_with_layout<Kokkos::LayoutRight>(whole, cuts, axis)
                             : scanned_with_layout<Kokkos::LayoutStride>(whole, cuts, axis);
      CHECK_THAT(piece, equals_bitwise(piece_of(expected, axis, cuts, rank)));
    }
  }
}

namespace {

struct Squares {
  Kokkos::View<double***, Kokkos::LayoutRight, Exec> x;
  KOKKOS_FUNCTION double operator()(std::int64_t o, std::int64_t i, std::int64_t j) const {
    return x(o, i, j) * x(o, i, j);
  }
};
struct Halves {
  Kokkos::View<double***, Kokkos::LayoutRight, Exec> y;
  KOKKOS_FUNCTION void operator()(std::int64_t o, std::int64_t i, std::int64_t j,
                                  double result) const {
    y(o, i, j) = result / 2;
  }
};

}  // namespace

TEST_CASE("Distributed.TransformScan") {
  using View = ViewOfRank<double, 3, Kokkos::LayoutRight, Exec>;
  constexpr std::size_t length = 500;
  HostArray<double> whole({2, length, 3});
  for (std::size_t i = 0; i < whole.values.size(); ++i) whole.values[i] = random_fraction(i);
  const int ranks = test::size_of(MPI_COMM_WORLD);
  for (const ScanKind kind : {ScanKind::inclusive, ScanKind::exclusive})
    for (const Direction direction : {Direction::forward, Direction::reverse})
      for (std::uint64_t seed = 0; seed < 10; ++seed) {
        const auto x = make_view<View>("x", whole);
        const auto y = make_view<View>("y", whole.extents);
        transform_scan(Exec{}, ScanExtents{2, length, 3}, Squares{x}, Halves{y}, CompensatedSum{},
                       {direction}, kind);
        const Cuts cuts = random_cuts(length, ranks, seed);
        const auto piece = piece_of(whole, 1, cuts, rank_of());
        const auto local = make_view<View>("local", piece);
        transform_scan(Exec{}, MPI_COMM_WORLD,
                       ScanExtents{2, static_cast<std::int64_t>(local.extent(1)), 3},
                       Squares{local}, Halves{local}, CompensatedSum{}, {direction}, kind);
        INFO(to_string(cuts, length));
        CHECK_THAT(read(local), equals_bitwise(piece_of(read(y), 1, cuts, rank_of())));
      }
}

// The ranks of a communicator of one's own, in another order; messages that wait on it stay.
TEST_CASE("Distributed.OtherCommunicators") {
  const int world = rank_of(), half = world % 2;
  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, half, -world, &comm);
  const int rank = rank_of(comm), ranks = test::size_of(comm);
  int received = -1;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Irecv(&received, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, comm, &request);

  const auto whole = fractions({300, 2});
  const auto expected = scanned<Pieces<float>, Pieces<float>>(whole, CompensatedSum{}, {.axis = 0});
  const Cuts cuts = random_cuts(300, ranks, 17);
  const auto x = make_view<Pieces<float>>("x", piece_of(whole, 0, cuts, rank));
  inclusive_scan(Exec{}, comm, x, x, 0);
  CHECK_THAT(read(x), equals_bitwise(piece_of(expected, 0, cuts, rank)));

  const int sent = 42 + rank;
  MPI_Request sending = MPI_REQUEST_NULL;
  MPI_Isend(&sent, 1, MPI_INT, (rank + 1) % ranks, 5, comm, &sending);
  MPI_Wait(&request, MPI_STATUS_IGNORE);
  MPI_Wait(&sending, MPI_STATUS_IGNORE);
  CHECK(received == 42 + (rank + ranks - 1) % ranks);
  MPI_Comm_free(&comm);
}

// More values than an int counts, of more bytes: described, not allocated.
TEST_CASE("Distributed.RowsOfAnyNumberOfBytes") {
  for (const std::int64_t count :
       {std::int64_t{0}, std::int64_t{5}, std::int64_t{1} << 30, (std::int64_t{3} << 31) + 7}) {
    const impl::RowType row(48, count);
    MPI_Count size = 0, lower = 0, extent = 0;
    MPI_Type_size_x(row.get(), &size);
    MPI_Type_get_extent_x(row.get(), &lower, &extent);
    CHECK(size == 48 * count);
    CHECK(lower == 0);
    CHECK(extent == 48 * count);
  }
}

namespace {

// The nodes that ranks send against the tree itself.
template <class T, class Op>
void check_node(const HostArray<T>& array, const Op& op, bool reverse) {
  const auto x = make_view<Pieces<T>>("x", array);
  const auto bound = impl::bind_operator<T, T, false>(op);
  using Bound = std::remove_const_t<decltype(bound)>;
  using Value = typename Bound::value_type;
  const Kokkos::View<Value*, Exec> nodes("nodes", x.extent(1));
  const impl::Array in = impl::array_of(x), rows = impl::array_of(nodes);
  const impl::Array* const arrays[] = {&in, &rows};
  const impl::Lines lines = impl::lines_along(arrays, 2, 0);
  const impl::Call call{"fused_scan::test", reverse, 0, false};
  const impl::MemoryAccess<const T> load(x.data(), lines, 0);
  const auto shape = impl::memory_shape(x.data(), sizeof(T), lines, 0);
  const Exec exec;
  impl::make_node(exec, bound, load, shape, impl::MemoryAccess<Value>(nodes.data(), lines, 1),
                  lines, call);
  HostArray<Value> expected(Extents{x.extent(1)});
  for (std::size_t j = 0; j < x.extent(1); ++j) {
    std::vector<T> line;
    for (std::size_t k = 0; k < x.extent(0); ++k) {
      line.push_back(array.values[(reverse ? x.extent(0) - 1 - k : k) * x.extent(1) + j]);
    }
    expected.values[j] = node_over(bound, line);
  }
  CHECK_THAT(read(nodes), equals_bitwise(expected));
}

}  // namespace

TEST_CASE("Distributed.Nodes") {
  for (const std::size_t length : {32, 512, 65536})
    for (const bool reverse : {false, true}) {
      check_node(fractions({length, 3}), CompensatedSum{}, reverse);
      check_node(maps({length, 2}), AffineComposition{}, reverse);
    }
}
