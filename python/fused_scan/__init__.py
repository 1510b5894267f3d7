# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cumulative sums and their kin along any axis, for NumPy, PyTorch, CuPy and JAX arrays.

Sums are compensated: as exact as if they were rounded once. Arrays come in and go out without a
copy, and what comes in decides what comes out.

>>> import numpy as np, fused_scan
>>> fused_scan.cumsum(np.array([[0.1, 0.2, 0.3], [1, 2, 3]]))
array([[0.1, 0.3, 0.6],
       [1. , 3. , 6. ]])

=======================  ==================================================================
cumsum, cumprod          running sums and products
cummax, cummin           running extrema, and where they are
logcumsumexp             log(exp(x[0]) + .. + exp(x[i]))
segmented_cumsum         running sums that begin anew in each segment
linear_recurrence        h[i] = a[i] * h[i - 1] + b[i]
fused_scan.torch         PyTorch modules and functions (imported when it is first used)
python -m fused_scan     version, backends, devices
=======================  ==================================================================
"""

import atexit as _atexit
import importlib as _importlib

from . import _core
from ._core import __version__
from ._scans import (
    cummax,
    cummin,
    cumprod,
    cumsum,
    linear_recurrence,
    logcumsumexp,
    segmented_cumsum,
)

__all__ = [
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "linear_recurrence",
    "logcumsumexp",
    "segmented_cumsum",
    "torch",
]

_atexit.register(_core.stop)


def __getattr__(name):
    if name == "torch":
        return _importlib.import_module(".torch", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
