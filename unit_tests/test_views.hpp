// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_TEST_VIEWS_HPP
#define FUSED_SCAN_TEST_VIEWS_HPP

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace fused_scan::test {

/// Every execution space that this Kokkos was built with, for TEMPLATE_LIST_TEST_CASE.
using ExecutionSpaces = decltype(std::tuple_cat(
#ifdef KOKKOS_ENABLE_CUDA
    std::tuple<Kokkos::Cuda>{},
#endif
#ifdef KOKKOS_ENABLE_OPENMP
    std::tuple<Kokkos::OpenMP>{},
#endif
#ifdef KOKKOS_ENABLE_SERIAL
    std::tuple<Kokkos::Serial>{},
#endif
    std::tuple<>{}));

using Layouts = std::tuple<Kokkos::LayoutRight, Kokkos::LayoutLeft, Kokkos::LayoutStride>;

/// Calls f once with a value of each type in the tuple: a loop over types.
template <class Types, class F>
void for_each_type(F f) {
  std::apply([&](auto... x) { (f(x), ...); }, Types{});
}

using Extents = std::vector<std::size_t>;

/// The number of elements of the dimensions from `first` up to `last`, that one left out.
inline std::size_t size_of(const Extents& extents, std::size_t first, std::size_t last) {
  std::size_t size = 1;
  for (std::size_t d = first; d < last; ++d) size *= extents[d];
  return size;
}

inline std::size_t size_of(const Extents& extents) { return size_of(extents, 0, extents.size()); }

/// What a test's View holds: its elements in row-major order, whatever the View's layout.
template <class T>
struct HostArray {
  Extents extents;
  std::vector<T> values;

  explicit HostArray(Extents e) : extents(std::move(e)), values(size_of(extents)) {}
};

template <class T, std::size_t Rank>
struct AddPointers {
  using type = typename AddPointers<T*, Rank - 1>::type;
};
template <class T>
struct AddPointers<T, 0> {
  using type = T;
};

/// View<T***...> of the rank.
template <class T, std::size_t Rank, class Layout, class Space>
using ViewOfRank = Kokkos::View<typename AddPointers<T, Rank>::type, Layout, Space>;

/// The layout of the extents. A LayoutStride has every third element of its memory and a gap after
/// each dimension, so that no two of its dimensions can be seen as one.
template <class Layout>
Layout make_layout(const Extents& extents) {
  Layout layout{};
  for (std::size_t d = 0; d < extents.size(); ++d) layout.dimension[d] = extents[d];
  if constexpr (std::is_same_v<Layout, Kokkos::LayoutStride>) {
    std::size_t stride = 3;
    for (std::size_t d = extents.size(); d-- > 0;) {
      layout.stride[d] = stride;
      stride *= extents[d] + 1;
    }
  }
  return layout;
}

template <class View>
Extents extents_of(const View& view) {
  Extents extents(View::rank);
  for (std::size_t d = 0; d < extents.size(); ++d) extents[d] = view.extent(d);
  return extents;
}

/// The offsets of the View's elements from its first one, in row-major order.
template <class View>
std::vector<std::size_t> offsets_of(const View& view) {
  std::vector<std::size_t> offsets{0};
  for (std::size_t d = 0; d < View::rank; ++d) {
    std::vector<std::size_t> next;
    next.reserve(offsets.size() * view.extent(d));
    for (const std::size_t offset : offsets)
      for (std::size_t i = 0; i < view.extent(d); ++i) next.push_back(offset + i * view.stride(d));
    offsets = std::move(next);
  }
  return offsets;
}

/// All memory from the View's first to its last element, gaps included, as a View of rank 1.
template <class View>
auto memory_of(const View& view) {
  std::size_t size = view.size() == 0 ? 0 : 1;
  for (std::size_t d = 0; size != 0 && d < View::rank; ++d)
    size += (view.extent(d) - 1) * view.stride(d);
  using Memory =
      Kokkos::View<typename View::value_type*, typename View::device_type, Kokkos::MemoryUnmanaged>;
  return Memory(view.data(), size);
}

template <class View>
auto host_memory_of(const View& view) {
  return Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, memory_of(view));
}

/// Waits for the execution space, then copies the View's elements to the host.
template <class View>
HostArray<typename View::non_const_value_type> read(const View& view) {
  Kokkos::fence();
  const auto memory = host_memory_of(view);
  HostArray<typename View::non_const_value_type> array(extents_of(view));
  const auto offsets = offsets_of(view);
  for (std::size_t i = 0; i < offsets.size(); ++i) array.values[i] = memory(offsets[i]);
  return array;
}

template <class View>
void write(const View& view, const HostArray<typename View::value_type>& array) {
  const auto memory = host_memory_of(view);
  const auto offsets = offsets_of(view);
  for (std::size_t i = 0; i < offsets.size(); ++i) memory(offsets[i]) = array.values[i];
  Kokkos::deep_copy(memory_of(view), memory);
  Kokkos::fence();
}

/// A new View with these extents.
template <class View>
View make_view(const std::string& label, const Extents& extents) {
  return View(label, make_layout<typename View::array_layout>(extents));
}

/// A new View that holds the array.
template <class View>
View make_view(const std::string& label, const HostArray<typename View::value_type>& array) {
  auto view = make_view<View>(label, array.extents);
  write(view, array);
  return view;
}

}  // namespace fused_scan::test

#endif
