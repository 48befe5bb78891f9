"""Arrays in: samples as contiguous, native, read-only views, so that one compiled signature serves every input."""

from __future__ import annotations

import sys

import numpy as np

from fastgd.check import RUN, FloatArray, about, finite, real_array, runs, shown
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


def checked_weights(value: object, y: FloatArray) -> tuple[FloatArray | None, float, int]:
    """Return checked weights (N,), None if they are all 1, their sum, and how many are not 0.

    Where y is float32 they are, too, if that changes none of them; if it would they stay float64.
    """
    if value is None:
        return None, float(y.size), y.size
    weights = checked_samples("sample_weight", value, (1,))
    if weights.size != y.size:
        each = counted(y.size, "sample")
        raise ValueError(about("sample_weight", f"must have one weight for each of {each}, got {weights.size}"))
    least = float(weights.min())
    if least < 0.0:
        raise ValueError(about("sample_weight", f"must be at least 0, got {least!r}"))
    counting = int(np.count_nonzero(weights)) if least == 0.0 else y.size
    total = Total()
    total.add(weights)
    with np.errstate(over="ignore", under="ignore"):
        as_stored = weights.astype(y.dtype, copy=False)
    weights = as_stored if as_stored is weights or np.array_equal(as_stored, weights) else weights
    return kept(weights), checked_total(total), counting


class Total:
    """The sum of weights that come in parts: of fixed runs of them, so that it has the same bits whatever the parts."""

    def __init__(self) -> None:
        self._sums: list[float] = []
        self._begun = np.empty(0)  # a run that is not whole yet

    def add(self, weights: FloatArray) -> None:
        """Add the next weights."""
        if self._begun.size:
            weights = np.concatenate([self._begun, weights])
        whole = len(weights) // RUN * RUN
        with np.errstate(over="ignore", under="ignore"):
            self._sums.extend(float(run.sum(dtype=np.float64)) for run in runs(weights[:whole]))
        self._begun = weights[whole:].astype(np.float64)

    def value(self) -> float:
        """Return the sum of all."""
        with np.errstate(over="ignore", under="ignore"):
            return float(np.sum([*self._sums, self._begun.sum()]))


def checked_total(total: Total) -> float:
    """Return the sum of weights if they can be divided by it."""
    value = total.value()
    if not sys.float_info.min <= value < np.inf:  # 1 over a denormal sum would overflow
        raise ValueError(about("sample_weight", f"must have a finite sum above 0, got {value!r}"))
    return value
