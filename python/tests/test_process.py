# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The package in a process: what it loads, prints, and leaves behind."""

import multiprocessing
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import fused_scan

ONES = "import numpy as np, fused_scan; print(int(fused_scan.cumsum(np.ones(100000))[-1]))"


def run(program, *arguments, **environment):
    return subprocess.run(
        [sys.executable, *(arguments or ("-c", program))],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
    )


def test_quiet_at_first_use_and_at_exit():
    result = run(ONES, OMP_PROC_BIND="false")
    assert (result.returncode, result.stdout, result.stderr) == (0, "100000\n", "")


def test_import_loads_no_framework():
    result = run("import fused_scan, sys; print('torch' in sys.modules, 'jax' in sys.modules)")
    assert result.stdout == "False False\n"


def test_works_without_torch():
    hide = "import sys; sys.modules['torch'] = None; "
    assert run(hide + ONES).stdout == "100000\n"


def test_command_line():
    result = run(None, "-m", "fused_scan")
    assert result.returncode == 0 and result.stdout.startswith(
        f"fused_scan {fused_scan.__version__}\n"
    )
    assert "Kokkos" in result.stdout and "threads" in result.stdout


FORK = """
import os, sys, numpy as np, fused_scan
used_before = {used}
if used_before: fused_scan.cumsum(np.ones(100000))
child = os.fork()
if child == 0:
    try:
        print(int(fused_scan.cumsum(np.ones(100000))[-1]), flush=True)
    except RuntimeError as error:
        print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(int(fused_scan.cumsum(np.ones(100000))[-1]))
"""


def test_fork_of_a_process_that_has_only_imported_it():
    assert run(FORK.format(used=False)).stdout == "100000\n100000\n"


def test_fork_of_a_process_that_has_used_it():
    lines = run(FORK.format(used=True)).stdout.splitlines()
    assert "forked from one that had used fused_scan" in lines[0] and lines[1] == "100000"


def total(n):
    return int(fused_scan.cumsum(np.ones(n))[-1])


def test_spawn():
    fused_scan.cumsum(np.ones(100000))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(total, [10, 100000]) == [10, 100000]


def test_threads_of_python():
    x = np.random.default_rng(0).standard_normal((50, 2000)).astype(np.float32)
    expected = fused_scan.cumsum(x, 1).tobytes()
    wrong = []

    def work():
        for _ in range(20):
            if fused_scan.cumsum(x, 1).tobytes() != expected:
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("threads", ["1", "2"])
def test_bits_dont_depend_on_threads(threads):
    program = (
        "import numpy as np, fused_scan, hashlib; "
        "x = np.random.default_rng(0).standard_normal((3, 100000)).astype(np.float32); "
        "print(hashlib.md5(fused_scan.cumsum(x).tobytes()).hexdigest(), "
        "hashlib.md5(fused_scan.cumsum(x, 0).tobytes()).hexdigest())"
    )
    assert run(program, OMP_NUM_THREADS=threads).stdout == run(program).stdout != ""


def test_everything_is_documented():
    for name in fused_scan.__all__:
        if name != "torch":
            assert ">>>" in getattr(fused_scan, name).__doc__, name


def test_versions_agree():
    here = os.path.dirname(__file__)
    with open(os.path.join(here, "..", "pyproject.toml"), encoding="utf-8") as file:
        assert f'version = "{fused_scan.__version__}"' in file.read()


KOKKOS = """
import ctypes, shutil, sys, numpy as np, fused_scan
names = {line.split()[-1] for line in open("/proc/self/maps") if "libkokkoscore" in line}
if not names: print("static"); sys.exit()
(name,) = names
"""


def test_a_kokkos_that_the_program_began_is_left_alone():
    result = run(
        KOKKOS + "kokkos = ctypes.CDLL(name)\n"
        "kokkos._ZN6Kokkos10initializeERiPPc(ctypes.byref(ctypes.c_int(0)), None)\n"
        "assert fused_scan.cumsum(np.ones(100000))[-1] == 100000\n"
        "fused_scan._core.stop()\n"
        "is_finalized = kokkos._ZN6Kokkos12is_finalizedEv\n"
        "is_finalized.restype = ctypes.c_bool\n"
        "print(is_finalized())\n"
        "kokkos._ZN6Kokkos8finalizeEv()\n"
        "print(is_finalized())\n"
        "fused_scan.cumsum(np.ones(3))"
    )
    if result.stdout == "static\n":
        pytest.skip("Kokkos is built in")
    assert result.stdout == "False\nTrue\n"
    assert "Kokkos was finalized, and can't be started again" in result.stderr


def test_a_second_kokkos_is_refused(tmp_path):
    copy = tmp_path / "libkokkoscore.so"
    result = run(
        KOKKOS + f"shutil.copy(name, {str(copy)!r})\nctypes.CDLL({str(copy)!r})\n"
        "fused_scan.cumsum(np.ones(3))"
    )
    if result.stdout == "static\n":
        pytest.skip("Kokkos is built in")
    assert f"loaded a second Kokkos, {copy}, and two of them" in result.stderr
