"""The user's functions, compiled.

A loss and its gradient become one C function, `void f(const double *theta, double *out)`, out = (loss, gradient);
functions of one residual become jitted ones that a block's C function calls. All are compiled from what `frozen` made
of them. What they return is judged by its type, and a gradient's length at the start.
"""

from __future__ import annotations

import ctypes
import hashlib
import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from types import FunctionType
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.core.serialize import dumps
from numba.extending import intrinsic

from fastgd.kernels.compiling.jit import need_compiler
from fastgd.problems.frozen import MARK, Copier
from fastgd.problems.returned import described, is_real, is_vector, real, wrong_return
from fastgd.text import with_article

UserFunction = Callable[..., Any]

MOST_KEPT = 1 << 16  # bytes of arrays in functions that stay compiled when nobody uses them
_C_SIGNATURE = types.void(types.CPointer(types.float64), types.CPointer(types.float64))


class _Borrowed(np.ndarray):
    """An array that machine code reads where it is. Numba writes those up to 1 MB into it: 6 s for 0.6 MB."""

    @property
    def nbytes(self) -> int:
        """More than Numba would copy."""
        return 1 << 60


class _Compiler(Copier):
    """Copies frozen functions as jitted ones; lists become tuples, which Numba takes as constants."""

    def __init__(self, options: dict[str, Any], becomes_float: Callable[[Any], bool]) -> None:
        super().__init__()
        self.options = options
        self.becomes_float = becomes_float
        self.others: list[Any] = []  # arrays of numbers that are not float64

    def array(self, value: Any) -> Any:
        if isinstance(value, np.ma.MaskedArray):  # which Numba refuses: what a mask hides would count
            return value
        if value.dtype.kind in "biuf" and value.dtype != np.float64:
            self.others.append(value)
            value = value.astype(np.float64) if self.becomes_float(value) else value
        return value.view(_Borrowed)

    def sequence(self, elements: Iterable[Any], kind: type) -> Any:
        return tuple.__new__(tuple if kind is list else kind, elements)

    def other(self, key: Any, value: Any) -> Any:
        if not (isinstance(value, FunctionType) and hasattr(value, MARK)):
            return value
        options: dict[str, Any] | None = getattr(value, MARK).options
        options = dict(self.options if options is None else options)
        if options.get("boundscheck") is None:  # else an index out of range reads and writes foreign memory
            options["boundscheck"] = True
        jit = numba.jit(**options)
        return self.twin(value, lambda twin: self.keep(key, value, jit(twin)))

    def let_go(self) -> None:
        """Empty what was compiled; Numba's notes on a function have its constants too."""
        for _, copy in self._copies.values():
            for result in getattr(copy, "overloads", {}).values():
                vars(result.type_annotation).clear()
        super().let_go()


_BECOME_FLOATS: tuple[Callable[[Any], bool], ...] = (
    lambda array: array.ndim > 1 or array.dtype.kind == "f",
    lambda array: array.ndim > 1 or array.dtype.kind != "b",  # which may be a mask
    lambda array: True,
)


def _jitted(
    functions: dict[str, FunctionType], argument: Any, options: dict[str, Any], otherwise: str
) -> tuple[list[tuple[Any, Any]], _Compiler]:
    """Return each function compiled for one argument, with the type that it returns, and what compiled them.

    TypeError if Numba can't. It multiplies matrices of equal float types only: if all fails, arrays of whole numbers or
    float32 become float64, as they would in NumPy when they meet theta; first those that are hardly an index.
    """
    need_compiler()

    def compile_by(compiler: _Compiler) -> tuple[list[tuple[Any, Any]], _Compiler]:
        return [
            _compiled_for(name, compiler(users), users, argument, otherwise) for name, users in functions.items()
        ], compiler

    as_they_are = _Compiler(options, lambda array: False)
    try:
        return compile_by(as_they_are)
    except TypeError as error:
        tried: set[tuple[bool, ...]] = set()
        for becomes_float in _BECOME_FLOATS:
            changed = tuple(map(becomes_float, as_they_are.others))
            if any(changed) and changed not in tried:
                tried.add(changed)
                with suppress(TypeError):
                    return compile_by(_Compiler(options, becomes_float))
        if as_they_are.others:
            raise TypeError(f"{error}; matrices and vectors that it multiplies must be float64") from error
        raise


def _compiled_for(name: str, dispatcher: Any, users: FunctionType, argument: Any, otherwise: str) -> tuple[Any, Any]:
    """Compile a jitted function; return it with the type that it returns. TypeError with Numba's reason if it fails."""
    try:
        _, _, arguments, _ = dispatcher.get_call_template((argument,), {})  # as a kernel's call: with defaults
        return dispatcher, dispatcher.overloads[tuple(arguments)].signature.return_type
    except Exception as error:  # NumbaError, or whatever Numba meets inside
        kind = getattr(users, MARK).kind
        expected = "a float" if argument is types.float64 else "a float64 array"
        given = "" if kind in ("function", "CPUDispatcher") else f", {with_article(kind)},"
        raise TypeError(
            f"{name}{given} can't be compiled by Numba ({_reason(error)}); "
            f"write it as a function of {expected} in what Numba supports{otherwise}"
        ) from error


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return "Numba gives no reason, which is so of ** arguments"
    start = next((i for i, line in enumerate(lines) if not line.startswith(("Failed in", "During:"))), 0)
    reason = lines[start]
    if reason.endswith(":") and start + 1 < len(lines):  # "... found for signature:"
        reason += " " + lines[start + 1].removeprefix(">>> ")
    return "it returns a function" if reason.startswith("Can't return function object") else reason


def jitted_of_residual(functions: dict[str, FunctionType]) -> tuple[list[Any], Callable[[], None]]:
    """Return frozen functions of one residual compiled, float to float, and what frees their data. TypeError if not.

    What they raise becomes NaN, for a block's C function has no exceptions: without this, sums of another block would
    be left in its place. A division by 0 is none, so that loops over samples vectorise.
    """
    found, compiler = _jitted(functions, types.float64, {"error_model": "numpy"}, "")
    for name, (_, returned) in zip(functions, found, strict=True):
        if not is_real(returned):
            raise TypeError(wrong_return(name, 1, described(returned)))
    return [_nan_where_it_raises(users) for users, _ in found], compiler.let_go


def _nan_where_it_raises(users: Any) -> Any:
    def of_residual(r):  # type: ignore[no-untyped-def]
        try:
            return _as_float(users(r))
        except Exception:
            return math.nan

    return numba.njit(error_model="numpy")(of_residual)


def _cast(numba_type: Any) -> Any:
    """Return a cast to this type as an assignment would make it; a None in its place raises."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.cast(builder, arguments[0], signature.args[0], numba_type)

    def cast(typing_context, value):  # type: ignore[no-untyped-def]
        return numba_type(value), codegen

    return intrinsic(cast)


_as_float = _cast(types.float64)


def _as_floats(gradient: Any, dimension: int) -> Any:
    """Return a gradient of tuples as one of tuples of floats, which can be indexed in a loop."""
    as_floats = _cast(types.UniTuple(types.float64, dimension))
    return numba.njit(lambda theta: as_floats(gradient(theta)))


# ---- a loss and its gradient ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Content:
    """Frozen functions, equal to others of the same code and the same constants."""

    digest: bytes
    functions: tuple[FunctionType, ...] = field(compare=False)


def compiled(functions: tuple[FunctionType, ...], dimension: int) -> Any:
    """Return a Numba cfunc over a frozen loss and its gradient; TypeError if Numba can't, or they return what is wrong.

    The same functions over little data stay compiled for the next objective; much data is freed with its objective.
    """
    if getattr(functions[0], MARK).bytes > MOST_KEPT:
        return _compiled(functions, dimension)
    try:
        content = _Content(hashlib.sha256(dumps(functions)).digest(), functions)
    except Exception:  # they hold what can't be pickled
        return _compiled(functions, dimension)
    return _kept(content, dimension)


@lru_cache(maxsize=256)
def _kept(content: _Content, dimension: int) -> Any:
    return _compiled(content.functions, dimension)


def _compiled(functions: tuple[FunctionType, ...], dimension: int) -> Any:
    argument = types.float64 if dimension == 1 else types.float64[::1]
    named = dict(zip(("loss", "gradient"), functions, strict=True))
    otherwise = ", or pass compile=False to run it as plain Python"
    ((loss, value), (gradient, slopes)), _ = _jitted(named, argument, {}, otherwise)
    if not is_real(value):
        raise TypeError(wrong_return("loss", dimension, described(value)))
    if not (is_real(slopes) if dimension == 1 else is_vector(slopes, dimension)):
        raise TypeError(wrong_return("gradient", dimension, described(slopes)))
    if dimension == 1:
        return _cfunc_of_number(loss, gradient)
    is_tuple = isinstance(slopes, types.BaseTuple)
    return _cfunc_of_array(loss, _as_floats(gradient, dimension) if is_tuple else gradient, dimension)


# What a function raises becomes NaN: C has no exceptions. Both are computed before either is stored: what they have in
# common, a tangent say, is then computed once.


def _cfunc_of_number(loss: Any, gradient: Any) -> Any:
    def both(theta, out):  # type: ignore[no-untyped-def]
        point = theta[0]
        try:
            value = loss(point)
            slope = gradient(point)
            out[0] = value
            out[1] = slope
        except Exception:
            out[0] = math.nan
            out[1] = math.nan

    return numba.cfunc(_C_SIGNATURE)(both)


def _cfunc_of_array(loss: Any, gradient: Any, dimension: int) -> Any:
    def both(theta, out):  # type: ignore[no-untyped-def]
        point = numba.carray(theta, (dimension,)).copy()  # type: ignore[attr-defined]  # theirs to write
        try:
            value = loss(point)
            slopes = gradient(point)
            out[0] = value
            for k in range(dimension):
                out[1 + k] = slopes[k] if len(slopes) == dimension else math.nan
        except Exception:
            for k in range(dimension + 1):
                out[k] = math.nan

    return numba.cfunc(_C_SIGNATURE)(both)


def check_at(cfunc: Any, functions: tuple[FunctionType, ...], theta: Any) -> None:
    """Raise ValueError for what of these compiled functions is wrong here, where the kernels would only see NaN.

    That is an index out of range, or a gradient that has not P components; not what arithmetic raises, for the loss may
    be finite elsewhere.
    """
    P = len(theta)
    out = np.empty(P + 1)
    pointer = ctypes.POINTER(ctypes.c_double)
    cfunc.ctypes(theta.ctypes.data_as(pointer), out.ctypes.data_as(pointer))
    if not np.isnan(out[1:]).all():
        return
    for name, function in zip(("loss", "gradient"), functions, strict=True):
        try:
            shape = np.shape(function(float(theta[0]) if P == 1 else theta.copy()))
        except IndexError as error:
            raise ValueError(f"{name} must not index out of range, at theta = {theta} it does: {error}") from error
        except Exception:  # arithmetic, or compiled code does what Python can't
            return
    if shape != (() if P == 1 else (P,)):
        raise ValueError(wrong_return("gradient", P, f"shape {shape}"))


class PythonCallback:
    """Two plain Python functions behind a C function pointer.

    An exception can't cross the kernel: it is kept in `error`, everything after it is NaN, and the caller raises it.
    """

    def __init__(self, functions: tuple[UserFunction, ...], dimension: int) -> None:
        loss, gradient = functions
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
                value = real("loss", loss(argument), dimension, ())
                slopes = real("gradient", gradient(argument), dimension, () if dimension == 1 else (dimension,))
                sums[0] = value
                sums[1:] = slopes
            except BaseException as error:  # Ctrl-C too: it is raised again once the kernel has returned
                self.error = error

        self._function = ctypes.CFUNCTYPE(None, double_pointer, double_pointer)(both)
        self.address = ctypes.cast(self._function, ctypes.c_void_p).value or 0

    def raise_error(self) -> None:
        """Raise what the user's functions raised, once."""
        error, self.error = self.error, None
        if error is not None:
            raise error
