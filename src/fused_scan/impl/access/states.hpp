// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ACCESS_STATES_HPP
#define FUSED_SCAN_IMPL_ACCESS_STATES_HPP

// The states that lines start from and end in: functors initial(o, j) -> value and
// final(o, j, value).

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/access/memory_access.hpp>

namespace fused_scan::impl {

/// Stands for a state that isn't given.
struct None {};

template <class Op>
struct NoInitialState {
  static constexpr bool given = false;
  Op op;
  KOKKOS_FUNCTION auto operator()(std::int64_t, std::int64_t) const { return op.neutral(); }
};

/// One state for every line, a value or an element.
template <class Op, class State>
struct InitialNumber {
  static constexpr bool given = true;
  Op op;
  State state;
  KOKKOS_FUNCTION auto operator()(std::int64_t, std::int64_t) const {
    return op.value_of_state(state);
  }
};

/// From an array of values or elements.
template <class Op, class T>
struct InitialArray {
  static constexpr bool given = true;
  Op op;
  MemoryAccess<T> states;
  KOKKOS_FUNCTION auto operator()(std::int64_t outer, std::int64_t column) const {
    return op.value_of_state(states.of_line(outer, column));
  }
};

/// functor(o, j) is a value or an element.
template <class Op, class Functor>
struct InitialFunctor {
  static constexpr bool given = true;
  Op op;
  Functor functor;
  KOKKOS_FUNCTION auto operator()(std::int64_t outer, std::int64_t column) const {
    return op.value_of_state(functor(outer, column));
  }
};

struct NoFinalState {
  static constexpr bool given = false;
  template <class Value>
  KOKKOS_FUNCTION void operator()(std::int64_t, std::int64_t, const Value&) const {}
};

template <class Op, class T>
struct FinalArray {
  static constexpr bool given = true;
  Op op;
  MemoryAccess<T> states;
  KOKKOS_FUNCTION void operator()(std::int64_t outer, std::int64_t column,
                                  const typename Op::value_type& value) const {
    states.of_line(outer, column) = op.template state_of_value<T>(op.finished(value));
  }
};

template <class Op, class Functor>
struct FinalFunctor {
  static constexpr bool given = true;
  Op op;
  Functor functor;
  KOKKOS_FUNCTION void operator()(std::int64_t outer, std::int64_t column,
                                  const typename Op::value_type& value) const {
    functor(outer, column, op.finished(value));
  }
};

}  // namespace fused_scan::impl

#endif
