"""Arrays in: samples as contiguous, native, read-only views, so that one compiled signature serves every input."""

from __future__ import annotations

import sys

import numpy as np

from fastgd.check import FloatArray, finite, real_array, shown

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


def samples(name: str, value: object, ndim: tuple[int, ...]) -> FloatArray:
    """Return checked data: real, finite, not empty, of an allowed number of dimensions."""
    array = real_array(name, value)
    if array.ndim not in ndim:
        expected = " or ".join(f"{n}-D" for n in ndim)
        raise ValueError(f"{name} must be {expected}, got {shown(array) if array.ndim else shown(value)}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    return finite(name, array)


def paired(X_name: str, X: object, y: object, ndim: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Return checked X and y of the same number of samples and the same dtype (float32 only if both are)."""
    X_checked, y_checked = samples(X_name, X, ndim), samples("y", y, (1,))
    if len(X_checked) != len(y_checked):
        raise ValueError(
            f"{X_name} and y must have the same number of samples, got {len(X_checked)} and {len(y_checked)}"
        )
    dtype = np.result_type(X_checked, y_checked)
    return kept(X_checked.astype(dtype, copy=False)), kept(y_checked.astype(dtype, copy=False))


def checked_weights(value: object, y: FloatArray) -> tuple[FloatArray | None, float]:
    """Return checked weights (N,) of the samples' dtype, None if they are all 1, and their sum."""
    if value is None:
        return None, float(y.size)
    weights = samples("sample_weight", value, (1,))
    if weights.size != y.size:
        raise ValueError(f"sample_weight must have one weight for each of {y.size} samples, got {weights.size}")
    if weights.min() < 0.0:
        raise ValueError(f"sample_weight must be at least 0, got {float(weights.min())!r}")
    with np.errstate(over="ignore"):
        weights = finite("sample_weight", weights.astype(y.dtype, copy=False))
        total = float(weights.sum(dtype=np.float64))
    if not sys.float_info.min <= total < np.inf:  # 1 over a denormal sum would overflow
        raise ValueError(f"sample_weight must have a finite sum above 0, got {total!r}")
    return kept(weights), total
