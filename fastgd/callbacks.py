"""The user's functions, compiled.

A loss and its gradient become one C function, `void f(const double *theta, double *out)`, out = (loss, gradient);
functions of one residual become jitted ones that a block's C function calls.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from functools import lru_cache
from types import FunctionType
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.core.errors import NumbaError
from numba.extending import is_jitted

UserFunction = Callable[..., Any]

_C_SIGNATURE = types.void(types.CPointer(types.float64), types.CPointer(types.float64))


def jitted(name: str, function: UserFunction, dimension: int) -> Any:
    """Return the user's function compiled for float or float64 (P,); TypeError if Numba can't."""
    dispatcher: Any = numba.njit(function) if isinstance(function, FunctionType) else function
    if not (isinstance(function, FunctionType) or is_jitted(function)):  # math.cosh: Numba knows it, but not how to jit
        dispatcher = numba.njit(lambda theta: function(theta))
    argument = types.float64 if dimension == 1 else types.float64[::1]
    _check_compiles(name, dispatcher, argument, ", or pass compile=False to run it as plain Python")
    return dispatcher


def jitted_of_residual(name: str, function: UserFunction) -> Any:
    """Return the user's function of one residual compiled, float to float; TypeError if Numba can't.

    What it raises becomes NaN, for a block's C function has no exceptions: without this, sums of another block would be
    left in its place. A division by 0 is none, so that loops over samples vectorise.
    """
    # what is no Python function, such as math.cosh, Numba knows by itself or not at all
    is_plain = isinstance(function, FunctionType)
    users: Any = numba.njit(error_model="numpy")(function) if is_plain else function

    def of_residual(r):  # type: ignore[no-untyped-def]
        try:
            return float(users(r))
        except Exception:
            return math.nan

    dispatcher: Any = numba.njit(error_model="numpy")(of_residual)
    if is_plain or is_jitted(users):
        _check_compiles(name, users, types.float64)
    _check_compiles(name, dispatcher, types.float64)
    return dispatcher


def _check_compiles(name: str, dispatcher: Any, argument: Any, otherwise: str = "") -> None:
    """Compile a jitted function; TypeError with Numba's reason if that fails."""
    try:
        dispatcher.get_call_template((argument,), {})  # as a kernel's call would: defaults are filled in
    except NumbaError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        start = next((i for i, line in enumerate(lines) if not line.startswith(("Failed in", "During:"))), 0)
        reason = lines[start]
        if reason.endswith(":") and start + 1 < len(lines):  # "... found for signature:"
            reason += " " + lines[start + 1].removeprefix(">>> ")
        raise TypeError(
            f"{name} can't be compiled by Numba ({reason}); write it in what Numba supports{otherwise}"
        ) from error


@lru_cache(maxsize=256)
def compiled(loss: Any, gradient: Any, dimension: int) -> Any:
    """Return a Numba cfunc over two jitted functions. What they raise becomes NaN: C has no exceptions.

    Both are computed before either is stored: what they have in common, a tangent say, is then computed once.
    """
    if dimension == 1:

        def both(theta, out):  # type: ignore[no-untyped-def]
            point = theta[0]
            try:
                value, slope = loss(point), gradient(point)
                out[0] = value
                out[1] = slope
            except Exception:
                out[0] = math.nan
                out[1] = math.nan

    else:

        def both(theta, out):  # type: ignore[no-untyped-def]
            point = numba.carray(theta, (dimension,)).copy()  # type: ignore[attr-defined]  # theirs to write
            try:
                value, slopes = loss(point), gradient(point)
                out[0] = value
                for k in range(dimension):
                    out[1 + k] = slopes[k] if len(slopes) == dimension else math.nan
            except Exception:
                for k in range(dimension + 1):
                    out[k] = math.nan

    try:
        return numba.cfunc(_C_SIGNATURE)(both)
    except NumbaError as error:
        expected = "a float" if dimension == 1 else f"an array of shape ({dimension},)"
        raise TypeError(f"loss must return a float and gradient {expected}; Numba says: {error}") from error


class PythonCallback:
    """Two plain Python functions behind a C function pointer.

    An exception can't cross the kernel: it is kept in `error`, everything after it is NaN, and the caller raises it.
    """

    def __init__(self, loss: UserFunction, gradient: UserFunction, dimension: int) -> None:
        self.error: BaseException | None = None
        double_pointer = ctypes.POINTER(ctypes.c_double)

        def both(theta: Any, out: Any) -> None:
            sums = np.ctypeslib.as_array(out, (dimension + 1,))
            sums[:] = math.nan
            if self.error is not None:
                return
            try:
                point = np.ctypeslib.as_array(theta, (dimension,)).copy()
                argument = float(point[0]) if dimension == 1 else point
                value = float(loss(argument))
                slopes = np.asarray(gradient(argument), dtype=np.float64)
                if slopes.shape != (() if dimension == 1 else (dimension,)):
                    expected = "a float" if dimension == 1 else f"an array of shape ({dimension},)"
                    raise ValueError(f"gradient must return {expected}, got {slopes!r}")
                sums[0], sums[1:] = value, slopes
            except BaseException as error:  # Ctrl-C too: it is raised again once the kernel has returned
                self.error = error

        self._function = ctypes.CFUNCTYPE(None, double_pointer, double_pointer)(both)
        self.address = ctypes.cast(self._function, ctypes.c_void_p).value or 0

    def raise_error(self) -> None:
        """Raise what the user's functions raised, once."""
        error, self.error = self.error, None
        if error is not None:
            raise error
