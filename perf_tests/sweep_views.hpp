// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef FUSED_SCAN_SWEEP_VIEWS_HPP
#define FUSED_SCAN_SWEEP_VIEWS_HPP

#include <fused_scan/scan.hpp>

#include "sweep_scanner.hpp"

namespace fused_scan::perf {

/// inclusive_scan and exclusive_scan of Views. LayoutStride stands for both layouts, which spares
/// compiling the same twice: strides decide how a View is scanned, not its type.
template <class T, class Op, class Reference = ExactSum<T>>
class ViewScanner : public ScannerOf<T, Reference> {
 public:
  using ScannerOf<T, Reference>::ScannerOf;

  void scan(const Exec& exec, const Shape& shape) const override {
    const Setup& setup = this->m_setup;
    const View x(this->x(), layout(shape)), y(this->y(), layout(shape));
    if (setup.exclusive) {
      fused_scan::exclusive_scan(exec, x, y, 1, Op(), setup.options);
    } else {
      fused_scan::inclusive_scan(exec, x, y, 1, Op(), setup.options);
    }
  }

 private:
  using View = Kokkos::View<T***, Kokkos::LayoutStride, Exec>;

  Kokkos::LayoutStride layout(const Shape& shape) const {
    const std::size_t outer = shape.outer, length = shape.length, inner = shape.inner;
    if (this->m_setup.left) {
      return Kokkos::LayoutStride(outer, 1, length, outer, inner, outer * length);
    }
    return Kokkos::LayoutStride(outer, length * inner, length, inner, inner, 1);
  }
};

template <class T, class Op>
std::unique_ptr<Scanner> view_scanner(const char* name, const Setup& setup, Data data) {
  return std::make_unique<ViewScanner<T, Op>>(name, setup, data);
}

}  // namespace fused_scan::perf

#endif
