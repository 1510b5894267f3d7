# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What scans are compared with: exact arithmetic, one line and one element at a time."""

from fractions import Fraction

import numpy as np


def walk(line, reverse):
    return list(reversed(line)) if reverse else list(line)


def scan_line(line, combine, start, exclusive, reverse):
    """The results of a line in exact arithmetic; `start` is what it begins with."""
    results = []
    state = start
    for element in walk(line, reverse):
        before = state
        state = combine(state, element)
        results.append(before if exclusive else state)
    return walk(results, reverse)


def over_lines(x, axis, of_line):
    """of_line(list of elements, the line's index) for every line, as an object array."""
    moved = np.moveaxis(x, axis, -1)
    results = np.empty(moved.shape, dtype=object)
    for index in np.ndindex(moved.shape[:-1]):
        line = of_line([fraction(e) for e in moved[index]], index)
        for i, result in enumerate(line):
            results[index + (i,)] = result
    return np.moveaxis(results, -1, axis)


def fraction(element):
    """A finite number without rounding; of complex numbers the pair of parts."""
    element = element.item() if isinstance(element, np.generic) else element
    if isinstance(element, complex):
        return (Fraction(element.real), Fraction(element.imag))
    if isinstance(element, (bool, int)):
        return int(element)
    return Fraction(element)


def is_nearest(result, exact):
    """Whether no number of the result's type is closer to the exact one."""
    result = np.asarray(result)[()]
    if isinstance(exact, tuple):
        return is_nearest(result.real, exact[0]) and is_nearest(result.imag, exact[1])
    if not np.isfinite(result):
        return False
    infinity = type(result)(np.inf)
    error = abs(Fraction(float(result)) - exact)
    neighbours = (np.nextafter(result, infinity), np.nextafter(result, -infinity))
    return all(
        error <= abs(Fraction(float(other)) - exact) for other in neighbours if np.isfinite(other)
    )


def wrapped(value, dtype):
    """An integer as a type of integers holds it."""
    bits = 8 * np.dtype(dtype).itemsize
    value %= 2**bits
    if np.dtype(dtype).kind == "i" and value >= 2 ** (bits - 1):
        value -= 2**bits
    return value
