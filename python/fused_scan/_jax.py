# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""JAX arrays. Results are written into memory of NumPy's or CuPy's, and become JAX arrays without a
copy where JAX allows."""

import contextlib

import jax
import jax.numpy as jnp
import numpy as np

from ._numpy import NumPy


class Jax(NumPy):
    def array(self, x):
        if isinstance(x, jax.core.Tracer):
            raise TypeError(
                "fused_scan: a JAX array under jit, grad or vmap can't be reached; call fused_scan "
                "outside, or through jax.pure_callback"
            )
        x = jnp.asarray(x)
        if x.dtype == jnp.bfloat16:
            raise TypeError(
                "fused_scan: bfloat16 in JAX is not supported: NumPy can't hold results"
            )
        return x

    def checked_out(self, function, name, out, shape):
        raise TypeError(f"fused_scan.{function}: '{name}': JAX arrays can't be written to")

    def default_type(self, function, dtype):
        # 32 bits where JAX has no 64.
        return np.dtype(jax.dtypes.canonicalize_dtype(super().default_type(function, dtype)))

    def empty(self, like, shape, dtype):
        if _is_on_cpu(like):
            return _aligned(shape, dtype)
        with _cupy_device(like) as cupy:
            return cupy.empty(shape, dtype)

    def shared(self, arrays):
        if _is_on_cpu(arrays[0]):
            return arrays, 0
        with _cupy_device(arrays[0]) as cupy:
            stream = cupy.cuda.get_current_stream().ptr
        # The stream waits for JAX to have made its arrays; 1 is CUDA's default stream.
        return [
            a if a is None else a.__dlpack__(stream=stream or 1 if isinstance(a, jax.Array) else -1)
            for a in arrays
        ], stream

    def run(self, operation, function, arrays, options, offsets=None):
        super().run(operation, function, arrays, options, offsets)
        if not _is_on_cpu(arrays[0]):
            # JAX may give memory to others as soon as nobody refers to it.
            with _cupy_device(arrays[0]) as cupy:
                cupy.cuda.get_current_stream().synchronize()

    def finished(self, result):
        return jnp.from_dlpack(result)

    def common_type(self, a, b):
        return jnp.promote_types(a, b)

    def broadcast_to(self, a, shape):
        return jnp.broadcast_to(a, shape)


def _is_on_cpu(x):
    return next(iter(x.devices())).platform == "cpu"


@contextlib.contextmanager
def _cupy_device(x):
    import cupy

    with cupy.cuda.Device(next(iter(x.devices())).local_hardware_id):
        yield cupy


def _aligned(shape, dtype):
    """Memory that JAX takes as it is: it copies what isn't on a boundary of 64 bytes."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    memory = np.empty(size + 64, np.uint8)
    begin = -memory.ctypes.data % 64
    return memory[begin : begin + size].view(dtype).reshape(shape)


JAX = Jax()
