// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_LANES_HPP
#define FUSED_SCAN_IMPL_HOST_LANES_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <fused_scan/compensated_sum.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// N values of which a host core works on several at a time. The parts of a value (sum and
/// compensation, real and imaginary part) lie in arrays of their own, so that a loop over the lanes
/// compiles to plain vector loads without shuffles.
template <class Value, int N>
class Lanes {
 public:
  KOKKOS_FORCEINLINE_FUNCTION Value get(int j) const { return m_values[j]; }
  KOKKOS_FORCEINLINE_FUNCTION void set(int j, const Value& value) { m_values[j] = value; }
  /// Takes over the first `count` values.
  void assign(const Lanes& from, int count) {
    std::copy_n(from.m_values, N == 1 ? 1 : count, m_values);
  }

 private:
  Value m_values[N];
};

template <class T, int N>
class Lanes<Kokkos::complex<T>, N> {
 public:
  KOKKOS_FORCEINLINE_FUNCTION Kokkos::complex<T> get(int j) const { return {m_real[j], m_imag[j]}; }
  KOKKOS_FORCEINLINE_FUNCTION void set(int j, const Kokkos::complex<T>& value) {
    m_real[j] = value.real();
    m_imag[j] = value.imag();
  }
  void assign(const Lanes& from, int count) {
    std::copy_n(from.m_real, N == 1 ? 1 : count, m_real);
    std::copy_n(from.m_imag, N == 1 ? 1 : count, m_imag);
  }

 private:
  T m_real[N];
  T m_imag[N];
};

template <class T, int N>
class Lanes<CompensatedValue<T>, N> {
 public:
  KOKKOS_FORCEINLINE_FUNCTION CompensatedValue<T> get(int j) const {
    return {m_sum.get(j), m_compensation.get(j)};
  }
  KOKKOS_FORCEINLINE_FUNCTION void set(int j, const CompensatedValue<T>& value) {
    m_sum.set(j, value.sum);
    m_compensation.set(j, value.compensation);
  }
  void assign(const Lanes& from, int count) {
    m_sum.assign(from.m_sum, count);
    m_compensation.assign(from.m_compensation, count);
  }

 private:
  Lanes<T, N> m_sum;
  Lanes<T, N> m_compensation;
};

/// Whether a value is a floating-point number, or a pair of them that stand for one.
template <class Value>
inline constexpr bool is_floating_v = std::is_floating_point_v<Value>;
template <class T>
inline constexpr bool is_floating_v<CompensatedValue<T>> = std::is_floating_point_v<T>;

}  // namespace fused_scan::impl

#endif
