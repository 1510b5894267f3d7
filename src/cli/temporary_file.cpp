// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "temporary_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <random>
#include <string>
#include <system_error>

namespace fused_scan::cli {

namespace {

constexpr int interruptions[] = {SIGINT, SIGTERM, SIGHUP};

// What the handler of a signal has to remove; it can use nothing richer than an array.
char g_path[4096];

void remove_and_die(int signal) {
  unlink(g_path);
  raise(signal);        // the default action, by now
  _exit(128 + signal);  // the first process of a container survives that
}

void remove_and_fail(int signal) {
  unlink(g_path);
  constexpr char line[] = "fused-scan: crashed, perhaps over a damaged file; nothing is written\n";
  const bool explained = signal == SIGABRT;  // by whoever called abort()
  if (!explained && write(STDERR_FILENO, line, sizeof line - 1) < 0) _exit(2);
  _exit(2);
}

void require(bool success) {
  if (!success) throw std::system_error(errno, std::generic_category());
}

}  // namespace

TemporaryFile::TemporaryFile(const std::filesystem::path& final_path)
    : m_final_path(final_path),
      m_path(final_path.string() + "." + std::to_string(std::random_device()()) + ".tmp") {
  std::strncpy(g_path, m_path.c_str(), sizeof g_path - 1);
  struct sigaction action{};
  action.sa_handler = remove_and_die;
  action.sa_flags = SA_RESETHAND | SA_NODEFER;
  for (const int signal : interruptions) sigaction(signal, &action, nullptr);
}

TemporaryFile::~TemporaryFile() {
  std::error_code ignored;
  std::filesystem::remove(m_path, ignored);
  for (const int signal : interruptions) std::signal(signal, SIG_DFL);
}

void TemporaryFile::take_final_name() {
  const int descriptor = open(m_path.c_str(), O_RDONLY);
  require(descriptor >= 0);
  const bool on_disk = fsync(descriptor) == 0;  // a full disk can come to light as late as here
  require(close(descriptor) == 0 && on_disk);
  require(rename(m_path.c_str(), m_final_path.c_str()) == 0);
}

void end_crashes_tidily() {
  std::signal(SIGXFSZ, SIG_IGN);  // so that the user's limit on file sizes is an error like others
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE}) {
    struct sigaction action{};
    sigaction(signal, nullptr, &action);
    if (action.sa_handler != SIG_DFL) continue;  // a sanitizer has something to say about it
    action.sa_handler = remove_and_fail;
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace fused_scan::cli
