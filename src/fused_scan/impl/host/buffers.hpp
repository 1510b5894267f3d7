// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_BUFFERS_HPP
#define FUSED_SCAN_IMPL_HOST_BUFFERS_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace fused_scan::impl {

/// Memory for one launch on a host. Two launches may run at the same time, on copies of one
/// instance too, so that each has a buffer of its own; kernels have run when their launch returns,
/// and give it back. Nothing is allocated but where a launch needs more than any free buffer has,
/// and nothing is freed before Kokkos::finalize.
class HostBuffer {
 public:
  HostBuffer(std::size_t bytes, const std::string& label) : m_memory(taken(bytes)) {
    if (m_memory.size >= bytes) return;
    // A little more than asked for: the next call may need a little more.
    m_memory.size = std::max(bytes + bytes / 4, std::size_t{4096});
    m_memory.data.reset(
        Kokkos::kokkos_malloc<Kokkos::HostSpace>(label + "::buffer", m_memory.size));
  }
  ~HostBuffer() {
    Pool& pool = the_pool();
    const std::lock_guard lock(pool.mutex);
    if (pool.free.empty() && !pool.has_hook) {
      pool.has_hook = true;
      Kokkos::push_finalize_hook([] {
        the_pool().free.clear();
        the_pool().has_hook = false;
      });
    }
    pool.free.push_back(std::move(m_memory));
  }
  HostBuffer(const HostBuffer&) = delete;
  HostBuffer& operator=(const HostBuffer&) = delete;

  std::byte* data() const { return static_cast<std::byte*>(m_memory.data.get()); }

 private:
  // Not a View: for one more type of them each program would be compiled longer.
  struct Free {
    void operator()(void* data) const { Kokkos::kokkos_free<Kokkos::HostSpace>(data); }
  };
  struct Memory {
    std::unique_ptr<void, Free> data;
    std::size_t size = 0;
  };
  struct Pool {
    std::mutex mutex;
    std::vector<Memory> free;
    bool has_hook = false;
  };
  static Pool& the_pool() {
    static Pool pool;
    return pool;
  }

  /// The smallest free buffer that is large enough; none where there is none.
  static Memory taken(std::size_t bytes) {
    Pool& pool = the_pool();
    const std::lock_guard lock(pool.mutex);
    auto best = pool.free.end();
    for (auto it = pool.free.begin(); it != pool.free.end(); ++it) {
      if (it->size >= bytes && (best == pool.free.end() || it->size < best->size)) best = it;
    }
    if (best == pool.free.end()) return {};
    Memory memory = std::move(*best);
    pool.free.erase(best);
    return memory;
  }

  Memory m_memory;
};

}  // namespace fused_scan::impl

#endif
