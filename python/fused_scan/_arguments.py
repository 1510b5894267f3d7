# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What arguments mean, and the sentences for those that mean nothing, for every framework."""

import operator

# What a result's elements are by default, by the kind of the input's (NumPy's letters).
INTEGER, FLOATING, COMPLEX = "integer", "floating", "complex"
_KINDS = {"b": INTEGER, "i": INTEGER, "u": INTEGER, "f": FLOATING, "c": COMPLEX}
_ORDER = {INTEGER: 0, FLOATING: 1, COMPLEX: 2}


def kind_of(letter):
    """The kind of numbers, or None where they are none."""
    return _KINDS.get(letter)


def check_kinds(function, x_kind, x_type, out_kind, out_type):
    """Refuses results that can't hold the numbers."""
    if _ORDER[out_kind] < _ORDER[x_kind]:
        raise TypeError(
            f"fused_scan.{function}: 'x' has elements of type {x_type}, whose results don't fit "
            f"into {out_type}"
        )
    if function == "logcumsumexp" and (out_kind != FLOATING or x_kind == COMPLEX):
        raise TypeError(
            f"fused_scan.{function}: elements must be real and results floating-point, not "
            f"{x_type} and {out_type}"
        )


def checked_axis(function, axis, ndim):
    """The axis counted from the end, as a negative number; an array of no dimensions has one."""
    axis = operator.index(axis)
    ndim = max(ndim, 1)
    if not -ndim <= axis < ndim:
        raise ValueError(
            f"fused_scan.{function}: axis {axis} is out of range [{-ndim}, {ndim - 1}] for 'x' of "
            f"{ndim} dimension{'s' if ndim > 1 else ''}"
        )
    return axis - ndim if axis >= 0 else axis


def check_shape(function, name, shape, expected):
    if tuple(shape) != tuple(expected):
        raise ValueError(
            f"fused_scan.{function}: '{name}' has shape {tuple(shape)} instead of {tuple(expected)}"
        )


def without_axis(shape, axis):
    """The shape of a state; axis is negative."""
    shape = tuple(shape)
    axis += len(shape)
    return shape[:axis] + shape[axis + 1 :] if shape else ()


def start_number(function, initial, out_kind):
    """A number to start from as (start, integer_start) of the core."""
    if out_kind == INTEGER:
        try:
            value = operator.index(initial)
        except TypeError:
            raise TypeError(
                f"fused_scan.{function}: 'initial' is {initial!r}, and the results are integers"
            ) from None
        return 0j, ((value + 2**63) % 2**64) - 2**63
    if out_kind == FLOATING and isinstance(initial, complex):
        raise TypeError(
            f"fused_scan.{function}: 'initial' is {initial!r}, and the results are real"
        )
    return complex(initial), 0
