"""Fits: a polynomial or a linear model over samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import FloatArray, flag, whole
from fastgd.problems.arrays import column_names, kernel_view, paired, samples
from fastgd.problems.fit import Fit
from fastgd.problems.losses import Loss

if TYPE_CHECKING:
    from fastgd.least_squares.quadratic import Quadratic

LARGEST_DEGREE = 1000


class PolynomialFit(Fit):
    """A polynomial fitted to samples by least squares: residual r_i = sum_k theta_k x_i^k - y_i.

    The loss is the mean of r_i^2 (no factor one half), or their sum.

    Parameters
    ----------
    x, y : array_like (N,)
        The samples. float32 is kept as storage, other real types become float64; arithmetic is float64. They must stay
        as they are: up to 1 MiB is copied, in larger arrays a change of the whole is an error at the next use.
    degree : int
        Degree of the polynomial; P = degree + 1.
    loss : {"squared", "absolute"}, Huber, LogCosh or ResidualLoss
        What is made of a residual r = prediction - y.
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
        self.sample_count, self.free, self.data_name = self.x.size, 0, "x"
        names = tuple(f"c{k}" for k in range(self.degree + 1))
        super().__init__(names, parameters, start, loss, reduction, sample_weight, l2)
        self.bytes_per_sample = 2 * self.x.itemsize + self._weight_bytes()

    def __repr__(self) -> str:
        return self._described(f"degree={self.degree}")

    def _data(self) -> Any:
        from fastgd.kernels.problems.polynomial import BLOCK_LENGTH, MAX_TUPLE, PolynomialData

        zeros = (0.0,) * (self.dimension if self.dimension <= MAX_TUPLE else 0)
        x, y, weights = self._counting(self.x)
        return PolynomialData(
            x, y, zeros, BLOCK_LENGTH, self.residual_loss.kernel(), () if weights is None else weights
        )

    def _take_statistics(self) -> Quadratic:
        from fastgd.least_squares.from_samples import polynomial_quadratic

        x, y, weights = self._counting(self.x)
        return polynomial_quadratic(x, y, self.degree, weights)

    @property
    def _features(self) -> FloatArray:
        return self.x

    @staticmethod
    def _exact_residuals(features: FloatArray, y: FloatArray, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        from fastgd.least_squares.from_samples import polynomial_residuals

        return polynomial_residuals(features, y, theta)

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
        at = self._unchanged_features() if x is None else samples("x", x, (1,))
        values = np.polynomial.polynomial.polyval(at.astype(np.float64, copy=False), self._theta(theta).T)
        return np.asarray(values, dtype=np.float64)


class LinearFit(Fit):
    """A linear model fitted to samples by least squares: residual r_i = sum_j w_j X_ij + b - y_i.

    The loss is the mean of r_i^2 (no factor one half), or their sum. theta = (w_0, ..., w_{F-1}, b), or the weights
    alone.

    Parameters
    ----------
    X : array_like (N, F), or (N,) for one feature
        The features. float32 is kept as storage, other real types become float64; arithmetic is float64. All data must
        stay as it is: up to 1 MiB is copied, in larger arrays a change of the whole is an error at the next use.
    y : array_like (N,)
        The targets.
    intercept : bool
        Whether theta ends with b.
    loss : {"squared", "absolute"}, Huber, LogCosh or ResidualLoss
        What is made of a residual r = prediction - y.
    reduction : {"mean", "sum"}
        How the losses of residuals become one.
    sample_weight : array_like (N,), optional
        Weights >= 0 of the samples, not all 0. A mean is over their sum.
    l2 : float
        Penalty >= 0: this times the sum of squares of all parameters but the constant term is added to the loss.
    parameters : sequence of str, optional
        Names of the parameters; by default those of a data frame's columns, or "w" or "w0", "w1", ..., and then "b".
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
        self.free, self.data_name = F if self.intercept else -1, "X"
        names = names_with_intercept(column_names(X, F) or _weight_names(F), self.intercept)
        super().__init__(names, parameters, start, loss, reduction, sample_weight, l2)
        self.bytes_per_sample = (F + 1) * self.X.itemsize + self._weight_bytes()

    def __repr__(self) -> str:
        F = self.X.shape[1]
        return self._described(f"{F} feature{'s' * (F > 1)}, intercept={self.intercept}")

    def _data(self) -> Any:
        from fastgd.kernels.problems.few_features import MAX_TUPLE_FEATURES, TILE_BLOCKS, TiledData, tiled_block_length
        from fastgd.kernels.problems.many_features import RowData, row_block_length

        F, (X, y, weights) = self.X.shape[1], self._counting(self.X)
        kernels = self.residual_loss.kernel(), () if weights is None else weights
        if F > MAX_TUPLE_FEATURES:
            return RowData(X, y, row_block_length(F), *kernels)
        length = tiled_block_length(F)
        zeros, ones = (0.0,) * self.dimension, (1.0,) * self.intercept
        return TiledData(_tiles(X, TILE_BLOCKS * length), y, zeros, ones, length, *kernels)

    def _take_statistics(self) -> Quadratic:
        from fastgd.least_squares.from_samples import linear_quadratic

        X, y, weights = self._counting(self.X)
        return linear_quadratic(X, y, self.intercept, weights)

    @property
    def _features(self) -> FloatArray:
        return self.X

    @staticmethod
    def _exact_residuals(features: FloatArray, y: FloatArray, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        from fastgd.least_squares.from_samples import linear_residuals

        return linear_residuals(features, y, theta)

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
        at = self._unchanged_features() if x is None else samples("x", x, (1, 2))
        if at.ndim == 1:
            at = at.reshape(-1, F) if F == 1 else at.reshape(1, -1)
        if at.shape[1] != F:
            raise ValueError(f"x must have shape (M, {F}), got shape {at.shape}")
        theta = self._theta(theta)
        values = theta[..., :F] @ at.T.astype(np.float64, copy=False)
        return np.asarray(values + theta[..., F:] if self.intercept else values, dtype=np.float64)


def names_with_intercept(names: Sequence[str], intercept: bool) -> tuple[str, ...]:
    """Return the weights' names and, for an intercept, b or another name that is free."""
    name = "b"
    while name in names:
        name = f"_{name}"
    return (*names, *[name] * intercept)


def _weight_names(features: int) -> tuple[str, ...]:
    return ("w",) if features == 1 else tuple(f"w{j}" for j in range(features))


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
