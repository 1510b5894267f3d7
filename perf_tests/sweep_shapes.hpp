// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_SWEEP_SHAPES_HPP
#define FUSED_SCAN_SWEEP_SHAPES_HPP

// The arrays of the sweep, drawn from a seed.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace fused_scan::perf {

/// An array of extents (outer, length, inner), scanned along the middle.
struct Shape {
  std::int64_t outer;
  std::int64_t length;
  std::int64_t inner;

  friend bool operator==(const Shape&, const Shape&) = default;
  std::int64_t size() const { return outer * length * inner; }
  std::string text() const {
    std::string text = "(";
    text += std::to_string(outer) + ", " + std::to_string(length) + ", " + std::to_string(inner);
    return text + ")";
  }
};

/// Lengths from 2 to 4 Mi and inner extents from 1 to 256 Ki, uniform in their logarithms: powers
/// of two and any numbers by turns, none of them twice. length * inner is at most `size`, which
/// `outer` fills up. The same seed gives the same shapes everywhere: the distributions of <random>
/// would not.
inline std::vector<Shape> drawn_shapes(int count, std::uint64_t seed, std::int64_t size) {
  std::mt19937_64 random(seed);
  const auto drawn = [&](int low, int high, bool power) {
    const double unit = std::ldexp(static_cast<double>(random() >> 11), -53);
    const double exponent = low + unit * (high - low + (power ? 1 : 0));
    return std::llround(std::exp2(power ? std::floor(exponent) : exponent));
  };
  std::vector<Shape> shapes;
  while (static_cast<int>(shapes.size()) < count) {
    const bool power = shapes.size() % 2 == 0;
    const std::int64_t length = drawn(1, 22, power);
    const std::int64_t inner = drawn(0, 18, power);
    if (length * inner > size) continue;
    const Shape shape{size / (length * inner), length, inner};
    if (std::find(shapes.begin(), shapes.end(), shape) == shapes.end()) shapes.push_back(shape);
  }
  return shapes;
}

}  // namespace fused_scan::perf

#endif
