"""Derivatives against difference quotients: how to tell a wrong derivative from the quotient's own error.

Over a step from t - h to t + h a function changes by the integral of its derivative g, which Simpson's rule gives as
2 h (g(t - h) + 4 g(t) + g(t + h)) / 6, with an error of only h^5 g'''' / 90. The quotient is compared with that, and
the difference with how large g is within the step: at a stationary point g(t) is 0, and nothing is small beside 0.

A narrow step keeps clear of kinks, a wide one drowns less in rounding: a right derivative agrees over one of them, a
wrong one over none. Rounding excuses a difference over the usual step only; else the narrowest would excuse anything.
Where it would excuse too much even there, as far above 0, the wide step takes the usual one's place.

Where both disagree, or rounding hides it, a complex step decides: see `complex_step`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastgd.check import Array

Number = Any  # a float of NumPy's, or an array of them
Evaluate = Callable[[Array], tuple[Array, Array]]  # points (C, P) -> losses (C,), gradients (C, P)

EPSILON = float(np.finfo(np.float64).eps)
USUAL = EPSILON ** (1 / 3)  # step, of a parameter, or of 1 if that is larger
WIDE = EPSILON ** (1 / 5)
OTHERS = WIDE, EPSILON ** (1 / 2)
ASIDE = 0.01  # how far from a stationary point a gradient is looked at, in the same units
SMALL = 0.1  # share of the largest component that is small; or that rounding may be without hiding a difference
AGREES = 0.01  # share of their distance from a third slope within which two agree
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
    difference: float  # relative to the size, infinite if it is no number
    size: float  # the largest component of the gradient within the step
    is_hidden: bool  # whether the rounding of the loss would hide a wrong component


def worst_slope(evaluate: Evaluate, theta: Array) -> WorstSlope | None:
    """Return the worst of the gradient's components; None if the loss is not finite at theta or a step away.

    Where a component is about 0, so that one of the wrong sign or size is as small as the right one, the gradient a
    little aside is looked at too.
    """
    worst, has_small = _worst_at(evaluate, theta)
    if worst is None or not has_small:
        return worst
    further = theta + ASIDE * np.maximum(1.0, abs(theta)) * np.linspace(1.0, 2.0, theta.size)
    aside, _ = _worst_at(_nan_where_it_raises(evaluate), further)
    if aside is None or (aside.is_hidden and not worst.is_hidden):
        return worst
    if worst.is_hidden and not aside.is_hidden:
        return aside
    return worst if aside.difference <= worst.difference else aside


def difference_from(stepped: Array, gradient: Array, worst: WorstSlope) -> float:
    """Return how far a gradient is from that by complex steps, relative to the largest component of either."""
    differences = abs(gradient - stepped)
    differences[np.isnan(differences)] = np.inf
    return float(differences.max() / max(worst.size, abs(stepped).max(), TINY))


def told_apart(worst: WorstSlope, gradient: Array, stepped: Array | None) -> tuple[int, str]:
    """Return which component of a gradient is wrong, and what differences and a complex step, if any, say of it."""
    k = worst.parameter
    by_loss = f"but the loss changes by {worst.quotient:.6} per unit"
    if stepped is None:
        return k, by_loss
    if not worst.is_hidden and not agree(stepped[k], worst.slope, worst.quotient):
        return k, by_loss + added(stepped[k], worst.slope, worst.quotient)
    differences = abs(gradient - stepped)
    k = int(np.where(np.isnan(differences), np.inf, differences).argmax())
    return k, f"but a complex step gives {stepped[k]:.6}" + ", which rounding hides in the loss" * worst.is_hidden


def agree(one: float, other: float, third: float) -> bool:
    """Tell whether two slopes agree, beside how far the third is from them if it is a number."""
    apart = max(abs(one - third), abs(other - third))
    return bool(abs(one - other) <= AGREES * (apart if np.isfinite(apart) else max(abs(one), abs(other))))


def added(stepped: float, slope: float, quotient: float) -> str:
    """Return what a complex step adds to a sentence that says a slope and a quotient."""
    return (
        ", as a complex step says too"
        if agree(stepped, quotient, slope)
        else f", and a complex step gives {stepped:.6}"
    )


def _worst_at(evaluate: Evaluate, theta: Array) -> tuple[WorstSlope | None, bool]:
    """Return the worst component at a theta, and whether one is small beside the largest, or beside a step away."""
    losses, gradients = evaluate(theta[None])
    slopes = gradients[0]
    nearby = _nan_where_it_raises(evaluate)
    scale = np.maximum(1.0, abs(theta))
    usual = _over_step(nearby, theta, slopes, USUAL * scale)
    if not np.isfinite(usual.quotient).all():  # theta may be nearer than that to where the loss ends
        scale = np.where(theta == 0.0, 1.0, abs(theta))
        usual = _over_step(nearby, theta, slopes, USUAL * scale)
    if not (np.isfinite(losses).all() and np.isfinite(usual.quotient).all()):
        return None, False
    is_hidden = _is_hidden(usual)
    if is_hidden:
        wide = _over_step(nearby, theta, slopes, WIDE * scale)
        if np.isfinite(wide.quotient).all():
            usual = wide
            is_hidden = _is_hidden(wide)
    largest = usual.size.max()
    relative = (usual.difference - usual.rounding).clip(min=0.0) / max(largest, TINY)
    relative[~np.isfinite(relative)] = np.inf
    for step in OTHERS:
        other = _over_step(nearby, theta, slopes, step * scale)
        found = other.difference / max(other.size.max(), TINY)
        tells = other.rounding <= SMALL * largest  # else quotients are coarse, and one may agree with what is wrong
        relative = np.where(tells & (found < 0.5 * relative), found, relative)
    k = int(relative.argmax())
    worst = WorstSlope(
        theta, k, float(slopes[k]), float(usual.quotient[k]), float(relative[k]), float(largest), is_hidden
    )
    is_small = (abs(slopes) < 0.5 * usual.size) | (abs(slopes) < SMALL * largest)
    return worst, bool(is_small.any())


def _is_hidden(found: Comparison) -> bool:
    """Tell whether rounding would excuse a wrong component; it excuses nothing where the loss is seen not to change."""
    largest = found.size.max()
    return bool(largest > 0.0 and (found.rounding > SMALL * largest).any())


def _nan_where_it_raises(evaluate: Evaluate) -> Evaluate:
    """Return an evaluation of points beside theta, where a plain Python loss may end."""

    def evaluated(points: Array) -> tuple[Array, Array]:
        try:
            return evaluate(points)
        except (ArithmeticError, ValueError):
            return np.full(len(points), np.nan), np.full(points.shape, np.nan)

    return evaluated


def _over_step(evaluate: Evaluate, theta: Array, slopes: Array, steps: Array) -> Comparison:
    """Compare every component over a step in its parameter."""
    P = theta.size
    length = max(1, MOST_NUMBERS // (2 * P))
    parts = []
    for first in range(0, P, length):
        some = np.arange(first, min(first + length, P))
        rows = np.arange(some.size)
        ends = np.tile(theta, (2, some.size, 1))
        ends[0, rows, some] -= steps[some]
        ends[1, rows, some] += steps[some]
        losses, gradients = evaluate(ends.reshape(-1, P))
        before, after = gradients.reshape(ends.shape)[:, rows, some]
        width = ends[1, rows, some] - ends[0, rows, some]
        with np.errstate(invalid="ignore", over="ignore"):  # of what is not finite, which is told apart
            both = losses[: some.size], losses[some.size :]
            parts.append(compared(both, (before, slopes[some], after), width))
    return Comparison(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
