// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Memory for what ranks send: lent to one owner at a time, and kept for later calls.

#include <Kokkos_Core.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/distributed/lent_memory.hpp>
#include <optional>
#include <string_view>
#include <tuple>

#include "distributed_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Exec = Kokkos::DefaultExecutionSpace;
using Memory = impl::LentMemory<Exec, Exec::memory_space>;
using Bytes = Kokkos::View<unsigned char*, Exec, Kokkos::MemoryUnmanaged>;

Bytes bytes_of(const Memory& memory, std::size_t bytes) {
  return Bytes(memory.data<unsigned char>(), bytes);
}

/// Counts allocations for as long as it lives; but a backend may have memory of its own.
class Allocations {
 public:
  Allocations() {
    s_count = 0;
    Kokkos::Tools::Experimental::set_allocate_data_callback(
        [](Kokkos::Tools::SpaceHandle, const char* label, const void*, std::uint64_t) {
          if (!std::string_view(label).starts_with("Kokkos::")) ++s_count;
        });
  }
  ~Allocations() { Kokkos::Tools::Experimental::set_callbacks({}); }
  Allocations(const Allocations&) = delete;
  Allocations& operator=(const Allocations&) = delete;

  static int count() { return s_count; }

 private:
  inline static int s_count = 0;
};

}  // namespace

TEST_CASE("DistributedMemory.OwnersAtATimeHaveTheirOwn") {
  const Exec exec;
  for (const std::size_t bytes : {100, 5000, 7}) {
    const Memory a(exec, bytes, "a"), b(exec, 2 * bytes, "b"), c(exec, bytes, "c");
    Kokkos::deep_copy(bytes_of(a, bytes), 1);
    Kokkos::deep_copy(bytes_of(b, 2 * bytes), 2);
    Kokkos::deep_copy(bytes_of(c, bytes), 3);
    for (const auto& [memory, size, value] :
         {std::tuple(&a, bytes, 1), std::tuple(&b, 2 * bytes, 2), std::tuple(&c, bytes, 3)}) {
      for (const unsigned char byte : read(bytes_of(*memory, size)).values) REQUIRE(byte == value);
    }
  }
}

TEST_CASE("DistributedMemory.IsKept") {
  const Exec exec;
  std::optional<Memory> small(std::in_place, exec, 300000, "small"),
      large(std::in_place, exec, 900000, "large");
  const auto* const of_small = small->data<char>();
  const auto* const of_large = large->data<char>();
  large.reset();
  small.reset();
  const Allocations allocations;
  // The smaller one where it is enough.
  CHECK(Memory(exec, 300000, "again").data<char>() == of_small);
  CHECK(Memory(exec, 300001, "again").data<char>() == of_large);
  CHECK(Memory(exec, 0, "nothing").data<char>() == nullptr);
  CHECK(allocations.count() == 0);
  // One that is too small gives way.
  const Memory larger(exec, 2000000, "larger");
  CHECK(allocations.count() == 1);
  const Memory other(exec, 500000, "other");
  CHECK(other.data<char>() == of_large);
  CHECK(allocations.count() == 1);
}

// What is kept is lent again with what an earlier call left in it: the sums are right every time.
TEST_CASE("DistributedMemory.LaterCallsAllocateNothing") {
  const int rank = rank_of(), ranks = test::size_of(MPI_COMM_WORLD);
  const auto own = static_cast<std::size_t>(50 + 7 * rank);
  using Array = ViewOfRank<std::int32_t, 2, Kokkos::LayoutRight, Exec>;
  const Array x("x", own, 3), y("y", own, 3);
  const Kokkos::View<std::int32_t*, Exec> final("final", 3);
  Kokkos::deep_copy(x, 1);
  std::int32_t before = 0, all = 0;
  for (int r = 0; r < ranks; ++r) (r < rank ? before : all) += 50 + 7 * r;
  all += before;
  const auto call = [&](std::int32_t start) {
    inclusive_scan(Exec{}, MPI_COMM_WORLD, x, y, from(start), final, 0, Sum{});
  };
  call(0);
  for (int k = 1; k < 5; ++k) {
    const Allocations allocations;
    call(1000 * k);
    CHECK(allocations.count() == 0);
    HostArray<std::int32_t> expected({own, 3}), last({3});
    for (std::size_t i = 0; i < expected.values.size(); ++i)
      expected.values[i] = 1000 * k + before + 1 + static_cast<std::int32_t>(i / 3);
    last.values.assign(3, 1000 * k + all);
    CHECK_THAT(read(y), equals(expected));
    CHECK_THAT(read(final), equals(last));
  }
}
