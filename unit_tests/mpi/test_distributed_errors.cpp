// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Calls that are wrong on one rank: every rank throws the same sentence, and none waits for
// another.

#include <Kokkos_Core.hpp>
#include <catch2/catch_test_macros.hpp>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "distributed_call.hpp"

namespace {

using namespace fused_scan;
using namespace fused_scan::test;

using Exec = Kokkos::DefaultExecutionSpace;
using IntPieces = ViewOfRank<int, 2, Kokkos::LayoutRight, Exec>;

// What the call throws on every rank, which must be an Error with the text; `written` stays as it
// is.
template <class Error, class F>
void check_thrown(const F& call, const std::string& text, const IntPieces& written) {
  const auto before = read(written);
  std::string thrown = "nothing";
  try {
    call();
  } catch (const Error& error) {
    thrown = error.what();
  } catch (const std::exception& error) {
    thrown = std::string("an error of another type: ") + error.what();
  }
  CHECK(thrown == text);
  CHECK_THAT(read(written), equals_bitwise(before));
}

// Calls f(x, y, is_wrong) with the last rank's call the wrong one.
template <class F>
void check_wrong_on_last(const std::string& function, const std::string& text, const F& f) {
  const int last = test::size_of(MPI_COMM_WORLD) - 1;
  const auto x = make_view<IntPieces>("x", small_integers<int>({20, 4}));
  const auto y = make_view<IntPieces>("y", small_integers<int>({20, 4}));
  check_thrown<std::invalid_argument>(
      [&] { f(x, y, rank_of() == last); },
      "fused_scan::" + function + ": rank " + std::to_string(last) + text, y);
}

}  // namespace

TEST_CASE("DistributedErrors.WrongOnOneRank") {
  check_wrong_on_last("inclusive_scan", ": axis 2 is out of range [-2, 1] for View 'x' of rank 2",
                      [](const IntPieces& x, const IntPieces& y, bool wrong) {
                        inclusive_scan(Exec{}, MPI_COMM_WORLD, x, y, wrong ? 2 : 0);
                      });
  check_wrong_on_last("exclusive_scan", ": extents of 'x' (20, 4) and 'z' (20, 5) differ",
                      [](const IntPieces& x, const IntPieces& y, bool wrong) {
                        exclusive_scan(Exec{}, MPI_COMM_WORLD, x, wrong ? IntPieces("z", 20, 5) : y,
                                       0);
                      });
  check_wrong_on_last(
      "inclusive_scan", ": block_size 17 must be 0 (chosen) or a power of two, at least 16",
      [](const IntPieces& x, const IntPieces& y, bool wrong) {
        inclusive_scan(Exec{}, MPI_COMM_WORLD, x, y, 0, Sum{}, {.block_size = wrong ? 17 : 0});
      });
}

TEST_CASE("DistributedErrors.AnotherCallOnOneRank") {
  if (test::size_of(MPI_COMM_WORLD) == 1) return;
  const auto check = [](const std::string& text, const auto& f) {
    check_wrong_on_last("inclusive_scan", " calls with " + text, f);
  };
  check("another function, rank 0 with this one",
        [](const IntPieces& x, const IntPieces& y, bool wrong) {
          if (wrong) {
            exclusive_scan(Exec{}, MPI_COMM_WORLD, x, y, 0, Sum{});
          } else {
            inclusive_scan(Exec{}, MPI_COMM_WORLD, x, y, 0, Sum{});
          }
        });
  check("axis 1, rank 0 with axis 0", [](const IntPieces& x, const IntPieces& y, bool wrong) {
    inclusive_scan(Exec{}, MPI_COMM_WORLD, x, y, wrong ? 1 : 0, Sum{});
  });
  check("reverse, rank 0 with forward", [](const IntPieces& x, const IntPieces& y, bool wrong) {
    inclusive_scan(Exec{}, MPI_COMM_WORLD, x, y, 0, Sum{},
                   {wrong ? Direction::reverse : Direction::forward});
  });
  check("another operator, rank 0 with its own",
        [](const IntPieces& x, const IntPieces& y, bool wrong) {
          if (wrong) {
            inclusive_scan(Exec{}, MPI_COMM_WORLD, x, y, 0, Max{});
          } else {
            inclusive_scan(Exec{}, MPI_COMM_WORLD, x, y, 0, Sum{});
          }
        });
  check("elements of another type, rank 0 with its own",
        [](const IntPieces& x, const IntPieces& y, bool wrong) {
          const Kokkos::View<short**, Exec> z("z", 20, 4);
          if (wrong) {
            inclusive_scan(Exec{}, MPI_COMM_WORLD, z, y, 0, Sum{});
          } else {
            inclusive_scan(Exec{}, MPI_COMM_WORLD, x, y, 0, Sum{});
          }
        });
  check("a View of rank 1, rank 0 with one of rank 2",
        [](const IntPieces& x, const IntPieces& y, bool wrong) {
          const Kokkos::View<int*, Exec> z("z", 20);
          if (wrong) {
            inclusive_scan(Exec{}, MPI_COMM_WORLD, z, z, 0, Sum{});
          } else {
            inclusive_scan(Exec{}, MPI_COMM_WORLD, x, y, 0, Sum{});
          }
        });
  check("extents (*, 7), rank 0 with (*, 4)",
        [](const IntPieces& x, const IntPieces& y, bool wrong) {
          const IntPieces z("z", 20, 7);
          inclusive_scan(Exec{}, MPI_COMM_WORLD, wrong ? z : x, wrong ? z : y, 0, Sum{});
        });
}

// A step that fails on one rank, as where its memory doesn't suffice.
TEST_CASE("DistributedErrors.ExceptionOnOneRank") {
  const impl::Communicator comm(MPI_COMM_WORLD);
  const int last = comm.size() - 1;
  const IntPieces y("y", 2, 2);
  check_thrown<std::runtime_error>(
      [&] {
        impl::all_succeed(comm, "fused_scan::inclusive_scan", [&] {
          if (comm.rank() == last) throw std::runtime_error("no memory is left");
        });
      },
      "fused_scan::inclusive_scan: rank " + std::to_string(last) + ": no memory is left", y);
  impl::all_succeed(comm, "fused_scan::inclusive_scan", [] {});
}
