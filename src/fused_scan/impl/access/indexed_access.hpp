// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ACCESS_INDEXED_ACCESS_HPP
#define FUSED_SCAN_IMPL_ACCESS_INDEXED_ACCESS_HPP

// Numbers along with their positions on the axis: read from one array, written to two.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/access/memory_access.hpp>
#include <fused_scan/impl/operator/extrema.hpp>

namespace fused_scan::impl {

template <class T, class Number>
struct IndexedLoad {
  static constexpr bool is_memory = false;

  struct Slab {
    typename MemoryAccess<T>::Slab numbers;
    KOKKOS_FORCEINLINE_FUNCTION IndexedNumber<Number> read(std::int64_t i, std::int64_t j) const {
      return {static_cast<Number>(numbers.read(i, j)), i};
    }
  };

  MemoryAccess<T> numbers;

  KOKKOS_FORCEINLINE_FUNCTION Slab slab(std::int64_t outer) const { return {numbers.slab(outer)}; }
};

template <class T, class Index>
struct IndexedStore {
  static constexpr bool is_memory = false;

  struct Slab {
    typename MemoryAccess<T>::Slab numbers;
    typename MemoryAccess<Index>::Slab indices;
    template <class Number>
    KOKKOS_FORCEINLINE_FUNCTION void write(std::int64_t i, std::int64_t j,
                                           const IndexedNumber<Number>& result) const {
      numbers.write(i, j, result.number);
      indices.write(i, j, result.index);
    }
  };

  MemoryAccess<T> numbers;
  MemoryAccess<Index> indices;

  KOKKOS_FORCEINLINE_FUNCTION Slab slab(std::int64_t outer) const {
    return {numbers.slab(outer), indices.slab(outer)};
  }
};

}  // namespace fused_scan::impl

#endif
