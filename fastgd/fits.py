"""Fits: a polynomial or a linear model over samples."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import FloatArray, choice, flag, real_array, whole
from fastgd.data import kernel_view, paired, samples
from fastgd.once import Once
from fastgd.problems import Problem

if TYPE_CHECKING:
    from fastgd.quadratic import Minimum, Quadratic
    from fastgd.spectrum import Spectrum

REDUCTIONS = ("mean", "sum")
LARGEST_DEGREE = 1000


class Fit(Problem):
    """A model fitted to samples by least squares.

    Attributes
    ----------
    y : ndarray (N,)
    reduction : {"mean", "sum"}
        How squared residuals become the loss.
    """

    y: FloatArray
    reduction: str

    def __init__(self, names: tuple[str, ...], parameters: Sequence[str] | None, start: ArrayLike | None) -> None:
        super().__init__(names, parameters, start)
        self._quadratic = Once(self._take_statistics)

    @abstractmethod
    def _take_statistics(self) -> Quadratic:
        """Return the statistics of the samples."""

    def quadratic(self) -> Quadratic:
        """Return the exact statistics of the samples, taken at first use in a few passes over them.

        Raises
        ------
        ValueError
            If they are beyond float64.
        """
        quadratic: Quadratic = self._quadratic()
        return quadratic

    @property
    def has_statistics(self) -> bool:
        """Whether `quadratic` has been taken."""
        return self._quadratic.value is not None

    def minimum(self) -> Minimum:
        """Return the least loss, where it is reached, and the rank of the data.

        Returns
        -------
        Minimum
            theta (P,), loss, rank; below full rank theta is the minimum of least norm.

        Examples
        --------
        >>> import fastgd
        >>> theta, loss, rank = fastgd.examples.pizza().minimum()
        >>> theta.round(10), round(loss, 10), rank
        (array([ 1.081111..., 13.172581...]), 22.842736..., 2)
        """
        return self.quadratic().minimum(self.scale)

    def spectrum(self) -> Spectrum:
        """Return the curvature of the loss: eigenvalues, the stability limit, the best fixed rate, the slowest mode.

        Examples
        --------
        >>> import fastgd
        >>> spectrum = fastgd.examples.pizza().spectrum()
        >>> round(spectrum.max_learning_rate, 8), round(spectrum.condition_number, 1)
        (0.0045551, 825.9)
        """
        from fastgd.spectrum import Spectrum

        return Spectrum.of(self.quadratic(), self.scale, self.parameters)

    @property
    def scale(self) -> float:
        """The factor from the sum over samples to the loss."""
        return 1.0 / self.sample_count if self.reduction == "mean" else 1.0

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
    reduction : {"mean", "sum"}
        How squared residuals become the loss.
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
        reduction: str = "mean",
        parameters: Sequence[str] | None = None,
        start: ArrayLike | None = None,
    ) -> None:
        self.x, self.y = paired("x", x, y, (1,))
        self.degree = whole("degree", degree, minimum=0, maximum=LARGEST_DEGREE)
        self.reduction = choice("reduction", reduction, REDUCTIONS)
        self.sample_count = self.x.size
        self.bytes_per_sample, self.dtype = 2 * self.x.itemsize, self.x.dtype
        super().__init__(tuple(f"c{k}" for k in range(self.degree + 1)), parameters, start)

    def __repr__(self) -> str:
        N = self.sample_count
        return f"PolynomialFit({N:,} sample{'s' * (N > 1)}, degree={self.degree}, reduction={self.reduction!r})"

    def _prepare(self) -> Any:
        from fastgd.kernels.losses import Squared
        from fastgd.kernels.polynomial import BLOCK_LENGTH, MAX_TUPLE, PolynomialSamples

        zeros = (0.0,) * (self.dimension if self.dimension <= MAX_TUPLE else 0)
        return PolynomialSamples(self.x, self.y, zeros, self.scale, BLOCK_LENGTH, Squared())

    def _take_statistics(self) -> Quadratic:
        from fastgd.statistics import polynomial_quadratic

        return polynomial_quadratic(self.x, self.y, self.degree)

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
    reduction : {"mean", "sum"}
        How squared residuals become the loss.
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
        reduction: str = "mean",
        parameters: Sequence[str] | None = None,
        start: ArrayLike | None = None,
    ) -> None:
        features, self.y = paired("X", X, y, (1, 2))
        self.X = features.reshape(len(features), -1)
        self.intercept = flag("intercept", intercept)
        self.reduction = choice("reduction", reduction, REDUCTIONS)
        self.sample_count, F = self.X.shape
        self.bytes_per_sample, self.dtype = (F + 1) * self.X.itemsize, self.X.dtype
        weights = ("w",) if F == 1 else tuple(f"w{j}" for j in range(F))
        super().__init__(weights + ("b",) * self.intercept, parameters, start)

    def __repr__(self) -> str:
        N, F = self.X.shape
        return (
            f"LinearFit({N:,} sample{'s' * (N > 1)}, {F} feature{'s' * (F > 1)}, intercept={self.intercept}, "
            f"reduction={self.reduction!r})"
        )

    def _prepare(self) -> Any:
        from fastgd.kernels.linear import MAX_TUPLE_FEATURES, RowSamples, TiledSamples, row_block_length, tile_length
        from fastgd.kernels.losses import Squared

        F = self.X.shape[1]
        if F > MAX_TUPLE_FEATURES:
            return RowSamples(self.X, self.y, self.scale, row_block_length(F), Squared())
        length = tile_length(F)
        zeros, ones = (0.0,) * self.dimension, (1.0,) * self.intercept
        return TiledSamples(_tiles(self.X, length), self.y, zeros, ones, self.scale, length, Squared())

    def _take_statistics(self) -> Quadratic:
        from fastgd.statistics import linear_quadratic

        return linear_quadratic(self.X, self.y, self.intercept)

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
