"""What fits have in common: residual loss, weights and penalty, and all that a squared loss knows of itself."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import FloatArray, choice, number_between, real_array
from fastgd.once import Once
from fastgd.problems.arrays import COPIED, checked_weights, kernel_view, some_of
from fastgd.problems.losses import Loss, Squared, checked_loss, name_of
from fastgd.problems.problem import Problem

if TYPE_CHECKING:
    from fastgd.least_squares.quadratic import Minimum, Quadratic
    from fastgd.least_squares.spectrum import Spectrum
    from fastgd.problems.standardized import Standardized

REDUCTIONS = ("mean", "sum")


class Fit(Problem):
    """A model fitted to samples: the loss of its residuals r_i = prediction_i - y_i, reduced, plus a penalty.

    The mean is sum_i w_i rho(r_i) / sum_i w_i and the sum is sum_i w_i rho(r_i), with sample weights w_i, 1 by default.
    The penalty is l2 times the sum of theta_k^2, without a factor one half, over all parameters but the constant term.

    Attributes
    ----------
    y : ndarray (N,)
    residual_loss : Loss
        rho and its derivative.
    reduction : {"mean", "sum"}
        How the losses of residuals become one.
    sample_weight : ndarray (N,) or None
    l2 : float
    """

    y: FloatArray
    data_name: str  # of the argument that holds the features
    free: int  # the parameter without a penalty, negative if there is none

    def __init__(
        self,
        names: tuple[str, ...],
        parameters: Sequence[str] | None,
        start: ArrayLike | None,
        loss: object,
        reduction: object,
        sample_weight: ArrayLike | None,
        l2: object,
    ) -> None:
        self.residual_loss: Loss = checked_loss(loss)
        self.reduction = choice("reduction", reduction, REDUCTIONS)
        self.l2 = number_between("l2", l2, minimum=0.0, maximum=sys.float_info.max)
        self.sample_weight, total = checked_weights(sample_weight, self.y)
        self.scale = 1.0 / total if self.reduction == "mean" else 1.0
        self.dtype = self.y.dtype
        super().__init__(names, parameters, start)
        self._statistics, self._quadratic = Once(self._take_statistics), Once(self._with_penalty)
        arrays = {self.data_name: self._features, "y": self.y, "sample_weight": self.sample_weight}
        borrowed = {
            name: some_of(array) for name, array in arrays.items() if array is not None and array.nbytes > COPIED
        }
        self._seen = [(name, some, some.tobytes()) for name, some in borrowed.items()]

    def _check_unchanged(self) -> None:
        """Raise ValueError if data was changed since: engines would disagree, having read it before or after."""
        for name, now, then in self._seen:
            if now.tobytes() != then:
                raise ValueError(
                    f"{name} must stay as it was when {type(self).__name__} took it, got one that was changed since; "
                    "make a new problem of it"
                )

    def _unchanged_features(self) -> FloatArray:
        """Return what the model is a function of."""
        self._check_unchanged()
        return self._features

    def kernel_samples(self) -> Any:
        """Return the samples as kernels take them, made at first use."""
        if self._seen:  # a call of ten samples takes 3 microseconds
            self._check_unchanged()
        return self._laid().samples

    def _described(self, model: str) -> str:
        """Return the text of a fit: its samples, its model, and what is not usual."""
        N = self.sample_count
        text = f"{type(self).__name__}({N:,} sample{'s' * (N > 1)}, {model}, reduction={self.reduction!r}"
        if not self.is_squared:
            text += f", loss={name_of(self.residual_loss)}"
        return text + ", weighted" * (self.sample_weight is not None) + f", l2={self.l2:g}" * (self.l2 > 0.0) + ")"

    @abstractmethod
    def _data(self) -> Any:
        """Return the samples as the NamedTuple that their block function takes."""

    def _lay_out(self) -> Any:
        from fastgd.kernels.problems.blocks import blocks_needed, laid_out

        data = self._data()
        return laid_out(data, blocks_needed(len(data.y), data.block_length), self.scale, self.l2, self.free)

    def _counting(self, features: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray | None]:
        """Return features, y and weights of the samples that count: one of weight 0 is absent, whatever its values."""
        weights = self.sample_weight
        if weights is None or weights.min() > 0.0:
            return features, self.y, weights
        counts = weights > 0.0
        return kernel_view(features[counts]), kernel_view(self.y[counts]), kernel_view(weights[counts])

    @abstractmethod
    def _take_statistics(self) -> Quadratic:
        """Return the statistics of the weighted samples."""

    @property
    @abstractmethod
    def _features(self) -> FloatArray:
        """Return what the model is a function of, (N,) or (N, F)."""

    @staticmethod
    @abstractmethod
    def _exact_residuals(features: FloatArray, y: FloatArray, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return y less the model (N,) at theta (P,), as if computed with twice the digits."""

    def statistics(self) -> Quadratic:
        """Return the statistics of the weighted samples, without the penalty, taken at first use.

        Raises
        ------
        ValueError
            If they are beyond float64.
        """
        quadratic: Quadratic = self._statistics()
        return quadratic

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
            raise OutOfRange(f"l2 must be smaller, got {self.l2:g}: its statistics leave float64") from None

    def quadratic(self) -> Quadratic:
        """Return what describes the squared loss exactly: the statistics of the samples, with weights and penalty.

        They are taken at first use, in a few passes over the samples. The loss is their S times `scale`.

        Raises
        ------
        ValueError
            If they are beyond float64.
        """
        self._check_unchanged()
        quadratic: Quadratic = self._quadratic()
        return quadratic

    @property
    def is_squared(self) -> bool:
        """Whether the loss is squared, so that `quadratic` describes it fully."""
        return isinstance(self.residual_loss, Squared)

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
            raise ValueError(f"loss must be 'squared' for minimum(), got {name_of(self.residual_loss)}")
        from fastgd.least_squares.from_samples import OutOfRange

        try:
            return self.quadratic().minimum(self.scale, self._squares)
        except OverflowError:
            raise OutOfRange(
                f"{self.data_name} must be scaled: the parameters of the minimum leave the range of float64"
            ) from None

    def _squares(self, theta: NDArray[np.float64]) -> float:
        """Return the squared loss at theta (P,) over `scale`: of few samples as if computed with twice the digits."""
        from fastgd.least_squares.from_samples import SMALL
        from fastgd.least_squares.quadratic import WELL_CONDITIONED

        quadratic = self.quadratic()
        squares = float(quadratic.squares(theta[None])[0])
        if self.sample_count > SMALL:
            return squares if quadratic.condition <= WELL_CONDITIONED else float(self.loss(theta)) / self.scale
        features, y, weights = self._counting(self._features)
        with np.errstate(all="ignore"):
            r = self._exact_residuals(features, y, theta)
            own = float(np.sum(r * r if weights is None else weights * (r * r)))
        if quadratic.penalty is not None:
            own += float(np.sum(quadratic.penalty * theta**2))
        return own if np.isfinite(own) else squares

    def spectrum(self) -> Spectrum:
        """Return the curvature of the loss: eigenvalues, the stability limit, the best fixed rate, the slowest mode.

        Of Huber and log-cosh it is a bound, the curvature near a perfect fit: their psi' is at most 1, where that of
        the squared loss is 2, so their limit is at least twice as high.

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
        from fastgd.problems.standardized import offering

        self._check_unchanged()

        return offering(self, self.spectrum_alone())

    def spectrum_alone(self) -> Spectrum:
        """Return `spectrum` without what it would be in standardised coordinates."""
        from fastgd.least_squares.spectrum import Spectrum

        curvature = self.residual_loss.curvature
        if curvature is None:
            loss = name_of(self.residual_loss)
            raise ValueError(f"loss must be 'squared', Huber or LogCosh for spectrum(), got {loss}")
        if self.is_squared:
            return Spectrum.of(self._quadratic(), self.scale, self.parameters)
        scale = self.scale * curvature / 2.0
        return Spectrum.of(self._with_penalty(scale), scale, self.parameters, is_bound=True)

    def standardized(self) -> Standardized:
        """Return the same problem in standardised coordinates, where gradient descent takes few steps.

        The features of a linear fit get deviation 1 and, with an intercept, mean 0; a constant one keeps its scale. A
        polynomial's x gets the range [-1, 1]. Deviations are the population's, and weighted; samples of weight 0 do not
        count. The returned fit's `standard(theta)` takes parameters, (P,) or (C, P), to its coordinates and
        `original(theta)` brings them back; its loss at `standard(theta)` is this one's at theta.

        A penalty is on the parameters, and would be another one there: the problem would not be the same. To penalise
        standardised parameters, as is usual, give `l2` to a fit of the standardised features.

        Raises
        ------
        ValueError
            If `l2` is not 0.

        Examples
        --------
        >>> import fastgd
        >>> problem = fastgd.PolynomialFit([1990, 2000, 2010, 2020], [1.0, 2.0, 4.0, 8.0], degree=2)
        >>> scaled = problem.standardized()
        >>> scaled, scaled.x[::3]
        (PolynomialFit(4 samples, degree=2, reduction='mean', standardised), array([-1.,  1.]))
        >>> run = fastgd.descend(scaled, learning_rate=0.5, gradient_tolerance=1e-12)
        >>> run.theta.round(6), scaled.original(run.theta).round(6)
        (array([2.8125, 3.45  , 1.6875]), array([ 2.969185e+04, -2.984500e+01,  7.500000e-03]))
        """
        from fastgd.problems.standardized import standardized

        self._check_unchanged()
        return standardized(self)

    def _weight_bytes(self) -> int:
        """Return what a sample's weight takes, 0 without weights."""
        return 0 if self.sample_weight is None else self.sample_weight.itemsize

    @abstractmethod
    def predict(self, theta: ArrayLike, x: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the model's values."""

    def _theta(self, theta: ArrayLike) -> NDArray[np.float64]:
        array = real_array("theta", theta).astype(np.float64, copy=False)
        if array.ndim == 0 and self.dimension == 1:
            array = array.reshape(1)
        if array.ndim not in (1, 2) or array.shape[-1] != self.dimension:
            P = self.dimension
            raise ValueError(f"theta must have shape ({P},) or (C, {P}), got shape {array.shape}")
        return array
