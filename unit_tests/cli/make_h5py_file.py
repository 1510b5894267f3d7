# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes written_by_h5py.h5: numbers of every type in /x as h5py writes them, and in /expected their
cumulative sums along axis 1 by NumPy. All the sums can be represented exactly."""

import h5py
import numpy as np

TYPES = (
    "float16 float32 float64 >f2 >f4 >f8 complex64 complex128 >c8 >c16 "
    "int8 int16 int32 int64 uint8 uint16 uint32 uint64 >i2 >i4 >i8 >u4 >u8"
).split()

random = np.random.default_rng(1)
with h5py.File("written_by_h5py.h5", "w") as file:
    for name in TYPES:
        dtype = np.dtype(name)
        x = random.integers(0, 20, (2, 5, 3)).astype(float if dtype.kind in "fc" else dtype)
        if dtype.kind in "fc":
            x += x % 8 / 8
        if dtype.kind in "fi":
            x[1] *= -1
        if dtype.kind == "c":
            x = x - 1j * x[:, ::-1]
        x = x.astype(dtype)
        file["x/" + name] = x
        file["expected/" + name] = np.cumsum(x, axis=1, dtype=dtype)
    file["bool"] = np.array([True, False])
    file["strings"] = ["one", "two"]
    file["empty"] = h5py.Empty("f4")
    file["scalar"] = 1.0
