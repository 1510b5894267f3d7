// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_RANKS_HPP
#define FUSED_SCAN_RANKS_HPP

#include <cstddef>
#include <exception>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>

namespace fused_scan::cli {

/// The processes that mpiexec has started to do one command together. There is one where it hasn't,
/// and where the program is built without MPI.
///
/// Every function is called by all of them, in the same order, but for rank() and size().
class Ranks {
 public:
  Ranks(int& argc, char**& argv);
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const { return m_rank; }
  int size() const { return m_size; }
  bool is_first() const { return m_rank == 0; }
  /// How many of them share a machine's memory with this one.
  int on_this_machine() const;

  double smallest(double own) const;
  double largest(double own) const { return -smallest(-own); }
  /// The text that `root` has.
  std::string broadcast(std::string text, int root) const;
  /// `bytes` for each rank, of which this one's are there: fills in the others'.
  void all_gather(std::byte* of_ranks, std::size_t bytes) const;

  /// Each rank's part of a step, in which it calls none of these functions. Where it throws on some
  /// of them, every rank throws what the first of those has to say.
  void together(const std::function<void()>& step) const;
  /// The same, rank after rank.
  void one_after_another(const std::function<void()>& step) const;
  /// A step that is the first rank's alone.
  void on_the_first(const std::function<void()>& step) const {
    together([&] {
      if (is_first()) step();
    });
  }

 private:
  int m_rank = 0;
  int m_size = 1;
};

/// What is wrong where a step throws; empty where it doesn't.
inline std::string error_of(const std::function<void()>& step) {
  try {
    step();
  } catch (const std::bad_alloc&) {
    return "there is not enough memory";
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

inline void Ranks::together(const std::function<void()>& step) const {
  if (m_size == 1) return step();
  const std::string error = error_of(step);
  const double failed = smallest(error.empty() ? m_size : m_rank);
  if (failed < m_size) throw std::runtime_error(broadcast(error, static_cast<int>(failed)));
}

inline void Ranks::one_after_another(const std::function<void()>& step) const {
  if (m_size == 1) return step();
  for (int r = 0; r < m_size; ++r) {
    const std::string error = broadcast(r == m_rank ? error_of(step) : "", r);
    if (!error.empty()) throw std::runtime_error(error);
  }
}

}  // namespace fused_scan::cli

#endif
