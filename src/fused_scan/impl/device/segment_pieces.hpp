// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_SEGMENT_PIECES_HPP
#define FUSED_SCAN_IMPL_DEVICE_SEGMENT_PIECES_HPP

// Long segments on a GPU: a piece of one is a tile of a line that begins where the segment does.

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/access/part_access.hpp>
#include <fused_scan/impl/device/segment_lists.hpp>
#include <fused_scan/impl/device/tile_scan.hpp>

namespace fused_scan::impl {

template <class Exec, class Scan>
struct SegmentPieces {
  using Tiles = TileScan<Exec, PartScan<Scan>>;
  using State = typename Tiles::State;
  using Policy = typename Tiles::Policy;
  using Member = typename Tiles::Member;
  using Exchange = LineExchange<typename Scan::Op>;

  Scan scan;
  DevicePlan plan;
  State state;
  int nodes;
  SegmentLists lists;

  /// Places in the tile state: those of a segment begin with two for each piece before it.
  static std::int64_t places(const SegmentPlan& plan) {
    return 2 * (plan.most_pieces + plan.pieces_of_one + 1) * plan.pieces.groups *
           plan.pieces.columns;
  }

  /// A team takes pieces until there are none left: how many there are only the device knows. The
  /// number of a piece comes to the team by way of a barrier, so scratch memory is free for it.
  KOKKOS_FUNCTION void operator()(const Member& member) const {
    const auto groups = static_cast<std::uint32_t>(plan.groups);
    const auto all = static_cast<std::uint32_t>(lists.pieces()) * groups;
    if (static_cast<std::uint32_t>(member.league_rank()) >= all) return;
    std::byte* const scratch = Tiles::scratch_of(member, plan);
    for (auto taken = static_cast<std::uint32_t>(member.league_rank()); taken < all;
         taken += static_cast<std::uint32_t>(member.league_size())) {
      typename State::DynamicTile id{0, 0};
      Kokkos::single(
          Kokkos::PerTeam(member),
          [&](typename State::DynamicTile& mine) { mine = state.take_tile(all); }, id);
      const std::uint32_t piece = id.id / groups;
      const LongSegment& of = lists.segment_of_piece(piece);
      const std::int64_t number = piece - of.first_piece;
      if (number < 0 || number * plan.rows >= of.segment.length) continue;
      const OfSegment kernel{scan_of_part(scan, of.segment), plan, state, nodes, of.first_piece};
      typename Tiles::template Team<OfSegment>(kernel, member, scratch, id.call,
                                               id.id - piece * groups,
                                               static_cast<std::uint32_t>(number))
          .run();
    }
  }

 private:
  /// The kernel as if there were nothing but one segment.
  struct OfSegment {
    static constexpr bool of_parts = true;
    static constexpr bool holds_runs = false;

    PartScan<Scan> scan;
    const DevicePlan& plan;
    const State& state;
    int nodes;
    std::int64_t first_piece;

    KOKKOS_FORCEINLINE_FUNCTION Exchange exchange_of(typename State::CallNumber call,
                                                     std::uint32_t group, int line,
                                                     std::uint32_t number) const {
      const std::int64_t lines = plan.groups * plan.columns;
      return {scan.op,
              state,
              call,
              2 * first_piece * lines + std::int64_t{group} * plan.columns + line,
              lines,
              number,
              ceil_div(scan.length, plan.rows)};
    }
  };
};

}  // namespace fused_scan::impl

#endif
