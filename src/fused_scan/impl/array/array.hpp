// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ARRAY_ARRAY_HPP
#define FUSED_SCAN_IMPL_ARRAY_ARRAY_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <string>

namespace fused_scan::impl {

/// An array as plain numbers: checks and plans need no more of a View.
struct Array {
  static constexpr int max_rank = 8;

  const void* data = nullptr;
  int rank = 0;
  std::int64_t extent[max_rank] = {};
  std::int64_t stride[max_rank] = {};  // in elements
  std::int64_t element_size = 0;       // in bytes

  const char* noun = "View";  // in messages
  // The label is made only where a message needs it.
  const void* view = nullptr;
  std::string (*label_of)(const void* view) = nullptr;

  bool empty() const {
    for (int d = 0; d < rank; ++d) {
      if (extent[d] == 0) return true;
    }
    return false;
  }

  /// "'x'"
  [[gnu::cold]] std::string quoted() const { return "'" + label_of(view) + "'"; }

  /// "(4, 8)"; with `without`, that dimension is left out.
  [[gnu::cold]] std::string extents(int without = -1) const {
    std::string text;
    for (int d = 0; d < rank; ++d) {
      if (d != without) text += (text.empty() ? "" : ", ") + std::to_string(extent[d]);
    }
    return "(" + text + ")";
  }
};

/// `view` must outlive the result.
template <class View>
Array array_of(const View& view) {
  Array array;
  array.data = view.data();
  array.rank = static_cast<int>(View::rank);
  for (int d = 0; d < array.rank; ++d) {
    array.extent[d] = static_cast<std::int64_t>(view.extent(d));
    array.stride[d] = static_cast<std::int64_t>(view.stride(d));
  }
  array.element_size = sizeof(typename View::value_type);
  array.view = &view;
  array.label_of = [](const void* of) { return static_cast<const View*>(of)->label(); };
  return array;
}

}  // namespace fused_scan::impl

#endif
