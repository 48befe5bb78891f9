"""A loss of the user's own two functions of a residual."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastgd.check import Array, number_between, shown
from fastgd.once import Once
from fastgd.problems.complex_step import on_complex_numbers, slopes_by_complex_step
from fastgd.problems.frozen import frozen, takes_one
from fastgd.problems.losses import Formulas, Loss
from fastgd.problems.slopes import USUAL, added, compared
from fastgd.sources.arrays import checked_samples

# Near 0 a step in proportion to r is short enough for any rho, but too short for one that subtracts large terms there,
# as 100^2 (sqrt(1 + (r / 100)^2) - 1) does: the difference quotient's rounding came out as 8 % of psi.
STEP_WIDTHS = (1e-3, 1.0)


@dataclass(frozen=True)
class ResidualLoss(Loss):
    """A loss of the user's own function of one residual r = prediction - y: positive where the model is too high.

    Parameters
    ----------
    rho : callable
        The loss of a residual, float to float; plain Python that Numba compiles, or jitted. It is compiled at first
        use, once a process: keep the object to use it again. Data and globals that it reads are those of construction.
        What it raises counts as a loss that is not finite; plain Python divides by 0 without raising, as NumPy does.
    psi : callable, optional
        Its derivative, a function alike. If it is left out, it is derived from rho, exactly; at a kink it is the slope
        of one of its sides.

    Raises
    ------
    TypeError
        If one is no function of one argument; at first use, if Numba can't compile it or it returns no float, or rho
        can't be differentiated.

    Examples
    --------
    >>> import fastgd, math
    >>> cauchy = fastgd.ResidualLoss(lambda r: math.log1p(r * r))
    >>> bool(cauchy.check() < 1e-6)
    True
    >>> fastgd.LinearFit([[1.0]], [1.0], intercept=False, loss=cauchy).loss_and_gradient([0.0])
    (0.6931471805599453, array([-1.]))

    Quantile regression. Textbooks write the pinball loss of a quantile q for y - prediction, which is -r: for r it is
    (1 - q) r above 0 and -q r below. A tenth of these y lie below the constant of least loss:

    >>> q = 0.1
    >>> pinball = fastgd.ResidualLoss(lambda r: max((1 - q) * r, -q * r))
    >>> y = [float(k) for k in range(1, 20)]
    >>> constant = fastgd.PolynomialFit(range(19), y, degree=0, loss=pinball)
    >>> float(min(y, key=lambda c: constant.loss([c])))
    2.0
    """

    rho: Callable[[float], float]
    psi: Callable[[float], float] | None = None
    _functions: tuple[FunctionType, ...] = field(init=False, repr=False, compare=False)
    _compiled: Once[tuple[Any, Any]] = field(init=False, repr=False, compare=False)
    _mark: Once[Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, function in self._given().items():
            if not callable(function):
                raise TypeError(f"{name} must be a function of one residual, got {shown(function)}")
            takes_one(name, function, "a residual")
        object.__setattr__(self, "_functions", frozen(*self._given().values()))
        object.__setattr__(self, "_compiled", Once(self._compile))
        object.__setattr__(self, "_mark", Once(self._marked))

    def _given(self) -> dict[str, Callable[[float], float]]:
        """Return the functions that were given, by their names."""
        return {"rho": self.rho} if self.psi is None else {"rho": self.rho, "psi": self.psi}

    def __repr__(self) -> str:
        names = [getattr(function, "__name__", name) for name, function in self._given().items()]
        return f"ResidualLoss({', '.join(names)})"

    def __copy__(self) -> ResidualLoss:
        return self  # nothing of it changes

    def __deepcopy__(self, memo: object) -> ResidualLoss:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.rho, self.psi)

    def _compile(self) -> tuple[Any, Any]:
        """Return rho and psi, compiled; what they hold is freed with this object."""
        from fastgd.problems.user_functions import jitted_of_residual

        (rho, psi), let_go = jitted_of_residual(dict(zip(self._given(), self._functions, strict=True)))
        weakref.finalize(self, let_go).atexit = False
        return rho, psi

    def _formulas(self) -> Formulas:
        rho, psi = self._compiled()
        return Formulas(lambda loss, r: rho(r), lambda loss, r: psi(r))

    def _marked(self) -> Any:
        from fastgd.kernels.problems.losses import mark_class

        return mark_class("ResidualLoss", self._formulas(), (), on_disk=False)()

    def identity(self) -> dict[str, Any]:
        """Return what tells it from others: digests of its functions."""
        from fastgd.problems.function_identity import identity_of_functions

        functions = dict(zip(self._given(), self._functions, strict=True))
        return {"kind": type(self).__name__, **identity_of_functions(**functions)}

    def mark(self) -> Any:
        """Return the mark of these two functions alone."""
        return self._mark()

    def check(self, residuals: ArrayLike | None = None, *, rtol: float = 1e-5) -> float:
        """Compare psi, given or derived, with finite differences of rho, and where they disagree with a complex step.

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
            If they differ by more, naming the residual, the slopes and which agree; if rho is not finite near it.
        """
        rtol = number_between("rtol", rtol, minimum=0.0)
        sizes = np.geomspace(1e-3, 1e3, 30)
        at = np.concatenate([-sizes, sizes]) if residuals is None else checked_samples("residuals", residuals, (0, 1))
        worst = 0.0
        for r in at.astype(np.float64).ravel().tolist():
            difference, slope = min(self._difference(r, width) for width in STEP_WIDTHS)
            if not math.isfinite(slope):
                raise ValueError(f"residuals must be where rho is finite, got {r:.6g}, near which it is not")
            if not difference <= rtol:
                difference = self._difference_from_step(r, slope, rtol)
            worst = max(worst, difference)
        return worst

    def _slope(self, r: float) -> float:
        return _value("psi", self._compiled()[1] if self.psi is None else self._functions[1], r)

    def _by_complex_step(self, residuals: Array) -> Array | None:
        """Return the slopes of rho at residuals (n,) by complex steps; None if there are none."""
        rho = on_complex_numbers(self._functions[0])
        slopes = [
            slopes_by_complex_step(lambda at: rho(at[0]), np.array([r]), _value("rho", self._functions[0], r))
            for r in residuals.tolist()
        ]
        return None if any(slope is None for slope in slopes) else np.concatenate(slopes)  # type: ignore[arg-type]

    def _difference_from_step(self, r: float, quotient: float, rtol: float) -> float:
        """Return how far psi is from the slope of rho by a complex step; ValueError by more than `rtol`, or without."""
        psi = self._slope(r)
        stepped = self._by_complex_step(np.array([r]))
        others = f"but rho changes by {quotient:.6g} per unit"
        if stepped is not None:
            step = float(stepped[0])
            difference = abs(psi - step) / max(1.0, abs(psi), abs(step))
            if difference <= rtol:
                return difference
            others += added(step, psi, quotient)
        raise ValueError(f"psi is wrong at the residual {r:.6g}: {psi:.6g}, {others}")

    def _difference(self, r: float, width: float) -> tuple[float, float]:
        """Return how far psi is from the slope of rho over a step in proportion to r, or to `width`; and the slope."""
        step = USUAL * max(abs(r), width)
        ends = r - step, r, r + step
        rho = [np.float64(_value("rho", self._functions[0], at)) for at in ends]
        psi = [np.float64(self._slope(at)) for at in ends]
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
