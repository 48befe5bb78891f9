"""The user's model of one sample, with its partial derivatives, as one C function of many samples, or of many thetas.

It is compiled for fastgd's own number where that can be, so that those are taken a vector at a time; else for floats
and arrays, one after the other. See `kernels.numbers.at_sample`.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

import numba
from numba.core import types

from fastgd.kernels.numbers.dual import is_number
from fastgd.kernels.numbers.lanes import is_gradient, model_types
from fastgd.kernels.numbers.vectors import MOST_PARTIALS
from fastgd.kernels.problems.curve import by_floats, by_numbers
from fastgd.problems.in_blocks import kept
from fastgd.problems.returned import described, is_real, is_vector
from fastgd.problems.user_functions import ForNumbers, cast_to, differentiating, jitted, returned_for
from fastgd.text import counted


def compiled(
    functions: tuple[FunctionType, ...], features: int | None, dimension: int, spread: bool, by_lanes: bool
) -> Any:
    """Return a Numba cfunc over a frozen model and the function of its partials, derived if there is none.

    It is of one sample if by lanes. Without features x is one number. The same functions over little data stay compiled
    for the next fit. TypeError if Numba can't compile them, or they return what is wrong.
    """
    return kept(_compiled, functions, features, dimension, spread, by_lanes)


def _compiled(
    functions: tuple[FunctionType, ...], features: int | None, dimension: int, spread: bool, by_lanes: bool
) -> Any:
    if len(functions) == 1:
        return _derived(*functions, features, dimension, spread, by_lanes)
    shape = features, dimension, spread, by_lanes
    return _of_numbers(functions, *shape) or _of_floats(functions, *shape)


def _derived(users: FunctionType, features: int | None, dimension: int, spread: bool, by_lanes: bool) -> Any:
    """Return the C function of a model and its derivatives. TypeError, which says what of it is not differentiated."""
    arguments = model_types(features, dimension, spread)
    if arguments is None:
        what, came = ("start", dimension) if dimension > MOST_PARTIALS else ("x", features)
        of = "numbers" if what == "start" else "features"
        raise ValueError(
            f"{what} must have at most {MOST_PARTIALS} {of} where derivatives are derived, got {came}; pass derivative="
        )
    remedy = "pass derivative=" + (f"; {_row_of(features)}" if features is not None else "")
    ((model, value),), _ = jitted({"model": users}, arguments, {}, remedy, differentiating(dimension))
    if not is_number(value):
        raise TypeError(_wrong_model(value, features, spread))
    return by_numbers(model, None, features, dimension, by_lanes)


def _of_numbers(
    functions: tuple[FunctionType, ...], features: int | None, dimension: int, spread: bool, by_lanes: bool
) -> Any:
    """Return the C function of functions that fastgd's own numbers can be passed through; None where they can't."""
    arguments = model_types(features, dimension, spread, is_derived=False)
    if arguments is None:
        return None
    compiler = ForNumbers({})
    try:
        model, derivative = (compiler(function) for function in functions)
        value, partials = (returned_for(function, *arguments) for function in (model, derivative))
        if is_number(value) and (is_gradient(partials, dimension) or _is_one(partials, dimension)):
            return by_numbers(model, derivative, features, dimension, by_lanes)
    except Exception:  # NumbaError, or whatever Numba meets inside: `_of_floats` says what is wrong, if anything is
        pass
    compiler.let_go()
    return None


def _is_one(partials: Any, dimension: int) -> bool:
    """Tell whether a type is that of a single partial in a tuple."""
    return dimension == 1 and len(getattr(partials, "types", ())) == 1 and is_number(partials[0])


def _of_floats(
    functions: tuple[FunctionType, ...], features: int | None, dimension: int, spread: bool, by_lanes: bool
) -> Any:
    array = types.float64[::1]
    parameters = (types.float64,) * dimension if spread else (array,)
    named = dict(zip(("model", "derivative"), functions, strict=True))
    x = types.float64 if features is None else array
    ((model, value), (derivative, partials)), _ = jitted(named, (x, *parameters), {}, "")
    if not is_real(value):
        raise TypeError(_wrong_model(value, features, spread))
    if dimension == 1 and is_real(partials):
        as_float = cast_to(types.float64)
        of_one = derivative
        derivative = numba.njit(lambda *arguments: (as_float(of_one(*arguments)),))
    elif not is_vector(partials, dimension):
        raise TypeError(_wrong_derivative(dimension, described(partials)))
    elif isinstance(partials, types.BaseTuple):
        as_floats = cast_to(types.UniTuple(types.float64, dimension))
        of_tuple = derivative
        derivative = numba.njit(lambda *arguments: as_floats(of_tuple(*arguments)))
    return by_floats(model, derivative, spread, features, dimension, by_lanes)


def _wrong_model(returned: Any, features: int | None, spread: bool) -> str:
    came = described(returned)
    rows = [_row_of(features)] if features is not None else []
    rows += [] if spread else ["the parameters are one vector"]
    why = f": {' and '.join(rows)}" if rows and came.startswith("an array") else ""
    return f"model must return a float, got {came}{why}"


def _row_of(features: int) -> str:
    return f"x is a row of {counted(features, 'number')}"


def _wrong_derivative(dimension: int, came: str) -> str:
    """Return the sentence about what a derivative returned."""
    return f"derivative must return {dimension} number{'s' * (dimension > 1)}, one for each parameter, got {came}"
