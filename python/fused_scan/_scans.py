# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The functions for arrays of any framework."""

from ._frameworks import framework_of


def cumsum(
    x,
    axis=-1,
    *,
    exclusive=False,
    reverse=False,
    initial=None,
    out=None,
    compensated=True,
    dtype=None,
):
    """Cumulative sums along an axis: ``y[i] = x[0] + .. + x[i]``.

    Parameters
    ----------
    x : array of any shape
        NumPy, PyTorch, CuPy or JAX; numbers or bools. It may have any strides, and be read-only.
    axis : int
        The axis to sum along; -1 is the last.
    exclusive : bool
        Leave out the element of a place itself: ``y[0] = 0``, ``y[1] = x[0]``, ...
    reverse : bool
        Sum from the last element to the first.
    initial : number or array of the shape of x without the axis
        What every line starts from, as an element of the result.
    out : array of the shape of x
        Where the result goes; it may be x itself. It is returned.
    compensated : bool
        With True as exact as if each sum were rounded once. With False each addition is rounded:
        of float32 and shorter in double, of float64 in double.
    dtype : dtype of the result
        Of integers and bools an integer of 64 bits, of other numbers their own by default. Integers
        are added exactly, and wrap around.

    Returns
    -------
    array of the shape of x, of the same framework and on the same device

    Raises
    ------
    ValueError, TypeError
        With a sentence that names the argument; nothing is written.

    Notes
    -----
    The bits of a result don't depend on threads, strides, or on where it is computed.

    Examples
    --------
    >>> import numpy as np, fused_scan
    >>> x = np.full(1000, 0.1, dtype=np.float32)
    >>> print(np.cumsum(x)[-1], fused_scan.cumsum(x)[-1])
    99.99905 100.0
    >>> fused_scan.cumsum(np.arange(4), reverse=True)
    array([6, 6, 5, 3])
    """
    operation = "compensated_sum" if compensated else "plain_sum"
    return framework_of(x, "cumsum").scan(
        operation, "cumsum", x, axis, exclusive, reverse, initial, out, dtype
    )


def cumprod(x, axis=-1, *, exclusive=False, reverse=False, initial=None, out=None, dtype=None):
    """Cumulative products along an axis: ``y[i] = x[0] * .. * x[i]``.

    Parameters, result and errors are those of :func:`cumsum`. An exclusive product begins with 1.
    Where every running product is within the range of its type, so is the result: nothing
    overflows on the way.

    Examples
    --------
    >>> import numpy as np, fused_scan
    >>> fused_scan.cumprod(np.array([1.0, 2.0, 3.0, 4.0]))
    array([ 1.,  2.,  6., 24.])
    """
    return framework_of(x, "cumprod").scan(
        "product", "cumprod", x, axis, exclusive, reverse, initial, out, dtype
    )


def logcumsumexp(x, axis=-1, *, exclusive=False, reverse=False, initial=None, out=None, dtype=None):
    """Logarithms of cumulative sums of exponentials: ``y[i] = log(exp(x[0]) + .. + exp(x[i]))``.

    Parameters, result and errors are those of :func:`cumsum`; numbers must be real, and the result
    is floating-point. An exclusive scan begins with minus infinity. Nothing overflows on the way.

    Examples
    --------
    >>> import numpy as np, fused_scan
    >>> fused_scan.logcumsumexp(np.array([1000.0, 1000.0]))
    array([1000.        , 1000.69314718])
    """
    return framework_of(x, "logcumsumexp").scan(
        "log_sum_exp", "logcumsumexp", x, axis, exclusive, reverse, initial, out, dtype
    )


def cummax(x, axis=-1, *, exclusive=False, reverse=False, initial=None, out=None):
    """The largest number so far along an axis, and where it is.

    Parameters and errors are those of :func:`cumsum`; numbers must be real, and ``out`` is a pair
    of arrays (values, indices).

    Returns
    -------
    (values, indices)
        Arrays of the shape of x. Of equal numbers the last one counts, as in ``torch.cummax``;
        once a NaN has come up it stays, with the index of the latest NaN. An index is -1 where the
        value is ``initial``, or that with which an exclusive scan begins: minus infinity, or the
        lowest integer.

    Examples
    --------
    >>> import numpy as np, fused_scan
    >>> values, indices = fused_scan.cummax(np.array([3, 1, 4, 1, 5]))
    >>> values, indices
    (array([3, 3, 4, 4, 5]), array([0, 0, 2, 2, 4]))
    """
    return framework_of(x, "cummax").extremum(
        "maximum", "cummax", x, axis, exclusive, reverse, initial, out
    )


def cummin(x, axis=-1, *, exclusive=False, reverse=False, initial=None, out=None):
    """The smallest number so far along an axis, and where it is; see :func:`cummax`.

    Examples
    --------
    >>> import numpy as np, fused_scan
    >>> values, indices = fused_scan.cummin(np.array([3, 1, 4, 1, 5]))
    >>> values, indices
    (array([3, 1, 1, 1, 1]), array([0, 1, 1, 3, 3]))
    """
    return framework_of(x, "cummin").extremum(
        "minimum", "cummin", x, axis, exclusive, reverse, initial, out
    )


def segmented_cumsum(
    x, offsets, axis=-1, *, exclusive=False, reverse=False, out=None, compensated=True, dtype=None
):
    """Cumulative sums that begin anew in each segment of an axis.

    Parameters
    ----------
    x : array of any shape
    offsets : array of n + 1 integers
        Where the segments begin: segment s is ``[offsets[s], offsets[s + 1])``. The first offset
        is 0, the last the length of the axis; they rise, and segments may be empty. The CPU reads
        them, and waits for offsets that are on a GPU.
    axis, exclusive, reverse, out, compensated, dtype
        As in :func:`cumsum`.

    Returns
    -------
    array of the shape of x
        The bits of a segment are those of scanning it alone.

    Notes
    -----
    The segments are worked on one after the other.

    Examples
    --------
    >>> import numpy as np, fused_scan
    >>> fused_scan.segmented_cumsum(np.ones(6, dtype=int), [0, 2, 2, 6])
    array([1, 2, 1, 2, 3, 4])
    """
    operation = "compensated_sum" if compensated else "plain_sum"
    return framework_of(x, "segmented_cumsum").segmented(
        operation, "segmented_cumsum", x, offsets, axis, exclusive, reverse, out, dtype
    )


def linear_recurrence(a, b, axis=-1, *, initial=None, reverse=False):
    """Solves ``h[i] = a[i] * h[i - 1] + b[i]`` along an axis.

    Parameters
    ----------
    a, b : arrays of floating-point or complex numbers
        Of one framework; a is broadcast to the shape of b, so that one coefficient may serve a
        line, a row, or all.
    axis : int
        The axis of i; -1 is the last.
    initial : number or array of the shape of b without the axis
        h before the first element: 0 by default.
    reverse : bool
        Go from the last element to the first.

    Returns
    -------
    array of the shape of b, of the common type of a and b

    Notes
    -----
    Products and sums are carried in double, and rounded to the result's type once.

    Examples
    --------
    >>> import numpy as np, fused_scan
    >>> fused_scan.linear_recurrence(np.float64(0.5), np.array([1.0, 1.0, 1.0]))
    array([1.  , 1.5 , 1.75])
    """
    return framework_of(b, "linear_recurrence").recurrence(a, b, axis, initial, reverse)
