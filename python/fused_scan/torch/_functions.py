# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The scans for tensors, with torch's word for the axis."""

from torch import Tensor

from .. import _scans


def cumsum(x: Tensor, dim: int = -1, **options) -> Tensor:
    """fused_scan.cumsum with ``dim`` for the axis.

    >>> import torch, fused_scan.torch
    >>> fused_scan.torch.cumsum(torch.tensor([1, 2, 3]), dim=0)
    tensor([1, 3, 6])
    """
    return _scans.cumsum(x, dim, **options)


def cumprod(x: Tensor, dim: int = -1, **options) -> Tensor:
    """fused_scan.cumprod with ``dim`` for the axis."""
    return _scans.cumprod(x, dim, **options)


def logcumsumexp(x: Tensor, dim: int = -1, **options) -> Tensor:
    """fused_scan.logcumsumexp with ``dim`` for the axis."""
    return _scans.logcumsumexp(x, dim, **options)


def cummax(x: Tensor, dim: int = -1, **options) -> tuple[Tensor, Tensor]:
    """fused_scan.cummax with ``dim`` for the axis."""
    return _scans.cummax(x, dim, **options)


def cummin(x: Tensor, dim: int = -1, **options) -> tuple[Tensor, Tensor]:
    """fused_scan.cummin with ``dim`` for the axis."""
    return _scans.cummin(x, dim, **options)


def segmented_cumsum(x: Tensor, offsets: Tensor, dim: int = -1, **options) -> Tensor:
    """fused_scan.segmented_cumsum with ``dim`` for the axis."""
    return _scans.segmented_cumsum(x, offsets, dim, **options)


def linear_recurrence(a: Tensor | float, b: Tensor, dim: int = -1, **options) -> Tensor:
    """fused_scan.linear_recurrence with ``dim`` for the axis."""
    return _scans.linear_recurrence(a, b, dim, **options)


def fused_associative_scan(x: Tensor, dim: int = -1, reverse: bool = False) -> Tensor:
    """Cumulative sums along ``dim``; with ``reverse`` from the last element to the first.

    Differentiable, and traced by torch.compile. The type of the result is that of
    ``torch.cumsum``.

    >>> import torch
    >>> from fused_scan.torch import fused_associative_scan
    >>> fused_associative_scan(torch.tensor([1.0, 2.0, 3.0]), reverse=True)
    tensor([6., 5., 3.])
    """
    return _scans.cumsum(x, dim, reverse=reverse)
