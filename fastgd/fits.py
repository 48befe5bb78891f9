"""Fits: a polynomial or a linear model over samples."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import FloatArray, choice, flag, number_between, real_array, whole
from fastgd.data import checked_weights, kernel_view, paired, samples
from fastgd.losses import Loss, Squared, checked_loss, name_of
from fastgd.once import Once
from fastgd.problems import Problem

if TYPE_CHECKING:
    from fastgd.quadratic import Minimum, Quadratic
    from fastgd.spectrum import Spectrum

REDUCTIONS = ("mean", "sum")
LARGEST_DEGREE = 1000


class Fit(Problem):
    """A model fitted to samples: the loss of its residuals r_i, reduced, plus a penalty.

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
        self._asked_for_statistics = False

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
        from fastgd.kernels.blocks import blocks_needed, laid_out

        data = self._data()
        return laid_out(data, blocks_needed(self.sample_count, data.block_length), self.scale, self.l2, self.free)

    @abstractmethod
    def _take_statistics(self) -> Quadratic:
        """Return the statistics of the weighted samples."""

    def _with_penalty(self, scale: float | None = None) -> Quadratic:
        """Return the quadratic that `scale`, the loss' own by default, makes the squared loss with its penalty."""
        quadratic: Quadratic = self._statistics()
        if self.l2 == 0.0:
            return quadratic
        weights = np.full(self.dimension, self.l2 / (scale or self.scale))
        if self.free >= 0:
            weights[self.free] = 0.0
        try:
            if np.isfinite(weights).all():
                return quadratic.penalized(weights)
        except OverflowError:
            pass
        raise ValueError(f"l2 must be smaller, got {self.l2!r}: with these samples its statistics are beyond float64")

    def quadratic(self) -> Quadratic:
        """Return what describes the squared loss exactly: the statistics of the samples, with weights and penalty.

        They are taken at first use, in a few passes over the samples. The loss is their S times `scale`.

        Raises
        ------
        ValueError
            If they are beyond float64.
        """
        self._asked_for_statistics = True
        quadratic: Quadratic = self._quadratic()
        return quadratic

    @property
    def is_squared(self) -> bool:
        """Whether the loss is squared, so that `quadratic` describes it fully."""
        return isinstance(self.residual_loss, Squared)

    @property
    def has_statistics(self) -> bool:
        """Whether the statistics have been taken because they were asked for."""
        return self._asked_for_statistics and self._statistics.value is not None

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
        return self.quadratic().minimum(self.scale)

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
        self._asked_for_statistics = True
        return self.spectrum_in_passing()

    def spectrum_in_passing(self) -> Spectrum:
        """Return `spectrum` for a report, without counting its statistics as there.

        Whether a report has it depends on how long a sweep took; which engine runs the next sweep must not.
        """
        from fastgd.spectrum import Spectrum

        curvature = self.residual_loss.curvature
        if curvature is None:
            loss = name_of(self.residual_loss)
            raise ValueError(f"loss must be 'squared', Huber or LogCosh for spectrum(), got {loss}")
        if self.is_squared:
            return Spectrum.of(self._quadratic(), self.scale, self.parameters)
        scale = self.scale * curvature / 2.0
        return Spectrum.of(self._with_penalty(scale), scale, self.parameters, is_bound=True)

    def _residual_kernels(self) -> tuple[Any, Any]:
        """Return the loss and the weights as a block function takes them."""
        return self.residual_loss.kernel(), () if self.sample_weight is None else self.sample_weight

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


class PolynomialFit(Fit):
    """A polynomial fitted to samples by least squares: residual r_i = sum_k theta_k x_i^k - y_i.

    The loss is the mean of r_i^2 (no factor one half), or their sum.

    Parameters
    ----------
    x, y : array_like (N,)
        The samples. float32 is kept as storage, other real types become float64; arithmetic is float64.
    degree : int
        Degree of the polynomial; P = degree + 1.
    loss : {"squared", "absolute"}, Huber, LogCosh or ResidualLoss
        What is made of a residual.
    reduction : {"mean", "sum"}
        How the losses of residuals become one.
    sample_weight : array_like (N,), optional
        Weights >= 0 of the samples, not all 0. A mean is over their sum.
    l2 : float
        Penalty >= 0: this times the sum of squares of all parameters but the constant term is added to the loss.
    parameters : sequence of str, optional
        Names of the coefficients, lowest power first; "c0", "c1", ... by default.
    start : array_like (P,), optional
        The usual start; zeros by default.

    Raises
    ------
    ValueError, TypeError
        If the data is empty, not finite, not real, or x and y differ in length.

    Examples
    --------
    >>> import fastgd
    >>> problem = fastgd.PolynomialFit([0, 1, 2, 3], [1, 2, 5, 10], degree=2)
    >>> problem
    PolynomialFit(4 samples, degree=2, reduction='mean')
    >>> problem.loss([1, 0, 1]), problem.predict([1, 0, 1], [4])
    (0.0, array([17.]))
    """

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        degree: int,
        *,
        loss: str | Loss = "squared",
        reduction: str = "mean",
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
        parameters: Sequence[str] | None = None,
        start: ArrayLike | None = None,
    ) -> None:
        self.x, self.y = paired("x", x, y, (1,))
        self.degree = whole("degree", degree, minimum=0, maximum=LARGEST_DEGREE)
        self.sample_count, self.free = self.x.size, 0
        names = tuple(f"c{k}" for k in range(self.degree + 1))
        super().__init__(names, parameters, start, loss, reduction, sample_weight, l2)
        self.bytes_per_sample = (2 + (self.sample_weight is not None)) * self.x.itemsize

    def __repr__(self) -> str:
        return self._described(f"degree={self.degree}")

    def _data(self) -> Any:
        from fastgd.kernels.polynomial import BLOCK_LENGTH, MAX_TUPLE, PolynomialData

        zeros = (0.0,) * (self.dimension if self.dimension <= MAX_TUPLE else 0)
        return PolynomialData(self.x, self.y, zeros, BLOCK_LENGTH, *self._residual_kernels())

    def _take_statistics(self) -> Quadratic:
        from fastgd.statistics import polynomial_quadratic

        return polynomial_quadratic(self.x, self.y, self.degree, self.sample_weight)

    @np.errstate(over="ignore", invalid="ignore")  # an overflow is no error, as in the loss
    def predict(self, theta: ArrayLike, x: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the polynomial's values.

        Parameters
        ----------
        theta : array_like (P,) or (C, P)
        x : array_like (M,), optional
            Where; at the samples by default.

        Returns
        -------
        ndarray (M,) or (C, M)
        """
        at = self.x if x is None else samples("x", x, (1,))
        values = np.polynomial.polynomial.polyval(at.astype(np.float64, copy=False), self._theta(theta).T)
        return np.asarray(values, dtype=np.float64)


class LinearFit(Fit):
    """A linear model fitted to samples by least squares: residual r_i = sum_j w_j X_ij + b - y_i.

    The loss is the mean of r_i^2 (no factor one half), or their sum. theta = (w_0, ..., w_{F-1}, b), or the weights
    alone.

    Parameters
    ----------
    X : array_like (N, F), or (N,) for one feature
        The features. float32 is kept as storage, other real types become float64; arithmetic is float64.
    y : array_like (N,)
        The targets.
    intercept : bool
        Whether theta ends with b.
    loss : {"squared", "absolute"}, Huber, LogCosh or ResidualLoss
        What is made of a residual.
    reduction : {"mean", "sum"}
        How the losses of residuals become one.
    sample_weight : array_like (N,), optional
        Weights >= 0 of the samples, not all 0. A mean is over their sum.
    l2 : float
        Penalty >= 0: this times the sum of squares of all parameters but the constant term is added to the loss.
    parameters : sequence of str, optional
        Names of the parameters; "w" or "w0", "w1", ..., and "b" by default.
    start : array_like (P,), optional
        The usual start; zeros by default.

    Raises
    ------
    ValueError, TypeError
        If the data is empty, not finite, not real, or X and y differ in length.

    Examples
    --------
    >>> import fastgd
    >>> problem = fastgd.LinearFit([[1, 0], [0, 1], [1, 1]], [1, 2, 4])
    >>> problem.parameters, problem.loss([1, 2, 0])
    (('w0', 'w1', 'b'), 0.3333333333333333)
    """

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        intercept: bool = True,
        loss: str | Loss = "squared",
        reduction: str = "mean",
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
        parameters: Sequence[str] | None = None,
        start: ArrayLike | None = None,
    ) -> None:
        features, self.y = paired("X", X, y, (1, 2))
        self.X = features.reshape(len(features), -1)
        self.intercept = flag("intercept", intercept)
        self.sample_count, F = self.X.shape
        self.free = F if self.intercept else -1
        names = (("w",) if F == 1 else tuple(f"w{j}" for j in range(F))) + ("b",) * self.intercept
        super().__init__(names, parameters, start, loss, reduction, sample_weight, l2)
        self.bytes_per_sample = (F + 1 + (self.sample_weight is not None)) * self.X.itemsize

    def __repr__(self) -> str:
        F = self.X.shape[1]
        return self._described(f"{F} feature{'s' * (F > 1)}, intercept={self.intercept}")

    def _data(self) -> Any:
        from fastgd.kernels.linear import MAX_TUPLE_FEATURES, RowData, TiledData, row_block_length, tile_length

        F = self.X.shape[1]
        if F > MAX_TUPLE_FEATURES:
            return RowData(self.X, self.y, row_block_length(F), *self._residual_kernels())
        length = tile_length(F)
        zeros, ones = (0.0,) * self.dimension, (1.0,) * self.intercept
        return TiledData(_tiles(self.X, length), self.y, zeros, ones, length, *self._residual_kernels())

    def _take_statistics(self) -> Quadratic:
        from fastgd.statistics import linear_quadratic

        return linear_quadratic(self.X, self.y, self.intercept, self.sample_weight)

    @np.errstate(over="ignore", invalid="ignore")  # an overflow is no error, as in the loss
    def predict(self, theta: ArrayLike, x: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the model's values.

        Parameters
        ----------
        theta : array_like (P,) or (C, P)
        x : array_like (M, F), or (M,) for one feature, optional
            Where; at the samples by default.

        Returns
        -------
        ndarray (M,) or (C, M)
        """
        F = self.X.shape[1]
        at = self.X if x is None else samples("x", x, (1, 2))
        if at.ndim == 1:
            at = at.reshape(-1, F) if F == 1 else at.reshape(1, -1)
        if at.shape[1] != F:
            raise ValueError(f"x must have shape (M, {F}), got shape {at.shape}")
        theta = self._theta(theta)
        values = theta[..., :F] @ at.T.astype(np.float64, copy=False)
        return np.asarray(values + theta[..., F:] if self.intercept else values, dtype=np.float64)


def _tiles(X: FloatArray, length: int) -> FloatArray:
    """Return X (N, F) as tiles (F, length), one behind the other in a flat array, the last one shorter."""
    N, F = X.shape
    if F == 1:
        return X.reshape(N)
    whole_tiles = N // length * length
    tiles = np.empty(N * F, dtype=X.dtype)
    tiles[: whole_tiles * F] = X[:whole_tiles].reshape(-1, length, F).transpose(0, 2, 1).reshape(-1)
    tiles[whole_tiles * F :] = X[whole_tiles:].T.reshape(-1)
    return kernel_view(tiles)
