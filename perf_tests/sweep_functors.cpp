// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <fused_scan/scan.hpp>

#include "sweep_scanner.hpp"

namespace fused_scan::perf {

namespace {

/// Products that change no bit, so that the result is the scan of x.
struct Doubled {
  const float* x;
  Shape shape;
  KOKKOS_FUNCTION float operator()(std::int64_t o, std::int64_t i, std::int64_t j) const {
    return 2 * x[(o * shape.length + i) * shape.inner + j];
  }
};
struct StoreHalf {
  float* y;
  Shape shape;
  KOKKOS_FUNCTION void operator()(std::int64_t o, std::int64_t i, std::int64_t j,
                                  float result) const {
    y[(o * shape.length + i) * shape.inner + j] = 0.5f * result;
  }
};

template <class Op>
class FunctorScanner : public ScannerOf<float> {
 public:
  using ScannerOf<float>::ScannerOf;

  void scan(const Exec& exec, const Shape& shape) const override {
    fused_scan::transform_scan(exec, {shape.outer, shape.length, shape.inner}, Doubled{x(), shape},
                               StoreHalf{y(), shape}, Op(), m_setup.options,
                               m_setup.exclusive ? ScanKind::exclusive : ScanKind::inclusive);
  }
};

}  // namespace

void add_float_functors(const Setup& setup, const std::string& op, Scanners& scanners) {
  if (op != "compensated-sum") return;
  scanners.push_back(
      std::make_unique<FunctorScanner<CompensatedSum>>("CompensatedSum", setup, setup.data));
}

}  // namespace fused_scan::perf
