# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The bits are those of the C++ library: of the program that FUSED_SCAN_PROGRAM names."""

import os
import subprocess

import numpy as np
import pytest

import fused_scan

PROGRAM = os.environ.get("FUSED_SCAN_PROGRAM")
pytestmark = pytest.mark.skipif(
    not PROGRAM, reason="FUSED_SCAN_PROGRAM names no program fused-scan"
)

SCANS = {
    "compensated-sum": fused_scan.cumsum,
    "sum": lambda x, axis, **options: fused_scan.cumsum(x, axis, compensated=False, **options),
    "prod": fused_scan.cumprod,
    "max": lambda x, axis, **options: fused_scan.cummax(x, axis, **options)[0],
    "min": lambda x, axis, **options: fused_scan.cummin(x, axis, **options)[0],
}


@pytest.mark.parametrize("operator", SCANS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64])
def test_bits_of_the_program(operator, dtype, tmp_path):
    h5py = pytest.importorskip("h5py")
    random = np.random.default_rng(0)
    x = (1 + random.standard_normal((5, 300, 7)) / 8) * 2.0 ** random.integers(0, 3, (5, 300, 7))
    x = x.astype(dtype)
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["x"] = x
    for axis in range(3):
        for reverse, exclusive in ((False, False), (True, False), (False, True), (True, True)):
            (tmp_path / "out.h5").unlink(missing_ok=True)
            flags = ["--reverse"] * reverse + ["--exclusive"] * exclusive
            subprocess.run(
                [
                    PROGRAM,
                    "scan",
                    f"{tmp_path}/in.h5:/x",
                    f"{tmp_path}/out.h5:/y",
                    "--axis",
                    str(axis),
                    "--op",
                    operator,
                    *flags,
                ],
                check=True,
                capture_output=True,
            )
            with h5py.File(tmp_path / "out.h5") as file:
                expected = file["y"][...]
            y = SCANS[operator](x, axis, reverse=reverse, exclusive=exclusive)
            assert y.dtype == expected.dtype and y.tobytes() == expected.tobytes(), (axis, flags)
