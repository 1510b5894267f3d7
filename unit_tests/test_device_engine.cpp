// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// The engine of a GPU, carried out on a host by teams of one thread: every way in which elements
// move, and every kind of tile, without a GPU.

#include <Kokkos_Core.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fused_scan/impl/device/run.hpp>
#include <fused_scan/impl/make_node.hpp>
#include <fused_scan/impl/plan/device_plan.hpp>
#include <fused_scan/recurrence.hpp>
#include <fused_scan/running_extrema.hpp>
#include <fused_scan/scan.hpp>
#include <vector>

#include "tree_node.hpp"

namespace {

using namespace fused_scan;

using Exec = Kokkos::DefaultHostExecutionSpace;
using View = Kokkos::View<float***, Kokkos::LayoutRight, Exec>;
using LeftView = Kokkos::View<float***, Kokkos::LayoutLeft, Exec>;

const impl::DeviceMachine machine{132, 32, 227 << 10, 228 << 10};

struct Shape {
  int outer, length, inner;
};

/// Short lines, few and many columns, odd rows, lines that several tiles share.
const std::vector<Shape> shapes{{1, 1, 1},     {700, 2, 2},   {300, 7, 4},    {90, 16, 1},
                                {50, 17, 3},   {40, 100, 1},  {20, 100, 2},   {3, 2048, 1},
                                {1, 50021, 1}, {2, 5003, 3},  {1, 2000, 100}, {1, 700, 129},
                                {2, 600, 512}, {1, 40, 4097}, {1, 3, 9000},   {1, 30000, 4}};

template <class Array>
void fill(const Array& x) {
  std::uint32_t bits = 1;
  for (std::size_t o = 0; o < x.extent(0); ++o) {
    for (std::size_t i = 0; i < x.extent(1); ++i) {
      for (std::size_t j = 0; j < x.extent(2); ++j) {
        bits = bits * 1664525U + 1013904223U;
        // Of sizes far enough apart that sums are rounded.
        x(o, i, j) = std::ldexp(static_cast<float>(bits >> 8), -24 - static_cast<int>(bits % 40));
      }
    }
  }
}

template <class A, class B>
bool same_bits(const A& a, const B& b) {
  for (std::size_t o = 0; o < a.extent(0); ++o) {
    for (std::size_t i = 0; i < a.extent(1); ++i) {
      for (std::size_t j = 0; j < a.extent(2); ++j) {
        if (std::memcmp(&a(o, i, j), &b(o, i, j), sizeof(a(o, i, j))) != 0) return false;
      }
    }
  }
  return true;
}

/// By which the thread of a team holds one run.
impl::DevicePlan plan_of_a_held_run(const impl::ScanShape& shape) {
  impl::DevicePlan plan = impl::device_plan::plan_of_held_runs(shape, 1, 1);
  plan.threads = 1;
  return plan;
}

/// A plan for a GPU with teams of one thread.
impl::DevicePlan plan_of(const impl::ScanShape& shape) {
  impl::DevicePlan plan = impl::make_device_plan(shape, machine);
  if (plan.holds_runs) return plan_of_a_held_run(shape);
  plan.threads = 1;
  return plan;
}

template <class In, class Out, class Op>
void scan_on_device_engine(const In& x, const Out& y, int axis, const Op& op,
                           const impl::Call& call) {
  impl::with_scan_of_views(Exec(), x, y, impl::None(), impl::None(), axis, op, call,
                           [](const auto& scan, const impl::ScanShape& shape) {
                             impl::run_on_device(Exec(), scan, plan_of(shape), "test");
                           });
}

struct Load {
  View x;
  KOKKOS_FUNCTION float operator()(std::int64_t o, std::int64_t i, std::int64_t j) const {
    return x(o, i, j);
  }
};
struct Store {
  View y;
  KOKKOS_FUNCTION void operator()(std::int64_t o, std::int64_t i, std::int64_t j,
                                  float result) const {
    y(o, i, j) = result;
  }
};

template <class Op>
void scan_functors_on_device_engine(const View& x, const View& y, const Op& family,
                                    const impl::Call& call, bool holds_runs) {
  const auto op = impl::bind_operator<float, float, true>(family);
  impl::Lines lines;
  lines.outer = x.extent_int(0);
  lines.length = x.extent_int(1);
  lines.inner = x.extent_int(2);
  const auto scan =
      impl::line_scan(op, impl::FunctorAccess<Load>{{x}}, impl::FunctorAccess<Store>{{y}},
                      impl::initial_state(op, impl::None(), lines),
                      impl::final_state(op, impl::None(), lines), lines, call);
  impl::ScanShape shape = impl::shape_of(scan, call);
  shape.in = impl::functor_shape(sizeof(float), lines.length, lines.inner);
  shape.out = shape.in;
  const impl::DevicePlan plan = holds_runs ? plan_of_a_held_run(shape) : plan_of(shape);
  impl::run_on_device(Exec(), scan, plan, "test");
}

template <class F>
void for_each_call(const F& f) {
  for (const Shape& shape : shapes) {
    for (const bool reverse : {false, true}) {
      for (const bool exclusive : {false, true}) {
        INFO(shape.outer << ", " << shape.length << ", " << shape.inner << ", reverse " << reverse
                         << ", exclusive " << exclusive);
        f(shape, impl::Call{"test", reverse, 0, exclusive});
      }
    }
  }
}

template <class In, class Out, class Op>
void scan_on_host_engine(const In& x, const Out& y, int axis, const Op& op,
                         const impl::Call& call) {
  impl::scan_views(Exec(), x, y, impl::None(), impl::None(), axis, op, call);
}

template <class Out, class Op>
void check_against_host(const Op& op) {
  for_each_call([&](const Shape& s, const impl::Call& call) {
    const View x("x", s.outer, s.length, s.inner);
    const Out expected("expected", s.outer, s.length, s.inner), y("y", s.outer, s.length, s.inner);
    fill(x);
    scan_on_host_engine(x, expected, 1, op, call);
    scan_on_device_engine(x, y, 1, op, call);
    CHECK(same_bits(y, expected));
    // In place.
    scan_on_device_engine(x, x, 1, op, call);
    CHECK(same_bits(x, expected));
  });
}

}  // namespace

TEST_CASE("DeviceEngine.CompensatedSums") { check_against_host<View>(CompensatedSum()); }

TEST_CASE("DeviceEngine.SumsBetweenLayouts") { check_against_host<LeftView>(Sum()); }

// Running sums of large numbers that leave the range here and there, between such that don't.
TEST_CASE("DeviceEngine.DoublesBeyondTheRange") {
  using Doubles = Kokkos::View<double***, Kokkos::LayoutRight, Exec>;
  const auto check = [](const Shape& s, const impl::Call& call, const auto& op) {
    const Doubles x("x", s.outer, s.length, s.inner);
    const Doubles expected("expected", x.layout()), y("y", x.layout());
    fill(x);
    const std::size_t apart = 97;
    for (std::size_t k = 0; k < x.size(); k += apart) {
      const double sign = k / apart % 5 < 3 ? 1 : -1;
      x.data()[k] = sign * std::ldexp(1 + x.data()[k], 1023);
    }
    scan_on_host_engine(x, expected, 1, op, call);
    scan_on_device_engine(x, y, 1, op, call);
    CHECK(same_bits(y, expected));
  };
  for_each_call([&](const Shape& s, const impl::Call& call) {
    check(s, call, CompensatedSum());
    check(s, call, Sum());
  });
}

// The nodes over whole lines of 2^k chunks, which ranks send each other, by both engines against
// the tree itself.
TEST_CASE("DeviceEngine.Nodes") {
  const auto op = impl::bind_operator<float, float, false>(CompensatedSum());
  using Op = std::remove_const_t<decltype(op)>;
  using Node = Op::value_type;
  using Nodes = Kokkos::View<Node**, Kokkos::LayoutRight, Exec>;
  const auto tree = [&](const View& x, int o, int j, bool reverse) {
    std::vector<float> line;
    for (int step = 0; step < x.extent_int(1); ++step) {
      line.push_back(x(o, reverse ? x.extent_int(1) - 1 - step : step, j));
    }
    return test::node_over(op, line);
  };
  for (const Shape& s : {Shape{300, 32, 1},
                         {3, 64, 40},
                         {2, 2048, 5},
                         {1, 1 << 17, 3},
                         {2, 1 << 16, 1},
                         {1, 1 << 12, 300}}) {
    for (const bool reverse : {false, true}) {
      INFO(s.outer << ", " << s.length << ", " << s.inner << ", reverse " << reverse);
      const View x("x", s.outer, s.length, s.inner);
      fill(x);
      const impl::Call call{"test", reverse, 0, false};
      const Nodes of_host("of_host", s.outer, s.inner), of_device("of_device", s.outer, s.inner);
      const impl::Array in = impl::array_of(x), out = impl::array_of(of_host);
      const impl::Array* const arrays[] = {&in, &out};
      const impl::Lines lines = impl::lines_along(arrays, 2, 1);
      const impl::MemoryAccess<const float> load(x.data(), lines, 0);
      const impl::AccessShape shape = impl::memory_shape(x.data(), sizeof(float), lines, 0);
      impl::make_node(Exec(), op, load, shape, {of_host.data(), lines, 1}, lines, call);
      const impl::FinalNode<Node, Node> final{{of_device.data(), lines, 1}};
      const auto scan = impl::line_scan(op, load, impl::NoStore(), impl::NoInitialState<Op>{op},
                                        final, lines, call);
      impl::ScanShape of_scan = impl::shape_of(scan, call);
      of_scan.in = of_scan.out = shape;
      of_scan.out.is_memory = false;
      impl::run_on_device(Exec(), scan, plan_of(of_scan), "test");
      for (int o = 0; o < s.outer; ++o) {
        for (int j = 0; j < s.inner; ++j) {
          const Node expected = tree(x, o, j, reverse);
          CHECK(of_host(o, j) == expected);
          CHECK(of_device(o, j) == expected);
        }
      }
    }
  }
}

// The rows of a tile's slabs, by teams of any size, against their numbers divided.
TEST_CASE("DeviceEngine.RowsOfATile") {
  struct Extents {
    std::int64_t outer, length, inner;
    bool reverse;
  };
  for (const bool interleaved : {false, true}) {
    for (const Extents& extents : {Extents{50, 3, 1, false}, {7, 5, 4, false}, {3, 1, 33, true}}) {
      impl::DevicePlan plan;
      plan.interleaved = interleaved;
      plan.columns = interleaved ? static_cast<int>(extents.inner) : 1;
      plan.rows = static_cast<int>(extents.length);
      plan.slabs = interleaved ? 2 : 21;
      const std::int64_t lines = extents.outer * (interleaved ? 1 : extents.inner);
      for (std::uint32_t group = 0; group * plan.slabs < lines; ++group) {
        const impl::Tile tile(plan, extents, group, 0);
        for (const int step : {1, 3, 32, 128}) {
          impl::RowWalk walk(tile, step / 2, step, plan.rows);
          for (int row = step / 2; row < tile.slabs * plan.rows; row += step) {
            const std::int64_t slab = std::int64_t{group} * plan.slabs + row / plan.rows;
            CHECK(walk.slab() == row / plan.rows);
            CHECK(walk.row() == row % plan.rows);
            CHECK(walk.line().outer == (interleaved ? slab : slab / extents.inner));
            CHECK(walk.line().column == (interleaved ? 0 : slab % extents.inner));
            walk.advance();
          }
        }
      }
    }
  }
}

TEST_CASE("DeviceEngine.Functors") {
  for_each_call([](const Shape& s, const impl::Call& call) {
    const View x("x", s.outer, s.length, s.inner);
    const View expected("expected", x.layout()), y("y", x.layout());
    fill(x);
    scan_on_host_engine(x, expected, 1, CompensatedSum(), call);
    scan_functors_on_device_engine(x, y, CompensatedSum(), call, false);
    CHECK(same_bits(y, expected));
  });
}

// Runs that threads hold: of functors, of Views, of running maxima, and of recurrences whose maps
// leave the range of a double here and there, between such that don't.
TEST_CASE("DeviceEngine.HeldRuns") {
  for_each_call([](const Shape& s, const impl::Call& call) {
    const View x("x", s.outer, s.length, s.inner);
    const View expected("expected", x.layout()), y("y", x.layout());
    fill(x);
    const auto check_functors = [&](const auto& op) {
      scan_on_host_engine(x, expected, 1, op, call);
      scan_functors_on_device_engine(x, y, op, call, true);
      CHECK(same_bits(y, expected));
    };
    check_functors(CompensatedSum());
    check_functors(Max());
    const auto run = [](const auto& scan, const impl::ScanShape& shape) {
      impl::run_on_device(Exec(), scan, plan_of_a_held_run(shape), "test");
    };
    scan_on_host_engine(x, expected, 1, CompensatedSum(), call);
    impl::with_scan_of_views(Exec(), x, y, impl::None(), impl::None(), 1, CompensatedSum(), call,
                             run);
    CHECK(same_bits(y, expected));
    if (call.exclusive) return;
    using Positions = Kokkos::View<int***, Kokkos::LayoutRight, Exec>;
    const Positions at("at", x.layout()), expected_at("expected_at", x.layout());
    const ScanOptions options{call.reverse ? Direction::reverse : Direction::forward};
    running_max(Exec(), x, expected, expected_at, 1, options);
    impl::with_running_extremum<1>(Exec(), x, y, at, 1, call, run);
    CHECK(same_bits(y, expected));
    CHECK(same_bits(at, expected_at));
    const View a("a", x.layout());
    for (std::size_t k = 0; k < a.size(); ++k) {
      const bool leaves = k / static_cast<std::size_t>(131 * s.inner) % 3 == 2;
      a.data()[k] = leaves ? std::ldexp(x.data()[k], k % 2 == 0 ? 90 : -40) : 1 - x.data()[k];
    }
    const Kokkos::View<float**, Exec> state("state", s.outer, s.inner),
        last("last", state.layout());
    linear_recurrence(Exec(), a, x, expected, impl::StartValue<float>{0.5f}, state, 1, options);
    // In place: h is b.
    impl::with_recurrence(Exec(), a, x, x, impl::StartValue<float>{0.5f}, last, 1, call, run);
    CHECK(same_bits(x, expected));
    CHECK(std::memcmp(last.data(), state.data(), state.size() * sizeof(float)) == 0);
  });
}

// Elements that aren't aligned: a part of an array, one column from its edge.
TEST_CASE("DeviceEngine.Unaligned") {
  for_each_call([](const Shape& s, const impl::Call& call) {
    const View all("all", s.outer, s.length, s.inner + 1);
    const auto x = Kokkos::subview(all, Kokkos::ALL, Kokkos::ALL, Kokkos::pair(1, s.inner + 1));
    const View expected("expected", s.outer, s.length, s.inner);
    fill(x);
    scan_on_host_engine(x, expected, 1, CompensatedSum(), call);
    scan_on_device_engine(x, x, 1, CompensatedSum(), call);
    CHECK(same_bits(x, expected));
  });
}

// A recurrence reads two arrays at once; its gradients read three and write two.
TEST_CASE("DeviceEngine.Recurrences") {
  for_each_call([](const Shape& s, const impl::Call& call) {
    if (call.exclusive) return;
    const View a("a", s.outer, s.length, s.inner), b("b", a.layout());
    const View expected("expected", a.layout()), h("h", a.layout());
    const View expected_a("expected_a", a.layout()), grad_a("grad_a", a.layout());
    const Kokkos::View<float**, Exec> state("state", s.outer, s.inner);
    const Kokkos::View<float**, Exec> last("last", s.outer, s.inner), grad("grad", state.layout());
    fill(a);
    fill(b);
    const ScanOptions options{call.reverse ? Direction::reverse : Direction::forward};
    linear_recurrence(Exec(), a, b, expected, impl::StartValue<float>{0.5f}, state, 1, options);
    const auto on_device = [](const auto& scan, const impl::ScanShape& shape) {
      impl::run_on_device(Exec(), scan, plan_of(shape), "test");
    };
    impl::with_recurrence(Exec(), a, b, h, impl::StartValue<float>{0.5f}, last, 1, call, on_device);
    CHECK(same_bits(h, expected));
    CHECK(std::memcmp(last.data(), state.data(), state.size() * sizeof(float)) == 0);

    linear_recurrence_backward(Exec(), a, h, b, state, expected_a, expected, last, 1, options);
    impl::with_gradients(Exec(), a, h, b, state, grad_a, b, grad, 1, call, on_device);
    CHECK(same_bits(b, expected));
    CHECK(same_bits(grad_a, expected_a));
    CHECK(std::memcmp(grad.data(), last.data(), last.size() * sizeof(float)) == 0);
  });
}
