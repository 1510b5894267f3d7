# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

# %% [markdown]
# Running sums of 19356 daily measurements by NumPy, PyTorch and fused_scan, in float32 and float64,
# against exact ones: a table, and where Matplotlib is installed a picture, errors_of_sums.png.

# %%
import sys
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import numpy as np

import fused_scan

methods = {"numpy.cumsum": np.cumsum, "fused_scan.cumsum": fused_scan.cumsum}
try:
    import torch
except ImportError:
    print("PyTorch is not installed, and left out")
else:
    methods["torch.cumsum"] = lambda x: torch.cumsum(torch.from_numpy(x), 0).numpy()

# %% By how much each day was longer than 86400 seconds, in milliseconds.
project = Path(__file__).resolve().parents[2]
series = np.loadtxt(project / "examples" / "demo" / "data" / "length_of_day.txt")


# %% Errors in units of the exact sum's last place.
def errors_of(sums, exact):
    last_place = np.spacing(np.abs([float(e) for e in exact]).astype(sums.dtype)).astype(np.float64)
    errors = [float(Fraction(s) - e) for s, e in zip(sums.tolist(), exact, strict=True)]
    return np.abs(errors) / last_place


errors = {}
print(f"{'running sums':30} largest error (ulps)  correctly rounded")
for dtype in (np.float32, np.float64):
    x = series.astype(dtype)
    exact = list(accumulate(map(Fraction, x.tolist())))
    for name, cumsum in sorted(methods.items()):
        error = errors[dtype, name] = errors_of(cumsum(x), exact)
        name = f"{name}, {dtype.__name__}"
        print(f"{name:30} {error.max():20.2f}  {np.mean(error <= 0.5):17.2%}")

# %% A picture.
picture = Path(sys.argv[1] if len(sys.argv) > 1 else "errors_of_sums.png")
try:
    import matplotlib
except ImportError:
    print("Matplotlib is not installed: no picture")
else:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    years = 1973 + np.arange(len(series)) / 365.25
    for (dtype, name), error in errors.items():
        axes = panels[0 if dtype is np.float32 else 1]
        largest_so_far, _ = fused_scan.cummax(error)
        style = {"linewidth": 4, "alpha": 0.5} if name == "fused_scan.cumsum" else {"linewidth": 1}
        axes.plot(years, largest_so_far, label=name, **style)
        axes.set(title=dtype.__name__, xlabel="year", yscale="log")
    panels[0].set_ylabel("largest error so far (ulps)")
    panels[0].legend(loc="upper left")
    figure.savefig(picture, dpi=110)
    print(f"the picture is {picture}")

# %% The sums of fused_scan are the exact ones, rounded once.
for dtype in (np.float32, np.float64):
    assert errors[dtype, "fused_scan.cumsum"].max() <= 0.5
