// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_IMPL_HOST_PAIR_SUMS_KERNELS_HPP
#define FUSED_SCAN_IMPL_HOST_PAIR_SUMS_KERNELS_HPP

// Sums of doubles in pairs, of which exponents show that no compensation is rounded: then the first
// half of the operations does, for AVX2 and AVX-512, of which the processor decides at run time.
// Neither changes a bit.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fused_scan/impl/host/value_rows.hpp>
#include <fused_scan/impl/host/wide_vectors.hpp>
#include <type_traits>
#include <utility>

#if defined(FUSED_SCAN_HAVE_VECTORS)
#include <immintrin.h>
#endif

namespace fused_scan::impl::pair_sums {

/// The exponents of numbers that are added in a chunk, and of the prefixes before it, in the upper
/// halves of words as wide as the widest vector.
struct Range {
  std::uint64_t largest[8] = {};  // numbers
  std::uint64_t sums[8] = {};
  std::uint64_t compensations[8] = {};
  std::uint64_t smallest[8];  // number but for zeros; of a prefix: whose last place is the same

  Range() { std::fill_n(smallest, 8, ~std::uint64_t{0}); }
};

/// Rows of numbers, the running sums before and after them, and the sums of the chunk so far.
struct Rows {
  const double* x = nullptr;
  std::int64_t x_pitch = 0;
  int rows = 0;
  int count = 0;  // numbers in a row
  double* y = nullptr;
  std::int64_t y_pitch = 0;
  PairRow<double> before;
  PairRow<double> after;
  PairRow<double> sums;
  bool begin_sums = false;
  // What is needed next is asked for meanwhile: as many numbers there, or the rows after these, in
  // memory as they are.
  const double* next = nullptr;
  bool in_memory = false;
};

#define FUSED_SCAN_KERNELS "fused_scan/impl/host/pair_sums/row_kernels.hpp"
#include <fused_scan/impl/host/kernels_for_vectors.hpp>
#undef FUSED_SCAN_KERNELS

struct Kernels {
  void (*add_prefixes)(const PairRow<double>&, int, Range&);
  bool (*look)(const Rows&, Range&);
  bool (*adds_exactly)(const Range&, int);
  void (*sum)(const Rows&);
  void (*scan[2][2])(const Rows&);  // with sums, exclusive
  PairRow<double> (*tree)(int, int, const PairRow<double>&, const PairRow<double>&,
                          const PairRow<double>&);
};

/// None where the processor has no such vectors.
inline const Kernels* kernels() {
#if defined(FUSED_SCAN_HAVE_VECTORS)
  static constexpr Kernels for_avx512{avx512::add_prefixes,
                                      avx512::look,
                                      avx512::adds_exactly,
                                      avx512::sum,
                                      {{avx512::scan<false, false>, avx512::scan<false, true>},
                                       {avx512::scan<true, false>, avx512::scan<true, true>}},
                                      avx512::tree};
  static constexpr Kernels for_avx2{avx2::add_prefixes,
                                    avx2::look,
                                    avx2::adds_exactly,
                                    avx2::sum,
                                    {{avx2::scan<false, false>, avx2::scan<false, true>},
                                     {avx2::scan<true, false>, avx2::scan<true, true>}},
                                    avx2::tree};
  return impl::of_processor(for_avx2, for_avx512);
#else
  return nullptr;
#endif
}

}  // namespace fused_scan::impl::pair_sums

#endif
