"""What a squared-error problem's curvature says of every descent on it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from fastgd.check import Array, about, choice, number_between
from fastgd.descent.rules import RULES
from fastgd.least_squares.bases import FeatureBasis
from fastgd.least_squares.quadratic import Quadratic
from fastgd.record import Record
from fastgd.text import counted, html_table, listed, nearest, printable

LARGEST_MOMENTUM = math.nextafter(1.0, 0.0)

# What the stability limit of a rule that has one is in times 2 / lambda_max, by its momentum.
LIMIT_FACTORS = {name: rule.limit for name, rule in RULES.items() if rule.limit is not None}


class BestMomentum(NamedTuple):
    """The heavy ball's fastest decay of the error in the end."""

    learning_rate: float
    momentum: float


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum(Record):
    """Eigenvalues and eigenvectors of the loss' Hessian matrix, and what follows from them.

    A gradient step at the rate a multiplies the error along an eigenvector by 1 - a lambda.

    Attributes
    ----------
    eigenvalues : ndarray (P,)
        In descending order. 0 where theta can move without changing the loss, and where float64 can't hold a curvature
        that there is.
    eigenvectors : ndarray (P, P)
        Column j belongs to eigenvalue j; its largest component is positive.
    parameters : tuple of str
        Names of theta's components.
    rank : int
        How many directions of theta the samples determine, as `minimum` has it.
    is_bound : bool
        Whether they are upper bounds, those near a perfect fit, because the loss is less curved elsewhere (Huber,
        log-cosh). Gradient descent is then safe below its limit, and may be slower than predicted. The heavy ball is
        safe near a minimum only: where the curvature changes on its way it may go round in a cycle for ever, below its
        limit and with `best_momentum` (Lessard, Recht and Packard 2016).
    standardized : str, or callable that returns it
        What standardised coordinates would bring, in a sentence; empty if that is not much or not known. It is printed.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd.least_squares.from_samples import linear_quadratic
    >>> quadratic = linear_quadratic(np.array([[1.0], [3.0]]), np.array([1.0, 2.0]), intercept=False)
    >>> spectrum = Spectrum.of(quadratic, scale=1.0, parameters=("w",))
    >>> round(spectrum.max_learning_rate, 12), spectrum.steps_to_reduce(10, learning_rate=0.025)
    (0.1, 4.0)
    """

    eigenvalues: Array
    eigenvectors: Array
    parameters: tuple[str, ...]
    rank: int
    is_bound: bool = False
    standardized: str | Callable[[], str] = field(default="", repr=False, compare=False)

    @classmethod
    def of(cls, quadratic: Quadratic, scale: float, parameters: tuple[str, ...], *, is_bound: bool = False) -> Spectrum:
        """Return the spectrum of the loss scale * S.

        Raises
        ------
        ValueError
            If the curvature is beyond float64.
        """
        _, values, right = quadratic.decomposition()
        with np.errstate(over="ignore"):
            eigenvalues = 2.0 * scale * values**2
        if not np.isfinite(eigenvalues).all():
            data = "X" if isinstance(quadratic.basis, FeatureBasis) else "x"
            curvature = f"the loss' curvature, {values[0]:.3g} squared"
            raise ValueError(about(data, f"must be scaled: {curvature}, is beyond float64"))
        vectors = right.T * np.where(right[np.arange(len(right)), np.argmax(np.abs(right), axis=1)] < 0.0, -1.0, 1.0)
        return cls(eigenvalues, vectors, tuple(parameters), quadratic.rank, is_bound)

    @property
    def singular(self) -> bool:
        """Whether some direction of theta does not change the loss, as far as float64 can tell."""
        return self.rank < len(self.eigenvalues)

    @property
    def _held(self) -> int:
        """How many eigenvalues are not 0."""
        return int(np.count_nonzero(self.eigenvalues))

    @property
    def condition_number(self) -> float:
        """Largest eigenvalue over the smallest; infinite if that is 0."""
        smallest = float(self.eigenvalues[-1])
        return math.inf if smallest == 0.0 else float(self.eigenvalues[0]) / smallest

    @property
    def max_learning_rate(self) -> float:
        """The stability limit 2 / lambda_max: at any higher constant rate gradient descent diverges."""
        return 2.0 / float(self.eigenvalues[0]) if self._held else math.inf

    @property
    def best_learning_rate(self) -> float:
        """The rate 2 / (smallest non-zero lambda + lambda_max), of the fastest decay of the error in the end.

        It is the best asymptotically, not the best for a given number of steps: when few steps are taken, a rate that
        serves only the steeper directions may reach a smaller loss.
        """
        if not self._held:
            return math.inf
        return 2.0 / float(self.eigenvalues[0] + self.eigenvalues[self._held - 1])

    def stability_limit(self, rule: str = "momentum", momentum: float = 0.9) -> float:
        """Return the constant rate above which a rule diverges, on a squared loss.

        2 / lambda_max for "gradient", 2 (1 + beta) / lambda_max for "momentum", and
        2 (1 + beta) / ((1 + 2 beta) lambda_max) for "nesterov": where a root of the recurrence of the steepest mode
        passes -1.

        Parameters
        ----------
        rule : {"gradient", "momentum", "nesterov"}
        momentum : float
            beta, 0 <= beta < 1; does not count for "gradient".

        Raises
        ------
        ValueError, TypeError
            If the rule has no such limit, or momentum is out of range.
        """
        factor = LIMIT_FACTORS[choice("rule", rule, LIMIT_FACTORS)]
        beta = number_between("momentum", momentum, minimum=0.0, maximum=LARGEST_MOMENTUM)
        return factor(beta) * self.max_learning_rate

    @property
    def best_momentum(self) -> BestMomentum:
        """The rate and the momentum of the heavy ball whose error decays fastest in the end.

        With m the smallest non-zero and L the largest eigenvalue, the rate is 4 / (sqrt L + sqrt m)^2 and the momentum
        ((sqrt L - sqrt m) / (sqrt L + sqrt m))^2; a step then shrinks the error by the root of the momentum (Polyak
        1964), where the best rate without it shrinks it by (L - m) / (L + m). Like `best_learning_rate` it is best
        asymptotically, not for a given number of steps.
        """
        if not self._held:
            return BestMomentum(math.inf, 0.0)
        large = math.sqrt(self.eigenvalues[0])
        small = math.sqrt(self.eigenvalues[self._held - 1])
        momentum = min(((large - small) / (large + small)) ** 2, LARGEST_MOMENTUM)
        return BestMomentum((2.0 / (large + small)) ** 2, momentum)

    @property
    def slowest_mode(self) -> str:
        """The direction of theta that converges last (smallest non-zero eigenvalue), in the parameters' names."""
        if not self._held:
            return "none"
        direction = self.eigenvectors[:, self._held - 1]
        shown = [k for k in np.argsort(-np.abs(direction))[:4] if abs(direction[k]) >= 0.01]
        terms = [
            f"{'-' if direction[k] < 0 else '+'} {abs(direction[k]):.2g} {printable(self.parameters[k])}" for k in shown
        ]
        dots = " + ..." if np.count_nonzero(np.abs(direction) >= 0.01) > len(shown) else ""
        return " ".join(terms).removeprefix("+ ") + dots

    def steps_to_reduce(self, factor: float, learning_rate: float | None = None) -> float:
        """Predict the steps of gradient descent until the error of theta is smaller by a factor, whatever the start.

        Parameters
        ----------
        factor : float
            How many times smaller, above 1.
        learning_rate : float, optional
            A constant rate; `best_learning_rate` if not given.

        Returns
        -------
        float
            A whole number, or infinity where the error does not fall. Directions that the data leave open do not count.
        """
        factor = number_between("factor", factor)
        if not factor > 1.0:
            raise ValueError(f"factor must be above 1, got {factor!r}")
        rate = self.best_learning_rate
        if learning_rate is not None:
            rate = number_between("learning_rate", learning_rate, minimum=0.0)
        if not self._held:
            return 0.0
        # at the best rate the ends decay alike, and that of the large end would drown in rounding
        ends = [self._held - 1] if learning_rate is None else [0, self._held - 1]
        decay = min(_decay(rate * float(self.eigenvalues[k])) for k in ends)
        if decay <= 0.0:
            return math.inf
        if decay == math.inf:
            return 1.0
        steps = math.log(factor) / decay * (1.0 - 1e-12)
        return float(math.ceil(steps)) if steps < math.inf else math.inf

    def __repr__(self) -> str:
        return f"<Spectrum of {counted(len(self.eigenvalues), 'parameter')}, rank {self.rank}>"

    def __str__(self) -> str:
        """Explain in a few lines."""
        lines = [f"  {label:<20}{text}" if label else f"  {text}" for label, text in self._rows()]
        return "\n".join([self._title(), *lines])

    def _repr_html_(self) -> str:
        return html_table(self._title(), self._rows())

    def _title(self) -> str:
        return f"Spectrum of {counted(len(self.eigenvalues), 'parameter')}: {listed(self.parameters)}"

    def _rows(self) -> list[tuple[str, str]]:
        """Return labels and texts; what stands by itself has no label."""
        P = len(self.eigenvalues)
        if not self._held:
            return [("", "the loss does not depend on them")]
        rows = []
        if self.singular:
            open_ones = f"{P - self.rank} of {P} directions do not change the loss, as far as float64 can tell"
            rows.append(("", f"singular: {open_ones}"))
        if self._held < self.rank:
            rows.append(
                ("", f"{self.rank - self._held} of {P} directions have a curvature too small for float64 to hold")
            )
        curvature = f"{self.eigenvalues[self._held - 1]:.4g} to {self.eigenvalues[0]:.4g}"
        curvature += " (non-zero)" * (self._held < P) + " at most" * self.is_bound
        best = nearest(self.best_learning_rate, below=self.max_learning_rate)
        above = "converges below" if self.is_bound else "diverges above"
        rows += [
            ("curvature", curvature),
            ("condition number", f"{self.condition_number:.4g}"),
            ("max_learning_rate", f"{self.max_learning_rate:.6g}, gradient descent {above}"),
            ("best_learning_rate", f"{best}, asymptotically"),
            ("", f"steps to reduce the error tenfold at that rate: {self.steps_to_reduce(10.0):.6g}"),
        ]
        if not self.is_bound:
            ball = self.best_momentum
            rows.append(("best_momentum", f"{ball.momentum:.4g} at the rate {ball.learning_rate:.6g}"))
        rows.append(("slowest mode", self.slowest_mode))
        brings = self.what_standardizing_brings()
        return [*rows, ("", brings)] if brings else rows

    def what_standardizing_brings(self) -> str:
        """Return what standardised coordinates would bring, empty if not much; it is found when first asked for."""
        if not isinstance(self.standardized, str):
            object.__setattr__(self, "standardized", self.standardized())  # which lets go of the samples
        return str(self.standardized)

    def __getstate__(self) -> dict[str, Any]:
        """Pickle with what they would bring, rather than with the samples that tell it."""
        return self.__dict__ | {"standardized": self.what_standardizing_brings()}


def _decay(product: float) -> float:
    """Return -log |1 - product|, exact for small products."""
    if product < 1.0:
        return -math.log1p(-product)
    return -math.log(product - 1.0) if product > 1.0 else math.inf
