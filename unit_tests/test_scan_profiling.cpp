// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What a profiler sees of a scan: labels, regions, allocations, and no fence.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <fused_scan/scan.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "test_views.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

struct Events {
  std::vector<std::string> kernels;
  std::vector<std::string> fences;
  std::vector<std::string> regions;
  std::vector<std::string> allocations;
  std::set<const void*> alive;
  int depth = 0;
  int copies = 0;
  bool kernels_in_region = true;
};

/// All that Kokkos tells its tools while this is alive. One at a time: tools are functions without
/// state.
class Profile {
 public:
  Profile() {
    using namespace Kokkos::Tools::Experimental;
    s_events = {};
    set_begin_parallel_for_callback(record_kernel);
    set_begin_parallel_reduce_callback(record_kernel);
    set_begin_parallel_scan_callback(record_kernel);
    set_begin_fence_callback(record_fence);
    set_push_region_callback([](const char* name) {
      s_events.regions.emplace_back(name);
      ++s_events.depth;
    });
    set_pop_region_callback([] { --s_events.depth; });
    set_allocate_data_callback(
        [](Kokkos::Tools::SpaceHandle, const char* label, const void* address, std::uint64_t) {
          // A backend may keep memory of its own for a kernel.
          if (std::string_view(label).starts_with("Kokkos::")) return;
          s_events.allocations.emplace_back(label);
          s_events.alive.insert(address);
        });
    set_deallocate_data_callback([](Kokkos::Tools::SpaceHandle, const char*, const void* address,
                                    std::uint64_t) { s_events.alive.erase(address); });
    set_begin_deep_copy_callback([](Kokkos::Tools::SpaceHandle, const char*, const void*,
                                    Kokkos::Tools::SpaceHandle, const char*, const void*,
                                    std::uint64_t) { ++s_events.copies; });
  }
  ~Profile() { Kokkos::Tools::Experimental::set_callbacks({}); }
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  const auto* operator->() const { return &s_events; }

 private:
  static void record_kernel(const char* name, std::uint32_t, std::uint64_t*) {
    s_events.kernels.emplace_back(name);
    s_events.kernels_in_region = s_events.kernels_in_region && s_events.depth > 0;
  }
  // Kokkos fences before it calls a tool, and calls that a fence, too.
  static void record_fence(const char* name, std::uint32_t, std::uint64_t*) {
    if (!std::string_view(name).starts_with("Kokkos::Tools::")) s_events.fences.emplace_back(name);
  }

  static inline Events s_events;
};

bool all_start_with(const std::vector<std::string>& names, const std::string& prefix) {
  return std::ranges::all_of(names, [&](const auto& name) { return name.starts_with(prefix); });
}

// `call` is one call of `function` that has work to do.
template <class F>
void check_profile(const std::string& function, F call) {
  Kokkos::fence();
  const Profile profile;
  call();
  INFO(Catch::StringMaker<std::vector<std::string>>::convert(profile->kernels));
  INFO(Catch::StringMaker<std::vector<std::string>>::convert(profile->allocations));
  CHECK_FALSE(profile->kernels.empty());
  CHECK(all_start_with(profile->kernels, function + "::"));
  CHECK(profile->kernels_in_region);
  CHECK(profile->fences == std::vector<std::string>{});
  CHECK(profile->copies == 0);
  CHECK(all_start_with(profile->allocations, function + "::"));

  // One region, with the path in brackets.
  REQUIRE(profile->regions.size() == 1);
  CHECK(profile->regions[0].starts_with(function + "["));
  CHECK(profile->regions[0].ends_with("]"));
  CHECK(profile->depth == 0);

  // What a call keeps, a second one uses again.
  const auto kept = profile->alive;
  call();
  CHECK(profile->alive == kept);
}

struct Ones {
  KOKKOS_FUNCTION float operator()(std::int64_t, std::int64_t, std::int64_t) const { return 1; }
};

template <class View>
struct StoreInto {
  View y;
  KOKKOS_FUNCTION void operator()(std::int64_t o, std::int64_t i, std::int64_t j,
                                  float result) const {
    y(o, i, j) = result;
  }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("ScanProfiling.LabelsAndNoFences", "", ExecutionSpaces) {
  using View = ViewOfRank<float, 3, Kokkos::LayoutRight, TestType>;
  using StateView = ViewOfRank<CompensatedValue<float>, 2, Kokkos::LayoutRight, TestType>;
  const TestType exec;
  // Long lines and short ones, shared and not, beside each other and one after the other.
  for (const Extents& extents :
       {Extents{1, 1, 200'003}, Extents{1, 5003, 3}, Extents{20, 300, 40}, Extents{2, 5003, 40}})
    for (int axis = 0; axis < 3; ++axis) {
      INFO(axis << " of " << extents[0] << ", " << extents[1] << ", " << extents[2]);
      const auto x = make_view<View>("x", extents);
      const auto y = make_view<View>("y", extents);
      check_profile("fused_scan::inclusive_scan", [&] { inclusive_scan(exec, x, y, axis); });
      check_profile("fused_scan::exclusive_scan", [&] { exclusive_scan(exec, x, x, axis); });

      Extents lines = extents;
      lines.erase(lines.begin() + axis);
      const auto state = make_view<StateView>("state", lines);
      check_profile("fused_scan::inclusive_scan",
                    [&] { inclusive_scan(exec, x, y, state, state, axis); });
      check_profile("fused_scan::exclusive_scan",
                    [&] { exclusive_scan(exec, x, y, state, state, axis); });
    }
}

TEMPLATE_LIST_TEST_CASE("ScanProfiling.TransformScan", "", ExecutionSpaces) {
  using View = ViewOfRank<float, 3, Kokkos::LayoutRight, TestType>;
  const TestType exec;
  for (const Extents& extents : {Extents{1, 200'003, 1}, Extents{3, 300, 20}}) {
    const auto y = make_view<View>("y", extents);
    const ScanExtents lines{y.extent_int(0), y.extent_int(1), y.extent_int(2)};
    check_profile("fused_scan::transform_scan",
                  [&] { transform_scan(exec, lines, Ones{}, StoreInto<View>{y}); });
  }
}

// An error leaves no region open, and launches nothing.
TEMPLATE_LIST_TEST_CASE("ScanProfiling.Errors", "", ExecutionSpaces) {
  const ViewOfRank<float, 3, Kokkos::LayoutRight, TestType> x("x", 2, 3, 4);
  const Profile profile;
  CHECK_THROWS_AS(inclusive_scan(TestType{}, x, x, 3), std::invalid_argument);
  CHECK(profile->depth == 0);
  CHECK(profile->kernels == std::vector<std::string>{});
  CHECK(profile->allocations == std::vector<std::string>{});
}

// A recorder that recorded nothing would find no fault with anything.
TEMPLATE_LIST_TEST_CASE("ScanProfiling.TheRecorderSeesWhatItShould", "", ExecutionSpaces) {
  const ViewOfRank<int, 1, Kokkos::LayoutRight, TestType> kept("kept", 10);
  const Profile profile;
  const Kokkos::View<int*, TestType> leaked(Kokkos::view_alloc("leaked", TestType{}), 10);
  Kokkos::Profiling::pushRegion("open");
  Kokkos::parallel_for(
      "kernel", Kokkos::RangePolicy<TestType>(0, 10), KOKKOS_LAMBDA(int i) { kept(i) = i; });
  TestType{}.fence("fence");
  CHECK(std::ranges::count(profile->kernels, "kernel") == 1);
  CHECK(std::ranges::count(profile->fences, "fence") == 1);
  CHECK(profile->allocations == std::vector<std::string>{"leaked"});
  CHECK(profile->alive.size() == 1);
  CHECK(profile->regions == std::vector<std::string>{"open"});
  CHECK(profile->depth == 1);
  Kokkos::Profiling::popRegion();
  CHECK(profile->depth == 0);
}
