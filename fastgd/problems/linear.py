"""A linear model fitted to samples: its features' weights and an intercept."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import Array, FloatArray, flag
from fastgd.problems.coordinates import Feature, columns_of, linear_in, of_deviation
from fastgd.problems.fit import Options
from fastgd.problems.linear_model import QR_PASSES, LinearModel, Standardized, StatisticsWork
from fastgd.problems.losses import Loss
from fastgd.sources.arrays import checked_samples, kernel_view
from fastgd.sources.given import given
from fastgd.sources.pieces import Piece

if TYPE_CHECKING:
    from fastgd.kernels.problems.few_features import PanelData
    from fastgd.kernels.problems.many_features import RowData
    from fastgd.least_squares.quadratic import Quadratic


class LinearFit(LinearModel):
    """A linear model fitted to samples by least squares: residual r_i = sum_j w_j X_ij + b - y_i.

    The loss is the mean of r_i^2 (no factor one half), or their sum. theta = (w_0, ..., w_{F-1}, b), or the weights
    alone.

    Samples larger than memory are streamed, read piece by piece at every pass, to the bits that they give in memory.
    They are memory maps, arrays of zarr, h5py and dask, or whatever has `shape`, `dtype` and slices; or, as `X` alone,
    chunks (X, y) or (X, y, weight) that can be gone through again; or a table with `to_batches()`, as Arrow's tables
    and datasets are, where `y` and `sample_weight` name its columns and all others are features. Up to 128 MiB are
    read into memory instead.

    Parameters
    ----------
    X : array_like (N, F), or (N,) for one feature
        The features. float32 is kept as storage, other real types become float64; arithmetic is float64. All data must
        stay as it is: up to 1 MiB is copied, in larger arrays a change of the whole is an error at the next use.
    y : array_like (N,)
        The targets.
    intercept : bool
        Whether theta ends with b.
    loss : {"squared", "absolute"} or a loss such as Huber, LogCosh, ResidualLoss
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
    domain : (low, high), optional
        Where the features lie, for `X` an iterator of chunks, which can be gone through only once: it is read at
        once, and its statistics, which tell the squared loss, are kept alone.

    Raises
    ------
    ValueError, TypeError
        If the data is empty, not finite, not real, or X and y differ in length; of chunks the sentence has the number.

    Examples
    --------
    >>> import fastgd
    >>> problem = fastgd.LinearFit([[1, 0], [0, 1], [1, 1]], [1, 2, 4])
    >>> problem.parameters, problem.loss([1, 2, 0])
    (('w0', 'w1', 'b'), 0.3333333333333333)
    """

    data_name = "X"

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike | str | None = None,
        *,
        intercept: bool = True,
        loss: str | Loss = "squared",
        reduction: str = "mean",
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
        parameters: Sequence[str] | None = None,
        start: ArrayLike | None = None,
        domain: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> None:
        owner = type(self).__name__
        samples = given("X", X, y, sample_weight, in_rows=True, owner=owner, domain=domain)
        self.intercept = flag("intercept", intercept)
        self.feature_count = F = samples.columns or 1
        self.free = F if self.intercept else -1
        self.powers = (1, 0)[: 1 + self.intercept] if F == 1 else None
        weight_names = ("w",) if F == 1 else tuple(f"w{j}" for j in range(F))
        names = names_with_intercept(samples.names or weight_names, self.intercept)
        super().__init__(samples, names, Options(loss, reduction, sample_weight, l2, parameters, start))

    def _model_identity(self) -> dict[str, Any]:
        return {"features": self.feature_count, "intercept": self.intercept}

    def __repr__(self) -> str:
        F = self.feature_count
        return self._described(f"{F} feature{'s' * (F > 1)}, intercept={self.intercept}")

    @property
    def X(self) -> Any:
        """The features (N, F); of samples that are streamed what was given."""
        return self._features

    @property
    def unit(self) -> int:
        """How many samples lie together as kernels see them."""
        from fastgd.kernels.problems.few_features import MAX_TUPLE_FEATURES, PANEL_BLOCKS, panel_block_length
        from fastgd.kernels.problems.many_features import row_block_length

        F = self.feature_count
        return int(row_block_length(F) if F > MAX_TUPLE_FEATURES else PANEL_BLOCKS * panel_block_length(F))

    def data_of(self, piece: Piece) -> PanelData | RowData:
        """Return what the kernels get of some samples."""
        from fastgd.kernels.problems.few_features import MAX_TUPLE_FEATURES, PANEL_BLOCKS, PanelData, panel_block_length
        from fastgd.kernels.problems.many_features import RowData, row_block_length

        F = self.feature_count
        X, y, weights = piece
        mark = self.residual_loss.mark()
        shares = () if weights is None else weights
        if F > MAX_TUPLE_FEATURES:
            return RowData(X, y, row_block_length(F), mark, shares)
        length = panel_block_length(F)
        zeros = (0.0,) * self.dimension
        ones = (1.0,) * self.intercept
        return PanelData(_panels(X, PANEL_BLOCKS * length), y, zeros, ones, length, mark, shares)

    def _take_statistics(self) -> Quadratic:
        from fastgd.least_squares.from_samples import quadratic_of_linear

        return quadratic_of_linear(self.source, self.intercept)

    @property
    def statistics_work(self) -> StatisticsWork:
        """What taking the statistics comes to."""
        P = self.dimension
        passes = P * (QR_PASSES if self.source.is_weighted else 1)
        return StatisticsWork(passes, self.sample_count < P, P**3, closed_basis=False)

    @staticmethod
    def _exact_residuals(features: FloatArray, y: FloatArray, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        from fastgd.least_squares.features import linear_residuals

        return linear_residuals(features, y, theta)

    def standardized(self) -> StandardizedLinearFit:
        """Return the same problem with features of deviation 1: there gradient descent takes few steps.

        With an intercept they get mean 0, too; a constant feature keeps its scale. Deviations are the population's, and
        weighted; samples of weight 0 do not count. The returned fit's `standard(theta)` takes parameters, (P,) or
        (C, P), to its coordinates and `original(theta)` brings them back; its loss at `standard(theta)` is this one's
        at theta.

        Raises
        ------
        ValueError
            If `l2` is not 0: a penalty is on the parameters, and would be another one there. To penalise standardised
            parameters, as is usual, give `l2` to a fit of the standardised features.

        Examples
        --------
        >>> import fastgd
        >>> scaled = fastgd.LinearFit([1.0, 3.0], [10.0, 20.0]).standardized()
        >>> run = fastgd.descend(scaled, learning_rate=0.5, gradient_tolerance=1e-12)
        >>> run.theta, scaled.original(run.theta)
        (array([ 5., 15.]), array([5., 5.]))
        """
        self._check_unchanged()
        return StandardizedLinearFit(self)

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
        F = self.feature_count
        theta = self._theta(theta)

        def values(at: FloatArray) -> NDArray[np.float64]:
            of_weights = theta[..., :F] @ at.T.astype(np.float64, copy=False)
            return np.asarray(of_weights + theta[..., F:] if self.intercept else of_weights, dtype=np.float64)

        if x is None:
            return self._over_samples(values)
        at = checked_samples("x", x, (1, 2))
        if at.ndim == 1:
            at = at.reshape(-1, F) if F == 1 else at.reshape(1, -1)
        if at.shape[1] != F:
            raise ValueError(f"x must have shape (M, {F}), got shape {at.shape}")
        return values(at)


class StandardizedLinearFit(Standardized, LinearFit):
    """A linear model of features of deviation 1 and, if there is an intercept, mean 0."""

    def __init__(self, problem: LinearFit) -> None:
        self.features = of_deviation(problem.source, centered=problem.intercept)
        samples = self._samples(problem, partial(columns_of, self.features))
        super().__init__(**samples, intercept=problem.intercept, **self._kept(problem))

    def _in(self, features: tuple[Feature, ...], theta: Array) -> Array:
        return linear_in(features, theta)


def names_with_intercept(names: Sequence[str], intercept: bool) -> tuple[str, ...]:
    """Return the weights' names and, for an intercept, b or another name that is free."""
    name = "b"
    while name in names:
        name = f"_{name}"
    return (*names, *[name] * intercept)


def _panels(X: FloatArray, length: int) -> FloatArray:
    """Return X (N, F) as panels (F, length), one behind the other in a flat array, the last one shorter."""
    N, F = X.shape
    if F == 1:
        return X.reshape(N)
    whole = N // length * length
    panels = np.empty(N * F, dtype=X.dtype)
    panels[: whole * F] = X[:whole].reshape(-1, length, F).transpose(0, 2, 1).reshape(-1)
    panels[whole * F :] = X[whole:].T.reshape(-1)
    return kernel_view(panels)
