# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scans of floats on a CPU, for peers.py."""

import ctypes
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy

import peer_timing


def timed(work, fastest):
    def batch_time(calls):
        start = time.perf_counter()
        for _ in range(calls):
            work()
        return (time.perf_counter() - start) * 1e3

    return peer_timing.timed(batch_time, work, fastest)


def data(shape):
    """Whole numbers, and their sums, which are exact in any order of additions."""
    x = numpy.random.default_rng(1).integers(-128, 128, shape, numpy.int32)
    return x.astype(numpy.float32), numpy.cumsum(x, 1, numpy.int32).astype(numpy.float32)


equal = numpy.array_equal


class NumpyCumsum:
    def prepare(self, x):
        y = numpy.empty_like(x)
        return lambda: numpy.cumsum(x, 1, out=y), lambda: y


class TorchCumsum:
    def __init__(self):
        import torch
        self.torch = torch

    def prepare(self, x):
        y = numpy.empty_like(x)
        a, b = self.torch.from_numpy(x), self.torch.from_numpy(y)
        return lambda: self.torch.cumsum(a, 1, out=b), lambda: y


class StandardScan:
    """std::inclusive_scan, of contiguous lines."""
    library = None

    def __init__(self, function):
        if StandardScan.library is None:
            path = pathlib.Path(tempfile.mkdtemp()) / "std_scan.so"
            source = pathlib.Path(__file__).with_name("std_scan.cpp")
            subprocess.run(["g++", "-O3", "-std=c++20", "-shared", "-fPIC", source, "-o", path,
                            "-ltbb"], check=True, capture_output=True)
            StandardScan.library = ctypes.CDLL(str(path))
        self.function = getattr(StandardScan.library, function)

    def prepare(self, x):
        outer, length, inner = x.shape
        if inner > 1:
            raise NotImplementedError("scans contiguous lines only")
        y = numpy.empty_like(x)
        arguments = (ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data),
                     ctypes.c_int64(outer), ctypes.c_int64(length))
        return lambda: self.function(*arguments), lambda: y


MAKERS = {
    "numpy.cumsum": NumpyCumsum,
    "torch.cumsum": TorchCumsum,
    "std::inclusive_scan": lambda: StandardScan("serial_sums"),
    "std::inclusive_scan, TBB": lambda: StandardScan("parallel_sums"),
}


def versions():
    found = {"python": sys.version.split()[0], "numpy": numpy.__version__}
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        found |= {"torch": torch.__version__, "torch threads": str(torch.get_num_threads())}
    return found
