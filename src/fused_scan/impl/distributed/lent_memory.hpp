// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DISTRIBUTED_LENT_MEMORY_HPP
#define FUSED_SCAN_IMPL_DISTRIBUTED_LENT_MEMORY_HPP

// Memory for what ranks send each other, which one call leaves to the next: calls after the first
// neither allocate memory of a GPU, or pinned memory of the host, nor wait for the GPU to free it.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace fused_scan::impl {

/// Memory of `Space` for work on an instance. Such work runs in order, so what one owner's work
/// still uses may be another's already; the host, and MPI, write to it only after a fence that came
/// behind its construction. It is freed where more is needed, and at Kokkos::finalize.
template <class Exec, class Space>
class LentMemory {
 public:
  LentMemory(const Exec& exec, std::size_t bytes, const std::string& label) : m_exec(exec) {
    if (bytes == 0) return;
    const std::lock_guard lock(mutex());
    std::vector<Block>& blocks = blocks_of(exec);
    auto found = std::find_if(blocks.begin(), blocks.end(),
                              [&](const Block& block) { return block.size() >= bytes; });
    if (found == blocks.end() && !blocks.empty()) {
      // None is large enough: one is freed for the new one, so that there are never more than have
      // been lent at once.
      exec.fence(label + ": memory is freed");
      blocks.erase(blocks.begin());
      found = blocks.end();
    }
    if (found != blocks.end()) {
      m_block = std::move(*found);
      blocks.erase(found);
    } else {
      m_block = Block(Kokkos::view_alloc(Kokkos::WithoutInitializing, label), bytes);
    }
  }
  LentMemory(const LentMemory&) = delete;
  LentMemory& operator=(const LentMemory&) = delete;
  ~LentMemory() {
    if (m_block.size() == 0) return;
    const std::lock_guard lock(mutex());
    std::vector<Block>& blocks = blocks_of(m_exec);
    // From the smallest to the largest.
    blocks.insert(std::find_if(blocks.begin(), blocks.end(),
                               [&](const Block& block) { return block.size() >= m_block.size(); }),
                  m_block);
  }

  template <class T>
  T* data() const {
    return reinterpret_cast<T*>(m_block.data());
  }

 private:
  using Block = Kokkos::View<std::byte*, Space>;
  struct Blocks {
    Exec exec;
    std::vector<Block> blocks;
  };

  static std::mutex& mutex() {
    static std::mutex of_all;
    return of_all;
  }
  /// Those that nobody has.
  static std::vector<Block>& blocks_of(const Exec& exec) {
    static std::list<Blocks> of_instances;
    if (of_instances.empty()) {
      Kokkos::push_finalize_hook([] {
        Kokkos::fence("fused_scan: memory is freed");
        of_instances.clear();
      });
    }
    auto found = std::find_if(of_instances.begin(), of_instances.end(),
                              [&](const Blocks& blocks) { return blocks.exec == exec; });
    if (found == of_instances.end()) found = of_instances.insert(found, Blocks{exec, {}});
    return found->blocks;
  }

  Exec m_exec;
  Block m_block;
};

}  // namespace fused_scan::impl

#endif
