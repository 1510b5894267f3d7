// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_SEGMENT_LOOP_HPP
#define FUSED_SCAN_IMPL_HOST_SEGMENT_LOOP_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdint>
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
  static constexpr int elements_at_once = chunk_length;

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
  static constexpr int elements_at_once = 4;

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

template <class Op>
using TrialOf = std::conditional_t<Op::adds_exactly, ExactTrial<Op>,
                                   std::conditional_t<Op::has_range, RangeTrial<Op>, void>>;

/// A short segment of a line, or a short line, element by element. It makes what SequentialLine
/// does, of a chunk's elements no more than is needed: no sum where no chunk comes after it, and
/// first without a look at what rounding takes or what leaves the range.
template <class Scan, class From, class To>
class SegmentLoop {
 public:
  using Op = typename Scan::Op;
  using Value = typename Scan::Value;
  using Element = typename Scan::Element;

  SegmentLoop(const Scan& scan, const From& from, const To& to, std::int64_t length,
              std::int64_t column)
      : m_scan(scan), m_from(from), m_to(to), m_length(length), m_column(column) {}

  void scan(const Value& initial) const {
    if constexpr (Op::groups_freely) {
      scan_in_one_go(initial);
    } else if (m_length <= chunk_length) {
      scan_chunk<false>(0, static_cast<int>(m_length), initial);
    } else {
      StreamedTree<Op> tree(m_scan.op, initial);
      std::int64_t begin = 0;
      for (; begin + chunk_length < m_length; begin += chunk_length) {
        tree.push(scan_chunk<true>(begin, chunk_length, tree.prefix()));
      }
      scan_chunk<false>(begin, static_cast<int>(m_length - begin), tree.prefix());
    }
  }

 private:
  using Trial = TrialOf<Op>;

  /// What comes after some elements of a chunk.
  struct After {
    Value sum;  // of the chunk's elements
    Value state;
  };

  void scan_in_one_go(const Value& initial) const {
    Value state = initial;
    for (std::int64_t step = 0; step < m_length; ++step) {
      const Value before = step == 0 ? m_scan.first_output(state) : state;
      state = m_scan.op.accumulate(state, read(step));
      write(step, m_scan.op.lower(m_scan.exclusive ? before : state));
    }
  }

  /// Returns the chunk's sum, if that is asked for.
  template <bool with_sum>
  Value scan_chunk(std::int64_t begin, int count, const Value& prefix) const {
    Element elements[chunk_length];
    for (int r = 0; r < count; ++r) elements[r] = read(begin + r);
    After after{m_scan.op.neutral(), m_scan.op.as_state(prefix)};
    if constexpr (std::is_void_v<Trial>) {
      scan_elements<with_sum>(begin, 0, count, elements, prefix, after);
    } else {
      for (int first = 0; first < count; first += Trial::elements_at_once) {
        const int end = std::min(first + Trial::elements_at_once, count);
        if (!try_elements<with_sum>(begin, first, end, elements, after)) {
          scan_elements<with_sum>(begin, first, end, elements, prefix, after);
        }
      }
    }
    return after.sum;
  }

  /// Where it returns false, `after` is as it was, and the results are void.
  template <bool with_sum>
  bool try_elements(std::int64_t begin, int first, int end, const Element* elements,
                    After& after) const {
    // Where chunks are combined with their prefix, one sum serves for both.
    constexpr bool sums = with_sum && !Op::tries_exactly;
    Trial trial(m_scan.op);
    if (!trial.can_begin(after.state)) return false;
    Value sum = after.sum, state = after.state;
    for (int r = first; r < end; ++r) {
      const Value before = begin + r == 0 ? m_scan.first_output(state) : state;
      state = trial.advance(state, elements[r]);
      if constexpr (sums) {
        sum = r == 0 ? m_scan.op.lift(elements[r]) : trial.accumulate(sum, elements[r]);
      }
      write(begin + r, trial.lower(m_scan.exclusive ? before : state));
    }
    if (!trial.is_right(state) || (sums && !trial.is_right(sum))) return false;
    if constexpr (with_sum && !sums) sum = m_scan.op.exact_difference(state, after.state);
    after = {sum, state};
    return true;
  }

  template <bool with_sum>
  void scan_elements(std::int64_t begin, int first, int end, const Element* elements,
                     const Value& prefix, After& after) const {
    const Op& op = m_scan.op;
    for (int r = first; r < end; ++r) {
      const Value before = begin + r == 0 ? m_scan.first_output(after.state) : after.state;
      if constexpr (with_sum || Op::combines_chunks) {
        after.sum = r == 0 ? op.lift(elements[r]) : op.accumulate(after.sum, elements[r]);
      }
      if constexpr (Op::combines_chunks) {
        after.state = op.combine(prefix, after.sum);
      } else {
        after.state = op.accumulate(after.state, elements[r]);
      }
      write(begin + r, op.lower(m_scan.exclusive ? before : after.state));
    }
  }

  std::int64_t position(std::int64_t step) const {
    return m_scan.reverse ? m_length - 1 - step : step;
  }
  Element read(std::int64_t step) const {
    return static_cast<Element>(m_from.read(position(step), m_column));
  }
  template <class Result>
  void write(std::int64_t step, const Result& result) const {
    m_to.write(position(step), m_column, result);
  }

  const Scan& m_scan;
  const From& m_from;
  const To& m_to;
  std::int64_t m_length;
  std::int64_t m_column;
};

}  // namespace fused_scan::impl

#endif
