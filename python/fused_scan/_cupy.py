# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""CuPy arrays, on their device and its current stream."""

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

    def shared(self, arrays):
        with arrays[0].device:
            stream = cp.cuda.get_current_stream().ptr
        # -1: other streams are of no concern, so that none is made to wait.
        return [a if a is None else a.__dlpack__(stream=-1) for a in arrays], stream

    def on_host(self, offsets):
        return cp.asnumpy(offsets)

    def common_type(self, a, b):
        return cp.result_type(a, b)

    def broadcast_to(self, a, shape):
        return cp.broadcast_to(a, shape)


CUPY = CuPy()
