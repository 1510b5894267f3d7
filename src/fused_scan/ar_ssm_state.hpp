// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_AR_SSM_STATE_HPP
#define FUSED_SCAN_AR_SSM_STATE_HPP

/// \file
/// Where a batch of sequences has got to that an AR-SSM layer is given piece by piece.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/scan.hpp>

namespace fused_scan {

/// Made by ArSsm::make_state(), and moved on by ArSsm::forward(). Its size doesn't depend on how
/// long the sequences have become. A copy shares the memory of the Views: to go on from one place
/// in two ways, copy what is in them as well.
template <class Scalar, class MemorySpace>
struct ArSsmState {
  /// What the sums of u are carried in.
  using Sum = state_t<CompensatedSum, Scalar>;

  /// (numbers of a sum, batch, max_rank): the sums of u, from which any order of pieces goes on as
  /// if there were none.
  Kokkos::View<Sum***, Kokkos::LayoutRight, MemorySpace> sums;
  /// (batch, 2, d_model): the last two rows of x, that of position i at i % 2.
  Kokkos::View<Scalar***, Kokkos::LayoutRight, MemorySpace> last_x;
  /// How many positions the sequences have; 0: they begin, whatever is in the Views.
  std::int64_t position = 0;
};

}  // namespace fused_scan

#endif
