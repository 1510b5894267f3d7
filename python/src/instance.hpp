// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_PYTHON_INSTANCE_HPP
#define FUSED_SCAN_PYTHON_INSTANCE_HPP

// The execution space instance that a request runs on.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <optional>

#include "request.hpp"
#if defined(KOKKOS_ENABLE_CUDA)
#include "cuda_queue.hpp"
#endif

namespace fused_scan::python {

/// Throws where the arrays are on a GPU that this module can't reach.
void check_place(const Place& place);

#if defined(KOKKOS_ENABLE_OPENMP)
/// Up to here a team of threads takes longer to wake than one takes for all.
inline constexpr std::int64_t elements_for_one_thread = 16 << 10;

/// An instance of one thread.
inline const Kokkos::OpenMP& single_thread() {
  static std::optional<Kokkos::OpenMP> instance;
  if (!instance) {
    instance.emplace(1);
    Kokkos::push_finalize_hook([] { instance.reset(); });
  }
  return *instance;
}
#endif

/// launch(exec): on a host complete when this returns, on a GPU behind what the caller's stream has
/// to do, and before what it gets to do next.
template <class Launch>
void on_instance([[maybe_unused]] const Place& place, [[maybe_unused]] std::int64_t elements,
                 const Launch& launch) {
#if defined(KOKKOS_ENABLE_CUDA)
  if (place.on_gpu) {
    CudaQueue::between(place.device, place.stream, launch);
    return;
  }
#endif
#if defined(KOKKOS_ENABLE_OPENMP)
  if (elements <= elements_for_one_thread) {
    launch(single_thread());
    return;
  }
#endif
  launch(Kokkos::DefaultHostExecutionSpace());
}

}  // namespace fused_scan::python

#endif
