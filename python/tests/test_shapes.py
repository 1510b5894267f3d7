# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Shapes and strides that nobody thought of, and what doesn't depend on them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fused_scan


@st.composite
def strided_arrays(draw):
    """A part of a larger array: any rank, steps of either sign, dimensions in any order."""
    rank = draw(st.integers(1, 5))
    shape = [draw(st.integers(0, 40 if rank == 1 else 7)) for _ in range(rank)]
    steps = [draw(st.sampled_from((1, 2, 3, -1, -2))) for _ in range(rank)]
    base = [max(1, (n - 1) * abs(s) + 1) for n, s in zip(shape, steps, strict=True)]
    dtype = draw(st.sampled_from((np.float32, np.float64, np.int32, np.complex64, np.float16)))
    numbers = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).integers(-100, 100, base)
    x = numbers.astype(dtype)
    x = x[tuple(slice(None, None, s) for s in steps)][tuple(slice(0, n) for n in shape)]
    return x.transpose(draw(st.permutations(range(rank))))


@settings(max_examples=150, deadline=None)
@given(strided_arrays(), st.data())
def test_any_shape_and_strides(x, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    reverse = data.draw(st.booleans())
    turned = np.flip(x, axis) if reverse else x
    # Sums of small integers are exact in every type here, but float16's, which are rounded once.
    wide = np.complex128 if x.dtype.kind == "c" else np.float64
    expected = np.cumsum(turned.astype(wide), axis)
    expected = np.flip(expected, axis) if reverse else expected
    y = fused_scan.cumsum(x, axis, reverse=reverse)
    np.testing.assert_array_equal(y, expected.astype(y.dtype))
    if x.dtype.kind != "c":
        largest = np.maximum.accumulate(turned, axis)
        values, indices = fused_scan.cummax(x, axis, reverse=reverse)
        np.testing.assert_array_equal(values, np.flip(largest, axis) if reverse else largest)
        np.testing.assert_array_equal(np.take_along_axis(x, indices, axis), values)


@settings(max_examples=100, deadline=None)
@given(strided_arrays(), st.data())
def test_out_of_any_strides(x, data):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    steps = [data.draw(st.sampled_from((1, 2, -1))) for _ in x.shape]
    room = np.zeros([2 * n for n in x.shape], x.dtype)
    out = room[tuple(slice(None, None, s) for s in steps)][tuple(slice(0, n) for n in x.shape)]
    expected = fused_scan.cumsum(x, axis, dtype=x.dtype)
    assert fused_scan.cumsum(x, axis, out=out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.complex64])
def test_bits_dont_depend_on_memory_order(dtype):
    x = np.random.default_rng(1).standard_normal((6, 700, 9)).astype(dtype)
    y = fused_scan.cumsum(x, 1)
    for array in (
        np.asfortranarray(x),
        x[:, ::-1][:, ::-1],
        x.transpose(1, 2, 0).copy().transpose(2, 0, 1),
    ):
        assert fused_scan.cumsum(array, 1).tobytes() == y.tobytes()
    turned = fused_scan.cumsum(x[:, ::-1], 1, reverse=True)
    assert turned[:, ::-1].tobytes() == y.tobytes()


def test_in_place():
    x = np.random.default_rng(2).standard_normal((5, 300, 7))
    for axis in range(3):
        for options in ({}, {"exclusive": True}, {"reverse": True}):
            expected = fused_scan.cumsum(x, axis, **options)
            y = x.copy()
            assert fused_scan.cumsum(y, axis, out=y, **options) is y
            assert y.tobytes() == expected.tobytes()


def test_no_dimensions_and_no_elements():
    y = fused_scan.cumsum(np.float32(3))
    assert y.shape == () and y == 3
    assert fused_scan.cumsum(np.float32(3), exclusive=True, initial=2) == 2
    assert fused_scan.cumsum([1, 2, 3]).tolist() == [1, 3, 6]
    for shape in ((0,), (3, 0), (0, 3), (2, 0, 3)):
        for axis in range(len(shape)):
            assert fused_scan.cumsum(np.ones(shape), axis).shape == shape
            assert fused_scan.cummax(np.ones(shape), axis)[1].shape == shape


def test_long_lines():
    x = np.random.default_rng(3).integers(-1000, 1000, 1_000_003)
    np.testing.assert_array_equal(fused_scan.cumsum(x), np.cumsum(x))
    assert (
        fused_scan.cumsum(x.astype(np.float32)).tolist() == np.cumsum(x).astype(np.float32).tolist()
    )


def test_infinities_and_nan_come_out_as_of_plain_sums():
    x = np.array([1, np.inf, 2, -np.inf, 3, np.nan], np.float32)
    np.testing.assert_array_equal(fused_scan.cumsum(x), [1, np.inf, np.inf, np.nan, np.nan, np.nan])


@st.composite
def pairs_in_one_buffer(draw):
    """Two arrays of one shape that are parts of one buffer."""
    base = np.arange(1.0, 49).reshape(6, 8)
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    parts = []
    for _ in range(2):
        slices = []
        for n, room in zip(shape, base.shape, strict=True):
            step = draw(st.sampled_from([s for s in (1, 2, 3, -1, -2) if (n - 1) * abs(s) < room]))
            low = draw(st.integers(0, room - 1 - (n - 1) * abs(step)))
            places = range(low, low + (n - 1) * abs(step) + 1, abs(step))
            slices.append(list(places)[:: 1 if step > 0 else -1])
        rows, columns = slices
        strides = [
            (p[1] - p[0] if len(p) > 1 else 1) * s
            for p, s in zip(slices, base.strides, strict=True)
        ]
        first = base[rows[0] :, columns[0] :]
        parts.append(np.lib.stride_tricks.as_strided(first, shape, strides))
    return base, *parts


@settings(max_examples=300, deadline=None)
@given(pairs_in_one_buffer(), st.integers(0, 1))
def test_overlap_is_refused_and_nothing_else(buffer, axis):
    base, x, out = buffer
    before = base.copy()
    same = x.__array_interface__["data"] == out.__array_interface__["data"] and all(
        n == 1 or s == t for n, s, t in zip(x.shape, x.strides, out.strides, strict=True)
    )
    expected = np.cumsum(x, axis)
    if same or not np.shares_memory(x, out):
        fused_scan.cumsum(x, axis, out=out)
        np.testing.assert_array_equal(out, expected)
    else:
        with pytest.raises(ValueError, match="overlap in memory"):
            fused_scan.cumsum(x, axis, out=out)
        np.testing.assert_array_equal(base, before)
