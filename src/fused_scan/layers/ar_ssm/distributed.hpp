// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_LAYERS_AR_SSM_DISTRIBUTED_HPP
#define FUSED_SCAN_LAYERS_AR_SSM_DISTRIBUTED_HPP

// Sequences that are spread over the ranks of MPI: what the layer's calls must have in common, the
// rows beside a piece, and sums over ranks.

#include <mpi.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <fused_scan/impl/distributed/agreement.hpp>
#include <fused_scan/impl/distributed/communicator.hpp>
#include <fused_scan/impl/distributed/scan.hpp>
#include <fused_scan/impl/order/pieces.hpp>
#include <fused_scan/layers/ar_ssm/backward.hpp>
#include <fused_scan/layers/ar_ssm/forward.hpp>
#include <fused_scan/layers/ar_ssm/lines.hpp>
#include <fused_scan/layers/ar_ssm/surroundings.hpp>
#include <optional>
#include <string>
#include <vector>

namespace fused_scan::impl {

/// Rows of all batch elements, one after the other: (rows, batch, d_model).
template <class T>
struct PackRows {
  Rows<const T> x;
  T* packed;
  std::int64_t batch;
  std::int64_t d_model;
  std::int64_t first;  // position of the first row

  KOKKOS_FUNCTION void operator()(std::int64_t index) const {
    const std::int64_t of_batch = divided(index, d_model), d = index - of_batch * d_model;
    const auto [row, b] = Position::of_row(of_batch, batch);
    packed[index] = x.row({b, first + row})[d * x.column_stride];
  }
};

/// The rows beside a piece, (row, batch, d_model) first those before and then those after it, to
/// where Surroundings have them.
template <class T>
struct PlaceRows {
  const T* received;
  T* rows_before;
  T* rows_after;
  std::int64_t batch;
  std::int64_t d_model;
  std::int64_t begin;  // of the piece

  KOKKOS_FUNCTION void operator()(std::int64_t index) const {
    const std::int64_t of_batch = divided(index, d_model), d = index - of_batch * d_model;
    const auto [row, b] = Position::of_row(of_batch, batch);
    if (row >= convolution_reach) {
      const std::int64_t after = row - convolution_reach;
      rows_after[(b * convolution_reach + after) * d_model + d] = received[index];
    } else if (const std::int64_t position = begin - convolution_reach + row; position >= 0) {
      const std::int64_t slot = position % convolution_reach;
      rows_before[(b * convolution_reach + slot) * d_model + d] = received[index];
    }
  }
};

/// The rows beside a rank's piece of sequences, which other ranks have: by one exchange.
template <class T, class Exec>
class RowsBeside {
 public:
  RowsBeside(const Exec& exec, const Communicator& comm, const char* function,
             const Rows<const T>& x, std::int64_t batch, std::int64_t d_model,
             const std::vector<Piece>& pieces)
      : m_function(function),
        m_batch(batch),
        m_d_model(d_model),
        m_pieces(pieces),
        m_piece(pieces[static_cast<std::size_t>(comm.rank())]) {
    // To send, the first rows and the last ones; to get, those before and those after.
    constexpr int rows = 2 * convolution_reach;
    const std::int64_t row = batch * d_model;
    all_succeed(comm, function, [&] {
      m_sent.emplace(exec, rows, row, label("sent"));
      m_received.emplace(exec, rows, row, label("received"));
      m_beside = Values(Kokkos::view_alloc(exec, Kokkos::WithoutInitializing, label("beside")),
                        static_cast<std::size_t>(rows * row));
      pack(exec, x, 0, 0);
      pack(exec, x, m_piece.end - m_piece.begin - edge_rows(), convolution_reach);
      m_sent->to_mpi(exec, 0, rows);
      exec.fence(label("MPI sends rows"));
    });
    exchange(comm);
    m_received->from_mpi(exec, 0, rows);
    Kokkos::parallel_for(
        label("place_rows"), range_policy(exec, rows * row),
        PlaceRows<T>{m_received->row(0), m_beside.data(), m_beside.data() + convolution_reach * row,
                     batch, d_model, m_piece.begin});
  }

  Surroundings<T> surroundings() const {
    Surroundings<T> around;
    around.rows_before = m_beside.data();
    around.rows_after = m_beside.data() + convolution_reach * m_batch * m_d_model;
    around.d_model = m_d_model;
    around.first_position = m_piece.begin;
    for (const Piece& piece : m_pieces) {
      around.whole_length = std::max(around.whole_length, piece.end);
    }
    return around;
  }

 private:
  using Values = Kokkos::View<T*, typename Exec::memory_space>;

  std::string label(const char* step) const { return std::string(m_function) + "::" + step; }
  /// Rows at each end of the piece.
  std::int64_t edge_rows() const {
    return std::min<std::int64_t>(convolution_reach, m_piece.end - m_piece.begin);
  }

  void pack(const Exec& exec, const Rows<const T>& x, std::int64_t first, std::int64_t to) const {
    Kokkos::parallel_for(label("pack_rows"), range_policy(exec, edge_rows() * m_batch * m_d_model),
                         PackRows<T>{x, m_sent->row(to), m_batch, m_d_model, first});
  }

  /// The last rows of `left` that are in reach of `right`, which comes behind it.
  static Piece in_reach_before(const Piece& left, const Piece& right) {
    if (left.empty() || right.empty() || left.end > right.begin) return {};
    return {std::min(left.end, std::max(left.begin, right.begin - convolution_reach)), left.end};
  }
  /// The first rows of `right` that are in reach of `left`.
  static Piece in_reach_behind(const Piece& left, const Piece& right) {
    if (left.empty() || right.empty() || left.end > right.begin) return {};
    return {right.begin, std::max(right.begin, std::min(right.end, left.end + convolution_reach))};
  }

  void exchange(const Communicator& comm) const {
    Communicator::Rows to(comm.size()), from(comm.size());
    const auto set = [](Communicator::Rows& rows, std::size_t r, const Piece& positions,
                        std::int64_t place) {
      if (positions.empty()) return;
      rows.counts[r] = static_cast<int>(positions.end - positions.begin);
      rows.places[r] = static_cast<int>(place);
    };
    for (std::size_t r = 0; r < m_pieces.size(); ++r) {
      const Piece& other = m_pieces[r];
      const Piece first = in_reach_behind(other, m_piece), last = in_reach_before(m_piece, other);
      set(to, r, first, 0);
      set(to, r, last, convolution_reach + edge_rows() - (last.end - last.begin));
      const Piece before = in_reach_before(other, m_piece), after = in_reach_behind(m_piece, other);
      set(from, r, before, before.begin - (m_piece.begin - convolution_reach));
      set(from, r, after, convolution_reach + after.begin - m_piece.end);
    }
    comm.exchange_rows(m_sent->for_mpi(), to, m_received->for_mpi(), from,
                       RowType(sizeof(T), m_batch * m_d_model));
  }

  const char* m_function;
  std::int64_t m_batch;
  std::int64_t m_d_model;
  std::vector<Piece> m_pieces;
  Piece m_piece;
  std::optional<RowBuffer<Exec, T>> m_sent;
  std::optional<RowBuffer<Exec, T>> m_received;
  Values m_beside;
};

/// A piece of sequences whose other pieces are on other ranks.
template <class T, class Exec>
class SpreadLines {
 public:
  static constexpr bool packed = false;
  static constexpr bool may_be_empty = true;

  SpreadLines(const Exec& exec, MPI_Comm mpi_comm, const char* function, const Rows<const T>& x,
              std::int64_t batch, std::int64_t d_model, const std::vector<std::int64_t>& lengths)
      : m_comm(mpi_comm),
        m_mpi_comm(mpi_comm),
        m_function(function),
        m_beside(exec, m_comm, function, x, batch, d_model, pieces_of(lengths, false)),
        m_batch(batch),
        m_d_model(d_model),
        m_lengths(lengths) {}

  /// For a backward pass: rows of the gradient of y.
  void add_gradient(const Exec& exec, const Rows<const T>& g) {
    m_beside_gradient.emplace(exec, m_comm, m_function, g, m_batch, m_d_model,
                              pieces_of(m_lengths, false));
  }

  /// No backward pass goes on from its activations.
  const void* key() const { return this; }

  Surroundings<T> surroundings(const Exec&, std::int64_t, T*) const {
    return m_beside.surroundings();
  }
  Surroundings<T> surroundings_of_gradient() const { return m_beside_gradient->surroundings(); }

  template <class Load, class Store>
  void scan(const ArSsmPass<T, Exec>& pass, Direction direction, const Load& load,
            const Store& store) const {
    scan(pass, direction, load, store, None());
  }
  template <class Load, class Store, class Final>
  void scan(const ArSsmPass<T, Exec>& pass, Direction direction, const Load& load,
            const Store& store, const Final& final) const {
    distributed_scan_of_functors(pass.exec, m_mpi_comm, pass.batches, pass.length, pass.sizes.ranks,
                                 load, store, Zero<T>(), final, CompensatedSum(),
                                 call_of(m_function, {direction}, false));
  }

  /// Adds up the ranks' numbers, in the order of the ranks.
  void sum_over_ranks(const Exec& exec, T* numbers, std::int64_t count) const {
    const auto label = [&](const char* step) { return std::string(m_function) + "::" + step; };
    const int ranks = m_comm.size();
    std::optional<RowBuffer<Exec, T>> all;
    Communicator::Rows rows(ranks);
    for (int r = 0; r < ranks; ++r) {
      rows.counts[static_cast<std::size_t>(r)] = 1;
      rows.places[static_cast<std::size_t>(r)] = r;
    }
    all_succeed(m_comm, m_function, [&] {
      all.emplace(exec, ranks, count, label("gradients"));
      using Numbers = Kokkos::View<T*, typename Exec::memory_space, Kokkos::MemoryUnmanaged>;
      const auto size = static_cast<std::size_t>(count);
      Kokkos::deep_copy(exec, Numbers(all->row(m_comm.rank()), size), Numbers(numbers, size));
      all->to_mpi(exec, m_comm.rank(), 1);
      exec.fence(label("MPI sends gradients"));
    });
    m_comm.all_gather_rows(all->for_mpi(), rows, RowType(sizeof(T), count));
    all->from_mpi(exec, 0, ranks);
    Kokkos::parallel_for(label("sum_over_ranks"), range_policy(exec, count),
                         CombineSums<T>{all->row(0), count, ranks, numbers});
  }

 private:
  Communicator m_comm;
  MPI_Comm m_mpi_comm;
  const char* m_function;
  RowsBeside<T, Exec> m_beside;
  std::optional<RowsBeside<T, Exec>> m_beside_gradient;
  std::int64_t m_batch;
  std::int64_t m_d_model;
  std::vector<std::int64_t> m_lengths;
};

/// The totals of lines of all ranks, on each.
template <class T, class Exec, class Load>
void add_up_lines(const SpreadLines<T, Exec>& lines, const ArSsmPass<T, Exec>& pass,
                  Direction direction, const Load& load, const StoreTotal<T>& totals) {
  lines.scan(pass, direction, load, StoreNothing(), totals);
}

/// The layer's part that knows MPI.
template <>
struct OverRanks<MPI_Comm> {
  template <class T, class Exec>
  using SequenceLines = SpreadLines<T, Exec>;

  /// Calls check() on every rank, and returns the lengths of all pieces; throws on every rank where
  /// it throws on one, or where shapes or layers differ. `layer` says what the layer's results
  /// depend on beside its parameters.
  template <class T, class Check>
  static std::vector<std::int64_t> agreed_lengths(MPI_Comm mpi_comm, const char* function,
                                                  const std::string& layer, std::int64_t batch,
                                                  std::int64_t length, std::int64_t d_model,
                                                  const Check& check) {
    CallRecord record;
    record.function = hash_of(function);
    record.layer = hash_of(layer);
    record.elements = record.results = type_number<T>();
    record.rank = 3;
    record.axis = 1;
    record.extent[0] = batch;
    record.extent[2] = d_model;
    record.length = length;
    return impl::agreed_lengths(Communicator(mpi_comm), function, record,
                                [&](CallRecord&) { check(); });
  }
};

}  // namespace fused_scan::impl

#endif
