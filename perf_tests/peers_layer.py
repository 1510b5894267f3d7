#!/usr/bin/env python3
# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How fast the AR-SSM layer is in PyTorch on a GPU, in float32.

    peers_layer.py [--small] > layer_peers.jsonl
"""

import argparse
import math

import torch
import torch.nn.functional as F

from peer_timing import emit, reason
from peers_gpu import by_events, by_graph, versions

LAYERS = [(4, 8192, 512, 32), (1, 65536, 256, 32), (4, 2048, 256, 32)]
SMALL_LAYERS = [(2, 64, 32, 8)]


def parameters(d, r):
    h = max(d // 4, 1)
    shapes = {"taps": (d, 1, 3), "w0": (h, d), "b0": (h,), "w2": (r, h), "b2": (r,), "u": (r, d),
              "v": (r, d), "o": (d, r), "bias": (d,)}
    return {name: (torch.randn(shape, device="cuda") / math.sqrt(shape[-1])).requires_grad_()
            for name, shape in shapes.items()}


def layer(x, p):
    t = F.conv1d(x.transpose(1, 2), p["taps"], padding=1, groups=x.shape[2]).transpose(1, 2)
    gates = torch.sigmoid(F.linear(torch.relu(F.linear(x, p["w0"], p["b0"])), p["w2"], p["b2"]))
    u = F.linear(x, p["u"]) * gates
    v = F.linear(x, p["v"]) * gates
    return t + F.linear(torch.cumsum(u, 1) * v, p["o"], p["bias"])


def time_layer(shape):
    batch, length, d, r = shape
    x = torch.randn(batch, length, d, device="cuda", requires_grad=True)
    p = parameters(d, r)
    with torch.no_grad():
        expected = layer(x.double(), {name: value.double() for name, value in p.items()})

    def add_record(peer, part, timed):
        record = {"shape": shape, "peer": peer, "pass": part}
        try:
            record["milliseconds"] = timed()
        except Exception as error:
            record["error"] = reason(error)
        emit(record)

    def add_layer(peer, function):
        def forward():
            with torch.no_grad():
                return function(x, p)

        def checked_forward():
            y = forward()
            error = ((y - expected).norm() / expected.norm()).item()
            if not error < 1e-4:
                raise ArithmeticError(f"wrong result: relative error {error:.1e}")
            return by_events(forward)

        def both():
            torch.autograd.grad(function(x, p), [x, *p.values()], x.detach())

        add_record(peer, "forward", checked_forward)
        add_record(peer, "forward+backward", lambda: by_events(both))

    add_layer("PyTorch eager", layer)
    torch._dynamo.reset()
    add_layer("torch.compile", torch.compile(layer, dynamic=False))

    # Its dense products alone, into memory that is there.
    rows = x.detach().reshape(-1, d)
    weights = {name: value.detach().t() for name, value in p.items() if value.dim() == 2}
    chain = [(rows, "w0"), (None, "w2"), (rows, "u"), (rows, "v"), (None, "o")]
    outs = [torch.empty(len(rows), weights[name].shape[1], device="cuda") for _, name in chain]

    def products():
        for i, (left, name) in enumerate(chain):
            torch.mm(outs[i - 1] if left is None else left, weights[name], out=outs[i])

    add_record("PyTorch eager", "products", lambda: by_graph(products))


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("--small", action="store_true", help="a small shape, for a try")
    arguments = options.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    for shape in SMALL_LAYERS if arguments.small else LAYERS:
        time_layer(shape)
    emit({"machine": versions()})


if __name__ == "__main__":
    main()
