# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors: values, gradients of both orders, vmap, torch.compile, and the sentences."""

import itertools
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch.autograd import gradcheck, gradgradcheck  # noqa: E402

import fused_scan  # noqa: E402
import fused_scan.torch  # noqa: E402

DIFFERENTIABLE = [fused_scan.cumsum, fused_scan.cumprod, fused_scan.logcumsumexp]
OPTIONS = list(itertools.product((False, True), (False, True)))  # exclusive, reverse


def doubles(*shape, seed=0, dtype=torch.double):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=dtype, generator=generator).requires_grad_()


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "logcumsumexp", "cummax", "cummin"])
def test_against_torch(name):
    x = doubles(3, 20, 4).detach()
    for dim in (0, 1, -1):
        expected = getattr(torch, name)(x, dim)
        for array in (x, x.transpose(0, 2).contiguous().transpose(0, 2)):
            got = getattr(fused_scan.torch, name)(array, dim)
            for e, g in zip(
                *((v,) if torch.is_tensor(v) else v for v in (expected, got)), strict=True
            ):
                assert g.dtype == e.dtype and g.stride() == array.stride()
                torch.testing.assert_close(g, e, rtol=1e-13, atol=1e-13)


def test_types():
    for dtype in (
        torch.bool,
        torch.int8,
        torch.uint8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
        torch.complex64,
    ):
        x = torch.tensor([1, 0, 1, 1]).to(dtype)
        y = fused_scan.cumsum(x)
        assert y.dtype == torch.cumsum(x, 0).dtype and y.tolist() == [1, 1, 2, 3]
    assert (
        fused_scan.cumsum(torch.ones(2, dtype=torch.int32), dtype=torch.int32).dtype == torch.int32
    )
    assert fused_scan.cumsum(torch.tensor(3.0)).shape == ()
    z = torch.tensor([1 + 2j, 3 - 1j]).conj()
    assert fused_scan.cumsum(z).tolist() == [1 - 2j, 4 - 1j]


def test_bfloat16_is_rounded_once():
    x = torch.randn(5, 200, generator=torch.Generator().manual_seed(1)).bfloat16()
    exact = torch.cumsum(x.double(), 1)  # a double holds them
    for compensated in (True, False):
        assert torch.equal(fused_scan.cumsum(x, compensated=compensated), exact.to(torch.bfloat16))
    assert torch.equal(fused_scan.cumsum(x.half()), torch.cumsum(x.half().double(), 1).half())
    # All numbers of 16 bits there and back, Inf and NaN among them.
    every = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16)
    for dtype in (torch.float16, torch.bfloat16):
        numbers = every.view(dtype).reshape(-1, 1)
        torch.testing.assert_close(
            fused_scan.cumsum(numbers, 1), numbers, rtol=0, atol=0, equal_nan=True
        )


def test_rounding_to_16_bits_between_numbers():
    for dtype in (torch.float16, torch.bfloat16):
        wide = torch.tensor(np.random.default_rng(0).uniform(-30, 30, 20000))
        x = torch.stack(
            [torch.exp(wide), -torch.exp2(wide.round() - 0.5), 65519 + wide / 20]
        ).double()
        expected = x.to(dtype)  # torch rounds doubles by way of floats
        via_float = x.float().double()
        exact = via_float == x
        x = torch.where(exact, x, via_float)
        assert torch.equal(
            fused_scan.cumsum(x.reshape(-1, 1), 1, dtype=torch.float32).to(dtype).reshape(x.shape),
            expected,
        )
        y = fused_scan.cumsum(x.float().reshape(-1, 1), 1, dtype=dtype).reshape(x.shape)
        assert torch.equal(y, x.float().to(dtype))


@pytest.mark.parametrize("function", DIFFERENTIABLE)
@pytest.mark.parametrize("exclusive,reverse", OPTIONS)
def test_gradients(function, exclusive, reverse):
    x, initial = doubles(3, 5, 2), doubles(3, 2, seed=1)

    def scan(x, initial=None):
        return function(x, 1, exclusive=exclusive, reverse=reverse, initial=initial)

    assert gradcheck(scan, (x, initial)) and gradgradcheck(scan, (x, initial))
    if not (exclusive and function is fused_scan.logcumsumexp):  # which begins with -inf
        assert gradcheck(scan, (x,)) and gradgradcheck(scan, (x,))


def test_gradients_of_a_product_with_zeros():
    x = torch.tensor([2.0, 0.0, 3.0, 0.0, 4.0], dtype=torch.double, requires_grad=True)
    assert gradcheck(lambda x: fused_scan.cumprod(x), (x,))
    assert gradgradcheck(lambda x: fused_scan.cumprod(x), (x,))


def test_gradients_of_log_sum_exp_of_nothing():
    x = torch.tensor([-torch.inf, -torch.inf, 1.0, -torch.inf, 2.0], requires_grad=True)
    fused_scan.logcumsumexp(x).exp().sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor([0, 0, 3 * torch.e, 0, torch.e**2]))


def test_gradient_of_an_exclusive_log_sum_exp():
    x = doubles(6)
    weights = torch.arange(1.0, 7.0, dtype=torch.double)
    (fused_scan.logcumsumexp(x, exclusive=True)[1:] * weights[1:]).sum().backward()
    got, x.grad = x.grad, None
    (torch.logcumsumexp(x, 0)[:-1] * weights[1:]).sum().backward()
    torch.testing.assert_close(got, x.grad)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", [torch.double, torch.cdouble])
def test_gradients_of_a_recurrence(reverse, dtype):
    a, b, initial = (doubles(3, 4, 2, seed=s, dtype=dtype) for s in range(3))
    initial = initial[:, 0].detach().requires_grad_()

    def solve(a, b, initial):
        return fused_scan.linear_recurrence(a, b, 1, reverse=reverse, initial=initial)

    assert gradcheck(solve, (a, b, initial)) and gradgradcheck(solve, (a, b, initial))
    one = doubles(1, 1, 2, seed=5, dtype=dtype)
    assert gradcheck(lambda a, b: fused_scan.linear_recurrence(a, b, 1), (one, b))


@pytest.mark.parametrize("function", [fused_scan.cummax, fused_scan.cummin])
def test_gradients_of_extrema(function):
    x, initial = doubles(3, 5, 2), doubles(3, 2, seed=1)
    for reverse in (False, True):
        assert gradcheck(lambda x, i: function(x, 1, reverse=reverse, initial=i)[0], (x, initial))
    _, indices = function(x, 1)
    assert not indices.requires_grad


def test_gradients_of_no_elements():
    x = torch.ones(3, 0, requires_grad=True)
    initial = torch.ones(3, requires_grad=True)
    for function in DIFFERENTIABLE:
        function(x, initial=initial).sum().backward()
        assert x.grad.shape == (3, 0) and initial.grad.tolist() == [0, 0, 0]


def test_gradient_in_another_type():
    x = torch.ones(4, dtype=torch.bfloat16, requires_grad=True)
    fused_scan.cumsum(x, dtype=torch.float32).sum().backward()
    assert x.grad.dtype == torch.bfloat16 and x.grad.tolist() == [4, 3, 2, 1]


def test_vmap():
    x, initial = doubles(3, 5, 2).detach(), doubles(3, 2, seed=1).detach()
    expected = fused_scan.cumsum(x, 1, initial=initial)
    assert torch.equal(
        torch.vmap(lambda x, i: fused_scan.cumsum(x, 0, initial=i))(x, initial), expected
    )
    assert torch.equal(
        torch.vmap(lambda x: fused_scan.cumsum(x, 1), 2, 2)(x), fused_scan.cumsum(x, 1)
    )
    assert torch.equal(torch.vmap(fused_scan.cumsum)(x[:, 0, 0]), x[:, 0, 0])
    values, indices = torch.vmap(lambda x: fused_scan.cummax(x, -1), 1)(x)
    assert torch.equal(indices, fused_scan.cummax(x, -1)[1].transpose(0, 1))
    h = torch.vmap(lambda b: fused_scan.linear_recurrence(0.5, b, 0))(x)
    assert torch.equal(h, fused_scan.linear_recurrence(0.5, x, 1))


def test_compile():
    def step(x, initial):
        y = fused_scan.cumsum(2 * x, 1, initial=initial)
        values, indices = fused_scan.cummax(y, 1)
        h = fused_scan.linear_recurrence(torch.sigmoid(x), values, 1)
        return h.sin() + fused_scan.torch.fused_associative_scan(x, 1, reverse=True), indices

    x, initial = doubles(3, 5, 2), doubles(3, 2, seed=1)
    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    got, expected = compiled(x, initial), step(x, initial)
    assert torch.equal(got[0], expected[0]) and torch.equal(got[1], expected[1])
    gradients = torch.autograd.grad(got[0].sum(), (x, initial))
    for g, e in zip(gradients, torch.autograd.grad(expected[0].sum(), (x, initial)), strict=True):
        torch.testing.assert_close(g, e)


def test_forward_mode_is_refused_and_not_forgotten():
    x = doubles(4).detach()
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        with pytest.raises(NotImplementedError, match="no gradients in forward mode"):
            fused_scan.cumsum(dual)
        torch.testing.assert_close(fused_scan.cumsum(x), torch.cumsum(x, 0))
    with pytest.raises(NotImplementedError, match="no gradients in forward mode"):
        torch.func.jvp(fused_scan.cumsum, (x,), (x,))


def test_modes_and_subclasses_see_the_operator():
    from torch.utils._python_dispatch import TorchDispatchMode

    seen = []

    class Mode(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.append(str(function))
            return function(*args, **(kwargs or {}))

    x = torch.ones(3)
    with Mode():
        fused_scan.cumsum(x)
    assert seen == ["fused_scan.scan.default"]
    with torch._subclasses.FakeTensorMode():
        assert fused_scan.cummax(torch.empty(3, 4))[1].shape == (3, 4)


def test_operators_are_registered_as_torch_wants_them():
    x, i = doubles(3, 4), doubles(3, seed=1)
    checks = torch.library.opcheck
    checks(torch.ops.fused_scan.scan, (x, "compensated_sum", -1, False, True, i, torch.double))
    checks(torch.ops.fused_scan.extremum, (x, "maximum", -1, False, False, None))
    checks(torch.ops.fused_scan.recurrence, (x, doubles(3, 4, seed=2), -1, False, i))


def test_out():
    x, out = torch.arange(6.0).reshape(2, 3), torch.zeros(2, 3)
    assert fused_scan.cumsum(x, out=out) is out and out.tolist() == [[0, 1, 3], [3, 7, 12]]
    assert fused_scan.cumsum(x, 0, out=x) is x and x.tolist() == [[0, 1, 2], [3, 5, 7]]
    pair = (torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.int32))
    assert fused_scan.cummax(x, out=pair) == pair and pair[1].tolist() == [[0, 1, 2], [0, 1, 2]]


@pytest.mark.parametrize(
    "call,error,sentence",
    [
        (lambda x: fused_scan.cumsum(x, 2), ValueError, "axis 2 is out of range [-2, 1] for 'x'"),
        (lambda x: fused_scan.cumsum(x, out=torch.zeros(3)), ValueError, "'out' has shape (3,)"),
        (lambda x: fused_scan.cumsum(x, out=np.zeros((2, 3))), TypeError, "'out' is a ndarray"),
        (
            lambda x: fused_scan.cumsum(x, dtype=torch.int64),
            TypeError,
            "don't fit into torch.int64",
        ),
        (
            lambda x: fused_scan.cumsum(x.requires_grad_(), out=x),
            ValueError,
            "gradients are recorded",
        ),
        (
            lambda x: fused_scan.cumsum(x, initial=torch.ones(3)),
            ValueError,
            "shape (3,) instead of (2,)",
        ),
        (lambda x: fused_scan.cumsum(x.to_sparse()), TypeError, "'x' must be a dense tensor"),
        (
            lambda x: fused_scan.linear_recurrence(torch.ones(2), x),
            ValueError,
            "can't be broadcast",
        ),
    ],
)
def test_sentences(call, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        call(torch.ones(2, 3))
