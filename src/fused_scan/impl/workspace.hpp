// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_WORKSPACE_HPP
#define FUSED_SCAN_IMPL_WORKSPACE_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>

namespace fused_scan::impl {

/// Device memory that the scans on an instance use one after the other: work on an instance runs in
/// order, so a call may have what the one before it used, and nothing is allocated or freed (which
/// waits for the device) but when a call needs more than any before. Freed by Kokkos::finalize.
template <class Exec>
class Workspace {
 public:
  using Memory = Kokkos::View<std::byte*, typename Exec::memory_space>;

  /// At least `bytes` bytes for work on `exec`, with whatever is in them.
  static std::byte* get(const Exec& exec, std::size_t bytes, const std::string& label) {
    static std::mutex mutex;
    static std::list<Workspace> of_instances;
    const std::lock_guard lock(mutex);
    if (of_instances.empty()) Kokkos::push_finalize_hook([] { of_instances.clear(); });
    auto found = std::find_if(of_instances.begin(), of_instances.end(),
                              [&](const Workspace& workspace) { return workspace.m_exec == exec; });
    if (found == of_instances.end()) found = of_instances.insert(found, Workspace(exec));
    if (found->m_memory.size() < bytes) {
      found->m_memory = Memory();  // first free, then take more
      found->m_memory = Memory(Kokkos::view_alloc(exec, Kokkos::WithoutInitializing, label), 2 * bytes);
    }
    return found->m_memory.data();
  }

 private:
  explicit Workspace(const Exec& exec) : m_exec(exec) {}

  Exec m_exec;
  Memory m_memory;
};

}  // namespace fused_scan::impl

#endif
