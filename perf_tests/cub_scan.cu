// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// CUB's scans of one line, for peers.py and peers_recurrence.py, which compile this file. As in CUB,
// a call with no temporary memory says how much it needs.

#include <thrust/iterator/transform_iterator.h>
#include <thrust/iterator/transform_output_iterator.h>

#include <cstddef>
#include <cstdint>
#include <cub/device/device_scan.cuh>

// A sum and its compensation in one word, which CUB can publish at once.
using Pair = unsigned long long;

__host__ __device__ Pair pair_of(float sum, float compensation) {
  std::uint32_t words[2];
  memcpy(&words[0], &sum, sizeof(float));
  memcpy(&words[1], &compensation, sizeof(float));
  return Pair{words[0]} << 32 | words[1];
}
__host__ __device__ float float_of(std::uint32_t word) {
  float number;
  memcpy(&number, &word, sizeof(float));
  return number;
}
__host__ __device__ float sum_of(Pair pair) { return float_of(pair >> 32); }
__host__ __device__ float compensation_of(Pair pair) {
  return float_of(static_cast<std::uint32_t>(pair));
}

struct Lift {
  __host__ __device__ Pair operator()(float number) const { return pair_of(number, 0); }
};
struct Lower {
  __host__ __device__ float operator()(Pair pair) const {
    return sum_of(pair) + compensation_of(pair);
  }
};
struct Add {
  __host__ __device__ Pair operator()(Pair a, Pair b) const {
    const float x = sum_of(a), y = sum_of(b), sum = x + y;
    const float y_in_sum = sum - x;
    const float error = (x - (sum - y_in_sum)) + (y - y_in_sum);
    const float compensation = error + (compensation_of(a) + compensation_of(b));
    const float head = sum + compensation;
    return pair_of(head, compensation - (head - sum));
  }
};

extern "C" int plain_sums(void* temporary, std::size_t* bytes, const float* in, float* out,
                          std::int64_t size, cudaStream_t stream) {
  return cub::DeviceScan::InclusiveSum(temporary, *bytes, in, out, size, stream);
}

struct Equal {
  __host__ __device__ bool operator()(int a, int b) const { return a == b; }
};

/// Sums that begin anew where the key changes.
extern "C" int sums_by_key(void* temporary, std::size_t* bytes, const int* keys, const float* in,
                           float* out, std::int64_t size, cudaStream_t stream) {
  return cub::DeviceScan::InclusiveSumByKey(temporary, *bytes, keys, in, out,
                                            static_cast<int>(size), Equal(), stream);
}

extern "C" int compensated_sums(void* temporary, std::size_t* bytes, const float* in, float* out,
                                std::int64_t size, cudaStream_t stream) {
  return cub::DeviceScan::InclusiveScan(
      temporary, *bytes, thrust::make_transform_iterator(in, Lift()),
      thrust::make_transform_output_iterator(out, Lower()), Add(), size, stream);
}
