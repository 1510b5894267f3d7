// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_PYTHON_CUDA_QUEUE_HPP
#define FUSED_SCAN_PYTHON_CUDA_QUEUE_HPP

// One stream of our own, with one workspace, however many streams the callers have. An event makes
// it wait for the caller's stream, another the caller's for it: the host waits for neither, and a
// capture of the caller's stream takes both along.

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace fused_scan::python {

/// Sets a thread's current device back to what it was: Kokkos makes its own the current one.
class CurrentDevice {
 public:
  CurrentDevice() { cudaGetDevice(&m_device); }
  ~CurrentDevice() { cudaSetDevice(m_device); }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int m_device = 0;
};

/// Lets a thread allocate while a stream is being captured: Kokkos asks for no bytes at each
/// launch.
class AllocatesInCapture {
 public:
  AllocatesInCapture() { cudaThreadExchangeStreamCaptureMode(&m_mode); }
  ~AllocatesInCapture() { cudaThreadExchangeStreamCaptureMode(&m_mode); }
  AllocatesInCapture(const AllocatesInCapture&) = delete;
  AllocatesInCapture& operator=(const AllocatesInCapture&) = delete;

 private:
  cudaStreamCaptureMode m_mode = cudaStreamCaptureModeRelaxed;
};

class CudaQueue {
 public:
  template <class Launch>
  static void between(int device, std::uintptr_t caller, const Launch& launch) {
    if (device != Kokkos::device_id()) {
      throw std::runtime_error("fused_scan: the arrays are on CUDA device " +
                               std::to_string(device) + ", and Kokkos runs on device " +
                               std::to_string(Kokkos::device_id()));
    }
    // A caller's stream 0 is that of the current device.
    const CurrentDevice current;
    check(cudaSetDevice(device));
    CudaQueue& queue = of_process();
    const auto stream = reinterpret_cast<cudaStream_t>(caller);
    refuse_capture(stream);
    const AllocatesInCapture allocates;
    order(stream, queue.m_exec.cuda_stream(), queue.m_before);
    launch(queue.m_exec);
    order(queue.m_exec.cuda_stream(), stream, queue.m_after);
  }

  CudaQueue(const CudaQueue&) = delete;
  CudaQueue& operator=(const CudaQueue&) = delete;

 private:
  CudaQueue() : m_exec(stream_of_our_own(), Kokkos::Impl::ManageStream::yes) {
    check(cudaEventCreateWithFlags(&m_before, cudaEventDisableTiming));
    check(cudaEventCreateWithFlags(&m_after, cudaEventDisableTiming));
  }

  static CudaQueue& of_process() {
    static CudaQueue* queue = nullptr;
    if (queue == nullptr) {
      queue = new CudaQueue;
      Kokkos::push_finalize_hook([] {
        delete queue;
        queue = nullptr;
      });
    }
    return *queue;
  }
  ~CudaQueue() {
    cudaEventDestroy(m_before);
    cudaEventDestroy(m_after);
  }

  /// Kokkos 4 hands large kernels over in a buffer of its own, for which it waits on the
  /// host, and which a graph would find overwritten.
  static void refuse_capture([[maybe_unused]] cudaStream_t stream) {
#if !defined(KOKKOS_IMPL_CUDA_USE_GRID_CONSTANT)
    cudaStreamCaptureStatus status;
    check(cudaStreamIsCapturing(stream, &status));
    if (status == cudaStreamCaptureStatusNone) return;
    throw std::runtime_error(
        "fused_scan: the stream is being captured, for which this installation's Kokkos is too "
        "old");
#endif
  }

  static cudaStream_t stream_of_our_own() {
    cudaStream_t stream;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    return stream;
  }
  static void order(cudaStream_t first, cudaStream_t then, cudaEvent_t event) {
    check(cudaEventRecord(event, first));
    check(cudaStreamWaitEvent(then, event, 0));
  }
  static void check(cudaError_t error) {
    if (error != cudaSuccess) {
      throw std::runtime_error(std::string("fused_scan: CUDA says: ") + cudaGetErrorString(error));
    }
  }

  Kokkos::Cuda m_exec;
  cudaEvent_t m_before = nullptr;
  cudaEvent_t m_after = nullptr;
};

}  // namespace fused_scan::python

#endif
