# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The gradients, made of the operators themselves, so that they have gradients too.

"Before" and "after" are meant in the order in which a scan goes: with ``reverse`` the element
before another is the one behind it.
"""

import torch

from . import _operators


def _first(x, axis, reverse):
    return x.select(axis, -1 if reverse else 0)


def _before(x, axis, reverse, first):
    """At each place the element before it; `first` is a number or a state."""
    length = x.shape[axis]
    if length == 0:
        return x
    if not isinstance(first, torch.Tensor):
        first = torch.full_like(_first(x, axis, reverse), first)
    first = first.to(x.dtype).unsqueeze(axis)
    rest = x.narrow(axis, 1 if reverse else 0, length - 1)
    return torch.cat([rest, first] if reverse else [first, rest], axis)


def _after(x, axis, reverse, last=0):
    """At each place the element after it."""
    return _before(x, axis, not reverse, last)


def _as(gradient, like):
    """A gradient in the type of what it belongs to."""
    if gradient.is_complex() and not like.is_complex():
        gradient = gradient.real
    return gradient.to(like.dtype)


def _recurrence_gradients(a, h, gradient, axis, reverse, initial):
    """Of h = a * before(h) + b, by a, b and the h before the first."""
    by_b = _operators.recurrence(_after(a, axis, reverse).conj(), gradient, axis, not reverse, None)
    by_a = by_b * _before(h, axis, reverse, initial).conj()
    if h.shape[axis] == 0:
        return by_a, by_b, h.sum(axis)
    by_initial = _first(a, axis, reverse).conj() * _first(by_b, axis, reverse)
    return by_a, by_b, by_initial


def _product_gradients(x, y, gradient, axis, reverse, initial):
    by_x, _, by_initial = _recurrence_gradients(
        x.to(y.dtype), y, gradient, axis, reverse, 1 if initial is None else initial
    )
    return by_x, by_initial


def _log_sum_exp_gradients(x, y, gradient, axis, reverse, initial):
    # sum over i >= j of g_i exp(x_j - y_i), where exp(y_j - y_i) is a product of factors of at
    # most 1. A logarithm of nothing becomes a number, and gets no gradient.
    lowest = torch.finfo(y.dtype).min

    def finite(z):
        return z.masked_fill(z == -torch.inf, lowest)

    if y.shape[axis] == 0:
        return gradient, y.sum(axis)
    x = x.to(y.dtype)
    total = finite(y)
    end = _first(total, axis, not reverse)
    factors = torch.exp(total - _after(total, axis, reverse, end))
    sums = _operators.recurrence(factors, gradient, axis, not reverse, None)
    by_x = torch.where(x == -torch.inf, 0, torch.exp(finite(x) - total) * sums)
    if initial is None:
        return by_x, None
    start = initial.to(y.dtype)
    weight = torch.exp(finite(start) - _first(total, axis, reverse))
    return by_x, torch.where(start == -torch.inf, 0, weight * _first(sums, axis, reverse))


def save_scan(ctx, inputs, output):
    x, ctx.operation, ctx.axis, ctx.exclusive, ctx.reverse, initial, _ = inputs
    ctx.save_for_backward(x, initial, output)


def of_scan(ctx, gradient):
    x, initial, y = ctx.saved_tensors
    axis, reverse = ctx.axis, ctx.reverse
    if ctx.operation in ("compensated_sum", "plain_sum"):
        by_x = _operators.scan(
            gradient, ctx.operation, axis, ctx.exclusive, not reverse, None, gradient.dtype
        )
        by_initial = None if initial is None else gradient.sum(axis)
    else:
        formula = _product_gradients if ctx.operation == "product" else _log_sum_exp_gradients
        behind = gradient
        if ctx.exclusive:  # the inclusive scan, one place further
            y = _operators.scan(x, ctx.operation, axis, False, reverse, initial, y.dtype)
            behind = _after(gradient, axis, reverse)
        by_x, by_initial = formula(x, y, behind, axis, reverse, initial)
        if initial is not None and ctx.exclusive and y.shape[axis] > 0:
            by_initial = by_initial + _first(gradient, axis, reverse)
    by_initial = None if initial is None else _as(by_initial, initial)
    return _as(by_x, x), None, None, None, None, by_initial, None


def save_segmented(ctx, inputs, output):
    x, offsets, ctx.operation, ctx.axis, ctx.exclusive, ctx.reverse, _ = inputs
    ctx.save_for_backward(x, offsets)


def of_segmented(ctx, gradient):
    x, offsets = ctx.saved_tensors
    by_x = _operators.segmented(
        gradient, offsets, ctx.operation, ctx.axis, ctx.exclusive, not ctx.reverse, gradient.dtype
    )
    return _as(by_x, x), None, None, None, None, None, None


def save_extremum(ctx, inputs, output):
    _, _, ctx.axis, _, _, initial = inputs
    ctx.has_initial = initial is not None
    values, indices = output
    ctx.mark_non_differentiable(indices)
    ctx.save_for_backward(indices)


def of_extremum(ctx, gradient, _):
    (indices,) = ctx.saved_tensors
    from_x = indices >= 0
    by_x = torch.zeros_like(gradient).scatter_add(
        ctx.axis, indices.clamp(min=0), torch.where(from_x, gradient, 0)
    )
    by_initial = torch.where(from_x, 0, gradient).sum(ctx.axis) if ctx.has_initial else None
    return by_x, None, None, None, None, by_initial


def save_recurrence(ctx, inputs, output):
    a, b, ctx.axis, ctx.reverse, initial = inputs
    ctx.save_for_backward(a, b, initial, output)


def of_recurrence(ctx, gradient):
    a, b, initial, h = ctx.saved_tensors
    by_a, by_b, by_initial = _recurrence_gradients(
        a.to(h.dtype), h, gradient, ctx.axis, ctx.reverse, 0 if initial is None else initial
    )
    by_initial = None if initial is None else _as(by_initial, initial)
    return _as(by_a, a), _as(by_b, b), None, None, by_initial
