// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What linear recurrences and their gradients should give: plain loops in long double.

#ifndef FUSED_SCAN_RECURRENCE_CALL_HPP
#define FUSED_SCAN_RECURRENCE_CALL_HPP

#include <Kokkos_Core.hpp>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <fused_scan/recurrence.hpp>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "matchers.hpp"
#include "random_bits.hpp"
#include "reference_scan.hpp"
#include "test_views.hpp"

namespace fused_scan::test {

template <class T>
using Wide = std::conditional_t<is_complex<T>, std::complex<long double>, long double>;

template <class T>
Wide<T> widened(const T& x) {
  if constexpr (is_complex<T>) {
    return {x.real(), x.imag()};
  } else {
    return static_cast<long double>(x);
  }
}
inline long double conjugated(long double x) { return x; }
inline std::complex<long double> conjugated(const std::complex<long double>& x) {
  return std::conj(x);
}

/// The places of one line in the arrays, in the order in which the recurrence goes.
using Line = std::vector<std::size_t>;

inline std::vector<Line> lines_of(const Extents& extents, int axis, Direction direction) {
  HostArray<std::int64_t> places(extents);
  for (std::size_t i = 0; i < places.values.size(); ++i) {
    places.values[i] = static_cast<std::int64_t>(i);
  }
  std::vector<Line> lines;
  map_lines(places, axis, direction,
            [&](std::span<std::int64_t> line) { lines.emplace_back(line.begin(), line.end()); });
  return lines;
}

inline Extents without_axis(Extents extents, int axis) {
  extents.erase(extents.begin() + (axis < 0 ? axis + static_cast<int>(extents.size()) : axis));
  return extents;
}

/// A result in long double, and the sum of the magnitudes that went into it.
template <class T>
struct Expected {
  Extents extents;
  std::vector<Wide<T>> value;
  std::vector<long double> magnitude;

  explicit Expected(const Extents& of) : extents(of), value(size_of(of)), magnitude(value.size()) {}
};

/// The recurrence from `initial`, one number a line, and its final states.
template <class T>
Expected<T> expected_recurrence(const HostArray<T>& a, const HostArray<T>& b,
                                const std::vector<T>& initial, int axis, Direction direction) {
  Expected<T> h(a.extents);
  const auto lines = lines_of(a.extents, axis, direction);
  for (std::size_t k = 0; k < lines.size(); ++k) {
    Wide<T> state = widened(initial[k]);
    long double magnitude = std::abs(state);
    for (const std::size_t at : lines[k]) {
      state = widened(a.values[at]) * state + widened(b.values[at]);
      magnitude = std::abs(widened(a.values[at])) * magnitude + std::abs(widened(b.values[at]));
      h.value[at] = state;
      h.magnitude[at] = magnitude;
    }
  }
  return h;
}

template <class T>
struct ExpectedGradients {
  Expected<T> a, b, initial;
};

/// Of a recurrence whose results were `h`.
template <class T>
ExpectedGradients<T> expected_gradients(const HostArray<T>& a, const HostArray<T>& h,
                                        const HostArray<T>& grad_h, const std::vector<T>& initial,
                                        int axis, Direction direction) {
  ExpectedGradients<T> grad{Expected<T>(a.extents), Expected<T>(a.extents),
                            Expected<T>(without_axis(a.extents, axis))};
  const auto lines = lines_of(a.extents, axis, direction);
  for (std::size_t k = 0; k < lines.size(); ++k) {
    Wide<T> g = 0;
    long double magnitude = 0;
    for (std::size_t i = lines[k].size(); i-- > 0;) {
      const std::size_t at = lines[k][i];
      g += widened(grad_h.values[at]);
      magnitude += std::abs(widened(grad_h.values[at]));
      const Wide<T> before = widened(i > 0 ? h.values[lines[k][i - 1]] : initial[k]);
      grad.b.value[at] = g;
      grad.b.magnitude[at] = magnitude;
      grad.a.value[at] = g * conjugated(before);
      grad.a.magnitude[at] = magnitude * std::abs(before);
      g *= conjugated(widened(a.values[at]));
      magnitude *= std::abs(widened(a.values[at]));
    }
    grad.initial.value[k] = g;
    grad.initial.magnitude[k] = magnitude;
  }
  return grad;
}

/// Half a unit in the last place of T, and some of a double for what the state is carried in.
template <class T>
bool is_close(const T& actual, const Wide<T>& expected, long double magnitude) {
  if constexpr (is_complex<T>) {
    using Part = typename T::value_type;
    return is_close<Part>(actual.real(), expected.real(), magnitude) &&
           is_close<Part>(actual.imag(), expected.imag(), magnitude);
  } else {
    const auto x = static_cast<long double>(actual);
    const long double of_type = sizeof(T) == 8 ? 0x1p-53L : sizeof(T) == 4 ? 0x1p-24L : 0x1p-8L;
    const long double least = sizeof(T) == 8 ? 0x1p-1074L : 0x1p-149L;
    return std::abs(x - expected) <=
           1.0001L * of_type * std::abs(expected) + 0x1p-47L * magnitude + least;
  }
}

/// "" where every element is close, else the first that isn't.
template <class T>
std::string difference(const HostArray<T>& actual, const Expected<T>& expected) {
  if (actual.extents != expected.extents) return "extents " + to_string(actual.extents);
  for (std::size_t i = 0; i < actual.values.size(); ++i) {
    if (!is_close<T>(actual.values[i], expected.value[i], expected.magnitude[i])) {
      std::ostringstream text;
      text.precision(20);
      text << "element " << i << " is " << to_string(actual.values[i]) << ", expected "
           << expected.value[i];
      return text.str();
    }
  }
  return "";
}

/// A random number whose magnitude is below `largest`.
template <class T>
T random_number(std::uint64_t seed, double largest) {
  const double x = largest * (2 * random_fraction(seed) - 1);
  if constexpr (is_complex<T>) {
    return T(static_cast<typename T::value_type>(0.7 * x),
             static_cast<typename T::value_type>(0.7 * largest *
                                                 (2 * random_fraction(seed + 77777) - 1)));
  } else {
    return static_cast<T>(x);
  }
}

template <class T>
HostArray<T> random_array(const Extents& extents, std::uint64_t seed, double largest = 1) {
  HostArray<T> array(extents);
  for (std::size_t i = 0; i < array.values.size(); ++i) {
    array.values[i] = random_number<T>(seed * 1000003 + i, largest);
  }
  return array;
}

/// Coefficients of magnitudes up to a little more than 1, so that each state has some of all before
/// it; and zeros, which no number of the line survives.
template <class T>
HostArray<T> coefficients(const Extents& extents, std::uint64_t seed, double magnitude = 1.25) {
  auto a = random_array<T>(extents, seed, magnitude);
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    if (random_bits(seed + i) % 97 == 0) a.values[i] = T(0);
  }
  return a;
}

/// One number in every place.
template <class T>
HostArray<T> same_everywhere(const Extents& extents, const T& x) {
  HostArray<T> array(extents);
  for (T& value : array.values) value = x;
  return array;
}

/// A new View of any strides: those of LayoutRight, of LayoutLeft, or with gaps.
enum class Order { right, left, gaps };

template <class T, std::size_t rank, class Exec>
using AnyView = ViewOfRank<T, rank, Kokkos::LayoutStride, Exec>;

template <class T, std::size_t rank, class Exec>
AnyView<T, rank, Exec> make_any_view(const std::string& label, const HostArray<T>& array,
                                     Order order) {
  auto layout = make_layout<Kokkos::LayoutStride>(array.extents);
  std::size_t stride = 1;
  for (std::size_t k = 0; k < rank && order != Order::gaps; ++k) {
    const std::size_t d = order == Order::left ? k : rank - 1 - k;
    layout.stride[d] = stride;
    stride *= array.extents[d];
  }
  const AnyView<T, rank, Exec> view(label, layout);
  write(view, array);
  return view;
}

}  // namespace fused_scan::test

#endif
