"""Derivatives against difference quotients: how to tell a wrong derivative from the quotient's own error.

Over a step from t - h to t + h a function changes by the integral of its derivative g, which Simpson's rule gives as
2 h (g(t - h) + 4 g(t) + g(t + h)) / 6, with an error of only h^5 g'''' / 90. The quotient is compared with that, and
the difference with how large g is within the step: at a stationary point g(t) is 0, and nothing is small beside 0.

A narrow step keeps clear of kinks, a wide one drowns less in rounding: a right derivative agrees over one of them, a
wrong one over none. Rounding excuses a difference over the usual step only; else the narrowest would excuse anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Number = Any  # a float of NumPy's, or an array of them
Evaluate = Callable[[Array], tuple[Array, Array]]  # points (C, P) -> losses (C,), gradients (C, P)

EPSILON = float(np.finfo(np.float64).eps)
USUAL = EPSILON ** (1 / 3)  # step, of a parameter, or of 1 if that is larger
OTHERS = EPSILON ** (1 / 5), EPSILON ** (1 / 2)
ASIDE = 0.01  # how far from a stationary point a gradient is looked at, in the same units
TINY = float(np.finfo(np.float64).tiny)
MOST_NUMBERS = 1 << 20  # in one batch of points


class Comparison(NamedTuple):
    """Derivatives beside difference quotients, number by number."""

    quotient: Number
    difference: Number  # between the two
    rounding: Number  # what the rounding of the losses explains of it
    size: Number  # the largest derivative or quotient within the step


def compared(losses: tuple[Number, Number], slopes: tuple[Number, Number, Number], width: Number) -> Comparison:
    """Compare losses at both ends of a step of this width with derivatives before, in the middle and after."""
    before, middle, after = slopes
    quotient = (losses[1] - losses[0]) / width
    rounding = 8.0 * EPSILON * np.maximum(abs(losses[0]), abs(losses[1])) / width
    difference = abs((before + 4.0 * middle + after) / 6.0 - quotient)
    size = np.maximum.reduce([abs(before), abs(middle), abs(after), abs(quotient)])
    return Comparison(quotient, difference, rounding, size)


class WorstSlope(NamedTuple):
    """Where a gradient is farthest from the difference quotients of its loss."""

    theta: Array
    parameter: int
    slope: float
    quotient: float
    difference: float  # relative to the largest component of the gradient, infinite if it is no number


def worst_slope(evaluate: Evaluate, theta: Array) -> WorstSlope | None:
    """Return the worst of the gradient's components; None if the loss is not finite at theta or a step away.

    Near a stationary point, where a gradient of the wrong sign or size is as small as the right one, one a little aside
    is looked at too.
    """
    worst, is_stationary = _worst_at(evaluate, theta)
    if worst is None or not is_stationary:
        return worst
    aside, _ = _worst_at(evaluate, theta + ASIDE * np.maximum(1.0, abs(theta)) * np.linspace(1.0, 2.0, theta.size))
    return worst if aside is None or aside.difference <= worst.difference else aside


def _worst_at(evaluate: Evaluate, theta: Array) -> tuple[WorstSlope | None, bool]:
    """Return the worst component at a theta, and whether all are small beside those a step away."""
    losses, gradients = evaluate(theta[None])
    slopes = gradients[0]
    usual = _over_step(evaluate, theta, slopes, USUAL)
    if not (np.isfinite(losses).all() and np.isfinite(usual.quotient).all()):
        return None, False
    largest = usual.size.max()
    relative = (usual.difference - usual.rounding).clip(min=0.0) / max(largest, TINY)
    relative[~np.isfinite(relative)] = np.inf
    for step in OTHERS:
        other = _over_step(evaluate, theta, slopes, step)
        found = other.difference / max(other.size.max(), TINY)
        relative = np.where(found < 0.5 * relative, found, relative)
    k = int(relative.argmax())
    worst = WorstSlope(theta, k, float(slopes[k]), float(usual.quotient[k]), float(relative[k]))
    return worst, bool(abs(slopes).max() < 0.5 * largest)


def _over_step(evaluate: Evaluate, theta: Array, slopes: Array, step: float) -> Comparison:
    """Compare every component over a step in its parameter."""
    steps = step * np.maximum(1.0, abs(theta))
    parts = [_some_over_step(evaluate, theta, slopes, steps, some) for some in _batches(theta.size)]
    return Comparison(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _some_over_step(
    evaluate: Evaluate, theta: Array, slopes: Array, steps: Array, some: NDArray[np.intp]
) -> Comparison:
    rows = np.arange(some.size)
    ends = np.tile(theta, (2, some.size, 1))
    ends[0, rows, some] -= steps[some]
    ends[1, rows, some] += steps[some]
    losses, gradients = evaluate(ends.reshape(-1, theta.size))
    before, after = gradients.reshape(ends.shape)[:, rows, some]
    width = ends[1, rows, some] - ends[0, rows, some]
    with np.errstate(invalid="ignore", over="ignore"):  # of what is not finite, which is told apart
        return compared((losses[: some.size], losses[some.size :]), (before, slopes[some], after), width)


def _batches(parameters: int) -> Iterator[NDArray[np.intp]]:
    length = max(1, MOST_NUMBERS // (2 * parameters))
    for first in range(0, parameters, length):
        yield np.arange(first, min(first + length, parameters))
