# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The layer's own operators of torch.library, fused_scan::gated_scan and fused_scan::convolution,
and those that their gradients are made of. All work on (batch, length, columns)."""

import torch

from .. import _core
from . import _operators

_operators.library.define(
    "gated_scan(Tensor xu, Tensor xv, Tensor gates, bool reverse) "
    "-> (Tensor, Tensor, Tensor, Tensor)"
)
_operators.library.define(
    "gated_scan_gradients(Tensor xu, Tensor xv, Tensor gates, Tensor k, Tensor grad_kv, "
    "bool reverse) -> (Tensor, Tensor, Tensor)"
)
_operators.library.define(
    "convolution(Tensor x, Tensor weight, int shift, bool turned) -> Tensor"
)
_operators.library.define(
    "convolution_gradient(Tensor x, Tensor grad_y, int shift) -> Tensor"
)


def gated_scan(xu, xv, gates, reverse=False):
    """(u, v, k, k v), where u = xu gates, v = xv gates, and k is the cumulative sum of u along the
    length; in one sweep, as is its gradient by k v."""
    dtype = torch.promote_types(torch.promote_types(xu.dtype, xv.dtype), gates.dtype)
    xu, xv, gates = xu.to(dtype), xv.to(dtype), gates.to(dtype)
    return _operators.call("gated_scan", (xu, xv, gates), xu, xv, gates, reverse)


def convolution(x, weight, shift, turned=False):
    """y[:, l] = sum over n of weight[:, n] x[:, l + n - shift], with zeros around x; `turned` takes
    the taps in the opposite order. weight of shape (columns, 3) has the type of the sums."""
    return _operators.call("convolution", (x, weight), x, weight, shift, turned)


def _gated_scan_gradients(*arguments):
    return _operators.call("gated_scan_gradients", arguments[:5], *arguments)


def _convolution_gradient(x, grad_y, shift):
    """By weight."""
    return _operators.call("convolution_gradient", (x, grad_y), x, grad_y, shift)


def _shared(tensors):
    return [_operators.shared(tensor) for tensor in tensors]


def _dense_like(x):
    return torch.empty_like(x, memory_format=torch.contiguous_format)


# --- gates, scan and product ----------------------------------------------------------------------


def _run_gated_scan(xu, xv, gates, reverse):
    results = _empty_gated_scan(xu, xv, gates, reverse)
    arrays = _shared((xu, xv, gates, *results))
    _core.gated_scan(arrays, False, reverse, _operators.stream_of(xu))
    return results


def _empty_gated_scan(xu, xv, gates, reverse):
    return tuple(_dense_like(xu) for _ in range(4))


def _save_gated_scan(ctx, inputs, output):
    xu, xv, gates, ctx.reverse = inputs
    ctx.save_for_backward(xu, xv, gates, output[2])
    ctx.set_materialize_grads(False)


def _of_gated_scan(ctx, grad_u, grad_v, grad_k, grad_kv):
    xu, xv, gates, k = ctx.saved_tensors
    has_others = not (grad_u is None and grad_v is None and grad_k is None)
    if has_others or torch.is_grad_enabled():
        return *_gradients_step_by_step(
            xu, xv, gates, k, grad_u, grad_v, grad_k, grad_kv, ctx.reverse
        ), None
    if grad_kv is None:
        return None, None, None, None
    return *_gated_scan_gradients(xu, xv, gates, k, grad_kv, ctx.reverse), None


def _gradients_step_by_step(xu, xv, gates, k, grad_u, grad_v, grad_k, grad_kv, reverse):
    """The same in the terms of operators that have gradients, and of the gradients by u, v and k:
    those of diagnostics."""

    def total(*terms):
        terms = [term for term in terms if term is not None]
        return sum(terms[1:], terms[0]) if terms else torch.zeros_like(k)

    by_k = total(grad_k, None if grad_kv is None else grad_kv * (xv * gates))
    sums = _operators.scan(by_k, "compensated_sum", 1, False, not reverse, None, k.dtype)
    by_u = total(sums, grad_u)
    by_v = total(grad_v, None if grad_kv is None else grad_kv * k)
    return by_u * gates, by_v * gates, by_u * xu + by_v * xv


def _run_gated_scan_gradients(xu, xv, gates, k, grad_kv, reverse):
    results = _empty_gated_scan_gradients(xu, xv, gates, k, grad_kv, reverse)
    arrays = _shared((xu, xv, gates, k, grad_kv, *results))
    _core.gated_scan(arrays, True, reverse, _operators.stream_of(xu))
    return results


def _empty_gated_scan_gradients(xu, xv, gates, k, grad_kv, reverse):
    return tuple(_dense_like(xu) for _ in range(3))


# --- the convolution ------------------------------------------------------------------------------

# Positions that are added up by one core or thread before the sums of all are.
_PIECE = 64


def _run_convolution(x, weight, shift, turned):
    y = _dense_like(x)
    arrays = _shared((x, y, weight.contiguous()))
    _core.convolution(arrays, False, turned, shift, _operators.stream_of(x))
    return y


def _empty_convolution(x, weight, shift, turned):
    return _dense_like(x)


def _save_convolution(ctx, inputs, output):
    x, weight, ctx.shift, ctx.turned = inputs
    ctx.save_for_backward(x, weight)


def _of_convolution(ctx, grad_y):
    x, weight = ctx.saved_tensors
    by_x = by_weight = None
    if ctx.needs_input_grad[0]:
        by_x = convolution(grad_y, weight, 2 - ctx.shift, not ctx.turned)
    if ctx.needs_input_grad[1]:
        by_weight = _convolution_gradient(x, grad_y, ctx.shift)
        if ctx.turned:
            by_weight = by_weight.flip(1)
    return by_x, by_weight, None, None


def _run_convolution_gradient(x, grad_y, shift):
    batch, length, columns = x.shape
    dtype = torch.promote_types(x.dtype, torch.float32)
    sums = x.new_empty((batch * -(-length // _PIECE), 3, columns), dtype=dtype)
    _core.convolution(_shared((x, grad_y, sums)), True, False, shift, _operators.stream_of(x))
    return sums.sum(0).t()


def _empty_convolution_gradient(x, grad_y, shift):
    dtype = torch.promote_types(x.dtype, torch.float32)
    return x.new_empty((3, x.shape[2]), dtype=dtype).t()


def _save_convolution_gradient(ctx, inputs, output):
    x, grad_y, ctx.shift = inputs
    ctx.save_for_backward(x, grad_y)


def _of_convolution_gradient(ctx, gradient):
    x, grad_y = ctx.saved_tensors
    by_x = convolution(grad_y, gradient, 2 - ctx.shift, True)
    return by_x, convolution(x, gradient, ctx.shift), None


# --- over a batch: more columns -------------------------------------------------------------------


def _widened(info, x, dim):
    """(batch, length, columns) of each, as one; or (columns, 3)."""
    x = x.unsqueeze(0).expand(info.batch_size, *x.shape) if dim is None else x.movedim(dim, 0)
    return x.flatten(0, 1) if x.dim() == 3 else x.movedim(0, 2).flatten(2)


def _narrowed(info, x):
    return x.unflatten(-1, (info.batch_size, -1)).movedim(-2, 0)


def _over_batch(operator, count):
    """Of an operator whose first `count` arguments are tensors."""

    def over_batch(info, dims, *arguments):
        tensors = [_widened(info, x, dim) for x, dim in zip(arguments[:count], dims, strict=False)]
        results = operator(*tensors, *arguments[count:])
        if isinstance(results, tuple):
            return tuple(_narrowed(info, y) for y in results), (0,) * len(results)
        return _narrowed(info, results), 0

    return over_batch


def _gradient_over_batch(info, dims, x, grad_y, shift):
    x, grad_y = _widened(info, x, dims[0]), _widened(info, grad_y, dims[1])
    return _convolution_gradient(x, grad_y, shift).unflatten(0, (info.batch_size, -1)), 0


_operators.register(
    "gated_scan",
    _run_gated_scan,
    _empty_gated_scan,
    _over_batch(gated_scan, 3),
    _save_gated_scan,
    _of_gated_scan,
)
_operators.register(
    "gated_scan_gradients",
    _run_gated_scan_gradients,
    _empty_gated_scan_gradients,
    _over_batch(_gated_scan_gradients, 5),
)
_operators.register(
    "convolution",
    _run_convolution,
    _empty_convolution,
    _over_batch(convolution, 2),
    _save_convolution,
    _of_convolution,
)
_operators.register(
    "convolution_gradient",
    _run_convolution_gradient,
    _empty_convolution_gradient,
    _gradient_over_batch,
    _save_convolution_gradient,
    _of_convolution_gradient,
)
