// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <Kokkos_Core.hpp>
#include <cstdio>
#include <fused_scan/recurrence.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "commands.hpp"
#include "dataset_likeness.hpp"
#include "element_type.hpp"
#include "hdf5_file.hpp"
#include "memory_budget.hpp"
#include "path_listener.hpp"

namespace fused_scan::cli {

namespace {

using Exec = Kokkos::DefaultExecutionSpace;
using Complex = Kokkos::complex<double>;

struct Arguments {
  std::string a;
  std::string b;
  std::string out;
  int axis = 0;
  bool reverse = false;
};

bool is_complex(const Dataset& dataset) {
  const NumberFormat format = number_format(dataset.stored_type(), dataset.label());
  const bool complex =
      std::visit([]<class T>(T) { return !std::is_arithmetic_v<T>; }, format.element);
  const bool floating = std::holds_alternative<float>(format.element) ||
                        std::holds_alternative<double>(format.element);
  if (format.coding != NumberFormat::Coding::by_hdf5 || !(complex || floating)) {
    throw std::runtime_error(
        dataset.label() + " has " + type_name(dataset.stored_type()) +
        " numbers; recurrences need float32, float64, complex64 or complex128");
  }
  return complex;
}

/// `a` has the extents of `b`, or one coefficient for all positions of a dimension, or for all.
void check_coefficients(const Dataset& a, const Dataset& b) {
  bool fits = a.extents().empty() || a.extents().size() == b.extents().size();
  for (std::size_t d = 0; fits && d < a.extents().size(); ++d) {
    fits = a.extents()[d] == b.extents()[d] || a.extents()[d] == 1;
  }
  if (!fits) {
    throw std::runtime_error(
        a.label() + " of shape " + shape_as_text(a.extents()) + " doesn't fit " + b.label() +
        " of shape " + shape_as_text(b.extents()) +
        ": it needs the same, with 1 where a coefficient is the same all along "
        "a dimension");
  }
}

/// The numbers of a data set in memory of the execution space.
template <class T>
Kokkos::View<T*, Exec> read(const Dataset& dataset) {
  const Kokkos::View<T*, Exec> numbers(
      Kokkos::view_alloc(Kokkos::WithoutInitializing, dataset.label()), size_of(dataset.extents()));
  const auto on_host = Kokkos::create_mirror_view(numbers);
  dataset.read(memory_type(Element(T()), dataset.stored_type()).id(), on_host.data());
  Kokkos::deep_copy(numbers, on_host);
  return numbers;
}

/// Numbers of a data set's extents (none: all of them one) as an array of the extents of `like`,
/// with strides of 0 where there is one number for many places, and dimensions of 1 in front.
template <class T>
using AnyArray = Kokkos::View<T********, Kokkos::LayoutStride, Exec, Kokkos::MemoryUnmanaged>;

template <class T>
AnyArray<T> as_array(const Kokkos::View<T*, Exec>& numbers, const Extents& extents,
                     const Extents& like) {
  constexpr std::size_t rank = 8;
  Kokkos::LayoutStride layout;
  std::size_t stride = 1;
  for (std::size_t d = rank; d-- > 0;) {
    const std::size_t in_front = rank - like.size();
    layout.dimension[d] = d < in_front ? 1 : like[d - in_front];
    const std::size_t own = d < in_front || extents.empty() ? 1 : extents[d - in_front];
    layout.stride[d] = own == 1 ? 0 : stride;
    // A dimension of 1 that isn't repeated has a stride of no importance.
    if (layout.dimension[d] == 1) layout.stride[d] = stride;
    stride *= own;
  }
  return AnyArray<T>(numbers.data(), layout);
}

struct Measurement {
  std::string path;
  double seconds;
};

template <class A, class B>
Measurement run_recurrence(const Dataset& a, const Dataset& b, const Dataset& out, int axis,
                           bool reverse) {
  const auto a_numbers = read<A>(a);
  const auto numbers = read<B>(b);
  const int in_front = 8 - static_cast<int>(b.extents().size());
  const PathListener listener;
  const Exec exec;
  exec.fence();
  const Kokkos::Timer timer;
  const auto h = as_array(numbers, b.extents(), b.extents());
  linear_recurrence(exec, as_array(a_numbers, a.extents(), b.extents()), h, h, in_front + axis,
                    {.direction = reverse ? Direction::reverse : Direction::forward});
  exec.fence();
  const double seconds = timer.seconds();
  const auto on_host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), numbers);
  out.write(memory_type(Element(B()), out.stored_type()).id(), on_host.data());
  return {listener.path(), seconds};
}

void check_memory(const Dataset& a, const Dataset& b, bool complex) {
  const double size = complex ? sizeof(Complex) : sizeof(double);
  const double bytes = size * (static_cast<double>(size_of(a.extents())) +
                               static_cast<double>(size_of(b.extents())));
  if (bytes > memory_budget()) {
    throw std::runtime_error("a recurrence of " + b.label() + " takes " + bytes_as_text(bytes) +
                             ", and there are " + bytes_as_text(memory_budget()));
  }
}

void run(const Arguments& arguments) {
  const DatasetPath a_path(arguments.a), b_path(arguments.b), out_path(arguments.out);
  const InputFile a_file(a_path.file), b_file(b_path.file);
  const Dataset a = a_file.dataset(a_path.name), b = b_file.dataset(b_path.name);
  const int axis = checked_axis(arguments.axis, b);
  const bool a_complex = is_complex(a), b_complex = is_complex(b);
  if (a_complex && !b_complex) {
    throw std::runtime_error(a.label() + " is complex and " + b.label() +
                             " is not: a recurrence with complex coefficients needs complex terms");
  }
  check_coefficients(a, b);

  std::vector<std::string> warnings;
  OutputFile out_file(out_path.file);
  const Dataset out =
      out_file.create_dataset(out_path.name, form_like(b, b.stored_type(), warnings));
  copy_attributes(b, out, warnings);
  const Kokkos::ScopeGuard kokkos(kokkos_settings());
  check_memory(a, b, b_complex);
  const Measurement measured =
      a_complex   ? run_recurrence<Complex, Complex>(a, b, out, axis, arguments.reverse)
      : b_complex ? run_recurrence<double, Complex>(a, b, out, axis, arguments.reverse)
                  : run_recurrence<double, double>(a, b, out, axis, arguments.reverse);
  const std::string label = out.label(), type = type_name(out.stored_type());
  out_file.commit();
  for (const std::string& warning : warnings) warn(warning);
  std::printf("%s: %s %s, coefficients %s: %s\n", b.label().c_str(),
              shape_as_text(b.extents()).c_str(), type.c_str(), a.label().c_str(),
              a.extents().empty() ? "one for all" : shape_as_text(a.extents()).c_str());
  std::printf("recurrence along axis %d, %s\n", axis, arguments.reverse ? "reverse" : "forward");
  std::printf("on %s, concurrency %d, path %s\n", Exec::name(), Exec().concurrency(),
              measured.path.empty() ? "none (no elements)" : measured.path.c_str());
  const double bytes = (b_complex ? sizeof(Complex) : sizeof(double)) * 3.0 *
                       static_cast<double>(size_of(b.extents()));
  std::printf("%.3f ms, %.2f GB/s read and written\n%s written\n", measured.seconds * 1e3,
              bytes / measured.seconds * 1e-9, arguments.out.c_str());
}

const char* const footer =
    "A and B are data sets of float32, float64, complex64 or complex128. A has B's shape, with 1 "
    "for "
    "a dimension along which the coefficient stays the same, or none at all. H gets B's shape and "
    "type, and is stored as B is. Everything is computed in float64 and rounded once.\n"
    "\n"
    "If the file H exists, the data set is added to it and all else stays; it may be the file of A "
    "or B. A data set that exists is never overwritten. H is complete or not changed at all.\n"
    "\n"
    "Examples:\n"
    "\n"
    "# h(i) = a(i) h(i - 1) + b(i) along the first axis\n"
    "fused-scan recurrence in.h5:/a in.h5:/b out.h5:/h --axis 0\n"
    "\n"
    "# h(i) = a(i) h(i + 1) + b(i) along the last\n"
    "fused-scan recurrence in.h5:/a in.h5:/b out.h5:/h --axis -1 --reverse";

}  // namespace

void add_recurrence_command(CLI::App& program, const Ranks& ranks) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = program.add_subcommand(
      "recurrence", "Solve h(i) = a(i) h(i - 1) + b(i) along an axis of data sets");
  command->add_option("A", arguments->a, "The coefficients, as FILE:/DATASET")->required();
  command->add_option("B", arguments->b, "The terms, as FILE:/DATASET")->required();
  command->add_option("H", arguments->out, "The new data set, as FILE:/DATASET")->required();
  command
      ->add_option("--axis", arguments->axis, "The axis, from 0; negative ones count from the end")
      ->required();
  command->add_flag("--reverse", arguments->reverse, "Begin with the last position");
  command->footer(footer);
  command->callback([arguments, &ranks] { ranks.on_the_first([&] { run(*arguments); }); });
}

}  // namespace fused_scan::cli
