// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Scans from a state and to one: a line that is scanned in pieces comes out as if scanned whole.

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/scan.hpp>
#include <numeric>
#include <utility>
#include <vector>

#include "monoids.hpp"
#include "random_bits.hpp"
#include "scan_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

// Shorter than a chunk, a chunk, longer than a tile, nothing at all.
const std::vector<std::size_t> pieces{1, 15, 16, 300, 0, 17, 4097, 2, 32};
const std::size_t length = std::accumulate(pieces.begin(), pieces.end(), std::size_t{0});

template <class Exec, class In, class Out, class Initial, class Final, class Op>
void scan_from(const Exec& exec, const In& in, const Out& out, const Initial& initial,
               const Final& final, const Op& op, const ScanCall& call) {
  const ScanOptions options{call.direction, call.block_size};
  if (call.kind == ScanKind::inclusive) {
    inclusive_scan(exec, in, out, initial, final, call.axis, op, options);
  } else {
    exclusive_scan(exec, in, out, initial, final, call.axis, op, options);
  }
}

// The elements from `begin` up to `end` along an axis.
template <class View>
auto part(const View& view, int axis, std::size_t begin, std::size_t end) {
  Kokkos::LayoutStride layout{};
  for (std::size_t d = 0; d < View::rank; ++d) {
    layout.dimension[d] = view.extent(d);
    layout.stride[d] = view.stride(d);
  }
  const auto d = static_cast<std::size_t>(axis);
  layout.dimension[d] = end - begin;
  return Kokkos::View<typename View::data_type, Kokkos::LayoutStride, typename View::device_type,
                      Kokkos::MemoryUnmanaged>(view.data() + begin * layout.stride[d], layout);
}

Extents without(Extents extents, int axis) {
  extents.erase(extents.begin() + axis);
  return extents;
}

// Scans the array piece by piece, from the given state of every line on, and leaves the last state
// in `last`. States go from View to View; in place, all is in one array and one state.
template <class State, class StateLayout, class Exec, class T, class Op>
HostArray<T> scanned_in_pieces(const HostArray<T>& array, const State& first,
                               HostArray<State>& last, const Op& op, const ScanCall& call) {
  using View = ViewOfRank<T, 3, Kokkos::LayoutRight, Exec>;
  using StateView = ViewOfRank<State, 2, StateLayout, Exec>;
  const auto x = make_view<View>("x", array);
  const auto y = call.in_place ? x : make_view<View>("y", array.extents);
  auto state = make_view<StateView>("state", without(array.extents, call.axis));
  auto next =
      call.in_place ? state : make_view<StateView>("next", without(array.extents, call.axis));
  Kokkos::deep_copy(state, first);

  std::size_t done = 0;
  for (const std::size_t piece : pieces) {
    const std::size_t begin = call.direction == Direction::forward ? done : length - done - piece;
    scan_from(Exec{}, part(x, call.axis, begin, begin + piece),
              part(y, call.axis, begin, begin + piece), state, next, op, call);
    std::swap(state, next);
    done += piece;
  }
  last = read(state);
  return read(y);
}

// The last element of an inclusive scan of every line.
template <class T>
HostArray<T> last_of_lines(const HostArray<T>& sums, const ScanCall& call) {
  HostArray<T> last(without(sums.extents, call.axis));
  const std::size_t inner = size_of(sums.extents, static_cast<std::size_t>(call.axis) + 1, 3);
  for (std::size_t line = 0; line < last.values.size(); ++line) {
    const std::size_t i = call.direction == Direction::forward ? length - 1 : 0;
    last.values[line] = sums.values[(line / inner * length + i) * inner + line % inner];
  }
  return last;
}

std::vector<Extents> extents_along(int axis) {
  std::vector<Extents> all{{2, 3}, {1, 1}, {1, 40}};
  for (Extents& extents : all) extents.insert(extents.begin() + axis, length);
  return all;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("ScanState.IntegersInPieces", "", ExecutionSpaces) {
  using T = int;
  constexpr T first = 123'456'789;
  for_each_type<Layouts>([&](auto layout) {
    for (int axis = 0; axis < 3; ++axis)
      for (const Extents& extents : extents_along(axis))
        for_each_call(axis, [&](const ScanCall& call) {
          INFO(to_string(extents) << ", " << to_string(call));
          const auto array = small_integers<T>(extents);
          HostArray<T> last({});
          CHECK_THAT(
              (scanned_in_pieces<T, decltype(layout), TestType>(array, first, last, Sum{}, call)),
              equals(folded(array, first, ReferenceSum{}, call)));
          ScanCall whole = call;
          whole.kind = ScanKind::inclusive;
          CHECK_THAT(last,
                     equals(last_of_lines(folded(array, first, ReferenceSum{}, whole), whole)));
        });
  });
}

TEMPLATE_LIST_TEST_CASE("ScanState.NonCommutativeInPieces", "", ExecutionSpaces) {
  using T = AffineMap;
  const AffineComposition op;
  const auto combine = [&](const T& a, const T& b) { return op.combine(a, b); };
  const T first = random_value(op, 42);
  for (const int axis : {0, 2}) {
    const Extents extents = axis == 0 ? Extents{length, 1, 17} : Extents{1, 2, length};
    HostArray<T> array(extents);
    for (std::size_t i = 0; i < array.values.size(); ++i) array.values[i] = random_value(op, i);
    for_each_call(axis, [&](const ScanCall& call) {
      INFO(to_string(extents) << ", " << to_string(call));
      HostArray<T> last({});
      CHECK_THAT(
          (scanned_in_pieces<T, Kokkos::LayoutRight, TestType>(array, first, last, op, call)),
          equals(folded(array, first, combine, call)));
    });
  }
}

// A CompensatedValue loses nothing from piece to piece.
TEMPLATE_LIST_TEST_CASE("ScanState.CompensatedSumInPieces", "", ExecutionSpaces) {
  using State = CompensatedValue<float>;
  for (int axis = 0; axis < 3; ++axis)
    for (const Extents& extents : extents_along(axis)) {
      HostArray<float> array(extents);
      for (std::size_t i = 0; i < array.values.size(); ++i)
        array.values[i] = static_cast<float>(random_fraction(i));
      for_each_call(axis, [&](const ScanCall& call) {
        INFO(to_string(extents) << ", " << to_string(call));
        HostArray<State> last({});
        CHECK_THAT((scanned_in_pieces<State, Kokkos::LayoutRight, TestType>(
                       array, State{}, last, CompensatedSum{}, call)),
                   within_one_ulp(exactly_summed(array, call)));
        ScanCall whole = call;
        whole.kind = ScanKind::inclusive;
        HostArray<float> last_sums(last.extents);
        for (std::size_t i = 0; i < last.values.size(); ++i)
          last_sums.values[i] = last.values[i].value();
        CHECK_THAT(last_sums, within_one_ulp(last_of_lines(exactly_summed(array, whole), whole)));
      });
    }
}

// Nor does it lose what breaks a tie, be it less than the last bit of the pair.
TEMPLATE_LIST_TEST_CASE("ScanState.TiesInPieces", "", ExecutionSpaces) {
  using State = CompensatedValue<float>;
  for (int axis = 0; axis < 3; ++axis)
    for (const Extents& extents : extents_along(axis)) {
      HostArray<float> array(extents);
      std::size_t inner = 1;
      for (std::size_t d = static_cast<std::size_t>(axis) + 1; d < extents.size(); ++d)
        inner *= extents[d];
      for (std::size_t i = 0; i < array.values.size(); ++i)
        array.values[i] = i / inner % 2 == 0 ? 1e8F : 1e-8F;
      for_each_call(axis, [&](const ScanCall& call) {
        INFO(to_string(extents) << ", " << to_string(call));
        HostArray<State> last({});
        CHECK_THAT((scanned_in_pieces<State, Kokkos::LayoutRight, TestType>(
                       array, State{}, last, CompensatedSum{}, call)),
                   equals(exactly_summed(array, call)));
      });
    }
}

// A state of 2^24 + 1 + 2^-20, which no float can hold, is all in the pair and comes through.
TEMPLATE_LIST_TEST_CASE("ScanState.CompensationOfTheStateCounts", "", ExecutionSpaces) {
  using View = ViewOfRank<float, 1, Kokkos::LayoutRight, TestType>;
  const auto x = make_view<View>("x", HostArray<float>({20}));
  const Kokkos::View<CompensatedValue<float>, TestType> state("state");
  Kokkos::deep_copy(state, CompensatedValue<float>(0x1p24F, 1 + 0x1p-20F));
  inclusive_scan(TestType{}, x, x, state, state);
  HostArray<float> expected({20});
  for (float& y : expected.values) y = 0x1p24F + 2;
  CHECK_THAT(read(x), equals(expected));

  const auto minus = make_view<View>("minus", HostArray<float>({1}));
  Kokkos::deep_copy(minus, -0x1p24F);
  inclusive_scan(TestType{}, minus, minus, state, state);
  CHECK(read(minus).values[0] == 1 + 0x1p-20F);
}

// States of plain elements, which the operator has to lift and lower, from a const View.
TEMPLATE_LIST_TEST_CASE("ScanState.StatesThatAreElements", "", ExecutionSpaces) {
  using View = ViewOfRank<float, 1, Kokkos::LayoutRight, TestType>;
  const auto array = small_integers<float>({1031});
  const Kokkos::View<float, TestType> initial("initial");
  const Kokkos::View<float, TestType> final("final");
  Kokkos::deep_copy(initial, 100.0F);
  const auto x = make_view<View>("x", array);
  const auto y = make_view<View>("y", array.extents);
  inclusive_scan(TestType{}, x, y, Kokkos::View<const float, TestType>(initial), final);
  const auto expected = folded(array, 100.0F, ReferenceSum{}, {});
  CHECK_THAT(read(y), equals(expected));
  CHECK(read(initial).values[0] == 100.0F);
  CHECK(read(final).values[0] == expected.values.back());
}

// A line of no elements ends where it began.
TEMPLATE_LIST_TEST_CASE("ScanState.EmptyAxisPassesTheStateOn", "", ExecutionSpaces) {
  using View = ViewOfRank<int, 2, Kokkos::LayoutRight, TestType>;
  using StateView = ViewOfRank<int, 1, Kokkos::LayoutRight, TestType>;
  const View x("x", 0, 7);
  const auto states = small_integers<int>({7});
  const auto initial = make_view<StateView>("initial", states);
  const auto final = make_view<StateView>("final", states.extents);
  inclusive_scan(TestType{}, x, x, initial, final, 0, Sum{});
  CHECK_THAT(read(final), equals(states));
  Kokkos::deep_copy(final, 0);
  exclusive_scan(TestType{}, x, x, initial, final, 0, Sum{});
  CHECK_THAT(read(final), equals(states));
}

namespace {

// State Views as the functors of transform_scan see them. The first call waits long enough for the
// other threads to get to the end of the line.
template <class Exec>
struct SlowInitial {
  Kokkos::View<int, Exec> state;
  Kokkos::View<int, Exec> calls;

  KOKKOS_FUNCTION int operator()(std::int64_t, std::int64_t) const {
    if (Kokkos::atomic_fetch_add(calls.data(), 1) == 0) {
      for (int i = 0; i < 300'000; ++i) Kokkos::atomic_add(calls.data(), 1);
    }
    return state();
  }
};

template <class Exec>
struct Final {
  Kokkos::View<int, Exec> state;
  KOKKOS_FUNCTION void operator()(std::int64_t, std::int64_t, int value) const { state() = value; }
};

struct Ones {
  KOKKOS_FUNCTION int operator()(std::int64_t, std::int64_t, std::int64_t) const { return 1; }
};

template <class Exec>
struct Store {
  Kokkos::View<int*, Exec> y;
  KOKKOS_FUNCTION void operator()(std::int64_t, std::int64_t i, std::int64_t, int result) const {
    y(i) = result;
  }
};

}  // namespace

// Where several threads share a line, none may still need the state it starts from when the state
// it ends in is put in its place.
TEMPLATE_LIST_TEST_CASE("ScanState.OneStateForSharedLines", "", ExecutionSpaces) {
  constexpr int n = 200'000;
  const Kokkos::View<int*, TestType> y("y", n);
  const Kokkos::View<int, TestType> state("state");
  Kokkos::deep_copy(state, 1'000'000);
  transform_scan(TestType{}, ScanExtents{1, n, 1}, Ones{}, Store<TestType>{y},
                 SlowInitial<TestType>{state, Kokkos::View<int, TestType>("calls")},
                 Final<TestType>{state}, Sum{}, {.block_size = 256});
  HostArray<int> expected({n});
  std::iota(expected.values.begin(), expected.values.end(), 1'000'001);
  CHECK_THAT(read(y), equals(expected));
  CHECK(read(state).values[0] == 1'000'000 + n);
}
