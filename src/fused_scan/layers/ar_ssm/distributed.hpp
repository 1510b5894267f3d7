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

/// The rows before a piece, (row, batch, d_model), to where Surroundings have them.
template <class T>
struct PlaceRowsBefore {
  const T* received;
  T* rows_before;
  std::int64_t batch;
  std::int64_t d_model;
  std::int64_t begin;  // of the piece

  KOKKOS_FUNCTION void operator()(std::int64_t index) const {
    const std::int64_t of_batch = divided(index, d_model), d = index - of_batch * d_model;
    const auto [row, b] = Position::of_row(of_batch, batch);
    const std::int64_t position = begin - convolution_reach + row;
    if (position < 0) return;
    const std::int64_t slot = position % convolution_reach;
    rows_before[(b * convolution_reach + slot) * d_model + d] = received[index];
  }
};

/// A piece of sequences whose other pieces are on other ranks.
template <class T, class Exec>
class SpreadLines {
 public:
  static constexpr bool packed = false;
  static constexpr bool may_be_empty = true;

  SpreadLines(const Exec& exec, MPI_Comm mpi_comm, const char* function, const Rows<const T>& x,
              std::int64_t batch, std::int64_t d_model, const std::vector<std::int64_t>& lengths)
      : m_mpi_comm(mpi_comm),
        m_function(function),
        m_batch(batch),
        m_d_model(d_model),
        m_pieces(pieces_of(lengths, false)) {
    const Communicator comm(mpi_comm);
    m_piece = m_pieces[static_cast<std::size_t>(comm.rank())];
    // Three rows to send, of which the first may be wanted before, the others behind; three to get.
    const std::int64_t row = batch * d_model;
    all_succeed(comm, function, [&] {
      m_sent.emplace(exec, 1 + convolution_reach, row, label("sent"));
      m_received.emplace(exec, convolution_reach + 1, row, label("received"));
      m_before = Values(Kokkos::view_alloc(exec, label("rows_before")),
                        static_cast<std::size_t>(convolution_reach * row));
      pack(exec, x, 0, std::min<std::int64_t>(1, length()), 0);
      pack(exec, x, length() - last_rows(), last_rows(), 1);
      m_sent->to_mpi(exec, 0, 1 + convolution_reach);
      exec.fence(label("MPI sends rows"));
    });
    exchange(comm);
    m_received->from_mpi(exec, 0, convolution_reach + 1);
    if (length() > 0) {
      Kokkos::parallel_for(
          label("place_rows"), range_policy(exec, convolution_reach * row),
          PlaceRowsBefore<T>{m_received->row(0), m_before.data(), batch, d_model, m_piece.begin});
    }
    if (m_received->is_staged()) exec.fence(label("a copy of what MPI received is freed"));
  }

  /// No backward pass goes on from its activations.
  const void* key() const { return this; }

  Surroundings<T> surroundings(const Exec&, std::int64_t, T*) const {
    std::int64_t end = 0;
    for (const Piece& piece : m_pieces) end = std::max(end, piece.end);
    Surroundings<T> around;
    around.rows_before = m_before.data();
    around.rows_after = m_piece.end < end ? m_received->row(convolution_reach) : nullptr;
    around.d_model = m_d_model;
    around.first_position = m_piece.begin;
    around.whole_length = end;
    return around;
  }

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

 private:
  using Values = Kokkos::View<T*, typename Exec::memory_space>;

  std::string label(const char* step) const { return std::string(m_function) + "::" + step; }
  std::int64_t length() const { return m_piece.end - m_piece.begin; }
  std::int64_t last_rows() const { return std::min<std::int64_t>(convolution_reach, length()); }

  void pack(const Exec& exec, const Rows<const T>& x, std::int64_t first, std::int64_t count,
            std::int64_t to) const {
    if (count == 0) return;
    Kokkos::parallel_for(label("pack_rows"), range_policy(exec, count * m_batch * m_d_model),
                         PackRows<T>{x, m_sent->row(to), m_batch, m_d_model, first});
  }

  /// How many of the last rows of `from` lie beside the first one of `to`.
  static int rows_between(const Piece& from, const Piece& to) {
    if (from.empty() || to.empty() || from.end > to.begin) return 0;
    const std::int64_t first = std::max(from.begin, to.begin - convolution_reach);
    return static_cast<int>(std::max<std::int64_t>(0, from.end - first));
  }

  void exchange(const Communicator& comm) const {
    Communicator::Rows to(comm.size()), from(comm.size());
    for (std::size_t r = 0; r < m_pieces.size(); ++r) {
      const Piece& other = m_pieces[r];
      if (other.empty() || m_piece.empty()) continue;
      if (const int count = rows_between(m_piece, other); count > 0) {
        to.counts[r] = count;
        to.places[r] = 1 + static_cast<int>(last_rows()) - count;
      }
      if (const int count = rows_between(other, m_piece); count > 0) {
        from.counts[r] = count;
        from.places[r] = static_cast<int>(other.end - count - (m_piece.begin - convolution_reach));
      }
      if (other.end == m_piece.begin) to.counts[r] = 1;
      if (other.begin == m_piece.end) {
        from.counts[r] = 1;
        from.places[r] = convolution_reach;
      }
    }
    comm.exchange_rows(m_sent->for_mpi(), to, m_received->for_mpi(), from,
                       RowType(sizeof(T), m_batch * m_d_model));
  }

  MPI_Comm m_mpi_comm;
  const char* m_function;
  std::int64_t m_batch;
  std::int64_t m_d_model;
  std::vector<Piece> m_pieces;
  Piece m_piece;
  std::optional<RowBuffer<Exec, T>> m_sent;
  std::optional<RowBuffer<Exec, T>> m_received;
  Values m_before;
};

/// The totals of lines of all ranks, on each.
template <class T, class Exec, class Load>
void add_up_lines(const SpreadLines<T, Exec>& lines, const ArSsmPass<T, Exec>& pass,
                  const Load& load, const StoreTotal<T>& totals) {
  lines.scan(pass, Direction::forward, load, StoreNothing(), totals);
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
    std::string sentence;
    try {
      check();
    } catch (const std::exception& error) {
      sentence = error.what();
      record.wrong = 1;
    }
    std::vector<std::int64_t> lengths;
    for (const CallRecord& call :
         agreed_calls(Communicator(mpi_comm), function, record, sentence)) {
      lengths.push_back(call.length);
    }
    return lengths;
  }
};

}  // namespace fused_scan::impl

#endif
