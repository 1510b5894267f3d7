// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_TILE_COPY_HPP
#define FUSED_SCAN_IMPL_HOST_TILE_COPY_HPP

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>

namespace fused_scan::impl {

/// The elements of a tile that come from a functor, which may be called once for each: kept when
/// they are summed up, for when they are scanned. Elements in memory are read again, and those of a
/// reduction are summed up only.
template <class Scan>
class TileCopy {
 public:
  using Element = typename Scan::Element;
  static constexpr bool needed = !Scan::Load::is_memory && !Scan::reduces;

  static std::size_t bytes_for(std::int64_t steps, int lines) {
    return needed ? sizeof(Element) * steps * lines : 0;
  }

  TileCopy() = default;
  explicit TileCopy(std::byte* memory) : m_elements(reinterpret_cast<Element*>(memory)) {}

  void begin(std::int64_t first, int lines) {
    m_first = first;
    m_lines = lines;
    m_filled = false;
  }
  void keep(bool kept) { m_filled = needed && kept; }
  bool filled() const { return m_filled; }

  /// Of one position on the axis, and the lines from `line` on.
  Element* at(std::int64_t step, int line) const {
    return m_elements + (step - m_first) * m_lines + line;
  }

 private:
  Element* m_elements = nullptr;
  std::int64_t m_first = 0;
  int m_lines = 1;
  bool m_filled = false;
};

}  // namespace fused_scan::impl

#endif
