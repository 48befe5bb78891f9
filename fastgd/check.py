"""The boundary's checks: each raises one sentence that names the argument, what came and what was expected.

Such a sentence is a `Sentence`, which knows what in it are arguments: the command line names its options instead.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from decimal import Decimal
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
FloatArray = NDArray[np.floating[Any]]  # or of float32

IN_CACHE = 1 << 16  # elements that stay in a core's cache
RUN = 1 << 18  # elements whose temporaries stay in cache, and after which Ctrl-C is heard


class Argument(NamedTuple):
    """An argument in a sentence: by its name or, with a value, as it was given."""

    name: str
    value: object = None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}={self.value!r}"


class Parameter(NamedTuple):
    """One of theta's parameters in a sentence, by its number; others may call it by its name."""

    number: int
    name: str

    def __str__(self) -> str:
        return f"parameter {self.number}"


class Coordinates(NamedTuple):
    """A parameter's value in a sentence, or an array of them: an angle, say, which others may tell in degrees."""

    value: float | NDArray[np.float64]

    def __str__(self) -> str:
        return str(self.value)


class OfPython(str):
    """Words of a sentence that are of use in Python alone."""


class Sentence(str):
    """A sentence made of parts: plain text, and what others may call otherwise. It is text like any other."""

    parts: tuple[object, ...]

    def __new__(cls, *parts: object) -> Sentence:
        """Join the parts."""
        sentence = super().__new__(cls, "".join(map(str, parts)))
        sentence.parts = parts
        return sentence

    def __getnewargs__(self) -> tuple[object, ...]:  # type: ignore[override]  # of the parts it is made again
        return self.parts

    def spelt(self, spell: Callable[[object], str]) -> str:
        """Return the sentence with each part as `spell` has it."""
        return "".join(part.spelt(spell) if isinstance(part, Sentence) else spell(part) for part in self.parts)


def about(argument: str | Argument, *rest: object) -> Sentence:
    """Return a sentence that begins with an argument."""
    return Sentence(Argument(argument) if isinstance(argument, str) else argument, " ", *rest)


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
        raise TypeError(about(name, f"must be one of {words}, got {shown(value)}"))
    if value not in allowed:
        raise ValueError(about(name, f"must be one of {words}, got {value!r}"))
    return value


def flag(name: str, value: object) -> bool:
    """Return a bool."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(about(name, f"must be True or False, got {shown(value)}"))
    return bool(value)


def path_of(name: str, value: object) -> str:
    """Return a path as text; TypeError for what is none."""
    try:
        path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    except Exception:  # whatever a stranger's class raises
        path = None
    if not isinstance(path, str):
        raise TypeError(about(name, f"must be a path, got {shown(value)}"))
    return path


def whole(name: str, value: object, minimum: int, maximum: int | None = None) -> int:
    """Return an int within limits; a float, fraction or decimal with a whole value is taken."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | np.bool_) or not _is_real(type(value)):
        raise TypeError(about(name, f"must be a whole number, got {shown(value)}"))
    try:
        number = int(value)  # type: ignore[call-overload]
    except (ValueError, OverflowError):  # not a number, or infinite
        number = None
    if number is None or number != value:
        raise ValueError(about(name, f"must be a whole number, got {shown(value)}"))
    if number < minimum:
        raise ValueError(about(name, f"must be at least {minimum}, got {shown(value)}"))
    if maximum is not None and number > maximum:
        raise ValueError(about(name, f"must be at most {maximum}, got {shown(value)}"))
    return int(number)


def real_array(name: str, value: object) -> FloatArray:
    """Return `value` as an array of real numbers: float32 is kept, everything else becomes float64.

    Nothing is copied that need not be. Whole numbers of any size, fractions and decimals are numbers, each rounded
    once; so are the objects of a data frame of mixed columns. Complex, text and date types, missing and masked entries
    and sparse matrices are errors.
    """
    if value is None or isinstance(value, str | bytes | dict | set):
        raise TypeError(about(name, f"must be numbers, got {shown(value)}"))
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        masked = int(np.ma.getmaskarray(value).sum())
        raise ValueError(about(name, f"must be without masked entries, got {masked} of them"))
    try:
        array = np.asarray(value)
    except Exception:  # whatever an object's own conversion raises, a ragged list included
        raise ValueError(about(name, f"must be numbers in rows of one length, got {shown(value)}")) from None
    if array.dtype == object:
        return _of_objects(name, array)
    if array.dtype.kind not in "fiub":
        raise TypeError(about(name, f"must be real numbers, got dtype {array.dtype}"))
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
            what = f"must be numbers that float64 holds, got {shown(array[index])}{_at(index)}"
            raise ValueError(about(name, what)) from None
    index = next(index for index, item in np.ndenumerate(array) if not _is_real(type(item)))
    raise TypeError(about(name, f"must be real numbers, got {shown(array[index])}{_at(index)}"))


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


def _has_finite_extremes(array: FloatArray) -> bool:
    return math.isfinite(array.min()) and math.isfinite(array.max())


def _is_finite(array: FloatArray) -> bool:
    """Tell it run by run: the largest of one is found while it is in cache, which takes two thirds of the time."""
    rows = max(1, IN_CACHE * len(array) // array.size)
    return all(_has_finite_extremes(array[first : first + rows]) for first in range(0, len(array), rows))


def finite(name: str, array: FloatArray, first: int = 0) -> FloatArray:
    """Return `array` if it has no NaN and no infinity. Its extremes tell, so there is no temporary of its size.

    It begins at index `first` of what has that name.
    """
    if array.size and not (_has_finite_extremes(array) if array.size <= IN_CACHE else _is_finite(array)):
        where = tuple(np.argwhere(~np.isfinite(array))[0])
        told = (first + where[0], *where[1:]) if where else where
        raise ValueError(about(name, f"must be finite, got {array[where]}{_at(told)}"))
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
        raise ValueError(about(name, f"must be one number or a 1-D axis of them, got {shown(array)}"))
    if array.size == 0:
        raise ValueError(about(name, "must have at least one value, got an axis of length 0"))
    for part in runs(np.atleast_1d(array)):
        wrong = ~((part >= limits[0]) & (part <= limits[1]))
        if whole:
            wrong |= part != np.floor(part)
        if wrong.any():
            below = "<" if float(f"{maximum:g}") == math.nextafter(maximum, math.inf) else "<="  # next to 1 it reads 1
            within = [f">= {minimum:g}"] * (minimum > -math.inf) + [f"{below} {maximum:g}"] * (maximum < math.inf)
            expected = f"{'whole numbers' if whole else 'numbers'} {' and '.join(within)}".rstrip()
            raise ValueError(about(name, f"must be {expected}, got {float(part[wrong][0])!r}"))
    return array.astype(np.int64) if whole else array


def number_between(name: str, value: object, *, minimum: float = -math.inf, maximum: float = math.inf) -> float:
    """Return one number, neither NaN nor out of range."""
    array = numbers_between(name, value, minimum=minimum, maximum=maximum)
    if array.ndim:
        raise ValueError(about(name, f"must be one number, got {shown(value)}"))
    return float(array)
