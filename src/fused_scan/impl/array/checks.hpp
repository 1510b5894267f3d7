// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_ARRAY_CHECKS_HPP
#define FUSED_SCAN_IMPL_ARRAY_CHECKS_HPP

// What a caller may have got wrong, and the sentence that says so.

#include <Kokkos_Core.hpp>
#include <bit>
#include <fused_scan/impl/array/overlap.hpp>
#include <fused_scan/impl/order/prefix_tree.hpp>
#include <fused_scan/scan_options.hpp>
#include <stdexcept>
#include <string>

namespace fused_scan::impl {

inline void require(bool condition, const std::string& function, const std::string& message) {
  if (!condition) throw std::invalid_argument(function + ": " + message);
}

template <class View>
std::string quoted(const View& view) {
  return "'" + view.label() + "'";
}

/// "(4, 8)"; with `without`, that dimension is left out.
template <class View>
std::string extents_of(const View& view, int without = -1) {
  std::string text;
  for (int d = 0; d < static_cast<int>(view.rank()); ++d) {
    if (d != without) text += (text.empty() ? "" : ", ") + std::to_string(view.extent(d));
  }
  return "(" + text + ")";
}

template <class View>
int checked_axis(const std::string& function, const View& view, int axis) {
  const int rank = View::rank;
  impl::require(-rank <= axis && axis < rank, function,
                "axis " + std::to_string(axis) + " is out of range [" + std::to_string(-rank) +
                    ", " + std::to_string(rank - 1) + "] for View " + impl::quoted(view) +
                    " of rank " + std::to_string(rank));
  return axis < 0 ? axis + rank : axis;
}

inline void check_options(const std::string& function, const ScanOptions& options) {
  const int size = options.block_size;
  impl::require(
      size == 0 || (size >= chunk_length && std::has_single_bit(static_cast<unsigned>(size))),
      function,
      "block_size " + std::to_string(size) + " must be 0 (chosen) or a power of two, at least " +
          std::to_string(chunk_length));
}

template <class In, class State>
void check_state_extents(const std::string& function, const char* which, const In& in, int axis,
                         const State& state) {
  bool equal = true;
  for (int d = 0; d < static_cast<int>(State::rank); ++d) {
    equal = equal && state.extent(d) == in.extent(d < axis ? d : d + 1);
  }
  impl::require(equal, function,
                std::string(which) + " state " + impl::quoted(state) + " has extents " +
                    impl::extents_of(state) + " instead of " + impl::extents_of(in, axis) +
                    ", those of View " + impl::quoted(in) + " without axis " +
                    std::to_string(axis));
}

template <class A, class B>
void check_no_overlap(const std::string& function, const A& a, const B& b, bool may_be_same) {
  impl::require((may_be_same && impl::same_array(a, b)) || !impl::overlap(a, b), function,
                "Views " + impl::quoted(a) + " and " + impl::quoted(b) + " overlap in memory" +
                    (may_be_same ? " without being the same array" : ""));
}

}  // namespace fused_scan::impl

#endif
