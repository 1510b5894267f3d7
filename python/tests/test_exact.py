# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every operator, type, axis, memory order, stride and option against exact arithmetic."""

import itertools

import numpy as np
import pytest
from exact import fraction, is_nearest, over_lines, scan_line, wrapped

import fused_scan

SHAPE = (3, 37, 5)
REAL = [np.float16, np.float32, np.float64]
COMPLEX = [np.complex64, np.complex128]
INTEGER = [
    np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64,
]  # fmt: skip
OPTIONS = list(itertools.product((False, True), (False, True)))  # exclusive, reverse


def numbers(dtype, seed=0):
    """Numbers whose sums don't fit into the type: of different sizes, of both signs."""
    random = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return random.integers(0, 2, SHAPE).astype(bool)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return random.integers(limits.min, limits.max, SHAPE, dtype=dtype, endpoint=True)

    def part():
        widest = 3 if dtype == np.float16 else 12
        return random.standard_normal(SHAPE) * 2.0 ** random.integers(-widest, widest, SHAPE)

    x = part() if dtype.kind == "f" else part() + 1j * part()
    return x.astype(dtype)


def layouts(x):
    """The same numbers in any order and with any strides."""
    yield "C", x
    yield "F", np.asfortranarray(x)
    wide = np.zeros(tuple(2 * n for n in x.shape), x.dtype)
    wide[::2, ::2, ::2] = x
    yield "strided", wide[::2, ::2, ::2]
    yield "turned", x[::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1]
    read_only = x.transpose(2, 0, 1).copy().transpose(1, 2, 0)
    read_only.flags.writeable = False
    yield "permuted, read-only", read_only


def add(a, b):
    return (a[0] + b[0], a[1] + b[1]) if isinstance(a, tuple) else a + b


def multiply(a, b):
    if isinstance(a, tuple):
        return (a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0])
    return a * b


@pytest.mark.parametrize("dtype", REAL + COMPLEX)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_compensated_sums_are_rounded_once(dtype, axis):
    x = numbers(dtype)
    zero = fraction(np.zeros((), dtype)[()])
    for exclusive, reverse in OPTIONS:
        exact = over_lines(x, axis, lambda line, _: scan_line(line, add, zero, exclusive, reverse))
        for name, array in layouts(x):
            y = fused_scan.cumsum(array, axis, exclusive=exclusive, reverse=reverse)
            assert y.dtype == dtype
            wrong = [i for i in np.ndindex(SHAPE) if not is_nearest(y[i], exact[i])]
            assert not wrong, (name, exclusive, reverse, wrong[0], y[wrong[0]])


@pytest.mark.parametrize("dtype", REAL + COMPLEX)
def test_plain_sums_have_small_errors(dtype):
    x = numbers(dtype)
    zero = fraction(np.zeros((), dtype)[()])
    magnitudes = np.cumsum(np.abs(x).astype(np.float64), 1)
    for exclusive, reverse in OPTIONS:
        exact = over_lines(x, 1, lambda line, _: scan_line(line, add, zero, exclusive, reverse))
        y = fused_scan.cumsum(x, 1, exclusive=exclusive, reverse=reverse, compensated=False)
        largest = magnitudes[:, -1:, :] * (64 * np.finfo(np.float64).eps + np.finfo(dtype).eps)
        for i in np.ndindex(SHAPE):
            parts = exact[i] if isinstance(exact[i], tuple) else (exact[i], 0)
            assert abs(complex(y[i]) - complex(*map(float, parts))) <= largest[i[0], 0, i[2]]


@pytest.mark.parametrize("dtype", INTEGER)
@pytest.mark.parametrize("function", [fused_scan.cumsum, fused_scan.cumprod])
def test_integers_are_exact_in_64_bits(dtype, function):
    x = numbers(dtype)
    result = np.uint64 if np.dtype(dtype).kind == "u" else np.int64
    combine, start = (add, 0) if function is fused_scan.cumsum else (multiply, 1)
    for axis, (exclusive, reverse) in itertools.product((0, 1, -1), OPTIONS):
        exact = over_lines(
            x, axis, lambda line, _: scan_line(line, combine, start, exclusive, reverse)
        )
        for name, array in layouts(x):
            y = function(array, axis, exclusive=exclusive, reverse=reverse)
            assert y.dtype == result
            assert all(int(y[i]) == wrapped(exact[i], result) for i in np.ndindex(SHAPE)), name


@pytest.mark.parametrize("into", [np.int8, np.uint16, np.int32, np.float16, np.float32, np.float64])
def test_integers_into_other_types(into):
    x = numbers(np.int32)
    if np.dtype(into) == np.float16:
        x = x // 2**20
    exact = over_lines(x, 1, lambda line, _: scan_line(line, add, 0, False, False))
    y = fused_scan.cumsum(x, 1, dtype=into)
    assert y.dtype == into
    for i in np.ndindex(SHAPE):
        if np.dtype(into).kind == "f":
            assert is_nearest(y[i], exact[i])
        else:
            assert int(y[i]) == wrapped(exact[i], into)


@pytest.mark.parametrize("dtype,into", [
    (np.float16, np.float32), (np.float16, np.float64), (np.float32, np.float64),
    (np.float64, np.float32), (np.float32, np.complex128), (np.complex64, np.complex128),
])  # fmt: skip
def test_sums_into_wider_and_narrower_types(dtype, into):
    x = numbers(dtype)
    exact = over_lines(
        x.astype(np.result_type(dtype, into)),
        1,
        lambda line, _: scan_line(
            line, add, fraction(np.zeros((), np.result_type(dtype, into))[()]), False, False
        ),
    )
    y = fused_scan.cumsum(x, 1, dtype=into)
    assert y.dtype == into
    assert all(is_nearest(y[i], exact[i]) for i in np.ndindex(SHAPE))


@pytest.mark.parametrize("dtype", REAL + COMPLEX)
def test_products(dtype):
    x = numbers(dtype)
    one = fraction(np.ones((), dtype)[()])
    info = np.finfo(dtype)
    for exclusive, reverse in OPTIONS:
        exact = over_lines(x, 1, lambda line, _: scan_line(line, multiply, one, exclusive, reverse))
        for name, array in layouts(x):
            y = fused_scan.cumprod(array, 1, exclusive=exclusive, reverse=reverse)
            assert y.dtype == dtype
            for i in np.ndindex(SHAPE):
                parts = exact[i] if isinstance(exact[i], tuple) else (exact[i], 0)
                size = float(max(map(abs, parts)))
                if size > float(info.max):
                    assert not np.isfinite(y[i]) or abs(y[i]) >= info.max / 2
                    continue
                expected = complex(*map(float, parts))
                # 37 factors, each rounded in double; then once to the type.
                bound = size * (2.0**-53 * 4 * 37 + float(info.eps)) + float(
                    info.smallest_subnormal
                )
                assert abs(complex(y[i]) - expected) <= bound, (name, i)


def last_extremum(line, largest, exclusive, reverse, nothing):
    results, best = [], (nothing, -1)
    for step, element in enumerate(walk := (line[::-1] if reverse else line)):
        index = len(walk) - 1 - step if reverse else step
        before = best
        value = best[0]
        if element != element or (
            value == value and (element >= value if largest else element <= value)
        ):
            best = (element, index)
        results.append(before if exclusive else best)
    return results[::-1] if reverse else results


@pytest.mark.parametrize("dtype", REAL + INTEGER)
@pytest.mark.parametrize("largest", [True, False])
def test_extrema_and_where_they_are(dtype, largest):
    x = numbers(dtype)
    if np.dtype(dtype).kind == "f":
        x = np.round(x.astype(np.float64)).clip(-4, 4).astype(dtype)  # equal ones
        x[1, 20, 2] = x[1, 25, 2] = np.nan
        x[:, :9, 3] = -np.inf if largest else np.inf
        nothing = dtype(-np.inf if largest else np.inf)
    elif dtype is np.bool_:
        nothing = not largest
    else:
        x = x // dtype(16)
        nothing = np.iinfo(dtype).min if largest else np.iinfo(dtype).max
    function = fused_scan.cummax if largest else fused_scan.cummin
    for axis, (exclusive, reverse) in itertools.product((0, 1, -1), OPTIONS):
        moved = np.moveaxis(x, axis, -1)
        for name, array in layouts(x):
            values, indices = function(array, axis, exclusive=exclusive, reverse=reverse)
            assert values.dtype == dtype and indices.dtype == np.int64
            values, indices = np.moveaxis(values, axis, -1), np.moveaxis(indices, axis, -1)
            for line in np.ndindex(moved.shape[:-1]):
                expected = last_extremum(list(moved[line]), largest, exclusive, reverse, nothing)
                np.testing.assert_array_equal(values[line], [v for v, _ in expected])
                np.testing.assert_array_equal(indices[line], [i for _, i in expected], name)


@pytest.mark.parametrize("dtype", REAL)
def test_log_sum_exp(dtype):
    x = numbers(dtype)
    x[0, :3, 0] = -np.inf
    for axis, (exclusive, reverse) in itertools.product((0, 1, -1), OPTIONS):
        wide = np.moveaxis(x, axis, 0).astype(np.longdouble)
        wide = wide[::-1] if reverse else wide
        expected = np.logaddexp.accumulate(wide, 0)
        if exclusive:
            expected = np.concatenate([np.full_like(wide[:1], -np.inf), expected[:-1]])
        expected = np.moveaxis(expected[::-1] if reverse else expected, 0, axis)
        for name, array in layouts(x):
            y = fused_scan.logcumsumexp(array, axis, exclusive=exclusive, reverse=reverse)
            assert y.dtype == dtype
            tolerance = 2 * float(np.finfo(dtype).eps)
            with np.errstate(over="ignore"):
                np.testing.assert_allclose(
                    y.astype(np.longdouble), expected, tolerance, tolerance, err_msg=name
                )


@pytest.mark.parametrize("dtype", REAL + COMPLEX)
def test_linear_recurrence(dtype):
    a, b = numbers(dtype, 1), numbers(dtype, 2)
    a = (a / (1 + np.abs(a))).astype(dtype)
    zero = fraction(np.zeros((), dtype)[()])
    for axis, reverse in itertools.product((0, 1, -1), (False, True)):
        moved = np.moveaxis(a, axis, -1)

        def solve(line, index):
            factors = [fraction(e) for e in moved[index]]
            pairs = list(zip(factors, line, strict=True))
            return scan_line(
                pairs, lambda h, ab: add(multiply(ab[0], h), ab[1]), zero, False, reverse
            )

        exact = over_lines(b, axis, solve)
        bound = np.abs(b).astype(np.float64).sum(axis, keepdims=True)
        for name, array in layouts(a):
            h = fused_scan.linear_recurrence(array, b, axis, reverse=reverse)
            assert h.dtype == dtype
            for i in np.ndindex(SHAPE):
                parts = exact[i] if isinstance(exact[i], tuple) else (exact[i], 0)
                at = tuple(0 if d == axis % 3 else i[d] for d in range(3))
                error = abs(complex(h[i]) - complex(*map(float, parts)))
                assert error <= bound[at] * (np.finfo(dtype).eps + 2.0**-46), (name, i)


@pytest.mark.parametrize("exclusive,reverse", OPTIONS)
def test_initial_states(exclusive, reverse):
    x = numbers(np.float32)
    state = numbers(np.float32, 3)[:, 0, :]
    for initial in (state, state.astype(np.float64), 0.1):
        states = np.broadcast_to(np.asarray(initial, np.float32), state.shape)
        exact = over_lines(
            x, 1, lambda line, i: scan_line(line, add, fraction(states[i]), exclusive, reverse)
        )
        y = fused_scan.cumsum(x, 1, initial=initial, exclusive=exclusive, reverse=reverse)
        assert all(is_nearest(y[i], exact[i]) for i in np.ndindex(SHAPE))
    integers = numbers(np.int16)
    y = fused_scan.cumsum(integers, 1, initial=2**63 - 1, exclusive=exclusive, reverse=reverse)
    exact = over_lines(
        integers, 1, lambda line, _: scan_line(line, add, 2**63 - 1, exclusive, reverse)
    )
    assert all(int(y[i]) == wrapped(exact[i], np.int64) for i in np.ndindex(SHAPE))
    values, indices = fused_scan.cummax(np.array([1, 5, 2]), initial=3)
    assert values.tolist() == [3, 5, 5] and indices.tolist() == [-1, 1, 1]
    h = fused_scan.linear_recurrence(np.float64(0.5), np.ones(3), initial=4.0)
    assert h.tolist() == [3, 2.5, 2.25]
