// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_DATASET_HPP
#define FUSED_SCAN_DATASET_HPP

/// \file
/// The elements of a data set, read and written whole or box by box.
///
/// Every function throws std::runtime_error with one line that says what is wrong and, where there
/// is one, what would be right.

#include <cstddef>
#include <string>
#include <vector>

#include "hdf5_handle.hpp"
#include "progress_bar.hpp"
#include "ranks.hpp"

namespace fused_scan::cli {

using Extents = std::vector<hsize_t>;

/// The elements from `offset` on, `count` of them along each dimension.
struct Box {
  Extents offset;
  Extents count;
};

class Dataset {
 public:
  Dataset(Handle dataset, std::string label);

  hid_t id() const { return m_dataset.id(); }
  /// FILE:/DATASET, for messages.
  const std::string& label() const { return m_label; }
  const Extents& extents() const { return m_extents; }
  /// The type of an element as it is stored in the file.
  hid_t stored_type() const { return m_stored_type.id(); }
  /// The extents of a chunk; 1 in each dimension where the data set isn't chunked.
  Extents chunk() const;
  Box whole() const { return {Extents(m_extents.size(), 0), m_extents}; }

  /// All elements, last index fastest; HDF5 converts between memory_type and the stored type.
  void read(hid_t memory_type, void* elements) const;
  /// An integer that the stored type can't hold is an error.
  void write(hid_t memory_type, const void* elements) const;

  /// Those of a box. The bar advances by bytes in memory. With `saturate` an integer that the
  /// stored type can't hold is stored as the nearest number that fits.
  void read(hid_t memory_type, void* elements, const Box& box, ProgressBar& progress) const;
  void write(hid_t memory_type, const void* elements, const Box& box, ProgressBar& progress,
             bool saturate = false) const;

  /// For ranks that write one data set together (ReleasedDataset): numbers as they are stored,
  /// where `memory_type` is another, in `bytes`. Returns where they are.
  const void* as_stored(hid_t memory_type, const void* elements, std::size_t count, bool saturate,
                        std::vector<unsigned char>& bytes) const;
  /// Every rank its box, which may be empty, of elements of the stored type. Collective.
  void write_together(const Ranks& ranks, const void* elements, const Box& box,
                      ProgressBar& progress) const;

 private:
  template <class Transfer>
  void transfer(const std::string& verb, hid_t memory_type, const Box& box, ProgressBar& progress,
                Transfer transfer) const;
  [[noreturn]] void fail_to_fit() const;

  Handle m_dataset;
  Handle m_stored_type;
  Extents m_extents;
  std::string m_label;
};

/// How many elements an array of these extents has.
hsize_t size_of(const Extents& extents);

/// "2 x 3"
std::string shape_as_text(const Extents& extents);

/// An axis of a data set, counted from 0. Throws for ranks that a scan doesn't take, and for an
/// axis that isn't there.
int checked_axis(int axis, const Dataset& dataset);

}  // namespace fused_scan::cli

#endif
