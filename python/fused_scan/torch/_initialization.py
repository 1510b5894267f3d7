# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Initial weights whose spectrum follows the primes, "prime bump"."""

import math

import torch


def _primes_below(limit):
    return [p for p in range(2, limit) if all(p % q for q in range(2, math.isqrt(p) + 1))]


def prime_bump(rows, columns):
    """A (rows, columns) matrix of doubles whose largest singular value is 1.

    Its singular values are logarithms of primes, drawn with replacement with a probability
    proportional to log p / p^0.6, with noise of variance 0.1. Numbers come from torch's generator
    of the CPU, so that a seed means the same on every device.
    """
    rank = min(rows, columns)
    primes = _primes_below(2 * rank) if rank > 1 else [2, 3, 5, 7, 11, 13, 17, 19]
    primes = torch.tensor(primes, dtype=torch.double)
    drawn = torch.multinomial(primes.log() / primes**0.6, rank, replacement=True)
    noise = math.sqrt(0.1) * torch.randn(rank, dtype=torch.double)
    sigma = (primes.log()[drawn] + noise).sort(descending=True).values
    sigma = sigma / sigma.abs().max()
    left = torch.linalg.qr(torch.randn(rows, rank, dtype=torch.double)).Q
    right = torch.linalg.qr(torch.randn(columns, rank, dtype=torch.double)).Q
    return (left * sigma) @ right.T


@torch.no_grad()
def initialize(layer):
    """Sets all parameters of an AR-SSM layer."""
    for linear in (layer.complexity_gate[0], layer.complexity_gate[2]):
        rows, columns = linear.weight.shape
        limit = math.sqrt(6 / (rows + columns))
        linear.weight.copy_(limit * (2 * torch.rand(rows, columns, dtype=torch.double) - 1))
        linear.bias.zero_()
    for weight in (layer.U_proj.weight, layer.V_proj.weight, layer.output_proj.weight):
        weight.copy_(prime_bump(*weight.shape))
    if layer.d_model == 1:
        taps = (2 * torch.rand(1, 3, dtype=torch.double) - 1) / math.sqrt(3)
    else:
        taps = prime_bump(layer.d_model, 3)
    layer.T_conv.weight.copy_(taps.unsqueeze(1))
    layer.output_proj.bias.zero_()
