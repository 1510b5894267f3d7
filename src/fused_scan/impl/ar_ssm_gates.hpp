// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_AR_SSM_GATES_HPP
#define FUSED_SCAN_IMPL_AR_SSM_GATES_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/ar_ssm_parameters.hpp>
#include <fused_scan/impl/random_bits.hpp>

namespace fused_scan::impl {

/// sigmoid(z), and 1 - sigmoid(z) without the cancellation that eats it where z is large: gates
/// that are nearly closed and nearly open have gradients of the same quality.
template <class T>
struct Sigmoid {
  T value;
  T complement;

  KOKKOS_FUNCTION explicit Sigmoid(T z) {
    const T small = Kokkos::exp(-Kokkos::abs(z));
    const T large = 1 / (1 + small);
    value = z >= 0 ? large : small * large;
    complement = z >= 0 ? small * large : large;
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

  KOKKOS_FUNCTION T operator()(std::int64_t b, std::int64_t l, std::int64_t r, std::int64_t length,
                               std::int64_t ranks) const {
    if (data) return data[b * strides[0] + l * strides[1] + r * strides[2]];
    return unit_fraction<T>(random_bits(seed, (b * length + l) * ranks + r));
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
