"""Arrays in: samples as contiguous, native, read-only views, so that one compiled signature serves every input."""

from __future__ import annotations

import sys

import numpy as np

from fastgd.check import FloatArray, about, finite, real_array, shown
from fastgd.text import counted

COPIED = 1 << 20  # bytes; data up to here is copied
SEEN = 64  # elements of larger data that are looked at again, or some more


def kernel_view(array: FloatArray) -> FloatArray:
    """Return a contiguous, aligned, read-only view; a copy only where the array is not so already."""
    view = np.require(array, requirements=["C", "A"]).view(np.ndarray)[...]
    view.flags.writeable = False
    return view


def kept(array: FloatArray) -> FloatArray:
    """Return a kernel's view of data that a problem keeps: of a copy where that is cheap, so that nobody changes it."""
    return kernel_view(array.copy() if array.nbytes <= COPIED else array)


def some_of(array: FloatArray) -> FloatArray:
    """Return a view of a few elements, evenly spaced: they tell whether a whole array was changed, in a microsecond."""
    return array.reshape(-1)[:: max(1, array.size // SEEN)]


def checked_samples(name: str, value: object, ndim: tuple[int, ...]) -> FloatArray:
    """Return checked data: real, finite, not empty, of an allowed number of dimensions."""
    array = real_array(name, value)
    if array.ndim not in ndim:
        expected = " or ".join(f"{n}-D" for n in ndim)
        raise ValueError(f"{name} must be {expected}, got {shown(array) if array.ndim else shown(value)}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    return finite(name, array)


def column_names(table: object, count: int) -> tuple[str, ...] | None:
    """Return the names of a data frame's columns; None of anything else, or if they are not different texts."""
    try:
        names = tuple(getattr(table, "columns", ()))
    except Exception:  # whatever an object's own iteration raises
        return None
    are_names = len(names) == count and all(isinstance(name, str) and name for name in names)
    return names if are_names and len(set(names)) == count else None


def checked_pair(X_name: str, X: object, y: object, ndim: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Return checked X and y of the same number of samples and the same dtype (float32 only if both are)."""
    X_checked = checked_samples(X_name, X, ndim)
    y_checked = checked_samples("y", y, (1,))
    if len(X_checked) != len(y_checked):
        raise ValueError(
            f"{X_name} and y must have the same number of samples, got {len(X_checked)} and {len(y_checked)}"
        )
    dtype = np.result_type(X_checked, y_checked)
    return kept(X_checked.astype(dtype, copy=False)), kept(y_checked.astype(dtype, copy=False))


def checked_weights(value: object, y: FloatArray) -> tuple[FloatArray | None, float]:
    """Return checked weights (N,), None if they are all 1, and their sum.

    Where y is float32 they are, too, if that changes none of them; if it would they stay float64.
    """
    if value is None:
        return None, float(y.size)
    weights = checked_samples("sample_weight", value, (1,))
    if weights.size != y.size:
        each = counted(y.size, "sample")
        raise ValueError(about("sample_weight", f"must have one weight for each of {each}, got {weights.size}"))
    if weights.min() < 0.0:
        raise ValueError(about("sample_weight", f"must be at least 0, got {float(weights.min())!r}"))
    with np.errstate(over="ignore", under="ignore"):
        total = float(weights.sum(dtype=np.float64))
        as_stored = weights.astype(y.dtype, copy=False)
    if not sys.float_info.min <= total < np.inf:  # 1 over a denormal sum would overflow
        raise ValueError(about("sample_weight", f"must have a finite sum above 0, got {total!r}"))
    return kept(as_stored if np.array_equal(as_stored, weights) else weights), total
