// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <Kokkos_Core.hpp>
#include <cstdio>
#include <limits>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "commands.hpp"
#include "element_type.hpp"
#include "hdf5_file.hpp"
#include "scan_elements.hpp"

namespace fused_scan::cli {

namespace {

const std::map<std::string, Operator> operators{{"compensated-sum", CompensatedSum()},
                                                {"sum", Sum()},
                                                {"prod", Prod()},
                                                {"max", Max()},
                                                {"min", Min()}};

struct Arguments {
  std::string in;
  std::string out;
  int axis = 0;
  std::string op = "compensated-sum";
  bool reverse = false;
  bool exclusive = false;
  int block_size = 0;
  int repeat = 1;
};

int checked_axis(int axis, const Dataset& dataset) {
  const int rank = static_cast<int>(dataset.extents().size());
  if (rank == 0 || rank > 8) {
    throw std::runtime_error(dataset.label() + " has rank " + std::to_string(rank) +
                             "; scans need a rank from 1 to 8");
  }
  if (axis < -rank || axis >= rank) {
    throw std::runtime_error("axis " + std::to_string(axis) + " is out of range [" +
                             std::to_string(-rank) + ", " + std::to_string(rank - 1) + "] for " +
                             dataset.label() + " of rank " + std::to_string(rank));
  }
  return axis < 0 ? axis + rank : axis;
}

void print_summary(const Arguments& arguments, int axis, const Dataset& in,
                   const Measurement& measured) {
  using Exec = Kokkos::DefaultExecutionSpace;
  std::string shape;
  for (const hsize_t extent : in.extents()) {
    shape += (shape.empty() ? "" : " x ") + std::to_string(extent);
  }
  std::printf("%s: %s %s\n", in.label().c_str(), shape.c_str(),
              type_name(in.stored_type()).c_str());
  std::printf("%s along axis %d, %s, %s\n", arguments.op.c_str(), axis,
              arguments.exclusive ? "exclusive" : "inclusive",
              arguments.reverse ? "reverse" : "forward");
  std::printf("on %s, concurrency %d, path %s\n", Exec::name(), Exec().concurrency(),
              measured.path.empty() ? "none (no elements)" : measured.path.c_str());
  std::printf("%.3f ms, %.2f GB/s read and written", measured.seconds * 1e3,
              measured.bytes / measured.seconds * 1e-9);
  if (arguments.repeat > 1) std::printf(" (median of %d)", arguments.repeat);
  std::printf("\n%s written\n", arguments.out.c_str());
}

void run(const Arguments& arguments) {
  const DatasetPath in_path(arguments.in);
  const DatasetPath out_path(arguments.out);
  const InputFile in_file(in_path.file);
  const Dataset in = in_file.dataset(in_path.name);

  ScanRequest request;
  request.op = operators.at(arguments.op);
  request.options.direction = arguments.reverse ? Direction::reverse : Direction::forward;
  request.options.block_size = arguments.block_size;
  request.kind = arguments.exclusive ? ScanKind::exclusive : ScanKind::inclusive;
  request.axis = checked_axis(arguments.axis, in);
  request.repeat = arguments.repeat;
  const Element element = element_of(in);

  OutputFile out_file(out_path.file);
  const Dataset out = out_file.create_dataset(out_path.name, in.extents(), in.stored_type());
  const Kokkos::ScopeGuard kokkos(kokkos_settings());
  const Measurement measured =
      std::visit([&]<class T>(T) { return scan_elements<T>(request, in, out); }, element);
  out_file.commit();
  print_summary(arguments, request.axis, in, measured);
}

}  // namespace

void add_scan_command(CLI::App& program) {
  const auto arguments = std::make_shared<Arguments>();
  std::vector<std::string> names;
  for (const auto& [name, op] : operators) names.push_back(name);

  CLI::App* command = program.add_subcommand("scan", "Scan a data set along one of its axes");
  command->add_option("IN", arguments->in, "What to scan, as FILE:/DATASET")->required();
  command->add_option("OUT", arguments->out, "The new data set, as FILE:/DATASET")->required();
  command
      ->add_option("--axis", arguments->axis, "The axis, from 0; negative ones count from the end")
      ->required();
  command->add_option("--op", arguments->op, "The operator")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  command->add_flag("--reverse", arguments->reverse,
                    "Walk from the end of the axis to its beginning");
  command->add_flag("--exclusive", arguments->exclusive,
                    "Leave each element out of its own result");
  command
      ->add_option("--block-size", arguments->block_size,
                   "Elements along the axis in one tile, a power of two; 0: chosen")
      ->capture_default_str();
  command->add_option("--repeat", arguments->repeat, "Scan so many times and print the median time")
      ->check(CLI::Range(1, std::numeric_limits<int>::max()))
      ->capture_default_str();
  command->footer(
      "IN is a data set of rank 1 to 8, of integers, floating-point or complex numbers (h5py's "
      "compound of r and i) in any byte order. OUT gets its shape and type. 16-bit floats are "
      "scanned in float32 and rounded once. Sums and products of 32- and 64-bit integers wrap "
      "around; those of 8 and 16 bits that do not fit are refused.\n"
      "\n"
      "If the file OUT exists, the data set is added to it and all else stays; it may be the file "
      "IN. A data set that exists is never overwritten. OUT is complete or not changed at all: the "
      "work is done on a temporary file beside it (a copy of OUT, if it exists), which is renamed "
      "at the end.");
  command->callback([arguments] { run(*arguments); });
}

}  // namespace fused_scan::cli
