// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_DISTRIBUTED_PIECE_SCAN_HPP
#define FUSED_SCAN_IMPL_DISTRIBUTED_PIECE_SCAN_HPP

// A rank's part in a scan over ranks. order/pieces.hpp says what a rank makes and needs; here it is
// made, sent, and put together.
//
//   1. Elements of a chunk that the next pieces go on with are copied to a row each, and the nodes
//      of whole chunks made.
//   2. The rows go to the pieces that need them, which make the chunk's node.
//   3. Every rank gets all nodes, and makes the prefix before each of its parts.
//   4. The parts are scanned.
//   5. Where states to end in are given, every rank gets them from the piece with the last element.

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fused_scan/impl/access/line_scan.hpp>
#include <fused_scan/impl/access/memory_access.hpp>
#include <fused_scan/impl/access/states.hpp>
#include <fused_scan/impl/array/lines.hpp>
#include <fused_scan/impl/distributed/agreement.hpp>
#include <fused_scan/impl/distributed/communicator.hpp>
#include <fused_scan/impl/distributed/lent_memory.hpp>
#include <fused_scan/impl/distributed/piece_access.hpp>
#include <fused_scan/impl/engine.hpp>
#include <fused_scan/impl/make_node.hpp>
#include <fused_scan/impl/order/pieces.hpp>
#include <fused_scan/impl/order/tree.hpp>
#include <fused_scan/impl/plain/plain_scan.hpp>
#include <fused_scan/impl/scan.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace fused_scan::impl {

/// Copies successive elements of every line to rows.
template <class Load, class T>
struct CopyToRows {
  Load load;
  MemoryAccess<T> rows;
  std::int64_t lines;
  std::int64_t inner;

  KOKKOS_FUNCTION void operator()(std::int64_t k) const {
    const std::int64_t row = k / lines, line = k - row * lines;
    const std::int64_t outer = line / inner, column = line % inner;
    rows.slab(outer).write(row, column, load.slab(outer).read(row, column));
  }
};

/// The states before a piece's parts, by a PrefixProgram.
template <class Op, class Initial>
struct CombinePrefixes {
  using Value = typename Op::value_type;
  static constexpr int max_levels = 62;

  Op op;
  Initial initial;
  const Value* nodes;  // a row each, as the states
  Value* states;
  std::int64_t lines;
  std::int64_t inner;
  const int* nodes_before;
  const int* merges;
  int parts;

  KOKKOS_FUNCTION void operator()(std::int64_t line) const {
    const Value before = initial(line / inner, line % inner);
    Value stack[max_levels];
    int depth = 0, node = 0;
    for (int part = 0; part < parts; ++part) {
      for (; node < nodes_before[part]; ++node) {
        Value value = nodes[node * lines + line];
        for (int m = 0; m < merges[node]; ++m) value = op.combine(stack[--depth], value);
        stack[depth++] = value;
      }
      Value prefix = before;
      for (int k = 0; k < depth; ++k) prefix = op.combine(prefix, stack[k]);
      states[part * lines + line] = prefix;
    }
  }
};

/// Keeps the states that lines end in, if they are the last ones of theirs.
template <class Value>
struct FinalRow {
  static constexpr bool given = true;
  MemoryAccess<Value> row;
  bool is_last;
  KOKKOS_FUNCTION void operator()(std::int64_t outer, std::int64_t column,
                                  const Value& value) const {
    if (is_last) row.of_line(outer, column) = value;
  }
};

/// A value of each line.
template <class Value>
struct RowValue {
  MemoryAccess<Value> row;
  KOKKOS_FUNCTION Value operator()(std::int64_t outer, std::int64_t column) const {
    return row.of_line(outer, column);
  }
};

/// Gives lines' values, or the states that they start from, as the states that they end in.
template <class Value, class Final>
struct SetFinalStates {
  Value value;  // value(outer, column)
  Final final;
  std::int64_t inner;
  KOKKOS_FUNCTION void operator()(std::int64_t line) const {
    final(line / inner, line % inner, value(line / inner, line % inner));
  }
};

/// `In` and `Out` are sides (piece_access.hpp), T the type in which elements travel. `of_rows` is
/// the number of the rows among the arrays of the lines.
template <class Exec, class Op, class T, class In, class Out, class Initial, class Final>
class PieceScan {
 public:
  using Value = typename Op::value_type;

  PieceScan(const Exec& exec, const Communicator& comm, const Op& op, const In& in, const Out& out,
            const Initial& initial, const Final& final, const Lines& lines, int of_rows,
            bool in_place, const Call& call, const std::vector<std::int64_t>& lengths)
      : m_exec(exec),
        m_comm(comm),
        m_op(op),
        m_in(in),
        m_out(out),
        m_initial(initial),
        m_final(final),
        m_lines(lines),
        m_of_rows(of_rows),
        m_in_place(in_place),
        m_call(call),
        m_pieces(pieces_of(lengths, call.reverse)),
        m_piece(m_pieces[static_cast<std::size_t>(comm.rank())]),
        m_parts(parts_of(m_piece)),
        m_n_lines(lines.outer * lines.inner),
        m_sent_nodes(comm.size()) {
    for (const Piece& piece : m_pieces) m_end = std::max(m_end, piece.end);
    int filled = 0;
    for (std::size_t k = 0; k < m_pieces.size(); ++k) {
      const std::size_t r = call.reverse ? m_pieces.size() - 1 - k : k;
      // The last in the order of the scan keeps its nodes: they are for its own parts.
      const bool is_last = m_pieces[r].end == m_end;
      const std::vector<TreeNode> nodes = nodes_of(m_pieces[r], is_last);
      m_sent_nodes.places[r] = static_cast<int>(m_nodes.size());
      m_sent_nodes.counts[r] = is_last ? 0 : static_cast<int>(nodes.size());
      m_sends_nodes |= m_sent_nodes.counts[r] > 0;
      if (static_cast<int>(r) == comm.rank()) {
        m_own_node = static_cast<int>(m_nodes.size());
        m_own_nodes = static_cast<int>(nodes.size());
      }
      m_nodes.insert(m_nodes.end(), nodes.begin(), nodes.end());
      filled += m_pieces[r].empty() ? 0 : 1;
      if (is_last && !m_pieces[r].empty()) m_last_rank = static_cast<int>(r);
      m_any_cut |= !m_pieces[r].empty() && m_pieces[r].missing() > 0;
    }
    m_alone = filled <= 1 && !given;
  }

  void run() {
    if (m_n_lines == 0) return;
    if (m_end == 0) return end_in_initial_states();
    if (!m_alone) exchange();
    for (std::size_t k = 0; k < m_parts.size(); ++k) scan_part(static_cast<int>(k));
    if constexpr (Final::given) exchange_final_states();
  }

 private:
  using Rows = Communicator::Rows;
  using Range = Kokkos::RangePolicy<Exec, Kokkos::IndexType<std::int64_t>>;
  using Space = typename Exec::memory_space;
  template <class Memory>
  using Ints = Kokkos::View<int*, Memory, Kokkos::MemoryUnmanaged>;
  static constexpr bool given = Initial::given || Final::given;

  std::string label(const char* step) const { return std::string(m_call.function) + "::" + step; }

  // --- what is sent ---

  void exchange() {
    all_succeed(m_comm, m_call.function, [&] {
      allocate();
      copy_edge();
      make_nodes();
      if (m_edge_rows > 0) m_sent->to_mpi(m_exec, 0, m_edge_rows);
      if (!completes_chunk()) own_nodes_to_mpi();
      m_exec.fence(label("MPI sends nodes and elements"));
    });
    if (m_any_cut) exchange_edges();
    if (m_sends_nodes) {
      const RowType row(sizeof(Value), m_n_lines);
      m_comm.all_gather_rows(m_nodes_rows->for_mpi(), m_sent_nodes, row);
    }
    if (!needs_prefixes()) return;
    m_nodes_rows->from_mpi(m_exec, 0, static_cast<std::int64_t>(m_nodes.size()));
    combine_prefixes();
  }

  /// Whether its first node is that of a chunk whose first elements others have.
  bool completes_chunk() const { return m_piece.missing() > 0 && m_own_nodes > 0; }
  bool needs_prefixes() const {
    return !m_piece.empty() && (m_piece.begin > 0 || m_parts.size() > 1 || Initial::given);
  }

  void allocate() {
    const auto nodes = static_cast<std::int64_t>(m_nodes.size());
    m_nodes_rows.emplace(m_exec, nodes, m_n_lines, label("nodes"));
    if (needs_prefixes()) {
      m_states.emplace(m_exec, static_cast<std::size_t>(m_n_lines) * m_parts.size() * sizeof(Value),
                       label("states"));
      upload_program();
    }
    if (Final::given) m_final_row.emplace(m_exec, 1, m_n_lines, label("final"));
    if (!m_any_cut) return;
    m_edge_rows = m_piece.empty() ? 0 : m_piece.end - m_piece.edge();
    m_sent.emplace(m_exec, m_edge_rows, m_n_lines, label("edge"));
    m_received.emplace(m_exec, m_piece.empty() ? 0 : m_piece.missing(), m_n_lines,
                       label("received"));
  }

  void upload_program() {
    const PrefixProgram program = prefix_program(m_nodes, m_parts);
    m_program_on_host = program.nodes_before;
    m_program_on_host.insert(m_program_on_host.end(), program.merges.begin(), program.merges.end());
    const std::size_t size = m_program_on_host.size();
    m_program.emplace(m_exec, size * sizeof(int), label("program"));
    Kokkos::deep_copy(m_exec, Ints<Space>(m_program->template data<int>(), size),
                      Ints<Kokkos::HostSpace>(m_program_on_host.data(), size));
  }

  void own_nodes_to_mpi() const {
    if (m_own_nodes > 0) m_nodes_rows->to_mpi(m_exec, m_own_node, m_own_nodes);
  }

  void copy_edge() const {
    if (m_edge_rows == 0) return;
    Kokkos::parallel_for(
        label("copy_edge"), Range(m_exec, 0, m_edge_rows * m_n_lines),
        CopyToRows<decltype(chunk_at(m_in, 0, 0)), T>{
            chunk_at(m_in, m_piece.edge(), 0), rows_at(m_sent->row(0)), m_n_lines, m_lines.inner});
  }

  void make_nodes() const {
    for (int k = completes_chunk() ? 1 : 0; k < m_own_nodes; ++k) make_own_node(k);
  }

  void make_own_node(int k) const {
    const TreeNode& node = m_nodes[static_cast<std::size_t>(m_own_node + k)];
    const std::int64_t begin = node.chunk * chunk_length, end = node.end() * chunk_length;
    const auto to = rows_at(m_nodes_rows->row(m_own_node + k));
    if (node.level == 0) {
      const int missing = begin < m_piece.begin ? m_piece.missing() : 0;
      const auto from = chunk_at(m_in, begin + missing, missing);
      Kokkos::parallel_for(label("sum_chunk"), Range(m_exec, 0, m_n_lines),
                           SumChunk<Op, decltype(from)>{m_op, from, to, m_lines.inner});
      return;
    }
    const std::int64_t i = memory_position(begin, end);
    make_node(m_exec, m_op, m_in.from(i),
              m_in.shape(i, end - begin, sizeof(typename Op::element_type)), to,
              lines_of(end - begin), m_call, m_in.beside(i));
  }

  void exchange_edges() {
    Rows to(m_comm.size()), from(m_comm.size());
    for (std::size_t r = 0; r < m_pieces.size(); ++r) {
      const Piece& other = m_pieces[r];
      if (needs_edge(other, m_piece)) to.counts[r] = static_cast<int>(m_edge_rows);
      if (!needs_edge(m_piece, other)) continue;
      from.counts[r] = static_cast<int>(other.end - other.edge());
      from.places[r] = static_cast<int>(other.edge() % chunk_length);
    }
    const RowType row(sizeof(T), m_n_lines);
    m_comm.exchange_rows(m_sent->for_mpi(), to, m_received->for_mpi(), from, row);
    if (m_piece.empty() || m_piece.missing() == 0) return;
    m_received->from_mpi(m_exec, 0, m_piece.missing());
    if (!completes_chunk()) return;
    make_own_node(0);
    own_nodes_to_mpi();
    m_exec.fence(label("MPI sends the node of a chunk that was cut"));
  }

  void combine_prefixes() const {
    const int* const program = m_program->template data<int>();
    Kokkos::parallel_for(
        label("combine_prefixes"), Range(m_exec, 0, m_n_lines),
        CombinePrefixes<Op, Initial>{
            m_op, m_initial, m_nodes_rows->row(0), m_states->template data<Value>(), m_n_lines,
            m_lines.inner, program, program + m_parts.size(), static_cast<int>(m_parts.size())});
  }

  void exchange_final_states() const {
    if (m_comm.rank() == m_last_rank) m_final_row->to_mpi(m_exec, 0, 1);
    m_exec.fence(label("MPI sends the states that lines end in"));
    m_comm.broadcast_row(m_final_row->for_mpi(), RowType(sizeof(Value), m_n_lines), m_last_rank);
    if (m_comm.rank() != m_last_rank) m_final_row->from_mpi(m_exec, 0, 1);
    set_final_states(RowValue{rows_at(m_final_row->row(0))});
  }
  void end_in_initial_states() const {
    if constexpr (Final::given) set_final_states(m_initial);
  }
  template <class Values>
  void set_final_states(const Values& values) const {
    Kokkos::parallel_for(label("final_states"), Range(m_exec, 0, m_n_lines),
                         SetFinalStates<Values, Final>{values, m_final, m_lines.inner});
  }

  // --- scans ---

  void scan_part(int part) const {
    const std::int64_t begin = m_parts[static_cast<std::size_t>(part)].begin;
    if (begin < m_piece.begin) {
      scan_first_chunk();
    } else if (begin == 0 && !Initial::given) {
      scan_part(part, NoInitialState<Op>{m_op});
    } else {
      scan_part(part, state_of(part));
    }
  }
  auto final_of(const Piece& part) const {
    if constexpr (Final::given) {
      return FinalRow<Value>{rows_at(m_final_row->row(0)), part.end == m_end};
    } else {
      return NoFinalState();
    }
  }
  auto state_of(int part) const {
    return InitialArray<Op, Value>{m_op,
                                   rows_at(m_states->template data<Value>() + part * m_n_lines)};
  }

  template <class From>
  void scan_part(int part, const From& from) const {
    const Piece& positions = m_parts[static_cast<std::size_t>(part)];
    const auto [begin, end] = positions;
    const std::int64_t i = memory_position(begin, end);
    const auto scan = impl::line_scan(m_op, m_in.from(i), m_out.from(i), from, final_of(positions),
                                      lines_of(end - begin), m_call);
    using Scan = std::remove_const_t<decltype(scan)>;
    ScanShape shape = shape_of(scan, m_call);
    shape.in = m_in.shape(i, end - begin, sizeof(typename Scan::Element));
    shape.beside = m_in.beside(i);
    shape.out = m_out.shape(i, end - begin, sizeof(typename Scan::Result));
    shape.in_place = m_in_place;
    shape.can_stream = can_stream(scan, shape);
    impl::run_scan(m_exec, scan, shape, m_call.function);
  }

  /// From the first element of a chunk that begins in another piece.
  void scan_first_chunk() const {
    const Piece& part = m_parts.front();
    Call call = m_call;
    call.reverse = false;  // the accesses count steps
    const int missing = m_piece.missing();
    const auto scan = impl::line_scan(m_op, chunk_at(m_in, m_piece.begin, missing),
                                      chunk_at(m_out, m_piece.begin, missing), state_of(0),
                                      final_of(part), lines_of(part.end - part.begin), call);
    using Scan = std::remove_const_t<decltype(scan)>;
    Kokkos::parallel_for(label("first_chunk"), Range(m_exec, 0, m_n_lines),
                         ScanLineByThread<Scan>{scan});
  }

  // --- where things lie ---

  Lines lines_of(std::int64_t length) const {
    Lines lines = m_lines;
    lines.length = length;
    return lines;
  }
  template <class V>
  MemoryAccess<V> rows_at(V* first) const {
    Lines lines = m_lines;
    lines.of[m_of_rows].axis = m_n_lines;
    return MemoryAccess<V>(first, lines, m_of_rows);
  }
  /// The first position in memory of those of the whole line.
  std::int64_t memory_position(std::int64_t begin, std::int64_t end) const {
    return m_call.reverse ? m_piece.end - end : begin - m_piece.begin;
  }
  template <class Side>
  auto chunk_at(const Side& side, std::int64_t position, int missing) const {
    const T* const received = missing > 0 ? m_received->row(0) : nullptr;
    return ChunkAccess<decltype(side.from(0)), T>{side.from(0), rows_at(received), missing,
                                                  memory_position(position, position + 1),
                                                  m_call.reverse ? -1 : 1};
  }

  const Exec& m_exec;
  const Communicator& m_comm;
  const Op& m_op;
  const In& m_in;
  const Out& m_out;
  const Initial& m_initial;
  const Final& m_final;
  Lines m_lines;
  int m_of_rows;
  bool m_in_place;
  Call m_call;
  std::vector<Piece> m_pieces;
  Piece m_piece;
  std::vector<Piece> m_parts;
  std::int64_t m_end = 0;  // of the whole line
  int m_last_rank = 0;     // that has an element of it
  std::int64_t m_n_lines;
  std::vector<TreeNode> m_nodes;  // of all pieces, from left to right
  int m_own_node = 0;             // the first of them that is this rank's
  int m_own_nodes = 0;
  Rows m_sent_nodes;
  bool m_sends_nodes = false;  // some rank does
  bool m_any_cut = false;
  bool m_alone = false;  // one rank has all elements
  std::int64_t m_edge_rows = 0;
  std::optional<RowBuffer<Exec, Value>> m_nodes_rows;
  std::optional<RowBuffer<Exec, Value>> m_final_row;
  std::optional<RowBuffer<Exec, T>> m_sent;
  std::optional<RowBuffer<Exec, T>> m_received;
  std::optional<LentMemory<Exec, Space>> m_states;
  std::optional<LentMemory<Exec, Space>> m_program;
  std::vector<int> m_program_on_host;  // as long as it may be copied from
};

}  // namespace fused_scan::impl

#endif
