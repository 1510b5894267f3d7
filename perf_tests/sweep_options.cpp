// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sweep_options.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace fused_scan::perf {

namespace {

[[noreturn]] void refuse(const std::string& option, const std::string& value,
                         const std::string& wanted) {
  throw std::invalid_argument(option + " " + value + ": " + wanted);
}

std::int64_t number(const std::string& option, const std::string& value, std::int64_t least) {
  std::size_t used = 0;
  std::int64_t number = 0;
  try {
    number = std::stoll(value, &used);
  } catch (const std::logic_error&) {
  }
  if (used == 0 || used < value.size() || number < least) {
    refuse(option, value, "a whole number from " + std::to_string(least) + " on is needed");
  }
  return number;
}

double seconds(const std::string& option, const std::string& value) {
  char* end = nullptr;
  const double seconds = std::strtod(value.c_str(), &end);
  if (value.empty() || *end != 0 || !(seconds >= 0)) refuse(option, value, "seconds are needed");
  return seconds;
}

/// The place of `value` among the words.
template <std::size_t n>
std::size_t choice(const std::string& option, const std::string& value,
                   const std::array<const char*, n>& words) {
  std::string all;
  for (std::size_t i = 0; i < n; ++i) {
    if (value == words[i]) return i;
    all += (i == 0 ? "" : i + 1 == n ? " or " : ", ") + std::string(words[i]);
  }
  refuse(option, value, "it is one of " + all);
}

Shape shape(const std::string& option, const std::string& value) {
  Shape shape{};
  int used = 0;
  long long extents[3];
  if (std::sscanf(value.c_str(), "%lld,%lld,%lld%n", &extents[0], &extents[1], &extents[2],
                  &used) != 3 ||
      static_cast<std::size_t>(used) < value.size()) {
    refuse(option, value, "OUTER,LENGTH,INNER is needed");
  }
  shape = {extents[0], extents[1], extents[2]};
  if (shape.outer < 1 || shape.length < 1 || shape.inner < 1) {
    refuse(option, value, "extents start at 1");
  }
  return shape;
}

bool take_flag(SweepOptions& options, const std::string& name) {
  if (name == "--exclusive") return options.setup.exclusive = true;
  if (name == "--functors") return options.setup.functors = true;
  if (name == "--peers") return options.peers = true;
  if (name == "--graph") return options.recorded = true;
  if (name == "--fastest") return options.fastest = true;
  return false;
}

void take_value(SweepOptions& options, const std::string& name, const std::string& value) {
  Setup& setup = options.setup;
  if (name == "--shapes") {
    options.shapes = static_cast<int>(number(name, value, 0));
  } else if (name == "--seed") {
    options.seed = number(name, value, 0);
  } else if (name == "--size") {
    options.size = number(name, value, 4);
  } else if (name == "--also") {
    options.also.push_back(shape(name, value));
  } else if (name == "--type") {
    choice<6>(name, value, {"float", "double", "half", "bhalf", "int32", "complex"});
    setup.type = value;
  } else if (name == "--op") {
    choice<3>(name, value, {"compensated-sum", "sum", "max"});
    options.ops.push_back(value);
  } else if (name == "--layout") {
    setup.left = choice<2>(name, value, {"right", "left"}) == 1;
  } else if (name == "--direction") {
    const bool reverse = choice<2>(name, value, {"forward", "reverse"}) == 1;
    setup.options.direction = reverse ? Direction::reverse : Direction::forward;
  } else if (name == "--block-size") {
    setup.options.block_size = static_cast<int>(number(name, value, 16));
  } else if (name == "--data") {
    setup.data = static_cast<Data>(choice<3>(name, value, {"uniform", "normal", "alternating"}));
  } else if (name == "--seconds") {
    options.seconds = seconds(name, value);
  } else if (name == "--json") {
    options.json = value;
  } else {
    throw std::invalid_argument("there is no option " + name);
  }
}

void check_together(const SweepOptions& options) {
  const Setup& setup = options.setup;
  const bool other = setup.left || setup.type != "float";
  if (setup.functors && other) {
    throw std::invalid_argument("--functors goes with --type float and --layout right");
  }
  if (options.peers && (other || setup.exclusive || setup.reverse())) {
    throw std::invalid_argument("--peers scan floats, in LayoutRight, inclusively and forward");
  }
  if (options.recorded && (options.peers || on_host)) {
    throw std::invalid_argument("--graph needs CUDA, and Kokkos' own scans can't be recorded");
  }
}

}  // namespace

SweepOptions parsed_options(int argc, char** argv) {
  SweepOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (take_flag(options, name)) continue;
    if (i + 1 == argc) throw std::invalid_argument(name + " is no option, or lacks its value");
    take_value(options, name, argv[++i]);
  }
  if (options.ops.empty()) {
    options.ops = {options.setup.type == "int32" ? "sum" : "compensated-sum"};
    if (options.setup.type == "float" && !options.setup.functors) options.ops.push_back("sum");
  }
  check_together(options);
  return options;
}

}  // namespace fused_scan::perf
