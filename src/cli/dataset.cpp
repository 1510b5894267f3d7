// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dataset.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "memory_budget.hpp"

namespace fused_scan::cli {

namespace {

[[noreturn]] void fail(const std::string& message) { throw std::runtime_error(message); }

/// Boxes that cover the extents, of about 64 MiB where that is possible without cutting a chunk: a
/// cut chunk would be read, and decompressed, once for every part.
template <class Visit>
void for_each_part(const Extents& extents, const Extents& chunk, std::size_t element_size,
                   const Visit& visit) {
  if (std::find(extents.begin(), extents.end(), 0) != extents.end()) return;
  constexpr hsize_t target_bytes = hsize_t{64} << 20;
  Extents offset(extents.size(), 0);
  Extents count = extents;
  const std::function<void(std::size_t)> cover = [&](std::size_t dimension) {
    hsize_t row_bytes = element_size;
    for (std::size_t d = 0; d < extents.size(); ++d) row_bytes *= d == dimension ? 1 : count[d];
    hsize_t step = chunk[dimension];
    const bool too_large = row_bytes * step > target_bytes && dimension + 1 < extents.size();
    if (!too_large) step *= std::max<hsize_t>(1, target_bytes / (row_bytes * step));
    for (hsize_t first = 0; first < extents[dimension]; first += step) {
      offset[dimension] = first;
      count[dimension] = std::min(step, extents[dimension] - first);
      if (too_large) {
        cover(dimension + 1);
      } else {
        visit(offset, count);
      }
    }
    offset[dimension] = 0;
    count[dimension] = extents[dimension];
  };
  cover(0);
}

}  // namespace

hsize_t size_of(const Extents& extents) {
  return std::accumulate(extents.begin(), extents.end(), hsize_t{1}, std::multiplies<>());
}

Dataset::Dataset(Handle dataset, std::string label)
    : m_dataset(std::move(dataset)),
      m_stored_type(H5Dget_type(m_dataset.id())),
      m_label(std::move(label)) {
  const Handle space(H5Dget_space(m_dataset.id()));
  if (!m_stored_type || !space) fail("cannot read " + m_label + ": " + hdf5_reason());
  if (H5Sget_simple_extent_type(space.id()) == H5S_NULL) {
    fail(m_label + " is empty: it has no shape");
  }
  m_extents.resize(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space.id())));
  H5Sget_simple_extent_dims(space.id(), m_extents.data(), nullptr);
  // Up to here, numbers of bytes can be computed without an overflow, in wider types as well.
  constexpr double most = 0x1p59;
  double bytes = static_cast<double>(H5Tget_size(m_stored_type.id()));
  for (const hsize_t extent : m_extents) bytes *= static_cast<double>(extent);
  if (bytes > most) {
    fail(m_label + " of " + bytes_as_text(bytes) + " is too large; the limit is " +
         bytes_as_text(most));
  }
}

Extents Dataset::chunk() const {
  Extents chunk(m_extents.size(), 1);
  const Handle properties(H5Dget_create_plist(m_dataset.id()));
  if (H5Pget_layout(properties.id()) == H5D_CHUNKED) {
    H5Pget_chunk(properties.id(), static_cast<int>(chunk.size()), chunk.data());
  }
  return chunk;
}

template <class Transfer>
void Dataset::transfer(const std::string& verb, hid_t memory_type, const Box& box,
                       ProgressBar& progress, Transfer transfer) const {
  const auto require_success = [&](herr_t status) {
    if (status < 0) fail("cannot " + verb + " " + m_label + ": " + hdf5_reason());
  };
  if (m_extents.empty()) return require_success(transfer(H5S_ALL, H5S_ALL));
  const std::size_t element_size = H5Tget_size(memory_type);
  const Handle in_file(H5Dget_space(m_dataset.id()));
  const Handle in_memory(
      H5Screate_simple(static_cast<int>(box.count.size()), box.count.data(), nullptr));
  for_each_part(box.count, chunk(), element_size, [&](const Extents& offset, const Extents& count) {
    Extents first = box.offset;
    for (std::size_t d = 0; d < first.size(); ++d) first[d] += offset[d];
    const auto select = [&](const Handle& space, const Extents& from) {
      H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, from.data(), nullptr, count.data(), nullptr);
    };
    select(in_file, first);
    select(in_memory, offset);
    require_success(transfer(in_memory.id(), in_file.id()));
    progress.advance(static_cast<double>(size_of(count) * element_size));
  });
}

void Dataset::read(hid_t memory_type, void* elements) const {
  const auto bytes = static_cast<double>(size_of(m_extents) * H5Tget_size(memory_type));
  ProgressBar progress("read " + m_label, bytes, bytes);
  read(memory_type, elements, whole(), progress);
}

void Dataset::write(hid_t memory_type, const void* elements) const {
  const auto bytes = static_cast<double>(size_of(m_extents) * H5Tget_size(memory_type));
  ProgressBar progress("write " + m_label, bytes, bytes);
  write(memory_type, elements, whole(), progress);
}

void Dataset::read(hid_t memory_type, void* elements, const Box& box, ProgressBar& progress) const {
  transfer("read", memory_type, box, progress, [&](hid_t in_memory, hid_t in_file) {
    return H5Dread(m_dataset.id(), memory_type, in_memory, in_file, H5P_DEFAULT, elements);
  });
}

void Dataset::write(hid_t memory_type, const void* elements, const Box& box, ProgressBar& progress,
                    bool saturate) const {
  const Handle properties(H5Pcreate(H5P_DATASET_XFER));
  bool too_large = false;
  const H5T_conv_except_func_t refuse = [](H5T_conv_except_t, hid_t, hid_t, void*, void*,
                                           void* flag) {
    *static_cast<bool*>(flag) = true;
    return H5T_CONV_ABORT;
  };
  if (H5Tget_class(m_stored_type.id()) == H5T_INTEGER && !saturate) {
    H5Pset_type_conv_cb(properties.id(), refuse, &too_large);
  }
  transfer("write", memory_type, box, progress, [&](hid_t in_memory, hid_t in_file) {
    const herr_t status =
        H5Dwrite(m_dataset.id(), memory_type, in_memory, in_file, properties.id(), elements);
    if (too_large) {
      fail("cannot write " + m_label + ": a number does not fit in its " +
           std::to_string(8 * H5Tget_size(m_stored_type.id())) +
           " bits; --out-type chooses a wider type");
    }
    return status;
  });
}

std::string shape_as_text(const Extents& extents) {
  std::string text;
  for (const hsize_t extent : extents) {
    text += (text.empty() ? "" : " x ") + std::to_string(extent);
  }
  return text;
}

int checked_axis(int axis, const Dataset& dataset) {
  const int rank = static_cast<int>(dataset.extents().size());
  if (rank == 0 || rank > 8) {
    fail(dataset.label() + " has rank " + std::to_string(rank) + "; scans need a rank from 1 to 8");
  }
  if (axis < -rank || axis >= rank) {
    fail("axis " + std::to_string(axis) + " is out of range [" + std::to_string(-rank) + ", " +
         std::to_string(rank - 1) + "] for " + dataset.label() + " of rank " +
         std::to_string(rank));
  }
  return axis < 0 ? axis + rank : axis;
}

}  // namespace fused_scan::cli
