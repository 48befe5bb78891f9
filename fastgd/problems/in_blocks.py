"""The user's loss and gradient as one C function of a block of thetas, one beside the other.

Both are compiled for fastgd's own number where they can be, so that lanes are vectors; else for floats and arrays, one
lane after the other. Plain Python is called alike. See `kernels.problems.users`.
"""

from __future__ import annotations

import ctypes
import hashlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from types import FunctionType
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.core.serialize import dumps

from fastgd.kernels.numbers.dual import is_number
from fastgd.kernels.numbers.lanes import is_gradient, theta_type
from fastgd.kernels.numbers.lanes import options as number_options
from fastgd.kernels.numbers.series.elementwise import row_of
from fastgd.kernels.numbers.series.expressions import is_expression
from fastgd.kernels.numbers.vectors import MOST_PARTIALS
from fastgd.kernels.problems.users import in_lanes, of_array, of_number
from fastgd.problems.frozen import MARK
from fastgd.problems.returned import described, is_real, is_vector, real, wrong_return
from fastgd.problems.user_functions import (
    ForNumbers,
    UserFunction,
    cast_to,
    differentiating,
    jitted,
    returned_for,
)

_OF_SHAPES = "broadcast together|not aligned|core dimension"  # as NumPy says what does not fit
MOST_KEPT = 1 << 16  # bytes of arrays in functions that stay compiled when nobody uses them


@dataclass(frozen=True)
class _Content:
    """Frozen functions, equal to others of the same code and the same constants."""

    digest: bytes
    functions: tuple[FunctionType, ...] = field(compare=False)


def compiled(functions: tuple[FunctionType, ...], dimension: int) -> Any:
    """Return a Numba cfunc over a frozen loss and its gradient, derived if there is none.

    TypeError if Numba can't, or they return what is wrong.
    """
    return kept(_compiled, functions, dimension)


def kept(compile: Callable[..., Any], functions: tuple[FunctionType, ...], *how: Any) -> Any:
    """Return what frozen functions are compiled to, compile(functions, *how).

    The same functions over little data stay compiled for the next problem; much data is freed with its problem.
    """
    if getattr(functions[0], MARK).bytes > MOST_KEPT:
        return compile(functions, *how)
    try:
        content = _Content(hashlib.sha256(dumps(functions)).digest(), functions)
    except Exception:  # they hold what can't be pickled
        return compile(functions, *how)
    return _kept(compile, content, *how)


@lru_cache(maxsize=64)  # a third of a megabyte each
def _kept(compile: Callable[..., Any], content: _Content, *how: Any) -> Any:
    return compile(content.functions, *how)


def _compiled(functions: tuple[FunctionType, ...], dimension: int) -> Any:
    if len(functions) == 1:
        return _derived(*functions, dimension)
    return _of_numbers(functions, dimension) or _of_floats(functions, dimension)


def _derived(loss: FunctionType, dimension: int) -> Any:
    """Return the C function of a loss and its derivatives. TypeError, which says what of it is not differentiated."""
    argument = theta_type(dimension, is_derived=True)
    if argument is None:
        raise ValueError(
            f"dimension must be at most {MOST_PARTIALS} where the gradient is derived, got {dimension}; pass gradient="
        )
    compiler = differentiating(dimension)
    ((users, value),), _ = jitted({"loss": loss}, (argument,), {}, "pass gradient=", compiler)
    if not is_number(value):
        raise TypeError(wrong_return("loss", dimension, described(value)))
    return in_lanes(users, None, dimension)


def _of_numbers(functions: tuple[FunctionType, ...], dimension: int) -> Any:
    """Return the C function of functions that fastgd's own numbers can be passed through; None where they can't."""
    argument = theta_type(dimension)
    if argument is None:
        return None
    compiler = ForNumbers({})
    try:
        loss, gradient = (compiler(function) for function in functions)
        value, slopes = (returned_for(function, argument) for function in (loss, gradient))
        if is_expression(slopes, 1):
            gradient, slopes = _as_row(gradient, argument, dimension)
        if is_number(value) and is_gradient(slopes, dimension):
            return in_lanes(loss, gradient, dimension)
    except Exception:  # NumbaError, or whatever Numba meets inside: `_of_floats` says what is wrong, if anything is
        pass
    compiler.let_go()
    return None


def _as_row(gradient: Any, argument: Any, dimension: int) -> tuple[Any, Any]:
    """Return a gradient whose length is known when it runs as one that raises where that is not P, and its type."""
    as_row = row_of(dimension)
    options = number_options() | {"boundscheck": True}  # the gradient may become a part of it
    jitted_row = numba.jit(**options)(lambda theta: as_row(gradient(theta)))
    return jitted_row, returned_for(jitted_row, argument)


def _of_floats(functions: tuple[FunctionType, ...], dimension: int) -> Any:
    argument = types.float64 if dimension == 1 else types.float64[::1]
    named = dict(zip(("loss", "gradient"), functions, strict=True))
    otherwise = ", or pass compile=False to run it as plain Python"
    ((loss, value), (gradient, slopes)), _ = jitted(named, (argument,), {}, otherwise)
    if not is_real(value):
        raise TypeError(wrong_return("loss", dimension, described(value)))
    if not (is_real(slopes) if dimension == 1 else is_vector(slopes, dimension)):
        raise TypeError(wrong_return("gradient", dimension, described(slopes)))
    if dimension == 1:
        return of_number(loss, gradient)
    is_tuple = isinstance(slopes, types.BaseTuple)
    return of_array(loss, _as_floats(gradient, dimension) if is_tuple else gradient, dimension)


def _as_floats(gradient: Any, dimension: int) -> Any:
    """Return a gradient of tuples as one of tuples of floats, which can be indexed in a loop."""
    as_floats = cast_to(types.UniTuple(types.float64, dimension))
    return numba.njit(lambda theta: as_floats(gradient(theta)))


def check_at(cfunc: Any, functions: tuple[FunctionType, ...], theta: Any) -> None:
    """Raise ValueError for what of these compiled functions is wrong here, where the kernels would only see NaN.

    That is an index out of range, arrays of shapes that don't fit, or a gradient that has not P components; not what
    arithmetic raises, for the loss may be finite elsewhere.
    """
    P = len(theta)
    out = np.empty(P + 1)
    pointer = ctypes.POINTER(ctypes.c_double)
    cfunc.ctypes(1, 1, theta.ctypes.data_as(pointer), out.ctypes.data_as(pointer))
    if not np.isnan(out[1:]).all():
        return
    for name, function in zip(("loss", "gradient"), functions, strict=False):
        try:
            shape = np.shape(function(float(theta[0]) if P == 1 else theta.copy()))
        except IndexError as error:
            raise ValueError(f"{name} must not index out of range, at theta = {theta} it does: {error}") from error
        except ValueError as error:
            if "to unpack" in str(error):
                raise ValueError(f"{name} must unpack what has so many elements, theta has {P}: {error}") from error
            if not re.search(_OF_SHAPES, str(error)):
                return
            raise ValueError(
                f"{name} must combine arrays of shapes that fit, at theta = {theta} it does not: {error}"
            ) from error
        except Exception:  # arithmetic, or compiled code does what Python can't
            return
    if len(functions) == 2 and shape != (() if P == 1 else (P,)):
        raise ValueError(wrong_return("gradient", P, f"shape {shape}"))


class PythonCallback:
    """Two plain Python functions behind a C function pointer.

    An exception can't cross the kernel: it is kept in `error`, everything after it is NaN, and the caller raises it.
    """

    def __init__(self, functions: tuple[UserFunction, ...], dimension: int) -> None:
        self.error: BaseException | None = None
        pointer = ctypes.POINTER(ctypes.c_double)

        def block(count: int, width: int, thetas: Any, sums_out: Any) -> None:
            theta = np.ctypeslib.as_array(thetas, (dimension, width))
            sums = np.ctypeslib.as_array(sums_out, (dimension + 1, width))
            for lane in range(count):
                sums[:, lane] = self._sums(functions, theta[:, lane].copy())

        self._function = ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.c_ssize_t, pointer, pointer)(block)
        self.address = ctypes.cast(self._function, ctypes.c_void_p).value or 0

    def _sums(self, functions: tuple[UserFunction, ...], theta: Any) -> Any:
        """Return the loss and the gradient at theta (P,)."""
        P = len(theta)
        sums = np.full(P + 1, math.nan)
        if self.error is not None:
            return sums
        loss, gradient = functions
        try:
            argument = float(theta[0]) if P == 1 else theta
            value = real("loss", loss(argument), P, ())
            slopes = real("gradient", gradient(argument), P, () if P == 1 else (P,))
        except BaseException as error:  # Ctrl-C too: it is raised again once the kernel has returned
            self.error = error
            return sums
        sums[0] = value
        sums[1:] = slopes
        return sums

    def raise_error(self) -> None:
        """Raise what the user's functions raised, once."""
        error, self.error = self.error, None
        if error is not None:
            raise error
