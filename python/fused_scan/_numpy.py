# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""NumPy arrays, and the steps that CuPy and JAX share with them."""

import numbers

import numpy as np

from . import _core
from ._arguments import (
    FLOATING,
    INTEGER,
    check_kinds,
    check_shape,
    checked_axis,
    kind_of,
    start_number,
    without_axis,
)


def _is_supported(dtype):
    """bfloat16 is one of NumPy's types by its name only, which takes a microsecond to be made."""
    return kind_of(dtype.kind) is not None and dtype.itemsize <= (16 if dtype.kind == "c" else 8)


class NumPy:
    """Arrays whose elements have NumPy's dtypes."""

    # --- what differs from framework to framework

    def array(self, x):
        return np.asarray(x)

    def empty(self, like, shape, dtype):
        """A new array, laid out as `like` where it has its shape."""
        if shape == like.shape:
            return np.empty_like(like, dtype=dtype, subok=False)
        return np.empty(shape, dtype)

    def shared(self, arrays):
        """The arrays as the core takes them, and the stream that their work goes to."""
        return arrays, 0

    def on_host(self, offsets):
        return np.asarray(offsets)

    def finished(self, result):
        """The result as the framework's own array."""
        return result

    # --- what doesn't

    def checked(self, function, name, x):
        x = self.array(x)
        dtype = x.dtype
        is_number = _is_supported(dtype)
        if not is_number and dtype.name != "bfloat16":
            raise TypeError(
                f"fused_scan.{function}: elements of '{name}' are of type {dtype}, which is not "
                "supported"
            )
        if isinstance(x, np.ndarray):
            if not is_number:
                raise TypeError(f"fused_scan.{function}: NumPy has no bfloat16 to share by DLPack")
            if not dtype.isnative or any([s % dtype.itemsize for s in x.strides]):
                raise TypeError(
                    f"fused_scan.{function}: elements of '{name}' are not in this machine's byte "
                    "order, or their strides are no multiples of their size"
                )
        return x

    def default_type(self, function, dtype):
        kind = dtype.kind
        if kind in "iub":
            if function == "logcumsumexp":
                return np.dtype(np.float64)
            return np.dtype(np.uint64 if kind == "u" else np.int64)
        return dtype

    def result(self, function, x, out, dtype):
        """(out, its kind): the array that gets the result."""
        if out is None:
            dtype = self.default_type(function, x.dtype) if dtype is None else np.dtype(dtype)
            kind = kind_of(dtype.kind) or FLOATING
            if not _is_supported(dtype) and dtype.name != "bfloat16":
                raise TypeError(
                    f"fused_scan.{function}: 'dtype' is {dtype}, which is not supported"
                )
        else:
            out = self.checked_out(function, "out", out, x.shape)
            if dtype is not None and np.dtype(dtype) != out.dtype:
                raise TypeError(
                    f"fused_scan.{function}: 'out' has elements of type {out.dtype}, and 'dtype' "
                    f"is {np.dtype(dtype)}"
                )
            dtype = out.dtype
            kind = kind_of(dtype.kind) or FLOATING
        if dtype != x.dtype or function == "logcumsumexp":
            x_kind = kind_of(x.dtype.kind) or FLOATING
            check_kinds(function, x_kind, x.dtype, kind, dtype)
        return (self.empty(x, x.shape, dtype) if out is None else out), kind

    def checked_out(self, function, name, out, shape):
        if type(out) is not type(self.array(out)):
            raise TypeError(
                f"fused_scan.{function}: '{name}' is a {type(out).__name__}, and must be an array "
                "like 'x'"
            )
        out = self.checked(function, name, out)
        check_shape(function, name, out.shape, shape)
        if isinstance(out, np.ndarray) and not out.flags.writeable:
            raise ValueError(f"fused_scan.{function}: '{name}' is read-only")
        return out

    def state(self, function, x, axis, initial, kind):
        """(initial, start, integer_start) of the core."""
        if initial is None:
            return None, None, 0
        if isinstance(initial, (numbers.Number, np.generic)):
            return (None, *start_number(function, initial, kind))
        initial = self.checked(function, "initial", initial)
        check_shape(function, "initial", initial.shape, without_axis(x.shape, axis))
        initial_kind = kind_of(initial.dtype.kind) or FLOATING
        if initial_kind != kind:
            check_kinds(function, initial_kind, initial.dtype, kind, f"results of kind {kind}")
        return initial, None, 0

    def run(self, operation, function, arrays, options, offsets=None):
        """Writes. The arrays are x, out, second and initial, options what stands in the core's
        scan() behind them."""
        arrays, stream = self.shared(arrays)
        _core.scan(operation, "fused_scan." + function, *arrays, *options, stream, offsets)

    def scan(self, operation, function, x, axis, exclusive, reverse, initial, out, dtype):
        x = self.checked(function, "x", x)
        axis = checked_axis(function, axis, x.ndim)
        to, kind = self.result(function, x, out, dtype)
        initial, start, integer_start = self.state(function, x, axis, initial, kind)
        options = (start, integer_start, axis, exclusive, reverse)
        self.run(operation, function, (x, to, None, initial), options)
        return self.finished(to) if out is None else out

    def segmented(self, operation, function, x, offsets, axis, exclusive, reverse, out, dtype):
        x = self.checked(function, "x", x)
        axis = checked_axis(function, axis, x.ndim)
        offsets = NUMPY.checked(function, "offsets", self.on_host(offsets))
        to, _ = self.result(function, x, out, dtype)
        options = (None, 0, axis, exclusive, reverse)
        self.run(operation, function, (x, to, None, None), options, offsets)
        return self.finished(to) if out is None else out

    def extremum(self, operation, function, x, axis, exclusive, reverse, initial, out):
        x = self.checked(function, "x", x)
        if x.dtype.kind == "c":
            raise TypeError(f"fused_scan.{function}: complex numbers have no order")
        axis = checked_axis(function, axis, x.ndim)
        kind = kind_of(x.dtype.kind) or FLOATING
        if out is None:
            values = self.empty(x, x.shape, x.dtype)
            indices = self.empty(x, x.shape, np.dtype(np.int64))
        else:
            values, indices = self.pair(function, x, out)
        initial, start, integer_start = self.state(function, x, axis, initial, kind)
        options = (start, integer_start, axis, exclusive, reverse)
        self.run(operation, function, (x, values, indices, initial), options)
        return (self.finished(values), self.finished(indices)) if out is None else (values, indices)

    def pair(self, function, x, out):
        try:
            values, indices = out
        except (TypeError, ValueError):
            raise TypeError(
                f"fused_scan.{function}: 'out' must be a pair of arrays (values, indices)"
            ) from None
        values = self.checked_out(function, "out[0]", values, x.shape)
        indices = self.checked_out(function, "out[1]", indices, x.shape)
        if values.dtype != x.dtype or kind_of(indices.dtype.kind) != INTEGER:
            raise TypeError(
                f"fused_scan.{function}: 'out' has types {values.dtype} and {indices.dtype} "
                f"instead of {x.dtype} and an integer"
            )
        return values, indices

    def recurrence(self, a, b, axis, initial, reverse):
        function = "linear_recurrence"
        b = self.checked(function, "b", b)
        a = self.checked(function, "a", a)
        axis = checked_axis(function, axis, b.ndim)
        dtype = self.common_type(a.dtype, b.dtype)
        kind = kind_of(dtype.kind) or FLOATING
        if kind == INTEGER:
            raise TypeError(
                f"fused_scan.{function}: 'a' and 'b' have integers, and must be floating-point or "
                "complex"
            )
        a = self.broadcast(function, a, b.shape)
        h = self.empty(b, b.shape, dtype)
        initial, start, integer_start = self.state(function, b, axis, initial, kind)
        options = (start, integer_start, axis, False, reverse)
        self.run(function, function, (a, h, b, initial), options)
        return self.finished(h)

    def common_type(self, a, b):
        return np.result_type(a, b)

    def broadcast(self, function, a, shape):
        try:
            return self.broadcast_to(a, shape)
        except ValueError:
            raise ValueError(
                f"fused_scan.{function}: 'a' of shape {tuple(a.shape)} can't be broadcast to the "
                f"shape of 'b', {tuple(shape)}"
            ) from None

    def broadcast_to(self, a, shape):
        return np.broadcast_to(a, shape)


NUMPY = NumPy()
