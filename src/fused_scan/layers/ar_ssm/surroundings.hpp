// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_LAYERS_AR_SSM_SURROUNDINGS_HPP
#define FUSED_SCAN_LAYERS_AR_SSM_SURROUNDINGS_HPP

// What lies beside the rows of a pass, as the convolution sees it: nothing, other sequences, or
// what came before.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdint>
#include <fused_scan/layers/dense_product.hpp>
#include <string>

namespace fused_scan::impl {

/// How far the convolution looks to one side.
inline constexpr int convolution_reach = 2;

template <class T>
struct Surroundings {
  // Of packed sequences, for each position how many of its own sequence are before it, up to
  // convolution_reach; nullptr: the whole length is one sequence.
  const T* positions_before = nullptr;
  // Of a piece of a sequence, (batch, convolution_reach, d_model): the rows before it, of position
  // i at i % convolution_reach; nullptr: nothing is before it.
  const T* rows_before = nullptr;
  // (batch, convolution_reach, d_model): the rows after it; nullptr: nothing is known of them.
  const T* rows_after = nullptr;
  std::int64_t d_model = 0;
  std::int64_t first_position = 0;
  std::int64_t whole_length = 0;  // of the sequence, where it is known; else 0

  Surroundings from_batch(std::int64_t b) const {
    Surroundings of_batch = *this;
    if (rows_before) of_batch.rows_before += b * convolution_reach * d_model;
    if (rows_after) of_batch.rows_after += b * convolution_reach * d_model;
    return of_batch;
  }

  /// Whether two positions of a batch element, at most convolution_reach apart, are of one
  /// sequence.
  KOKKOS_FUNCTION bool are_together(std::int64_t a, std::int64_t b) const {
    if (!positions_before) return true;
    const std::int64_t last = a > b ? a : b;
    const std::int64_t distance = a > b ? a - b : b - a;
    return positions_before[last] >= static_cast<T>(distance);
  }

  /// The row at -1 or -2, counted from the piece; nullptr where the sequence hadn't begun.
  KOKKOS_FUNCTION const T* row_before(const Position& at) const {
    const std::int64_t position = first_position + at.l;
    if (!rows_before || position < 0) return nullptr;
    return rows_before + (at.b * convolution_reach + position % convolution_reach) * d_model;
  }
  /// The row at `length` or `length` + 1 of a piece of that length; nullptr beyond the sequence.
  KOKKOS_FUNCTION const T* row_after(const Position& at, std::int64_t length) const {
    if (!rows_after || first_position + at.l >= whole_length) return nullptr;
    return rows_after + (at.b * convolution_reach + at.l - length) * d_model;
  }
};

/// Fills Surroundings::positions_before. Offsets that nobody has checked may be wrong: then so are
/// the numbers, and no more.
template <class T, class Offsets>
struct CountPositionsBefore {
  Offsets offsets;
  T* positions_before;

  KOKKOS_FUNCTION void operator()(std::int64_t l) const {
    // The last segment that begins at l or before it: empty ones beside it are passed over.
    std::int64_t low = 0, high = static_cast<std::int64_t>(offsets.extent(0)) - 1;
    while (high - low > 1) {
      const std::int64_t middle = low + (high - low) / 2;
      (static_cast<std::int64_t>(offsets(middle)) <= l ? low : high) = middle;
    }
    const std::int64_t before = l - static_cast<std::int64_t>(offsets(low));
    positions_before[l] = static_cast<T>(before < convolution_reach ? before : convolution_reach);
  }
};

/// Keeps the last rows of a piece for the next one.
template <class T>
struct KeepRows {
  Rows<const T> x;
  T* rows_before;
  std::int64_t d_model;
  std::int64_t first_position;
  std::int64_t kept;  // rows, the last ones

  KOKKOS_FUNCTION void operator()(std::int64_t index) const {
    const std::int64_t row = divided(index, d_model);
    const std::int64_t d = index - row * d_model;
    const auto [b, k] = Position::of_row(row, kept);
    const std::int64_t l = x.length - kept + k;
    const std::int64_t slot = (first_position + l) % convolution_reach;
    rows_before[(b * convolution_reach + slot) * d_model + d] = x.row({b, l})[d * x.column_stride];
  }
};

}  // namespace fused_scan::impl

#endif
