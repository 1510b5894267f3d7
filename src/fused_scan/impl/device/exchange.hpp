// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DEVICE_EXCHANGE_HPP
#define FUSED_SCAN_IMPL_DEVICE_EXCHANGE_HPP

// The prefix before a tile of a line that several teams share.
//
// The number of a tile in its line has digits in base 8 (or 4), and a node stands for 8^k tiles. A
// tile publishes one node: of the largest k for which it is the last of them, so for each 7 that
// its number ends with it needs as many nodes to the left. The prefix before it is that before its
// parent, which has 0 for the tile's last digit that isn't 0, and the nodes between the two, as
// many as the digit says. A tile whose number ends with 0 publishes the prefix before it. So nobody
// waits for a chain of tiles longer than the number has digits.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/device/tile_state.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/plan/device_plan.hpp>

namespace fused_scan::impl {

/// One line's part in the exchange between tiles, carried out by one thread.
template <class Op>
class LineExchange {
 public:
  using Value = typename Op::value_type;
  using State = TileState<Value>;

  static constexpr int digit_bits = bits_of_tile_digits(int{sizeof(Value)});
  static constexpr int digit_base = 1 << digit_bits;

  /// Places of a state for `lines` lines of `tiles` tiles each.
  KOKKOS_FUNCTION static std::int64_t places(std::int64_t lines, std::int64_t tiles) {
    return lines * (tiles + ceil_div(tiles, digit_base));
  }

  /// `line` of `lines` in all; `tile` of `tiles` in the line.
  KOKKOS_FUNCTION LineExchange(const Op& op, const State& state, typename State::CallNumber call,
                               std::int64_t line, std::int64_t lines, std::int64_t tile,
                               std::int64_t tiles)
      : m_op(op),
        m_state(state),
        m_call(call),
        m_line(line),
        m_lines(lines),
        m_tile(tile),
        m_tiles(tiles) {}

  /// The prefix before the tile, whose own sum is `total` (nobody asks for that of a line's last
  /// tile). `initial`() is read by the first tile, and comes to the others by way of it: so the
  /// line's final state, which may be the same array, is written after it was read.
  template <class Initial>
  KOKKOS_FUNCTION Value prefix(const Value& total, const Initial& initial) const {
    if (m_tile == 0) {
      const Value state = initial();
      publish_prefix(state);
      if (!is_last()) publish_node(total);
      return state;
    }
    const TileDigit digit = TileDigit::last_of(m_tile);
    const bool merges = this->merges();
    if (!merges && !is_last()) publish_node(total);
    // Others wait for a node that is merged, so it comes before the wait for a prefix.
    const LeftNodes left = await_left(digit, merges ? -1 : digit.parent(m_tile));
    if (merges) {
      publish_node(
          merged(with_left(left, total), digit_bits, [&](int shift) { return ends_group(shift); }));
    }
    Value result = merges ? await_one(place_of_prefix(digit.parent(m_tile))) : left.prefix;
    if (digit.has_four()) result = m_op.append(result, left.of_four);
    if (digit.value & 2) result = m_op.append(result, left.of_two);
    if (digit.value & 1) result = m_op.append(result, left.of_one);
    if (m_tile % digit_base == 0) publish_prefix(result);
    return result;
  }

  /// Whether values are so large that a thread can't ask for several nodes at a time. Then the
  /// prefix comes in three steps: begin(), the jobs of work(), which threads share, and end().
  static constexpr bool shares_work = State::words_of_node > 4;

  /// What others may wait for at once.
  template <class Initial>
  KOKKOS_FUNCTION void begin(const Value& total, const Initial& initial, Value& prefix) const {
    if (m_tile == 0) {
      prefix = initial();
      publish_prefix(prefix);
    }
    if (!is_last() && !merges()) publish_node(total);
  }

  /// Each brings, or publishes, one value: job 2 + i brings what the i-th bit of a digit stands
  /// for.
  static constexpr int jobs = 2 + digit_bits;
  template <class Node>
  KOKKOS_FUNCTION void work(int job, const Value& total, const Node& node, Value& prefix) const {
    if (m_tile == 0) return;
    const TileDigit digit = TileDigit::last_of(m_tile);
    if (job == 0) {
      if (merges()) {
        publish_node(merged(total, 0, [&](int shift) { return ends_group(shift); }));
      }
    } else if (job == 1) {
      prefix = await_one(place_of_prefix(digit.parent(m_tile)));
    } else if (digit.has(job - 2)) {
      node(job - 2) = await_node(digit, job - 2);
    }
  }

  template <class Node>
  KOKKOS_FUNCTION void end(const Node& node, Value& prefix) const {
    if (m_tile == 0) return;
    const TileDigit digit = TileDigit::last_of(m_tile);
    Value before = prefix;
    for (int bit = digit_bits - 1; bit >= 0; --bit) {
      if (digit.has(bit)) before = m_op.append(before, node(bit));
    }
    if (m_tile % digit_base == 0) publish_prefix(before);
    prefix = before;
  }

  /// Where lines have 2^k tiles: calls take(node over all of them) for the last; the others publish
  /// what it needs.
  template <class Take>
  KOKKOS_FUNCTION void sum_of_line(const Value& total, const Take& take) const {
    if (is_last()) {
      take(merged(total, 0, [&](int shift) { return m_tile >> shift != 0; }));
    } else {
      publish_node(merged(total, 0, [&](int shift) { return ends_group(shift); }));
    }
  }

 private:
  /// A digit of a tile's number, and the place of its lowest bit.
  struct TileDigit {
    int shift;
    int value;

    KOKKOS_FUNCTION static TileDigit at(std::int64_t tile, int shift) {
      return {shift, static_cast<int>((tile >> shift) & (digit_base - 1))};
    }
    /// The last that isn't 0, of a tile that isn't 0.
    KOKKOS_FUNCTION static TileDigit last_of(std::int64_t tile) {
      int shift = 0;
      while (((tile >> shift) & (digit_base - 1)) == 0) shift += digit_bits;
      return at(tile, shift);
    }
    KOKKOS_FUNCTION bool has(int bit) const { return (value >> bit & 1) != 0; }
    KOKKOS_FUNCTION bool has_four() const { return digit_base > 4 && (value & 4) != 0; }
    KOKKOS_FUNCTION std::int64_t parent(std::int64_t tile) const {
      return ((tile >> shift) - value) << shift;
    }
    /// The tile with which the i-th node to the left ends, from left to right.
    KOKKOS_FUNCTION std::int64_t left(std::int64_t tile, int i) const {
      return (((tile >> shift) - value + i + 1) << shift) - 1;
    }
  };

  /// The nodes of the bits of a digit.
  struct LeftNodes {
    Value of_four;
    Value of_two;
    Value of_one;
    Value prefix;
  };

  /// Along with the prefix before tile `parent`, unless that is negative. Four are asked for
  /// together: so many fit into registers.
  KOKKOS_FUNCTION LeftNodes await_left(const TileDigit& digit, std::int64_t parent) const {
    const int after_four = digit.value & 4, after_two = digit.value & 6;
    const auto left = [&](int i) { return place_of_node(digit.left(m_tile, i)); };
    Value nodes[4];
    Value of_four = m_op.neutral();
    if (digit.has_four()) {
      await({left(0), left(1), left(2), left(3)}, 0xfU, nodes);
      of_four = m_op.combine(m_op.combine(nodes[0], nodes[1]), m_op.combine(nodes[2], nodes[3]));
    }
    await({left(after_four), left(after_four + 1), left(after_two),
           parent < 0 ? 0 : place_of_prefix(parent)},
          (digit.value & 2 ? 3U : 0) | (digit.value & 1 ? 4U : 0) | (parent < 0 ? 0 : 8U), nodes);
    return {of_four, m_op.combine(nodes[0], nodes[1]), nodes[2], nodes[3]};
  }

  KOKKOS_FUNCTION void await(const std::int64_t (&places)[4], unsigned wanted,
                             Value (&nodes)[4]) const {
    for (Value& node : nodes) node = m_op.neutral();
    m_state.await(places, wanted, m_call, nodes);
  }

  /// What one bit of a digit stands for, of digits in base 4.
  KOKKOS_FUNCTION Value await_node(const TileDigit& digit, int bit) const {
    if (bit == 0) return await_one(place_of_node(digit.left(m_tile, digit.value - 1)));
    Value two[2];
    m_state.await({place_of_node(digit.left(m_tile, 0)), place_of_node(digit.left(m_tile, 1))}, 3,
                  m_call, two);
    return m_op.combine(two[0], two[1]);
  }

  KOKKOS_FUNCTION Value await_one(std::int64_t place) const {
    const std::int64_t places[1] = {place};
    Value nodes[1];
    m_state.await(places, 1, m_call, nodes);
    return nodes[0];
  }

  /// `node` with all that the digits of the tile's number bring along, from `shift` on as long as
  /// goes_on(shift).
  template <class GoesOn>
  KOKKOS_FUNCTION Value merged(Value node, int shift, const GoesOn& goes_on) const {
    for (; goes_on(shift); shift += digit_bits) {
      const TileDigit digit = TileDigit::at(m_tile, shift);
      if constexpr (shares_work) {
        for (int bit = 0; bit < digit_bits; ++bit) {
          if (digit.has(bit)) node = m_op.combine(await_node(digit, bit), node);
        }
      } else {
        node = with_left(await_left(digit, -1), node);
      }
    }
    return node;
  }
  KOKKOS_FUNCTION bool is_last() const { return m_tile + 1 == m_tiles; }
  /// Whether the node that the tile publishes is of more than itself.
  KOKKOS_FUNCTION bool merges() const {
    return m_tile % digit_base == digit_base - 1 && !is_last();
  }
  /// Whether the tile is the last of eight that a node of its own stands for.
  KOKKOS_FUNCTION bool ends_group(int shift) const {
    return TileDigit::at(m_tile, shift).value == digit_base - 1;
  }
  KOKKOS_FUNCTION Value with_left(const LeftNodes& left, const Value& last) const {
    return m_op.combine(left.of_four, m_op.combine(left.of_two, m_op.combine(left.of_one, last)));
  }

  KOKKOS_FUNCTION std::int64_t place_of_node(std::int64_t tile) const {
    return tile * m_lines + m_line;
  }
  KOKKOS_FUNCTION std::int64_t place_of_prefix(std::int64_t tile) const {
    return (m_tiles + tile / digit_base) * m_lines + m_line;
  }
  KOKKOS_FUNCTION void publish_node(const Value& node) const {
    m_state.publish(place_of_node(m_tile), m_call, node);
  }
  KOKKOS_FUNCTION void publish_prefix(const Value& prefix) const {
    m_state.publish(place_of_prefix(m_tile), m_call, prefix);
  }
  const Op& m_op;
  const State& m_state;
  typename State::CallNumber m_call;
  std::int64_t m_line;
  std::int64_t m_lines;
  std::int64_t m_tile;
  std::int64_t m_tiles;
};

}  // namespace fused_scan::impl

#endif
