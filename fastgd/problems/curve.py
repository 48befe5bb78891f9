"""A user's own model fitted to samples."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import Array, FloatArray, real_array
from fastgd.problems.fit import Fit, Options
from fastgd.problems.linear import LinearFit
from fastgd.problems.losses import Loss
from fastgd.problems.users_loss import ResidualLoss
from fastgd.problems.users_model import AT_ONCE, UsersModel, are_few, checked_function, no_start
from fastgd.sources.arrays import checked_samples, kernel_view
from fastgd.sources.given import given
from fastgd.sources.pieces import Piece, runs_of
from fastgd.text import listed, printable

if TYPE_CHECKING:
    from fastgd.kernels.problems.curve import CurveData
    from fastgd.least_squares.spectrum import Spectrum

LOOKS = 4  # points about the start at which a parameter may act
ASIDE = 0.1  # how far they are from it, of a parameter, or of 1 if that is larger
MOST_STEPPED = 30_000  # samples times parameters for which a model is run on complex numbers, 30 microseconds each

USUAL_SECONDS = 2e-9  # of a sample of a decay
CALL_SECONDS = 3e-5  # of a call from Python, one for each of few samples
TIMED = 1000  # samples by which it is measured how long one takes
LONG = 0.01  # seconds, of which calls and other processes are a small part


class _Look(NamedTuple):
    """What was seen of a model at one theta."""

    is_finite: bool  # at some sample
    acts: NDArray[np.bool_]  # (P,), whether a parameter's derivative is not 0 at some sample


class CurveFit(Fit):
    """A user's own model fitted to samples: residual r_i = model(x_i, theta) - y_i.

    The loss is the mean of r_i^2 (no factor one half), or their sum. Samples larger than memory are streamed, as those
    of a `PolynomialFit` are; with chunks `y` is left out, of a table with `to_batches()` it names a column.

    Parameters
    ----------
    model : callable
        A function of one sample and the parameters, as for `scipy.optimize.curve_fit`: `model(x, a, b, c)`, or
        `model(x, theta)` with theta[0], theta[1], ... It returns one float; `math.exp` and `np.exp` serve alike. Plain
        Python that Numba compiles, or jitted; methods, partials and objects with `__call__` too.
    x : array_like (N,) or (N, F)
        The samples: the model gets one number, or a row of F numbers, x[0] to x[F - 1]. float32 is kept as storage,
        other real types become float64; arithmetic is float64. All data must stay as it is: up to 1 MiB is copied, in
        larger arrays a change of the whole is an error at the next use.
    y : array_like (N,)
        The targets.
    start : array_like (P,)
        Where descents start if nothing else is said. It must be given: where a descent begins decides which minimum it
        finds.
    parameters : sequence of str, optional
        Names of the parameters; by default those of the model's signature: a, b and c of `model(x, a, b, c)`, theta0,
        theta1, ... of `model(x, theta)`, p0, p1, ... of `model(x, *p)`.
    loss : {"squared", "absolute"} or a loss such as Huber, LogCosh, ResidualLoss
        What is made of a residual r = prediction - y.
    reduction : {"mean", "sum"}
        How the losses of residuals become one.
    sample_weight : array_like (N,), optional
        Weights >= 0 of the samples, not all 0. A mean is over their sum.
    l2 : float
        Penalty >= 0: this times the sum of squares of all parameters is added to the loss.
    derivative : callable, optional
        A function of the model's arguments that returns its P partial derivatives, a tuple, list or array. Derived from
        the model itself if it is left out.

    Raises
    ------
    ValueError, TypeError
        If the data is empty, not finite, not real, or x and y differ in length; if there is no start, or not as long
        as the model's signature says; if Numba can't compile a function, or it returns what is no number; if the model
        is finite at no sample, or a parameter acts on none: its derivative is 0 at every sample at the start and at
        points about it.

    Warns
    -----
    RuntimeWarning
        If a parameter acts on no sample at the start itself: a descent can't move it from there until others move.

    Notes
    -----
    What the model raises at a sample counts as a value that is not finite. A model without branches that depend on the
    sample, or with few, is taken some samples at a time in vector registers; exp, log, sin and their kin are fastgd's
    own then, right to 2.3 units in the last place. One with `while` loops runs sample by sample. Data and globals that
    it reads are those of construction.

    Examples
    --------
    >>> import fastgd, math
    >>> def decay(x, a, b):
    ...     return a * math.exp(-b * x)
    >>> problem = fastgd.CurveFit(decay, [0.0, 1.0, 2.0], [4.0, 2.0, 1.0], start=[3.0, 1.0])
    >>> run = fastgd.descend(problem, learning_rate=0.1, max_steps=2000, bounds={"b": (0.0, None)})
    >>> problem.parameters, run.theta.round(6)
    (('a', 'b'), array([4.      , 0.693147]))
    """

    data_name = "x"

    def __init__(
        self,
        model: Callable[..., Any],
        x: ArrayLike,
        y: ArrayLike | str | None = None,
        *,
        start: ArrayLike | None = None,
        parameters: Sequence[str] | None = None,
        loss: str | Loss = "squared",
        reduction: str = "mean",
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
        derivative: Callable[..., Any] | None = None,
    ) -> None:
        model = checked_function("model", model)
        if derivative is not None:
            derivative = checked_function("derivative", derivative)
        samples = given("x", x, y, sample_weight, in_rows=None, owner=type(self).__name__, takes_domain=False)
        if start is None:
            raise TypeError(no_start(model))
        begin = real_array("start", start)
        features = samples.columns
        self.model = UsersModel(model, derivative, features, begin.size, is_number=begin.ndim == 0)
        options = Options(loss, reduction, sample_weight, l2, parameters, start)
        super().__init__(samples, self.model.names, options)
        self.curve = self.model if features in (None, 1) else None
        self._check_start()
        self.seconds_per_sample = self._measured()

    def _model_identity(self) -> dict[str, Any]:
        return self.model.identity()

    def __repr__(self) -> str:
        return self._described(f"{printable(self.model.name)}({listed(self.parameters)})")

    @property
    def x(self) -> Any:
        """The samples (N,) or (N, F); of samples that are streamed what was given."""
        return self._features

    @property
    def unit(self) -> int:
        """How many samples lie together as kernels see them."""
        from fastgd.kernels.problems.curve import BLOCK_LENGTH

        return BLOCK_LENGTH

    def data_of(self, piece: Piece) -> CurveData:
        """Return what the kernels get of some samples."""
        from fastgd.kernels.problems.curve import BLOCK_LENGTH, VECTOR, CurveData

        x, y, weights = piece
        by_lanes = are_few(self.source.counting)
        mark = self.residual_loss.mark()
        columns = x.reshape(len(y), self.model.features or 1).T
        if by_lanes:
            columns = columns.astype(np.float64, copy=False)
        if self.source.counting <= BLOCK_LENGTH or len(columns) > 1:  # else the user's own array
            columns = np.pad(columns, ((0, 0), (0, -len(y) % VECTOR)), mode="edge")
        flat = kernel_view(np.ascontiguousarray(columns).reshape(-1))
        shares = () if weights is None else weights
        F, stride = columns.shape
        return CurveData(flat, y, F, stride, BLOCK_LENGTH, self.model.address(by_lanes=by_lanes), mark, shares)

    def _check_start(self) -> None:
        """Raise ValueError if the model is finite at no sample, or some parameter acts on none."""
        random = np.random.default_rng(0)
        steps = ASIDE * np.maximum(np.abs(self.start), 1.0)
        first = self._look(self.start)
        if not first.is_finite:
            why = self.model.trouble(self.start, self._first(1)[0])
            raise ValueError(f"start must be where the model is finite, got {self.start}: it is at no sample{why}")
        acts = first.acts
        for _ in range(LOOKS):
            if acts.all():
                break
            acts = acts | self._look(self.start + steps * random.uniform(-1.0, 1.0, self.dimension)).acts
        if not acts.all():
            never = self._names_where(~acts)
            raise ValueError(
                f"model must change with each parameter, got derivatives by {never} that are 0 at every sample, at "
                "start and about it"
            )
        if not first.acts.all():
            still = self._names_where(~first.acts)
            warnings.warn(
                f"at start the model changes with {still} at no sample: a descent can't move that before others move",
                RuntimeWarning,
                stacklevel=4,
            )

    def _measured(self) -> float:
        """Return how long a sample takes, which changes no bit of a result; less what a call from Python does."""
        some = self._first(TIMED)
        calls = len(some) if are_few(len(some)) else 1
        fastest = np.inf
        for _ in range(3):
            begin = time.perf_counter()
            self.model.at(self.start, some)
            fastest = min(fastest, time.perf_counter() - begin - calls * CALL_SECONDS)
            if fastest > LONG:
                break
        return max(USUAL_SECONDS, fastest / len(some))

    def _first(self, count: int) -> FloatArray:
        """Return the features of so many samples, the first of those that count."""
        return next(self.source.pieces(self.unit)).features[:count]

    def _look(self, theta: NDArray[np.float64]) -> _Look:
        """Return what is seen of the model at theta (P,), at no more samples than it takes to see all."""
        acts = np.zeros(self.dimension, dtype=np.bool_)
        is_finite = False
        for some in runs_of(self.source, AT_ONCE):
            value, *partials = self.model.at(theta, some.features)
            is_finite |= bool(np.isfinite(value).any())
            acts |= [bool(own.any()) for own in partials]
            if is_finite and acts.all():
                break
        return _Look(is_finite, acts)

    def _names_where(self, chosen: NDArray[np.bool_]) -> str:
        return listed([self.parameters[k] for k in np.flatnonzero(chosen)])

    def predict(self, theta: ArrayLike, x: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the model's values.

        Parameters
        ----------
        theta : array_like (P,) or (C, P)
        x : array_like (M,), or (M, F) for rows of features, optional
            Where; at the samples by default.

        Returns
        -------
        ndarray (M,) or (C, M)
            NaN where the model raises.
        """
        theta = self._theta(theta)
        if x is None:
            return self._over_samples(lambda features: self.model.values(theta, features))
        return self.model.values(theta, self._at(x))

    def _at(self, x: ArrayLike) -> FloatArray:
        F = self.model.features
        if F is None:
            return checked_samples("x", x, (1,))
        at = checked_samples("x", x, (1, 2))
        at = at.reshape(-1, F) if F == 1 else np.atleast_2d(at)
        if at.shape[1] != F:
            raise ValueError(f"x must have shape (M, {F}), got shape {at.shape}")
        return at

    def jacobian(self, theta: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the model's partial derivatives at the samples.

        Parameters
        ----------
        theta : array_like (P,), optional
            Where; `start` by default.

        Returns
        -------
        ndarray (N, P)
            NaN where the model raises.
        """
        at = self.start if theta is None else self.point("theta", theta)
        return np.ascontiguousarray(self._over_samples(lambda features: self.model.at(at, features)[1:]).T)

    def spectrum(self, theta: ArrayLike | None = None) -> Spectrum:
        """Return the spectrum of the Gauss-Newton curvature at a theta.

        That is the curvature of the loss of the model that is linear about theta: of J' W J, scaled, with the penalty,
        where J (N, P) is `jacobian(theta)` and W are the weights. It leaves out how the model itself curves, which
        counts by the residuals. So `max_learning_rate` and all else is a statement about this theta alone: elsewhere
        the curvature is another, and a descent that passes there may fail at lower rates, or not at higher ones. Of a
        loss that is not squared it is a bound, as that of a `LinearFit`.

        Parameters
        ----------
        theta : array_like (P,), optional
            Where; `start` by default.

        Raises
        ------
        ValueError
            If the model's derivatives are not finite there, the loss has no bounded curvature that is known, or it is
            beyond float64.

        Examples
        --------
        >>> import fastgd
        >>> round(fastgd.examples.decay().spectrum().max_learning_rate, 3)
        0.445
        """
        at = self.start if theta is None else self.point("theta", theta)
        if self.is_streamed:
            return self._linear(_Tangent(self, at)).spectrum_alone()
        self._check_unchanged()
        return self._linear(*self._tangent_at(at, self.counting())).spectrum_alone()

    def _tangent_at(self, theta: Array, samples: Piece) -> Piece:
        """Return samples with the model's derivatives (n, P) as their features."""
        jacobian = self.model.at(theta, samples.features)[1:].T
        if not np.isfinite(jacobian).all():
            raise ValueError(f"theta must be where the model's derivatives are finite, got {theta}")
        return samples._replace(features=jacobian)

    def _linear(self, jacobian: Any, y: FloatArray | None = None, weights: FloatArray | None = None) -> LinearFit:
        """Return the fit of a model that is linear, with these derivatives."""
        return LinearFit(
            jacobian,
            y,
            intercept=False,
            loss=self.residual_loss,
            reduction=self.reduction,
            sample_weight=weights,
            l2=self.l2,
            parameters=self.parameters,
        )

    def _by_complex_step(self, theta: Array, loss: float) -> Array | None:
        """Return the gradient by running the model, and a loss of the user's own, on complex numbers."""
        if self.is_streamed or self.source.counting * self.dimension > MOST_STEPPED:
            return None
        x, y, weights = self.counting()
        values = self.model.at(theta, x)[0]
        jacobian = self.model.by_complex_step(theta, x, values)
        if jacobian is None:
            return None
        if not isinstance(self.residual_loss, ResidualLoss):
            return self._linear(jacobian, y - values + jacobian @ theta, weights).gradient(theta)
        psi = self.residual_loss._by_complex_step(values - y)
        weighted = psi if psi is None or weights is None else weights * psi
        return None if weighted is None else self.scale * weighted @ jacobian + 2.0 * self.l2 * theta


class _Tangent:
    """Chunks of the fit that is linear about a theta: derivatives are computed anew each time that it is read."""

    def __init__(self, fit: CurveFit, theta: Array) -> None:
        self.fit = fit
        self.theta = theta

    def __iter__(self) -> Iterator[tuple[FloatArray, ...]]:
        for some in runs_of(self.fit.source, AT_ONCE):
            yield tuple(self.fit._tangent_at(self.theta, some).arrays())
