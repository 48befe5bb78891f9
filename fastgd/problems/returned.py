"""What the user's functions return: judged by its Numba type where they are compiled, by itself where they are not."""

from __future__ import annotations

from typing import Any

from numba.core import types

from fastgd.check import real_array, shown
from fastgd.kernels.numbers.dual import is_number
from fastgd.kernels.numbers.vectors import Row


def wrong_return(name: str, dimension: int, came: str) -> str:
    """Return the sentence about what a function of P = dimension parameters returned."""
    expected = "a float" if name != "gradient" or dimension == 1 else f"an array of shape ({dimension},)"
    return f"{name} must return {expected}, got {came}"


def is_real(numba_type: Any) -> bool:
    """Tell whether a type is of real numbers; None in their place counts as what is not finite."""
    if isinstance(numba_type, types.Optional):
        return is_real(numba_type.type)
    return bool(is_number(numba_type))


def is_vector(numba_type: Any, dimension: int) -> bool:
    """Tell whether a type is of P real numbers, as far as it tells."""
    if isinstance(numba_type, types.BaseTuple):
        elements: Any = numba_type
        return len(elements) == dimension and all(map(is_real, elements))
    if isinstance(numba_type, types.Array):
        return numba_type.ndim == 1 and is_real(numba_type.dtype)
    return isinstance(numba_type, types.List) and is_real(numba_type.dtype)


def described(numba_type: Any) -> str:
    """Return a type of Numba's in Python's words."""
    if isinstance(numba_type, types.Array):
        return f"an array with {numba_type.ndim} dimension{'s' * (numba_type.ndim != 1)} of {numba_type.dtype}"
    if isinstance(numba_type, types.BaseTuple):
        elements: Any = numba_type
        wrong = next((described(element) for element in elements if not is_real(element)), "")
        return f"a tuple of {len(elements)}" + f" with {wrong} in it" * bool(wrong)
    if isinstance(numba_type, types.List) and not is_real(numba_type.dtype):
        return f"a list with {described(numba_type.dtype)} in it"
    if isinstance(numba_type, types.Optional):
        return f"{described(numba_type.type)} or None"
    words = (
        (types.NoneType, "None"),
        (types.UnicodeType | types.StringLiteral, "text"),
        (types.Complex, "a complex number"),
        (types.List | types.ListType, "a list"),
        (types.DictType, "a dict"),
        (types.Set, "a set"),
        (types.RangeType, "a range"),
        (types.Generator, "a generator"),
        (types.BoundFunction, "a method that was not called"),
        (types.Callable, "a function"),
        (types.SliceType, "a slice"),
        (types.Bytes, "bytes"),
        (types.NPDatetime | types.NPTimedelta, "a date or a time"),
        (types.Integer | types.Float | types.Boolean, "a number"),
        (types.IteratorType, "an iterator"),
        (Row, "an array"),
    )
    return next((word for kind, word in words if isinstance(numba_type, kind)), "what is none")


def real(name: str, value: Any, dimension: int, shape: tuple[int, ...]) -> Any:
    """Return what a plain Python function returned as float64 of this shape; TypeError or ValueError if it is not."""
    if type(value) is float and not shape:
        return value
    try:
        array = real_array(name, value)
    except (TypeError, ValueError):
        raise TypeError(wrong_return(name, dimension, shown(value))) from None
    if array.shape != shape:
        came = f"shape {array.shape}" if array.ndim else shown(value)
        raise ValueError(wrong_return(name, dimension, came))
    return array
