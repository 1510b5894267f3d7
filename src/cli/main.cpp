// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <CLI/CLI.hpp>
#include <exception>
#include <fused_scan/version.hpp>
#include <new>
#include <string>

#include "commands.hpp"
#include "hdf5_file.hpp"
#include "ranks.hpp"
#include "temporary_file.hpp"

int main(int argc, char** argv) {
  using namespace fused_scan::cli;
  constexpr int wrong_use = 2;
  silence_hdf5();
  end_crashes_tidily();
  const Ranks ranks(argc, argv);
  const auto explain = [&](const std::string& sentence) {
    if (ranks.is_first()) print_line(sentence);
    return wrong_use;
  };

  CLI::App program("Scans of arrays in HDF5 files, along any axis, and the AR-SSM layer.",
                   "fused-scan");
  program.set_version_flag("--version", FUSED_SCAN_VERSION_STRING);
  program.require_subcommand(1);
  program.footer(
      "Threads and devices are chosen as in every Kokkos program: OMP_NUM_THREADS, "
      "KOKKOS_DEVICE_ID.\n\n"
      "Exit status: 0 for success; 2, one line on stderr, and nothing written otherwise.");
  add_info_command(program, ranks);
  add_scan_command(program, ranks);
  add_recurrence_command(program, ranks);
  add_ar_ssm_command(program, ranks);

  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help and --version
      return ranks.is_first() ? program.exit(error) : 0;
    }
    std::string command = "fused-scan";
    for (const CLI::App* chosen : program.get_subcommands()) command += " " + chosen->get_name();
    return explain(std::string(error.what()) + " (" + command + " --help shows the use)");
  } catch (const std::bad_alloc&) {
    return explain("there is not enough memory");
  } catch (const std::exception& error) {
    return explain(error.what());
  }
}
