"""The loss against one parameter of theta: where descents ended, or went along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array, choice
from fastgd.results.outcomes import Outcomes, Part, Run
from fastgd.results.plots import drawing
from fastgd.results.plots.drawing import FAILED, INTERRUPTED, handle, kind_of, looks, marked, named

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS = 300  # places along each axis, of which a kind's points are drawn once
UP = 200


def plot_parameter(result: Outcomes | Run, name: str, ax: Axes | None = None) -> Axes:
    """Draw the final loss of a sweep's configurations, or all recorded losses of a descent, against one parameter.

    Configurations that failed are in a strip of their own above; where their parameter is beyond those of the others,
    at its edge.

    Parameters
    ----------
    result : SweepResult or Descent
    name : str
        The parameter's, one of `result.parameters`.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        If there is no such parameter, or a descent recorded nothing.
    ModuleNotFoundError
        Without matplotlib, with the command that installs it.

    Examples
    --------
    >>> import fastgd
    >>> from fastgd.results.plots.parameter import plot_parameter
    >>> run = fastgd.descend(fastgd.examples.square(), learning_rate=0.25, max_steps=3)
    >>> ax = plot_parameter(run, "theta")
    >>> ax.lines[0].get_xdata(), ax.lines[0].get_ydata()
    (array([1.   , 0.5  , 0.25 , 0.125]), array([1.      , 0.25    , 0.0625  , 0.015625]))
    """
    k = result.parameters.index(choice("name", name, result.parameters))
    if isinstance(result, Run) and result.trajectory is None:
        raise ValueError("plot_parameter needs a trajectory, and record_every=None recorded none")
    ax = drawing.axes(ax, "plot_parameter")
    return _of_descent(result, k, ax) if isinstance(result, Run) else _of_sweep(result, k, ax)


def _of_descent(run: Run, k: int, ax: Axes) -> Axes:
    recorded = run.trajectory
    assert recorded is not None
    theta = recorded.theta[:, k]
    across = drawing.scaled(ax.xaxis, theta, log=False)
    up = drawing.scaled(ax.yaxis, recorded.loss, log=drawing.is_wide(recorded.loss), rounding=drawing.ROUNDING)
    x = across.positions(theta)
    y = up.positions(recorded.loss)
    marker = "." if len(x) <= drawing.MOST_MARKERS else ""
    ax.plot(x, y, color="0.25", marker=marker, linewidth=1.0)
    look = list(drawing.LOOKS.values())[int(kind_of(run.status))]
    ax.plot(x[:1], y[:1], linestyle="", marker="D", color="black", markerfacecolor="white", label="start", zorder=3.0)
    ax.plot(x[-1:], y[-1:], label=look.label, zorder=3.0, **marked(look))
    drawing.legend(ax, list(ax.lines[-2:]))
    drawing.note(ax, named(run.parameters[k]))
    ax.set_ylabel("loss")
    return ax


def _of_sweep(result: Outcomes, k: int, ax: Axes) -> Axes:
    counts = drawing.counts_of_kinds(result)
    seen = [_seen(*_points(part, k)) for part in result.parts()]
    inside, others, losses, too_great = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    across = drawing.scaled(ax.xaxis, inside if counts[:FAILED].any() else others, log=False)
    strip = drawing.failed_or(too_great, np.ones(too_great.shape, dtype=np.bool_))
    up = drawing.scaled(ax.yaxis, losses, log=drawing.is_wide(losses), beyond=strip, rounding=drawing.ROUNDING)
    low, high = ax.get_xlim()
    codes = [code for code in np.flatnonzero(counts).tolist() if code != INTERRUPTED]
    drawn = {code: (_Few if counts[code] <= drawing.MOST_MARKERS**2 else _Thinned)(ax) for code in codes}
    beyond = 0
    for part in result.parts():
        kind, theta, loss = _points(part, k)
        beyond += int(np.count_nonzero((kind == FAILED) & ~((theta >= low) & (theta <= high))))
        x = np.clip(np.nan_to_num(across.positions(theta), nan=low), low, high)
        for code, points in drawn.items():
            own = kind == code
            points.add(x[own], up.positions(loss[own]))
    handles = []
    for code, look in looks():
        if code in drawn:
            x, y = drawn[code].points()
            ax.plot(x, y, label=look.label, clip_on=False, zorder=2.0 - code / 10, **marked(look))
        if counts[code]:
            handles.append(handle(look, int(counts[code])))
    most = max((points.fullest for points in drawn.values()), default=1)
    drawing.legend(ax, handles)
    drawing.note(
        ax,
        named(result.parameters[k]),
        f"1 point = up to {most:,} configurations" * (most > 1),
        f"{beyond:,} that failed lie beyond, drawn at the edges" * bool(beyond),
    )
    ax.set_ylabel("final loss")
    drawing.explain(ax, np.flatnonzero(counts))
    return ax


def _points(part: Part, k: int) -> tuple[NDArray[np.intp], Array, Array]:
    """Return kinds, a parameter, and losses, infinite of what failed."""
    kind = kind_of(part["status"], part["stalled"])
    return kind, part["theta"][:, k], np.where(kind < FAILED, part["loss"], np.inf)


def _seen(kind: NDArray[np.intp], theta: Array, loss: Array) -> tuple[Array, Array, Array, Array]:
    """Return what scales are made of: the parameter of what did not fail, and of all; the losses, and the too great."""
    success = kind < FAILED
    there = kind != INTERRUPTED
    others = theta[there & drawing.are_drawn(theta)]
    too_great = loss[success & ~drawing.are_drawn(loss)]
    return (
        drawing.few_of(theta[success]),
        drawing.few_of(others),
        drawing.few_of(loss[there]),
        drawing.few_of(too_great),
    )


class _Few:
    """All points of a kind."""

    fullest = 1

    def __init__(self, ax: Axes) -> None:
        self.parts: list[tuple[Array, Array]] = []

    def add(self, x: Array, y: Array) -> None:
        self.parts.append((x, y))

    def points(self) -> tuple[Array, Array]:
        x, y = zip(*self.parts, strict=True)
        return np.concatenate(x), np.concatenate(y)


class _Thinned:
    """The first of the points in each of many places."""

    def __init__(self, ax: Axes) -> None:
        self.axes = ax
        self.x = np.zeros((ACROSS + 1) * (UP + 1))
        self.y = np.zeros_like(self.x)
        self.counts = np.zeros(self.x.shape, dtype=np.int64)

    def add(self, x: Array, y: Array) -> None:
        place = _share(x, self.axes.get_xlim(), False, ACROSS) * (UP + 1)
        place += _share(y, self.axes.get_ylim(), self.axes.get_yscale() == "log", UP)
        new = np.flatnonzero(self.counts[place] == 0)[::-1]  # so that the first is the last to be set
        self.x[place[new]] = x[new]
        self.y[place[new]] = y[new]
        self.counts += np.bincount(place, minlength=self.counts.size)

    def points(self) -> tuple[Array, Array]:
        there = self.counts > 0
        return self.x[there], self.y[there]

    @property
    def fullest(self) -> int:
        return int(self.counts.max())


def _share(values: Array, ends: tuple[float, float], log: bool, count: int) -> NDArray[np.int64]:
    """Return in which of so many parts of an axis values lie."""
    at, (low, high) = (np.log(values), np.log(ends)) if log else (values, ends)
    return ((at - low) / (high - low) * count).astype(np.int64)
