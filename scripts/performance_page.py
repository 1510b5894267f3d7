# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The pages on performance, their pictures, and the tables of README.md."""

import pathlib
import re
import subprocess
import tempfile

from performance_results import (Results, against, milliseconds, number, quantile, quantiles, ratio,
                                 share_text, table, text_of, times, verdict)
from performance_targets import BLOCKS, COMPENSATED, LAYERS, PRODUCTS_AIM, SUM

QUANTILES = ["worst", "5%", "25%", "median"]
COPY = {"gpu": "the fastest way to copy: the faster of `Kokkos::deep_copy` and a kernel that moves 16 "
               "bytes a thread",
        "cpu": "a plain copy, by loads and stores, of the same array in the same run"}


def sweep_section(r):
    rows = []
    for row in r.target.rows:
        values = r.shares(row.run, row.method)
        if values:
            rows.append([row.label, len(values), *map(against, quantiles(values), row.aims)])
    drawn = r.drawn("sweep")
    sums = [ratio(r.time("sweep", shape, COMPENSATED), r.time("sweep", shape, SUM)) for shape in drawn]
    faster = sum(value is not None and value > 1.05 for value in sums)
    settings = r.files["sweep"]["settings"]
    return ("## In any shape\n\n"
            "Arrays (outer, length, inner), scanned along the middle: lengths of 2 to 4 Mi and inner "
            "extents of 1 to 256 Ki, log-uniform, powers of two and any numbers by turns; outer fills "
            f"{settings['size'] / 2**20:g} Mi elements (`fused_scan_perf_sweep`, seed "
            f"{settings['seed']}). Shares of the speed of {COPY[r.target.device]}. CompensatedSum "
            "where nothing else is said; in brackets the aim, bold what misses it.\n\n" +
            table(["", "shapes", *QUANTILES], rows) +
            f"\nSum is more than 5% faster than CompensatedSum in {faster} of {len(drawn)}.\n\n"
            f"![Share of a copy's speed over length and inner extent]({r.folder.name}.svg)\n\n"
            "The ten slowest:\n\n" + slowest(r))


def slowest(r):
    shapes = [shape for shape in r.drawn("sweep") if r.share("sweep", shape)]
    rows = []
    for shape in sorted(shapes, key=lambda shape: r.share("sweep", shape))[:10]:
        peer, time = r.fastest_peer(shape)
        rows.append([text_of(shape), share_text(r.share("sweep", shape)),
                     share_text(r.share("sweep", shape, SUM)),
                     f"{peer}, {share_text(ratio(r.time('sweep', shape, 'copy'), time))}"
                     if peer else "-"])
    return table(["shape", "CompensatedSum", "Sum", "the fastest peer"], rows)


def copies_section(r):
    """On a host the ways to copy differ."""
    methods = [m for m in ("plain_copy", "deep_copy", "streaming_copy", "copy_kernel")
               if any(r.speed("sweep", shape, m) for shape in r.drawn("sweep"))]
    rows = []
    for method in methods:
        speeds = sorted(filter(None, (r.speed("sweep", s, method) for s in r.drawn("sweep"))))
        rows.append([f"`{method}`", *[number(quantile(speeds, at), 0) for at in (0, 0.5, 1)]])
    return ("## Ways to copy\n\nGB/s over the same shapes, read and written.\n\n" +
            table(["", "slowest", "median", "fastest"], rows))


def peers_section(r):
    drawn = r.drawn("sweep")
    rows, behind = [], []
    for peer in r.peer_names():
        shares = sorted(filter(None, (r.peer_share("sweep", shape, peer) for shape in drawn)))
        if not shares:
            continue
        ahead = sum(r.peers[shape].get(peer, 1e99) < (r.time("sweep", shape, COMPENSATED) or 0)
                    for shape in drawn if shape in r.peers)
        rows.append([f"`{peer}`", len(shares), *map(share_text, quantiles(shares)),
                     share_text(shares[-1]), ahead])
    for shape in drawn:
        peer, time = r.fastest_peer(shape)
        lead = ratio(time, r.time("sweep", shape, COMPENSATED))
        if lead is not None and lead < 1:
            behind.append([lead, f"- {text_of(shape)}: {peer} takes {number(lead)} of the time\n"])
    failures = "".join(f"- {peer}: {reason} ({count} shapes)\n"
                       for (peer, reason), count in r.failures.items())
    missing = "".join(f"- {line['missing']}: {line['reason']}\n" for name in r.target.peers
                      for line in r.files.get(name, {}).get("missing", []))
    return ("## Beside the peers\n\n"
            "The peers on the same shapes, as shares of the same copy, and in how many a peer is "
            "ahead of CompensatedSum. Only those that say so compensate.\n\n" +
            table(["", "shapes", *QUANTILES, "best", "ahead in"], rows) +
            (f"\nSome peer is ahead in {len(behind)} of {len(drawn)}"
             + (", most in:\n" if behind else ".\n")) +
            "".join(line for _, line in sorted(behind)[:10]) +
            (f"\nWithout a time:\n\n{missing}{failures}" if missing or failures else ""))


def named_rows(r):
    peers = [peer for peer in r.peer_names()
             if any(peer in r.peers.get(shape, {}) for shape, _ in r.target.named.values())]
    rows = []
    for label, (shape, aim) in r.target.named.items():
        ours = r.time("shapes", shape, COMPENSATED)
        row = [label, number(r.speed("shapes", shape, "copy"), 0),
               number(r.speed("shapes", shape, COMPENSATED), 0),
               against(r.share("shapes", shape), aim), share_text(r.share("shapes", shape, SUM)),
               milliseconds(ours)]
        for peer in peers:
            time = r.peers.get(shape, {}).get(peer)
            row.append("-" if time is None or ours is None
                       else f"{milliseconds(time)} ({times(time / ours)})")
        rows.append(row)
    return peers, rows


def named_section(r):
    peers, rows = named_rows(r)
    return ("## Shapes by hand\n\n"
            "Speeds in GB/s, floats read once and written once; CompensatedSum and Sum as shares of "
            "the copy, with the aim; then milliseconds, and how many times ours the peer takes.\n\n" +
            table(["array", "copy", "scan", "CompensatedSum", "Sum", "ms",
                   *[f"`{peer}`" for peer in peers]], rows))


def calls_section(r):
    launch = r.files.get("shapes", {}).get("empty_parallel_for")
    rows = [[text_of(shape), *[f"{number(1e3 * time)} ({times(ratio(time, launch))})" if time else "-"
                               for time in (r.time("shapes", shape, m) for m in (COMPENSATED, SUM))]]
            for shape in r.target.grid["calls"]]
    return ("## Small calls\n\n"
            f"Microseconds of a call, and how many times an empty `Kokkos::parallel_for`, "
            f"{number(1e3 * launch) if launch else '-'}. The aim is twice.\n\n" +
            table(["shape", COMPENSATED, SUM], rows))


def grid_section(r):
    launch = r.files.get("shapes", {}).get("empty_parallel_for")
    rows, behind, slow, cells = [], [], 0, 0
    for label, shapes in r.target.grid.items():
        row = [label]
        for shape in shapes:
            ours, copy = r.time("shapes", shape, COMPENSATED), r.time("shapes", shape, "copy")
            peer, time = r.fastest_peer(shape)
            lead = ratio(time, ours)
            cells += ours is not None
            text = milliseconds(ours)
            if lead is not None:
                text += f" ({times(lead)})" if lead > 1 else f" (**{times(lead)}**)"
                if lead <= 1:
                    behind.append(f"- behind in {text_of(shape)}: {peer}, {milliseconds(time)}\n")
            if ours and launch and ours > 2 * (launch + copy):
                slow += 1
                text += " !"
            row.append(text)
        rows.append(row)
    lengths = [shape[1] for shape in next(iter(r.target.grid.values()))]
    return ("## The grid\n\n"
            "Along axis 1 of (B, L, D): milliseconds of ours, and how many times that the fastest "
            "peer takes. ! where ours takes more than twice an empty kernel's launch "
            f"({milliseconds(launch)} ms) and the copy together.\n\n" +
            table(["", *[f"L = {length}" for length in lengths]], rows) +
            f"\nBehind a peer in {len(behind)} of {cells} cells, beyond twice launch and copy in "
            f"{slow}.\n" + "".join(behind))


def blocks_section(r):
    runs = ["shapes", *[f"block_{size}" for size in BLOCKS]]
    rows = []
    for label, (shape, _) in r.target.named.items():
        found = [r.time(run, shape, COMPENSATED) for run in runs]
        least = min(filter(None, found), default=None)
        rows.append([label, *[f"**{milliseconds(time)}**" if time and time == least
                              else milliseconds(time) for time in found]])
    return ("## Block sizes\n\nMilliseconds with ScanOptions::block_size; the least of a row is bold. "
            "The bits of the result are the same.\n\n" +
            table(["array", "automatic", *map(str, BLOCKS)], rows))


def layer_section(r):
    found = {}
    for record in r.records("layer"):
        shape, part = record["name"].split("/")[:2]
        found[shape, part, "ours"] = record.get("median_ms")
    errors = set()
    for record in r.records("layer_peers"):
        found[text_of(record["shape"]), record["pass"], record["peer"]] = record.get("milliseconds")
        errors |= {f"{record['peer']}: {record['error']}"} if "error" in record else set()
    rows = []
    for shape, aims in LAYERS.items():
        time = lambda part, who: found.get((text_of(shape), part, who))
        products = time("products", "ours")
        for part, aim in zip(("forward", "forward+backward"), aims):
            ours = time(part, "ours")
            of_products, lead = ratio(ours, products), ratio(time(part, "PyTorch eager"), ours)
            forward = part == "forward"
            met = None if lead is None or of_products is None else (
                lead >= aim and (not forward or of_products <= PRODUCTS_AIM))
            rows.append([text_of(shape), part, *map(milliseconds, (ours, products)),
                         times(of_products), milliseconds(time("products", "PyTorch eager")),
                         milliseconds(time(part, "PyTorch eager")), times(lead),
                         milliseconds(time(part, "torch.compile")),
                         (f"{PRODUCTS_AIM} products, " if forward else "") + f"{aim}x",
                         verdict(met)])
    return ("## The layer\n\n"
            "(B, L, D, R) in float, milliseconds. The products alone: ours, three, where those "
            "with x are one; and PyTorch's five.\n\n" +
            table(["(B, L, D, R)", "pass", "FusedScan", "products", "of products",
                   "PyTorch's products", "PyTorch eager", "of ours", "`torch.compile`", "aim",
                   "met"], rows) + "".join(f"\n{error}\n" for error in sorted(errors)))


def machine_section(r):
    rows = []
    hidden = ("executable", "load_avg", "caches", "json_schema_version", "host_name")
    for name, file in r.files.items():
        facts = ({"error": file["error"]} if "error" in file else {}) | file["machine"]
        rows += [[key, value, name] for key, value in facts.items() if key not in hidden]
    merged = {}
    for key, value, name in rows:
        merged.setdefault((key, str(value)), []).append(name)
    fastest = r.files["sweep"]["settings"]["statistic"] == "fastest"
    ours = {name for name in r.target.runs if name in r.files}

    def where(names):
        names = set(names)
        if names == set(r.files):
            return "all"
        return ", ".join((["ours"] if ours <= names else sorted(ours & names)) +
                         sorted(names - ours))

    return ("## Machine and versions\n\n"
            f"Times are {'the fastest' if fastest else 'medians'} of 3 to 21 batches of calls, a "
            "batch of at least 2 ms between two fences, methods by turns. Arrays are the same from "
            "call to call, for the copy as well, so small ones stay in the caches. Calls of the "
            "shapes by hand and of the grid are played from a CUDA graph where there is CUDA. Every "
            "result was verified.\n\n" +
            table(["", "", "of"], [[key, value, where(names)]
                                   for (key, value), names in merged.items()]))


def write_picture(r):
    """Two heat maps: ours, and the fastest peer."""
    lines = []
    for shape in r.drawn("sweep"):
        peer, time = r.fastest_peer(shape)
        copy = r.time("sweep", shape, "copy")
        lines.append(f"{shape[1]} {shape[2]} {r.share('sweep', shape) or 'NaN'} "
                     f"{ratio(copy, time) or 'NaN'}\n")
    with tempfile.TemporaryDirectory() as folder:
        points = pathlib.Path(folder) / "points.txt"
        points.write_text("".join(lines))
        subprocess.run(["gnuplot", "-c", pathlib.Path(__file__).with_name("performance.gp"), points,
                        r.folder.with_suffix(".svg")], check=True)


def write_readme(r, path):
    """The table between the target's marks, where they are."""
    rows = []
    for label, (shape, _) in r.target.named.items():
        peer, time = r.fastest_peer(shape)
        lead = ratio(time, r.time("shapes", shape, COMPENSATED))
        rows.append([label, number(r.speed("shapes", shape, "copy"), 0),
                     number(r.speed("shapes", shape, COMPENSATED), 0),
                     share_text(r.share("shapes", shape)), share_text(r.share("shapes", shape, SUM)),
                     f"{times(lead)}, {peer}" if lead else "-"])
    worst, low, quarter, median = quantiles(r.shares("sweep", COMPENSATED))
    text = (table(["array of float", "copy, GB/s", "scan, GB/s", "share", "Sum", "the fastest peer takes"],
                  rows) +
            f"\nOver {len(r.drawn('sweep'))} drawn shapes the share is {share_text(worst)} at worst, "
            f"{share_text(low)} at 5%, {share_text(quarter)} at 25%, {share_text(median)} in the "
            "median.\n")
    begin, end = f"<!-- scripts/performance {r.target.device} -->\n", "<!-- end -->\n"
    old = path.read_text()
    new = re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: begin + text + end, old,
                 flags=re.DOTALL)
    path.write_text(new)


def write(target, folder, readme):
    r = Results(target, folder)
    if not r.drawn("sweep"):
        print(f"no page: {folder}/sweep.json has no drawn shapes")
        return
    sections = [sweep_section, copies_section, peers_section, named_section]
    sections += ([grid_section, layer_section, blocks_section] if target.device == "gpu"
                 else [calls_section])
    device = r.files["sweep"]["machine"]["device"]
    page = (f"# Performance on {device}\n\n"
            f"Made by `scripts/performance {target.device}` from the files in `docs/{folder.name}`.\n\n"
            + "\n".join(section(r) for section in [*sections, machine_section]))
    notes = folder / "notes.md"
    if notes.exists():
        page += "\n" + notes.read_text()
    folder.with_suffix(".md").write_text(page)
    write_picture(r)
    if readme:
        write_readme(r, readme)
