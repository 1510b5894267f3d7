# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the programs about peers share: batches of calls, and records."""

import json
import math
import statistics

MOST_BATCHES, LEAST_BATCHES, BATCH, IN_ALL = 21, 3, 2, 200  # milliseconds


def timed(batch_time, work, fastest=False):
    """Milliseconds of a call: the median, or the fastest, of batches; batch_time(calls) times one."""
    work()
    single = max(batch_time(1), 1e-6)
    calls = max(1, min(1000, math.ceil(BATCH / single)))
    batches = int(IN_ALL / max(BATCH, calls * single))
    times = [batch_time(calls) / calls
             for _ in range(max(LEAST_BATCHES, min(MOST_BATCHES, batches)))]
    return min(times) if fastest else statistics.median(times)


def reason(error):
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__


def emit(record):
    """A line of JSON for each record, so that what ends the program doesn't take the others along."""
    print(json.dumps(record), flush=True)
