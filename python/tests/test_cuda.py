# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arrays on a GPU: the CPU's bits, in every framework; streams, captures, and gradients."""

import functools
import itertools
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("there is no GPU", allow_module_level=True)

import fused_scan  # noqa: E402
import fused_scan.torch  # noqa: E402

if not fused_scan._core.info()["has_cuda"]:
    pytest.skip("built for the CPU only", allow_module_level=True)

WAYS = list(itertools.product((False, True), (False, True)))  # exclusive, reverse
INTEGERS = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
REALS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
COMPLEX = [torch.complex64, torch.complex128]
plain_sum = functools.partial(fused_scan.cumsum, compensated=False)


def numbers(shape, dtype, seed=0):
    """On the CPU."""
    generator = torch.Generator().manual_seed(seed)
    if dtype == torch.bool:
        return torch.randint(0, 2, shape, generator=generator).bool()
    if not dtype.is_floating_point and not dtype.is_complex:
        return torch.randint(0, 100, shape, generator=generator).to(dtype)
    wide = torch.complex128 if dtype.is_complex else torch.float64
    return torch.randn(shape, dtype=wide, generator=generator).to(dtype)


def bits(x):
    x = x.detach().cpu()
    x = (torch.view_as_real(x) if x.is_complex() else x).contiguous().reshape(-1)
    return x.view(torch.uint8)


def assert_same_bits(got, expected, message=""):
    for g, e in zip(*((v,) if torch.is_tensor(v) else v for v in (got, expected)), strict=True):
        assert g.is_cuda and g.dtype == e.dtype and g.shape == e.shape, message
        assert torch.equal(bits(g), bits(e)), message


def layouts(x):
    """The same numbers on the GPU, in memory that looks different."""
    y = x.cuda()
    yield "contiguous", y
    order = tuple(reversed(range(x.dim())))
    yield "turned round", y.permute(order).contiguous().permute(order)
    gaps = torch.zeros((*x.shape[:-1], 2 * x.shape[-1]), dtype=x.dtype, device="cuda")
    gaps[..., ::2] = y
    yield "with gaps", gaps[..., ::2]
    shifted = torch.zeros(x.numel() + 1, dtype=x.dtype, device="cuda")[1:].view(x.shape)
    yield "not aligned", shifted.copy_(y)


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", INTEGERS + REALS + COMPLEX, ids=str)
@pytest.mark.parametrize("function", [fused_scan.cumsum, plain_sum], ids=["compensated", "plain"])
def test_sums_have_the_bits_of_the_cpu(function, dtype):
    x = numbers((3, 517, 6), dtype)
    for axis, (exclusive, reverse) in itertools.product(range(3), WAYS):
        scan = functools.partial(function, axis=axis, exclusive=exclusive, reverse=reverse)
        expected = scan(x)
        for name, y in layouts(x):
            assert_same_bits(scan(y), expected, f"{name}, axis {axis}, {exclusive}, {reverse}")


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(
    "shape,axis", [((1_000_003,), 0), ((2, 300_001, 3), 1), ((70_000, 33), 0), ((3, 5, 70_000), 2)]
)
def test_lines_of_several_tiles(dtype, shape, axis):
    x = numbers(shape, dtype)
    for exclusive, reverse in WAYS:
        scan = functools.partial(fused_scan.cumsum, axis=axis, exclusive=exclusive, reverse=reverse)
        assert_same_bits(scan(x.cuda()), scan(x))


@pytest.mark.parametrize("dtype", INTEGERS[1:] + REALS, ids=str)
@pytest.mark.parametrize("function", [fused_scan.cummax, fused_scan.cummin])
def test_extrema_are_those_of_the_cpu(function, dtype):
    x = numbers((3, 517, 6), dtype)
    if dtype.is_floating_point:
        x[1, 300:310, 2] = torch.nan
    for axis, (exclusive, reverse) in itertools.product(range(3), WAYS):
        scan = functools.partial(function, axis=axis, exclusive=exclusive, reverse=reverse)
        expected = scan(x)
        for _, y in layouts(x):
            for g, e in zip(scan(y), expected, strict=True):  # a NaN's bits are free
                torch.testing.assert_close(g.cpu(), e, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", REALS, ids=str)
def test_products_and_recurrences_have_the_bits_of_the_cpu(dtype):
    x, a = (numbers((3, 517, 6), dtype, seed) for seed in (0, 1))
    a = torch.tanh(a)
    for axis, (exclusive, reverse) in itertools.product(range(3), WAYS):
        scan = functools.partial(
            fused_scan.cumprod, axis=axis, exclusive=exclusive, reverse=reverse
        )
        solve = functools.partial(fused_scan.linear_recurrence, axis=axis, reverse=reverse)
        for (_, y), (_, b) in zip(layouts(x), layouts(a), strict=True):
            assert_same_bits(scan(y), scan(x))
            assert_same_bits(solve(b, y), solve(a, x))
    one = torch.tensor(0.9, dtype=dtype)
    assert_same_bits(
        fused_scan.linear_recurrence(one.cuda(), x.cuda(), 1),
        fused_scan.linear_recurrence(one, x, 1),
    )


def test_what_is_computed_with_other_functions_is_close():
    x = numbers((3, 517, 6), torch.float64)
    z = torch.polar(torch.ones_like(x), x)
    for axis, (exclusive, reverse) in itertools.product(range(3), WAYS):
        for function, of in ((fused_scan.logcumsumexp, x), (fused_scan.cumprod, z)):
            scan = functools.partial(function, axis=axis, exclusive=exclusive, reverse=reverse)
            torch.testing.assert_close(scan(of.cuda()).cpu(), scan(of), rtol=1e-12, atol=1e-12)


def test_initial_states_out_and_types():
    x, start = numbers((3, 517, 6), torch.float32), numbers((3, 6), torch.float32, 1)
    expected = fused_scan.cumsum(x, 1, initial=start)
    assert_same_bits(fused_scan.cumsum(x.cuda(), 1, initial=start.cuda()), expected)
    assert_same_bits(
        fused_scan.cumsum(x.cuda(), 1, initial=0.1), fused_scan.cumsum(x, 1, initial=0.1)
    )
    for dtype in (torch.float64, torch.bfloat16, torch.complex64):
        assert_same_bits(
            fused_scan.cumsum(x.cuda(), 1, dtype=dtype), fused_scan.cumsum(x, 1, dtype=dtype)
        )
    y = x.cuda()
    assert fused_scan.cumsum(y, 1, out=y) is y
    assert_same_bits(y, fused_scan.cumsum(x, 1))
    for shape in ((0,), (3, 0, 2), (0, 4)):
        assert fused_scan.cumsum(torch.ones(shape, device="cuda"), 0).shape == shape
    assert fused_scan.cumsum(torch.tensor(3.0, device="cuda")).item() == 3


def test_segments():
    x = numbers((3, 200, 4), torch.float32)
    offsets = [0, 0, 1, 50, 50, 167, 200]
    for exclusive, reverse in WAYS:
        scan = functools.partial(
            fused_scan.segmented_cumsum, axis=1, exclusive=exclusive, reverse=reverse
        )
        for given in (offsets, torch.tensor(offsets), torch.tensor(offsets, device="cuda")):
            assert_same_bits(scan(x.cuda(), given), scan(x, offsets))
    wrong = torch.zeros(3, 200, 4, device="cuda")
    with pytest.raises(ValueError, match="'offsets' must begin with 0 and end with 200"):
        fused_scan.segmented_cumsum(x.cuda(), [0, 201], 1, out=wrong)
    assert not wrong.any()


def test_arrays_of_different_devices_are_refused():
    x = torch.ones(3, device="cuda")
    with pytest.raises(ValueError, match="'out' is on cpu"):
        fused_scan.cumsum(x, out=torch.zeros(3))
    with pytest.raises(ValueError, match="'initial' is on another device than 'x'"):
        fused_scan.cumsum(x.reshape(1, 3), 1, initial=torch.zeros(1))


# --- streams --------------------------------------------------------------------------------------

SECOND = 1_500_000_000  # clock cycles, about


def test_the_host_waits_for_nothing():
    x = torch.ones(1000, 1000, device="cuda")
    y = torch.empty_like(x)
    fused_scan.cumsum(x, 0, out=y)
    torch.cuda.synchronize()
    torch.cuda._sleep(SECOND)
    start = time.perf_counter()
    for _ in range(20):
        fused_scan.cumsum(x, 0, out=y)
    assert not torch.cuda.current_stream().query()
    assert time.perf_counter() - start < 0.2
    torch.cuda.synchronize()
    assert y[-1, 0].item() == 1000


def test_order_of_a_stream():
    stream = torch.cuda.Stream()
    x, y = torch.zeros(2, 100_000, device="cuda")
    fused_scan.cumsum(x, out=y)
    torch.cuda.synchronize()
    for value in range(1, 4):
        with torch.cuda.stream(stream):
            torch.cuda._sleep(SECOND // 20)
            x.fill_(value)
            fused_scan.cumsum(x, out=y)
            last = y[-1].clone()
            y.zero_()
        stream.synchronize()
        assert last.item() == 100_000 * value


def test_a_thousand_streams_share_a_workspace():
    cupy = pytest.importorskip("cupy")
    x = torch.ones(1_000_000, device="cuda")
    y = torch.empty_like(x)
    streams = [cupy.cuda.Stream(non_blocking=True) for _ in range(1000)]
    external = [torch.cuda.ExternalStream(stream.ptr) for stream in streams]

    def pass_over(streams):
        for stream in streams:
            with torch.cuda.stream(stream):
                fused_scan.cumsum(x, out=y)
        torch.cuda.synchronize()
        return torch.cuda.mem_get_info()[0]

    free = pass_over(external[:10])
    assert pass_over(external) >= free - (4 << 20)
    assert y[-1].item() == 1_000_000


def test_captures():
    for shape, dim in (((1 << 20,), 0), ((4, 1000, 64), 1)):
        x = torch.zeros(shape, device="cuda")

        def step(x=x, dim=dim):
            sums = fused_scan.cumsum(2 * x, dim)
            return fused_scan.cummax(sums, dim) + (fused_scan.cumsum(sums, dim, reverse=True),)

        step()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            captured = step()
        for seed in range(3):
            x.copy_(numbers(shape, torch.float32, seed))
            other = fused_scan.cumsum(x, dim)  # not of the graph
            graph.replay()
            torch.cuda.synchronize()
            assert_same_bits(captured, [e.cpu() for e in step()])
            assert_same_bits(other, fused_scan.cumsum(x.cpu(), dim))


# --- PyTorch --------------------------------------------------------------------------------------


def doubles(*shape, seed=0):
    return numbers(shape, torch.double, seed).cuda().requires_grad_()


@pytest.mark.parametrize(
    "function", [fused_scan.cumsum, fused_scan.cumprod, fused_scan.logcumsumexp]
)
def test_gradients(function):
    x, initial = doubles(3, 5, 2), doubles(3, 2, seed=1)
    for exclusive, reverse in WAYS:

        def scan(x, initial, exclusive=exclusive, reverse=reverse):
            return function(x, 1, exclusive=exclusive, reverse=reverse, initial=initial)

        assert torch.autograd.gradcheck(scan, (x, initial))
        assert torch.autograd.gradgradcheck(scan, (x, initial))


def test_gradients_of_the_others():
    x, a, initial = doubles(3, 5, 2), doubles(3, 5, 2, seed=1), doubles(3, 2, seed=2)
    for reverse in (False, True):

        def solve(a, b, initial, reverse=reverse):
            return fused_scan.linear_recurrence(a, b, 1, reverse=reverse, initial=initial)

        assert torch.autograd.gradcheck(solve, (a, x, initial))
        assert torch.autograd.gradgradcheck(solve, (a, x, initial))
    assert torch.autograd.gradcheck(lambda x: fused_scan.cummax(x, 1)[0], (x,))
    assert torch.autograd.gradcheck(lambda x: fused_scan.segmented_cumsum(x, [0, 2, 5], 1), (x,))


def step(x, initial):
    y = fused_scan.cumsum(2 * x, 1, initial=initial)
    values, indices = fused_scan.cummax(y, 1)
    h = fused_scan.linear_recurrence(torch.sigmoid(x), values, 1)
    return h.sin() + fused_scan.torch.fused_associative_scan(x, 1, reverse=True), indices


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_compiled_by_inductor(device):
    x, initial = (v.detach().to(device).requires_grad_() for v in (doubles(3, 5, 2), doubles(3, 2)))
    got, expected = torch.compile(step, fullgraph=True)(x, initial), step(x, initial)
    torch.testing.assert_close(got, expected)
    gradients = torch.autograd.grad(got[0].sum(), (x, initial))
    torch.testing.assert_close(gradients, torch.autograd.grad(expected[0].sum(), (x, initial)))


def test_operators_are_registered_as_torch_wants_them():
    x, i = doubles(3, 4), doubles(3, seed=1)
    checks = torch.library.opcheck
    checks(torch.ops.fused_scan.scan, (x, "compensated_sum", -1, False, True, i, torch.double))
    checks(torch.ops.fused_scan.recurrence, (x, doubles(3, 4, seed=2), -1, False, i))


def test_layer_compiled_and_under_autocast():
    torch.manual_seed(0)
    layer = fused_scan.torch.AdaptiveRankSemiseparableLayer(64, 16, device="cuda")
    x = torch.randn(2, 300, 64, device="cuda")
    expected = layer(x)[0]
    layer.use_fused_scan = False
    torch.testing.assert_close(layer(x)[0], expected, rtol=1e-4, atol=1e-4)
    layer.use_fused_scan = True
    compiled = torch.compile(layer, fullgraph=True)
    torch.testing.assert_close(compiled(x)[0], expected, rtol=1e-3, atol=1e-3)
    with torch.autocast("cuda", torch.bfloat16):
        y, diagnostics = layer(x)
    assert diagnostics["u_gated"].dtype == torch.bfloat16
    assert (y.float() - expected).norm() < 0.05 * expected.norm()
    y.float().sum().backward()
    assert layer.U_proj.weight.grad.isfinite().all()


# --- CuPy and JAX ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype", ["?", "u1", "i2", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"]
)
def test_cupy(dtype):
    cupy = pytest.importorskip("cupy")
    x = np.random.default_rng(0).normal(0, 20, (3, 517, 6))
    x = (np.abs(x) if dtype[0] == "u" else x).astype(dtype)
    for axis, (exclusive, reverse) in itertools.product(range(3), WAYS):
        scan = functools.partial(fused_scan.cumsum, axis=axis, exclusive=exclusive, reverse=reverse)
        y = cupy.asarray(x)
        for given, of in ((y, x), (y[::-1, ::-2], x[::-1, ::-2]), (y.T, x.T)):
            got, expected = scan(given), scan(of)
            assert isinstance(got, cupy.ndarray) and got.dtype == expected.dtype
            assert cupy.asnumpy(got).tobytes() == expected.tobytes()
        out = cupy.zeros(x.shape, got.dtype)[:, ::-1]
        assert scan(y, out=out) is out
        assert cupy.asnumpy(out).tobytes() == scan(x).tobytes()


def test_cupy_other_functions_and_streams():
    cupy = pytest.importorskip("cupy")
    x = np.random.default_rng(0).standard_normal((3, 200, 4)).astype(np.float32)
    with cupy.cuda.Stream(non_blocking=True) as stream:
        y = cupy.asarray(x)
        values, indices = fused_scan.cummax(y, 1)
        h = fused_scan.linear_recurrence(cupy.float32(0.5), y, 1, initial=0.25)
        segments = fused_scan.segmented_cumsum(y, [0, 3, 200], 1)
        others = fused_scan.segmented_cumsum(y, cupy.asarray([0, 3, 200]), 1)
        stream.synchronize()
    assert np.array_equal(cupy.asnumpy(values), fused_scan.cummax(x, 1)[0])
    assert np.array_equal(cupy.asnumpy(indices), fused_scan.cummax(x, 1)[1])
    expected = fused_scan.linear_recurrence(np.float32(0.5), x, 1, initial=0.25)
    assert np.array_equal(cupy.asnumpy(h), expected)
    expected = fused_scan.segmented_cumsum(x, [0, 3, 200], 1)
    assert np.array_equal(cupy.asnumpy(segments), expected)
    assert np.array_equal(cupy.asnumpy(others), expected)


def test_jax():
    jax = pytest.importorskip("jax")
    pytest.importorskip("cupy")
    try:
        device = jax.devices("gpu")[0]
    except RuntimeError:
        pytest.skip("JAX has no GPU")
    x = np.random.default_rng(0).standard_normal((3, 517, 4)).astype(np.float32)
    y = jax.device_put(x, device)
    for axis, (exclusive, reverse) in itertools.product(range(3), WAYS):
        scan = functools.partial(fused_scan.cumsum, axis=axis, exclusive=exclusive, reverse=reverse)
        got = scan(y + 0)
        assert isinstance(got, jax.Array) and got.devices() == {device}
        assert np.asarray(got).tobytes() == scan(x).tobytes()
    values, indices = fused_scan.cummax(y, 1)
    assert np.array_equal(values, fused_scan.cummax(x, 1)[0])
    assert np.array_equal(indices, fused_scan.cummax(x, 1)[1])
    h = fused_scan.linear_recurrence(jax.numpy.float32(0.5), y, 1)
    assert np.array_equal(h, fused_scan.linear_recurrence(np.float32(0.5), x, 1))
