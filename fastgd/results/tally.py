"""What is told of all configurations of a grid at once, gathered from one run of them after another.

So a result that does not fit in memory is summed up like any other.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array
from fastgd.descent.hyperparameters import HYPERPARAMETERS
from fastgd.descent.statuses import Status
from fastgd.results.outcomes import Outcomes, Part

# A loss above it has overflowed to the eye, though the threshold stopped it first.
OVERFLOW = HYPERPARAMETERS["divergence_threshold"].default or math.inf


@dataclass
class Span:
    """How many numbers there were, and from where to where they go."""

    count: int = 0
    low: float = math.inf
    high: float = -math.inf

    def add(self, numbers: NDArray[np.generic]) -> None:
        """Count some more."""
        if numbers.size:
            self.count += numbers.size
            self.low = min(self.low, numbers.min().item())
            self.high = max(self.high, numbers.max().item())


@dataclass
class Count:
    """The configurations of one status.

    Attributes
    ----------
    steps : Span
    fell : int
        Those whose loss is below that at the start.
    overflowed : int
        Those whose loss is beyond what the eye takes for a number.
    stalled : int
    missed : int
        Those whose `loss_threshold` is not above the least loss.
    """

    steps: Span = field(default_factory=Span)
    fell: int = 0
    overflowed: int = 0
    stalled: int = 0
    missed: int = 0


@dataclass
class Tally:
    """All configurations.

    Attributes
    ----------
    statuses : dict of Status to Count
    converged, fell : ndarray (n,) of bool
        At which values of the learning rate, along its axis, some configuration did.
    early : Span
        Losses of those that diverged before their first step,
    above : Span
        and those of them that are numbers above `divergence_threshold`.
    rates_early, rates_late : Span
        Learning rates above 0 of those, and of all others that were run.
    late : int
        How many others were run.
    """

    converged: NDArray[np.bool_]
    fell: NDArray[np.bool_]
    statuses: dict[Status, Count] = field(default_factory=lambda: defaultdict(Count))
    early: Span = field(default_factory=Span)
    above: Span = field(default_factory=Span)
    rates_early: Span = field(default_factory=Span)
    rates_late: Span = field(default_factory=Span)
    late: int = 0

    def number(self, least: int) -> int:
        """Return how many have this status or a better one."""
        return sum(count.steps.count for status, count in self.statuses.items() if status >= least)


def tally(result: Outcomes) -> Tally:
    """Count the configurations of a result."""
    values = result.grid.values["learning_rate"].size
    counted = Tally(np.zeros(values, dtype=np.bool_), np.zeros(values, dtype=np.bool_))
    for part in result.parts():
        for code in np.unique_values(part["status"]).tolist():
            _count(counted.statuses[Status(code)], result, part, part["status"] == code)
        _note_rates(counted, result, part)
        _note_failures(counted, result, part)
    return counted


def _count(count: Count, result: Outcomes, part: Part, chosen: NDArray[np.bool_]) -> None:
    loss = part["loss"][chosen]
    count.steps.add(part["steps"][chosen])
    count.fell += int((loss < part["initial_loss"][chosen]).sum())
    count.overflowed += int((~(loss <= OVERFLOW)).sum())  # NaN too
    count.stalled += int(part["stalled"][chosen].sum())
    least = result.facts.least_loss
    if least is not None and "loss_threshold" in result.grid.given:
        count.missed += int((part.along(result.grid, "loss_threshold")[chosen] <= least).sum())


def _note_rates(counted: Tally, result: Outcomes, part: Part) -> None:
    status = part["status"]
    moved = ~part["stalled"]
    fell = (status >= 0) & moved & (part["loss"] < part["initial_loss"])
    for places, worked in ((counted.converged, (status > 0) & moved), (counted.fell, fell)):
        if result.grid.values["learning_rate"].ndim:
            places[part.places(result.grid, result.grid.axis_of("learning_rate"))[worked]] = True


def _note_failures(counted: Tally, result: Outcomes, part: Part) -> None:
    early = (part["status"] == Status.DIVERGED) & (part["steps"] == 0)
    late = ~early & (part["status"] != Status.CANCELLED)
    counted.late += int(late.sum())
    rates = part.along(result.grid, "learning_rate")
    counted.rates_late.add(rates[late & (rates > 0.0)])
    if early.any():
        loss = part["loss"][early]
        counted.rates_early.add(rates[early & (rates > 0.0)])
        counted.early.add(loss)
        threshold = part.along(result.grid, "divergence_threshold")[early]
        counted.above.add(loss[np.isfinite(loss) & (loss > threshold)])


# ---- the best of some ------------------------------------------------------------------------------------------------

Measure = Callable[[Part], tuple[Array, Array]]  # what is to be least, and what decides among equals


def successful_loss(part: Part) -> tuple[Array, Array]:
    """Return the loss, infinite where a configuration failed; of equals fewer steps are better."""
    loss = np.where(np.isfinite(part["loss"]) & (part["status"] >= 0), part["loss"], np.inf)
    return loss, part["steps"].astype(np.float64)


def steps_to_converge(part: Part) -> tuple[Array, Array]:
    """Return the steps of those that converged and did not stall, infinity for others; the first of equals is best."""
    moved = (part["status"] > 0) & ~part["stalled"]
    return np.where(moved, part["steps"], np.inf), np.zeros(part["steps"].size)


def best_places(
    result: Outcomes, measure: Measure, where: Callable[[Part], NDArray[np.intp]] | None = None, values: int = 1
) -> NDArray[np.int64]:
    """Return the flat index of the best configuration of each of some groups, or of all; -1 of a group without any.

    `where` tells the group of each configuration, of so many values. Of equals in both numbers the first is best.
    """
    least = np.full(values, np.inf)
    second = np.full(values, np.inf)
    places = np.full(values, -1)
    for part in result.parts():
        own, ties = measure(part)
        at = np.zeros(own.size, dtype=np.intp) if where is None else where(part)
        found = _best_of_part(own, ties, at, values)
        better = (found[2] >= 0) & ((places < 0) | (found[0] < least) | ((found[0] == least) & (found[1] < second)))
        least[better] = found[0][better]
        second[better] = found[1][better]
        places[better] = found[2][better] + part.first
    return places


def _best_of_part(own: Array, ties: Array, at: NDArray[np.intp], values: int) -> tuple[Array, Array, NDArray[np.intp]]:
    least = np.full(values, np.inf)
    np.fmin.at(least, at, own)
    tied = np.flatnonzero(own == least[at])
    second = np.full(values, np.inf)
    np.minimum.at(second, at[tied], ties[tied])
    first = tied[ties[tied] == second[at[tied]]][::-1]  # so that the first is the last to be set
    places = np.full(values, -1)
    places[at[first]] = first
    return least, second, places


def best_there(
    result: Outcomes, measure: Measure, where: Callable[[Part], NDArray[np.intp]] | None = None, values: int = 1
) -> list[int | None]:
    """Return the same with None where none of a group has a finite number."""
    places = best_places(result, lambda part: _only_finite(*measure(part)), where, values)
    return [place if place >= 0 else None for place in places.tolist()]


def _only_finite(own: Array, ties: Array) -> tuple[Array, Array]:
    """Return the numbers with NaN, which is no least, for infinity."""
    return np.where(np.isfinite(own), own, np.nan), ties
