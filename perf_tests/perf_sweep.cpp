// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// How fast scans are in any shape: draws arrays (outer, length, inner), scans them along the
// middle, and says what share of a copy's speed that is; sweep_options.hpp has the options.
//
// Times are medians of batches of calls, back to back, of all methods by turns. Arrays are used
// over and over, by the copies as well, and small ones stay in the caches. Every result is verified
// against exact sums, before it is timed and after.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <limits>
#include <stdexcept>

#include "copies.hpp"
#include "sweep_options.hpp"
#include "sweep_report.hpp"
#include "sweep_scanner.hpp"
#include "timing.hpp"

namespace {

using namespace fused_scan::perf;

int element_size(const std::string& type) {
  if (type == "half" || type == "bhalf") return 2;
  return type == "double" || type == "complex" ? 8 : 4;
}

Scanners scanners(const SweepOptions& options) {
  const Setup& setup = options.setup;
  Scanners scanners;
  for (const std::string& op : options.ops) {
    const std::size_t before = scanners.size();
    if (setup.functors) {
      add_float_functors(setup, op, scanners);
    } else if (setup.type == "float") {
      add_float(setup, op, scanners);
    } else if (setup.type == "double") {
      add_double(setup, op, scanners);
    } else if (setup.type == "half") {
      add_half(setup, op, scanners);
    } else if (setup.type == "bhalf") {
      add_bhalf(setup, op, scanners);
    } else if (setup.type == "int32") {
      add_int32(setup, op, scanners);
    } else {
      add_complex(setup, op, scanners);
    }
    if (scanners.size() == before) {
      throw std::invalid_argument("--op " + op + " of " + setup.type +
                                  " is not built, or this Kokkos doesn't have the type");
    }
  }
  if (options.peers) add_kokkos(setup, scanners);
  return scanners;
}

void empty_kernel(const Exec& exec) {
  Kokkos::parallel_for("empty", Kokkos::RangePolicy<Exec>(exec, 0, 1), KOKKOS_LAMBDA(int){});
}

double time_of_launch(const SweepOptions& options) {
  std::vector<Stopwatch> stopwatches{Stopwatch(empty_kernel, options.recorded, options.seconds)};
  return times_by_turns(stopwatches, options.fastest)[0];
}

/// Scans once, from fresh data, and compares.
bool is_right(const Scanner& scanner, const Shape& shape) {
  scanner.fill(shape);
  scanner.scan(Exec(), shape);
  return scanner.verdict(shape).right(shape.size());
}

Record measured(const SweepOptions& options, const Scanners& scanners, const Shape& shape,
                bool drawn) {
  Record record{shape, drawn, std::numeric_limits<double>::infinity(), {}, {}};
  const std::int64_t bytes = shape.size() * element_size(options.setup.type);
  const auto ways = copies(options.setup.x, options.setup.y, bytes);
  std::vector<Work> scans;
  for (const Method& copy : ways) record.times.emplace_back(copy.name, 0);
  for (const auto& scanner : scanners) {
    if (!scanner->takes(shape)) continue;
    if (is_right(*scanner, shape)) {
      record.times.emplace_back(scanner->name(), 0);
      scans.emplace_back([&, s = scanner.get()](const Exec& exec) { s->scan(exec, shape); });
    } else {
      record.wrong.push_back(scanner->name());
    }
  }

  // All of them on the data of the first scan.
  scanners.front()->fill(shape);
  std::vector<Stopwatch> stopwatches;
  for (const Method& copy : ways) {
    // What a graph copies, it copies slowly.
    stopwatches.emplace_back(copy.work, options.recorded && copy.name != "deep_copy",
                             options.seconds);
  }
  for (const Work& scan : scans) stopwatches.emplace_back(scan, options.recorded, options.seconds);
  const std::vector<double> times = times_by_turns(stopwatches, options.fastest);
  for (std::size_t i = 0; i < times.size(); ++i) {
    record.times[i].second = times[i];
    if (i < ways.size() && counts(ways[i])) record.copy = std::min(record.copy, times[i]);
  }
  return record;
}

bool run(SweepOptions& options) {
  const std::vector<Shape> drawn = drawn_shapes(options.shapes, options.seed, options.size);
  std::int64_t size = options.size;
  for (const Shape& shape : options.also) size = std::max(size, shape.size());
  Setup& setup = options.setup;
  const std::int64_t bytes = size * element_size(setup.type) + std::int64_t{sizeof(Pack)};
  setup.x = Bytes(Kokkos::view_alloc(Kokkos::WithoutInitializing, "x"), bytes);
  setup.y = Bytes(Kokkos::view_alloc(Kokkos::WithoutInitializing, "y"), bytes);
  const Scanners all = scanners(options);

  SweepReport report(options, time_of_launch(options));
  for (const Shape& shape : drawn) report.add(measured(options, all, shape, true));
  for (const Shape& shape : options.also) report.add(measured(options, all, shape, false));
  report.print();
  if (!options.json.empty()) report.write_json();
  return !report.failed();
}

}  // namespace

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  try {
    SweepOptions options = parsed_options(argc, argv);
    return run(options) ? 0 : 1;
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "%s\n\n%s", error.what(), sweep_usage);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
