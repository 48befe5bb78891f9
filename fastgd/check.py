"""The boundary's checks: each raises one sentence that names the argument, what came and what was expected."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]

RUN = 1 << 18  # elements whose temporaries stay in cache, and after which Ctrl-C is heard


def shown(value: object) -> str:
    """Describe a value in a few words: its text if that is short, its type and shape otherwise."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    try:
        text = repr(value)
    except Exception:  # a whole number of thousands of digits, or an object's own failure
        return f"one of type {type(value).__name__}"
    return text if len(text) <= 60 and "\n" not in text else f"{type(value).__name__} {text[:40].splitlines()[0]}..."


def choice(name: str, value: object, allowed: Collection[str]) -> str:
    """Return `value` if it is one of the allowed words."""
    words = ", ".join(repr(word) for word in allowed) or "none"
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {words}, got {shown(value)}")
    if value not in allowed:
        raise ValueError(f"{name} must be one of {words}, got {value!r}")
    return value


def flag(name: str, value: object) -> bool:
    """Return a bool."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def whole(name: str, value: object, minimum: int, maximum: int | None = None) -> int:
    """Return an int within limits; a float, fraction or decimal with a whole value is taken."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | np.bool_) or not _is_real(type(value)):
        raise TypeError(f"{name} must be a whole number, got {shown(value)}")
    try:
        number = int(value)  # type: ignore[call-overload]
    except (ValueError, OverflowError):  # not a number, or infinite
        number = None
    if number is None or number != value:
        raise ValueError(f"{name} must be a whole number, got {shown(value)}")
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {shown(value)}")
    if maximum is not None and number > maximum:
        raise ValueError(f"{name} must be at most {maximum}, got {shown(value)}")
    return int(number)


def real_array(name: str, value: object) -> FloatArray:
    """Return `value` as an array of real numbers: float32 is kept, everything else becomes float64.

    Nothing is copied that need not be. Whole numbers of any size, fractions and decimals are numbers, each rounded
    once; so are the objects of a data frame of mixed columns. Complex, text and date types, missing and masked entries
    and sparse matrices are errors.
    """
    if value is None or isinstance(value, str | bytes | dict | set):
        raise TypeError(f"{name} must be numbers, got {shown(value)}")
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"{name} must be without masked entries, got {int(np.ma.getmaskarray(value).sum())} of them")
    try:
        array = np.asarray(value)
    except Exception:  # whatever an object's own conversion raises, a ragged list included
        raise ValueError(f"{name} must be numbers in rows of one length, got {shown(value)}") from None
    if array.dtype == object:
        return _of_objects(name, array)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be real numbers, got dtype {array.dtype}")
    if array.dtype.kind == "f" and array.dtype.itemsize == 4:
        return array.astype(np.float32, copy=False)
    with np.errstate(over="ignore"):  # a long double beyond float64 becomes inf and is refused as such
        return array.astype(np.float64, copy=False)


def _is_real(kind: type) -> bool:
    """Tell whether objects of this type are real numbers; a time span, which NumPy counts as an integer, is none."""
    return issubclass(kind, Real | Decimal | np.bool_) and not issubclass(kind, np.timedelta64)


def _of_objects(name: str, array: NDArray[Any]) -> FloatArray:
    """Return an array of objects as float64; the sentence that refuses one shows it."""
    if all(map(_is_real, set(map(type, array.flat)))):
        try:
            return array.astype(np.float64)
        except (ValueError, OverflowError):  # a signaling NaN, or beyond float64
            index = next(index for index, item in np.ndenumerate(array) if not _fits(item))
            raise ValueError(
                f"{name} must be numbers that float64 holds, got {shown(array[index])}{_at(index)}"
            ) from None
    index = next(index for index, item in np.ndenumerate(array) if not _is_real(type(item)))
    raise TypeError(f"{name} must be real numbers, got {shown(array[index])}{_at(index)}")


def _fits(number: Any) -> bool:
    try:
        float(number)
    except (ValueError, OverflowError):
        return False
    return True


def _at(index: Iterable[int]) -> str:
    """Return where in an array something stands, nothing of a single number."""
    places = ", ".join(map(str, index))
    return f" at index {places}" if places else ""


def finite(name: str, array: FloatArray) -> FloatArray:
    """Return `array` if it has no NaN and no infinity. Its extremes tell, so there is no temporary of its size."""
    if array.size and not (math.isfinite(array.min()) and math.isfinite(array.max())):
        where = tuple(np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name} must be finite, got {array[where]}{_at(where)}")
    return array


def runs(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield runs of a long array one after another: what is computed of each is small."""
    for first in range(0, len(array), RUN):
        yield array[first : first + RUN]


def numbers_between(
    name: str, value: object, *, minimum: float = -math.inf, maximum: float = math.inf, whole: bool = False
) -> NDArray[Any]:
    """Return one number (0-D) or a 1-D axis of them: float64, or int64 if `whole`; none is NaN or out of range."""
    array: NDArray[Any]
    limits: tuple[float, ...] = (minimum, maximum)
    if whole and type(value) is np.ndarray and value.dtype.kind in "iu":
        array = value  # as floats they would be there twice, and near 2^53 be others
        limits = tuple(int(limit) if math.isfinite(limit) else limit for limit in limits)
    else:
        array = real_array(name, value).astype(np.float64, copy=False)
    if array.ndim > 1:
        raise ValueError(f"{name} must be one number or a 1-D axis of them, got {shown(array)}")
    if array.size == 0:
        raise ValueError(f"{name} must have at least one value, got an axis of length 0")
    for part in runs(np.atleast_1d(array)):
        wrong = ~((part >= limits[0]) & (part <= limits[1]))
        if whole:
            wrong |= part != np.floor(part)
        if wrong.any():
            below = "<" if float(f"{maximum:g}") == math.nextafter(maximum, math.inf) else "<="  # next to 1 it reads 1
            within = [f">= {minimum:g}"] * (minimum > -math.inf) + [f"{below} {maximum:g}"] * (maximum < math.inf)
            expected = f"{'whole numbers' if whole else 'numbers'} {' and '.join(within)}".rstrip()
            raise ValueError(f"{name} must be {expected}, got {float(part[wrong][0])!r}")
    return array.astype(np.int64) if whole else array


def number_between(name: str, value: object, *, minimum: float = -math.inf, maximum: float = math.inf) -> float:
    """Return one number, neither NaN nor out of range."""
    array = numbers_between(name, value, minimum=minimum, maximum=maximum)
    if array.ndim:
        raise ValueError(f"{name} must be one number, got {shown(value)}")
    return float(array)
