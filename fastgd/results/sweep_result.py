"""What a sweep and a descent return."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import choice, shown, whole
from fastgd.descent.rules import Status
from fastgd.once import computed_once
from fastgd.record import Record
from fastgd.results.advice import message
from fastgd.results.timing import Timing
from fastgd.text import counted

if TYPE_CHECKING:
    from fastgd.least_squares.spectrum import Spectrum
    from fastgd.results.facts import Facts

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory(Record):
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

    def __repr__(self) -> str:
        return f"<Trajectory of {counted(self.steps.size, 'recorded step')}, theta {self.theta.shape}>"


@dataclass(frozen=True, eq=False, repr=False)
class Outcome(Record):
    """Where one configuration stopped, and why. Two are equal if all of the following are.

    Attributes
    ----------
    theta : ndarray (P,)
    loss, gradient_norm : float
        At theta.
    steps : int
        Updates taken.
    status : Status
    configuration : dict
        Keywords that make `descend` do it again, to the bit: a copy, of plain types that JSON takes.
    message : str
        Why it stopped, in a sentence that says what to do. Does not count where two are compared.
    """

    theta: FloatArray
    loss: float
    gradient_norm: float
    steps: int
    status: Status
    _configuration: dict[str, Any]
    message: str = field(compare=False)

    @property
    def configuration(self) -> dict[str, Any]:
        """Keywords that make `descend` do it again."""
        values = self._configuration.items()
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values}

    def _described(self) -> str:
        return (
            f"{type(self).__name__}: {self.status.name} after {counted(self.steps, 'step')}, "
            f"loss {self.loss:.10g}, theta {_vector(self.theta)}"
        )

    def __repr__(self) -> str:
        return f"<{self._described()}>"

    def __str__(self) -> str:
        return f"{self._described()}\n{self.message}"


@dataclass(frozen=True, eq=False, repr=False)
class Descent(Outcome):
    """One run: an outcome with its trajectory and timing.

    Attributes
    ----------
    trajectory : Trajectory or None
        States at t = 0, k, 2k, ... and always the final one; None if nothing was recorded.
    timing : Timing
        Does not count where two are compared.
    """

    trajectory: Trajectory | None
    timing: Timing = field(compare=False)

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


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult(Record):
    """The outcome of every configuration of a grid. Its arrays are read-only and shared with nothing that went in.

    Two are equal if grid, settings, engine, the text of the problem and all that came out are; time does not count.

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
    initial_loss : ndarray (*axes)
        At the start; NaN where that was not reached.
    stalled : ndarray (*axes) of bool
        Which were stopped by `tolerance` before their gradient was small: its norm, without what pushes against
        `bounds`, was still above a hundredth of that at their start. They stand still because their steps are short.
    trajectory : Trajectory or None
        K recorded steps of each configuration.
    engine : str
        The engine that ran.
    problem : str
        A description of the problem.
    timing : Timing
    spectrum : Spectrum or None
        The curvature of a loss that has one (`Fit.spectrum`): where some configuration failed or missed its
        `loss_threshold`, for few samples, and where the estimates say that it is cheap beside the sweep.
    """

    theta: FloatArray
    loss: FloatArray
    gradient_norm: FloatArray
    steps: NDArray[np.int64]
    status: NDArray[np.int8]
    initial_loss: FloatArray
    stalled: NDArray[np.bool_]
    trajectory: Trajectory | None
    engine: str
    problem: str
    timing: Timing = field(compare=False)
    spectrum: Spectrum | None = field(compare=False)
    grid: Any
    settings: Any
    facts: Facts = field(compare=False)

    @property
    def axes(self) -> dict[str, NDArray[Any]]:
        """Axis names to values, in the order of the dimensions of the arrays; a copy."""
        return dict(self.grid.axes)

    @property
    def converged(self) -> NDArray[np.bool_]:
        """Which configurations a test stopped as converged, (*axes)."""
        return self.status > 0

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which configurations diverged, ended above their first loss or were cancelled, (*axes)."""
        return self.status < 0

    @computed_once
    def best(self) -> Outcome | None:
        """The least finite loss of those that did not fail, None if all did; of equals fewer steps, then the first."""
        return self._outcomes(_least(self._successful_loss()[None], self.steps[None]))[0]

    def best_along(self, axis: str) -> list[Outcome | None]:
        """Return for each value of an axis the best over all others, None where every configuration failed.

        Parameters
        ----------
        axis : str
            One of `axes`.

        Returns
        -------
        list of Outcome or None
            As long as the axis.

        Examples
        --------
        >>> import fastgd
        >>> result = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.25, 0.375, 2.0], max_steps=[1, 2])
        >>> [best and best.loss for best in result.best_along("learning_rate")]
        [0.0625, 0.00390625, None]
        """
        at = list(self.axes).index(choice("axis", axis, self.axes))
        loss, steps = np.moveaxis(self._successful_loss(), at, 0), np.moveaxis(self.steps, at, 0)
        return self._outcomes(_least(loss, steps), at)

    @computed_once
    def fastest(self) -> Outcome | None:
        """The one converged in the fewest steps, the first of equals; None if none converged.

        Those that `stalled`, stopped by `tolerance` because their steps are short, do not count.
        """
        indices = np.flatnonzero(self.converged & ~self.stalled)
        return self.outcome(int(indices[np.argmin(self.steps.ravel()[indices])])) if indices.size else None

    def outcome(self, index: int | Sequence[int]) -> Outcome:
        """Return one configuration's outcome by its flat index, or by an index on each axis; negative from the end."""
        index = self._flat(index)
        return Outcome(
            theta=self.theta.reshape(-1, self.theta.shape[-1])[index].copy(),
            loss=float(self.loss.ravel()[index]),
            gradient_norm=float(self.gradient_norm.ravel()[index]),
            steps=int(self.steps.ravel()[index]),
            status=Status(int(self.status.ravel()[index])),
            _configuration=self.grid.configuration(index) | self.settings.configuration() | {"engine": self.engine},
            message=message(self, index),
        )

    def _flat(self, index: Any) -> int:
        """Return a checked index as a flat one from the start."""
        several = isinstance(index, tuple | list) or (isinstance(index, np.ndarray) and index.ndim == 1)
        sizes = self.status.shape if several else (self.status.size,)
        places = index if several else (index,)
        if len(places) != len(sizes):
            raise ValueError(
                f"index must be one number, or one on each axis ({', '.join(self.axes)}), got {shown(index)}"
            )
        flat = 0
        for place, n in zip(places, sizes, strict=True):
            flat = flat * n + whole("index", place, minimum=-n, maximum=n - 1) % n
        return flat

    def _successful_loss(self) -> FloatArray:
        """Return the loss, infinite where a configuration failed."""
        return np.where(np.isfinite(self.loss) & ~self.failed, self.loss, np.inf)

    def _outcomes(self, places: NDArray[np.intp], axis: int | None = None) -> list[Outcome | None]:
        """Return the outcomes at flat places among all, or along an axis among its others, None at negative ones."""
        others = [n for k, n in enumerate(self.status.shape) if k != axis]
        found: list[Outcome | None] = []
        for value, place in enumerate(places.tolist()):
            index = [int(k) for k in np.unravel_index(max(place, 0), others)]
            if axis is not None:
                index.insert(axis, value)
            found.append(self.outcome(index) if place >= 0 else None)
        return found

    def __str__(self) -> str:
        from fastgd.results.summary import summarise

        return summarise(self)

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}: {len(values):,}" for name, values in self.axes.items())
        return f"<SweepResult of {counted(self.status.size, 'configuration')} ({axes}), engine {self.engine!r}>"


class SweepInterrupted(KeyboardInterrupt):
    """A sweep was stopped from outside, by Ctrl-C or by its progress callback. What was finished is kept.

    Attributes
    ----------
    result : SweepResult
        Finished configurations as they are; the others have status CANCELLED and stand where they stood.
    """

    def __init__(self, result: SweepResult, raised_by_progress: str = "") -> None:
        why = f"{raised_by_progress} (raised by progress); " if raised_by_progress else ""
        finished = f"{result.timing.configurations:,} of {counted(result.status.size, 'configuration')} finished"
        super().__init__(f"{why}sweep interrupted, {finished}; they are in .result")
        self.result = result
        self.raised_by_progress = raised_by_progress

    @classmethod
    def by(cls, error: BaseException | None, result: SweepResult) -> SweepInterrupted:
        """Return the exception for what a progress callback raised, whose words come first; for Ctrl-C without."""
        return cls(result, "" if error is None else " ".join("".join(traceback.format_exception_only(error)).split()))

    def __reduce__(self) -> tuple[type[SweepInterrupted], tuple[SweepResult, str]]:
        return SweepInterrupted, (self.result, self.raised_by_progress)


def _least(loss: FloatArray, steps: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return where each row has its least loss, of equals the one of fewest steps, then the first; -1 if all failed."""
    loss, steps = loss.reshape(len(loss), -1), steps.reshape(len(steps), -1)
    least = loss.min(axis=1, keepdims=True)
    rows, columns = np.nonzero((loss == least) & np.isfinite(least))
    order = np.lexsort((steps[rows, columns], rows))  # which leaves equals in their order
    found, first = np.unique(rows[order], return_index=True)
    places = np.full(len(loss), -1)
    places[found] = columns[order[first]]
    return places


def _vector(theta: Any) -> str:
    """Return theta as short text."""
    return np.array2string(np.asarray(theta), precision=6, threshold=8, edgeitems=3, max_line_width=10_000)
