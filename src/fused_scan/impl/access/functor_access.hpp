// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ACCESS_FUNCTOR_ACCESS_HPP
#define FUSED_SCAN_IMPL_ACCESS_FUNCTOR_ACCESS_HPP

// What an engine reads from and writes to where it is a functor of (o, i, j).

#include <Kokkos_Core.hpp>
#include <cstdint>

namespace fused_scan::impl {

template <class Functor>
struct FunctorAccess {
  static constexpr bool is_memory = false;
  static constexpr bool calls_functor = true;

  struct Slab {
    const Functor& functor;
    std::int64_t outer;

    KOKKOS_FORCEINLINE_FUNCTION auto read(std::int64_t i, std::int64_t j) const {
      return functor(outer, i, j);
    }
    template <class Result>
    KOKKOS_FORCEINLINE_FUNCTION void write(std::int64_t i, std::int64_t j,
                                           const Result& result) const {
      functor(outer, i, j, result);
    }
  };

  Functor functor;

  KOKKOS_FUNCTION Slab slab(std::int64_t outer) const { return {functor, outer}; }
};

/// The same, which can be taken apart: position i is the functor's first + i.
template <class Functor>
struct FunctorPart {
  static constexpr bool is_memory = false;

  struct Slab {
    const Functor& functor;
    std::int64_t outer;
    std::int64_t first;

    KOKKOS_FORCEINLINE_FUNCTION auto read(std::int64_t i, std::int64_t j) const {
      return functor(outer, first + i, j);
    }
    template <class Result>
    KOKKOS_FORCEINLINE_FUNCTION void write(std::int64_t i, std::int64_t j,
                                           const Result& result) const {
      functor(outer, first + i, j, result);
    }
    KOKKOS_FUNCTION Slab part(std::int64_t begin, std::int64_t) const {
      return {functor, outer, first + begin};
    }
  };

  Functor functor;
  std::int64_t first = 0;

  KOKKOS_FUNCTION Slab slab(std::int64_t outer) const { return {functor, outer, first}; }
  FunctorPart part(std::int64_t begin, std::int64_t) const { return {functor, first + begin}; }
};

}  // namespace fused_scan::impl

#endif
