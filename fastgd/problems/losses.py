"""Losses of a fit's residuals, as the user names them. The formulas stand in `kernels.losses`."""

from __future__ import annotations

import math
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastgd.check import number_between, real_array, shown
from fastgd.once import Once
from fastgd.problems.arrays import samples
from fastgd.problems.frozen import frozen, takes_one
from fastgd.problems.slopes import USUAL, compared

# Near 0 a step in proportion to r is short enough for any rho, but too short for one that subtracts large terms there,
# as 100^2 (sqrt(1 + (r / 100)^2) - 1) does: the difference quotient's rounding came out as 8 % of psi.
STEP_WIDTHS = (1e-3, 1.0)


class Loss(ABC):
    """What a fit makes of one residual r = prediction - y: rho(r), and its derivative psi(r)."""

    curvature: float | None = None  # the least upper bound of psi', None if there is none or it is not known

    @abstractmethod
    def kernel(self) -> Any:
        """Return the NamedTuple whose class chooses the compiled rho and psi."""


@dataclass(frozen=True)
class Squared(Loss):
    """rho = r^2, psi = 2 r; no factor one half."""

    curvature = 2.0

    def kernel(self) -> Any:
        """Return its mark."""
        from fastgd.kernels.problems.losses import Squared as Mark

        return Mark()


@dataclass(frozen=True)
class Absolute(Loss):
    """rho = |r|, psi = sign r, 0 at 0."""

    def kernel(self) -> Any:
        """Return its mark."""
        from fastgd.kernels.problems.losses import Absolute as Mark

        return Mark()


@dataclass(frozen=True)
class Huber(Loss):
    """Huber's loss: rho = r^2 / 2 for |r| <= delta, delta (|r| - delta / 2) beyond; psi = r clipped to [-delta, delta].

    It is `scipy.special.huber`. Its curvature is at most 1, that of the squared loss is 2: learning rates do not carry
    over from one to the other.

    Parameters
    ----------
    delta : float
        Where the parabola ends, in units of y; above 0. Another delta compiles nothing anew.

    Raises
    ------
    ValueError, TypeError
        If delta is not a finite number above 0.

    References
    ----------
    P. J. Huber, Robust Estimation of a Location Parameter, Annals of Mathematical Statistics 35 (1964).

    Examples
    --------
    >>> import fastgd
    >>> problem = fastgd.LinearFit([[1.0], [1.0]], [0.5, 3.0], intercept=False, loss=fastgd.Huber(1.0), reduction="sum")
    >>> problem.loss_and_gradient([0.0])
    (2.625, array([-1.5]))
    """

    delta: float

    curvature = 1.0

    def __post_init__(self) -> None:
        delta = real_array("delta", self.delta)
        if delta.ndim or not 0.0 < delta < math.inf:
            raise ValueError(f"delta must be one finite number above 0, got {shown(self.delta)}")
        object.__setattr__(self, "delta", float(delta))

    def kernel(self) -> Any:
        """Return its mark with delta."""
        from fastgd.kernels.problems.losses import Huber as Mark

        return Mark(self.delta)


@dataclass(frozen=True)
class LogCosh(Loss):
    """The log-cosh loss: rho = log cosh r, psi = tanh r; r^2 / 2 near 0, |r| - log 2 far from it, without overflow.

    Its curvature is at most 1, that of the squared loss is 2: learning rates do not carry over from one to the other.

    Examples
    --------
    >>> import fastgd
    >>> problem = fastgd.LinearFit([[1.0]], [1000.0], intercept=False, loss=fastgd.LogCosh())
    >>> problem.loss_and_gradient([0.0])
    (999.3068528194401, array([-1.]))
    """

    curvature = 1.0

    def kernel(self) -> Any:
        """Return its mark."""
        from fastgd.kernels.problems.losses import LogCosh as Mark

        return Mark()


@dataclass(frozen=True)
class ResidualLoss(Loss):
    """A loss of the user's own two functions of one residual r = prediction - y: positive where the model is too high.

    Parameters
    ----------
    rho, psi : callable
        The loss of a residual, float to float, and its derivative; plain Python that Numba compiles, or jitted. They
        are compiled at first use, once a process: keep the object to use them again. Data and globals that they read
        are those of construction. What they raise counts as a loss that is not finite; plain Python divides by 0
        without raising, as NumPy does.

    Raises
    ------
    TypeError
        If one is no function of one argument; at first use, if Numba can't compile it or it returns no float.

    Examples
    --------
    >>> import fastgd, math
    >>> cauchy = fastgd.ResidualLoss(lambda r: math.log1p(r * r), lambda r: 2 * r / (1 + r * r))
    >>> bool(cauchy.check() < 1e-6)
    True
    >>> fastgd.LinearFit([[1.0]], [1.0], intercept=False, loss=cauchy).loss_and_gradient([0.0])
    (0.6931471805599453, array([-1.]))

    Quantile regression. Textbooks write the pinball loss of a quantile q for y - prediction, which is -r: for r it is
    (1 - q) r above 0 and -q r below. A tenth of these y lie below the constant of least loss:

    >>> q = 0.1
    >>> pinball = fastgd.ResidualLoss(lambda r: max((1 - q) * r, -q * r), lambda r: 1 - q if r > 0 else -q)
    >>> y = [float(k) for k in range(1, 20)]
    >>> constant = fastgd.PolynomialFit(range(19), y, degree=0, loss=pinball)
    >>> float(min(y, key=lambda c: constant.loss([c])))
    2.0
    """

    rho: Callable[[float], float]
    psi: Callable[[float], float]
    _functions: tuple[FunctionType, ...] = field(init=False, repr=False, compare=False)
    _kernel: Once = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, function in (("rho", self.rho), ("psi", self.psi)):
            if not callable(function):
                raise TypeError(f"{name} must be a function of one residual, got {shown(function)}")
            takes_one(name, function, "a residual")
        object.__setattr__(self, "_functions", frozen(self.rho, self.psi))
        object.__setattr__(self, "_kernel", Once(self._compile))

    def __repr__(self) -> str:
        return f"ResidualLoss({getattr(self.rho, '__name__', 'rho')}, {getattr(self.psi, '__name__', 'psi')})"

    def __copy__(self) -> ResidualLoss:
        return self  # nothing of it changes

    def __deepcopy__(self, memo: object) -> ResidualLoss:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.rho, self.psi)

    def _compile(self) -> Any:
        from fastgd.kernels.problems.losses import users_loss
        from fastgd.problems.user_functions import jitted_of_residual

        compiled, let_go = jitted_of_residual(dict(zip(("rho", "psi"), self._functions, strict=True)))
        weakref.finalize(self, let_go).atexit = False
        return users_loss(*compiled)

    def kernel(self) -> Any:
        """Return the mark of these two functions, compiled."""
        return self._kernel()

    def check(self, residuals: ArrayLike | None = None, *, rtol: float = 1e-5) -> float:
        """Compare psi with central finite differences of rho.

        Parameters
        ----------
        residuals : array_like (n,), optional
            Where; 60 values of both signs from 1e-3 to 1e3 by default. Leave out those at which rho has a kink.
        rtol : float
            Largest difference allowed, relative to psi within the difference's step, or to 1 if that is less.

        Returns
        -------
        float
            The largest difference found, relative in the same way.

        Raises
        ------
        ValueError
            If they differ by more, naming the residual and both slopes; if rho is not finite near a residual.
        """
        rtol = number_between("rtol", rtol, minimum=0.0)
        sizes = np.geomspace(1e-3, 1e3, 30)
        at = np.concatenate([-sizes, sizes]) if residuals is None else samples("residuals", residuals, (0, 1))
        worst = 0.0
        for r in at.astype(np.float64).ravel().tolist():
            difference, slope = min(self._difference(r, width) for width in STEP_WIDTHS)
            if not math.isfinite(slope):
                raise ValueError(f"residuals must be where rho is finite, got {r:.6g}, near which it is not")
            if not difference <= rtol:
                psi = _value("psi", self._functions[1], r)
                raise ValueError(
                    f"psi is wrong at the residual {r:.6g}: {psi:.6g}, but rho changes by {slope:.6g} per unit"
                )
            worst = max(worst, difference)
        return worst

    def _difference(self, r: float, width: float) -> tuple[float, float]:
        """Return how far psi is from the slope of rho over a step in proportion to r, or to `width`; and the slope."""
        step = USUAL * max(abs(r), width)
        ends = r - step, r, r + step
        named = zip(("rho", "psi"), self._functions, strict=True)
        rho, psi = (tuple(np.float64(_value(name, function, at)) for at in ends) for name, function in named)
        with np.errstate(all="ignore"):  # of what is not finite
            found = compared((rho[0], rho[2]), (psi[0], psi[1], psi[2]), ends[2] - ends[0])
            difference = float(max(found.difference - found.rounding, 0.0) / max(1.0, found.size))
        return (math.inf if math.isnan(difference) else difference), float(found.quotient)


def _value(name: str, function: Callable[[float], float], r: float) -> float:
    """Return the function of a residual, NaN where it raises as arithmetic does: a loss that is not finite."""
    try:
        value = function(r)
    except (ArithmeticError, ValueError):
        return math.nan
    if isinstance(value, int | float | np.number | np.bool_) and not isinstance(value, np.complexfloating):
        return float(value)
    from fastgd.problems.returned import real  # which imports Numba

    return float(real(name, value, 1, ()))


_BY_NAME = {"squared": Squared(), "absolute": Absolute()}


def checked_loss(value: object) -> Loss:
    """Return the loss that an argument names."""
    if isinstance(value, Loss):
        return value
    expected = f"{', '.join(repr(name) for name in _BY_NAME)}, Huber(delta), LogCosh() or ResidualLoss(rho, psi)"
    if isinstance(value, str):
        if value in _BY_NAME:
            return _BY_NAME[value]
        raise ValueError(f"loss must be {expected}, got {value!r}")
    raise TypeError(f"loss must be {expected}, got {shown(value)}")


def name_of(loss: Loss) -> str:
    """Return the loss as an argument would name it."""
    return next((repr(name) for name, known in _BY_NAME.items() if known == loss), repr(loss))
