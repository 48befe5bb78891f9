"""What a sweep returns, as users see it: every outcome, the best of them, and a summary in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array, choice, shown, whole
from fastgd.descent.statuses import Status
from fastgd.once import computed_once
from fastgd.results.advice import message
from fastgd.results.outcomes import Outcome, Outcomes
from fastgd.results.summary import summarise
from fastgd.text import counted


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult(Outcomes):
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

    @computed_once
    def best(self) -> Outcome | None:
        """The least finite loss of those that did not fail, None if all did; of equals fewer steps, then the first."""
        place = int(_least(self._successful_loss()[None], self.steps[None])[0])
        return self.outcome(place) if place >= 0 else None

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
        places = _least(np.moveaxis(self._successful_loss(), at, 0), np.moveaxis(self.steps, at, 0))
        indices = np.moveaxis(np.arange(self.status.size).reshape(self.status.shape), at, 0)
        return [
            self.outcome(int(own.ravel()[place])) if place >= 0 else None
            for own, place in zip(indices, places.tolist(), strict=True)
        ]

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

    def _successful_loss(self) -> Array:
        """Return the loss, infinite where a configuration failed."""
        return np.where(np.isfinite(self.loss) & ~self.failed, self.loss, np.inf)

    def __str__(self) -> str:
        return summarise(self, self.best, self.fastest)

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

    def __reduce__(self) -> tuple[type[SweepInterrupted], tuple[SweepResult, str]]:
        return SweepInterrupted, (self.result, self.raised_by_progress)


def _least(loss: Array, steps: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return where each row has its least loss, of equals the one of fewest steps, then the first; -1 if all failed."""
    loss, steps = loss.reshape(len(loss), -1), steps.reshape(len(steps), -1)
    least = loss.min(axis=1, keepdims=True)
    rows, columns = np.nonzero((loss == least) & np.isfinite(least))
    order = np.lexsort((steps[rows, columns], rows))  # which leaves equals in their order
    found, first = np.unique(rows[order], return_index=True)
    places = np.full(len(loss), -1)
    places[found] = columns[order[first]]
    return places
