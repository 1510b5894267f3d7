# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""fused_scan for PyTorch: differentiable scans, traced by torch.compile, and the AR-SSM layer.

>>> import torch, fused_scan.torch
>>> x = torch.ones(2, 3, requires_grad=True)
>>> y = fused_scan.torch.fused_associative_scan(x, dim=1)
>>> y.sum().backward()
>>> x.grad
tensor([[3., 2., 1.],
        [3., 2., 1.]])

fused_scan.cumsum and the others take tensors as well, and are what stands here under dim instead of
axis.
"""

from ._functions import (
    cummax,
    cummin,
    cumprod,
    cumsum,
    fused_associative_scan,
    linear_recurrence,
    logcumsumexp,
    segmented_cumsum,
)
from ._layer import AdaptiveRankSemiseparableLayer

__all__ = [
    "AdaptiveRankSemiseparableLayer",
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "fused_associative_scan",
    "linear_recurrence",
    "logcumsumexp",
    "segmented_cumsum",
]
