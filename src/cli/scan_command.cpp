// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <Kokkos_Core.hpp>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "commands.hpp"
#include "dataset_likeness.hpp"
#include "element_type.hpp"
#include "hdf5_file.hpp"
#include "joint_writing.hpp"
#include "memory_budget.hpp"
#include "number_transfer.hpp"
#include "ranks.hpp"
#include "scan_dataset.hpp"

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
  std::string out_type;
  bool reverse = false;
  bool exclusive = false;
  int block_size = 0;
  int repeat = 1;
  std::optional<std::uint64_t> memory;  // otherwise what there is
};

/// The type that OUT is stored in: IN's, but for counts of bools, or the one that is asked for.
Handle out_type(const Arguments& arguments, const Dataset& in, const NumberFormat& format) {
  const bool needs_order = arguments.op == "max" || arguments.op == "min";
  if (needs_order &&
      !std::visit([]<class T>(T) { return std::is_arithmetic_v<T>; }, format.element)) {
    throw std::runtime_error(in.label() + " has complex numbers, which have no order: max and " +
                             "min can't be had, compensated-sum, sum and prod can");
  }
  if (!arguments.out_type.empty()) {
    return wider_type(arguments.out_type, in.stored_type(), in.label());
  }
  const bool counts = format.coding == NumberFormat::Coding::boolean && !needs_order;
  return Handle(H5Tcopy(counts ? H5T_STD_I64LE : in.stored_type()));
}

ScanRequest request_of(const Arguments& arguments, const NumberFormat& out) {
  ScanRequest request;
  request.op = operators.at(arguments.op);
  const bool rounded_again = out.coding == NumberFormat::Coding::float16;
  if (rounded_again && std::holds_alternative<CompensatedSum>(request.op)) {
    request.op = CompensatedSumToOdd();
  }
  request.options.direction = arguments.reverse ? Direction::reverse : Direction::forward;
  request.options.block_size = arguments.block_size;
  request.kind = arguments.exclusive ? ScanKind::exclusive : ScanKind::inclusive;
  request.repeat = arguments.repeat;
  return request;
}

/// What is read, and what it is to become: every rank finds it out for itself.
struct Task {
  DatasetPath in_path;
  DatasetPath out_path;
  InputFile in_file;
  Dataset in;
  int axis;
  NumberFormat in_format;
  Handle type;
  NumberFormat out_format;

  explicit Task(const Arguments& arguments)
      : in_path(arguments.in),
        out_path(arguments.out),
        in_file(in_path.file),
        in(in_file.dataset(in_path.name)),
        axis(checked_axis(arguments.axis, in)),
        in_format(number_format(in.stored_type(), in.label())),
        type(out_type(arguments, in, in_format)),
        out_format(number_format(type.id(), arguments.out)) {}
};

/// The file that the results go to, which the first rank makes, and keeps for itself where there is
/// no other rank. Several write it together, or one after the other.
class Results {
 public:
  Results(const Ranks& ranks, const Task& task) : m_ranks(ranks), m_task(task) {
    ranks.on_the_first([&] {
      m_file.emplace(task.out_path.file);
      m_dataset.emplace(m_file->create_dataset(task.out_path.name,
                                               form_like(task.in, task.type.id(), m_warnings)));
      copy_attributes(task.in, *m_dataset, m_warnings);
      m_type_name = type_name(m_dataset->stored_type());
      if (ranks.size() == 1) return;
      m_dataset.reset();
      m_file->release();
    });
    m_path = ranks.broadcast(m_file ? m_file->temporary_path().string() : "", 0);
    if (!can_write_together(ranks)) return;
    ranks.together(
        [&] { m_joint.emplace(m_path, task.out_path, ReleasedDataset::Writers::together); });
  }

  ScanOutput output() {
    return {
        m_task.out_format, staging(), [this](const std::function<void(NumberTransfer&)>& write) {
          const auto write_to = [&](const Dataset& dataset) {
            NumberTransfer numbers(dataset, m_task.out_format, m_joint ? &m_ranks : nullptr);
            write(numbers);
          };
          if (m_dataset) return write_to(*m_dataset);
          if (m_joint) return write_to(m_joint->dataset());
          m_ranks.one_after_another([&] {
            ReleasedDataset released(m_path, m_task.out_path, ReleasedDataset::Writers::in_turn);
            write_to(released.dataset());
            released.close();
          });
        }};
  }

  void commit() {
    if (m_joint) m_ranks.together([&] { m_joint->close(); });
    m_ranks.on_the_first([&] { m_file->commit(); });
  }
  const std::string& type() const { return m_type_name; }
  bool written_together() const { return m_joint.has_value(); }
  const std::vector<std::string>& warnings() const { return m_warnings; }

 private:
  std::size_t staging() const {
    const NumberFormat& format = m_task.out_format;
    const hid_t stored = m_task.type.id();
    // What ranks write together is converted before.
    const bool as_it_is = H5Tequal(memory_type(format.element, stored).id(), stored) > 0;
    return m_joint && !as_it_is ? H5Tget_size(stored) : staging_of(format, stored);
  }

  const Ranks& m_ranks;
  const Task& m_task;
  std::vector<std::string> m_warnings;
  std::string m_type_name;
  std::filesystem::path m_path;  // of the temporary file
  std::optional<OutputFile> m_file;
  std::optional<Dataset> m_dataset;
  std::optional<ReleasedDataset> m_joint;
};

void print_summary(const Arguments& arguments, const Ranks& ranks, int axis, const Dataset& in,
                   const Results& results, const Measurement& measured) {
  using Exec = Kokkos::DefaultExecutionSpace;
  const std::string in_type = type_name(in.stored_type()), out_type = results.type();
  std::printf("%s: %s %s\n", in.label().c_str(), shape_as_text(in.extents()).c_str(),
              in_type.c_str());
  std::printf("%s along axis %d, %s, %s%s\n", arguments.op.c_str(), axis,
              arguments.exclusive ? "exclusive" : "inclusive",
              arguments.reverse ? "reverse" : "forward",
              out_type == in_type ? "" : (", to " + out_type).c_str());
  std::printf("on %s, concurrency %d, path %s\n", Exec::name(), Exec().concurrency(),
              measured.path.empty() ? "none (no elements)" : measured.path.c_str());
  if (ranks.size() > 1) {
    std::printf("over %d ranks, each with %s, written %s\n", ranks.size(),
                measured.along_axis ? "pieces of all lines" : "lines of its own",
                results.written_together() ? "together" : "in turn");
  }
  const hsize_t slabs = measured.plan.slabs();
  if (slabs > 1) {
    std::printf("in %s slabs of at most %s\n", std::to_string(slabs).c_str(),
                shape_as_text(measured.plan.slab).c_str());
  }
  std::printf("%.3f ms, %.2f GB/s read and written", measured.seconds * 1e3,
              measured.bytes / measured.seconds * 1e-9);
  if (arguments.repeat > 1) std::printf(" (median of %d)", arguments.repeat);
  std::printf("\n%s written\n", arguments.out.c_str());
}

void run(const Arguments& arguments, const Ranks& ranks) {
  std::optional<Task> task;
  ranks.together([&] { task.emplace(arguments); });
  Results results(ranks, *task);
  std::optional<Kokkos::ScopeGuard> kokkos;
  ranks.together([&] { kokkos.emplace(kokkos_settings()); });
  NumberTransfer in_numbers(task->in, task->in_format);
  const double memory = arguments.memory ? static_cast<double>(*arguments.memory)
                                         : memory_budget() / ranks.on_this_machine();
  const Measurement measured = scan_dataset(request_of(arguments, task->out_format), task->axis,
                                            memory, ranks, in_numbers, results.output());
  results.commit();
  if (!ranks.is_first()) return;
  for (const std::string& warning : results.warnings()) warn(warning);
  print_summary(arguments, ranks, task->axis, task->in, results, measured);
}

const char* const examples = R"(Examples:

# the sums along the first axis
fused-scan scan in.h5:/x out.h5:/sums --axis 0

# the largest number so far along the last axis, beside /x in its file
fused-scan scan in.h5:/x in.h5:/largest --axis -1 --op max

# the sums of each element and all behind it
fused-scan scan in.h5:/x out.h5:/left --axis 0 --reverse

# where each group begins, if /counts has the groups' sizes
fused-scan scan in.h5:/counts out.h5:/offsets --axis 0 --exclusive

# sums of 8-bit integers that 8 bits have no room for
fused-scan scan in.h5:/bytes out.h5:/sums --axis 0 --out-type int64

# in slabs, so that the elements take 8 GiB of memory at a time
fused-scan scan huge.h5:/x out.h5:/sums --axis 0 --memory 8GiB

# in tiles of 1024 elements; the sums are the same, the speed may not be
fused-scan scan in.h5:/x out.h5:/sums --axis 1 --block-size 1024

# by four processes, which must be of a build with MPI
mpiexec -n 4 fused-scan scan in.h5:/x out.h5:/sums --axis 0

# ten times, for a time that can be relied on
fused-scan scan in.h5:/x out.h5:/sums --axis 0 --repeat 10)";

const char* const explanation =
    "IN is a data set of rank 1 to 8, of integers, floating-point or complex numbers (h5py's "
    "compound of r and i), or bools, in any byte order. OUT gets its shape and type; sums and "
    "products of bools are int64. The numbers of float16 and bfloat16 are scanned in float64 and "
    "rounded once. Sums and products of 32- and 64-bit integers wrap around; those of 8 and 16 "
    "bits that do not fit are refused.\n"
    "\n"
    "OUT is stored as IN is, in chunks and compressed, and has its attributes; dimension scales "
    "become labels.\n"
    "\n"
    "If the file OUT exists, the data set is added to it and all else stays; it may be the file "
    "IN. A data set that exists is never overwritten. OUT is complete or not changed at all: the "
    "work is done on a temporary file beside it (a copy of OUT, if it exists), which is renamed at "
    "the end.\n"
    "\n"
    "Under mpiexec, in a build with MPI, the ranks share the work, and the bits are those of one "
    "rank. They read the file at once; they write it together where HDF5 is a parallel one, "
    "else one after the other.\n"
    "\n";

}  // namespace

void add_scan_command(CLI::App& program, const Ranks& ranks) {
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
      ->add_option("--out-type", arguments->out_type,
                   "The type of the results, one that holds every number of IN's type")
      ->check(CLI::IsMember(wider_type_names()));
  command
      ->add_option("--memory", arguments->memory,
                   "How much the elements may take, as 500MB or 8GiB; more is scanned in slabs, "
                   "with the same results. Of a rank, where there are several. Otherwise three "
                   "quarters of what "
                   "is free")
      ->transform(CLI::AsSizeValue(true));
  command
      ->add_option("--block-size", arguments->block_size,
                   "Elements along the axis in one tile, a power of two; 0: chosen")
      ->capture_default_str();
  command->add_option("--repeat", arguments->repeat, "Scan so many times and print the median time")
      ->check(CLI::Range(1, std::numeric_limits<int>::max()))
      ->capture_default_str();
  command->footer(std::string(explanation) + examples);
  command->callback([arguments, &ranks] { run(*arguments, ranks); });
}

}  // namespace fused_scan::cli
