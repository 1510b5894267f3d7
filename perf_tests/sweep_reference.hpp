// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_SWEEP_REFERENCE_HPP
#define FUSED_SCAN_SWEEP_REFERENCE_HPP

// What a scan's results are compared with. Sums are taken of whole numbers of 128 bits, units of
// 2^-70, which hold every sum exactly: so the additions may come in any order, and lines are cut
// into chunks that are worked on in parallel.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "copies.hpp"
#include "sweep_data.hpp"
#include "sweep_shapes.hpp"

namespace fused_scan::perf {

__extension__ using Wide = __int128;

KOKKOS_INLINE_FUNCTION int exponent_of(double number) {
  return static_cast<int>(Kokkos::bit_cast<std::uint64_t>(number) >> 52 & 0x7ff) - 1023;
}
KOKKOS_INLINE_FUNCTION double power_of_two(int exponent) {
  return Kokkos::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
}

/// `number` in units; all of its bits have room.
KOKKOS_INLINE_FUNCTION Wide exact_units(double number) {
  const auto bits = Kokkos::bit_cast<std::uint64_t>(number);
  if (exponent_of(number) == -1023) return 0;
  const auto significand =
      static_cast<std::int64_t>((bits & 0xfffffffffffffU) | std::uint64_t{1} << 52);
  const int shift = exponent_of(number) - 52 + 70;
  const Wide magnitude =
      shift >= 0 ? Wide{significand} << shift : Wide{shift > -64 ? significand >> -shift : 0};
  return bits >> 63 ? -magnitude : magnitude;
}

KOKKOS_INLINE_FUNCTION double number_of(Wide units) {
  constexpr double two_to_64 = 0x1p64;
  return (static_cast<double>(static_cast<std::int64_t>(units >> 64)) * two_to_64 +
          static_cast<double>(static_cast<std::uint64_t>(units))) *
         data_unit;
}

/// How a result compares: the nearest number, the one beside it, or another.
enum class Rounding { nearest, neighbour, wrong };

/// A sum of real numbers; `size` is the sum of their magnitudes. Where these cancel, the result has
/// fewer bits than the 48 of a pair of floats, or the 106 of a pair of doubles.
template <class T>
struct ExactSum {
  static constexpr double lost = sizeof(T) == 8 ? 0x1p-104 : 0x1p-46;
  // Of normal numbers: what is below has a place of its own all the same.
  static constexpr int lowest_exponent = significand_bits<T> == 11 ? -14 : -126;

  Wide units = 0;
  double size = 0;

  KOKKOS_FUNCTION void add(T number) {
    units += exact_units(static_cast<double>(number));
    size += Kokkos::abs(static_cast<double>(number));
  }
  KOKKOS_FUNCTION void add(const ExactSum& other) {
    units += other.units;
    size += other.size;
  }
  KOKKOS_FUNCTION Rounding rounding(T result) const {
    const auto number = static_cast<double>(result);
    if (!(Kokkos::abs(number) < 0x1p56)) {  // infinite, where halves end
      return rounded_to<T>(number_of(units)) == result ? Rounding::nearest : Rounding::wrong;
    }
    const int lowest = lowest_exponent, exponent = Kokkos::max(exponent_of(number), lowest);
    const double place = power_of_two(exponent + 1 - significand_bits<T>);
    const double error = Kokkos::abs(number_of(units - exact_units(number)));
    if (error <= place / 2) return Rounding::nearest;
    return error <= place + lost * size ? Rounding::neighbour : Rounding::wrong;
  }
};

template <class Part>
struct ExactSum<Kokkos::complex<Part>> {
  ExactSum<Part> real, imag;

  KOKKOS_FUNCTION void add(const Kokkos::complex<Part>& number) {
    real.add(number.real());
    imag.add(number.imag());
  }
  KOKKOS_FUNCTION void add(const ExactSum& other) {
    real.add(other.real);
    imag.add(other.imag);
  }
  KOKKOS_FUNCTION Rounding rounding(const Kokkos::complex<Part>& result) const {
    return Kokkos::max(real.rounding(result.real()), imag.rounding(result.imag()));
  }
};

/// Integers wrap around.
template <>
struct ExactSum<std::int32_t> {
  std::uint32_t sum = 0;

  KOKKOS_FUNCTION void add(std::int32_t number) { sum += static_cast<std::uint32_t>(number); }
  KOKKOS_FUNCTION void add(const ExactSum& other) { sum += other.sum; }
  KOKKOS_FUNCTION Rounding rounding(std::int32_t result) const {
    return static_cast<std::uint32_t>(result) == sum ? Rounding::nearest : Rounding::wrong;
  }
};

template <class T>
struct Largest {
  T number = -Kokkos::Experimental::infinity_v<T>;

  KOKKOS_FUNCTION void add(T other) { number = Kokkos::max(number, other); }
  KOKKOS_FUNCTION void add(const Largest& other) { add(other.number); }
  KOKKOS_FUNCTION Rounding rounding(T result) const {
    return result == number ? Rounding::nearest : Rounding::wrong;
  }
};

/// How many results are not the nearest number, and how many are wrong.
struct Verdict {
  std::int64_t neighbours = 0;
  std::int64_t wrong = 0;

  /// A compensated sum of floats is the nearest but for one in a million or fewer; for doubles and
  /// data that are never exact, a few more.
  bool right(std::int64_t size) const { return wrong == 0 && neighbours <= size / 1000 + 1; }
};

/// Compares y with the scan of x. Both are lines that lie in memory as `lines` says.
template <class T, class Reference>
class Comparison {
 public:
  Comparison(const T* x, const T* y, const Shape& lines, bool reverse, bool exclusive)
      : m_x(x), m_y(y), m_lines(lines), m_reverse(reverse), m_exclusive(exclusive) {
    // As many chunks as there are elements in one, at most: a single thread adds their totals.
    m_chunk = std::max<std::int64_t>(256, std::llround(std::sqrt(lines.length)));
    m_chunks = (lines.length + m_chunk - 1) / m_chunk;
    m_blocks = (lines.inner + columns - 1) / columns;
  }

  Verdict verdict() const {
    Comparison prepared = *this;
    if (m_chunks > 1) prepared.find_totals();
    Verdict verdict;
    Kokkos::parallel_reduce("compare", Range(0, items()), prepared, verdict.neighbours,
                            verdict.wrong);
    return verdict;
  }

  KOKKOS_FUNCTION void operator()(std::int64_t item, std::int64_t& neighbours,
                                  std::int64_t& wrong) const {
    const Item at(*this, item);
    Reference state[columns];
    for (int c = 0; m_chunks > 1 && c < at.count; ++c) state[c] = m_totals(at.total + c);
    for (std::int64_t i = at.first; i < at.last; ++i) {
      const std::int64_t place = at.place(*this, i);
      for (int c = 0; c < at.count; ++c) {
        Reference before = state[c];
        state[c].add(m_x[place + c]);
        const Rounding rounding = (m_exclusive ? before : state[c]).rounding(m_y[place + c]);
        if (rounding == Rounding::neighbour) ++neighbours;
        if (rounding == Rounding::wrong) ++wrong;
      }
    }
  }

 private:
  using Range = Kokkos::RangePolicy<Kokkos::IndexType<std::int64_t>>;

  // Neighbouring threads of a GPU take neighbouring columns; on a host a thread takes those of a
  // line of the cache.
  static constexpr int columns = on_host ? 16 : 1;

  /// A chunk of a block of neighbouring lines.
  struct Item {
    std::int64_t outer, inner, first, last, total;
    int count;

    KOKKOS_FUNCTION Item(const Comparison& c, std::int64_t item) {
      inner = item % c.m_blocks * columns;
      const std::int64_t chunk = item / c.m_blocks % c.m_chunks;
      outer = item / c.m_blocks / c.m_chunks;
      first = chunk * c.m_chunk;
      last = Kokkos::min(first + c.m_chunk, c.m_lines.length);
      count = static_cast<int>(Kokkos::min<std::int64_t>(columns, c.m_lines.inner - inner));
      total = (outer * c.m_chunks + chunk) * c.m_lines.inner + inner;
    }
    /// Of the i-th element in the order of the scan.
    KOKKOS_FUNCTION std::int64_t place(const Comparison& c, std::int64_t i) const {
      const std::int64_t length = c.m_lines.length;
      return (outer * length + (c.m_reverse ? length - 1 - i : i)) * c.m_lines.inner + inner;
    }
  };

  std::int64_t items() const { return m_lines.outer * m_chunks * m_blocks; }

 public:  // for CUDA, which has no lambdas in private functions
  /// m_totals is what stands before each chunk.
  void find_totals() {
    m_totals = Totals(Kokkos::view_alloc("totals", Kokkos::WithoutInitializing),
                      m_lines.outer * m_chunks * m_lines.inner);
    const Comparison self = *this;
    Kokkos::parallel_for(
        "totals of chunks", Range(0, items()),
        KOKKOS_LAMBDA(std::int64_t item) { self.find_total(item); });
    Kokkos::parallel_for(
        "totals before chunks", Range(0, m_lines.outer * m_lines.inner),
        KOKKOS_LAMBDA(std::int64_t line) { self.find_totals_before(line); });
  }

  KOKKOS_FUNCTION void find_total(std::int64_t item) const {
    const Item at(*this, item);
    Reference state[columns];
    for (std::int64_t i = at.first; i < at.last; ++i) {
      const std::int64_t place = at.place(*this, i);
      for (int c = 0; c < at.count; ++c) state[c].add(m_x[place + c]);
    }
    for (int c = 0; c < at.count; ++c) m_totals(at.total + c) = state[c];
  }

  KOKKOS_FUNCTION void find_totals_before(std::int64_t line) const {
    Reference before;
    const std::int64_t inner = m_lines.inner;
    for (std::int64_t chunk = 0; chunk < m_chunks; ++chunk) {
      Reference& total = m_totals((line / inner * m_chunks + chunk) * inner + line % inner);
      Reference sum = before;
      sum.add(total);
      total = before;
      before = sum;
    }
  }

 private:
  using Totals = Kokkos::View<Reference*>;

  const T* m_x;
  const T* m_y;
  Shape m_lines;
  bool m_reverse, m_exclusive;
  std::int64_t m_chunk, m_chunks, m_blocks;
  Totals m_totals;
};

}  // namespace fused_scan::perf

#endif
