// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime.hpp"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <Kokkos_Core.hpp>
#include <fused_scan/version.hpp>
#include <set>
#include <stdexcept>

#include "instance.hpp"

namespace fused_scan::python {

namespace {

pid_t started_in = 0;
bool is_ours = false;

/// Shared libraries of Kokkos in this process.
std::set<std::string> kokkos_libraries() {
  std::set<std::string> names;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* into) {
        const std::string name = info->dlpi_name;
        if (name.find("libkokkoscore") != std::string::npos) {
          static_cast<std::set<std::string>*>(into)->insert(name);
        }
        return 0;
      },
      &names);
  return names;
}

void refuse_second_kokkos() {
  std::set<std::string> others = kokkos_libraries();
  Dl_info ours{};
  if (dladdr(reinterpret_cast<void*>(&Kokkos::is_initialized), &ours) != 0) {
    others.erase(ours.dli_fname);
  }
  if (others.empty()) return;
  throw std::runtime_error(
      "fused_scan: another module of this process has loaded a second Kokkos, " + *others.begin() +
      ", and two of them don't share a process; build both on one shared library");
}

/// Kokkos ends the program where it finds no GPU.
void refuse_without_gpu() {
#if defined(KOKKOS_ENABLE_CUDA)
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error == cudaSuccess && devices > 0) return;
  throw std::runtime_error(
      std::string("fused_scan: this installation was built for CUDA, and there is no GPU: ") +
      cudaGetErrorString(error == cudaSuccess ? cudaErrorNoDevice : error));
#endif
}

}  // namespace

void start_kokkos([[maybe_unused]] const Place& first) {
  if (Kokkos::is_finalized()) {
    throw std::runtime_error("fused_scan: Kokkos was finalized, and can't be started again");
  }
  if (started_in == getpid()) return;
  if (started_in != 0) {
    throw std::runtime_error(
        "fused_scan: this process was forked from one that had used fused_scan already, and "
        "threads don't survive a fork; use the start method 'spawn' or 'forkserver', or call "
        "fused_scan first in the child");
  }
  if (!Kokkos::is_initialized()) {
    refuse_second_kokkos();
    refuse_without_gpu();
    Kokkos::InitializationSettings settings;
    settings.set_disable_warnings(true);
#if defined(KOKKOS_ENABLE_CUDA)
    // The caller's current device stays current.
    const CurrentDevice current;
    settings.set_device_id(first.device);
#endif
    Kokkos::initialize(settings);
    is_ours = true;
  }
  started_in = getpid();
}

void stop_kokkos() {
  if (!is_ours || started_in != getpid()) return;
  if (Kokkos::is_initialized() && !Kokkos::is_finalized()) Kokkos::finalize();
}

RuntimeInfo runtime_info() {
  RuntimeInfo info;
  info.version = FUSED_SCAN_VERSION_STRING;
  info.kokkos = std::to_string(KOKKOS_VERSION / 10000) + "." +
                std::to_string(KOKKOS_VERSION / 100 % 100) + "." +
                std::to_string(KOKKOS_VERSION % 100);
#ifdef KOKKOS_ENABLE_SERIAL
  info.backends.emplace_back(Kokkos::Serial::name());
#endif
#ifdef KOKKOS_ENABLE_THREADS
  info.backends.emplace_back(Kokkos::Threads::name());
#endif
#ifdef KOKKOS_ENABLE_OPENMP
  info.backends.emplace_back(Kokkos::OpenMP::name());
#endif
#ifdef KOKKOS_ENABLE_CUDA
  info.backends.emplace_back(Kokkos::Cuda::name());
  info.has_cuda = true;
#endif
  info.host = Kokkos::DefaultHostExecutionSpace::name();
  info.threads = Kokkos::DefaultHostExecutionSpace().concurrency();
  return info;
}

const char* runtime_version() { return FUSED_SCAN_VERSION_STRING; }

void check_place([[maybe_unused]] const Place& place) {
#if !defined(KOKKOS_ENABLE_CUDA)
  if (place.on_gpu) {
    throw std::runtime_error(
        "fused_scan: the array is on a CUDA device, and this installation was built for the CPU "
        "only; build it on a Kokkos with CUDA");
  }
#endif
}

}  // namespace fused_scan::python
