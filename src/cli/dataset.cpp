// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dataset.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "joint_writing.hpp"
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

/// Selects a part of a box, in the file's space and in the box's own.
void select(const Handle& in_file, const Handle& in_memory, const Box& box, const Box& part) {
  Extents first = box.offset;
  for (std::size_t d = 0; d < first.size(); ++d) first[d] += part.offset[d];
  const auto select_in = [&](const Handle& space, const Extents& from) {
    H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, from.data(), nullptr, part.count.data(),
                        nullptr);
  };
  select_in(in_file, first);
  select_in(in_memory, part.offset);
}

/// Properties of a transfer that ends at an integer that the stored type can't hold.
Handle refusing_transfer(hid_t stored_type, bool saturate, bool* too_large) {
  Handle properties(H5Pcreate(H5P_DATASET_XFER));
  const H5T_conv_except_func_t refuse = [](H5T_conv_except_t, hid_t, hid_t, void*, void*,
                                           void* flag) {
    *static_cast<bool*>(flag) = true;
    return H5T_CONV_ABORT;
  };
  if (H5Tget_class(stored_type) == H5T_INTEGER && !saturate) {
    H5Pset_type_conv_cb(properties.id(), refuse, too_large);
  }
  return properties;
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
    select(in_file, in_memory, box, {offset, count});
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
  bool too_large = false;
  const Handle properties = refusing_transfer(m_stored_type.id(), saturate, &too_large);
  transfer("write", memory_type, box, progress, [&](hid_t in_memory, hid_t in_file) {
    const herr_t status =
        H5Dwrite(m_dataset.id(), memory_type, in_memory, in_file, properties.id(), elements);
    if (too_large) fail_to_fit();
    return status;
  });
}

void Dataset::fail_to_fit() const {
  fail("cannot write " + m_label + ": a number does not fit in its " +
       std::to_string(8 * H5Tget_size(m_stored_type.id())) +
       " bits; --out-type chooses a wider type");
}

const void* Dataset::as_stored(hid_t memory_type, const void* elements, std::size_t count,
                               bool saturate, std::vector<unsigned char>& bytes) const {
  if (H5Tequal(memory_type, m_stored_type.id()) > 0) return elements;
  const std::size_t from = H5Tget_size(memory_type), to = H5Tget_size(m_stored_type.id());
  constexpr std::size_t most = 4096;
  std::vector<unsigned char> block(most * std::max(from, to)), background(block.size());
  bool too_large = false;
  const Handle properties = refusing_transfer(m_stored_type.id(), saturate, &too_large);
  bytes.resize(count * to);
  for (std::size_t begin = 0; begin < count; begin += most) {
    const std::size_t n = std::min(most, count - begin);
    std::memcpy(block.data(), static_cast<const unsigned char*>(elements) + begin * from, n * from);
    const herr_t status = H5Tconvert(memory_type, m_stored_type.id(), n, block.data(),
                                     background.data(), properties.id());
    if (too_large) fail_to_fit();
    if (status < 0) fail("cannot write " + m_label + ": " + hdf5_reason());
    std::memcpy(bytes.data() + begin * to, block.data(), n * to);
  }
  return bytes.data();
}

void Dataset::write_together(const Ranks& ranks, const void* elements, const Box& box,
                             ProgressBar& progress) const {
  const std::size_t element_size = H5Tget_size(m_stored_type.id());
  std::vector<Box> parts;
  for_each_part(box.count, chunk(), element_size, [&](const Extents& offset, const Extents& count) {
    parts.push_back({offset, count});
  });
  const auto writes = static_cast<std::size_t>(ranks.largest(static_cast<double>(parts.size())));
  const Handle in_file(H5Dget_space(m_dataset.id()));
  const Handle in_memory(
      H5Screate_simple(static_cast<int>(box.count.size()), box.count.data(), nullptr));
  const Handle properties(H5Pcreate(H5P_DATASET_XFER));
  cli::write_together(properties.id());
  ranks.together([&] {
    // Every rank as often, also behind an error: the others wait for it.
    std::string reason;
    for (std::size_t k = 0; k < writes; ++k) {
      const bool has_one = k < parts.size();
      if (has_one) {
        select(in_file, in_memory, box, parts[k]);
      } else {
        H5Sselect_none(in_file.id());
        H5Sselect_none(in_memory.id());
      }
      const herr_t status = H5Dwrite(m_dataset.id(), m_stored_type.id(), in_memory.id(),
                                     in_file.id(), properties.id(), elements);
      if (status < 0 && reason.empty()) reason = hdf5_reason();
      if (has_one) progress.advance(static_cast<double>(size_of(parts[k].count) * element_size));
    }
    if (!reason.empty()) fail("cannot write " + m_label + ": " + reason);
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
