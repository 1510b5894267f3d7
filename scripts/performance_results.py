# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What was measured, as scripts/performance left it, and how it is written down."""

import json


class Results:
    """The JSON files of a folder."""

    def __init__(self, target, folder):
        self.target = target
        self.folder = folder
        self.files = {}
        for name in target.names:
            path = folder / f"{name}.json"
            if path.exists():
                self.files[name] = json.loads(path.read_text())
        self.runs = {name: {tuple(record["shape"]): record for record in self.records(name)}
                     for name in target.runs}
        self.peers = {}  # shape -> peer -> milliseconds
        self.failures = {}  # (peer, reason) -> number of shapes
        for name in target.peers:
            for record in self.records(name):
                self.peers.setdefault(tuple(record["shape"]), {}).update(record["milliseconds"])
                for peer, reason in record["errors"].items():
                    self.failures[peer, reason] = self.failures.get((peer, reason), 0) + 1
        for name in target.runs:
            for shape, record in self.runs[name].items():
                kokkos = {method: time for method, time in record["milliseconds"].items()
                          if method.startswith("Kokkos::")}
                self.peers.setdefault(shape, {}).update(kokkos)

    def records(self, name):
        return self.files.get(name, {}).get("records", [])

    def time(self, run, shape, method):
        return self.runs[run].get(shape, {}).get("milliseconds", {}).get(method)

    def speed(self, run, shape, method):
        """In GB/s, of floats read once and written once."""
        time = self.time(run, shape, method)
        return time and 8e-6 * shape[0] * shape[1] * shape[2] / time

    def share(self, run, shape, method="CompensatedSum"):
        return ratio(self.time(run, shape, "copy"), self.time(run, shape, method))

    def peer_share(self, run, shape, peer):
        return ratio(self.time(run, shape, "copy"), self.peers.get(shape, {}).get(peer))

    def drawn(self, run):
        return [shape for shape, record in self.runs[run].items() if record["drawn"]]

    def shares(self, run, method):
        """Of the drawn shapes, from the lowest."""
        found = [self.share(run, shape, method) for shape in self.drawn(run)]
        return sorted(share for share in found if share is not None)

    def fastest_peer(self, shape):
        """Its name and its time."""
        times = self.peers.get(shape, {})
        return min(times.items(), key=lambda item: item[1]) if times else (None, None)

    def peer_names(self):
        return list(dict.fromkeys(peer for times in self.peers.values() for peer in times))


def quantile(values, at):
    """Of sorted values, between neighbours in proportion."""
    place = at * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (place - below) * (values[above] - values[below])


def quantiles(values):
    return [quantile(values, at) for at in (0, 0.05, 0.25, 0.5)] if values else [None] * 4


def ratio(a, b):
    return None if a is None or not b else a / b


def number(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def share_text(value):
    return number(value, 3 if value is not None and value < 0.1 else 2)


def milliseconds(value):
    return "-" if value is None else f"{value:.4f}" if value < 1 else f"{value:.2f}"


def times(value):
    return "-" if value is None else f"{value:.{2 if value < 10 else 0}f}x"


def verdict(met):
    return "-" if met is None else "yes" if met else "**no**"


def against(value, aim):
    """A share, and bold what it should have been."""
    if value is None or aim is None:
        return share_text(value)
    return f"{share_text(value)} ({number(aim)})" if value >= aim else (
        f"**{share_text(value)}** ({number(aim)})")


def text_of(shape):
    return "(" + ", ".join(map(str, shape)) + ")"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"
