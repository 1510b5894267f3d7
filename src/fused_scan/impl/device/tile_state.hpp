// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_TILE_STATE_HPP
#define FUSED_SCAN_IMPL_DEVICE_TILE_STATE_HPP

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fused_scan::impl {

/// Where the teams of a kernel on a GPU leave nodes of the tree for each other, and find out which
/// tile is next.
///
/// A node is cut into words of 32 bits, each written along with the number of the call, 64 bits at
/// once; a reader waits until every word bears the number. So no flag has to be seen after the node
/// that it stands for: no memory fence on either side, one trip through the memory instead of two,
/// and nothing to clear between calls. The accesses are volatile: Kokkos' atomic load is a
/// read-modify-write on CUDA, 5 to 10 times slower to poll.
///
/// Source: the "LL" protocol of NCCL passes its messages that way.
template <class Node>
class NodeBoard {
 public:
  /// The number of a call, never 0, which is what the memory holds at first.
  using CallNumber = std::uint32_t;

  struct Ticket {
    CallNumber call;
    std::uint32_t tile;
  };

  NodeBoard() = default;
  /// `memory`: bytes_for(places) bytes that held zeros when they were first used for a board, and
  /// have been used for nothing but boards since, of one kernel after the other.
  explicit NodeBoard(std::byte* memory)
      : m_counter(reinterpret_cast<std::uint64_t*>(memory)),
        m_words(reinterpret_cast<std::uint64_t*>(memory + header_bytes)) {}

  static std::size_t bytes_for(std::int64_t places) {
    return header_bytes + places * words_of_node * sizeof(std::uint64_t);
  }

  /// The next tile, of `tiles` in this call. Tiles are taken in order, so whoever waits for an
  /// earlier tile's node waits for a team that is running.
  KOKKOS_FUNCTION Ticket take_ticket(std::uint32_t tiles) const {
    const std::uint64_t taken = Kokkos::atomic_fetch_add(m_counter, std::uint64_t{1});
    const auto calls_before = static_cast<std::uint32_t>(taken >> 32);
    const auto tile = static_cast<std::uint32_t>(taken);
    // The last ticket leaves the counter as the next call needs it.
    const std::uint32_t next = calls_before + 2 == 0 ? 0 : calls_before + 1;
    if (tile + 1 == tiles) *m_counter = std::uint64_t{next} << 32;
    return {calls_before + 1, tile};
  }

  KOKKOS_FUNCTION void publish(std::int64_t place, CallNumber call, const Node& node) const {
    std::uint32_t words[words_of_node] = {};
    std::memcpy(words, &node, sizeof(Node));
    volatile std::uint64_t* const at = m_words + place * words_of_node;
    for (int w = 0; w < words_of_node; ++w) at[w] = std::uint64_t{call} << 32 | words[w];
  }

  /// The node at `place`, once it is there.
  KOKKOS_FUNCTION Node await(std::int64_t place, CallNumber call) const {
    Node node[1];
    await<1>(place, 0, 1, call, node);
    return node[0];
  }

  /// The first `count` of the nodes at `place`, place + step, ..., once they are there. They are
  /// asked for together.
  template <int max_count>
  KOKKOS_FUNCTION void await(std::int64_t place, std::int64_t step, int count, CallNumber call,
                             Node (&nodes)[max_count]) const {
    std::uint64_t words[max_count][words_of_node];
    bool complete;
    do {
      for (int k = 0; k < max_count; ++k) {
        const volatile std::uint64_t* const at = m_words + (place + k * step) * words_of_node;
        for (int w = 0; w < words_of_node; ++w) {
          if (k < count) words[k][w] = at[w];
        }
      }
      complete = true;
      for (int k = 0; k < max_count; ++k) {
        for (int w = 0; w < words_of_node; ++w) {
          if (k < count) complete &= static_cast<CallNumber>(words[k][w] >> 32) == call;
        }
      }
    } while (!complete);
    for (int k = 0; k < max_count; ++k) {
      std::uint32_t halves[words_of_node];
      for (int w = 0; w < words_of_node; ++w) halves[w] = static_cast<std::uint32_t>(words[k][w]);
      if (k < count) std::memcpy(&nodes[k], halves, sizeof(Node));
    }
  }

 private:
  static constexpr std::size_t header_bytes = 128;
  static constexpr int words_of_node = (sizeof(Node) + 3) / 4;

  std::uint64_t* m_counter = nullptr;  // calls before this one << 32 | tickets taken
  std::uint64_t* m_words = nullptr;
};

}  // namespace fused_scan::impl

#endif
