"""The same fit in standardised coordinates, in which gradient descent takes few steps, and what they would bring."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import FloatArray
from fastgd.least_squares.spectrum import Spectrum
from fastgd.problems.coordinates import Feature, linear_in, polynomial_in
from fastgd.problems.fit import Fit
from fastgd.problems.fits import LinearFit, PolynomialFit
from fastgd.problems.problem import Problem

Array = NDArray[np.float64]

HOPELESS = 1e12  # condition number from which descents take too many steps in any coordinates
MUCH = 10.0  # how many times a condition number must fall to be spoken of
LARGEST_UNASKED = 10_000_000  # numbers in a fit's features up to which nobody feels that a report standardises them
BY_METHOD, BY_OPTION = "standardized()", "--standardize"  # how users get it, in Python and on the command line


class Standardized(Fit):
    """A fit in standardised coordinates: what `standardized()` of a fit returns.

    It is the same model of the same targets with the same loss, weights and names of parameters: its loss at
    `standard(theta)` is the other's at `theta`. Learning rates, tolerances of theta and of the gradient, and bounds are
    of its own parameters; `start` is the other's start. Its features are float64, for in float32 they would be rounded.

    `predict` takes features in its coordinates too; for others there is `problem.predict(scaled.original(theta), x)`.
    """

    features: tuple[Feature, ...]

    @abstractmethod
    def _in(self, features: tuple[Feature, ...], theta: Array) -> Array:
        """Return the parameters of the model in other coordinates of its features."""

    def standard(self, theta: ArrayLike) -> Array:
        """Return parameters of the original problem in standardised coordinates.

        Parameters
        ----------
        theta : array_like (P,) or (C, P)

        Returns
        -------
        ndarray (P,) or (C, P)
            Each the nearest float64 to the exact value. NaN where theta is not finite.

        Raises
        ------
        ValueError, TypeError
            If theta is not real numbers of one of these shapes.
        """
        return self._in(self.features, self._theta(theta))

    def original(self, theta: ArrayLike) -> Array:
        """Return parameters in standardised coordinates as those of the original problem.

        Parameters
        ----------
        theta : array_like (P,) or (C, P)

        Returns
        -------
        ndarray (P,) or (C, P)
            Each the nearest float64 to the exact value. NaN where theta is not finite.

        Raises
        ------
        ValueError, TypeError
            If theta is not real numbers of one of these shapes.
        """
        return self._in(tuple(feature.inverse for feature in self.features), self._theta(theta))

    def _described(self, model: str) -> str:
        return super()._described(model).removeprefix("Standardized").removesuffix(")") + ", standardised)"

    def _kept(self, problem: Fit) -> dict[str, Any]:
        """Return the keywords that are as in the original problem, and its start in these coordinates."""
        check_no_penalty(problem.l2)
        return {
            "loss": problem.residual_loss,
            "reduction": problem.reduction,
            "sample_weight": problem.sample_weight,
            "parameters": problem.parameters,
            "start": self._in(self.features, problem.start),
        }


class StandardizedPolynomialFit(Standardized, PolynomialFit):
    """A polynomial in u, its samples' x mapped to [-1, 1]."""

    def __init__(self, problem: PolynomialFit) -> None:
        x, here = problem.x, _present(problem)
        feature = Feature.of_range(x[here])
        self.features = (feature,)
        u = feature.coordinate(x)
        low, high = x[here].min(), x[here].max()
        if low < high:  # rounding may miss the ends, or pass them
            u[here] = np.clip(u[here], -1.0, 1.0)
            u[x == low], u[x == high] = -1.0, 1.0
        super().__init__(u, problem.y, problem.degree, **self._kept(problem))

    def _in(self, features: tuple[Feature, ...], theta: Array) -> Array:
        return polynomial_in(features[0], theta)


class StandardizedLinearFit(Standardized, LinearFit):
    """A linear model of features of deviation 1 and, if there is an intercept, mean 0."""

    def __init__(self, problem: LinearFit) -> None:
        X, weights, here = problem.X, problem.sample_weight, _present(problem)
        weights = None if weights is None else weights[here]
        self.features = tuple(Feature.of_deviation(x[here], weights, centered=problem.intercept) for x in X.T)
        u = np.empty(X.shape)
        for j, feature in enumerate(self.features):
            u[:, j] = feature.coordinate(X[:, j])
        super().__init__(u, problem.y, intercept=problem.intercept, **self._kept(problem))

    def _in(self, features: tuple[Feature, ...], theta: Array) -> Array:
        return linear_in(features, theta)


def standardized(problem: Fit) -> Standardized:
    """Return a fit in standardised coordinates; ValueError if it has a penalty."""
    if isinstance(problem, PolynomialFit):
        return StandardizedPolynomialFit(problem)
    if isinstance(problem, LinearFit):
        return StandardizedLinearFit(problem)
    raise TypeError(f"problem must be a PolynomialFit or LinearFit to be standardised, got {problem!r}")


def check_no_penalty(l2: float) -> None:
    """Raise ValueError if there is a penalty."""
    if l2 > 0.0:
        raise ValueError(
            f"l2 must be 0 for standardised coordinates, got {l2:g}: "
            f"the penalty is on the original parameters, and would be another one there"
        )


def _present(problem: Fit) -> Any:
    """Return what picks the samples of a weight above 0; the others are absent."""
    weights: FloatArray | None = problem.sample_weight
    return slice(None) if weights is None else weights > 0.0


# ---- what they would bring -------------------------------------------------------------------------------------------


def what_it_brings(problem: Fit, spectrum: Spectrum) -> str:
    """Say how much better conditioned a fit would be in standardised coordinates; nothing if that is not much.

    Nothing either where it would take long, or the fit can't be standardised.
    """
    large = problem.sample_count * problem.dimension > LARGEST_UNASKED
    if isinstance(problem, Standardized) or problem.l2 > 0.0 or spectrum.condition_number < MUCH or large:
        return ""
    try:
        scaled = standardized(problem).spectrum_alone()
    except ValueError:  # beyond float64
        return ""
    more = np.count_nonzero(scaled.eigenvalues) > np.count_nonzero(spectrum.eigenvalues)  # that float64 can't hold here
    before, after = math.inf if more else _spread(spectrum), _spread(scaled)
    if not before >= MUCH * after or after > HOPELESS:
        return ""
    text = f"standardised: condition number {_short(before)} -> {_short(after)}"
    if not more:
        steps = scaled.steps_to_reduce(10.0)
        few = f"{_short(steps)} step{'s' * (steps != 1.0)}"
        text += f", {few} instead of {_short(spectrum.steps_to_reduce(10.0))} to a tenth of the error"
    return f"{text}: {BY_METHOD}"


def _spread(spectrum: Spectrum) -> float:
    """Return the condition number of the directions that change the loss."""
    curvatures = spectrum.eigenvalues[spectrum.eigenvalues > 0.0]
    if not curvatures.size:
        return 1.0
    with np.errstate(over="ignore"):
        return float(curvatures[0] / curvatures[-1])


def _short(number: float) -> str:
    return f"{number:.2g}" if number < 10.0 or number >= 1e5 else f"{number:,.0f}"


def offering(problem: Fit, spectrum: Spectrum) -> Spectrum:
    """Return a fit's spectrum that says, when it is printed, what standardised coordinates would bring."""
    return replace(spectrum, standardized=partial(what_it_brings, problem, spectrum))


def advising(problem: Problem, spectrum: Spectrum | None) -> Spectrum | None:
    """Return the spectrum of a sweep that failed, with what they would bring; it does not keep the samples."""
    if spectrum is None or not isinstance(problem, Fit):
        return spectrum
    return replace(spectrum, standardized=what_it_brings(problem, spectrum))
