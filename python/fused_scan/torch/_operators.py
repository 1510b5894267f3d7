# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The operators fused_scan::scan, segmented, extremum and recurrence of torch.library: what
autograd, torch.compile and vmap know of the compiled core. An axis is negative here, so that a batch
dimension in front doesn't move it. The layer's own operators are in _layer_operators."""

import torch
from torch.autograd import forward_ad
from torch.utils.dlpack import to_dlpack

from .. import _core
from . import _gradients

_FUNCTIONS = {
    "compensated_sum": "cumsum",
    "plain_sum": "cumsum",
    "product": "cumprod",
    "log_sum_exp": "logcumsumexp",
    "maximum": "cummax",
    "minimum": "cummin",
    "linear_recurrence": "linear_recurrence",
}

library = torch.library.Library("fused_scan", "DEF")
library.define(
    "scan(Tensor x, str operation, int axis, bool exclusive, bool reverse, Tensor? initial, "
    "ScalarType dtype) -> Tensor"
)
library.define(
    "segmented(Tensor x, Tensor offsets, str operation, int axis, bool exclusive, bool reverse, "
    "ScalarType dtype) -> Tensor"
)
library.define(
    "extremum(Tensor x, str operation, int axis, bool exclusive, bool reverse, Tensor? initial) "
    "-> (Tensor, Tensor)"
)
library.define("recurrence(Tensor a, Tensor b, int axis, bool reverse, Tensor? initial) -> Tensor")
_registered = torch.ops.fused_scan


# --- without the dispatcher, where nobody is watching ---------------------------------------------

try:
    from torch._C import _get_tracing_state, _len_torch_dispatch_stack
    from torch._C._functorch import peek_interpreter_stack
except ImportError:  # another version of PyTorch: always by the dispatcher
    peek_interpreter_stack = None

_PLAIN = (torch.Tensor, torch.nn.Parameter)


def _refuse_tangents(tensors):
    """Operators in Python have no forward mode, and would forget a tangent without a word."""
    for tensor in tensors:
        if tensor is not None and forward_ad.unpack_dual(tensor).tangent is not None:
            raise NotImplementedError("fused_scan: there are no gradients in forward mode")


def _needs_dispatcher(tensors):
    """Whether a compiler, a transformation or a subclass has to know of an operator. The dispatcher
    takes more time than a short scan."""
    if torch.compiler.is_compiling() or peek_interpreter_stack is None:
        return True
    if forward_ad._current_level >= 0:
        _refuse_tangents(tensors)
        return True
    if _len_torch_dispatch_stack() or peek_interpreter_stack() or _get_tracing_state():
        return True
    for tensor in tensors:
        if tensor is None:
            continue
        if type(tensor) not in _PLAIN or not (tensor.is_cpu or tensor.is_cuda):
            return True
    return False


def call(name, tensors, *arguments):
    """The operator of a name: by the dispatcher, by autograd alone, or as it is."""
    if _needs_dispatcher(tensors):
        return getattr(_registered, name).default(*arguments)
    if torch.is_grad_enabled():
        for tensor in tensors:
            if tensor is not None and tensor.requires_grad:
                return _differentiable[name].apply(*arguments)
    return _direct[name](*arguments)


def scan(x, operation, axis, exclusive, reverse, initial, dtype):
    return call("scan", (x, initial), x, operation, axis, exclusive, reverse, initial, dtype)


def segmented(x, offsets, operation, axis, exclusive, reverse, dtype):
    return call(
        "segmented", (x, offsets), x, offsets, operation, axis, exclusive, reverse, dtype
    )


def extremum(x, operation, axis, exclusive, reverse, initial):
    return call("extremum", (x, initial), x, operation, axis, exclusive, reverse, initial)


def recurrence(a, b, axis, reverse, initial):
    return call("recurrence", (a, b, initial), a, b, axis, reverse, initial)


try:
    # The number alone: an object of torch's takes a microsecond.
    from torch._C import _cuda_getCurrentRawStream as _current_stream
except ImportError:  # a PyTorch without CUDA

    def _current_stream(device):
        return torch.cuda.current_stream(device).cuda_stream


def shared(x):
    """A tensor as the core takes it: without a copy but for conjugates not yet carried out."""
    if x is None:
        return None
    if x.requires_grad:
        x = x.detach()
    if x.is_conj() or x.is_neg():
        x = x.resolve_conj().resolve_neg()
    return to_dlpack(x)


def stream_of(x):
    """The current stream of a tensor's device, as a number."""
    return _current_stream(x.get_device()) if x.is_cuda else 0


def run(operation, function, x, axis, exclusive, reverse, initial, out, second=None, offsets=None):
    """Writes into out (and, of an extremum, into second)."""
    _core.scan(
        operation,
        "fused_scan." + function,
        shared(x),
        shared(out),
        shared(second),
        shared(initial),
        None,
        0,
        axis,
        exclusive,
        reverse,
        stream_of(x),
        None if offsets is None else shared(offsets.cpu()),
    )


# --- what they do ---------------------------------------------------------------------------------


def _scan(x, operation, axis, exclusive, reverse, initial, dtype):
    out = torch.empty_like(x, dtype=dtype)
    run(operation, _FUNCTIONS[operation], x, axis, exclusive, reverse, initial, out)
    return out


def _segmented(x, offsets, operation, axis, exclusive, reverse, dtype):
    out = torch.empty_like(x, dtype=dtype)
    run(operation, "segmented_cumsum", x, axis, exclusive, reverse, None, out, None, offsets)
    return out


def _extremum(x, operation, axis, exclusive, reverse, initial):
    values, indices = _empty_extremum(x, operation, axis, exclusive, reverse, initial)
    run(operation, _FUNCTIONS[operation], x, axis, exclusive, reverse, initial, values, indices)
    return values, indices


def _recurrence(a, b, axis, reverse, initial):
    h = _empty_recurrence(a, b, axis, reverse, initial)
    run("linear_recurrence", "linear_recurrence", a, axis, False, reverse, initial, h, b)
    return h


def _empty_scan(x, operation, axis, exclusive, reverse, initial, dtype):
    return torch.empty_like(x, dtype=dtype)


def _empty_segmented(x, offsets, operation, axis, exclusive, reverse, dtype):
    return torch.empty_like(x, dtype=dtype)


def _empty_extremum(x, operation, axis, exclusive, reverse, initial):
    return torch.empty_like(x), torch.empty_like(x, dtype=torch.int64)


def _empty_recurrence(a, b, axis, reverse, initial):
    return torch.empty_like(b, dtype=torch.promote_types(a.dtype, b.dtype))


# --- over a batch ---------------------------------------------------------------------------------


def _batched(info, x, dim):
    """With the batch in front, also where there was none."""
    if x is None:
        return None
    if dim is None:
        return x.expand(info.batch_size, *x.shape)
    return x.movedim(dim, 0)


def _vmap_scan(info, dims, x, operation, axis, exclusive, reverse, initial, dtype):
    x, initial = _batched(info, x, dims[0]), _batched(info, initial, dims[5])
    return scan(x, operation, axis, exclusive, reverse, initial, dtype), 0


def _vmap_segmented(info, dims, x, offsets, operation, axis, exclusive, reverse, dtype):
    if dims[1] is not None:
        raise ValueError("fused_scan.segmented_cumsum: vmap must not map 'offsets'")
    return segmented(x.movedim(dims[0], 0), offsets, operation, axis, exclusive, reverse, dtype), 0


def _vmap_extremum(info, dims, x, operation, axis, exclusive, reverse, initial):
    x, initial = _batched(info, x, dims[0]), _batched(info, initial, dims[5])
    return extremum(x, operation, axis, exclusive, reverse, initial), (0, 0)


def _vmap_recurrence(info, dims, a, b, axis, reverse, initial):
    a, b = _batched(info, a, dims[0]), _batched(info, b, dims[1])
    return recurrence(a, b, axis, reverse, _batched(info, initial, dims[4])), 0


def _function_of_autograd(name, work, setup, backward):
    """For autograd alone. (With setup_context() as a member torch looks up a signature each time.)"""

    def forward(ctx, *arguments):
        output = work(*arguments)
        setup(ctx, arguments, output)
        return output

    members = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type(name, (torch.autograd.Function,), members)


_direct = {}
_differentiable = {}


def register(name, work, empty, vmap, setup=None, backward=None):
    """Tells torch of an operator that is defined: work() does it, empty() makes its results. One
    without backward() must not be called where gradients are recorded."""
    for key in ("CPU", "CUDA"):
        library.impl(name, work, key)
    _direct[name] = work
    qualified = "fused_scan::" + name
    torch.library.register_fake(qualified, empty, lib=library)
    torch.library.register_vmap(qualified, vmap, lib=library)
    if backward is not None:
        _differentiable[name] = _function_of_autograd(name, work, setup, backward)
        torch.library.register_autograd(qualified, backward, setup_context=setup, lib=library)


for _operator in (
    ("scan", _scan, _empty_scan, _vmap_scan, _gradients.save_scan, _gradients.of_scan),
    (
        "segmented",
        _segmented,
        _empty_segmented,
        _vmap_segmented,
        _gradients.save_segmented,
        _gradients.of_segmented,
    ),
    (
        "extremum",
        _extremum,
        _empty_extremum,
        _vmap_extremum,
        _gradients.save_extremum,
        _gradients.of_extremum,
    ),
    (
        "recurrence",
        _recurrence,
        _empty_recurrence,
        _vmap_recurrence,
        _gradients.save_recurrence,
        _gradients.of_recurrence,
    ),
):
    register(*_operator)
