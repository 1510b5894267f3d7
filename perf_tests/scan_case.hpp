// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_SCAN_CASE_HPP
#define FUSED_SCAN_SCAN_CASE_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <functional>
#include <fused_scan/fused_scan.hpp>
#include <numeric>
#include <string>
#include <vector>

namespace fused_scan::perf {

using Extents = std::vector<std::int64_t>;

/// An array's extents, and the axis of the scan.
struct Case {
  Extents extents;
  int axis;

  /// The number of elements in the dimensions from `first` to before `last`.
  std::int64_t size(int first, int last) const {
    return std::accumulate(extents.begin() + first, extents.begin() + last, std::int64_t{1},
                           std::multiplies<>());
  }
  int rank() const { return static_cast<int>(extents.size()); }
  std::int64_t size() const { return size(0, rank()); }
  std::int64_t length() const { return extents[axis]; }
  std::int64_t inner() const { return size(axis + 1, rank()); }

  std::string array() const {
    std::string text;
    for (const std::int64_t extent : extents) {
      text += (text.empty() ? "(" : ", ") + std::to_string(extent);
    }
    return text + ")";
  }
  std::string name(const std::string& method) const {
    return array() + " axis " + std::to_string(axis) + "/" + method;
  }
};

template <class T>
KOKKOS_FUNCTION T rounded(const T& sum) {
  return sum;
}
template <class T>
KOKKOS_FUNCTION T rounded(const CompensatedValue<T>& sum) {
  return sum.value();
}

/// What one writes without this library; `Value` is what the sum is carried in.
template <class Value, class Exec, class View>
void kokkos_scan(const Exec& exec, const View& x, const View& y) {
  Kokkos::parallel_scan(
      "kokkos_scan", Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>(exec, 0, x.size()),
      KOKKOS_LAMBDA(std::int64_t i, Value& sum, bool final) {
        sum += x(i);
        if (final) y(i) = rounded(sum);
      });
}

}  // namespace fused_scan::perf

#endif
