# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""JAX arrays on the CPU."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402

import fused_scan  # noqa: E402


def test_values_and_types():
    x = np.random.default_rng(0).standard_normal((3, 50, 4)).astype(np.float32)
    for axis in range(3):
        y = fused_scan.cumsum(jnp.asarray(x), axis, reverse=True)
        assert isinstance(y, jax.Array) and y.dtype == jnp.float32
        np.testing.assert_array_equal(y, fused_scan.cumsum(x, axis, reverse=True))
        values, indices = fused_scan.cummax(jnp.asarray(x), axis)
        np.testing.assert_array_equal(values, fused_scan.cummax(x, axis)[0])
        np.testing.assert_array_equal(indices, fused_scan.cummax(x, axis)[1])
    h = fused_scan.linear_recurrence(jnp.float32(0.5), jnp.asarray(x), 1)
    np.testing.assert_array_equal(h, fused_scan.linear_recurrence(np.float32(0.5), x, 1))
    assert fused_scan.cumsum(jnp.arange(4)).dtype == jnp.cumsum(jnp.arange(4)).dtype
    with jax.enable_x64(True):
        assert fused_scan.cumsum(jnp.arange(4, dtype=jnp.int8)).dtype == jnp.int64


def test_sentences():
    x = jnp.ones(3)
    with pytest.raises(TypeError, match="JAX arrays can't be written to"):
        fused_scan.cumsum(x, out=x)
    with pytest.raises(TypeError, match="under jit, grad or vmap can't be reached"):
        jax.jit(fused_scan.cumsum)(x)
    with pytest.raises(TypeError, match="bfloat16 in JAX is not supported"):
        fused_scan.cumsum(x.astype(jnp.bfloat16))
