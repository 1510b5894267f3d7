# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scans of floats on a GPU, for peers.py."""

import ctypes
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import torch

import peer_timing

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None


# --- timing: calls in a CUDA graph where the library allows it, else back to back ------------------


def elapsed(work):
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    work()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def by_events(work, fastest=False):
    def batch_time(calls):
        return elapsed(lambda: [work() for _ in range(calls)])

    return peer_timing.timed(batch_time, work, fastest)


def by_graph(work, fastest=False):
    graphs = {}

    def batch_time(calls):
        if calls not in graphs:
            graphs[calls] = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graphs[calls]):
                for _ in range(calls):
                    work()
            graphs[calls].replay()
        return elapsed(graphs[calls].replay)

    return peer_timing.timed(batch_time, work, fastest)


timed = by_graph


# --- peers: prepare(x) returns what is to be timed, and what then returns the result ---------------


def data(shape):
    """Whole numbers, and their sums, which are exact in any order of additions."""
    torch.cuda.empty_cache()
    x = torch.randint(-128, 128, shape, device="cuda", dtype=torch.int32)
    # A double has room for them, and torch sums it along any axis.
    return x.float(), torch.cumsum(x, 1, dtype=torch.float64).float()


equal = torch.equal


class TorchCumsum:
    def prepare(self, x):
        y = torch.empty_like(x)
        return lambda: torch.cumsum(x, 1, out=y), lambda: y


class TorchCompile:
    def prepare(self, x):
        torch._dynamo.reset()
        compiled = torch.compile(lambda a: torch.cumsum(a, 1), dynamic=False)
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
    def __init__(self):
        if triton is None:
            raise ImportError("no module named triton")

    def prepare(self, x):
        """The fastest of a few sizes."""
        y = torch.empty_like(x)
        outer, length, inner = x.shape
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
    def __init__(self):
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
        import jax
        self.jax = jax
        self.scan = jax.jit(lambda a: jax.numpy.cumsum(a, 1))

    def prepare(self, x):
        torch.cuda.synchronize()
        a = self.jax.dlpack.from_dlpack(x)

        def work():
            self.y = self.scan(a)

        return work, lambda: torch.from_dlpack(self.y.block_until_ready())

    def timed(self, work, fastest):
        def batch_time(calls):
            self.y.block_until_ready()
            start = time.perf_counter()
            for _ in range(calls):
                work()
            self.y.block_until_ready()
            return (time.perf_counter() - start) * 1e3

        return peer_timing.timed(batch_time, work, fastest)


class Cupy:
    timed = staticmethod(by_events)

    def __init__(self):
        import cupy
        self.cupy = cupy

    def prepare(self, x):
        y = torch.empty_like(x)
        a, b = self.cupy.from_dlpack(x), self.cupy.from_dlpack(y)
        return lambda: self.cupy.cumsum(a, 1, out=b), lambda: y


class Cub:
    """CUB's scans of one line, compiled when they are first wanted."""
    library = None

    def __init__(self, function):
        self.function = function

    @staticmethod
    def compiled():
        path = pathlib.Path(tempfile.mkdtemp()) / "cub_scan.so"
        source = pathlib.Path(__file__).with_name("cub_scan.cu")
        major, minor = torch.cuda.get_device_capability()
        subprocess.run(["nvcc", "-O3", "-std=c++17", f"-arch=sm_{major}{minor}", "-shared",
                        "-Xcompiler", "-fPIC", "-o", path, source], check=True,
                       capture_output=True)
        return ctypes.CDLL(str(path))

    def prepare(self, x):
        if x.numel() != x.shape[1]:
            raise NotImplementedError("scans one line only")
        return self.prepared(x)

    def prepared(self, *inputs):
        """The function on pointers to its inputs, the last of which are the elements."""
        Cub.library = Cub.library or Cub.compiled()
        scan = getattr(Cub.library, self.function)
        y = torch.empty_like(inputs[-1])
        bytes_needed = ctypes.c_size_t()

        def call(temporary):
            error = scan(ctypes.c_void_p(temporary), ctypes.byref(bytes_needed),
                         *(ctypes.c_void_p(array.data_ptr()) for array in (*inputs, y)),
                         ctypes.c_int64(y.numel()),
                         ctypes.c_void_p(torch.cuda.current_stream().cuda_stream))
            if error:
                raise RuntimeError(f"CUDA error {error}")

        call(None)
        temporary = torch.empty(bytes_needed.value, dtype=torch.uint8, device="cuda")
        return lambda: call(temporary.data_ptr()), lambda: y


MAKERS = {
    "torch.cumsum": TorchCumsum,
    "torch.compile": TorchCompile,
    "Triton": Triton,
    "CUB": lambda: Cub("plain_sums"),
    "CUB compensated": lambda: Cub("compensated_sums"),
    "cupy.cumsum": Cupy,
    "jax.numpy.cumsum": Jax,
}


def versions():
    found = {"python": sys.version.split()[0], "torch": torch.__version__,
             "cuda": torch.version.cuda, "device": torch.cuda.get_device_name()}
    return found | {name: sys.modules[name].__version__ for name in ("triton", "jax", "cupy")
                    if name in sys.modules}
