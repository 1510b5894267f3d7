// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_OPERATOR_BOUND_OPERATOR_HPP
#define FUSED_SCAN_IMPL_OPERATOR_BOUND_OPERATOR_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/concepts.hpp>
#include <type_traits>
#include <utility>

namespace fused_scan::impl {

/// The type that numbers of type T are scanned in: float for the half types, 32 bits for short
/// integers.
template <class T>
struct ScanNumber {
  using type = T;
};
template <class T>
  requires(std::is_integral_v<T> && sizeof(T) < 4)
struct ScanNumber<T> {
  using type = std::conditional_t<std::is_signed_v<T>, std::int32_t, std::uint32_t>;
};
template <class T>
  requires(!std::is_same_v<Kokkos::Experimental::half_t, float> &&
           std::is_same_v<T, Kokkos::Experimental::half_t>)
struct ScanNumber<T> {
  using type = float;
};
template <class T>
  requires(!std::is_same_v<Kokkos::Experimental::bhalf_t, float> &&
           !std::is_same_v<Kokkos::Experimental::bhalf_t, Kokkos::Experimental::half_t> &&
           std::is_same_v<T, Kokkos::Experimental::bhalf_t>)
struct ScanNumber<T> {
  using type = float;
};
template <class T>
using scan_number_t = typename ScanNumber<T>::type;

/// The type in which numbers from a View of A are scanned into a View of B; none where one isn't a
/// number.
template <class A, class B>
struct CommonNumber : std::common_type<scan_number_t<A>, scan_number_t<B>> {};
template <class A, class B>
struct CommonNumber<Kokkos::complex<A>, Kokkos::complex<B>> {
  using type = Kokkos::complex<std::common_type_t<A, B>>;
};
template <class A, class B>
struct CommonNumber<A, Kokkos::complex<B>> {
  using type = Kokkos::complex<std::common_type_t<A, B>>;
};

/// What a result is before it is stored: what lower() makes of a value, else the value.
template <class M>
struct ResultOf {
  using type = typename M::value_type;
};
template <class M>
  requires requires(const M& m, const typename M::value_type& value) { m.lower(value); }
struct ResultOf<M> {
  using type = std::decay_t<decltype(std::declval<const M&>().lower(
      std::declval<const typename M::value_type&>()))>;
};

/// A monoid with all of its optional parts: the one form in which the engine sees an operator.
/// `element_type` is what the engine holds between load and combine.
template <class M, class Element>
class BoundOperator {
 public:
  using value_type = typename M::value_type;
  using element_type = Element;
  using result_type = typename ResultOf<M>::type;

  static_assert(
      Monoid<M>,
      "fused_scan: an operator needs value_type, identity() and combine(a, b), both const");
  static_assert(
      std::is_trivially_copyable_v<value_type> && sizeof(value_type) <= 64,
      "fused_scan: an operator's value_type must be trivially copyable and at most 64 bytes");

  explicit BoundOperator(const M& monoid) : m_monoid(monoid) {}

  KOKKOS_FORCEINLINE_FUNCTION value_type identity() const { return m_monoid.identity(); }

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

  /// Whether there is a cheaper accumulate() for where nothing is rounded away. Where something is,
  /// it sets bits of `lost`, which is of type M::lost_type, and its result is void.
  static constexpr bool adds_exactly =
      requires(const M& m, const value_type& value, const Element& element,
               typename M::lost_type& lost) { m.accumulate_exactly(value, element, lost); };
  KOKKOS_FORCEINLINE_FUNCTION value_type accumulate_exactly(const value_type& value,
                                                            const Element& element,
                                                            auto& lost) const {
    return m_monoid.accumulate_exactly(value, element, lost);
  }
  static constexpr auto nothing_lost() {
    if constexpr (adds_exactly) return typename M::lost_type(0);
  }

  KOKKOS_FORCEINLINE_FUNCTION result_type lower(const value_type& value) const {
    if constexpr (requires(const M& m) { m.lower(value); }) {
      return m_monoid.lower(value);
    } else {
      return value;
    }
  }

  /// A state as a user gives it, a value or an element, as a value.
  template <class State>
  KOKKOS_FORCEINLINE_FUNCTION value_type value_of_state(const State& state) const {
    if constexpr (std::is_same_v<std::remove_const_t<State>, value_type>) {
      return state;
    } else {
      return lift(static_cast<Element>(state));
    }
  }

  /// A value that accumulate() may have left unfinished (a sum not yet renormalised), finished.
  KOKKOS_FORCEINLINE_FUNCTION value_type finished(const value_type& value) const {
    return combine(value, identity());
  }

  /// A value as a user's state, a value or an element.
  template <class State>
  KOKKOS_FORCEINLINE_FUNCTION State state_of_value(const value_type& value) const {
    if constexpr (std::is_same_v<State, value_type>) {
      return value;
    } else {
      return static_cast<State>(lower(value));
    }
  }

 private:
  M m_monoid;
};

/// `op` for elements of type In whose results go to Out (In itself where that is up to the user).
template <class In, class Out, class Op>
auto bind_operator(const Op& op) {
  if constexpr (requires { typename CommonNumber<In, Out>::type; }) {
    using Number = typename CommonNumber<In, Out>::type;
    if constexpr (MonoidFamily<Op, Number>) {
      using M = typename Op::template monoid<Number>;
      return BoundOperator<M, Number>(M{});
    } else {
      return BoundOperator<Op, In>(op);
    }
  } else {
    return BoundOperator<Op, In>(op);
  }
}

}  // namespace fused_scan::impl

#endif
