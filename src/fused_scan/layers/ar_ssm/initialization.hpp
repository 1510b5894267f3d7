// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_LAYERS_AR_SSM_INITIALIZATION_HPP
#define FUSED_SCAN_LAYERS_AR_SSM_INITIALIZATION_HPP

// Initial values of the parameters, made on the host in double: the same for a seed on every
// backend.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <fused_scan/ar_ssm_parameters.hpp>
#include <fused_scan/layers/random_bits.hpp>
#include <numbers>
#include <string_view>
#include <vector>

namespace fused_scan::impl {

class RandomNumbers {
 public:
  explicit RandomNumbers(std::uint64_t seed) : m_seed(seed) {}

  double uniform() { return unit_fraction<double>(random_bits(m_seed, m_count++)); }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Box and Muller's transform; 1 - uniform() is never 0.
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  std::uint64_t m_seed;
  std::uint64_t m_count = 0;
};

struct HostMatrix {
  int rows;
  int columns;
  std::vector<double> values;

  HostMatrix(int r, int c) : rows(r), columns(c), values(std::size_t{1} * r * c) {}
  double& operator()(int i, int j) { return values[std::size_t{1} * i * columns + j]; }
};

/// A matrix with orthonormal columns, the Q of a normal matrix's QR: Gram and Schmidt's way, each
/// column twice, which leaves them orthogonal to rounding.
inline HostMatrix random_orthonormal(int rows, int columns, RandomNumbers& random) {
  HostMatrix q(rows, columns);
  for (double& value : q.values) value = random.normal();
  const auto dot = [&](int a, int b) {
    double sum = 0;
    for (int i = 0; i < rows; ++i) sum += q(i, a) * q(i, b);
    return sum;
  };
  for (int j = 0; j < columns; ++j) {
    for (int twice = 0; twice < 2; ++twice) {
      for (int before = 0; before < j; ++before) {
        const double part = dot(before, j);
        for (int i = 0; i < rows; ++i) q(i, j) -= part * q(i, before);
      }
    }
    const double norm = std::sqrt(dot(j, j));
    for (int i = 0; i < rows; ++i) q(i, j) /= norm;
  }
  return q;
}

/// The primes below `end`.
inline std::vector<int> primes_below(int end) {
  std::vector<int> primes;
  for (int n = 2; n < end; ++n) {
    if (std::none_of(primes.begin(), primes.end(), [n](int p) { return n % p == 0; })) {
      primes.push_back(n);
    }
  }
  return primes;
}

/// Singular values from logarithms of primes, drawn with probability log p / p^0.6 and disturbed by
/// normal noise of variance 0.1; the largest is 1.
inline std::vector<double> prime_spectrum(int size, RandomNumbers& random) {
  const std::vector<int> primes = primes_below(size == 1 ? 20 : 2 * size);
  std::vector<double> cumulative;
  for (const int p : primes) {
    cumulative.push_back((cumulative.empty() ? 0 : cumulative.back()) +
                         std::log(p) / std::pow(p, 0.6));
  }
  std::vector<double> sigma(size);
  for (double& value : sigma) {
    const double drawn = random.uniform() * cumulative.back();
    const auto place = std::upper_bound(cumulative.begin(), cumulative.end() - 1, drawn);
    value = std::log(primes[place - cumulative.begin()]) + std::sqrt(0.1) * random.normal();
  }
  std::sort(sigma.begin(), sigma.end(), std::greater<>());
  // A value can be negative, and then, once in a long while, the largest in size.
  const double largest = std::max(std::abs(sigma.front()), std::abs(sigma.back()));
  for (double& value : sigma) value /= largest;
  return sigma;
}

inline HostMatrix prime_bump(int rows, int columns, RandomNumbers& random) {
  const int rank = std::min(rows, columns);
  const std::vector<double> sigma = prime_spectrum(rank, random);
  HostMatrix left = random_orthonormal(rows, rank, random);
  HostMatrix right = random_orthonormal(columns, rank, random);
  HostMatrix product(rows, columns);
  for (int i = 0; i < rows; ++i) {
    for (int r = 0; r < rank; ++r) {
      for (int j = 0; j < columns; ++j) product(i, j) += left(i, r) * sigma[r] * right(j, r);
    }
  }
  return product;
}

inline HostMatrix uniform_matrix(int rows, int columns, double bound, RandomNumbers& random) {
  HostMatrix matrix(rows, columns);
  for (double& value : matrix.values) value = random.uniform(-bound, bound);
  return matrix;
}

inline HostMatrix xavier_uniform(int rows, int columns, RandomNumbers& random) {
  return uniform_matrix(rows, columns, std::sqrt(6.0 / (rows + columns)), random);
}

/// Fills the parameters; those that were just made have biases of zero already.
template <class Scalar, class MemorySpace>
void initialize(const ArSsmParameters<Scalar, MemorySpace>& parameters, std::uint64_t seed) {
  const auto all = Kokkos::create_mirror_view(parameters.all);
  Kokkos::deep_copy(all, Scalar(0));
  RandomNumbers random(seed);
  const auto fill = [&](const auto& window, const HostMatrix& matrix) {
    std::transform(matrix.values.begin(), matrix.values.end(),
                   all.data() + (window.data() - parameters.all.data()),
                   [](double value) { return static_cast<Scalar>(value); });
  };
  const int d_model = static_cast<int>(parameters.output_bias.extent(0));
  const int max_rank = static_cast<int>(parameters.gate_bias_2.extent(0));
  const int hidden = static_cast<int>(parameters.gate_bias_0.extent(0));
  fill(parameters.gate_weight_0, xavier_uniform(hidden, d_model, random));
  fill(parameters.gate_weight_2, xavier_uniform(max_rank, hidden, random));
  fill(parameters.u_weight, prime_bump(max_rank, d_model, random));
  fill(parameters.v_weight, prime_bump(max_rank, d_model, random));
  fill(parameters.conv_weight, d_model == 1 ? uniform_matrix(1, 3, 1 / std::sqrt(3.0), random)
                                            : prime_bump(d_model, 3, random));
  fill(parameters.output_weight, prime_bump(d_model, max_rank, random));
  Kokkos::deep_copy(parameters.all, all);
}

}  // namespace fused_scan::impl

#endif
