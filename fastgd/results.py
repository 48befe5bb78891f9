"""What a sweep and a descent return."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import whole
from fastgd.rules import Status
from fastgd.timing import Timing

if TYPE_CHECKING:
    from fastgd.spectrum import Spectrum

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Trajectory:
    """Recorded states.

    Attributes
    ----------
    steps : ndarray (K,)
        The steps t that were recorded.
    theta : ndarray (..., K, P)
        theta_t, NaN after a configuration's stop.
    loss : ndarray (..., K)
        The loss at theta_t, NaN after a configuration's stop.
    """

    steps: NDArray[np.int64]
    theta: FloatArray
    loss: FloatArray


@dataclass(frozen=True)
class Outcome:
    """Where one configuration stopped, and why.

    Attributes
    ----------
    theta : ndarray (P,)
    loss, gradient_norm : float
        At theta.
    steps : int
        Updates taken.
    status : Status
    configuration : dict
        Keywords that make `descend` do it again.
    """

    theta: FloatArray
    loss: float
    gradient_norm: float
    steps: int
    status: Status
    configuration: dict[str, Any]

    @property
    def message(self) -> str:
        """Why it stopped, in a sentence that says what to do."""
        return self.status.message

    def __str__(self) -> str:
        return (
            f"{type(self).__name__}: {self.status.name} after {self.steps:,} step{'s' * (self.steps != 1)}, "
            f"loss {self.loss:.10g}, theta {_vector(self.theta)}\n{self.message}"
        )


@dataclass(frozen=True)
class Descent(Outcome):
    """One run: an outcome with its trajectory and timing.

    Attributes
    ----------
    trajectory : Trajectory or None
        States at t = 0, k, 2k, ... and always the final one; None if nothing was recorded.
    timing : Timing
    """

    trajectory: Trajectory | None
    timing: Timing

    def to_optimize_result(self) -> Any:
        """Return a `scipy.optimize.OptimizeResult` with x, fun, nit, success, status and message."""
        from scipy.optimize import OptimizeResult

        return OptimizeResult(
            x=self.theta.copy(),
            fun=self.loss,
            nit=self.steps,
            success=self.status > 0,
            status=int(self.status),
            message=self.message,
        )


@dataclass(frozen=True)
class SweepResult:
    """The outcome of every configuration of a grid.

    Attributes
    ----------
    axes : dict of str to ndarray
        Axis names to values, in the order of the dimensions below; `start` has values (M, P).
    theta : ndarray (*axes, P)
    loss, gradient_norm : ndarray (*axes)
        At theta.
    steps : ndarray (*axes) of int64
        Updates taken.
    status : ndarray (*axes) of int8
        `Status` codes.
    trajectory : Trajectory or None
        K recorded steps of each configuration.
    engine : str
        The engine that ran.
    problem : str
        A description of the problem.
    timing : Timing
    spectrum : Spectrum or None
        The curvature of a squared loss, if its statistics were there or cheap beside the sweep.
    """

    axes: dict[str, NDArray[Any]]
    theta: FloatArray
    loss: FloatArray
    gradient_norm: FloatArray
    steps: NDArray[np.int64]
    status: NDArray[np.int8]
    trajectory: Trajectory | None
    engine: str
    problem: str
    timing: Timing
    spectrum: Spectrum | None
    grid: Any = field(repr=False)
    settings: Any = field(repr=False)

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Which configurations a test stopped as converged, (*axes)."""
        return self.status > 0

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which configurations diverged, ended above their first loss or were cancelled, (*axes)."""
        return self.status < 0

    @cached_property
    def best(self) -> Outcome | None:
        """The least finite loss of those that did not fail, None if all did; of equals fewer steps, then the first."""
        loss = np.where(np.isfinite(self.loss) & ~self.failed, self.loss, np.inf).ravel()
        least = loss.min()
        if not math.isfinite(least):
            return None
        ties = np.flatnonzero(loss == least)
        return self.outcome(int(ties[np.argmin(self.steps.ravel()[ties])]))

    @cached_property
    def fastest(self) -> Outcome | None:
        """The one converged in the fewest steps, the first of equals; None if none converged."""
        indices = np.flatnonzero(self.converged)
        return self.outcome(int(indices[np.argmin(self.steps.ravel()[indices])])) if indices.size else None

    def outcome(self, index: int) -> Outcome:
        """Return one configuration's outcome by its flat index."""
        index = whole("index", index, minimum=0, maximum=self.status.size - 1)
        return Outcome(
            theta=self.theta.reshape(-1, self.theta.shape[-1])[index].copy(),
            loss=float(self.loss.ravel()[index]),
            gradient_norm=float(self.gradient_norm.ravel()[index]),
            steps=int(self.steps.ravel()[index]),
            status=Status(int(self.status.ravel()[index])),
            configuration=self.grid.configuration(index) | self.settings.configuration(),
        )

    def __str__(self) -> str:
        from fastgd.summary import summarise

        return summarise(self)

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}: {len(values):,}" for name, values in self.axes.items())
        return f"<SweepResult of {self.status.size:,} configurations ({axes}), engine {self.engine!r}>"


class SweepInterrupted(KeyboardInterrupt):
    """A sweep was stopped from outside, by Ctrl-C or by its progress callback. What was finished is kept.

    Attributes
    ----------
    result : SweepResult
        Finished configurations as they are; the others have status CANCELLED and stand where they stood.
    """

    def __init__(self, result: SweepResult) -> None:
        super().__init__(
            f"sweep interrupted, {result.timing.configurations:,} of {result.status.size:,} configurations finished; "
            "they are in .result"
        )
        self.result = result

    def __reduce__(self) -> tuple[type[SweepInterrupted], tuple[SweepResult]]:
        return SweepInterrupted, (self.result,)


def _vector(theta: FloatArray) -> str:
    """Return theta as short text."""
    return np.array2string(theta, precision=6, threshold=8, edgeitems=3, max_line_width=10_000)
