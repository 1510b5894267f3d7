// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <hdf5.h>

#include <Kokkos_Core.hpp>
#include <fused_scan/version.hpp>
#include <iostream>
#include <sstream>
#include <string>

#include "commands.hpp"

namespace fused_scan::cli {

namespace {

std::string backends() {
  std::string names;
  const auto add = [&](const std::string& name) { names += (names.empty() ? "" : ", ") + name; };
#ifdef KOKKOS_ENABLE_SERIAL
  add(Kokkos::Serial::name());
#endif
#ifdef KOKKOS_ENABLE_THREADS
  add(Kokkos::Threads::name());
#endif
#ifdef KOKKOS_ENABLE_OPENMP
  add(Kokkos::OpenMP::name());
#endif
#ifdef KOKKOS_ENABLE_CUDA
  add(Kokkos::Cuda::name());
#endif
#ifdef KOKKOS_ENABLE_HIP
  add(Kokkos::HIP::name());
#endif
#ifdef KOKKOS_ENABLE_SYCL
  add(Kokkos::SYCL::name());
#endif
  return names;
}

/// What Kokkos says about the machine: of its fifty lines those on architectures and devices.
void print_machine(std::ostream& out) {
  std::stringstream configuration;
  Kokkos::print_configuration(configuration);
  for (std::string line; std::getline(configuration, line);) {
    line.erase(0, line.find_first_not_of(' '));
    const bool device = line.starts_with("Kokkos::");
    const bool detail = line.starts_with("Total Global Memory");
    const bool architecture = line.find(" architecture: ") != std::string::npos;
    if (device || detail || architecture) out << "  " << line << '\n';
  }
}

void print_info() {
  const Kokkos::ScopeGuard kokkos(kokkos_settings());
  using Exec = Kokkos::DefaultExecutionSpace;
  unsigned major, minor, patch;
  H5get_libversion(&major, &minor, &patch);
  std::cout << "fused-scan " << FUSED_SCAN_VERSION_STRING << '\n'
            << "HDF5 " << major << '.' << minor << '.' << patch << '\n'
            << "Kokkos " << KOKKOS_VERSION / 10000 << '.' << KOKKOS_VERSION / 100 % 100 << '.'
            << KOKKOS_VERSION % 100 << '\n'
            << "  backends: " << backends() << '\n'
            << "  scans run on: " << Exec::name() << ", concurrency " << Exec().concurrency()
            << '\n';
  print_machine(std::cout);
}

}  // namespace

void add_info_command(CLI::App& program, const Ranks& ranks) {
  program.add_subcommand("info", "Version, Kokkos configuration and devices")->callback([&ranks] {
    ranks.on_the_first(print_info);
  });
}

}  // namespace fused_scan::cli
