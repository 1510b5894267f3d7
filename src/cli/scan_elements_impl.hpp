// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_SCAN_ELEMENTS_IMPL_HPP
#define FUSED_SCAN_SCAN_ELEMENTS_IMPL_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "element_type.hpp"
#include "progress_bar.hpp"
#include "scan_elements.hpp"

namespace fused_scan::cli {

/// Hears which path the library takes: the name of its profiling region has it in brackets. A tool
/// that listens already goes on hearing everything.
class PathListener {
 public:
  PathListener() {
    m_path.clear();
    m_tool = Kokkos::Tools::Experimental::get_callbacks().push_region;
    Kokkos::Tools::Experimental::set_push_region_callback(hear);
  }
  ~PathListener() { Kokkos::Tools::Experimental::set_push_region_callback(m_tool); }
  PathListener(const PathListener&) = delete;
  PathListener& operator=(const PathListener&) = delete;

  std::string path() const { return m_path; }

 private:
  static void hear(const char* region) {
    const std::string name = region;
    const std::size_t begin = name.find('[');
    if (name.starts_with("fused_scan::") && begin != std::string::npos) {
      m_path = name.substr(begin + 1, name.find(']') - begin - 1);
    }
    if (m_tool) m_tool(region);
  }

  static inline std::string m_path;
  static inline Kokkos_Profiling_pushFunction m_tool = nullptr;
};

/// A data set of any rank as one of rank 3: before the axis, along it, and behind it.
template <class T>
using Lines = Kokkos::View<T***, Kokkos::LayoutRight, Kokkos::DefaultExecutionSpace::memory_space>;

template <class T>
Lines<T> allocate(const Dataset& dataset, int axis) {
  hsize_t outer = 1, length = 1, inner = 1;
  double bytes = sizeof(T);
  for (int d = 0; d < static_cast<int>(dataset.extents().size()); ++d) {
    const hsize_t extent = dataset.extents()[d];
    (d < axis ? outer : d == axis ? length : inner) *= extent;
    bytes *= static_cast<double>(extent);
  }
  try {
    if (bytes > static_cast<double>(std::numeric_limits<std::ptrdiff_t>::max())) {
      throw std::bad_alloc();  // Kokkos would overflow
    }
    return Lines<T>(dataset.label(), outer, length, inner);
  } catch (const std::exception&) {
    char size[32];
    std::snprintf(size, sizeof size, "%.1f GiB", bytes / (1 << 30));
    throw std::runtime_error("there is no memory for the " + std::string(size) + " of " +
                             dataset.label());
  }
}

/// `type` is HDF5's word for the elements in memory; they may be unsigned where T is signed.
template <class T, class Op>
Measurement scan_elements(const ScanRequest& request, const Dataset& in, const Dataset& out, Op op,
                          hid_t type) {
  const Lines<T> data = allocate<T>(in, request.axis);
  const auto on_host = Kokkos::create_mirror_view(data);
  in.read(type, on_host.data());
  Kokkos::deep_copy(data, on_host);

  // In place, for half the memory, where the input isn't needed again.
  const Lines<T> result = request.repeat == 1 ? data : allocate<T>(out, request.axis);
  const Kokkos::DefaultExecutionSpace exec;
  const PathListener listener;
  ProgressBar progress("scan " + in.label(), request.repeat);
  std::vector<double> seconds;
  for (int run = 0; run < request.repeat; ++run) {
    exec.fence("fused-scan: before the time is taken");
    const Kokkos::Timer timer;
    if (request.kind == ScanKind::inclusive) {
      inclusive_scan(exec, data, result, 1, op, request.options);
    } else {
      exclusive_scan(exec, data, result, 1, op, request.options);
    }
    exec.fence("fused-scan: the end of a scan");
    seconds.push_back(timer.seconds());
    progress.advance(1);
  }
  std::sort(seconds.begin(), seconds.end());

  Kokkos::deep_copy(on_host, result);
  // The identity of Max and Min lies outside a type of 8 or 16 bits: its own identity is meant.
  constexpr bool saturate = std::is_same_v<Op, Max> || std::is_same_v<Op, Min>;
  out.write(type, on_host.data(), saturate);
  return {listener.path(), seconds[seconds.size() / 2],
          2.0 * sizeof(T) * static_cast<double>(data.size())};
}

/// The signed type of the same size where T is unsigned, else T.
template <class T>
struct SignedTwin {
  using Type = T;
};
template <std::unsigned_integral T>
struct SignedTwin<T> {
  using Type = std::make_signed_t<T>;
};

template <class T>
Measurement scan_elements(const ScanRequest& request, const Dataset& in, const Dataset& out) {
  const Handle type = memory_type(T(), in.stored_type());
  return std::visit(
      [&]<class Op>(Op op) -> Measurement {
        constexpr bool needs_order = std::is_same_v<Op, Max> || std::is_same_v<Op, Min>;
        if constexpr (needs_order && !std::is_arithmetic_v<T>) {
          throw std::runtime_error(in.label() + " has complex numbers, which have no order: max " +
                                   "and min can't be had, compensated-sum, sum and prod can");
        } else {
          // Sums and products have the same bits, signed or not: one engine less to compile.
          using Scanned = std::conditional_t<needs_order, T, typename SignedTwin<T>::Type>;
          return scan_elements<Scanned>(request, in, out, op, type.id());
        }
      },
      request.op);
}

}  // namespace fused_scan::cli

#endif
