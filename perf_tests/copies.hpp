// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_COPIES_HPP
#define FUSED_SCAN_COPIES_HPP

// Ways to copy an array. On a GPU scans are compared with the faster of deep_copy and a kernel. On
// a host they are compared with plain loads and stores; streaming stores, which spare reading what
// is written over, stand beside it.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>
#if defined(__SSE2__) && !defined(__CUDACC__)
#include <emmintrin.h>
#endif

namespace fused_scan::perf {

using Exec = Kokkos::DefaultExecutionSpace;
using Bytes = Kokkos::View<unsigned char*, Exec>;
using Work = std::function<void(const Exec&)>;

inline constexpr bool on_host = std::is_same_v<Exec::memory_space, Kokkos::HostSpace>;

/// What a thread of a GPU moves at once.
struct alignas(16) Pack {
  std::uint64_t words[2];
};

struct Method {
  std::string name;
  Work work;
};

/// By plain loads and stores of whole elements.
template <class Element>
void copy_elements(const Exec& exec, const Bytes& x, const Bytes& y, std::int64_t bytes) {
  const auto* from = reinterpret_cast<const Element*>(x.data());
  auto* to = reinterpret_cast<Element*>(y.data());
  constexpr std::int64_t size = sizeof(Element);
  Kokkos::parallel_for(
      "copy",
      Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>(exec, 0,
                                                                 (bytes + size - 1) / size),
      KOKKOS_LAMBDA(std::int64_t i) { to[i] = from[i]; });
}

inline void deep_copy(const Exec& exec, const Bytes& x, const Bytes& y, std::int64_t bytes) {
  const auto part = Kokkos::pair<std::int64_t, std::int64_t>(0, bytes);
  Kokkos::deep_copy(exec, Kokkos::subview(y, part), Kokkos::subview(x, part));
}

#if defined(__SSE2__) && !defined(__CUDACC__)
/// By stores that bypass the caches.
inline void copy_by_streaming(const Exec&, const Bytes& x, const Bytes& y, std::int64_t bytes) {
  constexpr std::int64_t pack = sizeof(__m128i), piece = 4096 * pack;
  const unsigned char* from = x.data();
  unsigned char* to = y.data();
  using Range = Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>;
  Kokkos::parallel_for(
      "copy by streaming", Range(0, (bytes + piece - 1) / piece), [=](std::int64_t p) {
        const std::int64_t last = Kokkos::min(bytes, (p + 1) * piece);
        for (std::int64_t i = p * piece; i < last; i += pack) {
          _mm_stream_si128(reinterpret_cast<__m128i*>(to + i),
                           _mm_load_si128(reinterpret_cast<const __m128i*>(from + i)));
        }
        _mm_sfence();
      });
}
#endif

/// All of them, for an array of so many bytes; x and y have room for a Pack more.
inline std::vector<Method> copies(const Bytes& x, const Bytes& y, std::int64_t bytes) {
  const auto method = [&](const char* name, auto copy) {
    return Method{name, [=](const Exec& exec) { copy(exec, x, y, bytes); }};
  };
  std::vector<Method> methods{method("deep_copy", deep_copy)};
  if (on_host) methods.push_back(method("plain_copy", copy_elements<std::uint32_t>));
  if (!on_host) methods.push_back(method("copy_kernel", copy_elements<Pack>));
#if defined(__SSE2__) && !defined(__CUDACC__)
  if (on_host) methods.push_back(method("streaming_copy", copy_by_streaming));
#endif
  return methods;
}

/// Whether a share of a copy's speed is a share of this one's.
inline bool counts(const Method& copy) { return !on_host || copy.name == "plain_copy"; }

}  // namespace fused_scan::perf

#endif
