// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_COMMANDS_HPP
#define FUSED_SCAN_COMMANDS_HPP

#include <CLI/CLI.hpp>
#include <Kokkos_Core.hpp>
#include <iostream>
#include <string>

#include "ranks.hpp"

namespace fused_scan::cli {

// One function for each subcommand of the program: it declares the subcommand's arguments and what
// is done with them. That throws std::exception, with one line for the user, where it can't be
// done; of several ranks the same on all. What ranks can't do together is done by the first.
void add_ar_ssm_command(CLI::App& program, const Ranks& ranks);
void add_info_command(CLI::App& program, const Ranks& ranks);
void add_recurrence_command(CLI::App& program, const Ranks& ranks);
void add_scan_command(CLI::App& program, const Ranks& ranks);

/// One line on stderr, whatever is in the sentence: names and values of a user may have ends of
/// lines.
inline void print_line(std::string sentence) {
  for (char& letter : sentence) {
    const bool control = static_cast<unsigned char>(letter) < ' ' || letter == '\x7f';
    if (control) letter = ' ';
  }
  std::cerr << "fused-scan: " << sentence << '\n';
}

/// About something that was done otherwise than the user may think. To be printed when all is done:
/// where something is wrong, that is the only line.
inline void warn(const std::string& sentence) { print_line("warning: " + sentence); }

/// Kokkos without its advice on stderr, which is meant for the author of a program. To be started
/// when the arguments and files are known to be good: it can take a second on a GPU.
inline Kokkos::InitializationSettings kokkos_settings() {
  return Kokkos::InitializationSettings().set_disable_warnings(true);
}

}  // namespace fused_scan::cli

#endif
