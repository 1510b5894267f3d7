#!/usr/bin/env python3
# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How fast other libraries scan on a GPU, beside PyTorch's copy of the same array; and the AR-SSM
layer in PyTorch. float32.

    peers.py [--small] [--seconds 125] > peers.json

Times are medians, of 21 samples unless the record says otherwise; "timing" says how they were
taken. Calls are put into a CUDA graph, as many as take about 2 ms, where the library allows it.
Every result is verified. A library that is missing, fails or is given up says so in its records.
"""

import argparse
import ctypes
import json
import math
import os
import pathlib
import subprocess
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import torch
import torch.nn.functional as F

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SAMPLES = 21
SECONDS_OF_PEER = 30  # then it is given up

LARGE = [((8, 65536, 512), 1), ((8, 65536, 512), 2), ((65536, 4096), 0), ((268435456,), 0),
         ((16384, 2048), 1), ((2048, 8192), 1), ((4, 8192, 512), 1), ((1, 1048576, 32), 1),
         ((4, 65536, 32), 1)]
GRID = [((batch, length, d), 1)
        for length in (512, 1024, 2048, 4096, 8192)
        for d in (32, 256, 512, 1024)
        for batch in (1, 4, 16)]
SMALL = [((2, 500, 40), 1), ((2, 50, 400), 2), ((4000,), 0), ((1, 512, 32), 1)]
LAYERS = [(4, 8192, 512, 32), (1, 65536, 256, 32), (4, 2048, 256, 32)]
SMALL_LAYERS = [(2, 64, 32, 8)]


def text_of(shape):
    return "(" + ", ".join(map(str, shape)) + ")"


def reason(error):
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__


# --- timing ---------------------------------------------------------------------------------------
# Each of these returns the times of one call in milliseconds, and how they were taken.


def synchronize():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def sampled(round_time, work):
    """round_time(calls) is the time of so many calls."""
    work()
    single = min(round_time(1) for _ in range(2))
    calls = min(400, math.ceil(2 / single))
    samples = SAMPLES if single < 50 else 3
    return [round_time(calls) / calls for _ in range(samples)]


def by_host_clock(work, wait=synchronize):
    def round_time(calls):
        wait()
        start = time.perf_counter()
        for _ in range(calls):
            work()
        wait()
        return (time.perf_counter() - start) * 1e3

    return sampled(round_time, work), "host clock around calls back to back"


def elapsed(work):
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    work()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def by_events(work):
    if DEVICE == "cpu":
        return by_host_clock(work)

    def round_time(calls):
        return elapsed(lambda: [work() for _ in range(calls)] and None)

    return sampled(round_time, work), "events around calls back to back"


def by_graph(work):
    if DEVICE == "cpu":
        return by_host_clock(work)
    graphs = {}

    def round_time(calls):
        if calls not in graphs:
            graphs[calls] = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graphs[calls]):
                for _ in range(calls):
                    work()
            graphs[calls].replay()
        return elapsed(graphs[calls].replay)

    return sampled(round_time, work), "events around a CUDA graph of the calls"


# --- scans ----------------------------------------------------------------------------------------
# A peer's constructor fails where its library isn't there. prepare(x, axis) returns what is to be
# timed, and what then returns the result as a tensor.


class TorchCumsum:
    name = "torch.cumsum"
    timing = staticmethod(by_graph)

    def prepare(self, x, axis):
        y = torch.empty_like(x)
        return lambda: torch.cumsum(x, axis, out=y), lambda: y


class TorchCompile:
    name = "torch.compile"
    timing = staticmethod(by_graph)

    def prepare(self, x, axis):
        torch._dynamo.reset()
        compiled = torch.compile(lambda a: torch.cumsum(a, axis), dynamic=False)
        compiled(x)
        return lambda: compiled(x), lambda: compiled(x)


if triton:

    @triton.jit
    def add(a, b):
        return a + b

    @triton.jit
    def scan_columns(x, y, length, inner, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
        """A program walks down its own columns."""
        blocks = tl.cdiv(inner, COLUMNS)
        outer = (tl.program_id(0) // blocks).to(tl.int64)
        rows = tl.arange(0, ROWS)
        columns = tl.program_id(0) % blocks * COLUMNS + tl.arange(0, COLUMNS)
        at = (outer * length + rows.to(tl.int64)[:, None]) * inner + columns[None, :]
        before = tl.zeros((COLUMNS,), tl.float32)
        for first in range(0, length, ROWS):
            mask = (first + rows < length)[:, None] & (columns < inner)[None, :]
            block = tl.load(x + at, mask=mask, other=0.0)
            tl.store(y + at, tl.associative_scan(block, 0, add) + before[None, :], mask=mask)
            before += tl.sum(block, 0)
            at += ROWS * inner

    @triton.jit
    def scan_row(x, y, length, SIZE: tl.constexpr):
        """A program walks along its own row."""
        places = tl.arange(0, SIZE)
        at = tl.program_id(0).to(tl.int64) * length + places
        before = tl.zeros((1,), tl.float32)
        for first in range(0, length, SIZE):
            mask = first + places < length
            block = tl.load(x + at, mask=mask, other=0.0)
            tl.store(y + at, tl.associative_scan(block, 0, add) + before, mask=mask)
            before += tl.sum(block, 0)
            at += SIZE


class Triton:
    name = "Triton associative_scan"
    timing = staticmethod(by_graph)

    def __init__(self):
        if triton is None:
            raise ImportError("no module named triton")
        if DEVICE == "cpu":
            raise RuntimeError("needs a GPU")

    def prepare(self, x, axis):
        """The fastest of a few sizes."""
        y = torch.empty_like(x)
        length, inner = x.shape[axis], x.stride(axis)
        outer = x.numel() // length // inner
        if inner == 1:
            candidates = [
                lambda s=size, w=warps: scan_row[(outer,)](x, y, length, SIZE=s, num_warps=w)
                for size, warps in ((1024, 4), (2048, 8), (4096, 8))]
        else:
            candidates = [
                lambda r=rows, c=columns, w=warps: scan_columns[(outer * triton.cdiv(inner, c),)](
                    x, y, length, inner, ROWS=r, COLUMNS=c, num_warps=w)
                for rows, columns, warps in ((64, 32, 4), (128, 32, 8), (64, 16, 4))]
        for work in candidates:
            work()  # compiles it
        return min(candidates, key=elapsed), lambda: y


class Jax:
    name = "jax.numpy.cumsum"

    def __init__(self, cases):
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
        import jax
        self.jax = jax

        def compiled(case):
            shape, axis = case
            x = jax.ShapeDtypeStruct(shape, "float32")
            try:
                return jax.jit(lambda a: jax.numpy.cumsum(a, axis)).lower(x).compile()
            except Exception as error:
                return error

        with ThreadPoolExecutor(8) as pool:
            self.compiled = dict(zip(cases, pool.map(compiled, cases)))

    def prepare(self, x, axis):
        scan = self.compiled[tuple(x.shape), axis]
        if isinstance(scan, Exception):
            raise scan
        synchronize()
        a = self.jax.dlpack.from_dlpack(x)

        def work():
            self.y = scan(a)

        return work, lambda: torch.from_dlpack(self.y.block_until_ready())

    def timing(self, work):
        return by_host_clock(work, lambda: self.y.block_until_ready())


class Cupy:
    name = "cupy.cumsum"
    timing = staticmethod(by_events)

    def __init__(self):
        import cupy
        self.cupy = cupy

    def prepare(self, x, axis):
        y = torch.empty_like(x)
        a, b = self.cupy.from_dlpack(x), self.cupy.from_dlpack(y)
        return lambda: self.cupy.cumsum(a, axis, out=b), lambda: y


class Cub:
    timing = staticmethod(by_graph)
    build = None

    def __init__(self, name, function):
        self.name = name
        self.function = function
        if Cub.build is None:
            Cub.library = pathlib.Path(tempfile.mkdtemp()) / "cub_scan.so"
            source = pathlib.Path(__file__).with_name("cub_scan.cu")
            major, minor = torch.cuda.get_device_capability()
            Cub.build = subprocess.Popen(
                ["nvcc", "-O3", "-std=c++17", f"-arch=sm_{major}{minor}", "-shared", "-Xcompiler",
                 "-fPIC", "-o", Cub.library, source], stderr=subprocess.PIPE, text=True)

    def prepare(self, x, axis):
        if x.numel() != x.shape[axis]:
            raise NotImplementedError("scans one line only")
        Cub.build.wait()
        if Cub.build.returncode != 0:
            raise RuntimeError("nvcc failed: " + Cub.build.stderr.read())
        scan = getattr(ctypes.CDLL(str(Cub.library)), self.function)
        y = torch.empty_like(x)
        bytes_needed = ctypes.c_size_t()

        def call(temporary):
            error = scan(ctypes.c_void_p(temporary), ctypes.byref(bytes_needed),
                         ctypes.c_void_p(x.data_ptr()), ctypes.c_void_p(y.data_ptr()),
                         ctypes.c_int64(x.numel()),
                         ctypes.c_void_p(torch.cuda.current_stream().cuda_stream))
            if error:
                raise RuntimeError(f"CUDA error {error}")

        call(None)
        temporary = torch.empty(bytes_needed.value, dtype=torch.uint8, device=DEVICE)
        return lambda: call(temporary.data_ptr()), lambda: y


class Copy:
    name = "torch copy_"
    timing = staticmethod(by_graph)

    def prepare(self, x, axis):
        y = torch.empty_like(x)
        return lambda: y.copy_(x), lambda: y


def data(shape, axis):
    """Numbers, and their sums, which are exact in any order."""
    sums = torch.randint(0, 2**21, shape, device=DEVICE).float()
    return torch.diff(sums, dim=axis, prepend=torch.zeros_like(sums.narrow(axis, 0, 1))), sums


def emit(record):
    """A line of JSON for each record, so that what ends the program doesn't take the others along."""
    print(json.dumps(record), flush=True)


def time_scans(cases, jax, deadline):
    makers = {  # CUB first: it is compiled meanwhile
        "CUB": lambda: Cub("CUB", "plain_sums"),
        "CUB compensated": lambda: Cub("CUB compensated", "compensated_sums"),
        "torch.cumsum": TorchCumsum,
        "torch.compile": TorchCompile,
        "Triton associative_scan": Triton,
        "cupy.cumsum": Cupy,
    }
    if jax:  # in a process of its own: beside the others it has ended this one
        makers = {Jax.name: lambda: Jax(cases)}
    peers = []
    for name, make in makers.items():
        try:
            peers.append(make())
        except Exception as error:
            emit({"name": "scan", "peer": name, "error": "missing: " + reason(error)})
    spent = dict.fromkeys(makers, 0)

    def measure(peer, x, axis, wanted):
        work, result = peer.prepare(x, axis)
        work()
        if not torch.equal(result(), wanted):
            raise ArithmeticError("wrong result")
        times, timing = peer.timing(work)
        if not torch.equal(result(), wanted):
            raise ArithmeticError("wrong result in the end")
        return {"milliseconds_median": statistics.median(times), "samples": len(times),
                "timing": timing}

    for shape, axis in cases:
        x, sums = data(shape, axis)
        copy = measure(Copy(), x, axis, x)
        rate = 2e-6 * x.numel() * x.element_size()
        row = {"name": "scan", "shape": text_of(shape), "axis": axis, "dtype": "float"}
        for peer in [Copy(), *peers]:
            start = time.monotonic()
            record = row | {"peer": peer.name}
            if isinstance(peer, Copy):
                record |= copy
            elif start > deadline or spent[peer.name] > SECONDS_OF_PEER:
                record["error"] = f"given up: {SECONDS_OF_PEER} s for all its shapes are over"
            else:
                try:
                    record |= measure(peer, x, axis, sums)
                except Exception as error:
                    record["error"] = reason(error)
                spent[peer.name] += time.monotonic() - start
            if "error" not in record:
                record["gigabytes_per_second"] = rate / record["milliseconds_median"]
                record["share_of_copy"] = copy["milliseconds_median"] / record["milliseconds_median"]
            if not (jax and isinstance(peer, Copy)):
                emit(record)
        del x, sums
        if DEVICE == "cuda":
            torch.cuda.empty_cache()
    print({name: round(seconds, 1) for name, seconds in spent.items()}, file=sys.stderr)


# --- the layer ------------------------------------------------------------------------------------


def parameters(d, r):
    h = max(d // 4, 1)
    shapes = {"taps": (d, 1, 3), "w0": (h, d), "b0": (h,), "w2": (r, h), "b2": (r,), "u": (r, d),
              "v": (r, d), "o": (d, r), "bias": (d,)}
    return {name: (torch.randn(shape, device=DEVICE) / math.sqrt(shape[-1])).requires_grad_()
            for name, shape in shapes.items()}


def layer(x, p):
    t = F.conv1d(x.transpose(1, 2), p["taps"], padding=1, groups=x.shape[2]).transpose(1, 2)
    gates = torch.sigmoid(F.linear(torch.relu(F.linear(x, p["w0"], p["b0"])), p["w2"], p["b2"]))
    u = F.linear(x, p["u"]) * gates
    v = F.linear(x, p["v"]) * gates
    return t + F.linear(torch.cumsum(u, 1) * v, p["o"], p["bias"])


def time_layer(shape, deadline):
    batch, length, d, r = shape
    x = torch.randn(batch, length, d, device=DEVICE, requires_grad=True)
    p = parameters(d, r)
    row = {"name": "layer", "shape": text_of(shape), "dtype": "float"}
    with torch.no_grad():
        expected = layer(x.double(), {name: value.double() for name, value in p.items()})

    def add_record(peer, part, work, timing):
        record = row | {"peer": peer, "pass": part}
        try:
            if time.monotonic() > deadline:
                raise TimeoutError("given up: the time is over")
            times, how = timing(work)
            record |= {"milliseconds_median": statistics.median(times), "samples": len(times),
                       "timing": how}
        except Exception as error:
            record["error"] = reason(error)
        emit(record)

    def add_layer(peer, function):
        def forward():
            with torch.no_grad():
                return function(x, p)

        def checked_forward():
            y = forward()
            error = ((y - expected).norm() / expected.norm()).item()
            if not error < 1e-4:
                raise ArithmeticError(f"wrong result: relative error {error:.1e}")
            return by_events(forward)

        def both():
            torch.autograd.grad(function(x, p), [x, *p.values()], x.detach())

        add_record(peer, "forward", None, lambda _: checked_forward())
        add_record(peer, "forward+backward", both, by_events)

    add_layer("PyTorch eager", layer)
    torch._dynamo.reset()
    add_layer("torch.compile", torch.compile(layer, dynamic=False))

    # Its dense products alone, into memory that is there.
    rows = x.detach().reshape(-1, d)
    weights = {name: value.detach().t() for name, value in p.items() if value.dim() == 2}
    chain = [(rows, "w0"), (None, "w2"), (rows, "u"), (rows, "v"), (None, "o")]
    outs = [torch.empty(len(rows), weights[name].shape[1], device=DEVICE) for _, name in chain]

    def products():
        for i, (left, name) in enumerate(chain):
            torch.mm(outs[i - 1] if left is None else left, weights[name], out=outs[i])

    y = torch.empty_like(rows)
    add_record("PyTorch eager", "products", products, by_graph)
    add_record("PyTorch eager", "copy", lambda: y.copy_(rows), by_graph)


# --------------------------------------------------------------------------------------------------


def versions():
    found = {"python": sys.version.split()[0], "torch": torch.__version__,
             "cuda": torch.version.cuda or "none", "device": "CPU"}
    if DEVICE == "cuda":
        found["device"] = torch.cuda.get_device_name()
    for name in ("triton", "jax", "cupy"):
        if name in sys.modules:
            found[name] = sys.modules[name].__version__
    return found


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--small", action="store_true", help="small shapes, for a try")
    options.add_argument("--seconds", type=float, default=125, help="what isn't timed by then isn't")
    options.add_argument("--jax", action="store_true", help="JAX, and no other")
    arguments = options.parse_args()
    deadline = time.monotonic() + arguments.seconds
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    cases = SMALL if arguments.small else LARGE + GRID
    if not arguments.jax:
        for shape in SMALL_LAYERS if arguments.small else LAYERS:
            time_layer(shape, deadline)
    time_scans(cases, arguments.jax, deadline)
    emit({"context": versions()})


if __name__ == "__main__":
    main()
