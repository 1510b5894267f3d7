// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ACCESS_RECURRENCE_ACCESS_HPP
#define FUSED_SCAN_IMPL_ACCESS_RECURRENCE_ACCESS_HPP

// What a linear recurrence and its gradients read from and write to: several arrays at once. To an
// engine they are functors, so each position is read once, before it is written.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/access/memory_access.hpp>
#include <fused_scan/impl/operator/affine.hpp>

namespace fused_scan::impl {

/// An element of a recurrence, h -> a h + b.
template <class A, class B>
struct Coefficients {
  A a;
  B b;
};

/// The coefficients of a position.
template <class A, class B>
struct CoefficientAccess {
  static constexpr bool is_memory = false;
  static constexpr bool is_two_arrays = true;
  using Element = Coefficients<held_number_t<A>, held_number_t<B>>;

  struct Slab {
    typename MemoryAccess<A>::Slab a;
    typename MemoryAccess<B>::Slab b;

    KOKKOS_FORCEINLINE_FUNCTION Element read(std::int64_t i, std::int64_t j) const {
      return element(a.read(i, j), b.read(i, j));
    }
    KOKKOS_FORCEINLINE_FUNCTION Slab part(std::int64_t first, std::int64_t count) const {
      return {a.part(first, count), b.part(first, count)};
    }
  };

  MemoryAccess<A> a;
  MemoryAccess<B> b;

  template <class AValue, class BValue>
  KOKKOS_FORCEINLINE_FUNCTION static Element element(const AValue& a, const BValue& b) {
    return {static_cast<held_number_t<A>>(a), static_cast<held_number_t<B>>(b)};
  }
  KOKKOS_FORCEINLINE_FUNCTION Slab slab(std::int64_t outer) const {
    return {a.slab(outer), b.slab(outer)};
  }
  CoefficientAccess part(std::int64_t first, std::int64_t count) const {
    return {a.part(first, count), b.part(first, count)};
  }
};

/// The positions of a recurrence's axis, and in which direction it goes.
struct Axis {
  std::int64_t length;
  std::int64_t step;  // 1, or -1 where the recurrence begins with the last position

  KOKKOS_FORCEINLINE_FUNCTION bool has(std::int64_t i) const { return 0 <= i && i < length; }
  KOKKOS_FORCEINLINE_FUNCTION std::int64_t first() const { return step > 0 ? 0 : length - 1; }
};

/// The coefficients of the gradients' recurrence, g(i) = conj(a(i + 1)) g(i + 1) + grad_h(i); at
/// its first position there is no a(i + 1), and the coefficient is 0.
template <class A, class G>
struct GradientCoefficientAccess {
  static constexpr bool is_memory = false;
  static constexpr bool sees_axis = true;
  using Element = Coefficients<held_number_t<A>, held_number_t<G>>;

  struct Slab {
    typename MemoryAccess<A>::Slab a;
    typename MemoryAccess<G>::Slab grad_h;
    Axis axis;

    KOKKOS_FORCEINLINE_FUNCTION Element read(std::int64_t i, std::int64_t j) const {
      using Held = held_number_t<A>;
      const std::int64_t next = i + axis.step;
      Held coefficient{};
      if (axis.has(next)) coefficient = conjugate(static_cast<Held>(a.read(next, j)));
      return {coefficient, static_cast<held_number_t<G>>(grad_h.read(i, j))};
    }
    KOKKOS_FORCEINLINE_FUNCTION Slab part(std::int64_t first, std::int64_t count) const {
      return {a.part(first, count), grad_h.part(first, count), {count, axis.step}};
    }
  };

  MemoryAccess<A> a;
  MemoryAccess<G> grad_h;
  Axis axis;

  KOKKOS_FORCEINLINE_FUNCTION Slab slab(std::int64_t outer) const {
    return {a.slab(outer), grad_h.slab(outer), axis};
  }
  GradientCoefficientAccess part(std::int64_t first, std::int64_t count) const {
    return {a.part(first, count), grad_h.part(first, count), {count, axis.step}};
  }
};

/// Writes grad_b(i) = g(i) and grad_a(i) = g(i) conj(h(i - 1)); before the first position h is
/// initial(o, j), a state of the operator `op`. Number is that in which the operator carries.
template <class Op, class Initial, class H, class GradA, class GradB>
struct GradientStore {
  static constexpr bool is_memory = false;
  static constexpr bool sees_axis = true;
  using Number = decltype(Op::value_type::b);

  /// A position, with h before it.
  struct Place {
    Number before;
    GradA* grad_a;
    GradB* grad_b;

    KOKKOS_FORCEINLINE_FUNCTION void write(const Number& g) const {
      *grad_b = number_as<GradB>(g);
      *grad_a = number_as<GradA>(product_of(g, conjugate(before)));
    }
  };

  struct Slab {
    const GradientStore& store;
    typename MemoryAccess<H>::Slab h;
    typename MemoryAccess<GradA>::Slab grad_a;
    typename MemoryAccess<GradB>::Slab grad_b;
    std::int64_t outer;
    Axis axis;

    /// What is read before it is written.
    KOKKOS_FORCEINLINE_FUNCTION Place place(std::int64_t i, std::int64_t j) const {
      const std::int64_t previous = i - axis.step;
      const Number before =
          axis.has(previous)
              ? static_cast<Number>(static_cast<held_number_t<H>>(h.read(previous, j)))
              : store.op.template state_of_value<Number>(store.initial(outer, j));
      return {before, grad_a.at(i, j), grad_b.at(i, j)};
    }
    KOKKOS_FORCEINLINE_FUNCTION void write(std::int64_t i, std::int64_t j, const Number& g) const {
      place(i, j).write(g);
    }
    bool columns_are_neighbours() const {
      return h.column_stride == 1 && grad_a.column_stride == 1 && grad_b.column_stride == 1;
    }
    bool positions_are_neighbours() const {
      return h.axis_stride == 1 && grad_a.axis_stride == 1 && grad_b.axis_stride == 1;
    }
    /// The same from (i, j) on for columns or positions that are neighbours in memory, none of them
    /// the first position.
    void write_neighbours(std::int64_t i, std::int64_t j, int count, const Number* g) const {
      const auto* KOKKOS_RESTRICT const before = h.at(i - axis.step, j);
      auto* KOKKOS_RESTRICT const to_a = grad_a.at(i, j);
      auto* KOKKOS_RESTRICT const to_b = grad_b.at(i, j);
      for (int k = 0; k < count; ++k) {
        to_b[k] = number_as<GradB>(g[k]);
        const auto state = static_cast<Number>(static_cast<held_number_t<H>>(before[k]));
        to_a[k] = number_as<GradA>(g[k] * conjugate(state));
      }
    }
    /// f(the first of those neighbours) in each array.
    template <class F>
    void for_arrays(std::int64_t i, std::int64_t j, const F& f) const {
      f(h.at(i, j));
      f(grad_a.at(i, j));
      f(grad_b.at(i, j));
    }
    KOKKOS_FORCEINLINE_FUNCTION Slab part(std::int64_t first, std::int64_t count) const {
      return {store, h.part(first, count), grad_a.part(first, count), grad_b.part(first, count),
              outer, {count, axis.step}};
    }
  };

  Op op;
  Initial initial;
  MemoryAccess<H> h;
  MemoryAccess<GradA> grad_a;
  MemoryAccess<GradB> grad_b;
  Axis axis;

  KOKKOS_FORCEINLINE_FUNCTION Slab slab(std::int64_t outer) const {
    return {*this, h.slab(outer), grad_a.slab(outer), grad_b.slab(outer), outer, axis};
  }
  GradientStore part(std::int64_t first, std::int64_t count) const {
    return {op,
            initial,
            h.part(first, count),
            grad_a.part(first, count),
            grad_b.part(first, count),
            {count, axis.step}};
  }
};

/// The state that gradients end in, g(0), as the gradient of the initial state: conj(a(0)) g(0),
/// and 0 where there is no position.
template <class Op, class A, class GradInitial>
struct GradientOfInitial {
  static constexpr bool given = true;
  using Number = decltype(Op::value_type::b);

  Op op;
  MemoryAccess<A> a;
  MemoryAccess<GradInitial> grad_initial;
  Axis axis;

  KOKKOS_FUNCTION void operator()(std::int64_t outer, std::int64_t column,
                                  const typename Op::value_type& value) const {
    Number gradient(0);
    if (axis.length > 0) {
      const auto first = static_cast<Number>(
          static_cast<held_number_t<A>>(a.slab(outer).read(axis.first(), column)));
      gradient = product_of(conjugate(first), op.template state_of_value<Number>(value));
    }
    grad_initial.of_line(outer, column) = number_as<GradInitial>(gradient);
  }
};

}  // namespace fused_scan::impl

#endif
