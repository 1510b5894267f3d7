// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ARRAY_CHECKS_HPP
#define FUSED_SCAN_IMPL_ARRAY_CHECKS_HPP

// What a caller may have got wrong, and the sentence that says so.

#include <bit>
#include <fused_scan/impl/array/array.hpp>
#include <fused_scan/impl/array/overlap.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

namespace fused_scan::impl {

template <class Message>
[[noreturn, gnu::cold, gnu::noinline]] void refuse(std::string_view function,
                                                   const Message& message) {
  throw std::invalid_argument(std::string(function) + ": " + message());
}

/// Throws what message() returns where the condition doesn't hold.
template <class Message>
void require(bool condition, std::string_view function, const Message& message) {
  if (!condition) impl::refuse(function, message);
}

inline int checked_axis(const char* function, const Array& array, int axis) {
  impl::require(-array.rank <= axis && axis < array.rank, function, [&]() __attribute__((cold)) {
    return "axis " + std::to_string(axis) + " is out of range [" + std::to_string(-array.rank) +
           ", " + std::to_string(array.rank - 1) + "] for " + array.noun + " " + array.quoted() +
           " of rank " + std::to_string(array.rank);
  });
  return axis < 0 ? axis + array.rank : axis;
}

inline void check_block_size(const char* function, int size) {
  impl::require(
      size == 0 || (size >= chunk_length && std::has_single_bit(static_cast<unsigned>(size))),
      function, [&]() __attribute__((cold)) {
        return "block_size " + std::to_string(size) +
               " must be 0 (chosen) or a power of two, at least " + std::to_string(chunk_length);
      });
}

inline void check_same_extents(const char* function, const Array& a, const Array& b) {
  for (int d = 0; d < a.rank; ++d) {
    impl::require(a.extent[d] == b.extent[d], function, [&]() __attribute__((cold)) {
      return "extents of " + a.quoted() + " " + a.extents() + " and " + b.quoted() + " " +
             b.extents() + " differ";
    });
  }
}

/// `state`, which is called `which`, has the extents of `array` without the axis.
inline void check_state_extents(const char* function, const char* which, const Array& array,
                                int axis, const Array& state) {
  bool equal = true;
  for (int d = 0; d < state.rank; ++d) {
    equal = equal && state.extent[d] == array.extent[d < axis ? d : d + 1];
  }
  impl::require(equal, function, [&]() __attribute__((cold)) {
    return std::string(which) + " " + state.quoted() + " has extents " + state.extents() +
           " instead of " + array.extents(axis) + ", those of " + array.noun + " " +
           array.quoted() + " without axis " + std::to_string(axis);
  });
}

inline void check_no_overlap(const char* function, const Array& a, const Array& b,
                             bool may_be_same) {
  if (may_be_same && same_array(a, b)) return;
  impl::require(!overlap(a, b), function, [&]() __attribute__((cold)) {
    return std::string(a.noun) + "s " + a.quoted() + " and " + b.quoted() + " overlap in memory" +
           (may_be_same ? " without being the same array" : "");
  });
}

/// Of an array that is written: each element has a place of its own.
inline void check_no_self_overlap(const char* function, const Array& array) {
  impl::require(!overlaps_itself(array), function, [&]() __attribute__((cold)) {
    return std::string("elements of ") + array.noun + " " + array.quoted() +
           ", which is written, overlap in memory";
  });
}

}  // namespace fused_scan::impl

#endif
