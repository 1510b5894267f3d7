// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_LAYERS_AR_SSM_GATES_HPP
#define FUSED_SCAN_LAYERS_AR_SSM_GATES_HPP

#include <Kokkos_BitManipulation.hpp>
#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/ar_ssm_parameters.hpp>
#include <fused_scan/layers/random_bits.hpp>

namespace fused_scan::impl {

template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  using Bits = std::uint32_t;
  static constexpr int digits = 23;
  static constexpr int degree = 7;
  static constexpr float smallest = -88.0F;  // there 2^n has the bits of 0
  static constexpr float log2_head =
      0.693359375F;  // few enough bits that whole multiples are exact
  static constexpr float log2_tail = -2.12194440e-4F;
};
template <>
struct ExpConstants<double> {
  using Bits = std::uint64_t;
  static constexpr int digits = 52;
  static constexpr int degree = 13;
  static constexpr double smallest = -709.0;
  static constexpr double log2_head = 0x1.62e42fefp-1;
  static constexpr double log2_tail = 0x1.473de6af278edp-34;
};

/// exp(x) for x <= 0, to an ulp or two; 0 where it would be no normal number. Without branches or
/// calls, so that a loop over gates compiles to vector instructions: exp(x) = 2^n exp(r) with a
/// whole n and |r| <= log(2) / 2, where exp(r) is its series.
template <class T>
KOKKOS_INLINE_FUNCTION T exp_of_negative(T x) {
  using Constants = ExpConstants<T>;
  using Bits = typename Constants::Bits;
  // Adding this leaves a whole number in the last bits.
  constexpr T rounding = T(1.5) * static_cast<T>(Bits(1) << Constants::digits);
  const T clamped = x < Constants::smallest ? Constants::smallest : x;
  const T shifted = clamped * T(1.4426950408889634) + rounding;
  const T n = shifted - rounding;
  const T r = (clamped - n * Constants::log2_head) - n * Constants::log2_tail;
  T series = 1;
  for (int k = Constants::degree; k > 0; --k) series = 1 + series * r * (T(1) / static_cast<T>(k));
  const Bits exponent = (Kokkos::bit_cast<Bits>(shifted) - Kokkos::bit_cast<Bits>(rounding))
                        << Constants::digits;
  const T power = Kokkos::bit_cast<T>(Kokkos::bit_cast<Bits>(T(1)) + exponent);
  return series * power;
}

/// sigmoid(z), and 1 - sigmoid(z) without the cancellation that eats it where z is large: gates
/// that are nearly closed and nearly open have gradients of the same quality.
template <class T>
struct Sigmoid {
  T value;
  T complement;

  KOKKOS_FUNCTION explicit Sigmoid(T z) {
    const T small = exp_of_negative(-Kokkos::abs(z));
    const T large = 1 / (1 + small);
    const T other = small * large;
    value = z >= 0 ? large : other;
    complement = z >= 0 ? other : large;
  }

  KOKKOS_FUNCTION T slope() const { return value * complement; }
};

/// A gate, and its derivative by its logit.
template <class T>
struct Gate {
  T value;
  T slope;
};

/// Uniform numbers for Gumbel noise: from a View (B, L, R), or made from a seed.
template <class T>
struct GumbelUniform {
  const T* data = nullptr;  // nullptr: made
  std::int64_t strides[3] = {0, 0, 0};
  std::uint64_t seed = 0;
  // Of a piece of a sequence: where it begins, and the length of the whole, else 0.
  std::int64_t first_position = 0;
  std::int64_t whole_length = 0;

  KOKKOS_FUNCTION T operator()(std::int64_t b, std::int64_t l, std::int64_t r, std::int64_t length,
                               std::int64_t ranks) const {
    if (data) return data[b * strides[0] + l * strides[1] + r * strides[2]];
    const std::int64_t of_sequence = whole_length > 0 ? whole_length : length;
    return unit_fraction<T>(random_bits(seed, (b * of_sequence + first_position + l) * ranks + r));
  }
};

/// From logits to gates, in each mode.
template <class T>
struct GateFunction {
  GateMode mode;
  T temperature;
  bool noisy;
  GumbelUniform<T> uniform;
  std::int64_t length;
  std::int64_t ranks;          // max_rank
  std::int64_t current_ranks;  // gates from here on are 0

  KOKKOS_FUNCTION Gate<T> soft(T logit) const {
    const Sigmoid<T> gate(logit);
    return {gate.value, gate.slope()};
  }

  KOKKOS_FUNCTION Gate<T> ste(T logit) const {
    const Sigmoid<T> gate(logit);
    // NaN stays NaN.
    return {gate.value >= T(0.5) ? T(1) : gate.value < T(0.5) ? T(0) : gate.value, gate.slope()};
  }

  KOKKOS_FUNCTION Gate<T> gumbel(T logit, std::int64_t b, std::int64_t l, std::int64_t r) const {
    constexpr T epsilon = T(1e-8);
    const Sigmoid<T> gate(logit);
    T z = Kokkos::log(gate.value + epsilon) - Kokkos::log(gate.complement + epsilon);
    if (noisy) {
      z += -Kokkos::log(-Kokkos::log(uniform(b, l, r, length, ranks) + epsilon) + epsilon);
    }
    const Sigmoid<T> sharpened(z / temperature);
    const T slope_of_z =
        (1 / (gate.value + epsilon) + 1 / (gate.complement + epsilon)) * gate.slope();
    return {sharpened.value, sharpened.slope() / temperature * slope_of_z};
  }
};

}  // namespace fused_scan::impl

#endif
