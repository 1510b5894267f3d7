// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_HDF5_HANDLE_HPP
#define FUSED_SCAN_HDF5_HANDLE_HPP

/// \file
/// HDF5's identifiers and errors.

#include <hdf5.h>

#include <string>
#include <utility>

namespace fused_scan::cli {

/// HDF5 prints its stack of errors by itself; after this call only our own line is seen. Nor does
/// it close files at exit, which those who open them do.
void silence_hdf5();

/// What HDF5 has to say about its last failure, from the innermost function that saw it.
std::string hdf5_reason();

/// Owns one identifier of any kind of HDF5 object.
class Handle {
 public:
  Handle() = default;
  explicit Handle(hid_t id) : m_id(id) {}
  ~Handle() { close(); }
  Handle(Handle&& other) noexcept : m_id(std::exchange(other.m_id, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(m_id, other.m_id);
    return *this;
  }

  hid_t id() const { return m_id; }
  explicit operator bool() const { return m_id >= 0; }

  /// False if HDF5 could not close the object, as when a file can't be brought to the disk.
  bool close() { return m_id < 0 || H5Idec_ref(std::exchange(m_id, H5I_INVALID_HID)) >= 0; }
  /// The object stays open, and nobody's.
  void let_go() { m_id = H5I_INVALID_HID; }

 private:
  hid_t m_id = H5I_INVALID_HID;
};

}  // namespace fused_scan::cli

#endif
