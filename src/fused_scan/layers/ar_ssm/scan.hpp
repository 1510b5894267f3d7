// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_LAYERS_AR_SSM_SCAN_HPP
#define FUSED_SCAN_LAYERS_AR_SSM_SCAN_HPP

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <fused_scan/compensated_sum.hpp>
#include <fused_scan/layers/dense_product.hpp>
#include <fused_scan/scan.hpp>
#include <string>

namespace fused_scan::impl {

struct StoreNothing {
  template <class T>
  KOKKOS_FUNCTION void operator()(std::int64_t, std::int64_t, std::int64_t, const T&) const {}
};

struct IgnoreTotal {
  template <class Value>
  KOKKOS_FUNCTION void operator()(std::int64_t, std::int64_t, const Value&) const {}
};

template <class T>
struct Zero {
  KOKKOS_FUNCTION T operator()(std::int64_t, std::int64_t) const { return 0; }
};

/// The end of a line, rounded, at [o * inner + j].
template <class T>
struct StoreTotal {
  T* totals;
  std::int64_t inner;
  KOKKOS_FUNCTION void operator()(std::int64_t o, std::int64_t j, double total) const {
    totals[o * inner + j] = static_cast<T>(total);
  }
  KOKKOS_FUNCTION void operator()(std::int64_t o, std::int64_t j,
                                  const CompensatedValue<T>& total) const {
    totals[o * inner + j] = total.value();
  }
};

/// One line in Kokkos::parallel_scan.
template <class T, class Load, class Store, class Final>
struct PlainLineScan {
  using value_type = CompensatedValue<T>;

  Load load;
  Store store;
  Final final;
  std::int64_t length;
  std::int64_t o;
  std::int64_t j;
  bool reverse;

  KOKKOS_FUNCTION void operator()(std::int64_t step, value_type& sum, bool is_final) const {
    const std::int64_t i = reverse ? length - 1 - step : step;
    sum += load(o, i, j);
    if (!is_final) return;
    store(o, i, j, sum.value());
    if (step == length - 1) final(o, j, sum);
  }
};

/// The scan of transform_scan: in the engine, or line by line in Kokkos::parallel_scan, which may
/// call load(o, i, j) twice before the one store(o, i, j, result).
template <class T, class Exec, class Load, class Store, class Final>
void layer_scan(const Exec& exec, bool fused, const ScanExtents& extents, Direction direction,
                const Load& load, const Store& store, const Final& final) {
  if (fused) {
    transform_scan(exec, extents, load, store, Zero<T>(), final, CompensatedSum(), {direction});
    return;
  }
  for (std::int64_t o = 0; o < extents.outer; ++o) {
    for (std::int64_t j = 0; j < extents.inner; ++j) {
      Kokkos::parallel_scan(
          "fused_scan::ArSsm::plain_scan", range_policy(exec, extents.length),
          PlainLineScan<T, Load, Store, Final>{load, store, final, extents.length, o, j,
                                               direction == Direction::reverse});
    }
  }
}

}  // namespace fused_scan::impl

#endif
