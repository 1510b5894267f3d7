#!/usr/bin/env python3
# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How fast others compute the linear recurrences and the segments that perf_recurrence has measured.

    peers_recurrence.py RECURRENCE.json [--seconds S] [--only NAME...] > peers.jsonl

On a GPU, in floats. A line of JSON for each array, and at the end a table in Markdown on standard
error: how many times ours a peer takes, or why there is no time. Every result is verified.
"""

import argparse
import json
import sys
import time

import torch

from peer_timing import emit, reason
from peers import peers_of
from peers_gpu import Cub, Jax, by_events, by_graph, elapsed, versions

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None


def compose(first, then):
    """Of maps h -> a h + b, the first one first."""
    return then[0] * first[0], then[0] * first[1] + then[1]


# --- recurrences: prepare(a, b) returns what is to be timed, and what then returns h ---------------


class TorchAssociativeScan:
    """Compiled; what it allocates for itself keeps it out of a graph of our own."""
    timed = staticmethod(by_events)

    def __init__(self):
        from torch._higher_order_ops.associative_scan import associative_scan
        self.scan = associative_scan

    def prepare(self, a, b):
        torch._dynamo.reset()
        compiled = torch.compile(
            lambda a, b: self.scan(compose, (a, b), 1, combine_mode="pointwise")[1], dynamic=False)
        compiled(a, b)
        return lambda: compiled(a, b), lambda: compiled(a, b)


if triton:

    @triton.jit
    def composed(a, b, next_a, next_b):
        return next_a * a, next_a * b + next_b

    @triton.jit
    def recurrence_of_row(a, b, h, length, SIZE: tl.constexpr):
        """A program walks along its own row."""
        places = tl.arange(0, SIZE)
        at = tl.program_id(0).to(tl.int64) * length + places
        before = tl.zeros((1,), tl.float32)
        for first in range(0, length, SIZE):
            mask = first + places < length
            maps = (tl.load(a + at, mask=mask, other=1.0), tl.load(b + at, mask=mask, other=0.0))
            product, state = tl.associative_scan(maps, 0, composed)
            state += product * before
            tl.store(h + at, state, mask=mask)
            before = tl.zeros((1,), tl.float32) + tl.sum(tl.where(places == SIZE - 1, state, 0.0), 0)
            at += SIZE

    @triton.jit
    def recurrence_of_columns(a, b, h, length, inner, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
        """A program walks down its own columns."""
        blocks = tl.cdiv(inner, COLUMNS)
        outer = (tl.program_id(0) // blocks).to(tl.int64)
        rows = tl.arange(0, ROWS)
        columns = tl.program_id(0) % blocks * COLUMNS + tl.arange(0, COLUMNS)
        at = (outer * length + rows.to(tl.int64)[:, None]) * inner + columns[None, :]
        before = tl.zeros((COLUMNS,), tl.float32)
        for first in range(0, length, ROWS):
            mask = (first + rows < length)[:, None] & (columns < inner)[None, :]
            maps = (tl.load(a + at, mask=mask, other=1.0), tl.load(b + at, mask=mask, other=0.0))
            product, state = tl.associative_scan(maps, 0, composed)
            state += product * before[None, :]
            tl.store(h + at, state, mask=mask)
            before = tl.sum(tl.where((rows == ROWS - 1)[:, None], state, 0.0), 0)
            at += ROWS * inner


class Triton:
    timed = staticmethod(by_graph)

    def __init__(self):
        if triton is None:
            raise ImportError("no module named triton")

    def prepare(self, a, b):
        """The fastest of a few sizes."""
        h = torch.empty_like(b)
        outer, length, inner = b.shape
        if inner == 1:
            candidates = [
                lambda s=size, w=warps: recurrence_of_row[(outer,)](
                    a, b, h, length, SIZE=s, num_warps=w)
                for size, warps in ((1024, 4), (2048, 8), (4096, 8))]
        else:
            candidates = [
                lambda r=rows, c=columns, w=warps:
                recurrence_of_columns[(outer * triton.cdiv(inner, c),)](
                    a, b, h, length, inner, ROWS=r, COLUMNS=c, num_warps=w)
                for rows, columns, warps in ((64, 32, 4), (128, 32, 8), (64, 16, 4))]
        for work in candidates:
            work()  # compiles it
        return min(candidates, key=elapsed), lambda: h


class JaxAssociativeScan(Jax):
    def __init__(self):
        super().__init__()
        self.scan = self.jax.jit(
            lambda a, b: self.jax.lax.associative_scan(compose, (a, b), axis=1)[1])

    def prepare(self, a, b):
        torch.cuda.synchronize()
        arrays = [self.jax.dlpack.from_dlpack(x) for x in (a, b)]

        def work():
            self.y = self.scan(*arrays)

        return work, lambda: torch.from_dlpack(self.y.block_until_ready())


# --- segments: prepare(x, lengths) returns what is to be timed, and what then returns the sums ------


class CubByKey(Cub):
    timed = staticmethod(by_graph)

    def __init__(self):
        super().__init__("sums_by_key")

    def prepare(self, x, lengths):
        """The key of an element is the number of its segment."""
        keys = torch.repeat_interleave(
            torch.arange(lengths.numel(), device="cuda", dtype=torch.int32), lengths)
        return self.prepared(keys, x)


MAKERS = {
    "torch.associative_scan": TorchAssociativeScan,
    "Triton": Triton,
    "jax.lax.associative_scan": JaxAssociativeScan,
    "CUB by key": CubByKey,
}


# --- data, and whether results are right -----------------------------------------------------------


def recurrence_data(record):
    shape = record["shape"]
    return (torch.rand(shape, device="cuda"), torch.randn(shape, device="cuda")), follows


def follows(h, a, b):
    """Whether each h is a times the one before it plus b, in the first slab and the last."""
    for slab in {0, len(h) - 1}:
        found, product = h[slab].double(), a[slab].double()
        product[0] = 0
        product[1:] *= found[:-1]
        if not bool(((found - product - b[slab]).abs() <= 1e-4 * (1 + product.abs())).all()):
            return False
    return True


def segment_lengths(what, size):
    if what == "7":
        lengths = torch.full((size // 7,), 7)
    elif what == "one line":
        lengths = torch.tensor([size])
    elif what.startswith("10^7"):
        shorts = torch.full((size // 220,), 10)
        lengths = torch.cat([shorts, torch.tensor([size - 20 * len(shorts)]), shorts])
    else:
        lengths = torch.exp2(16 * torch.rand(size // 1000)).round().long()
        lengths = lengths[: int((lengths.cumsum(0) <= size).sum())]
    rest = size - int(lengths.sum())
    return torch.cat([lengths, torch.tensor([rest])]) if rest else lengths


def segment_data(record):
    """Whole numbers, whose running sums in double are exact."""
    size = record["shape"][1]
    lengths = segment_lengths(record["what"], size).cuda()
    x = torch.randint(-1, 2, (size,), device="cuda").float()
    return (x, lengths), sums_are_right


def sums_are_right(y, x, lengths):
    sums = torch.cumsum(x, 0, dtype=torch.float64)
    ends = torch.cumsum(lengths, 0)
    before = torch.cat([sums.new_zeros(1), sums[ends[:-1] - 1]])
    return torch.equal(y.double(), sums - torch.repeat_interleave(before, lengths))


def measured(peer, data, right):
    work, result = peer.prepare(*data)
    work()
    if not right(result(), *data):
        raise ArithmeticError("wrong result")
    return peer.timed(work, False)


def row_of(record, found, names):
    cells = [f"{record['what']} {tuple(record['shape'])}", f"{record['ours']:.4f}"]
    for name in names:
        milliseconds = found["milliseconds"].get(name)
        cells.append("-" if milliseconds is None
                     else f"{milliseconds:.4f} ({milliseconds / record['ours']:.2f}x)")
    return f"| {' | '.join(cells)} |"


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("file", help="perf_recurrence's")
    options.add_argument("--seconds", type=float, default=60, help="for all arrays of a peer")
    options.add_argument("--only", nargs="+", metavar="NAME", help="of these peers alone")
    arguments = options.parse_args()
    peers = peers_of(sys.modules[__name__], arguments.only)
    spent = dict.fromkeys(peers, 0.0)
    rows, failures = [], {}
    with open(arguments.file) as file:
        records = json.load(file)["records"]
    for record in records:
        of_segments = record["part"] == "segments"
        if not of_segments and (record["part"], record["what"], record["type"]) != (
                "named", "forward", "float"):
            continue
        found = {"what": record["what"], "shape": record["shape"], "milliseconds": {}, "errors": {}}
        data = None
        for name, peer in peers.items():
            if isinstance(peer, CubByKey) != of_segments:
                continue
            start = time.monotonic()
            try:
                if spent[name] > arguments.seconds:
                    raise TimeoutError(f"given up after {arguments.seconds:.0f} s")
                if data is None:
                    torch.cuda.empty_cache()
                    data, right = (segment_data if of_segments else recurrence_data)(record)
                found["milliseconds"][name] = measured(peer, data, right)
            except Exception as error:
                found["errors"][name] = reason(error)
                failures.setdefault(f"{name}: {reason(error)}", []).append(tuple(record["shape"]))
            spent[name] += time.monotonic() - start
        emit(found)
        rows.append(row_of(record, found, peers))
    emit({"machine": versions()})
    print("\n".join(["| | ours, ms | " + " | ".join(peers) + " |", "|---" * (2 + len(peers)) + "|",
                     *rows, "", *(f"- {why}: {shapes}" for why, shapes in failures.items())]),
          file=sys.stderr)


if __name__ == "__main__":
    main()
