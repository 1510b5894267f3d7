// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Plans for a GPU, from plain numbers: no scan is run, and no GPU is needed.

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <fused_scan/impl/plan/device_plan.hpp>
#include <fused_scan/impl/plan/segment_plan.hpp>
#include <string>
#include <vector>

namespace {

using namespace fused_scan::impl;

const DeviceMachine h100{132, 32, 227 << 10, 228 << 10};

/// Dense arrays (outer, length, inner) scanned along the middle; `pitch` more elements a row.
ScanShape shape_of(std::int64_t outer, std::int64_t length, std::int64_t inner, int size = 4,
                   int value_size = 8, std::int64_t pitch = 0) {
  ScanShape shape;
  shape.outer = outer;
  shape.length = length;
  shape.inner = inner;
  shape.value_size = value_size;
  const std::int64_t row = inner + pitch;
  shape.in = {true, size, 1 << 20, row, 1, length * row};
  shape.out = shape.in;
  return shape;
}

struct Row {
  std::int64_t outer, length, inner;
  const char* name;
  Movement load;
};

// What a plan says, and how its elements move.
const std::vector<Row> rows{
    {16777216, 2, 2, "columns, 4096 lines a team", Movement::linear_packs},
    {8388608, 4, 2, "columns, 2048 lines a team", Movement::linear_packs},
    {8388608, 8, 1, "rows, 1024 lines a team", Movement::linear},
    {2097152, 8, 4, "columns, 1024 lines a team", Movement::linear_packs},
    {1048576, 4, 16, "columns, 2048 lines a team", Movement::linear_packs},
    {32768, 4, 512, "columns, 2048 lines a team", Movement::linear_packs},
    {18724, 7, 512, "columns, 1024 lines a team", Movement::linear_packs},
    {65536, 2, 512, "columns, 4096 lines a team", Movement::linear_packs},
    {335544, 100, 1, "rows, 81 lines a team", Movement::linear_packs},
    {335544, 100, 2, "columns, 80 lines a team", Movement::linear_packs},
    {32768, 2048, 1, "rows, 4 lines a team", Movement::linear_packs},
    {2048, 8192, 1, "rows, 1 lines a team", Movement::linear_packs},
    {1, 268435456, 1, "rows, tiles of 8192", Movement::linear_packs},
    {64, 262144, 4, "columns, tiles of 2048 x 4", Movement::linear_packs},
    {163, 4096, 100, "columns, tiles of 64 x 100", Movement::linear_packs},
    {5461, 4096, 3, "columns, tiles of 2048 x 3", Movement::linear_packs},
    {8, 65536, 512, "columns, tiles of 256 x 32", Movement::row_packs},
    {8, 65536, 96, "columns, tiles of 256 x 32", Movement::row_packs},
    {241, 352, 788, "columns, tiles of 128 x 64", Movement::row_packs},
    {241, 512, 788, "columns, tiles of 256 x 32", Movement::row_packs},
    {3, 4096, 4097, "columns, tiles of 64 x 125", Movement::columns_first},
    {128, 8, 65536, "columns, 1024 lines a team", Movement::row_packs},
};

const DeviceMachine a100{108, 32, 163 << 10, 164 << 10};

/// Whether as many teams as a kernel is compiled for have room on a multiprocessor: each takes what
/// Kokkos and CUDA need besides.
bool leaves_room_for_teams(const ScanShape& shape, const DeviceMachine& machine) {
  const DevicePlan plan = make_device_plan(shape, machine);
  const int element = device_plan::largest_element(shape);
  const int teams = teams_of(shape.value_size, element, shape.arrays() == 2, plan.holds_runs);
  const int bytes = plan.scratch_bytes + scratch_of_kokkos + 1024;
  return bytes * teams <= static_cast<int>(machine.scratch_of_multiprocessor);
}

}  // namespace

TEST_CASE("DevicePlan.TeamsHaveRoom") {
  for (const DeviceMachine& machine : {h100, a100})
    for (const std::int64_t length : {1, 17, 300, 5000, 1 << 20})
      for (const std::int64_t inner : {1, 2, 3, 28, 33, 1000, 8897})
        for (const bool two_arrays : {false, true})
          for (const auto& [size, value_size] : {std::pair{2, 8},
                                                 {2, 24},
                                                 {4, 8},
                                                 {4, 24},
                                                 {8, 16},
                                                 {8, 24},
                                                 {8, 40},
                                                 {16, 32},
                                                 {16, 40}})
            for (const int held_run : {0, 32}) {
              ScanShape shape = shape_of(100, length, inner, size, value_size, 0);
              if (two_arrays) shape.beside = shape.in;
              shape.held_run = held_run;
              INFO(length << ", " << inner << ", " << size << ", " << value_size << ", "
                          << two_arrays << ", " << held_run);
              CHECK(leaves_room_for_teams(shape, machine));
            }
}

TEST_CASE("DevicePlan.Table") {
  for (const Row& row : rows) {
    INFO(row.outer << ", " << row.length << ", " << row.inner);
    const DevicePlan plan = make_device_plan(shape_of(row.outer, row.length, row.inner), h100);
    CHECK(plan.name() == row.name);
    CHECK(plan.load == row.load);
    CHECK(plan.store == row.load);
  }
}

// Lines that begin a power of two apart, which is where threads would meet in a bank.
TEST_CASE("DevicePlan.ThreadsMeetInNoBankOfTheScratchMemory") {
  for (const auto& [outer, length, inner, most] : {std::array<int, 4>{65536, 256, 4, 1},
                                                   {131072, 512, 1, 1},
                                                   {32768, 2048, 1, 2},
                                                   {335544, 100, 2, 2},
                                                   {70000, 957, 1, 2},
                                                   {5461, 4096, 3, 2},
                                                   {4194304, 16, 1, 1}}) {
    INFO(outer << ", " << length << ", " << inner);
    const DevicePlan plan = make_device_plan(shape_of(outer, length, inner), h100);
    CHECK(device_plan::bank_conflicts(plan) <= most);
    DevicePlan without = plan;
    without.pad = 0;
    CHECK(device_plan::bank_conflicts(without) > most);
  }
}

// What every plan has to keep, over many shapes and sizes.
TEST_CASE("DevicePlan.EveryElementIsInOneTileThatFits") {
  const std::vector<std::int64_t> sizes{1,  2,  3,   7,   15,   16,   17,
                                        31, 64, 100, 257, 1000, 4096, 50021};
  int plans = 0;
  for (const std::int64_t outer : {1, 3, 1000}) {
    for (const std::int64_t length : sizes) {
      for (const std::int64_t inner : sizes) {
        for (const auto& [size, value_size] :
             {std::pair{1, 64}, {2, 8}, {4, 8}, {8, 16}, {64, 64}}) {
          for (const std::int64_t pitch : {0, 1}) {
            INFO(outer << ", " << length << ", " << inner << ", " << size << ", " << value_size);
            const ScanShape shape = shape_of(outer, length, inner, size, value_size, pitch);
            const DevicePlan plan = make_device_plan(shape, h100);
            ++plans;
            REQUIRE(plan.scratch_bytes <= largest_scratch);
            REQUIRE(plan.line_tiles * plan.rows >= length);
            REQUIRE((plan.line_tiles - 1) * plan.rows < length);
            const std::int64_t across = plan.interleaved ? inner : 1;
            REQUIRE(plan.column_blocks * plan.columns >= across);
            const std::int64_t slabs = plan.interleaved ? outer : outer * inner;
            REQUIRE(plan.groups == plan.column_blocks * ceil_div(slabs, plan.slabs));
            // A tile that others follow is a node of the tree, and lines of several are apart.
            if (plan.line_tiles > 1) {
              REQUIRE(plan.slabs == 1);
              REQUIRE(plan.rows % plan.run == 0);
              REQUIRE(std::has_single_bit(unsigned(plan.rows / chunk_length)));
            }
            REQUIRE(plan.threads <= team_threads);
          }
        }
      }
    }
  }
  CHECK(plans == 3 * 14 * 14 * 5 * 2);
}

TEST_CASE("DevicePlan.SidesThatAreNotAlignedMoveElementByElement") {
  ScanShape shape = shape_of(1, 1 << 20, 1);
  CHECK(make_device_plan(shape, h100).store == Movement::linear_packs);
  shape.out.address += 4;
  CHECK(make_device_plan(shape, h100).load == Movement::linear);
  CHECK(make_device_plan(shape, h100).store == Movement::linear);
  shape.in.address += 4;
  CHECK(make_device_plan(shape, h100).load == Movement::linear);
  shape.out = functor_shape(4, shape.length, shape.inner);
  CHECK(make_device_plan(shape, h100).store == Movement::axis_first);
}

TEST_CASE("DevicePlan.StagingElementsLeaveRoomForTheirAlignment") {
  ScanShape shape = shape_of(1, 1 << 20, 1);
  shape.in.element_size = 12;
  shape.out.element_size = shape.alignment = 8;
  const DevicePlan plan = make_device_plan(shape, h100);
  CHECK(plan.slot_size == 16);
  CHECK(plan.staging_bytes >= 16 * plan.rows);
}

TEST_CASE("DevicePlan.BlockSizeCutsTheTile") {
  ScanShape shape = shape_of(1, 1 << 20, 1);
  shape.block_size = 1024;
  CHECK(make_device_plan(shape, h100).rows == 1024);
}

// Of columns, where elements don't move in packs.
TEST_CASE("DevicePlan.RunsThatThreadsHold") {
  const auto recurrence = [](std::int64_t outer, std::int64_t length, std::int64_t inner,
                             int size = 4) {
    ScanShape shape = shape_of(outer, length, inner, size, 24);
    shape.beside = shape.in;
    shape.held_run = 32;
    return shape;
  };
  const auto plan_of = [](const ScanShape& shape) { return make_device_plan(shape, h100); };
  const DevicePlan plan = plan_of(recurrence(8, 16384, 1536));
  CHECK(plan.holds_runs);
  CHECK(plan.name() == "columns, tiles of 128 x 32");
  CHECK(plan.groups == 8 * 48);
  CHECK(plan.threads == 128);
  CHECK(plan.items() == 128);
  // Nodes of the runs, and of each column a prefix and two nodes of other tiles.
  CHECK(plan.scratch_bytes == (128 + 3 * 32) * 24);

  CHECK(plan_of(recurrence(20, 35995, 91)).name() == "columns, tiles of 128 x 32");
  CHECK(plan_of(recurrence(3, 602510, 28)).threads == 128);
  CHECK(plan_of(recurrence(4096, 1000, 16)).rows == 256);
  CHECK(plan_of(recurrence(64, 64, 16384)).name() == "columns, 64 lines a team");
  CHECK(plan_of(recurrence(520, 20, 6450)).name() == "columns, 128 lines a team");
  CHECK(plan_of(recurrence(4, 1024, 512)).rows == 128);
  ScanShape short_tiles = recurrence(8, 16384, 1536);
  short_tiles.block_size = 64;
  CHECK(plan_of(short_tiles).rows == 64);

  CHECK_FALSE(plan_of(recurrence(12288, 16384, 1)).holds_runs);
  CHECK_FALSE(plan_of(recurrence(65536, 256, 4)).holds_runs);
  CHECK_FALSE(plan_of(recurrence(16, 16, 16384)).holds_runs);
  CHECK_FALSE(plan_of(recurrence(16384, 40, 32)).holds_runs);
  CHECK_FALSE(plan_of(recurrence(1, 4096, 64)).holds_runs);
  CHECK_FALSE(plan_of(recurrence(8, 16384, 1536, 2)).holds_runs);
  CHECK(plan_of(recurrence(20, 35995, 91, 2)).holds_runs);

  const auto sums = [](std::int64_t outer, std::int64_t length, std::int64_t inner) {
    ScanShape shape = shape_of(outer, length, inner);
    shape.held_run = 32;
    return shape;
  };
  CHECK_FALSE(plan_of(sums(8, 16384, 1536)).holds_runs);
  CHECK_FALSE(plan_of(sums(18137, 37, 100)).holds_runs);  // a tile is one piece of memory
  CHECK(plan_of(sums(3170, 17, 1245)).name() == "columns, 128 lines a team");
  CHECK_FALSE(plan_of(sums(3044, 132, 167)).holds_runs);  // half of the tiles would have 4 rows
  CHECK(plan_of(sums(9, 13739, 515)).name() == "columns, tiles of 128 x 32");
}

// 16 bytes at a time only where every line is aligned, and as aligned in one array as in the other.
TEST_CASE("DevicePlan.LinesThatAreAlignedOtherwise") {
  const auto moves_packs = [](const ScanShape& shape) {
    const DevicePlan plan = make_device_plan(shape, h100);
    return plan.load == Movement::linear_packs && plan.store == Movement::linear_packs;
  };
  // Rows of halves: dense, with the same gap in both, with a gap in one.
  ScanShape rows_of_halves = shape_of(3, 50021, 1, 2);
  CHECK(moves_packs(rows_of_halves));
  rows_of_halves.in.slab_stride = rows_of_halves.out.slab_stride = 50023;
  CHECK(moves_packs(rows_of_halves));
  rows_of_halves.out.slab_stride = 50021;
  CHECK(!moves_packs(rows_of_halves));
  // Outer dimensions that aren't one: rows may begin anywhere.
  ScanShape rows_of_floats = shape_of(30, 50020, 1);
  CHECK(make_device_plan(rows_of_floats, h100).vector);
  rows_of_floats.in.slab_stride = rows_of_floats.out.slab_stride = 0;
  CHECK(!make_device_plan(rows_of_floats, h100).vector);
  CHECK(!moves_packs(rows_of_floats));
}

// Of segments a host knows the number and the extent of the axis.
TEST_CASE("DevicePlan.Segments") {
  const auto plan_of = [](std::int64_t outer, std::int64_t length, std::int64_t inner,
                          std::int64_t segments) {
    return make_segment_plan(shape_of(outer, length, inner), segments, h100);
  };
  // Many: windows of 2048 positions; of few a team each.
  const SegmentPlan many = plan_of(1, 1 << 26, 1, 1 << 23);
  CHECK(many.window == 2048);
  CHECK(many.teams() == 1 << 15);
  CHECK(many.pieces.rows == 8192);
  CHECK(many.pieces.vector);
  CHECK(plan_of(1, 1 << 26, 1, 100).teams() == 100);
  CHECK(plan_of(16, 1 << 22, 1, 100).teams() == 1600);
  // All that can be long, in pieces the last of which are short.
  CHECK(many.most_long == 1 << 15);
  CHECK(many.most_pieces == (1 << 13) + (1 << 15));
  CHECK(plan_of(1, 1 << 26, 1, 1).most_pieces == (1 << 13) + 1);
  // None can be.
  CHECK(!plan_of(1, 2047, 1, 5).has_long());
  // Columns.
  CHECK(!plan_of(1, 1 << 20, 3, 1000).by_threads);
  const SegmentPlan columns = plan_of(1, 1 << 16, 1024, 1000);
  CHECK(columns.by_threads);
  CHECK(columns.long_length == 256);
  // More lines than there may be teams.
  CHECK(plan_of(std::int64_t{1} << 31, 2, 1, 2).by_threads);
}
