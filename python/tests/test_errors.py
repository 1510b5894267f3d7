# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One sentence, which names the argument; and nothing is written."""

import ctypes
import re

import numpy as np
import pytest

import fused_scan

x = np.arange(12.0).reshape(3, 4)


def read_only():
    out = np.zeros((3, 4))
    out.flags.writeable = False
    return out


@pytest.mark.parametrize(
    "call,error,sentence",
    [
        (
            lambda: fused_scan.cumsum(x, 2),
            ValueError,
            "fused_scan.cumsum: axis 2 is out of range [-2, 1] for 'x' of 2 dimensions",
        ),
        (lambda: fused_scan.cumsum(x, 0.5), TypeError, "'float' object cannot be interpreted"),
        (
            lambda: fused_scan.cumsum(np.array(["a"])),
            TypeError,
            "fused_scan.cumsum: elements of 'x' are of type <U1, which is not supported",
        ),
        (
            lambda: fused_scan.cumsum(x.astype(np.longdouble)),
            TypeError,
            "elements of 'x' are of type float128, which is not supported",
        ),
        (
            lambda: fused_scan.cumsum(x.astype(">f8")),
            TypeError,
            "'x' are not in this machine's byte",
        ),
        (lambda: fused_scan.cumsum(np.ma.array(x)), TypeError, "masked arrays are not supported"),
        (
            lambda: fused_scan.cumsum(x, dtype=int),
            TypeError,
            "'x' has elements of type float64, whose results don't fit into int64",
        ),
        (lambda: fused_scan.cumsum(x, dtype="U3"), TypeError, "'dtype' is <U3, which is not"),
        (lambda: fused_scan.cumsum(x * 1j, dtype=float), TypeError, "don't fit into float64"),
        (
            lambda: fused_scan.cumsum(x, out=np.zeros((4, 3))),
            ValueError,
            "fused_scan.cumsum: 'out' has shape (4, 3) instead of (3, 4)",
        ),
        (lambda: fused_scan.cumsum(x, out=read_only()), ValueError, "'out' is read-only"),
        (lambda: fused_scan.cumsum(x, out=[0]), TypeError, "'out' is a list, and must be an array"),
        (
            lambda: fused_scan.cumsum(x, out=np.zeros((3, 4)), dtype="f4"),
            TypeError,
            "'out' has elements of type float64, and 'dtype' is float32",
        ),
        (
            lambda: fused_scan.cumsum(x, out=np.broadcast_to(np.zeros(4), (3, 4))),
            ValueError,
            "'out' is read-only",
        ),
        (
            lambda: fused_scan.cumsum(x[:, :3], out=x[:, 1:]),
            ValueError,
            "fused_scan.cumsum: arrays 'x' and 'out' overlap in memory",
        ),
        (lambda: fused_scan.cumsum(x, out=x[::-1]), ValueError, "'x' and 'out' overlap in memory"),
        (
            lambda: fused_scan.cumsum(x, initial=np.zeros(4)),
            ValueError,
            "fused_scan.cumsum: 'initial' has shape (4,) instead of (3,)",
        ),
        (lambda: fused_scan.cumsum(x, initial=1j), TypeError, "'initial' is 1j, and the results"),
        (
            lambda: fused_scan.cumsum([1], initial=0.5),
            TypeError,
            "'initial' is 0.5, and the results",
        ),
        (
            lambda: fused_scan.cumsum(np.zeros((1,) * 9)),
            ValueError,
            "'x' has 9 dimensions, and at most 8 are supported",
        ),
        (lambda: fused_scan.cummax(x * 1j), TypeError, "cummax: complex numbers have no order"),
        (lambda: fused_scan.cummax(x, out=x), TypeError, "'out' must be a pair of arrays"),
        (
            lambda: fused_scan.cummax(np.zeros(200), out=(np.zeros(200), np.zeros(200, np.int8))),
            ValueError,
            "the type of 'indices' doesn't hold positions up to 199",
        ),
        (
            lambda: fused_scan.cummax(x, out=(np.zeros((3, 4)), x.view(np.int64))),
            ValueError,
            "arrays 'x' and 'indices' overlap in memory",
        ),
        (lambda: fused_scan.cummax(x, out=(x.copy(), x)), TypeError, "'out' has types float64 and"),
        (lambda: fused_scan.logcumsumexp(x * 1j), TypeError, "logcumsumexp: elements must be real"),
        (
            lambda: fused_scan.linear_recurrence(np.zeros(3), x),
            ValueError,
            "'a' of shape (3,) can't be broadcast to the shape of 'b', (3, 4)",
        ),
        (
            lambda: fused_scan.linear_recurrence(np.arange(4), np.arange(4)),
            TypeError,
            "'a' and 'b' have integers",
        ),
    ],
)
def test_sentences(call, error, sentence):
    before = x.copy()
    with pytest.raises(error, match=re.escape(sentence)):
        call()
    np.testing.assert_array_equal(x, before)


def test_writable_array_whose_elements_overlap():
    base = np.zeros(6)
    out = np.lib.stride_tricks.as_strided(base, (3, 4), (8, 8))
    with pytest.raises(ValueError, match="elements of array 'out', which is written, overlap"):
        fused_scan.cumsum(x, out=out)
    assert not base.any()


def test_unaligned_strides():
    fields = np.zeros(4, dtype=[("flag", "i1"), ("value", "f8")])
    with pytest.raises(TypeError, match="their strides are no multiples of their size"):
        fused_scan.cumsum(fields["value"])


class OnGpu:
    """What a CUDA array shows of itself by DLPack; there is nothing behind it."""

    class Tensor(ctypes.Structure):
        _fields_ = [
            ("data", ctypes.c_void_p),
            ("device_type", ctypes.c_int),
            ("device_id", ctypes.c_int),
            ("ndim", ctypes.c_int),
            ("code", ctypes.c_uint8),
            ("bits", ctypes.c_uint8),
            ("lanes", ctypes.c_uint16),
            ("shape", ctypes.POINTER(ctypes.c_int64)),
            ("strides", ctypes.POINTER(ctypes.c_int64)),
            ("byte_offset", ctypes.c_uint64),
            ("manager", ctypes.c_void_p),
            ("deleter", ctypes.c_void_p),
        ]

    def __dlpack_device__(self):
        return (2, 0)

    def __dlpack__(self, **_):
        self.shape, self.strides = (ctypes.c_int64 * 1)(3), (ctypes.c_int64 * 1)(1)
        self.tensor = self.Tensor(64, 2, 0, 1, 2, 32, 1, self.shape, self.strides, 0, None, None)
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = (
            ctypes.py_object,
            [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p],
        )
        return new(ctypes.addressof(self.tensor), b"dltensor", None)


def test_gpu_without_a_build_for_it():
    if fused_scan._core.info()["has_cuda"]:
        pytest.skip("built for CUDA")
    on_gpu = OnGpu()
    with pytest.raises(RuntimeError, match="this installation was built for the CPU only"):
        fused_scan._core.scan("plain_sum", "fused_scan.cumsum", on_gpu, OnGpu())
    with pytest.raises(ValueError, match="'out' is on another device than 'x'"):
        fused_scan._core.scan("plain_sum", "fused_scan.cumsum", on_gpu, np.ones(3, np.float32))
