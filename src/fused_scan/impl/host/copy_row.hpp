// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_COPY_ROW_HPP
#define FUSED_SCAN_IMPL_HOST_COPY_ROW_HPP

#include <cstring>
#include <type_traits>

namespace fused_scan::impl {

/// `count` elements that don't overlap. In pieces of 64 bytes: of a plain loop GCC makes a call of
/// memcpy, and of that, in a function for wider vectors than the default ones, a loop over bytes.
template <class T>
inline void copy_row(const T* from, int count, T* to) {
  static_assert(std::is_trivially_copyable_v<T>);
  constexpr int size = sizeof(T);
  constexpr int large = size < 64 ? 64 / size : 1, small = size < 16 ? 16 / size : 1;
  const auto copy = [&]<int n>(int at, std::integral_constant<int, n>) {
    std::memcpy(static_cast<void*>(to + at), from + at, n * sizeof(T));
  };
  // The last piece may begin before the one before it ends.
  const auto all = [&]<int n>(std::integral_constant<int, n> piece) {
    for (int at = 0; at + n <= count; at += n) copy(at, piece);
    if (count % n != 0) copy(count - n, piece);
  };
  if (count >= large) return all(std::integral_constant<int, large>());
  if (count >= small) return all(std::integral_constant<int, small>());
  for (int at = 0; at < count; ++at) copy(at, std::integral_constant<int, 1>());
}

}  // namespace fused_scan::impl

#endif
