"""The user's functions, compiled from what `frozen` made of them; what they return is judged by its type.

Functions of one residual become jitted ones that a block's C function calls. Those of theta are `in_blocks`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from types import FunctionType
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

from fastgd.kernels.compiling.jit import need_compiler
from fastgd.kernels.numbers.dual import is_number
from fastgd.kernels.numbers.lanes import options as number_options
from fastgd.kernels.numbers.lanes import theta_type, with_partials
from fastgd.kernels.numbers.vectors import constant
from fastgd.problems.frozen import MARK, Copier
from fastgd.problems.refusals import assigned_around, refusal
from fastgd.problems.returned import described, is_real, wrong_return
from fastgd.text import with_article

UserFunction = Callable[..., Any]

UNCALLED = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # but by compiled code


class _Borrowed(np.ndarray):
    """An array that machine code reads where it is. Numba writes those up to 1 MB into it: 6 s for 0.6 MB."""

    @property
    def nbytes(self) -> int:
        """More than Numba would copy."""
        return 1 << 60


class Compiler(Copier):
    """Copies frozen functions as jitted ones; lists become tuples, which Numba takes as constants."""

    def __init__(self, options: dict[str, Any], becomes_float: Callable[[Any], bool] = lambda array: False) -> None:
        super().__init__()
        self.options = options
        self.becomes_float = becomes_float
        self.others: list[Any] = []  # arrays of numbers that are not float64

    def array(self, value: Any) -> Any:
        """Return an array as Numba borrows it."""
        if isinstance(value, np.ma.MaskedArray):  # which Numba refuses: what a mask hides would count
            return value
        if value.dtype.kind in "biuf" and value.dtype != np.float64:
            self.others.append(value)
            value = value.astype(np.float64) if self.becomes_float(value) else value
        return value.view(_Borrowed)

    def sequence(self, elements: Iterable[Any], kind: type) -> Any:
        """Return a tuple, named or not."""
        return tuple.__new__(tuple if kind is list else kind, elements)

    def other(self, key: Any, value: Any) -> Any:
        """Return a function jitted, anything else as it is."""
        if not (isinstance(value, FunctionType) and hasattr(value, MARK)):
            return value
        options: dict[str, Any] | None = getattr(value, MARK).options
        options = self.completed(self.options if options is None else options)
        if options.get("boundscheck") is None:  # else an index out of range reads and writes foreign memory
            options["boundscheck"] = True
        jit = numba.jit(**options)
        return self.twin(value, lambda twin: self.keep(key, value, jit(twin)))

    def completed(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return a function's options for Numba, from what its user, or `options`, says."""
        return options | UNCALLED

    def let_go(self) -> None:
        """Empty what was compiled; Numba's notes on a function have its constants too."""
        for _, copy in self._copies.values():
            for result in getattr(copy, "overloads", {}).values():
                vars(result.type_annotation).clear()
        super().let_go()


class ForNumbers(Compiler):
    """Copies frozen functions as jitted ones that fastgd's own numbers can be passed through."""

    partials = 0  # of numbers in arrays that they make

    def array(self, value: Any) -> Any:
        """Return a short array as a Vector, another as Numba borrows it."""
        borrowed = super().array(value)
        short = constant(borrowed.view(np.ndarray)) if isinstance(borrowed, _Borrowed) else None
        return borrowed if short is None else short

    def completed(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return a function's options, without those by which a lane's digits would depend on its neighbours."""
        if options.get("fastmath"):
            raise TypeError("what may be reassociated is compiled for floats")
        own: dict[str, Any] = number_options(self.partials)
        return options | own


class Differentiating(ForNumbers):
    """Copies frozen functions as jitted ones of numbers with their derivatives."""

    partials = 1

    def completed(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return a function's options; its arithmetic keeps the order written, whatever they say."""
        return super().completed(options | {"fastmath": False})


@cache
def differentiating(partials: int) -> type[Differentiating]:
    """Return what compiles functions of so many parameters."""
    return type("Differentiating", (Differentiating,), {"partials": partials})


_BECOME_FLOATS: tuple[Callable[[Any], bool], ...] = (
    lambda array: array.ndim > 1 or array.dtype.kind == "f",
    lambda array: array.ndim > 1 or array.dtype.kind != "b",  # which may be a mask
    lambda array: True,
)


def jitted(
    functions: dict[str, FunctionType],
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    otherwise: str,
    kind: type[Compiler] = Compiler,
) -> tuple[list[tuple[Any, Any]], Compiler]:
    """Return each function compiled for these arguments, with the type that it returns, and what compiled them.

    TypeError if Numba can't. It multiplies matrices of equal float types only: if all fails, arrays of whole numbers or
    float32 become float64, as they would in NumPy when they meet theta; first those that are hardly an index.
    """
    need_compiler()

    def compile_by(compiler: Compiler) -> tuple[list[tuple[Any, Any]], Compiler]:
        try:
            return [
                _compiled_for(name, compiler(users), users, arguments, otherwise) for name, users in functions.items()
            ], compiler
        except TypeError:
            compiler.let_go()
            raise

    as_they_are = kind(options)
    try:
        return compile_by(as_they_are)
    except TypeError as error:
        tried: set[tuple[bool, ...]] = set()
        for becomes_float in _BECOME_FLOATS:
            changed = tuple(map(becomes_float, as_they_are.others))
            if any(changed) and changed not in tried:
                tried.add(changed)
                with suppress(TypeError):
                    return compile_by(kind(options, becomes_float))
        if as_they_are.others and not otherwise.startswith("pass "):
            raise TypeError(f"{error}; matrices and vectors that it multiplies must be float64") from error
        raise


def returned_for(dispatcher: Any, *arguments: Any) -> Any:
    """Compile a jitted function for these arguments, as a kernel would call it; return the type that it returns."""
    _, _, found, _ = dispatcher.get_call_template(arguments, {})
    return dispatcher.overloads[tuple(found)].signature.return_type


def _compiled_for(
    name: str, dispatcher: Any, users: FunctionType, arguments: tuple[Any, ...], otherwise: str
) -> tuple[Any, Any]:
    """Compile a jitted function; return it with the type that it returns. TypeError with Numba's reason if it fails."""
    try:
        if name_around := assigned_around(users):  # which Numba takes for one that each call begins anew with
            raise NotImplementedError(f"{name_around} of the function around it, which it assigns, is not known")
        return dispatcher, returned_for(dispatcher, *arguments)
    except Exception as error:  # NumbaError, or whatever Numba meets inside
        kind = getattr(users, MARK).kind
        if otherwise.startswith("pass "):
            raise TypeError(refusal(error, users, name, otherwise)) from error
        kinds = ["a float" if argument is types.float64 else "a float64 array" for argument in arguments]
        expected = " and ".join(dict.fromkeys(kinds))
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
    """Return frozen rho and psi compiled, float to float, and what frees their data. TypeError if not.

    What they raise becomes NaN, for a block's C function has no exceptions: without this, sums of another block would
    be left in its place. A division by 0 is none, so that loops over samples vectorise. Without a psi it is derived.
    """
    if "psi" not in functions:
        return _rho_and_its_slope(functions)
    found, compiler = jitted(functions, (types.float64,), {"error_model": "numpy"}, "")
    for name, (_, returned) in zip(functions, found, strict=True):
        if not is_real(returned):
            raise TypeError(wrong_return(name, 1, described(returned)))
    return [_nan_where_it_raises(users) for users, _ in found], compiler.let_go


def _rho_and_its_slope(functions: dict[str, FunctionType]) -> tuple[list[Any], Callable[[], None]]:
    residual = (theta_type(1, is_derived=True),)
    ((rho, returned),), compiler = jitted(functions, residual, {"error_model": "numpy"}, "pass psi=", Differentiating)
    if not is_number(returned):
        raise TypeError(wrong_return("rho", 1, described(returned)))
    value_and_slope: Any = with_partials
    both = [lambda r: value_and_slope(rho, None, (), (r,))[0], lambda r: value_and_slope(rho, None, (), (r,))[1]]
    return [numba.njit(error_model="numpy", forceinline=True)(each) for each in both], compiler.let_go


def _nan_where_it_raises(users: Any) -> Any:
    def of_residual(r):  # type: ignore[no-untyped-def]
        try:
            return _as_float(users(r))
        except Exception:
            return math.nan

    return numba.njit(error_model="numpy")(of_residual)


def cast_to(numba_type: Any) -> Any:
    """Return a cast to this type as an assignment would make it; a None in its place raises."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.cast(builder, arguments[0], signature.args[0], numba_type)

    def cast(typing_context, value):  # type: ignore[no-untyped-def]
        return numba_type(value), codegen

    return intrinsic(cast)


_as_float = cast_to(types.float64)
