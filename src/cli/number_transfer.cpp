// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "number_transfer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fused_scan::cli {

namespace {

/// Beside the sign bit, 16 bits are an exponent and a mantissa.
int bias(int mantissa_bits) { return (1 << (15 - mantissa_bits - 1)) - 1; }
int all_ones(int mantissa_bits) { return (1 << (15 - mantissa_bits)) - 1; }

}  // namespace

double decoded_float16(std::uint16_t bits, int mantissa_bits) {
  const double sign = bits >> 15 ? -1 : 1;
  const int exponent = (bits & 0x7fff) >> mantissa_bits;
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  if (exponent == all_ones(mantissa_bits)) {
    return std::copysign(mantissa == 0 ? std::numeric_limits<double>::infinity()
                                       : std::numeric_limits<double>::quiet_NaN(),
                         sign);
  }
  const int hidden = exponent == 0 ? 0 : 1 << mantissa_bits;
  return sign *
         std::ldexp(mantissa + hidden, std::max(exponent, 1) - bias(mantissa_bits) - mantissa_bits);
}

std::uint16_t encoded_float16(double number, int mantissa_bits) {
  const int infinity = all_ones(mantissa_bits) << mantissa_bits;
  int bits = infinity;
  if (std::isnan(number)) {
    bits |= 1 << (mantissa_bits - 1);
  } else if (std::isfinite(number)) {
    int exponent = 0;
    std::frexp(number, &exponent);  // number < 2^exponent
    const int least = 1 - bias(mantissa_bits);
    exponent = number == 0 ? least : std::max(exponent - 1, least);
    // An integer of the mantissa's bits with the hidden one, or less for a subnormal number; one
    // that is rounded up to the next power of two carries into the exponent.
    const double mantissa = std::nearbyint(std::ldexp(std::abs(number), mantissa_bits - exponent));
    const int field = exponent + bias(mantissa_bits) - 1;
    if (field < all_ones(mantissa_bits)) {
      bits = std::min(infinity, (field << mantissa_bits) + static_cast<int>(mantissa));
    }
  }
  return static_cast<std::uint16_t>(bits | (std::signbit(number) ? 0x8000 : 0));
}

}  // namespace fused_scan::cli
