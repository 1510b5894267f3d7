// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Scans over ranks, against scans of the whole array by each rank alone.

#ifndef FUSED_SCAN_TEST_DISTRIBUTED_CALL_HPP
#define FUSED_SCAN_TEST_DISTRIBUTED_CALL_HPP

#include <mpi.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fused_scan/distributed.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "../random_bits.hpp"
#include "../scan_call.hpp"
#include "../test_views.hpp"

namespace fused_scan::test {

inline int rank_of(MPI_Comm comm = MPI_COMM_WORLD) {
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  return rank;
}
inline int size_of(MPI_Comm comm) {
  int size = 0;
  MPI_Comm_size(comm, &size);
  return size;
}

/// Where each rank's piece ends.
using Cuts = std::vector<std::size_t>;

inline std::string to_string(const Cuts& cuts, std::size_t length) {
  std::ostringstream text;
  text << "length " << length << ", pieces that end at";
  for (const std::size_t cut : cuts) text << ' ' << cut;
  return text.str();
}

/// The `seed`-th cuts of an axis: anywhere, close together, at multiples of chunks, or at the ends.
inline Cuts random_cuts(std::size_t length, int ranks, std::uint64_t seed) {
  std::uint64_t next = seed * 1000;
  const std::uint64_t kind = random_bits(next++) % 5;
  const std::size_t around = random_bits(next++) % (length + 1);
  Cuts cuts;
  for (int r = 0; r + 1 < ranks; ++r) {
    std::size_t cut = random_bits(next++) % (length + 1);
    if (kind == 1) cut = std::min(length, around + cut % 20);
    if (kind == 2) cut = cut / 16 * 16;
    if (kind == 3 && cut % 3 == 0) cut = cut % 2 == 0 ? 0 : length;
    cuts.push_back(cut);
  }
  std::sort(cuts.begin(), cuts.end());
  cuts.push_back(length);
  return cuts;
}

/// Every piece of one length, where that is possible.
inline Cuts even_cuts(std::size_t length, int ranks) {
  const auto n = static_cast<std::size_t>(ranks);
  const std::size_t piece = (length + n - 1) / n;
  Cuts cuts;
  for (std::size_t r = 1; r <= n; ++r) cuts.push_back(std::min(length, r * piece));
  return cuts;
}

/// A rank's piece of an array of the whole axis.
template <class T>
HostArray<T> piece_of(const HostArray<T>& whole, int axis, const Cuts& cuts, int rank) {
  const auto d = static_cast<std::size_t>(axis), r = static_cast<std::size_t>(rank);
  const std::size_t begin = r == 0 ? 0 : cuts[r - 1], end = cuts[r];
  Extents extents = whole.extents;
  const std::size_t inner = test::size_of(extents, d + 1, extents.size()), length = extents[d];
  extents[d] = end - begin;
  HostArray<T> piece(extents);
  std::size_t at = 0;
  for (std::size_t o = 0; o < test::size_of(extents, 0, d); ++o)
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t j = 0; j < inner; ++j)
        piece.values[at++] = whole.values[(o * length + i) * inner + j];
  return piece;
}

template <class Exec, class In, class Out, class Op>
void scan(const Exec& exec, MPI_Comm comm, const In& in, const Out& out, const Op& op,
          const ScanCall& call) {
  const ScanOptions options{call.direction, call.block_size};
  if (call.kind == ScanKind::inclusive) {
    inclusive_scan(exec, comm, in, out, call.axis, op, options);
  } else {
    exclusive_scan(exec, comm, in, out, call.axis, op, options);
  }
}

/// The rank's piece of the array, scanned over the ranks of MPI_COMM_WORLD.
template <class View, class T, class Op>
HostArray<T> scanned_over_ranks(const HostArray<T>& whole, const Cuts& cuts, const Op& op,
                                const ScanCall& call) {
  const auto piece = piece_of(whole, call.axis, cuts, rank_of());
  const auto in = make_view<View>("x", piece);
  const auto out = call.in_place ? in : make_view<View>("y", piece.extents);
  scan(typename View::execution_space{}, MPI_COMM_WORLD, in, out, op, call);
  return read(out);
}

}  // namespace fused_scan::test

#endif
