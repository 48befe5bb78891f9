"""A polynomial fitted to samples."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import Array, FloatArray, whole
from fastgd.problems.coordinates import Feature, ends_of, interval_of, polynomial_in
from fastgd.problems.fit import Options
from fastgd.problems.linear_model import QR_PASSES, LinearModel, Standardized, StatisticsWork
from fastgd.problems.losses import Loss
from fastgd.sources.arrays import checked_samples
from fastgd.sources.given import given
from fastgd.sources.pieces import Piece

if TYPE_CHECKING:
    from fastgd.kernels.problems.polynomial import PolynomialData
    from fastgd.least_squares.quadratic import Quadratic

LARGEST_DEGREE = 1000
CHEBYSHEV_PASSES = 3  # that the statistics take


class PolynomialFit(LinearModel):
    """A polynomial fitted to samples by least squares: residual r_i = sum_k theta_k x_i^k - y_i.

    The loss is the mean of r_i^2 (no factor one half), or their sum.

    Samples larger than memory are streamed, read piece by piece at every pass, to the bits that they give in memory.
    They are memory maps, arrays of zarr, h5py and dask, or whatever has `shape`, `dtype` and slices; or, as `x` alone,
    chunks (x, y) or (x, y, weight) that can be gone through again; or a table with `to_batches()`, as Arrow's tables
    and datasets are, where `y` and `sample_weight` name its columns. Up to 128 MiB are read into memory instead.

    Parameters
    ----------
    x, y : array_like (N,)
        The samples. float32 is kept as storage, other real types become float64; arithmetic is float64. They must stay
        as they are: up to 1 MiB is copied, in larger arrays a change of the whole is an error at the next use.
    degree : int
        Degree of the polynomial; P = degree + 1.
    loss : {"squared", "absolute"} or a loss such as Huber, LogCosh, ResidualLoss
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
    domain : (low, high), optional
        Where the features lie, for `x` an iterator of chunks, which can be gone through only once: it is read at
        once, and its statistics, which tell the squared loss, are kept alone.

    Raises
    ------
    ValueError, TypeError
        If the data is empty, not finite, not real, or x and y differ in length; of chunks the sentence has the number.

    Examples
    --------
    >>> import fastgd
    >>> problem = fastgd.PolynomialFit([0, 1, 2, 3], [1, 2, 5, 10], degree=2)
    >>> problem
    PolynomialFit(4 samples, degree=2, reduction='mean')
    >>> problem.loss([1, 0, 1]), problem.predict([1, 0, 1], [4])
    (0.0, array([17.]))
    >>> chunks = [([0, 1, 2], [1, 2, 5]), ([3], [10])]
    >>> fastgd.PolynomialFit(chunks, degree=2).loss([1, 0, 1])
    0.0
    """

    data_name = "x"
    free = 0

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike | str | None = None,
        degree: int | None = None,
        *,
        loss: str | Loss = "squared",
        reduction: str = "mean",
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
        parameters: Sequence[str] | None = None,
        start: ArrayLike | None = None,
        domain: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> None:
        owner = type(self).__name__
        samples = given("x", x, y, sample_weight, in_rows=False, owner=owner, domain=domain)
        self.degree = whole("degree", degree, minimum=0, maximum=LARGEST_DEGREE)
        self.powers = tuple(range(self.degree + 1))
        names = tuple(f"c{k}" for k in self.powers)
        super().__init__(samples, names, Options(loss, reduction, sample_weight, l2, parameters, start))

    def _model_identity(self) -> dict[str, Any]:
        return {"degree": self.degree}

    def __repr__(self) -> str:
        return self._described(f"degree={self.degree}")

    @property
    def x(self) -> Any:
        """Where the samples are (N,); of samples that are streamed what was given."""
        return self._features

    @property
    def unit(self) -> int:
        """How many samples lie together as kernels see them."""
        from fastgd.kernels.problems.polynomial import BLOCK_LENGTH

        return BLOCK_LENGTH

    def data_of(self, piece: Piece) -> PolynomialData:
        """Return what the kernels get of some samples."""
        from fastgd.kernels.problems.polynomial import BLOCK_LENGTH, MAX_TUPLE, PolynomialData

        zeros = (0.0,) * (self.dimension if self.dimension <= MAX_TUPLE else 0)
        x, y, weights = piece
        mark = self.residual_loss.mark()
        return PolynomialData(x, y, zeros, BLOCK_LENGTH, mark, () if weights is None else weights)

    def _take_statistics(self) -> Quadratic:
        from fastgd.least_squares.from_samples import quadratic_of_polynomial

        return quadratic_of_polynomial(self.source, self.degree)

    @property
    def statistics_work(self) -> StatisticsWork:
        """What taking the statistics comes to."""
        P = self.dimension
        passes = CHEBYSHEV_PASSES if not self.source.is_weighted else P * QR_PASSES
        return StatisticsWork(passes, True, min(P, self.sample_count) ** 2 * P, closed_basis=True)

    @staticmethod
    def _exact_residuals(features: FloatArray, y: FloatArray, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        from fastgd.least_squares.polynomials import polynomial_residuals

        return polynomial_residuals(features, y, theta)

    def standardized(self) -> StandardizedPolynomialFit:
        """Return the same problem in a coordinate in which x spans [-1, 1]: there gradient descent takes few steps.

        Samples of weight 0 do not count. The returned fit's `standard(theta)` takes coefficients, (P,) or (C, P), to
        its coordinate and `original(theta)` brings them back; its loss at `standard(theta)` is this one's at theta.

        Raises
        ------
        ValueError
            If `l2` is not 0: a penalty is on the coefficients, and would be another one there. To penalise the others,
            give `l2` to a fit of the standardised x.

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
        self._check_unchanged()
        return StandardizedPolynomialFit(self)

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
        coefficients = self._theta(theta).T

        def values(at: FloatArray) -> NDArray[np.float64]:
            of_all = np.polynomial.polynomial.polyval(at.astype(np.float64, copy=False), coefficients)
            return np.asarray(of_all, dtype=np.float64)

        return self._over_samples(values) if x is None else values(checked_samples("x", x, (1,)))


class StandardizedPolynomialFit(Standardized, PolynomialFit):
    """A polynomial in u, its samples' x mapped to [-1, 1]."""

    def __init__(self, problem: PolynomialFit) -> None:
        (low,), (high,) = ends_of(problem.source)
        feature = Feature.of_range(low, high)
        self.features = (feature,)
        samples = self._samples(problem, partial(interval_of, feature, low, high))
        super().__init__(**samples, degree=problem.degree, **self._kept(problem))

    def _in(self, features: tuple[Feature, ...], theta: Array) -> Array:
        return polynomial_in(features[0], theta)
