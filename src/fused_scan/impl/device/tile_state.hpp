// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_TILE_STATE_HPP
#define FUSED_SCAN_IMPL_DEVICE_TILE_STATE_HPP

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fused_scan::impl {

/// Where the teams of a kernel leave nodes of the tree for each other, and find out which tile is
/// next.
///
/// A node is cut into words of 32 bits, each written along with the number of the call, 64 bits at
/// once; a reader waits until every word bears the number. So no flag has to be seen after the node
/// that it stands for: no memory fence on either side, one trip through the memory instead of two,
/// and nothing to clear between calls. The accesses are volatile: Kokkos' atomic load is a
/// read-modify-write on CUDA, 5 to 10 times slower to poll.
///
/// Source: the "LL" protocol of NCCL passes its messages that way.
template <class Node>
class TileState {
 public:
  /// The number of a call, never 0, which is what the memory holds at first.
  using CallNumber = std::uint32_t;

  struct DynamicTile {
    CallNumber call;
    std::uint32_t id;
  };

  TileState() = default;
  /// `memory`: bytes_for(places) bytes that held zeros when they were first used for tile states,
  /// and have been used for nothing else since, by one kernel after the other.
  explicit TileState(std::byte* memory)
      : m_counter(reinterpret_cast<std::uint64_t*>(memory)),
        m_words(reinterpret_cast<std::uint64_t*>(memory + header_bytes)) {}

  static std::size_t bytes_for(std::int64_t places) {
    return header_bytes + places * words_of_node * sizeof(std::uint64_t);
  }

  /// The next tile, of `tiles` in this call. Tiles are taken in order, so whoever waits for an
  /// earlier tile's node waits for a team that is running.
  KOKKOS_FUNCTION DynamicTile take_tile(std::uint32_t tiles) const {
    const std::uint64_t taken = Kokkos::atomic_fetch_add(m_counter, std::uint64_t{1});
    const auto calls_before = static_cast<std::uint32_t>(taken >> 32);
    const auto id = static_cast<std::uint32_t>(taken);
    // The last one leaves the counter as the next call needs it.
    const std::uint32_t next = calls_before + 2 == 0 ? 0 : calls_before + 1;
    if (id + 1 == tiles) *m_counter = std::uint64_t{next} << 32;
    return {calls_before + 1, id};
  }

  KOKKOS_FUNCTION void publish(std::int64_t place, CallNumber call, const Node& node) const {
    std::uint32_t words[words_of_node] = {};
    std::memcpy(words, &node, sizeof(Node));
    volatile std::uint64_t* const at = m_words + place * words_of_node;
    for (int w = 0; w < words_of_node; ++w) at[w] = std::uint64_t{call} << 32 | words[w];
  }

  /// nodes[k] for each k of the `wanted` bits: the node at places[k], once it is there. They are
  /// asked for together.
  template <int count>
  KOKKOS_FUNCTION void await(const std::int64_t (&places)[count], unsigned wanted, CallNumber call,
                             Node (&nodes)[count]) const {
    std::uint64_t words[count][words_of_node];
    bool complete;
    do {
      for (int k = 0; k < count; ++k) {
        const volatile std::uint64_t* const at = m_words + places[k] * words_of_node;
        for (int w = 0; w < words_of_node; ++w) {
          if ((wanted >> k) & 1) words[k][w] = at[w];
        }
      }
      complete = true;
      for (int k = 0; k < count; ++k) {
        for (int w = 0; w < words_of_node; ++w) {
          if ((wanted >> k) & 1) complete &= static_cast<CallNumber>(words[k][w] >> 32) == call;
        }
      }
    } while (!complete);
    for (int k = 0; k < count; ++k) {
      std::uint32_t halves[words_of_node];
      for (int w = 0; w < words_of_node; ++w) halves[w] = static_cast<std::uint32_t>(words[k][w]);
      if ((wanted >> k) & 1) std::memcpy(&nodes[k], halves, sizeof(Node));
    }
  }

  static constexpr int words_of_node = (sizeof(Node) + 3) / 4;

 private:
  static constexpr std::size_t header_bytes = 128;

  std::uint64_t* m_counter = nullptr;  // calls before this one << 32 | tiles taken
  std::uint64_t* m_words = nullptr;
};

}  // namespace fused_scan::impl

#endif
