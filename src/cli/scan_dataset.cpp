// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "scan_dataset.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "memory_budget.hpp"

namespace fused_scan::cli {

namespace {

template <class T>
class DatasetScan {
 public:
  DatasetScan(const ScanRequest& request, int axis, const Ranks& ranks, NumberTransfer& in,
              const ScanOutput& out)
      : m_request(request),
        m_axis(axis),
        m_ranks(ranks),
        m_in(in),
        m_out(out),
        m_share(share_of(in.dataset().extents(), in.dataset().chunk(), axis, ranks.rank(),
                         ranks.size())) {
    m_costs = scanner_costs<T>(request,
                               m_share.along_axis ? SlabLines::over_ranks : SlabLines::in_pieces);
    const std::size_t staging = std::max(in.staging(), out.staging);
    m_costs.an_element += staging;
    m_costs.an_element_in_piece += staging;
  }

  Measurement operator()(double memory) {
    // Ranks that share lines need the same plan.
    if (m_share.along_axis) memory = m_ranks.smallest(memory);
    SlabPlan plan;
    std::unique_ptr<SlabScanner<T>> scanner;
    for (bool all_have_one = false; !all_have_one; memory /= 2) {
      m_ranks.together([&] {
        plan = plan_for(memory);
        try {
          scanner = make_slab_scanner<T>(m_request, plan.shape(plan.slab), lines_of(plan));
        } catch (const std::bad_alloc&) {
          // There is less than it seemed, perhaps on a device of its own.
        }
      });
      all_have_one = m_ranks.smallest(scanner ? 1 : 0) > 0;
      if (!all_have_one) scanner.reset();
    }
    // Read, scanned, and written; each in the size of its own numbers.
    const auto size = static_cast<double>(size_of(plan.extents));
    ProgressBar progress("scan " + m_in.dataset().label(),
                         size * (bytes_moved(m_in.staging()) + bytes_moved(m_out.staging) +
                                 static_cast<double>(m_request.repeat) * sizeof(T)),
                         size * static_cast<double>(H5Tget_size(m_in.dataset().stored_type())));
    if (m_share.along_axis) {
      scan_pieces(plan, *scanner, progress);
    } else {
      scan_lines(plan, *scanner, progress);
    }
    const double bytes = sizeof(T) * static_cast<double>(size_of(m_in.dataset().extents()));
    return {scanner->path(), m_ranks.largest(scanner->seconds()), 2 * bytes, std::move(plan),
            m_share.along_axis};
  }

 private:
  /// A slab of the data set, and whether it has the first and the last piece of its lines.
  struct Slab {
    Box box;
    bool first;
    bool last;
  };

  SlabLines lines_of(const SlabPlan& plan) const {
    if (m_share.along_axis) return SlabLines::over_ranks;
    return plan.cut() ? SlabLines::in_pieces : SlabLines::whole;
  }

  SlabPlan plan_for(double memory) const {
    const Dataset& in = m_in.dataset();
    const Extents& extents = m_share.box.count;
    auto plan = plan_slabs(extents, in.chunk(), m_axis, m_costs, memory);
    if (plan) return m_share.along_axis ? cut_for_ranks(*std::move(plan), m_ranks.size()) : *plan;
    // What would have been enough lies within a factor of two.
    double enough = memory < 1 ? 1 : memory;
    while (!plan_slabs(extents, in.chunk(), m_axis, m_costs, enough)) enough *= 2;
    throw std::runtime_error("there is no memory for a scan of " + in.label() + " along axis " +
                             std::to_string(m_axis) + ": " + bytes_as_text(memory) +
                             " are too little, " + bytes_as_text(enough) + " are enough");
  }

  std::vector<Slab> slabs_of(const SlabPlan& plan) const {
    std::vector<Slab> slabs;
    for_each_slab(plan, m_request.options.direction, [&](Box box, bool first, bool last) {
      for (std::size_t d = 0; d < box.offset.size(); ++d) {
        box.offset[d] += m_share.box.offset[d];
      }
      slabs.push_back({std::move(box), first, last});
    });
    return slabs;
  }

  /// Slab after slab of the rank's own lines.
  void scan_lines(const SlabPlan& plan, SlabScanner<T>& scanner, ProgressBar& progress) {
    const std::vector<Slab> slabs = slabs_of(plan);
    const auto rounds =
        static_cast<std::size_t>(m_ranks.largest(static_cast<double>(slabs.size())));
    for (std::size_t round = 0; round < rounds; ++round) {
      const Slab* const slab = round < slabs.size() ? &slabs[round] : nullptr;
      m_ranks.together([&] {
        if (slab == nullptr) return;
        if (slab->first) scanner.begin_lines();
        m_in.read(scanner.elements(), slab->box, progress);
        scanner.scan(plan.shape(slab->box.count), slab->last,
                     [&](std::size_t bytes) { progress.advance(bytes); });
      });
      write(slab, scanner, progress);
    }
  }

  /// Of the same lines every rank a piece, which are neighbours, and then the next ones.
  void scan_pieces(const SlabPlan& plan, SlabScanner<T>& scanner, ProgressBar& progress) {
    const std::vector<Slab> slabs = slabs_of(plan);
    const auto rank = static_cast<std::size_t>(m_ranks.rank());
    const auto most = static_cast<std::size_t>(m_ranks.size());
    std::vector<std::byte> totals(most * scanner.total_size());
    for (std::size_t begin = 0; begin < slabs.size();) {
      std::size_t end = begin;
      while (end < begin + most && (end == begin || !slabs[end - 1].last)) ++end;
      const PieceOfRound piece{rank, end - begin};
      const Slab* const slab = rank < piece.count ? &slabs[begin + rank] : nullptr;
      const SlabShape shape = slab != nullptr ? plan.shape(slab->box.count) : SlabShape{};
      m_ranks.together([&] {
        if (slabs[begin].first) scanner.begin_lines();
        if (slab == nullptr) return;
        m_in.read(scanner.elements(), slab->box, progress);
        scanner.total(shape, totals.data() + rank * scanner.total_size());
      });
      m_ranks.all_gather(totals.data(), scanner.total_size());
      m_ranks.together([&] {
        scanner.scan_over_ranks(shape, piece, totals.data(),
                                [&](std::size_t bytes) { progress.advance(bytes); });
      });
      write(slab, scanner, progress);
      begin = end;
    }
  }

  void write(const Slab* slab, SlabScanner<T>& scanner, ProgressBar& progress) const {
    // The identity of max and min lies outside a type of 8 or 16 bits: its own identity is meant.
    const bool saturate =
        std::holds_alternative<Max>(m_request.op) || std::holds_alternative<Min>(m_request.op);
    const Extents none(m_in.dataset().extents().size(), 0);
    m_out.open([&](NumberTransfer& out) {
      out.write(scanner.elements(), slab != nullptr ? slab->box : Box{none, none}, progress,
                saturate);
    });
  }

  static double bytes_moved(std::size_t staging) {
    return static_cast<double>(staging > 0 ? staging : sizeof(T));
  }

  ScanRequest m_request;
  int m_axis;
  const Ranks& m_ranks;
  NumberTransfer& m_in;
  const ScanOutput& m_out;
  Share m_share;
  ScannerCosts m_costs{};
};

}  // namespace

Measurement scan_dataset(const ScanRequest& request, int axis, double memory, const Ranks& ranks,
                         NumberTransfer& in, const ScanOutput& out) {
  return std::visit(
      [&]<class T>(T) { return DatasetScan<T>(request, axis, ranks, in, out)(memory); },
      out.format.element);
}

}  // namespace fused_scan::cli
