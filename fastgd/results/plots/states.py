"""The recorded states of descents, as pictures take them: few enough to be drawn, and none of the extremes lost."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array, about, shown
from fastgd.results.outcomes import Outcomes, Run, Trajectory
from fastgd.results.plots import drawing

COLUMNS = 1000  # of a picture, and rows: a pixel or two each
FEW_STATES = 300  # drawn one by one wherever they are
MOST_STATES = 2000  # drawn one by one
OUT_OF_SIGHT = 1e6  # times what the loss was above the least at the start; where a window follows the states no more

_Recorded = TypeVar("_Recorded")


def recorded(run: object, what: str) -> Trajectory:
    """Return the trajectory of one descent.

    Raises
    ------
    TypeError
        If it is not a `Descent`.
    ValueError
        If nothing was recorded; the sentence names `record_every`.
    """
    if not isinstance(run, Run):
        raise TypeError(about("run", f"must be a Descent, which descend() returns, got {shown(run)}"))
    return _there(run.trajectory, what)


def recorded_of(result: Outcomes, index: int, what: str) -> Trajectory:
    """Return the trajectory (K,) of a sweep's configuration by its flat index, until its stop; ValueError if none."""
    steps = _there(result.recorded, what)
    at = np.asarray(index)
    own = Trajectory(steps, result.at("trajectory_theta", at), result.at("trajectory_loss", at))
    return own.until(int(result.at("steps", at)), result.at("theta", at), float(result.at("loss", at)))


def _there(recorded: _Recorded | None, what: str) -> _Recorded:
    if recorded is None:
        raise ValueError(f"{what} needs a recorded trajectory; run it again with record_every=1, or more for fewer")
    return recorded


def check_problem(problem: Any) -> None:
    """Raise TypeError if something is no problem."""
    if not (hasattr(problem, "dimension") and hasattr(problem, "loss")):
        raise TypeError(about("problem", f"must be the problem that descended, got {shown(problem)}"))


def least_known(problem: Any) -> Any:
    """Return the problem's `minimum()`; None where it has none: another loss than the squared one."""
    try:
        return problem.minimum()
    except (AttributeError, ValueError):
        return None


def in_sight(loss: Array, least: float | None = None) -> NDArray[np.bool_]:
    """Tell which states (K,) a window should hold: up to where a diverging loss is a million times the first.

    In a window around all of a descent that diverges there would be its last two states, and the others one dot.
    """
    finite = np.isfinite(loss)
    if not finite.any():
        return finite
    first = loss[finite][0]
    floor = loss[finite].min() if least is None else least
    scale = max(first - floor, abs(first))
    with np.errstate(over="ignore", invalid="ignore"):
        return finite & (loss - floor <= OUT_OF_SIGHT * scale) if scale > 0.0 else finite


def around(values: Array, margin: float = 0.08) -> tuple[float, float]:
    """Return an interval around what can be drawn of some values, a little wider than they are."""
    finite = values[drawing.are_drawn(values)]
    low = float(finite.min(initial=np.inf)) if finite.size else 0.0
    high = float(finite.max(initial=-np.inf)) if finite.size else 0.0
    reach = margin * (high - low) if low < high else max(abs(low) / 2.0, 1.0)
    return max(low - reach, -drawing.MOST), min(high + reach, drawing.MOST)


class Window(NamedTuple):
    """A rectangle of two coordinates."""

    left: float
    right: float
    bottom: float
    top: float

    def holds(self, x: Array, y: Array) -> NDArray[np.bool_]:
        """Tell which points are inside."""
        return (x >= self.left) & (x <= self.right) & (y >= self.bottom) & (y <= self.top)

    def clipped(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return points, those outside moved to the edge."""
        return np.clip(x, self.left, self.right), np.clip(y, self.bottom, self.top)

    def moves(self, x: Array, y: Array) -> NDArray[np.intp]:
        """Return which of a way's points to draw: each that is in another pixel than the one before.

        What is left out is drawn under one that is not, unless that leaves more than `MOST_STATES`, of which so many
        are evenly picked. First and last are always among them.
        """
        if len(x) <= FEW_STATES:
            return np.arange(len(x))
        across, up = self.clipped(x, y)
        pixel = np.stack(
            [
                np.floor((across - self.left) / (self.right - self.left) * COLUMNS),
                np.floor((up - self.bottom) / (self.top - self.bottom) * COLUMNS),
            ]
        )
        moved = np.append(True, (np.diff(pixel, axis=1) != 0.0).any(axis=0))
        moved[-1] = True
        places = np.flatnonzero(moved)
        return evenly(places, MOST_STATES)


def evenly(values: NDArray[Any], most: int) -> NDArray[Any]:
    """Return at most so many of some values, evenly picked, the first and the last among them."""
    if len(values) <= most:
        return values
    return values[np.linspace(0, len(values) - 1, most).round().astype(np.intp)]


def extremes(x: Array, y: Array, columns: int = COLUMNS) -> NDArray[np.intp]:
    """Return which points of a curve to draw: of each column of pixels the first, the least, the greatest and the last.

    The picture is that of all points: no spike is lost, as it would be if every so-manieth were taken. x ascends.
    """
    if len(x) <= 4 * columns:
        return np.arange(len(x))
    column = np.floor((x - x[0]) / (x[-1] - x[0]) * columns)
    begins = np.flatnonzero(np.diff(column, prepend=-1.0))
    ends = np.append(begins[1:], len(x)) - 1
    order = np.lexsort((y, column))
    return np.unique(np.concatenate([begins, order[begins], order[ends], ends]))
