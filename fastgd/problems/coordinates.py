"""Changes of coordinates of features, x = center + scale u, and what they make of a model's parameters.

Parameters are rounded once, to the nearest float64: powers of x cancel (calendar years to the eighth leave none of a
float64's digits), so the arithmetic is of whole numbers, and one quotient of them is each parameter. Large batches are
mapped in doubled precision first, twenty times as fast, and exactly only where that can't tell the nearest.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from fastgd.check import RUN, Array, FloatArray
from fastgd.least_squares.doubled import power_of_two, powers_of_two, product_with_error, sum_with_error
from fastgd.sources.pieces import Source, runs_of

Quotient = tuple[int, int]
Row = tuple[range, list[Fraction]]  # which parameters make one in the other coordinates, and their factors

LARGE_BATCH = 100  # thetas from which doubled precision pays for its factors
LARGEST_POLYNOMIAL = 64  # parameters up to which it does: there are P^2 / 2 factors
SAFE = 1e200  # between its inverse and this, doubled precision neither over- nor underflows


@dataclass(frozen=True)
class Feature:
    """A feature x = center + scale u in a coordinate u, exactly; scale is above 0."""

    center: Fraction
    scale: Fraction

    @classmethod
    def of_range(cls, low: float, high: float) -> Feature:
        """Return the coordinate in which the ends of a range are -1 and 1; a single point is 0 there."""
        return cls((Fraction(low) + Fraction(high)) / 2, (Fraction(high) - Fraction(low)) / 2 or Fraction(1))

    @property
    def inverse(self) -> Feature:
        """The way back, u = -center / scale + x / scale."""
        return Feature(-self.center / self.scale, 1 / self.scale)

    def coordinate(self, x: FloatArray) -> Array:
        """Return u (N,) at x (N,), to a few roundings of 1 or |u|; beyond float64 it stops at its end."""
        unit = power_of_two(float(max(abs(self.center), self.scale)) or sys.float_info.min)  # half of the least is 0
        center = self.center / Fraction(unit)
        scale = self.scale / Fraction(unit)
        rest = float(center - Fraction(float(center)))
        with np.errstate(over="ignore"):
            u = ((x.astype(np.float64) / unit - float(center)) - rest) / float(scale)
        return np.clip(u, -sys.float_info.max, sys.float_info.max)


def ends_of(source: Source) -> tuple[Array, Array]:
    """Return the least and the largest of each feature (F,) of the samples that count."""
    ends = []
    for piece in source.pieces(1):
        columns = piece.features.reshape(len(piece.y), -1).T
        ends.append([[column.min() for column in columns], [column.max() for column in columns]])
    lows, highs = np.swapaxes(np.array(ends, dtype=np.float64), 0, 1)
    return lows.min(axis=0), highs.max(axis=0)


def of_deviation(source: Source, *, centered: bool) -> tuple[Feature, ...]:
    """Return coordinates in which features have deviation 1, and mean 0 if they are centred.

    A constant feature keeps its scale. The mean has two terms, or at an offset of 1e9 it would be off by 1e-7.
    """
    low, high = ends_of(source)
    unit = powers_of_two(np.maximum(np.abs(low), np.abs(high)))
    weights_only = (piece.weights for piece in source.pieces(1)) if source.is_weighted else ()
    heaviest = max((float(weights.max()) for weights in weights_only if weights is not None), default=1.0)

    def mean(of_values: Callable[[Array], Array]) -> Array:
        """Return the weighted mean (F, 1) of a function of values (F, n): of sums over runs, whatever the pieces."""
        sums = []
        total = []
        for x, y, weights in runs_of(source, max(1, RUN // len(unit))):
            values = of_values(np.ascontiguousarray(x.T, dtype=np.float64) / unit[:, None])
            shares = None if weights is None else weights.astype(np.float64) / heaviest
            sums.append((values if shares is None else values * shares).sum(axis=1, keepdims=True))
            total.append(len(y) if shares is None else np.sum(shares))
        return np.asarray(np.sum(sums, axis=0) / np.sum(total), dtype=np.float64)

    middle = mean(lambda values: values)
    rest = mean(lambda values: values - middle)
    deviations = np.sqrt(mean(lambda values: ((values - middle) - rest) ** 2)).ravel()
    features = []
    for j in range(len(unit)):
        own = Fraction(unit[j])
        center = Fraction(low[j]) if low[j] == high[j] else (Fraction(middle[j, 0]) + Fraction(rest[j, 0])) * own
        scale = Fraction(1) if low[j] == high[j] else Fraction(deviations[j] or 1.0 / unit[j]) * own
        features.append(Feature(center if centered else Fraction(0), scale))
    return tuple(features)


class InCoordinates:
    """Chunks of samples whose features are taken through a function anew each time that they are read."""

    def __init__(self, source: Source, function: Callable[[FloatArray], Array]) -> None:
        self.source = source
        self.function = function

    def __iter__(self) -> Iterator[tuple[FloatArray, ...]]:
        for chunk in self.source.read():
            yield tuple(chunk._replace(features=self.function(chunk.features)).arrays())


def interval_of(feature: Feature, low: float, high: float, x: FloatArray) -> Array:
    """Return x (N,) in the coordinate in which low and high are -1 and 1: rounding may miss the ends, or pass them."""
    u = feature.coordinate(x)
    if low < high:
        inside = (low <= x) & (x <= high)
        u[inside] = np.clip(u[inside], -1.0, 1.0)
        u[x == low] = -1.0
        u[x == high] = 1.0
    return u


def columns_of(features: Sequence[Feature], x: FloatArray) -> Array:
    """Return x (N, F) in coordinates."""
    u = np.empty(x.shape)
    for j, feature in enumerate(features):
        u[:, j] = feature.coordinate(x[:, j])
    return u


def polynomial_in(feature: Feature, theta: Array) -> Array:
    """Return the coefficients (..., P) of p(center + scale u) in powers of u, given those of p(x) in powers of x."""
    center = feature.center
    scale = feature.scale
    P = theta.shape[-1]
    unit = math.lcm(center.denominator, scale.denominator)
    shift = int(center * unit)
    factor = int(scale * unit)
    factors = [factor**k for k in range(P)]
    units = [unit**k for k in range(P)]

    def exactly(coefficients: Sequence[int]) -> Iterable[Quotient]:
        # p((shift + v) / unit), v = factor u, times a power of the unit; the shift is Horner's scheme, again and again
        c = [n * power for n, power in zip(coefficients, reversed(units), strict=True)]
        for first in range(P - 1):
            for k in range(P - 2, first - 1, -1):
                c[k] += shift * c[k + 1]
        return [(n * power, units[-1]) for n, power in zip(c, factors, strict=True)]

    def rows() -> Iterable[Row]:
        for k in range(P):
            yield range(k, P), [math.comb(j, k) * center ** (j - k) * scale**k for j in range(k, P)]

    return _rounded_once(theta, exactly, rows if P <= LARGEST_POLYNOMIAL else None)


def linear_in(features: Sequence[Feature], theta: Array) -> Array:
    """Return the parameters (..., P) of sum_j w_j (center_j + scale_j u_j) + b in the u_j; P > F if there is a b."""
    F = len(features)
    P = theta.shape[-1]
    scales = [feature.scale.as_integer_ratio() for feature in features]
    unit = math.lcm(*(feature.center.denominator for feature in features))
    centers = [int(feature.center * unit) for feature in features]

    def exactly(parameters: Sequence[int]) -> Iterable[Quotient]:
        weights = parameters[:F]
        yield from ((n * above, below) for n, (above, below) in zip(weights, scales, strict=True))
        for b in parameters[F:]:
            yield b * unit + sum(n * center for n, center in zip(weights, centers, strict=True)), unit

    def rows() -> Iterable[Row]:
        for j, feature in enumerate(features):
            yield range(j, j + 1), [feature.scale]
        if P > F:
            yield range(P), [*(feature.center for feature in features), Fraction(1)]

    return _rounded_once(theta, exactly, rows)


def _rounded_once(
    theta: Array,
    exactly: Callable[[Sequence[int]], Iterable[Quotient]],
    rows: Callable[[], Iterable[Row]] | None,
) -> Array:
    """Return a linear map of each theta (..., P), given exactly for whole numbers, and for large batches by its rows.

    Where theta is not finite, all that it becomes is NaN.
    """
    thetas = theta.reshape(-1, theta.shape[-1])
    mapped = np.full(thetas.shape, np.nan)
    pending = np.isfinite(thetas).all(axis=1)
    if rows is not None and len(thetas) >= LARGE_BATCH:
        mapped, sure = _in_doubled_precision(thetas, rows())
        mapped[~pending] = np.nan
        pending &= ~sure
    for i in np.flatnonzero(pending):
        quotients = [value.as_integer_ratio() for value in thetas[i].tolist()]
        unit = max(below for _, below in quotients)  # all are powers of two
        whole = [above * (unit // below) for above, below in quotients]
        mapped[i] = [_nearest(above, below * unit) for above, below in exactly(whole)]
    return mapped.reshape(theta.shape)


def _nearest(above: int, below: int) -> float:
    """Return a quotient of whole numbers as the nearest float64, infinite beyond it."""
    try:
        return above / below
    except OverflowError:
        return math.inf if above > 0 else -math.inf


@np.errstate(over="ignore", invalid="ignore")  # what comes of an overflow is not sure
def _in_doubled_precision(thetas: Array, rows: Iterable[Row]) -> tuple[Array, NDArray[np.bool_]]:
    """Return a linear map of thetas (C, P), and of which of them every result is sure to be the nearest float64.

    Each result is a compensated dot product with factors of two terms (Ogita, Rump and Oishi 2005). It is sure where
    what was rounded off, with the most that it may be wrong by, is less than half the distance to the next float64.
    """
    mapped = np.empty(thetas.shape)
    sure = np.ones(len(thetas), dtype=bool)
    for k, (inputs, factors) in enumerate(rows):
        total, rest, size = (np.zeros(len(thetas)) for _ in range(3))
        for j, factor in zip(inputs, factors, strict=True):
            if not factor:
                continue
            if not 1 / SAFE <= abs(factor) <= SAFE:
                sure[:] = False
                return mapped, sure
            high = float(factor)
            product, lost = product_with_error(thetas[:, j], high)
            total, rounded = sum_with_error(total, product)
            rest += rounded + (lost + thetas[:, j] * float(factor - Fraction(high)))
            size += np.abs(product)
        mapped[:, k], rounded = sum_with_error(total, rest)
        wrong = 2.0**-100 * len(inputs) ** 2 * size  # 2^-106 in theory
        gap = np.abs(mapped[:, k]) - np.nextafter(np.abs(mapped[:, k]), 0.0)
        nearest = (np.abs(rounded) + wrong < 0.5 * gap) & (size >= 1 / SAFE) & (size <= SAFE)
        sure &= nearest | ~thetas[:, inputs.start : inputs.stop].any(axis=1)
    return mapped, sure
