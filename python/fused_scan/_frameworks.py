# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which framework an array is of."""

import sys

import numpy as np

from ._numpy import NUMPY

_of_type = {np.ndarray: NUMPY}


def framework_of(x, function):
    """The framework of an array; anything that isn't an array is one of NumPy's to be."""
    kind = type(x)
    found = _of_type.get(kind)
    if found is None:
        found = _of_type[kind] = _find(x, function)
    return found


def _find(x, function):
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        from .torch._framework import TORCH

        return TORCH
    for base in type(x).__mro__:
        package = base.__module__.partition(".")[0]
        if package == "cupy":
            from ._cupy import CUPY

            return CUPY
        if package in ("jax", "jaxlib"):
            from ._jax import JAX

            return JAX
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"fused_scan.{function}: masked arrays are not supported")
    return NUMPY
