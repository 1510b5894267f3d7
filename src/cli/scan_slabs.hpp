// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_SCAN_SLABS_HPP
#define FUSED_SCAN_SCAN_SLABS_HPP

/// \file
/// Scans of an array that is in memory slab by slab.

#include <cstddef>
#include <functional>
#include <fused_scan/scan.hpp>
#include <memory>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

namespace fused_scan::cli {

/// The compensated sum, lowered to odd: with the last bit set where it isn't exact.
struct OddCompensatedSum : CompensatedSum::monoid<double> {
  KOKKOS_FUNCTION double lower(const value_type& value) const {
    const double nearest = value.value();
    const double rest = value.compensation - (nearest - value.sum);  // exact where it is finite
    const auto bits = Kokkos::bit_cast<unsigned long long>(nearest);
    if (bits % 2 == 1 || !(rest != 0) || !Kokkos::isfinite(nearest)) return nearest;
    const bool away_from_zero = (rest > 0) == (nearest > 0);
    return Kokkos::bit_cast<double>(away_from_zero ? bits + 1 : bits - 1);
  }
};

/// For a sum in double that is rounded again, to a type of 16 bits: it comes out as if it had been
/// rounded once.
struct CompensatedSumToOdd {
  template <class T>
  using monoid = OddCompensatedSum;
};

using Operator = std::variant<CompensatedSum, CompensatedSumToOdd, Sum, Prod, Max, Min>;

/// What is carried from one piece of a line to the next.
template <class Op, class T>
using carried_state_t = typename Op::template monoid<T>::value_type;

struct ScanRequest {
  Operator op;
  ScanOptions options;
  ScanKind kind = ScanKind::inclusive;
  int repeat = 1;  // so many times the same scan
};

/// An array of any rank as one of rank 3: before the axis, along it, and behind it.
struct SlabShape {
  std::size_t outer;
  std::size_t length;
  std::size_t inner;

  std::size_t lines() const { return outer * inner; }
  std::size_t size() const { return lines() * length; }
};

/// What slabs are made of: whole lines, their pieces one after the other, or, over ranks, some
/// neighbouring pieces at a time, one a rank.
enum class SlabLines { whole, in_pieces, over_ranks };

/// A rank's place among those that scan neighbouring pieces: its own is number `own` in the order
/// of the scan, of `count`; it has none where `own` is no less.
struct PieceOfRound {
  std::size_t own;
  std::size_t count;
};

/// Scans slabs. Pieces of lines have a power of two elements, at least 16, but for the last one.
/// All bits are those of a scan of whole lines.
template <class T>
class SlabScanner {
 public:
  virtual ~SlabScanner() = default;

  /// Room for the elements of a slab, on the host: the input of scan(), and then its result.
  virtual T* elements() = 0;
  /// The next slab has the first piece of its lines.
  virtual void begin_lines() = 0;
  /// Calls scanned(bytes) after each of the repeated scans.
  virtual void scan(const SlabShape& slab, bool last_piece,
                    const std::function<void(std::size_t)>& scanned) = 0;

  /// The same over ranks. First total() of the rank's piece, of total_size() bytes; then, from
  /// those of all pieces of the round, scan_over_ranks(), by a rank that has no piece as well.
  virtual std::size_t total_size() const = 0;
  virtual void total(const SlabShape& slab, std::byte* total) = 0;
  virtual void scan_over_ranks(const SlabShape& slab, const PieceOfRound& piece,
                               const std::byte* totals,
                               const std::function<void(std::size_t)>& scanned) = 0;

  /// Of everything that has been scanned, the median if it was repeated.
  double seconds() const;
  /// The library's word for the way it took; empty where there was nothing to do.
  const std::string& path() const { return m_path; }

 protected:
  std::vector<double> m_seconds;
  std::string m_path;
};

/// Bytes of memory that a scanner of slabs of T needs.
struct ScannerCosts {
  std::size_t an_element;           // where lines are whole
  std::size_t an_element_in_piece;  // where they are cut
  std::size_t a_line_in_piece;      // beside its elements, and as much for each doubling of pieces
};

/// Where they are cut, `cut` says how.
template <class T>
ScannerCosts scanner_costs(const ScanRequest& request, SlabLines cut);

/// Throws std::bad_alloc where there is no memory.
///
/// Both are defined in scan_slabs_impl.hpp, and instantiated in scan_slabs_*.cpp for every type in
/// Element: an engine for each of them and each operator takes its time to compile.
template <class T>
std::unique_ptr<SlabScanner<T>> make_slab_scanner(const ScanRequest& request,
                                                  const SlabShape& largest, SlabLines slabs);

}  // namespace fused_scan::cli

#endif
