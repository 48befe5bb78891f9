"""From samples to `Quadratic`: passes over the data in a well-conditioned basis, and what to do where it is not so.

Each table below names ways in the order in which they are tried; the first that serves the samples is taken. Every way
ends with the residuals at the solution, which give the least loss and what rounding has left out of it. Of few samples
they are taken once more at the minimum's theta, with twice the digits. Weighted samples are rows times the roots of
their weights; of many such there are no sums, and they go to QR.

Samples are contiguous, native, read-only and finite, both arrays float64 or both float32; weights (N,) of their squares
are above 0. All of it runs on one thread of NumPy's linear algebra, or its bits would depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from fastgd.check import FloatArray, about
from fastgd.least_squares import features, polynomials
from fastgd.least_squares.blas import one_thread
from fastgd.least_squares.features import LinearSamples
from fastgd.least_squares.passes import Workers
from fastgd.least_squares.polynomials import PolynomialSamples
from fastgd.least_squares.quadratic import Quadratic
from fastgd.sources.in_memory import InMemory
from fastgd.sources.passing import Passing
from fastgd.sources.pieces import Source

Samples = TypeVar("Samples")

SMALL = 4096  # samples; up to here NumPy and LAPACK take 1 ms, spare 3 s of compilation and give the better digits

POLYNOMIALS_OF_FEW = (
    polynomials.on_nodes,  # fewer distinct x than parameters: the values there
    polynomials.on_points,  # polynomials orthogonal on the very points, for which no placement of them is hard
)
POLYNOMIALS_OF_MANY = (
    polynomials.chebyshev_on_some,  # sums of Chebyshev polynomials on the range of x, as some samples show it
    polynomials.chebyshev_on_all,  # where they are ill conditioned on it: on the range of all
    polynomials.on_nodes,
    polynomials.orthogonal_on_some,  # most samples lie in a corner: polynomials orthogonal on a few thousand of them
    polynomials.by_householder,  # where they are no better, or samples have weights
)
FEATURES_OF_FEW = (features.by_one_qr,)
FEATURES_OF_MANY = (
    features.by_centred_features,  # centred, scaled, Gram matrix and Cholesky
    features.by_householder,  # where they are ill conditioned, or samples have weights
)


def quadratic_of_polynomial(source: Source, degree: int) -> Quadratic:
    """Return the quadratic of a polynomial fit to samples, theta lowest power first. Unchecked.

    `OutOfRange` if powers of x or squares of y are beyond float64.
    """
    with np.errstate(all="ignore"), one_thread(), Workers() as workers:
        samples = PolynomialSamples(source, degree + 1, workers)
        try:
            if isinstance(source, Passing):
                return polynomials.in_one_pass(source, degree + 1)
            return _first_that_serves(POLYNOMIALS_OF_FEW if source.counting <= SMALL else POLYNOMIALS_OF_MANY, samples)
        except OverflowError as error:
            raise _out_of_range("x", f"its powers up to {degree}", source, error) from None


def quadratic_of_linear(source: Source, intercept: bool) -> Quadratic:
    """Return the quadratic of a linear fit to samples, theta = (weights..., intercept). Unchecked.

    `OutOfRange` if X or squares of y are beyond float64.
    """
    with np.errstate(all="ignore"), one_thread(), Workers() as workers:
        samples = LinearSamples(source, intercept, workers)
        try:
            if isinstance(source, Passing):
                return features.in_one_pass(source, intercept)
            return _first_that_serves(FEATURES_OF_FEW if source.counting <= SMALL else FEATURES_OF_MANY, samples)
        except OverflowError as error:
            raise _out_of_range("X", "its columns", source, error) from None


def polynomial_quadratic(x: FloatArray, y: FloatArray, degree: int, weights: FloatArray | None = None) -> Quadratic:
    """Return the same of x and y (N,)."""
    return quadratic_of_polynomial(InMemory("x", x, y, weights, "PolynomialFit"), degree)


def linear_quadratic(X: FloatArray, y: FloatArray, intercept: bool, weights: FloatArray | None = None) -> Quadratic:
    """Return the same of X (N, F) and y (N,)."""
    return quadratic_of_linear(InMemory("X", X, y, weights, "LinearFit"), intercept)


def _first_that_serves(ways: tuple[Callable[[Samples], Quadratic | None], ...], samples: Samples) -> Quadratic:
    return next(quadratic for quadratic in (way(samples) for way in ways) if quadratic is not None)


class OutOfRange(ValueError):
    """Statistics beyond float64."""


def _out_of_range(name: str, what: str, source: Source, error: OverflowError) -> OutOfRange:
    """Return the sentence for statistics beyond float64."""
    of_targets = str(error) == "targets"
    if of_targets:
        name = "y"
        what = "its squares"
    largest = source.largest("y" if of_targets else "x")
    rest = f"must be scaled: {what} leave the range of float64 (largest |{name}| is {largest:.3g})"
    return OutOfRange(about(name, rest))
