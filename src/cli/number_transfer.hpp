// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_NUMBER_TRANSFER_HPP
#define FUSED_SCAN_NUMBER_TRANSFER_HPP

#include <Kokkos_Core.hpp>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "dataset.hpp"
#include "element_type.hpp"

namespace fused_scan::cli {

/// A floating-point number of 16 bits, of which so many are the mantissa's, and back: rounded to
/// the nearest, ties to even.
double decoded_float16(std::uint16_t bits, int mantissa_bits);
std::uint16_t encoded_float16(double number, int mantissa_bits);

/// Bytes of memory that the transfer of an element takes, beside its number.
inline std::size_t staging_of(const NumberFormat& format, hid_t stored_type) {
  return format.coding == NumberFormat::Coding::by_hdf5 ? 0 : H5Tget_size(stored_type);
}

/// Reads and writes the numbers of a data set, whatever their format, as numbers of type T.
class NumberTransfer {
 public:
  /// `writers`: where they write the data set together; write() is then collective.
  NumberTransfer(const Dataset& dataset, const NumberFormat& format, const Ranks* writers = nullptr)
      : m_dataset(dataset), m_format(format), m_writers(writers) {}

  const Dataset& dataset() const { return m_dataset; }
  const NumberFormat& format() const { return m_format; }
  std::size_t staging() const { return staging_of(m_format, m_dataset.stored_type()); }

  template <class T>
  void read(T* numbers, const Box& box, ProgressBar& progress);
  /// `saturate` as in Dataset::write().
  template <class T>
  void write(const T* numbers, const Box& box, ProgressBar& progress, bool saturate);

 private:
  using Byte = unsigned char;

  bool by_hdf5() const { return m_format.coding == NumberFormat::Coding::by_hdf5; }
  template <class Work>
  void for_each_number(std::size_t count, const Work& work) {
    using Exec = Kokkos::DefaultHostExecutionSpace;
    Kokkos::parallel_for("fused-scan: convert", Kokkos::RangePolicy<Exec>(0, count), work);
    Exec().fence("fused-scan: converted");
  }
  template <class T>
  T decoded(const Byte* bytes, std::size_t size) const;
  template <class T>
  void encode(T number, Byte* bytes, std::size_t size) const;
  /// All of them, in m_bytes.
  template <class T>
  void encode(const T* numbers, std::size_t count);

  const Dataset& m_dataset;
  NumberFormat m_format;
  const Ranks* m_writers;
  std::vector<Byte> m_bytes;
};

template <class T>
T NumberTransfer::decoded(const Byte* bytes, std::size_t size) const {
  if (m_format.coding == NumberFormat::Coding::boolean) {
    for (std::size_t i = 0; i < size; ++i) {
      if (bytes[i] != 0) return T(1);
    }
    return T(0);
  }
  const int low = bytes[m_format.big_endian ? 1 : 0], high = bytes[m_format.big_endian ? 0 : 1];
  return static_cast<T>(
      decoded_float16(static_cast<std::uint16_t>(high << 8 | low), m_format.mantissa_bits));
}

template <class T>
void NumberTransfer::encode(T number, Byte* bytes, std::size_t size) const {
  if (m_format.coding == NumberFormat::Coding::boolean) {
    for (std::size_t i = 0; i < size; ++i) bytes[i] = 0;
    // The identity of max is below false, that of min above true.
    bytes[m_format.big_endian ? size - 1 : 0] = number > T(0);
    return;
  }
  const std::uint16_t bits = encoded_float16(static_cast<double>(number), m_format.mantissa_bits);
  bytes[m_format.big_endian ? 1 : 0] = static_cast<Byte>(bits & 0xff);
  bytes[m_format.big_endian ? 0 : 1] = static_cast<Byte>(bits >> 8);
}

template <class T>
void NumberTransfer::read(T* numbers, const Box& box, ProgressBar& progress) {
  if (by_hdf5()) {
    const Handle type = memory_type(T(), m_dataset.stored_type());
    return m_dataset.read(type.id(), numbers, box, progress);
  }
  if constexpr (std::is_arithmetic_v<T>) {
    const std::size_t size = staging(), count = size_of(box.count);
    m_bytes.resize(count * size);
    m_dataset.read(m_dataset.stored_type(), m_bytes.data(), box, progress);
    for_each_number(
        count, [&](std::size_t i) { numbers[i] = decoded<T>(m_bytes.data() + i * size, size); });
  }
}

template <class T>
void NumberTransfer::encode(const T* numbers, std::size_t count) {
  if constexpr (std::is_arithmetic_v<T>) {
    const std::size_t size = staging();
    m_bytes.resize(count * size);
    for_each_number(count,
                    [&](std::size_t i) { encode(numbers[i], m_bytes.data() + i * size, size); });
  }
}

template <class T>
void NumberTransfer::write(const T* numbers, const Box& box, ProgressBar& progress, bool saturate) {
  const std::size_t count = size_of(box.count);
  const Handle type = memory_type(T(), m_dataset.stored_type());
  if (m_writers != nullptr) {
    const void* stored = numbers;
    m_writers->together([&] {
      if (by_hdf5()) {
        stored = m_dataset.as_stored(type.id(), numbers, count, saturate, m_bytes);
      } else {
        encode(numbers, count);
        stored = m_bytes.data();
      }
    });
    m_dataset.write_together(*m_writers, stored, box, progress);
  } else if (by_hdf5()) {
    m_dataset.write(type.id(), numbers, box, progress, saturate);
  } else {
    encode(numbers, count);
    m_dataset.write(m_dataset.stored_type(), m_bytes.data(), box, progress);
  }
}

}  // namespace fused_scan::cli

#endif
