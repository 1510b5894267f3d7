// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// `fused-scan recurrence` against plain loops, and what it refuses.

#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <complex>
#include <string>
#include <vector>

#include "test_files.hpp"

namespace {

using Extents = std::vector<hsize_t>;

template <class T>
std::vector<T> numbers(std::size_t n, int seed) {
  std::vector<T> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double re = std::sin(static_cast<double>(i) * 1.7 + seed);
    if constexpr (std::is_floating_point_v<T>) {
      x[i] = static_cast<T>(re);
    } else {
      x[i] = T(0.7 * re, 0.7 * std::cos(static_cast<double>(i) * 0.9 + seed));
    }
  }
  return x;
}

/// In double, one element after the other; `a_at` is the place of the coefficient of a place.
template <class A, class B, class Place>
std::vector<B> loop(const std::vector<A>& a, const std::vector<B>& b, const Extents& extents,
                    int axis, bool reverse, const Place& a_at) {
  using Wide = std::conditional_t<std::is_floating_point_v<B>, double, std::complex<double>>;
  std::size_t inner = 1;
  for (std::size_t d = axis + 1; d < extents.size(); ++d) inner *= extents[d];
  const std::size_t length = extents[axis];
  std::vector<B> h(b.size());
  for (std::size_t line = 0; line < b.size() / length; ++line) {
    Wide state = 0;
    for (std::size_t step = 0; step < length; ++step) {
      const std::size_t i = reverse ? length - 1 - step : step;
      const std::size_t at = (line / inner * length + i) * inner + line % inner;
      state = Wide(a[a_at(at)]) * state + Wide(b[at]);
      h[at] = static_cast<B>(state);
    }
  }
  return h;
}

template <class T>
void check_close(const std::vector<T>& actual, const std::vector<T>& expected, double tolerance) {
  REQUIRE(actual.size() == expected.size());
  double largest = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    largest = std::max(largest, static_cast<double>(std::abs(actual[i] - expected[i])));
  }
  CHECK(largest < tolerance);
}

hid_t complex_of(hid_t part) {
  const hid_t type = valid(H5Tcreate(H5T_COMPOUND, 2 * H5Tget_size(part)));
  H5Tinsert(type, "r", 0, part);
  H5Tinsert(type, "i", H5Tget_size(part), part);
  return type;
}

const Extents extents{3, 50, 4};

template <class T>
void check_real(hid_t stored, hid_t memory, double tolerance) {
  const auto a = numbers<T>(600, 1), b = numbers<T>(600, 2);
  for (const int axis : {0, 1, 2}) {
    for (const bool reverse : {false, true}) {
      INFO("axis " << axis << ", reverse " << reverse);
      const TestFolder folder;
      {
        const TestFile file(folder / "in.h5");
        file.write("/a", stored, extents, memory, a.data());
        file.write("/b", stored, extents, memory, b.data());
      }
      const auto outcome =
          folder.fused_scan("recurrence in.h5:/a in.h5:/b out.h5:/h --axis " +
                            std::to_string(axis - 3) + (reverse ? " --reverse" : ""));
      CHECK(outcome.err == "");
      REQUIRE(outcome.status == 0);
      CHECK_THAT(outcome.out, Catch::Matchers::ContainsSubstring(
                                  "recurrence along axis " + std::to_string(axis) +
                                  (reverse ? ", reverse" : ", forward")));
      const TestFile out(folder / "out.h5");
      CHECK(H5Tequal(out.stored_type("/h"), stored) > 0);
      CHECK(out.extents("/h") == extents);
      check_close(out.read<T>("/h", memory),
                  loop(a, b, extents, axis, reverse, [](std::size_t at) { return at; }), tolerance);
    }
  }
}

}  // namespace

TEST_CASE("Cli.Recurrence") {
  check_real<float>(H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 1e-6);
  check_real<double>(H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 1e-13);
}

TEST_CASE("Cli.RecurrenceOfComplexNumbers") {
  using C = std::complex<float>;
  const hid_t type = complex_of(H5T_NATIVE_FLOAT);
  const auto a = numbers<C>(600, 1), b = numbers<C>(600, 2);
  const auto real_a = numbers<double>(600, 3);
  const TestFolder folder;
  {
    const TestFile file(folder / "in.h5");
    file.write("/a", type, extents, type, a.data());
    file.write("/b", type, extents, type, b.data());
    file.write("/real", H5T_IEEE_F64LE, extents, H5T_NATIVE_DOUBLE, real_a.data());
  }
  for (const std::string name : {"a", "real"}) {
    REQUIRE(
        folder.fused_scan("recurrence in.h5:/" + name + " in.h5:/b in.h5:/" + name + "_h --axis 1")
            .status == 0);
  }
  const TestFile file(folder / "in.h5");
  const auto same = [](std::size_t at) { return at; };
  check_close(file.read<C>("/a_h", type), loop(a, b, extents, 1, false, same), 1e-6);
  check_close(file.read<C>("/real_h", type), loop(real_a, b, extents, 1, false, same), 1e-6);
}

// One coefficient along a dimension, or for all.
TEST_CASE("Cli.RecurrenceWithFewCoefficients") {
  const auto b = numbers<double>(600, 2);
  const TestFolder folder;
  {
    const TestFile file(folder / "in.h5");
    const std::vector<double> some{0.5, -0.25, 1, 0.125};
    file.write("/b", H5T_IEEE_F64LE, extents, H5T_NATIVE_DOUBLE, b.data());
    file.write("/columns", H5T_IEEE_F64LE, {1, 1, 4}, H5T_NATIVE_DOUBLE, some.data());
    file.write("/outer", H5T_IEEE_F64LE, {3, 1, 1}, H5T_NATIVE_DOUBLE, some.data());
    file.write("/all", H5T_IEEE_F64LE, {}, H5T_NATIVE_DOUBLE, some.data());
  }
  for (const std::string name : {"columns", "outer", "all"}) {
    const auto outcome =
        folder.fused_scan("recurrence in.h5:/" + name + " in.h5:/b " + name + ".h5:/h --axis 1");
    CHECK(outcome.err == "");
    REQUIRE(outcome.status == 0);
  }
  const std::vector<double> some{0.5, -0.25, 1, 0.125};
  const auto check = [&](const std::string& name, const auto& place) {
    check_close(TestFile(folder / (name + ".h5")).read<double>("/h", H5T_NATIVE_DOUBLE),
                loop(some, b, extents, 1, false, place), 1e-13);
  };
  check("columns", [](std::size_t at) { return at % 4; });
  check("outer", [](std::size_t at) { return at / 200; });
  check("all", [](std::size_t) { return std::size_t{0}; });
}

TEST_CASE("Cli.RecurrencesThatAreRefused") {
  const TestFolder folder;
  {
    const TestFile file(folder / "in.h5");
    const std::vector<float> x(600, 1);
    file.write("/a", H5T_IEEE_F32LE, extents, H5T_NATIVE_FLOAT, x.data());
    file.write("/short", H5T_IEEE_F32LE, {3, 49, 4}, H5T_NATIVE_FLOAT, x.data());
    file.write("/integers", H5T_STD_I32LE, extents, H5T_NATIVE_FLOAT, x.data());
    const hid_t type = complex_of(H5T_NATIVE_FLOAT);
    file.write("/complex", type, {3, 50, 2}, type, x.data());
  }
  const auto refused = [&](const std::string& arguments, const std::string& message) {
    CAPTURE(arguments);
    const auto before = folder.contents();
    const auto outcome = folder.fused_scan("recurrence " + arguments);
    CHECK(outcome.err == "fused-scan: " + message + "\n");
    CHECK(outcome.status == 2);
    CHECK(folder.contents() == before);
  };
  refused("in.h5:/a in.h5:/a out.h5:/h",
          "--axis is required (fused-scan recurrence --help shows the use)");
  refused("in.h5:/a in.h5:/a out.h5:/h --axis 3",
          "axis 3 is out of range [-3, 2] for in.h5:/a of rank 3");
  refused("in.h5:/short in.h5:/a out.h5:/h --axis 1",
          "in.h5:/short of shape 3 x 49 x 4 doesn't fit in.h5:/a of shape 3 x 50 x 4: it needs the "
          "same, with 1 where a coefficient is the same all along a dimension");
  refused("in.h5:/a in.h5:/integers out.h5:/h --axis 1",
          "in.h5:/integers has int32 numbers; recurrences need float32, float64, complex64 or "
          "complex128");
  refused("in.h5:/complex in.h5:/a out.h5:/h --axis 1",
          "in.h5:/complex is complex and in.h5:/a is not: a recurrence with complex coefficients "
          "needs complex terms");
  refused("in.h5:/a in.h5:/a in.h5:/a --axis 1",
          "in.h5:/a exists already and is never overwritten; choose another name or file");
}
