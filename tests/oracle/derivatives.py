"""The oracle of derivatives: a user's plain Python function and its slopes to 60 digits.

The function itself is run, on mpmath's numbers: a copy of it, and of what it calls, whose scope has stand-ins in the
place of `math` and `np`, and whose constants are mpf's of the same value. Slopes are central differences, in so many
digits that neither a step nor rounding shows; digits are doubled until two answers agree.

At a kink a central difference is the mean of both sides, which is nobody's derivative: tests of kinks say what they
expect.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from types import CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import Any

import mpmath
import numpy as np
from mpmath import mp, mpf

from fastgd.problems.frozen import MARK, Copier, frozen

DIGITS = 60
WORKING = (120, 240, 960, 1920, 3840)  # digits; the step of a difference is a third of them
ENOUGH_FOR_ZERO = 1920  # tanh(350) has a slope of 1e-303 beside 1, and few digits would see none
NAN = mpf("nan")


def value_and_gradient(loss: Callable[..., Any], theta: Any, dimension: int) -> tuple[mpf, list[mpf]]:
    """Return a loss and its gradient at theta, NaN where they are none."""
    copy = _Copier()(frozen(loss)[0])
    point = np.atleast_1d(theta)
    before = [NAN]
    for digits in WORKING:
        with mp.workdps(digits):
            now = _differences(copy, point, dimension, mpf(10) ** -(digits // 3))
            if all(map(_agree, before, now)) and (all(now[1:]) or digits >= ENOUGH_FOR_ZERO):
                return now[0], now[1:]
        before = now
    return now[0], [NAN] * dimension


def _agree(one: mpf, other: mpf) -> bool:
    return one == other or abs(one - other) <= abs(other) * mpf(10) ** -DIGITS


def _differences(copy: Any, point: Any, dimension: int, step: mpf) -> list[mpf]:
    """Return the function's value and central differences, over steps relative to theta."""

    def at(shift: Any) -> mpf:
        theta = np.array([mpf(float(each)) for each in point], dtype=object) + shift
        try:
            value = mpf(copy(theta[0] if dimension == 1 else theta))
        except (ArithmeticError, ValueError):
            return NAN
        return value

    values = [at(np.zeros(dimension, int))]
    for k in range(dimension):
        size = step * (abs(mpf(float(point[k]))) or 1)
        shift = np.array([size if k == j else 0 for j in range(dimension)], dtype=object)
        values.append((at(shift) - at(-shift)) / (2 * size))
    return values


# ---- stand-ins -------------------------------------------------------------------------------------------------------


def _real(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of mpmath's that is NaN where its result is complex, or at a pole."""

    def of_reals(*arguments: Any) -> Any:
        try:
            result = function(*(mpf(each) if isinstance(each, int | float | np.number) else each for each in arguments))
        except (ArithmeticError, ValueError):
            return NAN
        return NAN if isinstance(result, mpmath.mpc) else result

    return of_reals


def _sign(x: mpf) -> int:
    return (x > 0) - (x < 0)


def _trunc(x: mpf) -> mpf:
    return mp.floor(abs(x)) * _sign(x)


_OF_REALS: dict[str, Callable[..., Any]] = {
    **{name: getattr(mp, name) for name in ("exp", "expm1", "log1p", "sqrt", "erf", "erfc", "gamma", "floor", "ceil")},
    **{name: getattr(mp, name) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "atan2")},
    **{name: getattr(mp, name) for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")},
    "hypot": lambda *x: mp.sqrt(sum(each * each for each in x)),
    "dist": lambda x, y: mp.sqrt(sum((a - b) ** 2 for a, b in zip(x, y, strict=True))),
    "log": mp.log,
    "log2": lambda x: mp.log(x, 2),
    "log10": lambda x: mp.log(x, 10),
    "exp2": lambda x: mpf(2) ** x,
    "cbrt": lambda x: _sign(x) * abs(x) ** (mpf(1) / 3),
    "lgamma": lambda x: mp.log(abs(mp.gamma(x))),
    "pow": lambda x, y: x**y,
    "fabs": abs,
    "copysign": lambda x, y: abs(x) * (1 if y >= 0 else -1),
    "fmod": lambda x, y: x - y * _trunc(x / y),
    "trunc": _trunc,
    "sinc": lambda x: mp.sin(mp.pi * x) / (mp.pi * x) if x else mpf(1),
    "heaviside": lambda x, y: y if x == 0 else int(x > 0),
    "rint": mp.nint,
    "sign": _sign,
    "degrees": lambda x: x * 180 / mp.pi,
    "radians": lambda x: x * mp.pi / 180,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "logaddexp": lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))),
    "isnan": mp.isnan,
    "isinf": mp.isinf,
    "isfinite": mp.isfinite,
    "maximum": max,
    "minimum": min,
}
_NUMPYS_NAMES = {
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")},
    **{"rad2deg": "degrees", "deg2rad": "radians", "power": "pow", "float_power": "pow", "absolute": "fabs"},
    **{"abs": "fabs", "fmax": "maximum", "fmin": "minimum"},
    **{"round": "rint", "around": "rint", "fix": "trunc"},
}
_OPERATORS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "true_divide": operator.truediv,
    "negative": operator.neg,
}
_COUNT_OF_TWO = ("atan2", "hypot", "pow", "copysign", "fmod", "heaviside", "logaddexp", "maximum", "minimum")


def _exact(value: Any) -> Any:
    """Return a number or an array of the same value that is mpmath's; anything else as it is."""
    if isinstance(value, np.ndarray) and value.dtype.kind in ("f", "O"):
        return np.frompyfunc(_exact, 1, 1)(value)
    if isinstance(value, float | np.floating):
        return mpf(float(value))
    return int(value) if isinstance(value, np.integer) else value


def _made(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **keywords: _exact(np.asarray(function(*arguments, **keywords)))


def _where(condition: Any, this: Any, other: Any) -> Any:
    return np.where(condition, this, other)[()]


_CONSTANTS = {name: mpf(getattr(math, name)) for name in ("pi", "e", "tau", "inf", "nan")}
_OF_ONE = {name: _real(function) for name, function in _OF_REALS.items()}
_MATH = SimpleNamespace(**_OF_ONE, **_CONSTANTS, fsum=sum, prod=math.prod)
_UNIVERSAL = {name: np.frompyfunc(f, 1 + (name in _COUNT_OF_TWO), 1) for name, f in _OF_ONE.items()}
_NUMPY = SimpleNamespace(**{**vars(np), **_CONSTANTS, **_UNIVERSAL})
for _name, _other in _NUMPYS_NAMES.items():
    setattr(_NUMPY, _name, _UNIVERSAL[_other])
for _name, _function in _OPERATORS.items():
    setattr(_NUMPY, _name, _function)
for _name in ("array", "asarray", "zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like"):
    setattr(_NUMPY, _name, _made(getattr(np, _name)))
for _name in ("full_like", "linspace", "arange", "eye", "diag"):
    setattr(_NUMPY, _name, _made(getattr(np, _name)))
_NUMPY.where = _where
_NUMPY.float64 = _exact
_NUMPY.linalg = SimpleNamespace(norm=lambda x: mp.sqrt(np.sum(x * x)))
_BY_IDENTITY = {
    id(getattr(module, name)): getattr(stand_in, name)
    for module, stand_in in ((math, _MATH), (np, _NUMPY))
    for name in vars(stand_in)
    if callable(getattr(module, name, None))
}
_BUILTINS = {"float": _exact, "round": lambda x, digits=0: mp.nint(x * 10**digits) / 10**digits, "pow": _OF_ONE["pow"]}


class _Copier(Copier):
    """Copies frozen functions as ones of mpmath's numbers."""

    def array(self, value: Any) -> Any:
        return _exact(value)

    def module(self, module: ModuleType, attributes: set[str]) -> Any:
        return {"math": _MATH, "numpy": _NUMPY}.get(module.__name__) or super().module(module, attributes)

    def other(self, key: Any, value: Any) -> Any:
        if isinstance(value, FunctionType) and hasattr(value, MARK):

            def kept(twin: FunctionType) -> FunctionType:
                twin.__code__ = _exact_code(twin.__code__)
                twin.__globals__.update(_BUILTINS)
                return self.keep(key, value, twin)

            return self.twin(value, kept)
        return _BY_IDENTITY.get(id(value), _exact(value))


def _exact_code(code: CodeType) -> CodeType:
    """Return code whose constants are exact."""
    return code.replace(co_consts=tuple(map(_exact_constant, code.co_consts)))


def _exact_constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return _exact_code(value)
    return tuple(map(_exact_constant, value)) if isinstance(value, tuple) else _exact(value)
