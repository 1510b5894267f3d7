// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_WORKSPACE_HPP
#define FUSED_SCAN_IMPL_WORKSPACE_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <vector>

namespace fused_scan::impl {

/// Fills memory with zeros, on `exec`.
template <class Exec>
void clear(const Exec& exec, std::byte* memory, std::size_t bytes, const std::string& label) {
  Kokkos::parallel_for(
      label + "::clear", Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>(exec, 0, bytes),
      KOKKOS_LAMBDA(std::int64_t i) { memory[i] = std::byte{0}; });
}

/// Memory that the scans on an instance use one after the other: work on an instance runs in order,
/// so a call may have what the one before it used. Nothing is allocated but when a call needs more
/// than any before it, and nothing is freed before Kokkos::finalize. Each Use has memory of its
/// own.
template <class Exec, class Use = void>
class Workspace {
 public:
  /// At least `bytes` bytes for work on `exec`: zeros at first, then what was left in them.
  static std::byte* get(const Exec& exec, std::size_t bytes, const std::string& label) {
    static std::mutex mutex;
    static std::list<Workspace> of_instances;
    const std::lock_guard lock(mutex);
    if (of_instances.empty()) Kokkos::push_finalize_hook([] { of_instances.clear(); });
    auto found = std::find_if(of_instances.begin(), of_instances.end(),
                              [&](const Workspace& workspace) { return workspace.m_exec == exec; });
    if (found == of_instances.end()) found = of_instances.insert(found, Workspace(exec));
    std::vector<Memory>& memory = found->m_memory;
    if (memory.empty() || memory.back().size() < bytes) {
      const std::size_t grown = memory.empty() ? bytes : std::max(bytes, 2 * memory.back().size());
      memory.emplace_back(
          Kokkos::view_alloc(exec, Kokkos::WithoutInitializing, label + "::workspace"), grown);
      clear(exec, memory.back().data(), grown, label);
    }
    return memory.back().data();
  }

 private:
  using Memory = Kokkos::View<std::byte*, typename Exec::memory_space>;

  explicit Workspace(const Exec& exec) : m_exec(exec) {}

  Exec m_exec;
  // The last is in use. The smaller ones before it, together no larger, are kept as well: work that
  // is still to run may use them, and to free a View is to wait for it.
  std::vector<Memory> m_memory;
};

}  // namespace fused_scan::impl

#endif
