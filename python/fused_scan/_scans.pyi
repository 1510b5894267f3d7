# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
from typing import Any, TypeVar

Array = TypeVar("Array")

def cumsum(
    x: Array,
    axis: int = -1,
    *,
    exclusive: bool = False,
    reverse: bool = False,
    initial: Any | None = None,
    out: Array | None = None,
    compensated: bool = True,
    dtype: Any | None = None,
) -> Array: ...
def cumprod(
    x: Array,
    axis: int = -1,
    *,
    exclusive: bool = False,
    reverse: bool = False,
    initial: Any | None = None,
    out: Array | None = None,
    dtype: Any | None = None,
) -> Array: ...
def logcumsumexp(
    x: Array,
    axis: int = -1,
    *,
    exclusive: bool = False,
    reverse: bool = False,
    initial: Any | None = None,
    out: Array | None = None,
    dtype: Any | None = None,
) -> Array: ...
def cummax(
    x: Array,
    axis: int = -1,
    *,
    exclusive: bool = False,
    reverse: bool = False,
    initial: Any | None = None,
    out: tuple[Array, Array] | None = None,
) -> tuple[Array, Array]: ...
def cummin(
    x: Array,
    axis: int = -1,
    *,
    exclusive: bool = False,
    reverse: bool = False,
    initial: Any | None = None,
    out: tuple[Array, Array] | None = None,
) -> tuple[Array, Array]: ...
def segmented_cumsum(
    x: Array,
    offsets: Any,
    axis: int = -1,
    *,
    exclusive: bool = False,
    reverse: bool = False,
    out: Array | None = None,
    compensated: bool = True,
    dtype: Any | None = None,
) -> Array: ...
def linear_recurrence(
    a: Any,
    b: Array,
    axis: int = -1,
    *,
    initial: Any | None = None,
    reverse: bool = False,
) -> Array: ...
