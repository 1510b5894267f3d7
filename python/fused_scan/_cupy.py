# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""CuPy arrays, on their device and its current stream. This has not been tried on a GPU."""

import cupy as cp

from ._numpy import NumPy


class CuPy(NumPy):
    def array(self, x):
        return cp.asarray(x)

    def empty(self, like, shape, dtype):
        with like.device:
            return (
                cp.empty_like(like, dtype=dtype) if shape == like.shape else cp.empty(shape, dtype)
            )

    def stream(self, x):
        with x.device:
            return cp.cuda.get_current_stream().ptr

    def common_type(self, a, b):
        return cp.result_type(a, b)

    def broadcast_to(self, a, shape):
        return cp.broadcast_to(a, shape)


CUPY = CuPy()
