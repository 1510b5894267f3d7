// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "scan_dataset.hpp"

#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

#include "memory_budget.hpp"

namespace fused_scan::cli {

namespace {

template <class T>
class DatasetScan {
 public:
  DatasetScan(const ScanRequest& request, int axis, NumberTransfer& in, NumberTransfer& out)
      : m_request(request), m_axis(axis), m_in(in), m_out(out) {
    m_costs = scanner_costs<T>(request);
    const std::size_t staging = std::max(in.staging(), out.staging());
    m_costs.an_element += staging;
    m_costs.an_element_in_piece += staging;
  }

  Measurement operator()(double memory) {
    SlabPlan plan = plan_for(memory);
    std::unique_ptr<SlabScanner<T>> scanner;
    while (!scanner) {
      try {
        scanner = make_slab_scanner<T>(m_request, plan.shape(plan.slab), plan.cut());
      } catch (const std::bad_alloc&) {
        // There is less than it seemed, perhaps on a device of its own.
        memory /= 2;
        plan = plan_for(memory);
      }
    }
    const double bytes = sizeof(T) * static_cast<double>(size_of(plan.extents));
    scan_slabs(plan, *scanner);
    return {scanner->path(), scanner->seconds(), 2 * bytes, std::move(plan)};
  }

 private:
  SlabPlan plan_for(double memory) const {
    const Dataset& in = m_in.dataset();
    auto plan = plan_slabs(in.extents(), in.chunk(), m_axis, m_costs, memory);
    if (plan) return *std::move(plan);
    // What would have been enough lies within a factor of two.
    double enough = memory < 1 ? 1 : memory;
    while (!plan_slabs(in.extents(), in.chunk(), m_axis, m_costs, enough)) enough *= 2;
    throw std::runtime_error("there is no memory for a scan of " + in.label() + " along axis " +
                             std::to_string(m_axis) + ": " + bytes_as_text(memory) +
                             " are too little, " + bytes_as_text(enough) + " are enough");
  }

  void scan_slabs(const SlabPlan& plan, SlabScanner<T>& scanner) {
    const Dataset& in = m_in.dataset();
    // Read, scanned, and written; each in the size of its own numbers.
    const auto size = static_cast<double>(size_of(plan.extents));
    ProgressBar progress("scan " + in.label(),
                         size * (bytes_moved(m_in) + bytes_moved(m_out) +
                                 static_cast<double>(m_request.repeat) * sizeof(T)),
                         size * static_cast<double>(H5Tget_size(in.stored_type())));
    // The identity of max and min lies outside a type of 8 or 16 bits: its own identity is meant.
    const bool saturate =
        std::holds_alternative<Max>(m_request.op) || std::holds_alternative<Min>(m_request.op);
    for_each_slab(plan, m_request.options.direction,
                  [&](const Box& box, bool first_piece, bool last_piece) {
                    if (first_piece) scanner.begin_lines();
                    m_in.read(scanner.elements(), box, progress);
                    scanner.scan(plan.shape(box.count), last_piece,
                                 [&](std::size_t bytes) { progress.advance(bytes); });
                    m_out.write(scanner.elements(), box, progress, saturate);
                  });
  }

  static double bytes_moved(const NumberTransfer& numbers) {
    return static_cast<double>(numbers.staging() > 0 ? numbers.staging() : sizeof(T));
  }

  ScanRequest m_request;
  int m_axis;
  NumberTransfer& m_in;
  NumberTransfer& m_out;
  ScannerCosts m_costs{};
};

}  // namespace

Measurement scan_dataset(const ScanRequest& request, int axis, double memory, NumberTransfer& in,
                         NumberTransfer& out) {
  return std::visit([&]<class T>(T) { return DatasetScan<T>(request, axis, in, out)(memory); },
                    out.format().element);
}

}  // namespace fused_scan::cli
