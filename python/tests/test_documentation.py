# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the texts say runs: docstrings, pages, the example; and the type stubs."""

import ast
import doctest
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fused_scan

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["", "._scans", ".torch", ".torch._functions", ".torch._layer"])
def test_docstrings(name):
    if "torch" in name:
        pytest.importorskip("torch")
    failed, tried = doctest.testmod(importlib.import_module("fused_scan" + name))
    assert tried > 0 and failed == 0


@pytest.mark.parametrize("page", ["docs/python.md", "README.md", "python/README.md"])
def test_code_of_pages(page, monkeypatch, tmp_path):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(
        r"^```python\n(.*?)^```", (PROJECT / page).read_text(encoding="utf-8"), re.M | re.S
    )
    assert blocks
    names = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)


def test_example(tmp_path):
    picture = tmp_path / "picture.png"
    program = PROJECT / "python" / "examples" / "errors_of_sums.py"
    result = subprocess.run(
        [sys.executable, program, picture], capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    line = next(line for line in result.stdout.splitlines() if line.startswith("fused_scan.cumsum"))
    assert line.split()[1:] == ["float32", "0.50", "100.00%"]
    if "no picture" not in result.stdout:
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_type_stubs_agree_with_the_functions():
    source = Path(fused_scan.__file__).with_name("_scans.pyi").read_text(encoding="utf-8")
    stubs = {f.name: f.args for f in ast.parse(source).body if isinstance(f, ast.FunctionDef)}
    assert set(stubs) == set(fused_scan.__all__) - {"torch"}
    for name, stub in stubs.items():
        parameters = inspect.signature(getattr(fused_scan, name)).parameters.values()
        keywords = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
        assert [a.arg for a in stub.kwonlyargs] == keywords
        assert [a.arg for a in stub.args] == [
            p.name for p in parameters if p.kind is not p.KEYWORD_ONLY
        ]
        defaults = [ast.literal_eval(d) for d in stub.defaults + stub.kw_defaults]
        assert defaults == [p.default for p in parameters if p.default is not p.empty]
