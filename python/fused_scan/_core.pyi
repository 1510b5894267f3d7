# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
from typing import Any

__version__: str

def scan(
    operation: str,
    function: str,
    x: Any,
    out: Any,
    second: Any | None = None,
    initial: Any | None = None,
    start: complex | None = None,
    integer_start: int = 0,
    axis: int = -1,
    exclusive: bool = False,
    reverse: bool = False,
    stream: int = 0,
    offsets: Any | None = None,
) -> None: ...
def gated_scan(arrays: list[Any], gradients: bool, reverse: bool, stream: int = 0) -> None: ...
def convolution(
    arrays: list[Any], gradient: bool, reverse: bool, shift: int, stream: int = 0
) -> None: ...
def info() -> dict[str, Any]: ...
def stop() -> None: ...
