// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Scans over ranks, each with a GPU or with threads of the host: their bits beside those of one
// rank, the bytes that a rank sends for each line, counted where MPI is called, and times for the
// first 2, 4, 8 .. ranks, and all: of pieces that each rank has beside a plain scan of one rank's,
// and beside what everybody writes, a local scan, MPI_Exscan, and an addition; of one array cut
// into pieces; and of the layer.
//
//   mpiexec -n 4 fused_scan_perf_distributed [--divide 1] [--seconds 0.3] [--json FILE]
//
// Lengths are divided by what is given, and each time is measured for so many seconds. Times are
// those of the slowest rank: calls back to back that take 2 ms, and the median of such batches.

#include <mpi.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fused_scan/ar_ssm.hpp>
#include <fused_scan/distributed.hpp>
#include <string>
#include <vector>

#include "context.hpp"
#include "table.hpp"

namespace {

using Exec = Kokkos::DefaultExecutionSpace;
using Array = Kokkos::View<float***, Kokkos::LayoutRight, Exec>;
using Rows = Kokkos::View<float**, Kokkos::LayoutRight, Exec>;
using State = fused_scan::state_t<fused_scan::CompensatedSum, float>;
using fused_scan::perf::Table;

// Kokkos Kernels makes products of another order for pieces.
#ifdef FUSED_SCAN_HAVE_KOKKOS_KERNELS
constexpr bool layer_keeps_bits = false;
#else
constexpr bool layer_keeps_bits = true;
#endif

std::int64_t bytes_sent = 0;

std::int64_t bytes_of(MPI_Datatype type) {
  MPI_Count size = 0;
  MPI_Type_size_x(type, &size);
  return size;
}

int rank_of(MPI_Comm comm) {
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  return rank;
}
int size_of(MPI_Comm comm) {
  int size = 1;
  MPI_Comm_size(comm, &size);
  return size;
}

}  // namespace

// The names of MPI's own profiling interface: what the library calls comes by here.
// NOLINTBEGIN(readability-identifier-naming)
extern "C" int MPI_Allgatherv(const void* sent, int count, MPI_Datatype sent_type, void* received,
                              const int counts[], const int places[], MPI_Datatype type,
                              MPI_Comm comm) {
  bytes_sent += counts[rank_of(comm)] * bytes_of(type);
  return PMPI_Allgatherv(sent, count, sent_type, received, counts, places, type, comm);
}
extern "C" int MPI_Alltoallv(const void* sent, const int counts[], const int places[],
                             MPI_Datatype type, void* received, const int received_counts[],
                             const int received_places[], MPI_Datatype received_type,
                             MPI_Comm comm) {
  for (int r = 0; r < size_of(comm); ++r) bytes_sent += counts[r] * bytes_of(type);
  return PMPI_Alltoallv(sent, counts, places, type, received, received_counts, received_places,
                        received_type, comm);
}
// NOLINTEND(readability-identifier-naming)

namespace {

struct Options {
  std::int64_t divide = 1;
  double seconds = 0.3;
  std::string json;
};

template <class T>
T over_ranks(MPI_Comm comm, T own, MPI_Datatype type, MPI_Op op) {
  T result{};
  MPI_Allreduce(&own, &result, 1, type, op, comm);
  return result;
}

/// Where the pieces of a line begin. Uneven: each cut is a little off, by no multiple of a chunk.
std::int64_t begin_of(std::int64_t length, int rank, int ranks, bool even) {
  const std::int64_t cut = length * rank / ranks;
  return even || rank == 0 || rank == ranks ? cut : cut - cut / 7 - 3;
}

/// A sequence of numbers whose sums are rounded; of a piece that begins at position `first`.
void fill(const Array& x, std::int64_t first) {
  const std::int64_t columns = x.extent(2), length = x.extent(1);
  Kokkos::parallel_for(
      "fill", Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>(0, x.size()),
      KOKKOS_LAMBDA(std::int64_t k) {
        const std::int64_t row = k / columns, i = first + row % length;
        const std::int64_t number = (row / length * 1000003 + i) * columns + k % columns;
        x.data()[k] =
            static_cast<float>(static_cast<std::uint32_t>(number) * 2654435761U >> 8) * 0x1p-23F -
            0.9F;
      });
}

Kokkos::View<float***, Kokkos::LayoutRight, Kokkos::HostSpace> on_host(const Array& x) {
  const auto copy = Kokkos::create_mirror_view(x);
  Kokkos::deep_copy(copy, x);
  return copy;
}

/// Whether a scan and a layer over ranks have the bits that a rank alone gets.
bool bits_are_right(MPI_Comm comm) {
  constexpr std::int64_t length = 5000, columns = 16;
  const Array x("x", 2, length, columns), y("y", x.layout()), of_layer("of_layer", x.layout());
  fill(x, 0);
  fused_scan::ArSsm<float, Exec> layer({.d_model = columns, .max_rank = 4}, 1);
  fused_scan::inclusive_scan(Exec(), x, y, 1);
  layer.forward(Exec(), x, of_layer);
  bool right = true;
  for (const bool even : {true, false}) {
    const std::int64_t begin = begin_of(length, rank_of(comm), size_of(comm), even),
                       end = begin_of(length, rank_of(comm) + 1, size_of(comm), even);
    const Array piece("piece", 2, end - begin, columns), result("result", piece.layout());
    // Not another fill: what is compared are scans of the same elements.
    const auto positions = Kokkos::pair<std::int64_t, std::int64_t>(begin, end);
    const auto part_of = [&](const Array& whole) {
      return Kokkos::subview(whole, Kokkos::ALL, positions, Kokkos::ALL);
    };
    Kokkos::deep_copy(piece, part_of(x));
    const Array expected("expected", piece.layout());
    const auto check = [&](const Array& whole) {
      Kokkos::deep_copy(expected, part_of(whole));
      const auto a = on_host(result), b = on_host(expected);
      right = right && std::equal(a.data(), a.data() + a.size(), b.data());
    };
    fused_scan::inclusive_scan(Exec(), comm, piece, result, 1);
    check(y);
    layer.forward(Exec(), comm, piece, result);
    if (layer_keeps_bits) check(of_layer);
  }
  return over_ranks(comm, right ? 1 : 0, MPI_INT, MPI_MIN) == 1;
}

/// The largest number of bytes that any rank sends for a line of `length` elements in all.
std::int64_t bytes_of_line(MPI_Comm comm, std::int64_t length, bool even) {
  constexpr std::int64_t n_lines = 4;
  const std::int64_t begin = begin_of(length, rank_of(comm), size_of(comm), even);
  const std::int64_t end = begin_of(length, rank_of(comm) + 1, size_of(comm), even);
  const Array x("x", 1, end - begin, n_lines);
  Kokkos::deep_copy(x, 0.1F);
  bytes_sent = 0;
  fused_scan::inclusive_scan(Exec(), comm, x, x, 1);
  return over_ranks(comm, bytes_sent, MPI_INT64_T, MPI_MAX) / n_lines;
}

Table measure_bytes(MPI_Comm comm) {
  Table table("Bytes that a rank sends for a line of floats, CompensatedSum",
              {"length", "ranks", "equal pieces", "unequal pieces"});
  for (int bits = 10; bits <= 22; bits += 4) {
    const std::int64_t length = std::int64_t{1} << bits;
    table.add(std::to_string(length), {static_cast<double>(size_of(comm)),
                                       static_cast<double>(bytes_of_line(comm, length, true)),
                                       static_cast<double>(bytes_of_line(comm, length, false))});
  }
  return table;
}

/// Milliseconds of a call that all ranks make.
template <class Call>
double milliseconds(MPI_Comm comm, const Options& options, const Call& call) {
  const auto seconds = [&](int calls) {
    Exec().fence();
    MPI_Barrier(comm);
    const double start = MPI_Wtime();
    for (int k = 0; k < calls; ++k) call();
    Exec().fence();
    return over_ranks(comm, MPI_Wtime() - start, MPI_DOUBLE, MPI_MAX);
  };
  seconds(1);  // what is done once only
  const double one = std::max(1e-7, std::min(seconds(1), seconds(1)));
  const double of_batch = std::min(2e-3, options.seconds / 3);
  const int calls = static_cast<int>(std::ceil(std::clamp(of_batch / one, 1.0, 1000.0)));
  const double batches = options.seconds / std::max(seconds(calls), 1e-6);
  std::vector<double> times(static_cast<std::size_t>(std::clamp(batches, 3.0, 101.0)));
  for (double& time : times) time = seconds(calls) / calls;
  std::sort(times.begin(), times.end());
  return 1e3 * times[times.size() / 2];
}

/// A local scan, MPI_Exscan of the totals on the host, and an addition: other bits for every number
/// of ranks.
class ScanByHand {
 public:
  explicit ScanByHand(const Array& x)
      : m_totals("totals", x.extent(0), x.extent(2)),
        m_before("before", x.extent(0), x.extent(2)),
        m_on_host(Kokkos::create_mirror_view(Kokkos::HostSpace(), m_totals)),
        m_before_on_host(Kokkos::create_mirror_view(Kokkos::HostSpace(), m_before)) {}

  void operator()(MPI_Comm comm, const Array& x, const Array& y) const {
    const Exec exec;
    fused_scan::inclusive_scan(exec, x, y, 1);
    Kokkos::deep_copy(exec, m_totals,
                      Kokkos::subview(y, Kokkos::ALL, y.extent(1) - 1, Kokkos::ALL));
    Kokkos::deep_copy(exec, m_on_host, m_totals);
    exec.fence();
    MPI_Exscan(m_on_host.data(), m_before_on_host.data(), static_cast<int>(m_totals.size()),
               MPI_FLOAT, MPI_SUM, comm);
    if (rank_of(comm) == 0) return;
    Kokkos::deep_copy(exec, m_before, m_before_on_host);
    const auto before = m_before;
    Kokkos::parallel_for(
        "add",
        Kokkos::MDRangePolicy<Exec, Kokkos::Rank<3>>(
            exec, {0, 0, 0},
            {static_cast<std::int64_t>(y.extent(0)), static_cast<std::int64_t>(y.extent(1)),
             static_cast<std::int64_t>(y.extent(2))}),
        KOKKOS_LAMBDA(int o, int i, int j) { y(o, i, j) += before(o, j); });
  }

 private:
  Rows m_totals, m_before;
  Rows::host_mirror_type m_on_host, m_before_on_host;
};

using Shape = std::array<std::int64_t, 3>;
std::string to_string(const Shape& shape) {
  return "(" + std::to_string(shape[0]) + ", " + std::to_string(shape[1]) + ", " +
         std::to_string(shape[2]) + ")";
}
Shape divided(Shape shape, const Options& options) {
  shape[1] = std::max<std::int64_t>(16, shape[1] / options.divide);
  return shape;
}

/// Communicators of the first 1, 2, 4 .. ranks, and of all; measure(comm) on those that are in it.
template <class Measure>
void for_numbers_of_ranks(int least, const Measure& measure) {
  const int all = size_of(MPI_COMM_WORLD);
  for (int ranks = least; ranks <= all; ranks = ranks < all ? std::min(all, 2 * ranks) : all + 1) {
    MPI_Comm comm = MPI_COMM_NULL;
    const int rank = rank_of(MPI_COMM_WORLD);
    MPI_Comm_split(MPI_COMM_WORLD, rank < ranks ? 0 : MPI_UNDEFINED, rank, &comm);
    if (comm != MPI_COMM_NULL) {
      measure(comm);
      MPI_Comm_free(&comm);
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
}

Table measure_weak_scaling(const Options& options) {
  Table table("Floats that each rank has, along axis 1, CompensatedSum (ms)",
              {"a rank's", "ranks", "one rank's scan", "over ranks", "speed kept", "by hand",
               "speed kept by hand", "totals alone", "from a state", "state takes"});
  for (const Shape& full :
       {Shape{8, 65536, 512}, Shape{1, 65536, 512}, Shape{1, 262144, 32}, Shape{4, 8192, 512}}) {
    const Shape shape = divided(full, options);
    const Array x("x", shape[0], shape[1], shape[2]), y("y", x.layout());
    fill(x, shape[1] * rank_of(MPI_COMM_WORLD));
    // As over ranks: what is handed on is a state.
    const Kokkos::View<State**, Exec> state("state", shape[0], shape[2]),
        totals("totals", state.layout());
    const ScanByHand by_hand(x);
    for_numbers_of_ranks(1, [&](MPI_Comm comm) {
      const auto time = [&](const auto& call) { return milliseconds(comm, options, call); };
      const double alone = time([&] { fused_scan::inclusive_scan(Exec(), x, y, 1); });
      const double over = time([&] { fused_scan::inclusive_scan(Exec(), comm, x, y, 1); });
      const double hand = time([&] { by_hand(comm, x, y); });
      const double total = time([&] { fused_scan::reduce_lines(Exec(), x, totals, 1); });
      const double from = time([&] { fused_scan::inclusive_scan(Exec(), x, y, state, 1); });
      table.add(to_string(shape), {static_cast<double>(size_of(comm)), alone, over, alone / over,
                                   hand, alone / hand, total, from, from / alone - 1});
    });
  }
  return table;
}

Table measure_strong_scaling(const Options& options) {
  Table table("One array cut into pieces, along axis 1, CompensatedSum (ms)",
              {"array", "ranks", "scan", "times as fast as one rank"});
  const Shape shape = divided({8, 524288, 512}, options);
  double alone = 0;
  for_numbers_of_ranks(1, [&](MPI_Comm comm) {
    const int rank = rank_of(comm), ranks = size_of(comm);
    const std::int64_t begin = begin_of(shape[1], rank, ranks, true);
    const std::int64_t end = begin_of(shape[1], rank + 1, ranks, true);
    const Array x("x", shape[0], end - begin, shape[2]), y("y", x.layout());
    fill(x, begin);
    const double time = milliseconds(comm, options, [&] {
      if (ranks == 1) {
        fused_scan::inclusive_scan(Exec(), x, y, 1);
      } else {
        fused_scan::inclusive_scan(Exec(), comm, x, y, 1);
      }
    });
    if (ranks == 1) alone = time;
    table.add(to_string(shape), {static_cast<double>(ranks), time, alone / time});
  });
  return table;
}

Table measure_layer(const Options& options) {
  Table table("The layer, d_model 256, max_rank 32 (ms)",
              {"a rank's x", "ranks", "one rank's", "over ranks", "speed kept"});
  const Shape shape = divided({1, 65536, 256}, options);
  const Array x("x", shape[0], shape[1], shape[2]), y("y", x.layout()), grad_x("g", x.layout());
  fill(x, shape[1] * rank_of(MPI_COMM_WORLD));
  fused_scan::ArSsm<float, Exec> layer({.d_model = static_cast<int>(shape[2]), .max_rank = 32}, 1);
  layer.train();
  const auto gradients = layer.make_gradients();
  for_numbers_of_ranks(1, [&](MPI_Comm comm) {
    const auto add = [&](const char* pass, const auto& alone, const auto& over) {
      const double plain = milliseconds(comm, options, alone);
      const double spread = milliseconds(comm, options, over);
      table.add(to_string(shape) + " " + pass,
                {static_cast<double>(size_of(comm)), plain, spread, plain / spread});
    };
    add(
        "forward", [&] { layer.forward(Exec(), x, y); },
        [&] { layer.forward(Exec(), comm, x, y); });
    add(
        "forward and backward",
        [&] {
          layer.forward(Exec(), x, y);
          layer.backward(Exec(), x, x, grad_x, gradients);
        },
        [&] {
          layer.forward(Exec(), comm, x, y);
          layer.backward(Exec(), comm, x, x, grad_x, gradients);
        });
  });
  return table;
}

/// What the numbers depend on, beside what context() says.
std::vector<std::pair<std::string, std::string>> context_of_ranks() {
  auto context = fused_scan::perf::context();
  char version[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(version, &length);
  const std::string text(version, static_cast<std::size_t>(length));
  context.emplace_back("mpi", text.substr(0, text.find_first_of("\n\t")));
  const bool direct =
      fused_scan::impl::RowBuffer<Exec, float>::on_host || fused_scan::impl::mpi_is_gpu_aware();
  context.emplace_back("messages", direct ? "from the memory of the space" : "staged on the host");
  std::string devices;
  for (const int device :
       fused_scan::impl::Communicator(MPI_COMM_WORLD).all_gather(Kokkos::device_id())) {
    devices += (devices.empty() ? "" : " ") + std::to_string(device);
  }
  context.emplace_back("device of each rank", devices);
  return context;
}

}  // namespace

int main(int argc, char* argv[]) {
  MPI_Init(&argc, &argv);
  int status = 0;
  {
    const Kokkos::ScopeGuard kokkos(argc, argv);
    Options options;
    for (int k = 1; k + 1 < argc; k += 2) {
      const std::string name = argv[k];
      if (name == "--divide") options.divide = std::atoll(argv[k + 1]);
      if (name == "--seconds") options.seconds = std::atof(argv[k + 1]);
      if (name == "--json") options.json = argv[k + 1];
    }
    const bool prints = rank_of(MPI_COMM_WORLD) == 0;
    const auto context = context_of_ranks();
    if (prints) {
      for (const auto& [key, value] : context) std::printf("%s: %s\n", key.c_str(), value.c_str());
    }
    std::vector<Table> tables;
    for_numbers_of_ranks(1, [&](MPI_Comm comm) {
      const bool right = bits_are_right(comm);
      if (!right) status = 1;
      if (prints) {
        std::printf("bits on %d ranks: %s\n", size_of(comm), right ? "those of one" : "OTHERS");
      }
    });
    const auto add = [&](const Table& table) {
      if (!prints) return;
      table.print();
      tables.push_back(table);
    };
    add(measure_bytes(MPI_COMM_WORLD));
    add(measure_weak_scaling(options));
    add(measure_strong_scaling(options));
    add(measure_layer(options));
    if (prints && !options.json.empty()) {
      fused_scan::perf::write_json(options.json, context, tables);
    }
  }
  MPI_Finalize();
  return status;
}
