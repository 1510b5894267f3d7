// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Runs the program on damaged files and on random option lines:
//
//   fused_scan_fuzz_cli [CASES [SEED [FIRST]]]
//
// Every second case has a damaged file, the others have a random line. Whatever comes, the program
// must end by itself, with status 0 or 2; with 2 it has said one line and changed nothing, with 0
// its output is a file that can be read. A case is a function of SEED and its number alone: what
// failed as number N comes again with `1 SEED N`, and its files are kept in fuzz_N/.

#include <fcntl.h>
#include <hdf5.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "address_sanitizer.hpp"
#include "fuzz_cases.hpp"

namespace {

namespace fs = std::filesystem;
using namespace fused_scan::fuzz;

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    all[fs::relative(entry.path(), folder)] = entry.is_regular_file() ? bytes_of(entry.path()) : "";
  }
  return all;
}

struct Outcome {
  int status = -1;  // -1: it had to be killed
  int signal = 0;   // it died of
  std::string out, err;
};

void limit(int what, rlim_t most) {
  const rlimit limits{most, most};
  setrlimit(what, &limits);
}

/// In the child: becomes the program.
[[noreturn]] void become_program(const std::vector<std::string>& arguments, const fs::path& work,
                                 const fs::path& logs) {
  const auto redirect = [&](const char* name, int descriptor) {
    const int file = open((logs / name).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, descriptor);
    close(file);
  };
  redirect("out", STDOUT_FILENO);
  redirect("err", STDERR_FILENO);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 2 << 20);  // a damaged extent must not fill the disk
  if (!address_sanitized) limit(RLIMIT_AS, rlim_t{4} << 30);
  setenv("ASAN_OPTIONS", asan_options, 1);
  setenv("OMP_NUM_THREADS", "1", 1);
  std::vector<char*> argv{const_cast<char*>(FUSED_SCAN_PROGRAM)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  if (chdir(work.c_str()) == 0) execv(argv[0], argv.data());
  _exit(127);
}

Outcome run(const std::vector<std::string>& arguments, const fs::path& work, const fs::path& logs) {
  using namespace std::chrono_literals;
  constexpr auto patience = 60s;
  const pid_t child = fork();
  if (child == 0) become_program(arguments, work, logs);
  Outcome outcome;
  int status = 0;
  const auto begin = std::chrono::steady_clock::now();
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() - begin > patience) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return outcome;
    }
    std::this_thread::sleep_for(1ms);
  }
  if (WIFEXITED(status)) outcome.status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  outcome.out = bytes_of(logs / "out");
  outcome.err = bytes_of(logs / "err");
  return outcome;
}

/// Whether it is an HDF5 file, and the data set, if it has it, can be read to its end.
bool can_be_read(const fs::path& file, const std::string& name) {
  const hid_t id = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (id < 0) return false;
  bool good = true;
  if (H5Lexists(id, name.c_str(), H5P_DEFAULT) > 0) {
    const hid_t dataset = H5Dopen2(id, name.c_str(), H5P_DEFAULT);
    const hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    const hssize_t count = std::max<hssize_t>(0, H5Sget_simple_extent_npoints(space));
    std::vector<char> elements(static_cast<std::size_t>(count) * H5Tget_size(type) + 1);
    good = H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements.data()) >= 0;
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(dataset);
  }
  H5Fclose(id);
  return good;
}

bool only_lines_with(const std::string& text, const std::string& beginning) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(beginning)) return false;
  }
  return text.empty() || text.back() == '\n';
}

/// What is wrong about how a case came out; nothing if all is well.
std::string fault(const Case& fuzzed, const Outcome& outcome,
                  const std::map<std::string, std::string>& before, const fs::path& work) {
  if (outcome.signal != 0) return "died of signal " + std::to_string(outcome.signal);
  if (outcome.status == -1) return "did not end";
  const auto after = contents(work);
  if (outcome.status == 2) {
    const auto lines = std::count(outcome.err.begin(), outcome.err.end(), '\n');
    if (lines != 1 || !outcome.err.starts_with("fused-scan: ")) return "no line, or several";
    if (!outcome.out.empty()) return "output of a run that failed";
    return after == before ? "" : "files of a run that failed";
  }
  if (outcome.status != 0) return "status " + std::to_string(outcome.status);
  if (!only_lines_with(outcome.err, "fused-scan: warning: ")) return "an error of a good run";
  int changed = 0;
  for (const auto& [name, bytes] : after) {
    if (before.contains(name) && before.at(name) == bytes) continue;
    if (++changed > 1) return "several files that are new or changed, among them " + name;
    if (!can_be_read(work / name, fuzzed.out_dataset)) return "an output that is no good: " + name;
  }
  return "";
}

void describe(const Case& fuzzed, const Outcome& outcome) {
  for (const std::string& argument : fuzzed.arguments) std::printf(" '%s'", argument.c_str());
  std::printf("\n  status %d, stderr: %s\n", outcome.status, outcome.err.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int position, unsigned long otherwise) {
    return argc > position ? std::strtoul(argv[position], nullptr, 10) : otherwise;
  };
  const unsigned long cases = number(1, 200), seed = number(2, 1), first = number(3, 0);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  std::string name = (fs::temp_directory_path() / "fused-scan-fuzz-XXXXXX").string();
  if (!mkdtemp(name.data())) return EXIT_FAILURE;
  const fs::path folder = name;
  make_seeds(folder / "seeds", FUSED_SCAN_GOLDEN_FILES);

  unsigned long faults = 0, successes = 0;
  for (unsigned long i = first; i < first + cases && faults < 10; ++i) {
    const fs::path work = folder / "work";
    fs::remove_all(work);
    fs::copy(folder / "seeds", work, fs::copy_options::recursive);
    const Case fuzzed = make_case(seed, i, work);
    const auto before = contents(work);
    const Outcome outcome = run(fuzzed.arguments, work, folder);
    successes += outcome.status == 0;
    const std::string what = fault(fuzzed, outcome, before, work);
    if (what.empty()) continue;
    ++faults;
    std::printf("case %lu of seed %lu: %s\n ", i, seed, what.c_str());
    describe(fuzzed, outcome);
    const fs::path kept = "fuzz_" + std::to_string(i);
    fs::remove_all(kept);
    fs::copy(work, kept, fs::copy_options::recursive);
  }
  fs::remove_all(folder);
  std::printf("%lu cases of seed %lu from %lu on: %lu succeeded, %lu faults\n", cases, seed, first,
              successes, faults);
  return faults == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
