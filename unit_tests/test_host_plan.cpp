// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// How scans are carried out on a host: plans of shapes, from plain numbers.

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <fused_scan/impl/plan/host_plan.hpp>
#include <string>

namespace {

using namespace fused_scan::impl;
using Kind = HostPlan::Kind;

/// Floats in LayoutRight, scanned along the middle, carried in doubles.
ScanShape floats(std::int64_t outer, std::int64_t length, std::int64_t inner) {
  ScanShape shape;
  shape.outer = outer;
  shape.length = length;
  shape.inner = inner;
  shape.in = {true, 4, 4096, inner, 1, length * inner};
  shape.out = {true, 4, 1 << 30, inner, 1, length * inner};
  shape.value_size = 8;
  shape.can_stream = true;
  shape.line_block = 512;
  return shape;
}
HostMachine threads(int count) {
  HostMachine machine;
  machine.threads = count;
  return machine;
}
std::string name_of(const ScanShape& shape, int count) {
  return make_host_plan(shape, threads(count)).name();
}

/// Every element is in one work item.
void check_complete(const ScanShape& shape, const HostPlan& plan) {
  CHECK(plan.columns >= 1);
  CHECK(plan.column_blocks * plan.columns >= (plan.by_line ? 1 : shape.inner));
  CHECK((plan.column_blocks - 1) * plan.columns < (plan.by_line ? 1 : shape.inner));
  CHECK(plan.groups == ceil_div(plan.units, plan.slabs) * plan.column_blocks);
  CHECK(plan.threads >= 1);
  if (plan.tiles > 1) {
    CHECK(plan.slabs == 1);
    CHECK(plan.tile % (chunk_length * (plan.columns == 1 ? plan.chunks : 1)) == 0);
    CHECK((plan.tile & (plan.tile - 1)) == 0);
    CHECK(plan.tiles == ceil_div(shape.length, plan.tile));
  } else {
    CHECK(plan.items() * plan.groups_at_once >= plan.groups);
  }
}

}  // namespace

TEST_CASE("HostPlan.Names") {
  // Columns are walked row by row; as many as the first-level cache holds the sums of.
  CHECK(name_of(floats(4, 8192, 512), 2) == "columns, 512 side by side, streaming");
  CHECK(name_of(floats(2, 512, 512), 2) == "columns, 512 side by side");
  CHECK(name_of(floats(1, 2048, 8192), 2) == "columns, 2048 side by side, streaming");
  // A strip for each thread, or tiles where strips would be narrow.
  CHECK(name_of(floats(1, 8192, 2048), 2) == "columns, 1024 side by side, streaming");
  CHECK(name_of(floats(1, 262144, 64), 2) == "columns, 64 side by side, tiles of 512, streaming");
  CHECK(name_of(floats(1, 262144, 64), 1) == "columns, 64 side by side, streaming");
  // Few columns: short slabs side by side, chunks of long ones.
  CHECK(name_of(floats(4194304, 2, 2), 2) == "slabs, 16 side by side");
  CHECK(name_of(floats(5592405, 3, 1), 2) == "slabs, 32 side by side");
  CHECK(name_of(floats(4, 2097152, 2), 2) == "lines, 2 side by side");
  CHECK(name_of(floats(1, 2097152, 2), 2) == "lines, 2 side by side, tiles of 16384");
  CHECK(name_of(floats(8192, 2048, 1), 2) == "lines");
  CHECK(name_of(floats(1, 1 << 24, 1), 2) == "lines, tiles of 32768");
  // Lines of which the last block would be empty but for a few elements, side by side.
  CHECK(name_of(floats(11781, 1424, 1), 2) == "slabs, 32 side by side");
  CHECK(name_of(floats(55000, 305, 1), 2) == "slabs, 32 side by side");
  CHECK(name_of(floats(32768, 512, 1), 2) == "lines");
  CHECK(name_of(floats(12000, 1500, 1), 2) == "lines");
  CHECK(name_of(floats(40, 305, 1), 2) == "lines");
  // Two columns of long slabs that are no multiple of 16.
  CHECK(name_of(floats(61, 137269, 2), 2) == "lines, 2 side by side");
  CHECK(name_of(floats(549, 15263, 2), 2) == "slabs, 16 side by side");
}

TEST_CASE("HostPlan.BlockSizeIsThatOfTiles") {
  ScanShape shape = floats(1, 1 << 20, 1);
  shape.block_size = 2048;
  CHECK(make_host_plan(shape, threads(4)).tile == 2048);
  shape.block_size = 16;  // less than the chunks that are added side by side
  CHECK(make_host_plan(shape, threads(4)).tile == 512);
  shape = floats(1, 1 << 20, 3);
  shape.block_size = 16;  // eight chunks side by side
  CHECK(make_host_plan(shape, threads(4)).tile == 128);
}

TEST_CASE("HostPlan.InPlaceNothingBypassesTheCaches") {
  ScanShape shape = floats(4, 8192, 512);
  shape.in_place = true;
  CHECK_FALSE(make_host_plan(shape, threads(2)).streaming);
}

TEST_CASE("HostPlan.SmallArraysAreForOneThread") {
  for (const std::int64_t length : {1, 10, 100, 1000}) {
    CHECK(make_host_plan(floats(1, length, 1), threads(64)).threads == 1);
  }
}

TEST_CASE("HostPlan.EveryElementIsWorkedOn") {
  for (const int count : {1, 2, 3, 64})
    for (const std::int64_t outer : {1, 2, 7, 1000})
      for (const std::int64_t length : {1, 15, 17, 300, 100'003})
        for (const std::int64_t inner : {1, 2, 3, 16, 17, 100, 1365, 5786, 131072})
          for (const int size : {1, 8, 16, 64}) {
            ScanShape shape = floats(outer, length, inner);
            shape.value_size = size;
            INFO(outer << ", " << length << ", " << inner << ": " << count << " threads, values of "
                       << size);
            check_complete(shape, make_host_plan(shape, threads(count)));
          }
}
