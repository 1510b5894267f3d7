// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Wrong use: the exception's whole text, and that nothing was written.

#include <Kokkos_Core.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <fused_scan/scan.hpp>
#include <stdexcept>
#include <string>
#include <utility>

#include "scan_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

template <class Exec>
using Matrix = ViewOfRank<int, 2, Kokkos::LayoutRight, Exec>;
template <class Exec>
using Vector = ViewOfRank<int, 1, Kokkos::LayoutRight, Exec>;
template <class Exec>
using StridedVector = Kokkos::View<int*, Kokkos::LayoutStride, Exec, Kokkos::MemoryUnmanaged>;
template <class Exec>
using StridedMatrix = Kokkos::View<int**, Kokkos::LayoutStride, Exec, Kokkos::MemoryUnmanaged>;

template <class F>
void check_throws(F call, const std::string& text) {
  CHECK_THROWS_MATCHES(call(), std::invalid_argument, Catch::Matchers::Message(text));
}

// Both functions say the same, each in its own name, and leave the memory as it is.
template <class In, class Out, class Memory>
void check_refused(const In& in, const Out& out, const ScanCall& call, const Memory& memory,
                   const std::string& text) {
  const auto before = small_integers<typename Memory::value_type>(extents_of(memory));
  write(memory, before);
  for (const ScanKind kind : {ScanKind::inclusive, ScanKind::exclusive}) {
    ScanCall wrong = call;
    wrong.kind = kind;
    check_throws([&] { scan(typename Out::execution_space{}, in, out, Sum{}, wrong); },
                 (kind == ScanKind::inclusive ? "fused_scan::inclusive_scan: "
                                              : "fused_scan::exclusive_scan: ") +
                     text);
  }
  CHECK_THAT(read(memory), equals_bitwise(before));
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("ScanErrors.AxisOutOfRange", "", ExecutionSpaces) {
  const Matrix<TestType> x("x", 4, 8);
  const Matrix<TestType> y("y", 4, 8);
  for (const int axis : {2, 3, -3, 1000})
    check_refused(
        x, y, {.axis = axis}, y,
        "axis " + std::to_string(axis) + " is out of range [-2, 1] for View 'x' of rank 2");
  const Vector<TestType> line("a line", 4);
  check_refused(line, line, {.axis = 1}, line,
                "axis 1 is out of range [-1, 0] for View 'a line' of rank 1");
}

TEMPLATE_LIST_TEST_CASE("ScanErrors.ExtentsDiffer", "", ExecutionSpaces) {
  const Matrix<TestType> x("x", 4, 8);
  const Matrix<TestType> shorter("y", 4, 7);
  const Matrix<TestType> transposed("z", 8, 4);
  check_refused(x, shorter, {}, shorter, "extents of 'x' (4, 8) and 'y' (4, 7) differ");
  check_refused(shorter, x, {}, x, "extents of 'y' (4, 7) and 'x' (4, 8) differ");
  check_refused(x, transposed, {.axis = 0}, transposed,
                "extents of 'x' (4, 8) and 'z' (8, 4) differ");
}

TEMPLATE_LIST_TEST_CASE("ScanErrors.BlockSize", "", ExecutionSpaces) {
  const Vector<TestType> x("x", 100);
  for (const int size : {-256, -1, 1, 8, 17, 300})
    check_refused(x, x, {.block_size = size}, x,
                  "block_size " + std::to_string(size) +
                      " must be 0 (chosen) or a power of two, at least 16");
}

TEMPLATE_LIST_TEST_CASE("ScanErrors.Overlap", "", ExecutionSpaces) {
  const std::string but_same = " overlap in memory without being the same array";
  const Vector<TestType> memory("memory", 600);
  int* const data = memory.data();

  const auto vector = [&](int first, int stride) {
    return StridedVector<TestType>(data + first, Kokkos::LayoutStride(100, stride));
  };
  const auto check_vectors = [&](const auto& x, const auto& y) {
    check_refused(x, y, {}, memory, "Views '' and ''" + but_same);
    check_refused(y, x, {}, memory, "Views '' and ''" + but_same);
  };
  check_vectors(vector(0, 1), vector(1, 1));    // one element later
  check_vectors(vector(0, 1), vector(99, 1));   // the last is the first
  check_vectors(vector(0, 1), vector(0, 2));    // the first is the first
  check_vectors(vector(0, 3), vector(3, 3));    // in step
  check_vectors(vector(0, 2), vector(99, 3));   // out of step, every sixth
  check_vectors(vector(1, 2), vector(198, 1));  // an odd one among the last

  // A matrix and its transpose, and two that share one corner.
  const StridedMatrix<TestType> square(data, Kokkos::LayoutStride(10, 10, 10, 1));
  const StridedMatrix<TestType> transpose(data, Kokkos::LayoutStride(10, 1, 10, 10));
  check_vectors(square, transpose);
  const StridedMatrix<TestType> lower(data + 9 * 20 + 9, Kokkos::LayoutStride(10, 20, 10, 1));
  const StridedMatrix<TestType> upper(data, Kokkos::LayoutStride(10, 20, 10, 1));
  check_vectors(upper, lower);

  // Labels, where Views have any.
  const Matrix<TestType> x("x", 10, 60);
  check_refused(Kokkos::subview(x, Kokkos::ALL, std::pair(0, 31)),
                Kokkos::subview(x, Kokkos::ALL, std::pair(29, 60)), {}, x,
                "Views 'x' and 'x'" + but_same);
}

// Elements of two sizes in the same bytes.
TEMPLATE_LIST_TEST_CASE("ScanErrors.OverlapOfTwoTypes", "", ExecutionSpaces) {
  const Kokkos::View<double*, TestType> memory("memory", 100);
  using Unmanaged = Kokkos::MemoryUnmanaged;
  const Kokkos::View<double*, TestType, Unmanaged> x(memory.data(), 50);
  const Kokkos::View<float*, TestType, Unmanaged> same_place(
      reinterpret_cast<float*>(memory.data()), 50);
  const Kokkos::View<float*, TestType, Unmanaged> at_the_end(
      reinterpret_cast<float*>(memory.data()) + 99, 50);
  const Kokkos::View<float*, TestType, Unmanaged> after(
      reinterpret_cast<float*>(memory.data()) + 100, 50);
  const std::string text = "Views '' and '' overlap in memory without being the same array";
  check_refused(x, same_place, {}, memory, text);
  check_refused(x, at_the_end, {}, memory, text);
  CHECK_NOTHROW(inclusive_scan(TestType{}, x, after));
}

TEMPLATE_LIST_TEST_CASE("ScanErrors.States", "", ExecutionSpaces) {
  using States = Vector<TestType>;
  const Matrix<TestType> x("x", 4, 8);
  const auto numbers = small_integers<int>({4, 8});
  write(x, numbers);
  const States four("four", 4);
  const States eight("eight", 8);
  const auto scan_from = [&](const auto& initial, const auto& final, int axis) {
    return [=] { inclusive_scan(TestType{}, x, x, initial, final, axis, Sum{}); };
  };
  check_throws(scan_from(eight, eight, 1),
               "fused_scan::inclusive_scan: initial state 'eight' has extents (8) instead of (4), "
               "those of View 'x' without axis 1");
  check_throws(scan_from(eight, four, 0),
               "fused_scan::inclusive_scan: final state 'four' has extents (4) instead of (8), "
               "those of View 'x' without axis 0");
  check_throws(scan_from(eight, eight, 2),
               "fused_scan::inclusive_scan: axis 2 is out of range [-2, 1] for View 'x' of rank 2");

  const auto row = Kokkos::subview(x, 2, Kokkos::ALL);
  check_throws(scan_from(row, eight, 0),
               "fused_scan::inclusive_scan: Views 'x' and 'x' overlap in memory");
  check_throws(scan_from(eight, row, 0),
               "fused_scan::inclusive_scan: Views 'x' and 'x' overlap in memory");

  const States nine("nine", 9);
  check_throws(
      scan_from(Kokkos::subview(nine, std::pair(0, 8)), Kokkos::subview(nine, std::pair(1, 9)), 0),
      "fused_scan::inclusive_scan: Views 'nine' and 'nine' overlap in memory without "
      "being the same array");
  CHECK_THAT(read(x), equals_bitwise(numbers));
}

namespace {

struct Zero {
  KOKKOS_FUNCTION int operator()(std::int64_t, std::int64_t, std::int64_t) const { return 0; }
};

template <class Exec>
struct Never {
  Vector<Exec> written;
  KOKKOS_FUNCTION void operator()(std::int64_t, std::int64_t, std::int64_t, int) const {
    written(0) = 1;
  }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("ScanErrors.TransformScan", "", ExecutionSpaces) {
  const Vector<TestType> written("written", 1);
  const auto scan_over = [&](const ScanExtents& extents, int block_size) {
    return [=] {
      transform_scan(TestType{}, extents, Zero{}, Never<TestType>{written}, Sum{},
                     {.block_size = block_size});
    };
  };
  check_throws(scan_over({1, 2, 3}, 100),
               "fused_scan::transform_scan: block_size 100 must be 0 (chosen) or a power of two, "
               "at least 16");
  for (const ScanExtents& extents : {ScanExtents{-1, 2, 3}, {1, -2, 3}, {1, 2, -3}})
    check_throws(scan_over(extents, 0),
                 "fused_scan::transform_scan: extents (" + std::to_string(extents.outer) + ", " +
                     std::to_string(extents.length) + ", " + std::to_string(extents.inner) +
                     ") must not be negative");
  CHECK(read(written).values[0] == 0);
}
