// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Catch2 matchers for whole arrays. A failure prints the worst elements, not all of them.

#ifndef FUSED_SCAN_MATCHERS_HPP
#define FUSED_SCAN_MATCHERS_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <catch2/catch_tostring.hpp>
#include <catch2/matchers/catch_matchers_templated.hpp>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "test_views.hpp"

namespace fused_scan::test {

template <class T>
concept FloatingPoint = std::floating_point<T> || std::same_as<T, Kokkos::Experimental::half_t> ||
                        std::same_as<T, Kokkos::Experimental::bhalf_t>;

/// How far apart two values are: for floating-point numbers how many of their type lie from a to b,
/// for anything else nothing or infinitely far. +0 and -0 are the same here, and so are all NaN.
template <class T>
double distance(const T& a, const T& b) {
  bool equal = std::memcmp(&a, &b, sizeof(T)) == 0;
  if constexpr (requires { a == b; }) equal = a == b;
  return equal ? 0 : std::numeric_limits<double>::infinity();
}

template <FloatingPoint T>
double distance(const T& a, const T& b) {
  const bool a_is_nan = !(a == a);
  const bool b_is_nan = !(b == b);
  if (a == b || (a_is_nan && b_is_nan)) return 0;
  if (a_is_nan || b_is_nan) return std::numeric_limits<double>::infinity();

  using Bits = std::conditional_t<sizeof(T) == 8, std::int64_t,
                                  std::conditional_t<sizeof(T) == 4, std::int32_t, std::int16_t>>;
  const auto place = [](const T& x) {  // floating-point numbers are ordered as their bits are
    Bits bits;
    std::memcpy(&bits, &x, sizeof(bits));
    return static_cast<double>(bits < 0 ? std::numeric_limits<Bits>::min() - bits : bits);
  };
  return std::abs(place(a) - place(b));
}

template <class T>
double distance(const Kokkos::complex<T>& a, const Kokkos::complex<T>& b) {
  return std::max(distance(a.real(), b.real()), distance(a.imag(), b.imag()));
}

template <class T>
bool same_bits(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

inline std::string to_string(const Extents& extents) {
  std::ostringstream text;
  for (std::size_t d = 0; d < extents.size(); ++d) text << (d == 0 ? "(" : ", ") << extents[d];
  text << (extents.empty() ? "()" : ")");
  return text.str();
}

template <class T>
std::string to_string(const T& value) {
  std::ostringstream text;
  text.precision(17);
  if constexpr (FloatingPoint<T>) {
    text << static_cast<double>(value);
  } else if constexpr (requires { text << value; }) {
    text << value;
  } else {
    text << "{?}";
  }
  return text.str();
}

/// "X, expected Y (Z ulp)" for the elements farthest from what they should be.
template <class T>
std::string worst_elements(const HostArray<T>& actual, const HostArray<T>& expected) {
  constexpr std::size_t n_shown = 5;
  std::vector<std::pair<double, std::size_t>> off;
  for (std::size_t i = 0; i < actual.values.size(); ++i) {
    const double d = distance(actual.values[i], expected.values[i]);
    if (d != 0 || !same_bits(actual.values[i], expected.values[i])) off.emplace_back(-d, i);
  }
  const std::size_t n = std::min(n_shown, off.size());
  std::partial_sort(off.begin(), off.begin() + static_cast<std::ptrdiff_t>(n), off.end());

  std::ostringstream text;
  text << "is what it should be: " << off.size() << " of " << actual.values.size()
       << " elements are off, the worst:";
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t rest = off[k].second;
    Extents index(actual.extents.size());
    for (std::size_t d = index.size(); d-- > 0; rest /= actual.extents[d])
      index[d] = rest % actual.extents[d];
    text << "\n    at " << to_string(index) << ": " << to_string(actual.values[off[k].second])
         << ", expected " << to_string(expected.values[off[k].second]);
    if (std::isfinite(off[k].first)) text << " (" << -off[k].first << " ulp)";
  }
  return text.str();
}

/// Matches an array of the expected extents if is_near(actual, expected) for every element.
template <class T, class IsNear>
class ArrayMatcher : public Catch::Matchers::MatcherGenericBase {
 public:
  ArrayMatcher(HostArray<T> expected, IsNear is_near)
      : m_expected(std::move(expected)), m_is_near(is_near) {}

  bool match(const HostArray<T>& actual) const {
    if (actual.extents != m_expected.extents) {
      m_report = "has the extents " + to_string(m_expected.extents);
      return false;
    }
    if (std::equal(actual.values.begin(), actual.values.end(), m_expected.values.begin(),
                   m_is_near)) {
      return true;
    }
    m_report = worst_elements(actual, m_expected);
    return false;
  }

  std::string describe() const override { return m_report; }

 private:
  HostArray<T> m_expected;
  IsNear m_is_near;
  mutable std::string m_report;  // written by match(), which Catch2 wants const
};

/// Every element equals the expected one; -0 equals +0 and NaN equals NaN.
template <class T>
auto equals(HostArray<T> expected) {
  return ArrayMatcher(std::move(expected),
                      [](const T& a, const T& b) { return distance(a, b) == 0; });
}

/// Every element has the bits of the expected one.
template <class T>
auto equals_bitwise(HostArray<T> expected) {
  return ArrayMatcher(std::move(expected), same_bits<T>);
}

/// No element is farther from the expected one than the next number of its type.
template <class T>
auto within_one_ulp(HostArray<T> expected) {
  return ArrayMatcher(std::move(expected),
                      [](const T& a, const T& b) { return distance(a, b) <= 1; });
}

}  // namespace fused_scan::test

/// CHECK_THAT shows what it was given: not a million numbers.
template <class T>
struct Catch::StringMaker<fused_scan::test::HostArray<T>> {
  static std::string convert(const fused_scan::test::HostArray<T>& array) {
    return "an array of extents " + fused_scan::test::to_string(array.extents);
  }
};

#endif
