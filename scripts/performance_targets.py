# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What scripts/performance times on a GPU and on a CPU, and what is aimed at."""

from dataclasses import dataclass, field


@dataclass
class Row:
    """A row of the sweep's table: a method of a run, and the aims of worst, 5%, 25% and median."""
    label: str
    run: str
    method: str
    aims: tuple = (None, None, None, None)


@dataclass
class PeerRun:
    runs: list  # whose shapes
    only: list = field(default_factory=list)


@dataclass
class Target:
    device: str
    folder: str
    runs: dict  # name -> arguments of perf_sweep; "also" -> shapes
    named: dict  # the shapes of the table: label -> (shape, aim)
    rows: list
    peers: dict
    others: list = field(default_factory=list)
    grid: dict = field(default_factory=dict)  # label -> shape

    @property
    def names(self):
        return [*self.runs, *self.peers, *self.others]

    def arguments(self, name, small):
        """Where a try should be short, only shapes of less than a million elements."""
        arguments = []
        for argument in self.runs[name]:
            if isinstance(argument, str):
                arguments.append(argument)
                continue
            outer, length, inner = argument
            if not small or outer * length * inner < 1e6:
                arguments += ["--also", f"{outer},{length},{inner}"]
        return arguments


COMPENSATED, SUM = "CompensatedSum", "Sum"
NO_DRAWN = ["--shapes", "0"]

GPU_NAMED = {
    "(8, 65536, 512), axis 1": ((8, 65536, 512), 0.92),
    "(8, 65536, 512), axis 2": ((524288, 512, 1), 0.90),
    "(65536, 4096), axis 0": ((1, 65536, 4096), 0.90),
    "(268435456)": ((1, 268435456, 1), 0.90),
    "(16384, 2048), axis 1": ((16384, 2048, 1), 0.90),
    "(2048, 8192), axis 1": ((2048, 8192, 1), 0.90),
    "(4, 8192, 512), axis 1": ((4, 8192, 512), 0.88),
    "(1, 1048576, 32), axis 1": ((1, 1048576, 32), 0.80),
    "(4, 65536, 32), axis 1": ((4, 65536, 32), 0.80)}
GPU_SHAPES = [shape for shape, _ in GPU_NAMED.values()]
GRID = {f"B = {batch}, D = {width}": [(batch, length, width)
                                      for length in (512, 1024, 2048, 4096, 8192)]
        for batch in (1, 4, 16) for width in (32, 256, 512, 1024)}
BLOCKS = (256, 512, 1024)

GPU = Target(
    device="gpu", folder="performance",
    runs={
        "sweep": [], "half": ["--type", "half"], "bhalf": ["--type", "bhalf"],
        "double": ["--type", "double"],
        "left": ["--layout", "left", "--op", "compensated-sum"],
        "reverse": ["--direction", "reverse", "--op", "compensated-sum"],
        "exclusive": ["--exclusive", "--op", "compensated-sum"],
        "functors": ["--functors"],
        "shapes": [*NO_DRAWN, "--graph", *GPU_SHAPES, *[s for row in GRID.values() for s in row]],
        **{f"block_{size}": [*NO_DRAWN, "--graph", "--op", "compensated-sum", "--block-size",
                             str(size), *GPU_SHAPES] for size in BLOCKS},
        "kokkos": [*NO_DRAWN, "--peers", "--op", "sum", (1, 268435456, 1)]},
    named=GPU_NAMED, grid=GRID,
    rows=[
        Row("float", "sweep", COMPENSATED, (0.55, 0.75, 0.85, 0.93)),
        Row("float, Sum", "sweep", SUM, (None, 0.78, None, 0.95)),
        Row("half_t", "half", COMPENSATED, (None, 0.60, None, 0.85)),
        Row("bhalf_t", "bhalf", COMPENSATED, (None, 0.60, None, 0.85)),
        Row("double", "double", COMPENSATED, (None, 0.75, None, 0.93)),
        Row("LayoutLeft", "left", COMPENSATED, (None, None, None, 0.90)),
        Row("reverse", "reverse", COMPENSATED, (None, None, None, 0.90)),
        Row("exclusive", "exclusive", COMPENSATED, (None, None, None, 0.90)),
        Row("transform_scan", "functors", COMPENSATED, (None, None, None, 0.80))],
    peers={"peers": PeerRun(["shapes", "sweep"],
                            ["torch.cumsum", "torch.compile", "Triton", "CUB", "CUB compensated",
                             "cupy.cumsum"]),
           # In a process of its own: beside the others it has ended this one.
           "jax": PeerRun(["shapes"], ["jax.numpy.cumsum"])},
    others=["layer", "layer_peers"])

CPU_NAMED = {
    "(4, 8192, 512), axis 0": ((1, 4, 4194304), 0.80),
    "(4, 8192, 512), axis 1": ((4, 8192, 512), 1.2),
    "(4, 8192, 512), axis 2": ((32768, 512, 1), 0.80),
    "(1, 1048576, 32), axis 1": ((1, 1048576, 32), 0.80),
    "(16777216)": ((1, 16777216, 1), 0.90),
    "(8192, 2048), axis 1": ((8192, 2048, 1), 0.80),
    "(256, 1024), axis 1": ((256, 1024, 1), 0.40)}
CALLS = [(1, length, 1) for length in (1, 10, 100, 1000)]

CPU = Target(
    device="cpu", folder="performance_cpu",
    runs={
        "sweep": [], "max": ["--op", "max"], "int32": ["--type", "int32"],
        "double": ["--type", "double"],
        "normal": ["--data", "normal", "--op", "compensated-sum"],
        "alternating": ["--data", "alternating", "--op", "compensated-sum"],
        "left": ["--layout", "left", "--op", "compensated-sum"],
        "reverse": ["--direction", "reverse", "--op", "compensated-sum"],
        "exclusive": ["--exclusive", "--op", "compensated-sum"],
        "functors": ["--functors"],
        "shapes": [*NO_DRAWN, "--peers", *[shape for shape, _ in CPU_NAMED.values()], *CALLS],
        "kokkos": ["--peers", "--op", "sum"]},
    named=CPU_NAMED, grid={"calls": CALLS},
    rows=[
        Row("float", "sweep", COMPENSATED, (0.30, 0.45, 0.65, 0.80)),
        Row("float, Sum", "sweep", SUM, (None, None, None, 0.85)),
        Row("float, Max", "max", "Max", (None, None, None, 0.85)),
        Row("int32, Sum", "int32", SUM, (None, None, None, 0.85)),
        Row("double", "double", COMPENSATED, (None, None, None, 0.60)),
        Row("float, normally distributed", "normal", COMPENSATED),
        Row("float, 1e8 and 1e-8 by turns", "alternating", COMPENSATED),
        Row("LayoutLeft", "left", COMPENSATED),
        Row("reverse", "reverse", COMPENSATED),
        Row("exclusive", "exclusive", COMPENSATED),
        Row("transform_scan", "functors", COMPENSATED)],
    peers={"peers": PeerRun(["shapes", "sweep"])})

TARGETS = {"gpu": GPU, "cpu": CPU}

# The layer's aims: times of the dense products alone, then how often PyTorch's time, forward and
# both passes.
LAYERS = {(4, 8192, 512, 32): (10, 7), (1, 65536, 256, 32): (75, 45), (4, 2048, 256, 32): (5, 5)}
PRODUCTS_AIM = 1.3
