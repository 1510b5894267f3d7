#!/usr/bin/env python3
# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How fast PyTorch sums up along an axis that is spread over GPUs, beside perf_distributed.

    python3 -m torch.distributed.run --nproc-per-node 4 peers_distributed.py > peers.jsonl

Every rank has a piece of axis 1, of floats, on its GPU; NCCL sends what is sent. Two ways:
- added: a local cumsum, an all-gather of what its lines end in, and an addition;
- carried: sums of the lines, an all-gather of them, and a cumsum whose first elements have been
  given what comes before: elements are read twice and written once, as ours are.

A line of JSON for each array, with the milliseconds of the slowest rank. Results are verified.
"""

import os
import time

import torch
import torch.distributed as dist

from peer_timing import emit, timed

SHAPES = [(8, 65536, 512), (1, 65536, 512), (1, 262144, 32), (4, 8192, 512)]


class Sums:
    """Of a piece x; the buffers are made once."""

    def __init__(self, x):
        self.x = x
        self.y = torch.empty_like(x)
        self.totals = [torch.empty_like(x[:, 0]) for _ in range(dist.get_world_size())]

    def before(self, total):
        dist.all_gather(self.totals, total)
        rank = dist.get_rank()
        return torch.stack(self.totals[:rank]).sum(0) if rank > 0 else None

    def alone(self):
        return torch.cumsum(self.x, 1, out=self.y)

    def added(self):
        self.alone()
        before = self.before(self.y[:, -1].contiguous())
        return self.y if before is None else self.y.add_(before.unsqueeze(1))

    def carried(self):
        before = self.before(self.x.sum(1))
        if before is None:
            return self.alone()
        first = self.x[:, 0].clone()
        self.x[:, 0] += before
        self.alone()
        self.x[:, 0] = first
        return self.y


def milliseconds(work):
    """Of the slowest rank; every rank makes as many calls."""

    def batch_time(calls):
        torch.cuda.synchronize()
        dist.barrier()
        start = time.perf_counter()
        for _ in range(calls):
            work()
        torch.cuda.synchronize()
        taken = torch.tensor(1e3 * (time.perf_counter() - start), device="cuda")
        dist.all_reduce(taken, dist.ReduceOp.MAX)
        return taken.item()

    return timed(batch_time, work)


def verify(sums):
    """Against a sum of the whole in doubles, on every rank."""
    pieces = [torch.empty_like(sums.x) for _ in range(dist.get_world_size())]
    dist.all_gather(pieces, sums.x)
    whole = torch.cumsum(torch.cat(pieces, 1).double(), 1)
    expected = whole.chunk(dist.get_world_size(), 1)[dist.get_rank()]
    scale = whole.abs().max()
    for way in (sums.added, sums.carried):
        assert (way() - expected).abs().max() < 1e-4 * scale, way.__name__


def main():
    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl")
    generator = torch.Generator("cuda").manual_seed(dist.get_rank())

    def piece(shape):
        return Sums(torch.rand(shape, generator=generator, device="cuda"))

    verify(piece((2, 4096, 32)))
    for shape in SHAPES:
        sums = piece(shape)
        record = {"shape": shape, "ranks": dist.get_world_size(), "torch": torch.__version__,
                  "device": torch.cuda.get_device_name()}
        for way in ("alone", "added", "carried"):
            record[way] = milliseconds(getattr(sums, way))
        if dist.get_rank() == 0:
            emit(record)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
