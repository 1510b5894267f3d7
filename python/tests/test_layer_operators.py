# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The steps between the layer's projections against the same in torch's operators."""

from concurrent.futures import ThreadPoolExecutor

import pytest

torch = pytest.importorskip("torch")

import fused_scan  # noqa: E402
from fused_scan.torch import AdaptiveRankSemiseparableLayer  # noqa: E402
from fused_scan.torch import _layer_operators as operators  # noqa: E402

TYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]
DEVICES = ["cpu"]
if torch.cuda.is_available() and fused_scan._core.info()["has_cuda"]:
    DEVICES.append("cuda")


def gated_inputs(shape, dtype, device="cpu", seed=0):
    """The first two from one product, as in the layer."""
    torch.manual_seed(seed)
    batch, length, ranks = shape
    products = torch.randn(batch, length, 3 + 2 * ranks, dtype=torch.double)
    gates = torch.rand(shape, dtype=torch.double)
    products, gates = products.to(device, dtype), gates.to(device, dtype)
    _, xu, xv = products.split([3, ranks, ranks], -1)
    return xu, xv, gates


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(3, 500, 7), (1, 5000, 32), (2, 1, 1), (2, 0, 3), (0, 4, 3)])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("device", DEVICES)
def test_gated_scan_has_the_bits_of_its_steps(dtype, shape, reverse, across, device):
    xu, xv, gates = gated_inputs(shape, dtype, device)
    if across:  # on a host another path
        gates = gates.transpose(1, 2).contiguous().transpose(1, 2)
    u, v = xu * gates, xv * gates
    k = fused_scan.cumsum(u, 1, reverse=reverse)
    for got, expected in zip(
        operators.gated_scan(xu, xv, gates, reverse), (u, v, k, k * v), strict=True
    ):
        assert got.dtype == dtype and torch.equal(got, expected)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("device", DEVICES)
def test_gradients_of_gated_scan_are_those_of_its_steps(dtype, reverse, across, device):
    xu, xv, gates = gated_inputs((3, 500, 7), dtype, device)
    grad_kv = torch.randn(3, 7, 500, device=device).to(dtype).transpose(1, 2)
    if not across:
        grad_kv = grad_kv.contiguous()
    inputs = [x.clone().requires_grad_() for x in (xu, xv, gates)]
    u, v = inputs[0] * inputs[2], inputs[1] * inputs[2]
    (fused_scan.cumsum(u, 1, reverse=reverse) * v).backward(grad_kv)
    expected = [x.grad for x in inputs]
    for x in inputs:
        x.grad = None
    operators.gated_scan(*inputs, reverse)[3].backward(grad_kv)
    assert torch.equal(inputs[0].grad, expected[0])
    assert torch.equal(inputs[1].grad, expected[1])
    # Of the two terms of the third neither is rounded by itself.
    largest = max(x.abs().max() for x in (expected[0] * xu, expected[1] * xv))
    bound = 4 * torch.finfo(dtype).eps * (expected[2].abs().max() + largest / gates.min())
    assert (inputs[2].grad - expected[2]).abs().max() <= bound


@pytest.mark.parametrize("reverse", [False, True])
def test_gated_scan_is_differentiable_twice(reverse):
    inputs = [x.clone().requires_grad_() for x in gated_inputs((2, 5, 2), torch.double)]

    def scan(*inputs):
        return operators.gated_scan(*inputs, reverse)

    assert torch.autograd.gradcheck(scan, inputs)
    assert torch.autograd.gradgradcheck(scan, inputs)
    # The gradient by k v alone is one sweep.
    assert torch.autograd.gradcheck(lambda *inputs: scan(*inputs)[3], inputs)


def torch_convolution(x, weight, shift):
    columns = torch.nn.functional.pad(x.transpose(1, 2), (shift, 2 - shift))
    return torch.nn.functional.conv1d(columns, weight[:, None], groups=x.shape[2]).transpose(1, 2)


@pytest.mark.parametrize("length", [1, 2, 3, 64, 65, 130, 1000])
@pytest.mark.parametrize("shift", [1, 2])
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("device", DEVICES)
def test_convolution(length, shift, dtype, device):
    torch.manual_seed(0)
    x = torch.randn(3, length, 12, dtype=torch.double).to(device, dtype)[..., :9]
    weight = torch.randn(9, 3, dtype=torch.double).to(device)
    if dtype != torch.double:
        weight = weight.float()
    grad_y = torch.randn(3, 9, length, device=device).to(dtype).transpose(1, 2)

    results = []
    for function, wide in ((torch_convolution, True), (operators.convolution, False)):
        a = (x.double() if wide else x).detach().requires_grad_()
        w = (weight.double() if wide else weight).detach().requires_grad_()
        y = function(a, w, shift)
        y.backward(grad_y.to(y.dtype))
        results.append((y, a.grad, w.grad))
    sizes = (4, 4, 4 * (3 * length) ** 0.5)  # of the largest term, of a sum of many
    for expected, got, size in zip(*results, sizes, strict=True):
        eps = torch.finfo(got.dtype).eps
        assert (got.double() - expected).abs().max() <= 8 * size * eps
    assert results[1][0].dtype == results[1][1].dtype == dtype


@pytest.mark.parametrize("turned", [False, True])
def test_convolution_is_differentiable_twice(turned):
    torch.manual_seed(0)
    x = torch.randn(2, 4, 3, dtype=torch.double, requires_grad=True)
    weight = torch.randn(3, 3, dtype=torch.double, requires_grad=True)

    def convolution(x, weight):
        return operators.convolution(x, weight, 2, turned)

    assert torch.autograd.gradcheck(convolution, (x, weight))
    assert torch.autograd.gradgradcheck(convolution, (x, weight))


def test_over_a_batch():
    inputs = [torch.stack([a, a + 1, 2 * a]) for a in gated_inputs((2, 20, 3), torch.double)]
    got = torch.vmap(operators.gated_scan, in_dims=(0, 0, None))(*inputs[:2], inputs[2][0])
    for n in range(3):
        one = operators.gated_scan(inputs[0][n], inputs[1][n], inputs[2][0])
        assert all(torch.equal(a[n], b) for a, b in zip(got, one, strict=True))
    weights = torch.randn(4, 3, 3, dtype=torch.double)
    x = torch.randn(4, 2, 20, 3, dtype=torch.double)
    got = torch.vmap(lambda x, w: operators.convolution(x, w, 1))(x, weights)
    gradients = torch.vmap(lambda x, y: operators._convolution_gradient(x, y, 1))(x, got)
    for n in range(4):
        assert torch.equal(got[n], operators.convolution(x[n], weights[n], 1))
        assert torch.equal(gradients[n], operators._convolution_gradient(x[n], got[n], 1))


def test_what_torch_is_told():
    xu, xv, gates = (x.clone().requires_grad_() for x in gated_inputs((2, 5, 3), torch.float))
    registered = torch.ops.fused_scan
    weight = torch.randn(3, 3, requires_grad=True)
    torch.library.opcheck(registered.gated_scan.default, (xu, xv, gates, True))
    torch.library.opcheck(registered.convolution.default, (xu, weight, 1, False))
    plain = (xu.detach(), gates.detach(), 1)
    torch.library.opcheck(registered.convolution_gradient.default, plain)


def test_calls_of_several_threads_wait_for_each_other():
    inputs = gated_inputs((2, 3000, 16), torch.float)
    x = inputs[0].contiguous()
    expected = operators.gated_scan(*inputs), fused_scan.cumsum(x, 1)

    def work(n):
        for _ in range(20):
            if n % 2:
                results = operators.gated_scan(*inputs)
                assert all(torch.equal(a, b) for a, b in zip(results, expected[0], strict=True))
            else:
                assert torch.equal(fused_scan.cumsum(x, 1), expected[1])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))


def test_wrong_arrays_get_a_sentence():
    xu, xv, gates = gated_inputs((2, 5, 3), torch.float)
    with pytest.raises(ValueError, match="'xv'"):
        operators.gated_scan(xu, xv[:, :4], gates)
    with pytest.raises(ValueError, match="'weight' has a wrong shape"):
        operators.convolution(xu, torch.ones(4, 3), 1)
    with pytest.raises(ValueError, match="must be floating-point"):
        operators.gated_scan(*(x.int() for x in (xu, xv, gates)))


# --- the layer that is made of them ---------------------------------------------------------------


def passes(layer, x, plain):
    """Everything that a pass gives, and gradients of all of it."""
    layer.use_fused_scan = not plain
    layer.zero_grad()
    x = x.detach().requires_grad_()
    y, diagnostics = layer.forward_bidirectional(x)
    values = [y] + [d for d in diagnostics.values() if isinstance(d, torch.Tensor)]
    sum((n + 1) * value.square().sum() for n, value in enumerate(values)).backward()
    return values + [x.grad] + [p.grad for p in layer.parameters()]


@pytest.mark.parametrize("mode", ["soft", "ste"])
@pytest.mark.parametrize("causal", [False, True])
def test_the_layer_is_that_of_torchs_operators(mode, causal):
    torch.manual_seed(0)
    layer = AdaptiveRankSemiseparableLayer(
        12, 8, gate_mode=mode, causal_convolution=causal, dtype=torch.double
    )
    layer.update_rank_schedule(500, 1000)
    x = torch.randn(2, 40, 12, dtype=torch.double)
    for got, expected in zip(passes(layer, x, False), passes(layer, x, True), strict=True):
        torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("device", DEVICES)
def test_half_precision(device):
    torch.manual_seed(0)
    layer = AdaptiveRankSemiseparableLayer(32, 8).to(device)
    x = torch.randn(2, 50, 32, device=device)
    exact = layer(x)[0]
    with torch.autocast(device, torch.bfloat16):
        y, diagnostics = layer(x)
        (y.float().square().mean() + diagnostics["gate_l1_loss"]).backward()
    assert y.dtype == diagnostics["k_cumsum"].dtype == torch.bfloat16
    assert (y - exact).abs().max() < 0.05 * exact.abs().max()
    for parameter in layer.parameters():
        assert parameter.grad.dtype == torch.float32 and parameter.grad.isfinite().all()


@pytest.mark.parametrize("half", [False, True])
def test_compiled(half):
    torch.manual_seed(0)
    layer = AdaptiveRankSemiseparableLayer(16, 8)
    x = torch.randn(2, 30, 16)
    results = []
    for called in (layer, torch.compile(layer, fullgraph=True, backend="aot_eager")):
        layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            y, diagnostics = called(x)
            (y.float().square().mean() + diagnostics["gate_l1_loss"]).backward()
        results.append([y] + [p.grad for p in layer.parameters()])
    for eager, compiled in zip(*results, strict=True):
        # In half precision the compiler rounds elsewhere.
        bound = (0.02 if half else 1e-5) * eager.abs().max()
        assert (eager - compiled).abs().max() <= bound


def test_parts_that_somebody_replaced_are_called():
    class Doubled(torch.nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    layer = AdaptiveRankSemiseparableLayer(8, 4)
    x = torch.randn(1, 20, 8)
    u = layer(x)[1]["u_gated"]
    doubled = Doubled(8, 4, bias=False)
    doubled.load_state_dict(layer.U_proj.state_dict())
    layer.U_proj = doubled
    torch.testing.assert_close(layer(x)[1]["u_gated"], 2 * u)
    seen = []
    for name in ("V_proj", "T_conv"):
        getattr(layer, name).register_forward_hook(lambda module, *_: seen.append(module))
    layer(x)
    assert seen == [layer.T_conv, layer.V_proj]
