"""Fits linear in theta: all that a squared loss knows of itself by its statistics, and the curvature of others.

The statistics of the samples make the minimum and the spectrum; the model may be had in standardised coordinates.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import Array, FloatArray, about
from fastgd.digest import digest
from fastgd.once import Once
from fastgd.problems.coordinates import Feature, InCoordinates
from fastgd.problems.fit import Fit, Options
from fastgd.problems.losses import name_of, those_of_known_curvature
from fastgd.problems.problem import Problem
from fastgd.sources.given import Given
from fastgd.sources.in_memory import InMemory
from fastgd.sources.passing import Passing
from fastgd.sources.pieces import Source

if TYPE_CHECKING:
    from fastgd.least_squares.minimum import Minimum
    from fastgd.least_squares.quadratic import Quadratic
    from fastgd.least_squares.spectrum import Spectrum

HOPELESS = 1e12  # condition number from which descents take too many steps in any coordinates
MUCH = 10.0  # how many times a condition number must fall to be spoken of
LARGEST_UNASKED = 10_000_000  # numbers in a fit's features up to which nobody feels that a report standardises them
BY_METHOD = "standardized()"  # how users get it in Python
BY_OPTION = "--standardize"  # and on the command line
QR_PASSES = 10  # for every parameter, those of features by QR; their Gram matrix takes 1


class StatisticsWork(NamedTuple):
    """What taking the statistics of a fit comes to, for estimates of its time."""

    passes: int  # over many samples, in evaluations of loss and gradient
    eliminates: bool  # whether the minimum of few samples is found by elimination in decimals
    products: int  # of that elimination
    closed_basis: bool  # whether a formula gives the basis: neither columns nor residuals are taken one by one


class LinearModel(Fit):
    """A model linear in theta, fitted to samples."""

    def __init__(self, given: Given, names: tuple[str, ...], options: Options) -> None:
        self._passed: Quadratic | None = None  # the statistics of samples that could be read once
        super().__init__(given, names, options)
        self.flops_per_sample = 4 * self.dimension
        self._statistics = Once(self._taken)
        self._quadratic = Once(self._with_penalty)

    def _take_in(self, source: Source) -> None:
        """Take the statistics of samples that can be read once."""
        if not isinstance(source, Passing):
            return
        if not self.is_squared:
            name = name_of(self.residual_loss)
            raise ValueError(about("loss", f"must be 'squared' where {self.data_name} can be read once, got {name}"))
        self._passed = self._take_statistics()

    def _taken(self) -> Quadratic:
        return self._passed or self._take_statistics()

    def data(self) -> tuple[object, ...]:
        """Return what the kernels get of all samples in memory, or of their statistics where these alone are kept."""
        if self._passed is None:
            return super().data()
        from fastgd.kernels.problems.quadratic import MOST_IN_LANES, QuadraticData

        quadratic = self._passed
        P = self.dimension
        zeros = (0.0,) * P if P <= MOST_IN_LANES else ()
        R = np.ascontiguousarray(quadratic.R)
        return QuadraticData(
            R, np.ascontiguousarray(quadratic.q), np.zeros(P), quadratic.floor, zeros, self.residual_loss.mark(), ()
        )

    def _samples_identity(self) -> dict[str, Any]:
        """Return digests of the samples, or of the statistics where these alone are kept."""
        if self._passed is None:
            return super()._samples_identity()
        quadratic = self._passed
        numbers = np.concatenate([quadratic.R.ravel(), quadratic.q, [quadratic.floor, self.source.total_weight]])
        return {"statistics": digest(numbers)}

    @abstractmethod
    def _take_statistics(self) -> Quadratic:
        """Return the statistics of the weighted samples."""

    @property
    @abstractmethod
    def statistics_work(self) -> StatisticsWork:
        """What taking the statistics comes to."""

    @staticmethod
    @abstractmethod
    def _exact_residuals(features: FloatArray, y: FloatArray, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return y less the model (N,) at theta (P,), as if computed with twice the digits."""

    @abstractmethod
    def standardized(self) -> Standardized:
        """Return the same problem in standardised coordinates, where gradient descent takes few steps."""

    def statistics(self) -> Quadratic:
        """Return the statistics without the penalty, taken at first use; ValueError if they are beyond float64."""
        return self._statistics()

    def _with_penalty(self, scale: float | None = None) -> Quadratic:
        """Return the quadratic that `scale`, the loss' own by default, makes the squared loss with its penalty."""
        from fastgd.least_squares.from_samples import OutOfRange

        quadratic = self.statistics()
        if self.l2 == 0.0:
            return quadratic
        weights = np.full(self.dimension, self.l2 / (scale or self.scale))
        if self.free >= 0:
            weights[self.free] = 0.0
        try:
            return quadratic.penalized(weights)
        except OverflowError:
            raise OutOfRange(about("l2", f"must be smaller, got {self.l2:g}: its statistics leave float64")) from None

    def quadratic(self) -> Quadratic:
        """Return what describes the squared loss exactly: the statistics of the samples, with weights and penalty.

        They are taken at first use, in a few passes over the samples. The loss is their S times `scale`.

        Raises
        ------
        ValueError
            If they are beyond float64.
        """
        self._check_unchanged()
        return self._quadratic()

    def minimum(self) -> Minimum:
        """Return the least squared loss, where it is reached, and the rank of the data.

        Returns
        -------
        Minimum
            theta (P,), loss, rank; below full rank theta is the minimum of least norm.

        Raises
        ------
        ValueError
            If the loss is not squared, or the statistics are beyond float64.

        Examples
        --------
        >>> import fastgd
        >>> theta, loss, rank = fastgd.examples.pizza().minimum()
        >>> theta.round(10), round(loss, 10), rank
        (array([ 1.081111..., 13.172581...]), 22.842736..., 2)
        """
        if not self.is_squared:
            raise ValueError(about("loss", f"must be 'squared' for minimum(), got {name_of(self.residual_loss)}"))
        from fastgd.least_squares.from_samples import OutOfRange

        try:
            return self.quadratic().minimum(self.scale, self._squares)
        except OverflowError:
            why = "the parameters of the minimum leave the range of float64"
            raise OutOfRange(about(self.data_name, f"must be scaled: {why}")) from None

    def _squares(self, theta: NDArray[np.float64]) -> float:
        """Return the squared loss at theta (P,) over `scale`: of few samples as if computed with twice the digits."""
        from fastgd.least_squares.from_samples import SMALL
        from fastgd.least_squares.singular import WELL_CONDITIONED

        quadratic = self.quadratic()
        squares = float(quadratic.squares(theta[None])[0])
        if self.sample_count > SMALL or self._passed is not None:
            return squares if quadratic.condition <= WELL_CONDITIONED else float(self.loss(theta)) / self.scale
        features, y, weights = self.counting()
        with np.errstate(all="ignore"):
            r = self._exact_residuals(features, y, theta)
            own = float(np.sum(r * r if weights is None else weights * (r * r)))
        if quadratic.penalty is not None:
            own += float(np.sum(quadratic.penalty * theta**2))
        return own if np.isfinite(own) else squares

    def spectrum(self) -> Spectrum:
        """Return the curvature of the loss: eigenvalues, the stability limit, the best fixed rate, the slowest mode.

        Of a loss that is not squared it is a bound, the curvature near a perfect fit: psi' of Huber and log-cosh, for
        one, is at most 1, where that of the squared loss is 2, so their limit is at least twice as high.

        Raises
        ------
        ValueError
            If the loss has no bounded curvature that is known, or it is beyond float64.

        Examples
        --------
        >>> import fastgd
        >>> spectrum = fastgd.examples.pizza().spectrum()
        >>> round(spectrum.max_learning_rate, 8), round(spectrum.condition_number, 1)
        (0.0045551, 825.9)
        """
        self._check_unchanged()
        spectrum = self.spectrum_alone()
        return replace(spectrum, standardized=partial(what_standardizing_brings, self, spectrum))

    def spectrum_alone(self) -> Spectrum:
        """Return `spectrum` without what it would be in standardised coordinates."""
        from fastgd.least_squares.spectrum import Spectrum

        curvature = self.residual_loss.curvature
        if curvature is None:
            known = those_of_known_curvature()
            raise ValueError(about("loss", f"must be {known} for spectrum(), got {name_of(self.residual_loss)}"))
        if self.is_squared:
            return Spectrum.of(self._quadratic(), self.scale, self.parameters)
        scale = self.scale * curvature / 2.0
        return Spectrum.of(self._with_penalty(scale), scale, self.parameters, is_bound=True)


# ---- in standardised coordinates ------------------------------------------------------------------------------------


class Standardized(LinearModel):
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

    def _samples(self, problem: LinearModel, coordinates: Callable[[FloatArray], Array]) -> dict[str, Any]:
        """Return the original problem's samples, their features in these coordinates, as a fit takes them."""
        if isinstance(problem.source, InMemory):
            features, y, weights = problem.source.shown
            return {self.data_name: coordinates(features), "y": y, "sample_weight": weights}
        return {self.data_name: InCoordinates(problem.source, coordinates)}

    def _kept(self, problem: LinearModel) -> dict[str, Any]:
        """Return the keywords that are as in the original problem, and its start in these coordinates."""
        check_no_penalty(problem.l2)
        return {
            "loss": problem.residual_loss,
            "reduction": problem.reduction,
            "parameters": problem.parameters,
            "start": self._in(self.features, problem.start),
        }


def check_no_penalty(l2: float) -> None:
    """Raise ValueError if there is a penalty."""
    if l2 > 0.0:
        why = "the penalty is on the original parameters, and would be another one there"
        raise ValueError(about("l2", f"must be 0 for standardised coordinates, got {l2:g}: {why}"))


def what_standardizing_brings(problem: LinearModel, spectrum: Spectrum) -> str:
    """Say how much better conditioned a fit would be in standardised coordinates; nothing if that is not much.

    Nothing either where it would take long, or the fit can't be standardised.
    """
    large = problem.is_streamed or problem.sample_count * problem.dimension > LARGEST_UNASKED
    if isinstance(problem, Standardized) or problem.l2 > 0.0 or spectrum.condition_number < MUCH or large:
        return ""
    try:
        scaled = problem.standardized().spectrum_alone()
    except ValueError:  # beyond float64
        return ""
    more = np.count_nonzero(scaled.eigenvalues) > np.count_nonzero(spectrum.eigenvalues)  # that float64 can't hold here
    before = math.inf if more else _spread(spectrum)
    after = _spread(scaled)
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


def advising(problem: Problem, spectrum: Spectrum | None) -> Spectrum | None:
    """Return the spectrum of a sweep that failed, with what they would bring; it does not keep the samples."""
    if spectrum is None or not isinstance(problem, LinearModel):
        return spectrum
    return replace(spectrum, standardized=what_standardizing_brings(problem, spectrum))
