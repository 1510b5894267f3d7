#!/usr/bin/env python3
# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How fast other libraries scan the arrays that perf_sweep has scanned: floats, plain sums.

    peers.py cpu|gpu SWEEP.json... [--fastest] [--only NAME...] > peers.jsonl

A line of JSON for each shape: milliseconds by peer, and why a peer has none. Every result is
verified. A peer whose shapes take longer than --seconds is given up, and its records say so.
"""

import argparse
import importlib
import json
import sys
import time

from peer_timing import emit, reason


def shapes_of(files):
    """Each once, in the order of the files."""
    shapes = {}
    for file in files:
        with open(file) as text:
            for record in json.load(text)["records"]:
                shapes.setdefault(tuple(record["shape"]))
    return list(shapes)


def peers_of(device, only):
    peers = {}
    for name, make in device.MAKERS.items():
        if only and name not in only:
            continue
        try:
            peers[name] = make()
        except Exception as error:
            emit({"missing": name, "reason": reason(error)})
    return peers


def measured(device, peer, x, wanted, fastest):
    work, result = peer.prepare(x)
    work()
    if not device.equal(result(), wanted):
        raise ArithmeticError("wrong result")
    return getattr(peer, "timed", device.timed)(work, fastest)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("device", choices=["cpu", "gpu"])
    options.add_argument("files", nargs="+", help="perf_sweep's, whose shapes are scanned")
    options.add_argument("--seconds", type=float, default=150, help="for all shapes of a peer")
    options.add_argument("--fastest", action="store_true", help="the fastest batch, not the median")
    options.add_argument("--only", nargs="+", metavar="NAME", help="of these peers alone")
    arguments = options.parse_args()
    device = importlib.import_module("peers_" + arguments.device)
    peers = peers_of(device, arguments.only)
    spent = dict.fromkeys(peers, 0.0)
    for shape in shapes_of(arguments.files):
        x, wanted = device.data(shape)
        record = {"shape": shape, "milliseconds": {}, "errors": {}}
        for name, peer in peers.items():
            start = time.monotonic()
            try:
                if spent[name] > arguments.seconds:
                    raise TimeoutError(f"given up after {arguments.seconds:.0f} s")
                record["milliseconds"][name] = measured(device, peer, x, wanted, arguments.fastest)
            except Exception as error:
                record["errors"][name] = reason(error)
            spent[name] += time.monotonic() - start
        emit(record)
    emit({"machine": device.versions()})
    print({name: round(seconds, 1) for name, seconds in spent.items()}, file=sys.stderr)


if __name__ == "__main__":
    main()
