// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_RECURRENCE_LOOPS_HPP
#define FUSED_SCAN_RECURRENCE_LOOPS_HPP

// What perf_recurrence.cpp compares linear recurrences with, and checks them by.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "copies.hpp"
#include "sweep_data.hpp"
#include "sweep_shapes.hpp"

namespace fused_scan::perf {

using Host = Kokkos::DefaultHostExecutionSpace;
using Range = Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>;
using HostRange = Kokkos::RangePolicy<Host, Kokkos::IndexType<std::int64_t>>;

// --- what is compared with
// ------------------------------------------------------------------------

KOKKOS_INLINE_FUNCTION Pack operator^(const Pack& x, const Pack& y) {
  return {{x.words[0] ^ y.words[0], x.words[1] ^ y.words[1]}};
}

/// Reads `reads` arrays and writes `writes`, once.
template <int reads, int writes>
struct Touch {
  using Element = std::conditional_t<on_host, std::uint32_t, Pack>;
  Kokkos::Array<const Element*, reads> in;
  Kokkos::Array<Element*, writes> out;

  KOKKOS_FUNCTION void operator()(std::int64_t i) const {
    Element element = in[0][i];
    for (int k = 1; k < reads; ++k) element = element ^ in[k][i];
    for (int k = 0; k < writes; ++k) out[k][i] = element;
  }
  Work of_bytes(std::int64_t bytes) const {
    constexpr std::int64_t size = sizeof(Element);
    return [=, touch = *this](const Exec& exec) {
      Kokkos::parallel_for("touch", Range(exec, 0, (bytes + size - 1) / size), touch);
    };
  }
};

/// A thread goes along some neighbouring lines.
template <int width>
struct PlainRecurrence {
  const float *a, *b;
  float* h;
  Shape shape;

  std::int64_t strips() const { return (shape.inner + width - 1) / width; }
  void operator()(std::int64_t unit) const {
    const std::int64_t first = unit % strips() * width;
    const std::int64_t columns =
        width == 1 ? 1 : std::min<std::int64_t>(width, shape.inner - first);
    double state[width] = {};
    for (std::int64_t i = 0; i < shape.length; ++i) {
      const std::int64_t at = (unit / strips() * shape.length + i) * shape.inner + first;
      for (std::int64_t j = 0; j < columns; ++j) {
        state[j] = double{a[at + j]} * state[j] + double{b[at + j]};
        h[at + j] = static_cast<float>(state[j]);
      }
    }
  }
};

/// The same of the gradients, from the last position on.
template <int width>
struct PlainGradients {
  const float *a, *h, *grad_h;
  float *grad_a, *grad_b;
  Shape shape;

  std::int64_t strips() const { return (shape.inner + width - 1) / width; }
  void operator()(std::int64_t unit) const {
    const std::int64_t first = unit % strips() * width, inner = shape.inner;
    const std::int64_t columns = width == 1 ? 1 : std::min<std::int64_t>(width, inner - first);
    double state[width] = {};  // a(i + 1) grad_b(i + 1)
    for (std::int64_t i = shape.length - 1; i >= 0; --i) {
      const std::int64_t at = (unit / strips() * shape.length + i) * inner + first;
      for (std::int64_t j = 0; j < columns; ++j) {
        const double gradient = double{grad_h[at + j]} + state[j];
        grad_b[at + j] = static_cast<float>(gradient);
        grad_a[at + j] = i == 0 ? 0 : static_cast<float>(gradient * h[at + j - inner]);
        state[j] = double{a[at + j]} * gradient;
      }
    }
  }
};

template <class Loop>
Work plain(const Loop& loop) {
  return [=](const Exec&) {
    Kokkos::parallel_for("plain loop", HostRange(Host(), 0, loop.shape.outer * loop.strips()),
                         loop);
  };
}

// --- whether results are right
// --------------------------------------------------------------------

template <class T>
KOKKOS_FUNCTION auto widened(const T& x) {
  if constexpr (is_complex<T>) {
    return Kokkos::complex<double>(x);
  } else {
    return static_cast<double>(static_cast<float>(x));
  }
}

/// Two numbers that are rounded to T, the second from terms that add up to `terms`.
template <class T, class Wide>
KOKKOS_FUNCTION bool agree(const T& found, const Wide& wanted, double terms) {
  constexpr int bits = is_complex<T> ? 24 : significand_bits<T>;
  constexpr double rounding = 1.0 / (1 << (bits - 1)), least = sizeof(T) == 2 ? 0x1p-24 : 0x1p-140;
  using Kokkos::abs;
  return abs(widened(found) - wanted) <= rounding * (terms + abs(wanted)) + least;
}

template <class T>
struct WrongStates {
  const T *a, *b, *h;
  Shape shape;

  KOKKOS_FUNCTION void operator()(std::int64_t i, std::int64_t& wrong) const {
    using Kokkos::abs;
    auto from_state = widened(a[i]);
    from_state *=
        i / shape.inner % shape.length == 0 ? decltype(from_state)(0) : widened(h[i - shape.inner]);
    const auto term = widened(b[i]);
    if (!agree(h[i], from_state + term, abs(from_state) + abs(term))) ++wrong;
  }
};

struct WrongGradients {
  const float *a, *h, *grad_h, *grad_a, *grad_b;
  Shape shape;

  KOKKOS_FUNCTION void operator()(std::int64_t i, std::int64_t& wrong) const {
    const std::int64_t position = i / shape.inner % shape.length, inner = shape.inner;
    const double later =
        position + 1 == shape.length ? 0 : widened(a[i + inner]) * widened(grad_b[i + inner]);
    const double gradient = widened(grad_b[i]);
    const double before = position == 0 ? 0 : widened(h[i - inner]);
    const bool right_b =
        agree(grad_b[i], widened(grad_h[i]) + later, Kokkos::abs(later) + Kokkos::abs(gradient));
    if (!right_b || !agree(grad_a[i], gradient * before, Kokkos::abs(gradient * before))) ++wrong;
  }
};

template <class Wrong>
bool is_right(const Wrong& check, std::int64_t size) {
  std::int64_t wrong = 0;
  Kokkos::parallel_reduce("wrong", Range(0, size), check, wrong);
  return wrong == 0;
}

}  // namespace fused_scan::perf

#endif
