"""A user's own model fitted to samples."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastgd.check import Array, FloatArray, real_array
from fastgd.problems.arrays import checked_pair, checked_samples, kernel_view
from fastgd.problems.fit import Fit, Options
from fastgd.problems.linear import LinearFit
from fastgd.problems.losses import Loss
from fastgd.problems.users_loss import ResidualLoss
from fastgd.problems.users_model import AT_ONCE, UsersModel, are_few, checked_function, no_start
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

    The loss is the mean of r_i^2 (no factor one half), or their sum.

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
        y: ArrayLike,
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
        self.x, y = checked_pair("x", x, y, (1, 2))
        if start is None:
            raise TypeError(no_start(model))
        begin = real_array("start", start)
        features = None if self.x.ndim == 1 else self.x.shape[1]
        self.model = UsersModel(model, derivative, features, begin.size, is_number=begin.ndim == 0)
        options = Options(loss, reduction, sample_weight, l2, parameters, start)
        super().__init__(self.x, y, self.model.names, options)
        self.curve = self.model if features in (None, 1) else None
        self._check_start()
        self.seconds_per_sample = self._measured()

    def __repr__(self) -> str:
        return self._described(f"{printable(self.model.name)}({listed(self.parameters)})")

    def data(self) -> CurveData:
        """Return what the kernels get."""
        from fastgd.kernels.problems.curve import BLOCK_LENGTH, VECTOR, CurveData

        x, y, weights = self.counting()
        by_lanes = are_few(len(y))
        mark = self.residual_loss.mark()
        columns = x.reshape(len(y), -1).T
        if by_lanes:
            columns = columns.astype(np.float64, copy=False)
        if len(y) <= BLOCK_LENGTH or len(columns) > 1:  # else the user's own array
            columns = np.pad(columns, ((0, 0), (0, -len(y) % VECTOR)), mode="edge")
        flat = kernel_view(np.ascontiguousarray(columns).reshape(-1))
        shares = () if weights is None else weights
        F, stride = columns.shape
        return CurveData(flat, y, F, stride, BLOCK_LENGTH, self.model.address(by_lanes=by_lanes), mark, shares)

    def _check_start(self) -> None:
        """Raise ValueError if the model is finite at no sample, or some parameter acts on none."""
        x, _, _ = self.counting()
        random = np.random.default_rng(0)
        steps = ASIDE * np.maximum(np.abs(self.start), 1.0)
        first = self._look(self.start, x)
        if not first.is_finite:
            why = self.model.trouble(self.start, x[0])
            raise ValueError(f"start must be where the model is finite, got {self.start}: it is at no sample{why}")
        acts = first.acts
        for _ in range(LOOKS):
            if acts.all():
                break
            acts = acts | self._look(self.start + steps * random.uniform(-1.0, 1.0, self.dimension), x).acts
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
        some = self.counting()[0][:TIMED]
        calls = len(some) if are_few(len(some)) else 1
        fastest = np.inf
        for _ in range(3):
            begin = time.perf_counter()
            self.model.at(self.start, some)
            fastest = min(fastest, time.perf_counter() - begin - calls * CALL_SECONDS)
            if fastest > LONG:
                break
        return max(USUAL_SECONDS, fastest / len(some))

    def _look(self, theta: NDArray[np.float64], x: FloatArray) -> _Look:
        """Return what is seen of the model at theta (P,), at no more samples than it takes to see all."""
        acts = np.zeros(self.dimension, dtype=np.bool_)
        is_finite = False
        seen = 0
        while seen < len(x) and not (is_finite and acts.all()):
            value, *partials = self.model.at(theta, x[seen : seen + AT_ONCE])
            is_finite |= bool(np.isfinite(value).any())
            acts |= [bool(own.any()) for own in partials]
            seen = min(seen + AT_ONCE, len(x))
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
        return self.model.values(self._theta(theta), self._at(x))

    def _at(self, x: ArrayLike | None) -> FloatArray:
        if x is None:
            return self._unchanged_features()
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
        return np.ascontiguousarray(self.model.at(at, self._unchanged_features())[1:].T)

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
        x, y, weights = self.counting()
        jacobian = self.model.at(at, x)[1:].T
        if not np.isfinite(jacobian).all():
            raise ValueError(f"theta must be where the model's derivatives are finite, got {at}")
        return self._linear(jacobian, y, weights).spectrum_alone()

    def _linear(self, jacobian: Array, y: FloatArray, weights: FloatArray | None) -> LinearFit:
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
        x, y, weights = self.counting()
        if len(y) * self.dimension > MOST_STEPPED:
            return None
        values = self.model.at(theta, x)[0]
        jacobian = self.model.by_complex_step(theta, x, values)
        if jacobian is None:
            return None
        if not isinstance(self.residual_loss, ResidualLoss):
            return self._linear(jacobian, y - values + jacobian @ theta, weights).gradient(theta)
        psi = self.residual_loss._by_complex_step(values - y)
        weighted = psi if psi is None or weights is None else weights * psi
        return None if weighted is None else self.scale * weighted @ jacobian + 2.0 * self.l2 * theta
