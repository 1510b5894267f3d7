// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <CLI/CLI.hpp>
#include <exception>
#include <fused_scan/version.hpp>
#include <new>
#include <string>

#include "commands.hpp"
#include "hdf5_file.hpp"
#include "temporary_file.hpp"

int main(int argc, char** argv) {
  using namespace fused_scan::cli;
  constexpr int wrong_use = 2;
  silence_hdf5();
  end_crashes_tidily();

  CLI::App program("Scans of arrays in HDF5 files, along any axis, and the AR-SSM layer.",
                   "fused-scan");
  program.set_version_flag("--version", FUSED_SCAN_VERSION_STRING);
  program.require_subcommand(1);
  program.footer(
      "Threads and devices are chosen as in every Kokkos program: OMP_NUM_THREADS, "
      "KOKKOS_DEVICE_ID.\n\n"
      "Exit status: 0 for success; 2, one line on stderr, and nothing written otherwise.");
  add_info_command(program);
  add_scan_command(program);
  add_recurrence_command(program);
  add_ar_ssm_command(program);

  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);  // --help and --version
    std::string command = "fused-scan";
    for (const CLI::App* chosen : program.get_subcommands()) command += " " + chosen->get_name();
    print_line(std::string(error.what()) + " (" + command + " --help shows the use)");
    return wrong_use;
  } catch (const std::bad_alloc&) {
    print_line("there is not enough memory");
    return wrong_use;
  } catch (const std::exception& error) {
    print_line(error.what());
    return wrong_use;
  }
}
