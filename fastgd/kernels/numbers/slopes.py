"""Derivatives of functions of numbers: a formula for each argument, of the arguments and of the value.

To add a function's: an entry by its name in `SLOPES`, or in one of the tables below it, and if NumPy or Python has it
by other names, those in `functions`. Formulas are from Abramowitz and Stegun, Handbook of Mathematical Functions, or
follow from these; they keep their digits where the textbook's would cancel, as 1 - tanh^2 does far out.
"""

import math
from functools import cache

import numpy as np

from fastgd.kernels.compiling.jit import inlined_on_disk
from fastgd.kernels.elementary import functions as own
from fastgd.kernels.elementary.arithmetic import elementary

LN_2 = math.log(2.0)
LN_10 = math.log(10.0)
TWO_OVER_ROOT_PI = 2.0 / math.sqrt(math.pi)
DEGREE = math.pi / 180.0
# B_2k / 2k of the asymptotic series of digamma, k = 1, 2, ...
DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
# of u^(2 k - 1) in the derivative of sin(u) / u, k = 1, 2, ...
SINC = tuple((-1) ** k * 2 * k / math.factorial(2 * k + 1) for k in range(1, 11))


@elementary
def _sign(x):
    return 0.0 if x == 0.0 else math.copysign(1.0, x)


@elementary
def _tanh(x):
    q = own.exp(-2.0 * abs(x))
    return 4.0 * q / ((1.0 + q) * (1.0 + q))


@elementary
def _base(x, y):
    return 0.0 if y == 0.0 else y * own.pow(x, y - 1.0)


@elementary
def _exponent(x, v):
    return 0.0 if v == 0.0 else v * own.log(x)


@elementary
def _hypot(x, v):
    return 0.0 if v == 0.0 else x / v


@elementary
def _over_square(x, y):
    """Return x / (x^2 + y^2)."""
    size = math.hypot(x, y)
    return x / size / size


@elementary
def _logistic(x):
    return 1.0 / (1.0 + own.exp(-x))


@elementary
def _sinc(x):
    """Return the derivative of sin(u) / u with u = pi x, near 0 by its series, whose terms cancel less."""
    u = math.pi * x
    if abs(u) > 1.0:
        return (own.cos(u) - own.sin(u) / u) / x
    z = u * u
    series = 0.0
    for coefficient in SINC[::-1]:
        series = series * z + coefficient
    return math.pi * u * series


@elementary
def _less_whole(x, y, v):
    """Return -n of v = x - n y."""
    return np.rint((v - x) / y)


@elementary
def _digamma(x):
    """Return the derivative of log gamma: DLMF 5.11.2, after 5.5.2 and 5.5.4 have led to a large argument."""
    y = x
    result = 0.0
    if x < 0.5:
        y = 1.0 - x
        result = -math.pi / math.tan(math.pi * (x - math.floor(x)))
    while y < 10.0:
        result -= 1.0 / y
        y += 1.0
    z = 1.0 / (y * y)
    series = 0.0
    for coefficient in DIGAMMA[::-1]:
        series = (series + coefficient) * z
    return result + (math.log(y) - 0.5 / y - series)


SLOPES = {
    "abs": (lambda x, v: _sign(x),),
    "square": (lambda x, v: x + x,),
    "sqrt": (lambda x, v: 0.5 / v,),
    "cbrt": (lambda x, v: 1.0 / (3.0 * (v * v)),),
    "reciprocal": (lambda x, v: -v * v,),
    "exp": (lambda x, v: v,),
    "exp2": (lambda x, v: LN_2 * v,),
    "expm1": (lambda x, v: own.exp(x),),
    "log": (lambda x, v: 1.0 / x,),
    "log2": (lambda x, v: 1.0 / (LN_2 * x),),
    "log10": (lambda x, v: 1.0 / (LN_10 * x),),
    "log1p": (lambda x, v: 1.0 / (1.0 + x),),
    "logaddexp": (lambda x, y, v: _logistic(x - y), lambda x, y, v: _logistic(y - x)),
    "heaviside": (None, lambda x, y, v: 1.0 if x == 0.0 else 0.0),
    "sin": (lambda x, v: own.cos(x),),
    "sinc": (lambda x, v: _sinc(x),),
    "cos": (lambda x, v: -own.sin(x),),
    "tan": (lambda x, v: 1.0 + v * v,),
    "asin": (lambda x, v: 1.0 / math.sqrt((1.0 - x) * (1.0 + x)),),
    "acos": (lambda x, v: -1.0 / math.sqrt((1.0 - x) * (1.0 + x)),),
    "atan": (lambda x, v: 1.0 / (1.0 + x * x),),
    "atan2": (lambda y, x, v: _over_square(x, y), lambda y, x, v: -_over_square(y, x)),
    "sinh": (lambda x, v: own.cosh(x),),
    "cosh": (lambda x, v: own.sinh(x),),
    "tanh": (lambda x, v: _tanh(x),),
    "asinh": (lambda x, v: 1.0 / math.hypot(1.0, x),),
    "acosh": (lambda x, v: 1.0 / (math.sqrt(x - 1.0) * math.sqrt(x + 1.0)),),
    "atanh": (lambda x, v: 1.0 / ((1.0 - x) * (1.0 + x)),),
    "erf": (lambda x, v: TWO_OVER_ROOT_PI * own.exp(-x * x),),
    "erfc": (lambda x, v: -TWO_OVER_ROOT_PI * own.exp(-x * x),),
    "gamma": (lambda x, v: v * _digamma(x),),
    "lgamma": (lambda x, v: _digamma(x),),
    "degrees": (lambda x, v: 1.0 / DEGREE,),
    "radians": (lambda x, v: DEGREE,),
    "hypot": (lambda x, y, v: _hypot(x, v), lambda x, y, v: _hypot(y, v)),
    "copysign": (lambda x, y, v: _sign(x) * math.copysign(1.0, y), None),
    "ldexp": (lambda x, n, v: math.ldexp(1.0, n), None),
    "mod": (lambda x, y, v: 1.0, lambda x, y, v: _less_whole(x, y, v)),
    "pow": (lambda x, y, v: _base(x, y), lambda x, y, v: _exponent(x, v)),
}
# What jumps from one constant to another.
FLAT = {"floor", "ceil", "trunc", "rint", "sign", "floordiv", "round"}
# Which of two arguments is the value, and passes on its derivatives; the first where they are equal.
CHOSEN = {
    "max": lambda x, y: not y > x,
    "min": lambda x, y: not y < x,
    "fmax": lambda x, y: x >= y or y != y,
    "fmin": lambda x, y: x <= y or y != y,
}


@cache
def slope(name, place):
    """Return the compiled derivative by one argument; None where it is always 0."""
    formula = SLOPES[name][place]
    return formula and inlined_on_disk(formula, f"slope of {name} {place}")
