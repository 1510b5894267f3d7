// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_SCAN_SLABS_IMPL_HPP
#define FUSED_SCAN_SCAN_SLABS_IMPL_HPP

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>

#include "carried_states.hpp"
#include "path_listener.hpp"
#include "scan_slabs.hpp"

namespace fused_scan::cli {

template <class T>
double SlabScanner<T>::seconds() const {
  std::vector<double> sorted = m_seconds;
  std::sort(sorted.begin(), sorted.end());
  return sorted[sorted.size() / 2];
}

/// Elements of type T are scanned as the type Scanned of the same size.
template <class T, class Scanned, class Op>
class OperatorSlabScanner : public SlabScanner<T> {
 public:
  OperatorSlabScanner(const ScanRequest& request, Op op, const SlabShape& largest, SlabLines slabs)
      : m_request(request),
        m_op(op),
        m_chained(exact && slabs != SlabLines::over_ranks),
        m_data(uninitialized("fused-scan: elements"), largest.size()),
        m_host(Kokkos::create_mirror_view(m_data)),
        m_states(slabs == SlabLines::whole ? 0 : largest.lines(), m_chained) {
    // In place, for half the memory, where the input isn't needed again.
    m_result =
        request.repeat == 1 ? m_data : Flat(uninitialized("fused-scan: results"), largest.size());
    if (slabs != SlabLines::whole && !m_chained) {
      m_padded = Flat(uninitialized("fused-scan: a piece"), (largest.length + 1) * largest.inner);
      m_unread = typename Carried::Row("fused-scan: final states", largest.lines());
    }
    this->m_seconds.assign(static_cast<std::size_t>(request.repeat), 0);
  }

  T* elements() override { return reinterpret_cast<T*>(m_host.data()); }

  void begin_lines() override { m_states.restart(); }

  void scan(const SlabShape& slab, bool last_piece,
            const std::function<void(std::size_t)>& scanned) override {
    to_device(slab);
    const bool whole = last_piece && m_states.pieces() == 0;
    if (!whole) m_states.prepare(m_exec);
    if (!last_piece && !m_chained) add_up(slab);
    measure(slab, whole || (m_states.pieces() == 0 && !m_chained), scanned);
    if (!last_piece) m_states.push(m_exec);
    to_host(slab);
  }

  std::size_t total_size() const override {
    return m_states.total().size() * sizeof(typename Carried::State);
  }

  void total(const SlabShape& slab, std::byte* total) override {
    to_device(slab);
    add_up(slab);
    Kokkos::deep_copy(row_at(total), m_states.total());
  }

  void scan_over_ranks(const SlabShape& slab, const PieceOfRound& piece, const std::byte* totals,
                       const std::function<void(std::size_t)>& scanned) override {
    for (std::size_t p = 0; p < piece.count; ++p) {
      if (p == piece.own) {
        m_states.prepare(m_exec);
        measure(slab, m_states.pieces() == 0, scanned);
        to_host(slab);
      }
      Kokkos::deep_copy(m_exec, m_states.total(), row_at(totals + p * total_size()));
      m_states.push(m_exec);
    }
    m_exec.fence("fused-scan: the states behind some pieces");
  }

 private:
  using Exec = Kokkos::DefaultExecutionSpace;
  using Flat = Kokkos::View<Scanned*, Exec::memory_space>;
  using Lines = Kokkos::View<Scanned***, Kokkos::LayoutRight, Exec::memory_space,
                             Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
  using Carried = CarriedStates<Scanned, Op>;
  using States = Kokkos::View<typename Carried::State**, Kokkos::LayoutRight, Exec::memory_space,
                              Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
  static constexpr bool exact = exactly_associative_v<Op, Scanned>;

  static auto uninitialized(const char* label) {
    return Kokkos::view_alloc(std::string(label), Kokkos::WithoutInitializing);
  }
  static Lines lines(const Flat& elements, const SlabShape& slab) {
    return Lines(elements.data(), slab.outer, slab.length, slab.inner);
  }

  /// A total for each line, on the host.
  template <class Byte>
  auto row_at(Byte* bytes) const {
    using State = typename Carried::State;
    using Value = std::conditional_t<std::is_const_v<Byte>, const State, State>;
    return Kokkos::View<Value*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>(
        reinterpret_cast<Value*>(bytes), m_states.total().size());
  }

  void to_device(const SlabShape& slab) const {
    const std::pair<std::size_t, std::size_t> used(0, slab.size());
    Kokkos::deep_copy(Kokkos::subview(m_data, used), Kokkos::subview(m_host, used));
  }
  void to_host(const SlabShape& slab) const {
    const std::pair<std::size_t, std::size_t> used(0, slab.size());
    Kokkos::deep_copy(Kokkos::subview(m_host, used), Kokkos::subview(m_result, used));
  }

  /// The scans of a slab: of whole lines or their first pieces, or from states.
  void measure(const SlabShape& slab, bool from_the_start,
               const std::function<void(std::size_t)>& scanned) {
    const PathListener listener;
    for (double& seconds : this->m_seconds) {
      m_exec.fence("fused-scan: before the time is taken");
      const Kokkos::Timer timer;
      if (from_the_start) {
        scan_lines(slab);
      } else {
        scan_from_states(slab);
      }
      m_exec.fence("fused-scan: the end of a scan");
      seconds += timer.seconds();
      scanned(slab.size() * sizeof(T));
    }
    if (!listener.path().empty()) this->m_path = listener.path();
  }

  void scan_lines(const SlabShape& slab) const {
    const Lines in = lines(m_data, slab), out = lines(m_result, slab);
    if (m_request.kind == ScanKind::inclusive) {
      inclusive_scan(m_exec, in, out, 1, m_op, m_request.options);
    } else {
      exclusive_scan(m_exec, in, out, 1, m_op, m_request.options);
    }
  }

  void scan_from_states(const SlabShape& slab) const {
    const Lines in = lines(m_data, slab), out = lines(m_result, slab);
    const States initial(m_states.state().data(), slab.outer, slab.inner);
    // Where the totals are known already, the final states go where nobody reads them.
    const States final(m_chained ? m_states.total().data() : m_unread.data(), slab.outer,
                       slab.inner);
    if (m_request.kind == ScanKind::inclusive) {
      inclusive_scan(m_exec, in, out, initial, final, 1, m_op, m_request.options);
    } else {
      exclusive_scan(m_exec, in, out, initial, final, 1, m_op, m_request.options);
    }
  }

  /// The total of each line of the piece, as the tree over its elements groups them: the state that
  /// the first element of the next piece meets. So the piece is scanned with one more element, the
  /// identity, behind it; but where the grouping has no influence.
  void add_up(const SlabShape& slab) {
    const Kokkos::Timer timer;
    const SlabShape row{1, slab.length + (exact ? 0 : 1), slab.inner};
    const std::size_t piece = slab.length * slab.inner;
    const bool reverse = m_request.options.direction == Direction::reverse;
    const std::size_t begin = reverse && !exact ? slab.inner : 0;
    const std::size_t pad = reverse ? 0 : piece;
    m_states.fill_with_identity(m_exec, m_states.total());
    for (std::size_t o = 0; o < slab.outer; ++o) {
      const auto part = [](const Flat& flat, std::size_t first, std::size_t count) {
        return Kokkos::subview(flat, std::pair<std::size_t, std::size_t>(first, first + count));
      };
      Kokkos::deep_copy(m_exec, part(m_padded, begin, piece), part(m_data, o * piece, piece));
      if (!exact) {
        Kokkos::deep_copy(m_exec, part(m_padded, pad, slab.inner),
                          std::is_same_v<Op, Prod> ? Scanned(1) : Scanned(0));
      }
      const States total(m_states.total().data() + o * slab.inner, 1, slab.inner);
      const Lines padded = lines(m_padded, row);
      inclusive_scan(m_exec, padded, padded, total, total, 1, m_op, m_request.options);
    }
    m_exec.fence("fused-scan: the end of a sum");
    for (double& seconds : this->m_seconds) seconds += timer.seconds();
  }

  ScanRequest m_request;
  Op m_op;
  bool m_chained;  // pieces hand on the state after them, and need no total
  Exec m_exec;
  Flat m_data;
  decltype(Kokkos::create_mirror_view(std::declval<Flat>())) m_host;
  Flat m_result;
  Flat m_padded;
  Carried m_states;
  typename Carried::Row m_unread;
};

/// The signed type of the same size where T is unsigned, else T.
template <class T>
struct SignedTwin {
  using Type = T;
};
template <std::unsigned_integral T>
struct SignedTwin<T> {
  using Type = std::make_signed_t<T>;
};

/// Calls work.operator()<Scanned>(op) with the request's operator, or one that has the same bits,
/// and the type to scan in: an engine less to compile for each that is not needed.
template <class T, class Work>
auto with_operator(const ScanRequest& request, const Work& work) {
  return std::visit(
      [&]<class Op>(Op op) {
        constexpr bool needs_order = std::is_same_v<Op, Max> || std::is_same_v<Op, Min>;
        constexpr bool compensated =
            std::is_same_v<Op, CompensatedSum> || std::is_same_v<Op, CompensatedSumToOdd>;
        if constexpr (needs_order && std::is_arithmetic_v<T>) {
          return work.template operator()<T>(op);
        } else if constexpr (needs_order) {
          // Refused with a sentence by the caller, who knows whose numbers they are.
          return work.template operator()<T>(Sum());
        } else if constexpr (std::is_integral_v<T>) {
          using Exact = std::conditional_t<compensated, Sum, Op>;
          return work.template operator()<typename SignedTwin<T>::Type>(Exact());
        } else if constexpr (compensated && !std::is_same_v<T, double>) {
          return work.template operator()<T>(CompensatedSum());
        } else {
          return work.template operator()<T>(op);
        }
      },
      request.op);
}

template <class T>
ScannerCosts scanner_costs(const ScanRequest& request, SlabLines cut) {
  using Space = Kokkos::DefaultExecutionSpace::memory_space;
  return with_operator<T>(request, [&]<class Scanned, class Op>(Op) -> ScannerCosts {
    constexpr std::size_t mirrors =
        Kokkos::SpaceAccessibility<Kokkos::HostSpace, Space>::accessible ? 1 : 2;
    const std::size_t buffers = mirrors + (request.repeat > 1);
    const bool chained = exactly_associative_v<Op, Scanned> && cut != SlabLines::over_ranks;
    const std::size_t in_piece = buffers + !chained;
    return {buffers * sizeof(T), in_piece * sizeof(T), sizeof(carried_state_t<Op, Scanned>)};
  });
}

template <class T, class Scanned, class Op>
std::unique_ptr<SlabScanner<T>> make_operator_slab_scanner(const ScanRequest& request, Op op,
                                                           const SlabShape& largest,
                                                           SlabLines slabs) {
  using Scanner = OperatorSlabScanner<T, Scanned, Op>;
  // Named here because Clang 21 makes no virtual functions of a class that only a generic lambda in
  // an explicit instantiation constructs.
  [[maybe_unused]] const auto functions = std::tuple(&Scanner::elements, &Scanner::begin_lines,
                                                     &Scanner::scan, &Scanner::scan_over_ranks);
  try {
    return std::make_unique<Scanner>(request, op, largest, slabs);
  } catch (const std::invalid_argument&) {
    throw;
  } catch (const std::exception&) {
    throw std::bad_alloc();  // Kokkos says it in many lines
  }
}

template <class T>
std::unique_ptr<SlabScanner<T>> make_slab_scanner(const ScanRequest& request,
                                                  const SlabShape& largest, SlabLines slabs) {
  return with_operator<T>(request, [&]<class Scanned, class Op>(Op op) {
    return make_operator_slab_scanner<T, Scanned>(request, op, largest, slabs);
  });
}

}  // namespace fused_scan::cli

#endif
