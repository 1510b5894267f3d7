#!/usr/bin/env python3
# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How fast the Python package is, beside torch.cumsum and numpy.cumsum.

    python_aims.py measure OUT.json [--only NAME...] [--small]
    python_aims.py table FILE.json...      the table of docs/python.md

Measured are the time of a call, arrays of many shapes on a CPU and large ones on a GPU, and
training steps of the layer. What needs a GPU is left out where there is none.
"""

import argparse
import functools
import json
import pathlib
import statistics
import time

import numpy as np
import torch

import fused_scan
import fused_scan.torch
import peer_timing
from peers_gpu import by_events, by_graph, versions

HAS_GPU = torch.cuda.is_available() and fused_scan._core.info()["has_cuda"]
DEVICES = ["cpu", "cuda"] if HAS_GPU else ["cpu"]


def by_clock(work, wait=lambda: None):
    """Milliseconds of a call on the host, without the wait at the end of a batch."""

    def batch_time(calls):
        wait()
        start = time.perf_counter()
        for _ in range(calls):
            work()
        return (time.perf_counter() - start) * 1e3

    return peer_timing.timed(batch_time, work)


def attempt(record, measure):
    try:
        record["milliseconds"] = measure()
    except Exception as error:
        record["error"] = peer_timing.reason(error)
    return record


# --- the time of a call ---------------------------------------------------------------------------

ELEMENTS = 1000
CALLS = {
    "torch.cumsum": lambda x: torch.cumsum(x, 0),
    "fused_scan.cumsum": lambda x: fused_scan.cumsum(x, 0),
    "fused_associative_scan": lambda x: fused_scan.torch.fused_associative_scan(x, 0),
}


def calls(small):
    """On the host: a GPU that is still at work is waited for between batches of at most 1000."""
    for device in DEVICES:
        x = torch.randn(ELEMENTS, device=device)
        wait = torch.cuda.synchronize if device == "cuda" else lambda: None
        for name, function in CALLS.items():
            # Work around it, so that there is something to compile.
            around = functools.partial(lambda function, x: function(2 * x) + 1, function)
            for mode in ("eager", "compiled"):
                torch._dynamo.reset()
                measured = function if mode == "eager" else torch.compile(around, fullgraph=True)
                yield attempt(
                    {"part": "call", "device": device, "mode": mode, "function": name},
                    lambda measured=measured, x=x, wait=wait: by_clock(lambda: measured(x), wait),
                )
    x = np.random.default_rng(0).standard_normal(ELEMENTS).astype(np.float32)
    for name, function in (("numpy.cumsum", np.cumsum), ("fused_scan.cumsum", fused_scan.cumsum)):
        yield attempt(
            {"part": "call", "device": "cpu", "mode": "numpy", "function": name},
            lambda function=function: by_clock(lambda: function(x)),
        )


# --- arrays ---------------------------------------------------------------------------------------


def drawn_shapes(count):
    """(outer, length, inner) of the sweep that docs/performance_cpu.md shows."""
    sweep = pathlib.Path(__file__).parents[1] / "docs" / "performance_cpu" / "sweep.json"
    records = json.loads(sweep.read_text())["records"]
    return [tuple(record["shape"]) for record in records if record["drawn"]][:count]


def arrays_on_cpu(small):
    for shape in [(4, 512, 32)] if small else drawn_shapes(20):
        x = torch.randn(shape)
        y = torch.empty_like(x)
        a, b = x.numpy(), y.numpy()
        for name, work in (
            ("fused_scan.cumsum", lambda: fused_scan.cumsum(a, 1, out=b)),
            ("numpy.cumsum", lambda: np.cumsum(a, 1, out=b)),
            ("torch.cumsum", lambda: torch.cumsum(x, 1, out=y)),
        ):
            record = {"part": "array", "device": "cpu", "shape": shape, "function": name}
            yield attempt(record, lambda work=work: by_clock(work))


LARGE = [(1, 1 << 26, 1), (16384, 4096, 1), (4, 8192, 512), (8, 65536, 128)]


def arrays_on_gpu(small):
    for shape in [(4, 512, 32)] if small else LARGE:
        for dtype in (torch.float32, torch.float64, torch.bfloat16):
            x = torch.randn(shape, device="cuda").to(dtype)
            y = torch.empty_like(x)
            about = {"part": "array", "device": "cuda", "shape": shape, "dtype": str(dtype)}

            def scan(x=x, y=y):
                fused_scan.cumsum(x, 1, out=y)

            for name, timed, work in (
                ("fused_scan.cumsum", by_events, scan),
                ("its kernels alone", by_graph, scan),
                ("torch.cumsum", by_events, lambda x=x, y=y: torch.cumsum(x, 1, out=y)),
                ("copy", by_events, lambda x=x, y=y: y.copy_(x)),
            ):
                yield attempt(about | {"function": name}, lambda t=timed, w=work: t(w))


# --- the layer ------------------------------------------------------------------------------------

LAYERS = [(4, 2048, 256, 32), (4, 8192, 512, 32)]
MODES = ("eager", "compiled", "captured")


def layers(small):
    for shape in [(2, 64, 32, 8)] if small else LAYERS:
        batch, length, d_model, rank = shape
        torch.manual_seed(0)
        layer = fused_scan.torch.AdaptiveRankSemiseparableLayer(d_model, rank, device="cuda")
        x = torch.randn(batch, length, d_model, device="cuda")
        for precision in ("float32", "bfloat16 autocast"):
            for fused in (True, False):
                layer.use_fused_scan = fused
                for mode in MODES:
                    torch._dynamo.reset()
                    called = torch.compile(layer, dynamic=False) if mode == "compiled" else layer

                    def step(called=called, layer=layer, x=x, precision=precision):
                        layer.zero_grad(set_to_none=True)
                        with torch.autocast("cuda", torch.bfloat16, enabled=precision != "float32"):
                            y, diagnostics = called(x)
                            loss = y.square().mean() + diagnostics["gate_l1_loss"]
                        loss.backward()

                    record = {"part": "layer", "shape": shape, "precision": precision,
                              "function": "fused_scan" if fused else "torch.cumsum", "mode": mode}
                    # What is captured waits for no host: that is the GPU's time alone.
                    timed = by_graph if mode == "captured" else by_events
                    yield attempt(record, lambda timed=timed, step=step: timed(step))


PARTS = {"calls": calls, "cpu": arrays_on_cpu}
if HAS_GPU:
    PARTS |= {"gpu": arrays_on_gpu, "layers": layers}


def measure(arguments):
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    info = fused_scan._core.info()
    machine = {"torch": torch.__version__, "numpy": np.__version__, "threads": info["threads"],
               "kokkos": info["kokkos"], "fused_scan": info["version"]}
    if HAS_GPU:
        machine |= versions()
    records = []
    for name, part in PARTS.items():
        if arguments.only and name not in arguments.only:
            continue
        for record in part(arguments.small):
            records.append(record)
            print(json.dumps(record), flush=True)
            # After each, so that a run that is ended leaves what it has.
            with open(arguments.out, "w") as file:
                json.dump({"machine": machine, "records": records}, file, indent=1)
                file.write("\n")


# --- the table ------------------------------------------------------------------------------------


class Records:
    def __init__(self, files):
        self.records, self.machine = [], {}
        for name in files:
            with open(name) as file:
                content = json.load(file)
            self.records += content["records"]
            self.machine |= content["machine"]

    def some(self, **about):
        return [r for r in self.records if all(r.get(k) == v for k, v in about.items())]

    def time(self, **about):
        for record in self.some(**about):
            return record.get("milliseconds")
        return None


def number(x, digits=2, unit=""):
    return "-" if x is None else f"{x:.{digits}f}{unit}"


def ratio(a, b):
    return None if a is None or b is None else a / b


def call_rows(records):
    for device, mode in (("cpu", "eager"), ("cuda", "eager"), ("cpu", "compiled"),
                         ("cuda", "compiled"), ("cpu", "numpy")):
        peer = "numpy.cumsum" if mode == "numpy" else "torch.cumsum"
        about = {"part": "call", "device": device, "mode": mode}
        ours, theirs = (records.time(**about, function=name)
                        for name in ("fused_scan.cumsum", peer))
        if ours is None or theirs is None:
            continue
        aim = {"eager": "+5", "compiled": "+2", "numpy": ""}[mode]
        name = f"{ELEMENTS} elements, {device.upper()}" + ("" if mode == "numpy" else f", {mode}")
        yield (f"a call on {name}", f"{theirs * 1e3:.1f} µs ({peer})", f"{ours * 1e3:.1f} µs",
               f"{(ours - theirs) * 1e3:+.1f} µs", f"{aim} µs" if aim else "")


def array_rows(records):
    ahead = []
    for record in records.some(part="array", device="cpu", function="fused_scan.cumsum"):
        peers = [records.time(part="array", device="cpu", shape=record["shape"], function=name)
                 for name in ("numpy.cumsum", "torch.cumsum")]
        if "milliseconds" in record and None not in peers:
            ahead.append(min(peers) / record["milliseconds"])
    if ahead:
        won = sum(r > 1 for r in ahead)
        yield (f"{len(ahead)} drawn shapes of floats, CPU, beside the faster of "
               "numpy and torch", "",
               f"ahead in {won} of {len(ahead)}",
               f"{statistics.median(ahead):.2f} in the middle", "19 of 20")
    for record in records.some(part="array", device="cuda", function="fused_scan.cumsum"):
        about = {k: record[k] for k in ("part", "device", "shape", "dtype")}
        ours, kernels, theirs, copy = (
            records.time(**about, function=name)
            for name in ("fused_scan.cumsum", "its kernels alone", "torch.cumsum", "copy"))
        shape = " x ".join(str(n) for n in record["shape"])
        dtype = record["dtype"].removeprefix("torch.")
        yield (f"({shape}) along the second, {dtype}, CUDA", number(theirs, 3, " ms"),
               number(ours, 3, " ms"), number(ratio(theirs, ours), 1, " times"),
               f"{number(ratio(copy, ours))} of a copy; {number(ratio(kernels, ours))} of its "
               "kernels' speed (aim 0.98)")


def layer_rows(records):
    for record in records.some(part="layer", function="fused_scan", mode="eager"):
        about = {k: record[k] for k in ("part", "shape", "precision")}
        names = {"eager": "", "compiled": ", compiled", "captured": ", replayed from a CUDA graph"}
        aim = "4 times" if record["shape"] == list(LAYERS[0]) else "6 times"
        for mode in MODES:
            ours, theirs = (records.time(**about, function=name, mode=mode)
                            for name in ("fused_scan", "torch.cumsum"))
            yield (f"training step, {tuple(record['shape'])}, {record['precision']}{names[mode]}",
                   number(theirs, 2, " ms"), number(ours, 2, " ms"),
                   number(ratio(theirs, ours), 1, " times"),
                   {"eager": aim, "compiled": "ahead", "captured": ""}[mode])


def table(arguments):
    records = Records(arguments.files)
    print("| what | peer | ours | difference | aim |\n|---|---|---|---|---|")
    for rows in (call_rows, array_rows, layer_rows):
        for row in rows(records):
            print("| " + " | ".join(row) + " |")
    errors = sorted({f"{r['function']} ({r.get('mode', '')}): {r['error']}"
                     for r in records.records if "error" in r})
    for error in errors:
        print(f"\nNot measured: {error}")
    print("\n" + ", ".join(f"{key} {value}" for key, value in records.machine.items()))


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    commands = options.add_subparsers(dest="command", required=True)
    one = commands.add_parser("measure")
    one.add_argument("out")
    one.add_argument("--only", nargs="+", choices=list(PARTS))
    one.add_argument("--small", action="store_true", help="small shapes, for a try")
    one.set_defaults(run=measure)
    other = commands.add_parser("table")
    other.add_argument("files", nargs="+")
    other.set_defaults(run=table)
    arguments = options.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
