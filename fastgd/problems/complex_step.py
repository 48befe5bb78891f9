"""Derivatives by a complex step: Im f(t + i h) / h, with a step so small that its square is none beside anything.

Nothing is subtracted, so that they are as exact as the function itself (Squire and Trapp, Using complex variables to
estimate derivatives of real functions, SIAM Review 40, 1998). A user's plain Python function is run on `Stepped`
numbers, in a scope of its own where `math` and `np` take these. Comparisons look at real parts. What is no function of
a complex number, as `int`, raises; then there is no complex step.
"""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numpy.exceptions import ComplexWarning

from fastgd.check import Array
from fastgd.problems.frozen import MARK, Copier, frozen

STEP = 1e-30  # of a parameter, or of 1 where that is 0 or a product with it might be
SMALL = 1e-100


def on_complex_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a copy of a function, frozen or not, that takes `Stepped` numbers."""
    return _Copier()(function if hasattr(function, MARK) else frozen(function)[0])  # type: ignore[no-any-return]


def slopes_by_complex_step(call: Callable[[Any], Any], theta: Array, value: float) -> Array | None:
    """Return the derivatives (P,) at theta (P,) of `call`, which gets all of theta as `Stepped` and returns a number.

    None if it can't be run so, or if what it returns is not `value`: then it is not the same function there.
    """
    slopes = np.empty(theta.size)
    for k in range(theta.size):
        point = theta.astype(complex)
        step = STEP * (abs(theta[k]) if abs(theta[k]) > SMALL else 1.0)
        point[k] += 1j * step
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error", ComplexWarning)  # of what takes the real part alone
                result = complex(np.asarray(call(point.view(Stepped))))
        except Exception:  # whatever does not know such numbers raises
            return None
        if not np.isclose(result.real, value, rtol=1e-6, atol=1e-9):
            return None
        slopes[k] = result.imag / step
    return slopes


# ---- numbers ---------------------------------------------------------------------------------------------------------


class Stepped(np.ndarray):
    """An array of complex numbers that stand for real ones; one number is an array without dimensions."""

    def __array_ufunc__(self, ufunc: Any, method: str, *arguments: Any, out: Any = None, **keywords: Any) -> Any:
        if any(isinstance(each, Stepped) and each.dtype != complex for each in arguments):
            raise TypeError("parts of a complex number are none of a real one")
        plain = [each.view(np.ndarray) if isinstance(each, Stepped) else each for each in arguments]
        if method == "__call__" and ufunc in _REAL:
            result = ufunc(*(np.real(each) for each in plain), **keywords)
        elif method == "__call__":
            result = _stepped(_INSTEAD.get(ufunc, ufunc)(*plain, **keywords))
        else:
            result = _stepped(getattr(ufunc, method)(*plain, **keywords))
        if out is None:
            return result
        out[0].view(np.ndarray)[...] = result
        return out[0]

    def __array_function__(self, function: Any, kinds: Any, arguments: Any, keywords: Any) -> Any:
        result = super().__array_function__(function, kinds, arguments, keywords)
        if np.asarray(result).dtype.kind == "f":
            raise TypeError(f"{function} is no function of complex numbers")
        return _stepped(result)

    def __getitem__(self, index: Any) -> Any:
        return _stepped(super().__getitem__(index))

    def __iter__(self) -> Any:
        return (self[k] for k in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.view(np.ndarray).real)

    def __float__(self) -> float:
        raise TypeError("a complex number is no float")

    __int__ = __float__  # type: ignore[assignment]
    real = property(__float__)
    imag = real

    def round(self, decimals: Any = 0, out: None = None) -> Any:  # type: ignore[override]
        """Return the real part rounded."""
        return self.view(np.ndarray).real.round(decimals)

    def dot(self, other: Any) -> Any:  # type: ignore[override]
        """Return the product."""
        return self @ other


def _out_of_place(name: str) -> Any:
    """Return an operator in place: a number is not changed, for others may have it."""
    in_place = getattr(np.ndarray, f"__i{name}__")
    plain = getattr(operator, name)
    return lambda self, other: in_place(self, other) if self.ndim else plain(self, other)


for _name in ("add", "sub", "mul", "truediv", "pow", "mod", "floordiv"):
    setattr(Stepped, f"__i{_name}__", _out_of_place(_name))


def _stepped(value: Any) -> Any:
    """Return complex numbers and arrays as `Stepped`; anything else as it is."""
    return np.asarray(value).view(Stepped) if isinstance(value, np.ndarray | complex) and _is_complex(value) else value


def _is_complex(value: Any) -> bool:
    return bool(np.asarray(value).dtype == complex)


# ---- functions -------------------------------------------------------------------------------------------------------


def _with_sign(z: Any, sign: Any) -> Any:
    return z * np.sign(np.real(z)) * np.copysign(1.0, np.real(sign))


def _chosen(is_first: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda x, y: np.where(is_first(np.real(x), np.real(y)), x, y)


def _arctan2(y: Any, x: Any) -> Any:
    slope = (np.real(x) * np.imag(y) - np.real(y) * np.imag(x)) / (np.real(x) ** 2 + np.real(y) ** 2)
    return np.arctan2(np.real(y), np.real(x)) + 1j * slope


def _cbrt(z: Any) -> Any:
    root = np.cbrt(z.real)
    return root + 1j * z.imag / (3.0 * root * root)


def _logaddexp(x: Any, y: Any) -> Any:
    larger = _chosen(np.greater_equal)(x, y)
    smaller = _chosen(np.less)(x, y)
    return larger + np.log1p(np.exp(smaller - larger))


# of real parts alone, since their slopes are 0 or they are no numbers
_REAL = {np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, np.isnan, np.isinf, np.isfinite}
_REAL |= {np.sign, np.signbit, np.floor, np.ceil, np.trunc, np.rint, np.floor_divide}
_INSTEAD: dict[Any, Callable[..., Any]] = {
    np.absolute: lambda z: z * np.sign(z.real),
    np.fabs: lambda z: z * np.sign(z.real),
    np.conjugate: lambda z: z,
    np.maximum: _chosen(np.greater_equal),
    np.minimum: _chosen(np.less_equal),
    np.fmax: _chosen(np.greater_equal),
    np.fmin: _chosen(np.less_equal),
    np.remainder: lambda x, y: x - y * np.floor(np.real(x) / np.real(y)),
    np.fmod: lambda x, y: x - y * np.trunc(np.real(x) / np.real(y)),
    np.copysign: _with_sign,
    np.arctan2: _arctan2,
    np.hypot: lambda x, y: np.sqrt(x * x + y * y),
    np.cbrt: _cbrt,
    np.exp2: lambda z: np.exp(z * math.log(2.0)),
    np.logaddexp: _logaddexp,
    np.radians: lambda z: z * (math.pi / 180.0),
    np.deg2rad: lambda z: z * (math.pi / 180.0),
    np.degrees: lambda z: z * (180.0 / math.pi),
    np.rad2deg: lambda z: z * (180.0 / math.pi),
    np.ldexp: lambda z, n: z * 2.0**n,
}
_OF_NUMPY = {
    **{f"a{name}": f"arc{name}" for name in ("cos", "cosh", "sin", "sinh", "tan", "tanh", "tan2")},
    "pow": "power",
}
_SAME = "ceil copysign cos cosh degrees exp exp2 expm1 fabs floor fmod hypot isfinite isinf isnan ldexp log log10 log1p"
_SAME += " log2 radians sin sinh sqrt tan tanh trunc cbrt"
_WHOLE = ("ceil", "floor", "trunc")


def _of_math(name: str, function: Any) -> Any:
    """Return NumPy's function in the place of one of `math`."""
    universal = getattr(np, _OF_NUMPY.get(name, name)) if name in _OF_NUMPY or name in _SAME.split() else None
    if universal is None:
        return function
    if name in _WHOLE:
        return lambda x: int(universal(x))
    return (lambda x, base=math.e: np.log(x) / np.log(base)) if name == "log" else universal


_MATH = SimpleNamespace(**{name: _of_math(name, value) for name, value in vars(math).items() if name[0] != "_"})
_MATH.fsum = sum


class _NumPy:
    """NumPy, or a module of it; its functions take lists of `Stepped` numbers and return arrays that may hold them."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        if isinstance(value, ModuleType):
            return _NumPy(value)
        return _taking_lists(value) if callable(value) and not isinstance(value, type) else value


_OF_ONE = {np.linalg.norm: lambda x: np.sqrt(np.sum(np.square(x))), np.real: lambda x: x}


def _taking_lists(function: Any) -> Callable[..., Any]:
    """Return a function of NumPy's: floats in its arrays become complex, so that such numbers can be assigned."""

    def of_lists(*arguments: Any, **keywords: Any) -> Any:
        if function in _OF_ONE and len(arguments) == 1 and not keywords:
            return _OF_ONE[function](arguments[0])
        result = function(*(_array_of(each) for each in arguments), **keywords)
        is_floats = isinstance(result, np.ndarray) and result.dtype == float and result.ndim
        return result.astype(complex).view(Stepped) if is_floats else _stepped(result)

    return of_lists


def _array_of(value: Any) -> Any:
    return np.array(value).view(Stepped) if type(value) in (list, tuple) and _is_complex(value) else value


_BY_IDENTITY = {id(getattr(math, name)): value for name, value in vars(_MATH).items() if callable(value)}
_BUILTINS = {
    "float": lambda x=0.0: x if isinstance(x, Stepped) else float(x),
    "round": lambda x, digits=None: round(float(np.real(np.asarray(x))), digits),
}


class _Copier(Copier):
    """Copies frozen functions as ones of complex numbers."""

    def array(self, value: Any) -> Any:
        return value

    def module(self, module: ModuleType, attributes: set[str]) -> Any:
        if module is math:
            return _MATH
        return _NumPy(np) if module is np else super().module(module, attributes)

    def other(self, key: Any, value: Any) -> Any:
        if isinstance(value, FunctionType) and hasattr(value, MARK):

            def kept(twin: FunctionType) -> Any:
                twin.__globals__.update(_BUILTINS)
                return self.keep(key, value, twin)

            return self.twin(value, kept)
        if getattr(value, "__module__", None) == "numpy" and callable(value) and not isinstance(value, type):
            return _taking_lists(value)
        return _BY_IDENTITY.get(id(value), value)
