// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ACCESS_LINE_SCAN_HPP
#define FUSED_SCAN_IMPL_ACCESS_LINE_SCAN_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/impl/access/no_store.hpp>
#include <type_traits>
#include <utility>

namespace fused_scan::impl {

/// Everything an engine needs to know of a scan but how to carry it out:
///   load.slab(o).read(i, j) -> element         store.slab(o).write(i, j, result)
///   initial(o, j) -> value                     final(o, j, value)
/// with o in [0, outer), i in [0, length), j in [0, inner). Accesses and slabs that can be taken
/// apart have a part(begin, count), whose positions are counted from `begin` on. A reverse scan
/// begins with i = length
/// - 1.
template <class Op_, class Load_, class Store_, class Initial_, class Final_>
struct LineScan {
  using Op = Op_;
  using Load = Load_;
  using Store = Store_;
  using Initial = Initial_;
  using Final = Final_;
  using Value = typename Op::value_type;
  using Element = typename Op::element_type;
  using Result = typename Op::result_type;

  /// Whether nothing is stored: an engine may then leave out what only results need.
  static constexpr bool reduces = std::is_same_v<Store, NoStore>;
  /// Whether final() gets the prefix after the last element, with which a line of whole chunks
  /// would go on, rather than the state after it.
  static constexpr bool ends_in_prefix = requires { requires Final::of_prefix; };

  Op op;
  Load load;
  Store store;
  Initial initial;
  Final_ final;
  std::int64_t outer;
  std::int64_t length;
  std::int64_t inner;
  bool reverse;
  bool exclusive;

  /// The position in memory of the `step`-th element of the scan.
  KOKKOS_FORCEINLINE_FUNCTION std::int64_t position(std::int64_t step) const {
    return reverse ? length - 1 - step : step;
  }

  /// The same of `count` positions of every line from `begin` on, as lines of their own.
  LineScan part(std::int64_t begin, std::int64_t count) const {
    LineScan scan = *this;
    scan.load = load.part(begin, count);
    scan.store = store.part(begin, count);
    scan.length = count;
    return scan;
  }

  /// What comes before the first element of a line, as an exclusive scan stores it.
  KOKKOS_FORCEINLINE_FUNCTION Value first_output(const Value& initial_state) const {
    return starts_from_state() ? initial_state : op.identity();
  }

  /// Initial::given, or where only a run says so, initial.is_given.
  KOKKOS_FORCEINLINE_FUNCTION bool starts_from_state() const {
    if constexpr (requires { initial.is_given; }) {
      return initial.is_given;
    } else {
      return Initial::given;
    }
  }
};

/// Whether the elements of an access are made of those of two arrays in memory: element(access.a's,
/// access.b's).
template <class Access>
inline constexpr bool reads_two_arrays = requires { requires Access::is_two_arrays; };

/// Whether what an access does at a position depends on where the axis begins and ends, so that a
/// part of it isn't merely counted from elsewhere.
template <class Access>
inline constexpr bool sees_axis = requires { requires Access::sees_axis; };

/// What an access to elements holds in memory: of a functor, the type that the engine works with.
template <class Access, class T>
struct HeldBy {
  using type = T;
  using beside = T;  // in an array beside it
};
template <class Access, class T>
  requires Access::is_memory
struct HeldBy<Access, T> {
  using type = typename Access::value_type;
  using beside = type;
};
template <class Access, class T>
  requires reads_two_arrays<Access>
struct HeldBy<Access, T> {
  using type = typename decltype(Access::b)::value_type;
  using beside = typename decltype(Access::a)::value_type;
};

}  // namespace fused_scan::impl

#endif
