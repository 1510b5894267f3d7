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

struct Method {
  std::string name;
  Work work;
};

/// Copies the first elements of x to y, elements of type `Element`, by plain loads and stores.
template <class Element>
void copy_elements(const Exec& exec, const Bytes& x, const Bytes& y, std::int64_t bytes) {
  const auto* from = reinterpret_cast<const Element*>(x.data());
  auto* to = reinterpret_cast<Element*>(y.data());
  constexpr std::int64_t size = sizeof(Element);
  Kokkos::parallel_for(
      "copy", Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>(exec, 0, bytes / size),
      KOKKOS_LAMBDA(std::int64_t i) { to[i] = from[i]; });
  const std::int64_t rest = bytes / size * size;
  if (rest == bytes) return;
  const auto part = Kokkos::pair<std::int64_t, std::int64_t>(rest, bytes);
  Kokkos::deep_copy(exec, Kokkos::subview(y, part), Kokkos::subview(x, part));
}

inline void deep_copy(const Exec& exec, const Bytes& x, const Bytes& y, std::int64_t bytes) {
  const auto part = Kokkos::pair<std::int64_t, std::int64_t>(0, bytes);
  Kokkos::deep_copy(exec, Kokkos::subview(y, part), Kokkos::subview(x, part));
}

#if defined(__SSE2__) && !defined(__CUDACC__)
/// By stores that bypass the caches.
inline void copy_by_streaming(const Exec& exec, const Bytes& x, const Bytes& y,
                              std::int64_t bytes) {
  constexpr std::int64_t pack = sizeof(__m128i), piece = 4096 * pack;
  Kokkos::parallel_for(
      "copy by streaming", Kokkos::RangePolicy<Exec>(exec, 0, (bytes + piece - 1) / piece),
      [=](std::int64_t p) {
        const std::int64_t last = Kokkos::min(bytes, (p + 1) * piece);
        std::int64_t i = p * piece;
        for (; i + pack <= last; i += pack) {
          const auto* from = reinterpret_cast<const __m128i*>(x.data() + i);
          _mm_stream_si128(reinterpret_cast<__m128i*>(y.data() + i), _mm_load_si128(from));
        }
        for (; i < last; ++i) y(i) = x(i);
        _mm_sfence();
      });
}
#endif

struct alignas(16) Pack {
  std::uint64_t words[2];
};

/// All of them, for an array of so many bytes; the first ones are those that count.
inline std::vector<Method> copies(const Bytes& x, const Bytes& y, std::int64_t bytes) {
  const auto method = [&](const char* name, auto copy) {
    return Method{name, [=](const Exec& exec) { copy(exec, x, y, bytes); }};
  };
  if (!on_host) return {method("deep_copy", deep_copy), method("copy_kernel", copy_elements<Pack>)};
  return {method("plain_copy", copy_elements<std::uint32_t>), method("deep_copy", deep_copy)
#if defined(__SSE2__) && !defined(__CUDACC__)
                                                                  ,
          method("streaming_copy", copy_by_streaming)
#endif
  };
}

/// Whether a share of a copy's speed is a share of this one's.
inline bool counts(const Method& copy) { return !on_host || copy.name == "plain_copy"; }

}  // namespace fused_scan::perf

#endif
