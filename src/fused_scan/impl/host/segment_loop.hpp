// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_SEGMENT_LOOP_HPP
#define FUSED_SCAN_IMPL_HOST_SEGMENT_LOOP_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdint>
#include <fused_scan/impl/access/segment.hpp>
#include <fused_scan/impl/host/float_sums/arguments.hpp>
#include <fused_scan/impl/order/streamed_tree.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// Additions that are right where nothing is rounded away, which is known afterwards.
template <class Op>
class ExactTrial {
 public:
  using Value = typename Op::value_type;
  using Element = typename Op::element_type;
  explicit ExactTrial(const Op& op) : m_op(op) {}
  Value accumulate(const Value& value, const Element& element) {
    return m_op.accumulate_exactly(value, element, m_lost);
  }
  Value advance(const Value& state, const Element& element) { return accumulate(state, element); }
  auto lower(const Value& value) const { return m_op.lower(value); }
  bool can_begin(const Value&) const { return true; }
  bool is_right(const Value&) const { return m_lost == 0; }

 private:
  const Op& m_op;
  std::uint64_t m_lost = 0;
};

/// The same where nothing leaves the range in which values are held.
template <class Op>
class RangeTrial {
 public:
  using Value = typename Op::value_type;
  using Element = typename Op::element_type;
  explicit RangeTrial(const Op& op) : m_op(op) {}
  Value accumulate(const Value& value, const Element& element) {
    return m_op.accumulate_in_range(value, element, m_left);
  }
  Value advance(const Value& state, const Element& element) {
    return m_op.advance_in_range(state, element, m_left);
  }
  auto lower(const Value& value) const { return m_op.lower_in_range(value); }
  bool can_begin(const Value& state) const { return m_op.is_in_range(state); }
  bool is_right(const Value& value) const { return !m_left && m_op.is_in_range(value); }

 private:
  const Op& m_op;
  bool m_left = false;
};

/// What is tried first; none where an operator has nothing cheaper.
template <class Op>
using TrialOf = std::conditional_t<Op::adds_exactly && !Op::adds_plainly, ExactTrial<Op>,
                                   std::conditional_t<Op::has_range, RangeTrial<Op>, void>>;

/// Short segments of a line, element by element. What SequentialLine makes, with no more than is
/// needed: no sum of a chunk after which no other comes, and no look at what rounding takes or what
/// leaves the range but afterwards.
template <class Scan, int levels = 9>
class SegmentLoop {
 public:
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;

  /// Elements of a segment, at most.
  static constexpr std::int64_t longest = std::int64_t{chunk_length} << (levels - 1);
  static_assert(longest >= float_sums::window_length);
  static constexpr bool is_fast = std::is_same_v<TrialOf<Op>, RangeTrial<Op>>;

  SegmentLoop(const Scan& scan, std::int64_t outer, std::int64_t column)
      : m_op(scan.op),
        m_reverse(scan.reverse),
        m_exclusive(scan.exclusive),
        m_column(column),
        m_from(scan.load.slab(outer)),
        m_to(scan.store.slab(outer)),
        m_initial(scan.initial(outer, column)),
        m_first_output(scan.first_output(m_initial)) {}

  /// Returns the state after the last element.
  Value scan(const Segment& segment) const {
    const std::int64_t length = segment.length;
    const Places places{m_from.part(segment.begin, length), m_to.part(segment.begin, length),
                        m_reverse ? length - 1 : 0, m_reverse ? -1 : 1, m_column};
    if constexpr (Op::groups_freely) {
      return m_exclusive ? scan_freely<true>(places, length) : scan_freely<false>(places, length);
    } else if (length <= chunk_length) {
      return scan_chunk<false>(places, static_cast<int>(length), m_initial, m_first_output);
    } else {
      return scan_chunks(places, length);
    }
  }

 private:
  using Trial = TrialOf<Op>;

  /// Where a segment's elements and results are from one of its positions on.
  struct Places {
    typename Scan::Load::Slab from;
    typename Scan::Store::Slab to;
    std::int64_t first;
    std::int64_t direction;
    std::int64_t column;

    Element read(std::int64_t r) const {
      return static_cast<Element>(from.read(first + r * direction, column));
    }
    template <class Result>
    void write(std::int64_t r, const Result& result) const {
      to.write(first + r * direction, column, result);
    }
  };
  template <bool exclusive>
  Value scan_freely(const Places& places, std::int64_t length) const {
    Value state = m_initial;
    for (std::int64_t r = 0; r < length; ++r) {
      const Value before = r == 0 ? m_first_output : state;
      state = m_op.accumulate(state, places.read(r));
      places.write(r, exclusive ? m_op.lower(before) : m_op.lower(state));
    }
    return state;
  }

  [[gnu::noinline]] Value scan_chunks(const Places& segment, std::int64_t length) const {
    StreamedTree<Op, levels> tree(m_op, m_initial);
    Places places = segment;
    Value exclusive = m_first_output;
    for (; length > chunk_length; length -= chunk_length) {
      tree.push(scan_chunk<true>(places, chunk_length, tree.prefix(), exclusive));
      places.first += chunk_length * places.direction;
      exclusive = tree.prefix();
    }
    return scan_chunk<false>(places, static_cast<int>(length), tree.prefix(), exclusive);
  }

  /// Returns the chunk's sum, if that is asked for, else the state after it. Results that turn out
  /// wrong are made again.
  template <bool with_sum>
  Value scan_chunk(const Places& places, int count, const Value& prefix,
                   const Value& exclusive) const {
    if constexpr (std::is_void_v<Trial>) {
      return scan_with_care<with_sum>(places, count, prefix, exclusive,
                                      [&](int r) { return places.read(r); });
    } else {
      // Where chunks are combined with their prefix, one sum serves for both.
      constexpr bool sums = with_sum && !Op::tries_exactly;
      Element elements[chunk_length];  // results may replace them
      Trial trial(m_op);
      const Value start = m_op.as_state(prefix);
      Value sum = m_op.neutral(), state = start, before = exclusive;
      bool right = !m_exclusive || trial.can_begin(before);
      const int end = std::min(count, chunk_length);  // a bound that compilers know
      for (int r = 0; r < end; ++r) {
        const Element element = elements[r] = places.read(r);
        state = trial.advance(state, element);
        if constexpr (sums) {
          sum = r == 0 ? m_op.lift(element) : trial.accumulate(sum, element);
          if (r % 4 == 3) right &= trial.is_right(sum);
        }
        places.write(r, m_exclusive ? trial.lower(before) : trial.lower(state));
        before = state;
      }
      // A state is right after any number of elements: what is infinite stays so, or is NaN.
      if (right && trial.is_right(state)) {
        if constexpr (with_sum && !sums) return m_op.exact_difference(state, start);
        return with_sum ? sum : state;
      }
      return scan_with_care<with_sum>(places, count, prefix, exclusive,
                                      [&](int r) { return elements[r]; });
    }
  }

  template <bool with_sum, class ElementAt>
  [[gnu::noinline]] Value scan_with_care(const Places& places, int count, const Value& prefix,
                                         const Value& exclusive,
                                         const ElementAt& element_at) const {
    Value sum = m_op.neutral(), state = prefix, before = exclusive;
    for (int r = 0; r < count; ++r) {
      const Element element = element_at(r);
      if constexpr (with_sum || Op::combines_chunks) {
        sum = r == 0 ? m_op.lift(element) : m_op.accumulate(sum, element);
      }
      if constexpr (Op::combines_chunks) {
        state = m_op.combine(prefix, sum);
      } else {
        state = m_op.accumulate(state, element);
      }
      places.write(r, m_exclusive ? m_op.lower(before) : m_op.lower(state));
      before = state;
    }
    return with_sum ? sum : state;
  }

  Op m_op;
  bool m_reverse;
  bool m_exclusive;
  std::int64_t m_column;
  typename Scan::Load::Slab m_from;
  typename Scan::Store::Slab m_to;
  Value m_initial;
  Value m_first_output;
};

}  // namespace fused_scan::impl

#endif
