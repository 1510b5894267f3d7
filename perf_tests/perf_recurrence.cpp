// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// How fast linear recurrences and their gradients are beside a kernel that reads the same arrays
// and writes as many, once, and scans of segments beside a copy. Prints tables in Markdown; --help
// has the options. On a host the plain loop stands beside them.
//
// Times are medians of batches, by turns; what takes more than a second is timed once. Every result
// is verified in double: that each element follows from the one before it.

#include <CLI/CLI.hpp>
#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <fused_scan/recurrence.hpp>
#include <fused_scan/segmented_scan.hpp>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "copies.hpp"
#include "recurrence_loops.hpp"
#include "recurrence_report.hpp"
#include "sweep_data.hpp"
#include "sweep_shapes.hpp"
#include "timing.hpp"

namespace {

using namespace fused_scan::perf;

struct Options {
  int shapes = on_host ? 120 : 160;
  std::uint64_t seed = 1;
  std::int64_t size = std::int64_t{1} << (on_host ? 24 : 26);
  std::int64_t largest = on_host ? size : std::numeric_limits<std::int64_t>::max();
  double seconds = 0.2;
  bool fastest = false;
  std::string json;
};

/// Memory of the largest arrays. What is compared writes to the gradients, which nothing reads.
struct Arrays {
  Bytes a, b, h, grad_a, grad_b;
  template <class T>
  static T* of(const Bytes& bytes) {
    return reinterpret_cast<T*>(bytes.data());
  }
};

/// With the times; of the bounds the fastest counts.
Record measured(const Options& options, Record record, const Work& ours, const Work& plain_loop,
                const std::vector<Work>& bounds, const std::function<bool()>& right) {
  const Kokkos::Timer timer;
  ours(Exec());
  Exec().fence();
  const double first = timer.seconds();
  record.right = right();
  std::vector<Stopwatch> stopwatches;
  for (const Work& bound : bounds) stopwatches.emplace_back(bound, false, options.seconds);
  if (plain_loop) stopwatches.emplace_back(plain_loop, false, options.seconds);
  const bool often = record.right && first < 1;
  if (often) stopwatches.emplace_back(ours, false, options.seconds);
  const std::vector<double> times = times_by_turns(stopwatches, options.fastest);
  record.bound = *std::min_element(times.begin(), times.begin() + std::ssize(bounds));
  if (plain_loop) record.plain = times[bounds.size()];
  record.ours = often ? times.back() : 1e3 * first;
  return record;
}

template <class T>
using Array = Kokkos::View<T***, Kokkos::LayoutRight, Exec>;
template <class T>
Array<T> array_of(const Bytes& bytes, const Shape& shape) {
  return Array<T>(Arrays::of<T>(bytes), shape.outer, shape.length, shape.inner);
}

template <class T>
Record forward(const Options& options, const Arrays& arrays, const char* part, const char* type,
               const Shape& shape) {
  using Words = typename Touch<2, 1>::Element;
  const auto a = array_of<T>(arrays.a, shape), b = array_of<T>(arrays.b, shape),
             h = array_of<T>(arrays.h, shape);
  Kokkos::deep_copy(arrays.h, 0xff);  // no result
  const auto ours = [=](const Exec& exec) { fused_scan::linear_recurrence(exec, a, b, h, 1); };
  const Touch<2, 1> touch{{Arrays::of<Words>(arrays.a), Arrays::of<Words>(arrays.b)},
                          {Arrays::of<Words>(arrays.grad_b)}};
  Work loop;
  if constexpr (on_host && std::is_same_v<T, float>) {
    auto* to = Arrays::of<float>(arrays.grad_b);
    loop = shape.inner == 1 ? plain(PlainRecurrence<1>{a.data(), b.data(), to, shape})
                            : plain(PlainRecurrence<64>{a.data(), b.data(), to, shape});
  }
  return measured(
      options, {part, "forward", type, shape}, ours, loop,
      {touch.of_bytes(shape.size() * static_cast<std::int64_t>(sizeof(T)))},
      [&] { return is_right(WrongStates<T>{a.data(), b.data(), h.data(), shape}, shape.size()); });
}

/// After forward(), which h is from; b stands for the gradient of h.
Record backward(const Options& options, const Arrays& arrays, const Shape& shape) {
  using Words = typename Touch<3, 2>::Element;
  const auto a = array_of<float>(arrays.a, shape), grad_h = array_of<float>(arrays.b, shape),
             h = array_of<float>(arrays.h, shape), grad_a = array_of<float>(arrays.grad_a, shape),
             grad_b = array_of<float>(arrays.grad_b, shape);
  Kokkos::deep_copy(arrays.grad_a, 0xff);
  Kokkos::deep_copy(arrays.grad_b, 0xff);
  const auto ours = [=](const Exec& exec) {
    fused_scan::linear_recurrence_backward(exec, a, h, grad_h, grad_a, grad_b, 1);
  };
  const Touch<3, 2> touch{
      {Arrays::of<Words>(arrays.a), Arrays::of<Words>(arrays.b), Arrays::of<Words>(arrays.h)},
      {Arrays::of<Words>(arrays.grad_a), Arrays::of<Words>(arrays.grad_b)}};
  Work loop;
  if (on_host && shape.inner == 1) {
    loop = plain(
        PlainGradients<1>{a.data(), h.data(), grad_h.data(), grad_a.data(), grad_b.data(), shape});
  } else if (on_host) {
    loop = plain(
        PlainGradients<64>{a.data(), h.data(), grad_h.data(), grad_a.data(), grad_b.data(), shape});
  }
  return measured(options, {"named", "backward", "float", shape}, ours, loop,
                  {touch.of_bytes(shape.size() * 4)}, [&] {
                    return is_right(WrongGradients{a.data(), h.data(), grad_h.data(), grad_a.data(),
                                                   grad_b.data(), shape},
                                    shape.size());
                  });
}

using Offsets = std::vector<std::int64_t>;

/// Segments of lengths that next() says, until they are `size` long.
template <class Next>
Offsets offsets_of(std::int64_t size, const Next& next) {
  Offsets offsets{0};
  while (offsets.back() < size) {
    const auto index = static_cast<std::int64_t>(offsets.size()) - 1;
    offsets.push_back(std::min(size, offsets.back() + std::max<std::int64_t>(next(index), 1)));
  }
  return offsets;
}

/// Prefixes of each segment in double.
struct PlainSegments {
  const std::int64_t* offsets;
  const float* x;
  float* y;

  void operator()(std::int64_t segment) const {
    double sum = 0;
    for (std::int64_t i = offsets[segment]; i < offsets[segment + 1]; ++i) {
      sum += double{x[i]};
      y[i] = static_cast<float>(sum);
    }
  }
};

/// Each segment against the plain loop, on the host.
bool segments_are_right(const float* x, const float* y, const Offsets& offsets) {
  using Memory = Kokkos::View<const float*, Exec>;
  const std::int64_t size = offsets.back();
  const auto from = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), Memory(x, size));
  const auto found = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), Memory(y, size));
  const Kokkos::View<float*, Kokkos::HostSpace> wanted("wanted", size);
  const auto segments = static_cast<std::int64_t>(offsets.size()) - 1;
  const PlainSegments loop{offsets.data(), from.data(), wanted.data()};
  for (std::int64_t segment = 0; segment < segments; ++segment) loop(segment);
  for (std::int64_t i = 0; i < size; ++i) {
    if (!agree(found(i), double{wanted(i)}, 0)) return false;
  }
  return true;
}

Record segments(const Options& options, const Arrays& arrays, const char* what,
                const Offsets& lengths) {
  const std::int64_t size = lengths.back();
  const Shape shape{1, size, 1};
  const Kokkos::View<const std::int64_t*, Kokkos::HostSpace> on_this_side(lengths.data(),
                                                                          lengths.size());
  const auto offsets = Kokkos::create_mirror_view_and_copy(Exec(), on_this_side);
  const Kokkos::View<const float*, Exec> x(Arrays::of<float>(arrays.a), size);
  const Kokkos::View<float*, Exec> y(Arrays::of<float>(arrays.h), size);
  Kokkos::deep_copy(arrays.h, 0xff);
  const auto ours = [=](const Exec& exec) {
    fused_scan::segmented_inclusive_scan(exec, x, y, offsets, 0);
  };
  std::vector<Work> bounds;
  for (const Method& copy : copies(arrays.a, arrays.grad_b, size * std::int64_t{sizeof(float)})) {
    if (counts(copy)) bounds.push_back(copy.work);
  }
  Work loop;
  if (on_host) {
    const PlainSegments plain_loop{lengths.data(), x.data(), Arrays::of<float>(arrays.grad_b)};
    const auto count = static_cast<std::int64_t>(lengths.size()) - 1;
    loop = [=](const Exec&) {
      Kokkos::parallel_for("plain loop", HostRange(Host(), 0, count), plain_loop);
    };
  }
  return measured(options, {"segments", what, "float", shape}, ours, loop, bounds,
                  [&] { return segments_are_right(x.data(), y.data(), lengths); });
}

// --- all of them
// ----------------------------------------------------------------------------------

/// Those of the project's aims; the last two are measured in all types.
std::vector<Shape> named_shapes(std::int64_t largest) {
  std::vector<Shape> shapes{{1, 1048576, 64}, {16, 16384, 128}, {12288, 65536, 1},
                            {64, 1048576, 1}, {8, 16384, 1536}, {12288, 16384, 1}};
  for (Shape& shape : shapes) {
    shape.outer = std::clamp<std::int64_t>(largest / (shape.length * shape.inner), 1, shape.outer);
    shape.length = std::min(shape.length, std::max<std::int64_t>(largest / shape.inner, 1));
  }
  return shapes;
}

template <class T>
void fill_numbers(const Arrays& arrays, std::int64_t size) {
  fill(Arrays::of<T>(arrays.a), {1, size, 1}, Data::uniform);
  fill(Arrays::of<T>(arrays.b), {1, size, 1}, Data::normal);
}

template <class T>
void add_type(const Options& options, const Arrays& arrays, const char* type,
              const std::vector<Shape>& named, std::vector<Record>& records) {
  if constexpr (std::is_same_v<T, float>) return;  // a half type that this Kokkos doesn't have
  fill_numbers<T>(arrays, std::max(named[4].size(), named[5].size()));
  for (const int i : {4, 5}) {
    records.push_back(forward<T>(options, arrays, "named", type, named[i]));
  }
}

std::vector<Record> records_of(const Options& options) {
  const std::vector<Shape> named = named_shapes(options.largest);
  std::int64_t size = options.size;
  for (const Shape& shape : named) size = std::max(size, shape.size());
  const std::int64_t complex_size = std::max(named[4].size(), named[5].size());
  const std::int64_t bytes = std::max(size, 2 * complex_size) * 4 + std::int64_t{sizeof(Pack)};
  const auto memory = [&](const std::string& label) {
    return Bytes(Kokkos::view_alloc(Kokkos::WithoutInitializing, label), bytes);
  };
  const Arrays arrays{memory("a"), memory("b"), memory("h"), memory("grad_a"), memory("grad_b")};

  std::vector<Record> records;
  fill_numbers<float>(arrays, size);
  for (const Shape& shape : named) {
    records.push_back(forward<float>(options, arrays, "named", "float", shape));
    records.push_back(backward(options, arrays, shape));
  }
  for (const Shape& shape : drawn_shapes(options.shapes, options.seed, options.size)) {
    records.push_back(forward<float>(options, arrays, "drawn", "float", shape));
  }
  const auto add_segments = [&](const char* what, const Offsets& offsets) {
    records.push_back(segments(options, arrays, what, offsets));
  };
  const auto log_uniform = [](std::int64_t i) {
    return std::llround(std::exp2(16 * random_unit(static_cast<std::uint64_t>(i), 53)));
  };
  // 10^5 of length 10 and one of 10^7, or fewer in proportion.
  const std::int64_t total = std::min<std::int64_t>(options.size, 11000000), pairs = total / 220;
  const auto one_of_many = [&](std::int64_t i) { return i == pairs ? total - 20 * pairs : 10; };
  add_segments("1 to 65536, log-uniform", offsets_of(options.size, log_uniform));
  add_segments("7", offsets_of(options.size, [](std::int64_t) { return 7; }));
  add_segments("one line", {0, options.size});
  add_segments("10^7 among 10^5 of 10", offsets_of(total, one_of_many));

  add_type<Kokkos::Experimental::half_t>(options, arrays, "half", named, records);
  add_type<Kokkos::Experimental::bhalf_t>(options, arrays, "bhalf", named, records);
  add_type<Kokkos::complex<float>>(options, arrays, "complex<float>", named, records);
  return records;
}

}  // namespace

int main(int argc, char* argv[]) {
  const Kokkos::ScopeGuard kokkos(argc, argv);
  Options options;
  CLI::App app("How fast linear recurrences and scans of segments are");
  app.add_option("--shapes", options.shapes, "how many arrays are drawn, as by perf_sweep");
  app.add_option("--seed", options.seed, "from which they are drawn");
  app.add_option("--size", options.size, "elements of each, and of packed segments");
  app.add_option("--largest", options.largest, "elements of the named arrays, which are cut to it");
  app.add_option("--seconds", options.seconds, "of timing, for each array and method");
  app.add_flag("--fastest", options.fastest, "the fastest batch counts, not the median");
  app.add_option("--json", options.json, "the file that gets every time");
  CLI11_PARSE(app, argc, argv);
  try {
    const std::vector<Record> records = records_of(options);
    print(records);
    if (!options.json.empty()) write_json(options.json, options.seed, options.size, records);
    const auto right = [](const Record& record) { return record.right; };
    return std::all_of(records.begin(), records.end(), right) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
