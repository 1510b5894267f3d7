// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_OPERATOR_BOUND_OPERATOR_HPP
#define FUSED_SCAN_IMPL_OPERATOR_BOUND_OPERATOR_HPP

#include <Kokkos_Core.hpp>
#include <complex>
#include <concepts>
#include <cstdint>
#include <fused_scan/impl/operator/rounding.hpp>
#include <type_traits>
#include <utility>

namespace fused_scan::impl {

/// Half-precision numbers, where Kokkos has them: elsewhere their names are plain float.
template <class T>
inline constexpr bool is_half_v =
    sizeof(T) == 2 && (std::is_same_v<T, Kokkos::Experimental::half_t> ||
                       std::is_same_v<T, Kokkos::Experimental::bhalf_t>);

/// What an engine holds of a number in memory: Kokkos' complex numbers for the standard library's,
/// and double for long double.
template <class T>
struct HeldNumber {
  using type = T;
};
template <class T>
struct HeldNumber<std::complex<T>> {
  using type = Kokkos::complex<T>;
};
template <>
struct HeldNumber<long double> {
  using type = double;
};
template <class T>
using held_number_t = typename HeldNumber<std::remove_const_t<T>>::type;

/// The type that numbers of type T are scanned in: float for the half types, 32 bits for short
/// integers, else the type in which they are held.
template <class T>
struct ScanNumber : HeldNumber<T> {};
template <class T>
  requires(std::is_integral_v<T> && sizeof(T) < 4)
struct ScanNumber<T> {
  using type = std::conditional_t<std::is_signed_v<T>, std::int32_t, std::uint32_t>;
};
template <class T>
  requires is_half_v<T>
struct ScanNumber<T> {
  using type = float;
};
template <class T>
using scan_number_t = typename ScanNumber<T>::type;

/// The type in which numbers from a View of A are scanned into a View of B; none where one isn't a
/// number.
template <class A, class B>
struct CommonNumber : std::common_type<A, B> {};
template <class A, class B>
struct CommonNumber<Kokkos::complex<A>, Kokkos::complex<B>> {
  using type = Kokkos::complex<std::common_type_t<A, B>>;
};
template <class A, class B>
  requires std::is_arithmetic_v<A>
struct CommonNumber<A, Kokkos::complex<B>> {
  using type = Kokkos::complex<std::common_type_t<A, B>>;
};

/// A value as a result: of type Out where the monoid can round to any type, else what its lower()
/// makes, else the value.
template <class Out, class M, class Value>
KOKKOS_FORCEINLINE_FUNCTION auto lowered(const M& monoid, const Value& value) {
  constexpr bool to_any = !std::is_void_v<Out>;
  if constexpr (to_any && requires { monoid.template lower_to<Out>(value); }) {
    return monoid.template lower_to<Out>(value);
  } else if constexpr (requires { monoid.lower(value); }) {
    return monoid.lower(value);
  } else {
    return value;
  }
}

/// A monoid with all of its optional parts: the one form in which the engines see an operator.
/// `element_type` is what an engine holds between load and combine, `result_type` what it stores:
/// Out, the type of a View's elements, or where that is void whatever lower() makes.
template <class M, class Element, class Out>
class BoundOperator {
 public:
  using monoid_type = M;
  using value_type = typename M::value_type;
  using element_type = Element;

  static_assert(std::is_trivially_copyable_v<value_type>,
                "fused_scan: an operator's value_type must be trivially copyable");
  static_assert(sizeof(value_type) <= 64,
                "fused_scan: an operator's value_type must have at most 64 bytes");
  static_assert(std::is_default_constructible_v<value_type>,
                "fused_scan: an operator's value_type must have a default constructor");

  explicit BoundOperator(const M& monoid) : m_monoid(monoid) {}
  const M& monoid() const { return m_monoid; }

  /// What the first output of an exclusive scan is.
  KOKKOS_FORCEINLINE_FUNCTION value_type identity() const { return m_monoid.identity(); }

  /// What a line begins with: it changes nothing, not even the sign of a zero.
  KOKKOS_FORCEINLINE_FUNCTION value_type neutral() const {
    if constexpr (requires(const M& m) { m.neutral(); }) {
      return m_monoid.neutral();
    } else {
      return m_monoid.identity();
    }
  }

  /// Whether the prefix of an element is that of its chunk combined with the sum of the chunk's
  /// elements up to it; else they are accumulated one by one.
  static constexpr bool combines_chunks = requires { requires M::combines_chunks; };

  /// Whether the bits are the same however the elements of a line are grouped, and its identity
  /// changes none of them.
  static constexpr bool groups_freely = requires { requires M::groups_freely; };

  KOKKOS_FORCEINLINE_FUNCTION value_type combine(const value_type& a, const value_type& b) const {
    return m_monoid.combine(a, b);
  }

  KOKKOS_FORCEINLINE_FUNCTION value_type lift(const Element& element) const {
    if constexpr (requires(const M& m) { m.lift(element); }) {
      return m_monoid.lift(element);
    } else {
      static_assert(std::is_convertible_v<Element, value_type>,
                    "fused_scan: the operator needs lift(element), since an element isn't a value");
      return static_cast<value_type>(element);
    }
  }

  KOKKOS_FORCEINLINE_FUNCTION value_type accumulate(const value_type& value,
                                                    const Element& element) const {
    if constexpr (requires(const M& m) { m.accumulate(value, element); }) {
      return m_monoid.accumulate(value, element);
    } else {
      return m_monoid.combine(value, lift(element));
    }
  }

  /// Whether there are cheaper accumulate() and combine() for where nothing is rounded away. Where
  /// something is, they set bits of `lost`, and the result is void.
  static constexpr bool adds_exactly =
      requires(const M& m, const value_type& value, const Element& element, std::uint64_t& lost) {
        m.accumulate_exactly(value, element, lost);
        m.combine_exactly(value, value, lost);
      };
  /// Where chunks are combined with their prefix, one sum serves for both as long as nothing is
  /// rounded away.
  static constexpr bool tries_exactly = combines_chunks && adds_exactly;
  KOKKOS_FORCEINLINE_FUNCTION value_type accumulate_exactly(const value_type& value,
                                                            const Element& element,
                                                            std::uint64_t& lost) const {
    return m_monoid.accumulate_exactly(value, element, lost);
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type combine_exactly(const value_type& a, const value_type& b,
                                                         std::uint64_t& lost) const {
    return m_monoid.combine_exactly(a, b, lost);
  }

  /// What of a prefix counts for the results after it.
  KOKKOS_FORCEINLINE_FUNCTION value_type as_state(const value_type& prefix) const {
    if constexpr (requires(const M& m) { m.as_state(prefix); }) {
      return m_monoid.as_state(prefix);
    } else {
      return prefix;
    }
  }

  /// Where nothing else of a prefix counts, with the element or the node that comes after it.
  KOKKOS_FORCEINLINE_FUNCTION value_type advance(const value_type& prefix,
                                                 const Element& element) const {
    return as_state(accumulate(prefix, element));
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type append(const value_type& prefix,
                                                const value_type& node) const {
    if constexpr (requires(const M& m) { m.append(prefix, node); }) {
      return m_monoid.append(prefix, node);
    } else {
      return combine(prefix, node);
    }
  }

  /// Whether there is a cheaper accumulate() for values that leave no range: right for a few
  /// elements (four) where the last value is_in_range() and `left` wasn't set.
  static constexpr bool has_range =
      requires(const M& m, const value_type& value, const Element& element, bool& left) {
        m.accumulate_in_range(value, element, left);
        m.is_in_range(value);
      };
  KOKKOS_FORCEINLINE_FUNCTION value_type accumulate_in_range(const value_type& value,
                                                             const Element& element,
                                                             bool& left) const {
    return m_monoid.accumulate_in_range(value, element, left);
  }
  KOKKOS_FORCEINLINE_FUNCTION value_type advance_in_range(const value_type& prefix,
                                                          const Element& element,
                                                          bool& left) const {
    if constexpr (requires(const M& m) { m.advance_in_range(prefix, element, left); }) {
      return m_monoid.advance_in_range(prefix, element, left);
    } else {
      return m_monoid.accumulate_in_range(prefix, element, left);
    }
  }
  KOKKOS_FORCEINLINE_FUNCTION bool is_in_range(const value_type& value) const {
    return m_monoid.is_in_range(value);
  }

  /// Whether accumulate_in_range() is a plain sum, than which nothing is cheaper.
  static constexpr bool adds_plainly = requires { requires M::adds_plainly; };

  /// The sum that led from `prefix` to `state` by exact additions.
  KOKKOS_FORCEINLINE_FUNCTION value_type exact_difference(const value_type& state,
                                                          const value_type& prefix) const {
    return m_monoid.exact_difference(state, prefix);
  }

  using result_type =
      decltype(impl::lowered<Out>(std::declval<const M&>(), std::declval<const value_type&>()));
  KOKKOS_FORCEINLINE_FUNCTION result_type lower(const value_type& value) const {
    return impl::lowered<Out>(m_monoid, value);
  }
  /// The same of a value that is_in_range().
  KOKKOS_FORCEINLINE_FUNCTION result_type lower_in_range(const value_type& value) const {
    if constexpr (requires(const M& m) { m.template lower_in_range<result_type>(value); }) {
      return m_monoid.template lower_in_range<result_type>(value);
    } else {
      return lower(value);
    }
  }

  /// A state as a user gives it, a value or an element, as a value.
  template <class State>
  KOKKOS_FORCEINLINE_FUNCTION value_type value_of_state(const State& state) const {
    if constexpr (std::is_same_v<State, value_type>) {
      return state;
    } else if constexpr (requires(const M& m) { m.from_state(state); }) {
      return m_monoid.from_state(state);
    } else {
      static_assert(
          std::is_convertible_v<State, Element>,
          "fused_scan: a state must be of the operator's value_type (fused_scan::state_t) "
          "or an element");
      return lift(static_cast<Element>(state));
    }
  }

  /// A value that accumulate() may have left unfinished (a sum not yet renormalised), finished.
  KOKKOS_FORCEINLINE_FUNCTION value_type finished(const value_type& value) const {
    if constexpr (requires { requires M::always_finished; }) {
      return value;
    } else {
      return combine(value, neutral());
    }
  }

  /// A value as a user's state, a value or an element.
  template <class State>
  KOKKOS_FORCEINLINE_FUNCTION State state_of_value(const value_type& value) const {
    if constexpr (std::is_same_v<State, value_type>) {
      return value;
    } else if constexpr (requires(const M& m, State& state) { m.to_state(value, state); }) {
      State state;
      m_monoid.to_state(value, state);
      return state;
    } else {
      static_assert(
          std::is_convertible_v<decltype(lower(value)), State>,
          "fused_scan: a state must be of the operator's value_type (fused_scan::state_t) "
          "or an element");
      return static_cast<State>(lower(value));
    }
  }

 private:
  M m_monoid;
};

/// The number that a family is asked for, to scan a View of In into one of Out.
template <class Op, class In, class Out>
struct NumberOfScan : CommonNumber<scan_number_t<In>, scan_number_t<Out>> {};
template <class Op, class In, class Out>
  requires(std::is_integral_v<In> && (std::is_floating_point_v<scan_number_t<Out>>) &&
           requires { requires Op::adds_integers_exactly; })
struct NumberOfScan<Op, In, Out> {
  using type = std::conditional_t<std::is_signed_v<In>, std::int64_t, std::uint64_t>;
};

/// A monoid of the family `op`, which may have members that the monoid is made from.
template <class M, class Op>
M monoid_of_family(const Op& op) {
  if constexpr (std::is_constructible_v<M, const Op&> && !std::is_empty_v<Op>) {
    return M(op);
  } else {
    static_assert(
        std::is_empty_v<Op>,
        "fused_scan: a family of monoids that has members needs monoids with a constructor "
        "that takes the family");
    return M{};
  }
}

template <class Op>
concept IsMonoid = requires(const Op op, const typename Op::value_type a) {
  { op.identity() } -> std::convertible_to<typename Op::value_type>;
  { op.combine(a, a) } -> std::convertible_to<typename Op::value_type>;
};

/// What stands for an operator after a failed assertion, so that compilers say no more.
struct NoOperator {};

/// `op` for elements of type In whose results go to Out. With `functors` both are what a user's
/// functors return and take; results are then of the type that the operator's lower() returns.
template <class In, class Out, bool functors, class Op>
auto bind_operator(const Op& op) {
  using Result = std::conditional_t<functors, void, Out>;
  constexpr bool of_numbers = requires { typename NumberOfScan<Op, In, Out>::type; };
  if constexpr (IsMonoid<Op>) {
    return BoundOperator<Op, In, void>(op);
  } else if constexpr (!functors && is_half_v<In> && is_half_v<Out> &&
                       requires { typename Op::monoid_of_halves; }) {
    return BoundOperator<typename Op::monoid_of_halves, float, Result>({});
  } else if constexpr (of_numbers) {
    using Number = typename NumberOfScan<Op, In, Out>::type;
    constexpr bool is_number = std::is_arithmetic_v<Number> || is_complex_v<Number>;
    constexpr bool has_room = is_complex_v<scan_number_t<Out>> || !is_complex_v<Number>;
    constexpr bool is_family = requires { typename Op::template monoid<Number>; };
    static_assert(
        is_number,
        "fused_scan: elements that aren't numbers (half precision is half_t or bhalf_t of "
        "Kokkos::Experimental) need a monoid on their type, given as the operator");
    static_assert(has_room,
                  "fused_scan: complex elements can't be scanned into a View of real ones");
    static_assert(is_family || !is_number,
                  "fused_scan: an operator needs value_type, identity() and combine(a, b), both "
                  "const");
    if constexpr (is_number && has_room && is_family) {
      using M = typename Op::template monoid<Number>;
      return BoundOperator<M, Number, Result>(monoid_of_family<M>(op));
    } else {
      return NoOperator();
    }
  } else {
    static_assert(
        of_numbers,
        "fused_scan: these elements and results have no common type of number; they need a "
        "monoid on their type, given as the operator");
    return NoOperator();
  }
}

}  // namespace fused_scan::impl

#endif
