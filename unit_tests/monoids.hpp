// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Monoids as a user would write them, none of them commutative, all in exact integer arithmetic.

#ifndef FUSED_SCAN_TEST_MONOIDS_HPP
#define FUSED_SCAN_TEST_MONOIDS_HPP

#include <Kokkos_Core.hpp>
#include <compare>
#include <cstdint>

#include "random_bits.hpp"

namespace fused_scan::test {

/// A matrix of integers mod 2^32: 4, 16, 36 or 64 bytes for N = 1 to 4.
template <int N>
struct Matrix {
  std::uint32_t entry[N][N];

  friend bool operator==(const Matrix&, const Matrix&) = default;
};

/// The product of matrices.
template <int N>
struct MatrixProduct {
  using value_type = Matrix<N>;

  KOKKOS_FUNCTION value_type identity() const {
    value_type one{};
    for (int i = 0; i < N; ++i) one.entry[i][i] = 1;
    return one;
  }
  KOKKOS_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    value_type product{};
    for (int i = 0; i < N; ++i)
      for (int j = 0; j < N; ++j)
        for (int k = 0; k < N; ++k) product.entry[i][j] += a.entry[i][k] * b.entry[k][j];
    return product;
  }
};

/// x -> scale x + shift in three dimensions, mod 2^32: 48 bytes.
struct AffineMap {
  Matrix<3> scale;
  std::uint32_t shift[3];

  friend bool operator==(const AffineMap&, const AffineMap&) = default;
};

/// First a, then b.
struct AffineComposition {
  using value_type = AffineMap;

  KOKKOS_FUNCTION value_type identity() const { return {MatrixProduct<3>{}.identity(), {0, 0, 0}}; }
  KOKKOS_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    value_type map{MatrixProduct<3>{}.combine(b.scale, a.scale), {}};
    for (int i = 0; i < 3; ++i) {
      map.shift[i] = b.shift[i];
      for (int k = 0; k < 3; ++k) map.shift[i] += b.scale.entry[i][k] * a.shift[k];
    }
    return map;
  }
};

/// The last element that isn't zero, in one byte.
struct LastNonZero {
  using value_type = std::uint8_t;

  KOKKOS_FUNCTION value_type identity() const { return 0; }
  KOKKOS_FUNCTION value_type combine(value_type a, value_type b) const { return b != 0 ? b : a; }
};

/// y[i] = decay * y[i-1] + x[i], mod a number that is known at run time only: elements and results
/// are integers, values are maps. What the library's own operators have, state, lift and lower, is
/// all here.
struct LinearRecurrence {
  struct Map {
    std::uint64_t factor;
    std::uint64_t term;
  };
  using value_type = Map;

  std::uint64_t decay;
  std::uint64_t modulus;

  KOKKOS_FUNCTION Map identity() const { return {1, 0}; }
  KOKKOS_FUNCTION Map combine(const Map& a, const Map& b) const {
    return {a.factor * b.factor % modulus, (b.factor * a.term + b.term) % modulus};
  }
  KOKKOS_FUNCTION Map lift(std::uint64_t x) const { return {decay, x % modulus}; }
  KOKKOS_FUNCTION std::uint64_t lower(const Map& map) const { return map.term; }
};

/// What `Op` gives, and the number of elements added to it: values larger than 16 bytes of small
/// elements.
template <class Op>
struct Counted {
  struct CountedValue {
    typename Op::value_type value;
    std::uint64_t count;
  };
  using value_type = CountedValue;

  Op op;

  KOKKOS_FUNCTION value_type identity() const { return {op.identity(), 0}; }
  KOKKOS_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    return {op.combine(a.value, b.value), a.count + b.count};
  }
  KOKKOS_FUNCTION value_type lift(std::uint64_t x) const { return {op.lift(x), 1}; }
  KOKKOS_FUNCTION std::uint64_t lower(const value_type& counted) const {
    return op.lower(counted.value) + counted.count;
  }
};

// Random values that have an inverse: no product of them, however long, forgets one.

template <int N>
Matrix<N> random_value(MatrixProduct<N> product, std::uint64_t seed) {
  Matrix<N> lower = product.identity();
  Matrix<N> upper = product.identity();
  for (int i = 0; i < N; ++i) {
    upper.entry[i][i] = static_cast<std::uint32_t>(random_bits(seed * N * N + i * N + i)) | 1;
    for (int j = 0; j < i; ++j) {
      lower.entry[i][j] = static_cast<std::uint32_t>(random_bits(seed * N * N + i * N + j));
      upper.entry[j][i] = static_cast<std::uint32_t>(random_bits(seed * N * N + j * N + i));
    }
  }
  return product.combine(lower, upper);
}

inline AffineMap random_value(AffineComposition, std::uint64_t seed) {
  AffineMap map{random_value(MatrixProduct<3>{}, seed), {}};
  for (int i = 0; i < 3; ++i) map.shift[i] = static_cast<std::uint32_t>(random_bits(~seed) >> i);
  return map;
}

/// Mostly zeros, which are the identity.
inline std::uint8_t random_value(LastNonZero, std::uint64_t seed) {
  const std::uint64_t bits = random_bits(seed);
  return bits % 8 != 0 ? 0 : static_cast<std::uint8_t>(bits >> 8);
}

}  // namespace fused_scan::test

#endif
