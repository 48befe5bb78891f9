"""The oracle's losses of one residual, rho(r) and psi(r) = d rho / d r, for any kind of number.

squared r^2, 2 r | absolute |r|, sign r | Huber r^2 / 2 within delta, delta (|r| - delta / 2) beyond
log-cosh log cosh r, tanh r | Cauchy log(1 + r^2), 2 r / (1 + r^2)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import mpmath

Number = Any  # float, Fraction or mpf


class ResidualLoss(NamedTuple):
    rho: Callable[[Number], Number]
    psi: Callable[[Number], Number]


def functions_of(r: Number) -> Any:
    """Return the module whose functions take this kind of number."""
    if isinstance(r, Fraction):
        raise TypeError("a root, a logarithm and a cosine are not rational")
    return mpmath if isinstance(r, mpmath.mpf) else math


def sign(r: Number) -> int:
    return (r > 0) - (r < 0)


SQUARED = ResidualLoss(lambda r: r * r, lambda r: 2 * r)


def _huber(delta: float) -> ResidualLoss:
    """Return Huber's loss; delta is taken over without rounding."""

    def rho(r: Number) -> Number:
        end = type(r)(delta)
        return r * r / 2 if abs(r) <= end else end * (abs(r) - end / 2)

    def psi(r: Number) -> Number:
        end = type(r)(delta)
        return r if abs(r) <= end else end * sign(r)

    return ResidualLoss(rho, psi)


def _log_cosh(r: Number) -> Number:
    functions, size = functions_of(r), abs(r)
    if size < 1:  # cosh r = 1 + 2 sinh^2(r / 2)
        return functions.log1p(2 * functions.sinh(size / 2) ** 2)
    return size - functions.log(type(r)(2)) + functions.log1p(functions.exp(-2 * size))


CAUCHY = ResidualLoss(lambda r: functions_of(r).log1p(r * r), lambda r: 2 * r / (1 + r * r))

BY_WORD: dict[str, Callable[..., ResidualLoss]] = {  # of the losses that fastgd has, given their numbers
    "squared": lambda: SQUARED,
    "absolute": lambda: ResidualLoss(abs, sign),
    "huber": _huber,
    "log-cosh": lambda: ResidualLoss(_log_cosh, lambda r: functions_of(r).tanh(r)),
}
