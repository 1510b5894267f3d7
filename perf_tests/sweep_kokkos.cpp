// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What one writes with Kokkos' own scans: along one line, or with a team for each line.

#include <Kokkos_StdAlgorithms.hpp>
#include <fused_scan/compensated_sum.hpp>

#include "sweep_scanner.hpp"

namespace fused_scan::perf {

namespace {

KOKKOS_INLINE_FUNCTION float rounded(float sum) { return sum; }
KOKKOS_INLINE_FUNCTION float rounded(const CompensatedValue<float>& sum) { return sum.value(); }

/// Along the only line; the sum is carried in a Value.
template <class Value>
struct LineScan {
  const float* x;
  float* y;
  KOKKOS_FUNCTION void operator()(std::int64_t i, Value& sum, bool final) const {
    sum += x[i];
    if (final) y[i] = rounded(sum);
  }
};

struct TeamScan {
  using Policy = Kokkos::TeamPolicy<Exec>;
  const float* x;
  float* y;
  Shape shape;

  KOKKOS_FUNCTION void operator()(const Policy::member_type& team) const {
    const std::int64_t line = team.league_rank(), inner = shape.inner;
    const std::int64_t first = line / inner * shape.length * inner + line % inner;
    const float* from = x + first;
    float* to = y + first;
    Kokkos::parallel_scan(Kokkos::TeamThreadRange(team, shape.length),
                          [&](std::int64_t i, float& sum, bool final) {
                            sum += from[i * inner];
                            if (final) to[i * inner] = sum;
                          });
  }
};

class KokkosScanner : public ScannerOf<float> {
 public:
  enum class Kind { sum, compensated, algorithm };

  KokkosScanner(const char* name, const Setup& setup, Kind kind)
      : ScannerOf<float>(name, setup, kind == Kind::compensated ? setup.data : Data::whole),
        m_kind(kind) {}

  bool takes(const Shape& shape) const override {
    return shape.outer * shape.inner == 1 || m_kind == Kind::sum;
  }

  void scan(const Exec& exec, const Shape& shape) const override {
    using Range = Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>;
    const std::int64_t lines = shape.outer * shape.inner;
    if (lines > 1) {
      Kokkos::parallel_for("scan of lines",
                           TeamScan::Policy(exec, static_cast<int>(lines), Kokkos::AUTO),
                           TeamScan{x(), y(), shape});
    } else if (m_kind == Kind::sum) {
      Kokkos::parallel_scan("scan", Range(exec, 0, shape.length), LineScan<float>{x(), y()});
    } else if (m_kind == Kind::compensated) {
      Kokkos::parallel_scan("scan", Range(exec, 0, shape.length),
                            LineScan<CompensatedValue<float>>{x(), y()});
    } else {
      using View = Kokkos::View<float*, Exec>;
      Kokkos::Experimental::inclusive_scan(exec, View(x(), shape.length), View(y(), shape.length));
    }
  }

 private:
  Kind m_kind;
};

}  // namespace

void add_kokkos(const Setup& setup, Scanners& scanners) {
  using Kind = KokkosScanner::Kind;
  const auto add = [&](const char* name, Kind kind) {
    scanners.push_back(std::make_unique<KokkosScanner>(name, setup, kind));
  };
  add("Kokkos::parallel_scan", Kind::sum);
  add("Kokkos::parallel_scan compensated", Kind::compensated);
  add("Kokkos::Experimental::inclusive_scan", Kind::algorithm);
}

}  // namespace fused_scan::perf
