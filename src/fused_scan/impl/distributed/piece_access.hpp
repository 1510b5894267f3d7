// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DISTRIBUTED_PIECE_ACCESS_HPP
#define FUSED_SCAN_IMPL_DISTRIBUTED_PIECE_ACCESS_HPP

// A rank's piece as engines read and write it in parts, and its rows of one value a line, which lie
// in the same order on every rank.

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/access/functor_access.hpp>
#include <fused_scan/impl/access/memory_access.hpp>
#include <fused_scan/impl/access/recurrence_access.hpp>
#include <fused_scan/impl/array/lines.hpp>
#include <fused_scan/impl/plan/scan_shape.hpp>
#include <type_traits>

namespace fused_scan::impl {

/// A functor of positions in a part, from one of those in the piece.
template <class Functor>
struct ShiftedFunctor {
  Functor functor;
  std::int64_t shift;

  template <class... Result>
  KOKKOS_FORCEINLINE_FUNCTION auto operator()(std::int64_t o, std::int64_t i, std::int64_t j,
                                              const Result&... result) const {
    return functor(o, i + shift, j, result...);
  }
};

/// One side of a scan of a piece: an array, or a functor, and what an engine needs to know of it
/// and of the array that is read beside it.
template <class T>
struct ArraySide {
  T* data;
  Lines lines;
  int array;

  /// From a position in memory on.
  MemoryAccess<T> from(std::int64_t i) const {
    return MemoryAccess<T>(data + i * lines.of[array].axis, lines, array);
  }
  AccessShape shape(std::int64_t i, std::int64_t, int) const {
    return memory_shape(data + i * lines.of[array].axis, sizeof(T), lines, array);
  }
  AccessShape beside(std::int64_t) const { return {}; }
};
template <class Functor>
struct FunctorSide {
  Functor functor;
  std::int64_t inner;

  FunctorAccess<ShiftedFunctor<Functor>> from(std::int64_t i) const { return {{functor, i}}; }
  AccessShape shape(std::int64_t, std::int64_t length, int element_size) const {
    return functor_shape(element_size, length, inner);
  }
  AccessShape beside(std::int64_t) const { return {}; }
};

/// The coefficients of a recurrence.
template <class A, class B>
struct CoefficientSide {
  ArraySide<A> a;
  ArraySide<B> b;

  CoefficientAccess<A, B> from(std::int64_t i) const { return {a.from(i), b.from(i)}; }
  AccessShape shape(std::int64_t i, std::int64_t length, int) const {
    return b.shape(i, length, sizeof(B));
  }
  AccessShape beside(std::int64_t i) const { return a.shape(i, 0, sizeof(A)); }
};

/// Elements of a piece in the order of the scan, from a chunk's first on, `missing` of which come
/// from rows that were received. What is missing isn't written.
template <class Access, class T>
struct ChunkAccess {
  static constexpr bool is_memory = false;

  Access access;               // of the whole piece
  MemoryAccess<const T> rows;  // those received
  int missing;
  std::int64_t first;  // of the first element in memory, and from there up or down
  std::int64_t direction;

  struct Slab {
    typename Access::Slab own;
    typename MemoryAccess<const T>::Slab rows;
    int missing;
    std::int64_t first;
    std::int64_t direction;

    KOKKOS_FUNCTION T read(std::int64_t step, std::int64_t j) const {
      if (step < missing) return rows.read(step, j);
      return static_cast<T>(own.read(first + direction * (step - missing), j));
    }
    template <class Result>
    KOKKOS_FUNCTION void write(std::int64_t step, std::int64_t j, const Result& result) const {
      if (step >= missing) own.write(first + direction * (step - missing), j, result);
    }
  };

  KOKKOS_FUNCTION Slab slab(std::int64_t outer) const {
    using Rows = typename MemoryAccess<const T>::Slab;
    // Where nothing is missing there are no rows.
    return {access.slab(outer), missing > 0 ? rows.slab(outer) : Rows{}, missing, first, direction};
  }
};

}  // namespace fused_scan::impl

#endif
