# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors in the terms of the functions for all frameworks."""

import numbers

import torch

from .._arguments import (
    COMPLEX,
    FLOATING,
    INTEGER,
    check_kinds,
    check_shape,
    checked_axis,
    start_number,
    without_axis,
)
from . import _operators


def kind_of(dtype):
    if dtype.is_complex:
        return COMPLEX
    return FLOATING if dtype.is_floating_point else INTEGER


class Torch:
    def checked(self, function, name, x):
        if not isinstance(x, torch.Tensor):
            raise TypeError(
                f"fused_scan.{function}: '{name}' is a {type(x).__name__}, and must be a tensor"
            )
        if x.layout is not torch.strided or x.is_quantized:
            raise TypeError(f"fused_scan.{function}: '{name}' must be a dense tensor")
        return x

    def result_type(self, function, x, out, dtype):
        if out is not None:
            self.check_out(function, "out", out, x)
            if dtype is not None and dtype != out.dtype:
                raise TypeError(
                    f"fused_scan.{function}: 'out' has elements of type {out.dtype}, and 'dtype' "
                    f"is {dtype}"
                )
            dtype = out.dtype
        elif dtype is None:
            dtype = x.dtype
            if kind_of(dtype) == INTEGER:
                if function == "logcumsumexp":
                    dtype = torch.get_default_dtype()
                elif dtype != torch.uint64:
                    dtype = torch.int64
        if dtype != x.dtype or function == "logcumsumexp":
            check_kinds(function, kind_of(x.dtype), x.dtype, kind_of(dtype), dtype)
        return dtype

    def check_out(self, function, name, out, x):
        self.checked(function, name, out)
        check_shape(function, name, out.shape, x.shape)
        if out.device != x.device:
            raise ValueError(
                f"fused_scan.{function}: '{name}' is on {out.device}, and 'x' on {x.device}"
            )
        if torch.is_grad_enabled() and (x.requires_grad or out.requires_grad):
            raise ValueError(
                f"fused_scan.{function}: '{name}' can't be given where gradients are recorded"
            )

    def state(self, function, x, axis, initial, dtype):
        """initial as a tensor, or None."""
        if initial is None:
            return None
        shape = without_axis(x.shape, axis)
        if isinstance(initial, numbers.Number):
            kind = kind_of(dtype)
            start, integer_start = start_number(function, initial, kind)
            value = {INTEGER: integer_start, FLOATING: start.real, COMPLEX: start}[kind]
            return torch.full((), value, dtype=dtype, device=x.device).expand(shape)
        self.checked(function, "initial", initial)
        check_shape(function, "initial", initial.shape, shape)
        if kind_of(initial.dtype) != kind_of(dtype):
            check_kinds(function, kind_of(initial.dtype), initial.dtype, kind_of(dtype), dtype)
        return initial

    def scan(self, operation, function, x, axis, exclusive, reverse, initial, out, dtype):
        x = self.checked(function, "x", x)
        axis = checked_axis(function, axis, x.dim())
        dtype = self.result_type(function, x, out, dtype)
        initial = self.state(function, x, axis, initial, dtype)
        if out is not None:
            _operators.run(operation, function, x, axis, exclusive, reverse, initial, out)
            return out
        if x.dim() == 0:
            x = x.reshape(1)
            return self.scan(
                operation, function, x, -1, exclusive, reverse, initial, None, dtype
            ).reshape(())
        return _operators.scan(x, operation, axis, exclusive, reverse, initial, dtype)

    def segmented(self, operation, function, x, offsets, axis, exclusive, reverse, out, dtype):
        x = self.checked(function, "x", x)
        axis = checked_axis(function, axis, x.dim())
        dtype = self.result_type(function, x, out, dtype)
        offsets = torch.as_tensor(offsets)
        if out is not None:
            _operators.run(
                operation, function, x, axis, exclusive, reverse, None, out, offsets=offsets
            )
            return out
        if x.dim() == 0:
            x = x.reshape(1)
            return self.segmented(
                operation, function, x, offsets, -1, exclusive, reverse, None, dtype
            ).reshape(())
        return _operators.segmented(x, offsets, operation, axis, exclusive, reverse, dtype)

    def extremum(self, operation, function, x, axis, exclusive, reverse, initial, out):
        x = self.checked(function, "x", x)
        if x.is_complex():
            raise TypeError(f"fused_scan.{function}: complex numbers have no order")
        axis = checked_axis(function, axis, x.dim())
        initial = self.state(function, x, axis, initial, x.dtype)
        if out is not None:
            values, indices = out
            self.check_out(function, "out[0]", values, x)
            self.check_out(function, "out[1]", indices, x)
            if values.dtype != x.dtype or kind_of(indices.dtype) != INTEGER:
                raise TypeError(
                    f"fused_scan.{function}: 'out' has types {values.dtype} and {indices.dtype} "
                    f"instead of {x.dtype} and an integer"
                )
            _operators.run(
                operation, function, x, axis, exclusive, reverse, initial, values, indices
            )
            return values, indices
        if x.dim() == 0:
            values, indices = _operators.extremum(
                x.reshape(1), operation, -1, exclusive, reverse, initial
            )
            return values.reshape(()), indices.reshape(())
        return _operators.extremum(x, operation, axis, exclusive, reverse, initial)

    def recurrence(self, a, b, axis, initial, reverse):
        function = "linear_recurrence"
        b = self.checked(function, "b", b)
        if isinstance(a, numbers.Number):
            a = torch.as_tensor(a, dtype=b.dtype, device=b.device)
        a = self.checked(function, "a", a)
        axis = checked_axis(function, axis, b.dim())
        dtype = torch.promote_types(a.dtype, b.dtype)
        if kind_of(dtype) == INTEGER:
            raise TypeError(
                f"fused_scan.{function}: 'a' and 'b' have integers, and must be floating-point or "
                "complex"
            )
        try:
            a = a.expand(b.shape)
        except RuntimeError:
            raise ValueError(
                f"fused_scan.{function}: 'a' of shape {tuple(a.shape)} can't be broadcast to the "
                f"shape of 'b', {tuple(b.shape)}"
            ) from None
        initial = self.state(function, b, axis, initial, dtype)
        if b.dim() == 0:
            a, b = a.reshape(1), b.reshape(1)
            return _operators.recurrence(a, b, -1, reverse, initial).reshape(())
        return _operators.recurrence(a, b, axis, reverse, initial)


TORCH = Torch()
