"""The loss against one parameter of theta: where descents ended, or went along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array, choice
from fastgd.results.outcomes import Outcomes, Run
from fastgd.results.plots import drawing
from fastgd.results.plots.drawing import FAILED, INTERRUPTED, handle, kind_of, kinds, looks, marked, named

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
    kind = kinds(result).ravel()
    theta = result.theta.reshape(-1, result.theta.shape[-1])[:, k]
    success = kind < FAILED
    loss = np.where(success, result.loss.ravel(), np.inf)
    there = kind != INTERRUPTED
    inside = theta[success] if success.any() else theta[there & drawing.are_drawn(theta)]
    across = drawing.scaled(ax.xaxis, inside, log=False)
    strip = drawing.failed_or(loss, success)
    up = drawing.scaled(ax.yaxis, loss[there], log=drawing.is_wide(loss), beyond=strip, rounding=drawing.ROUNDING)
    low, high = ax.get_xlim()
    beyond = (kind == FAILED) & ~((theta >= low) & (theta <= high))
    x = np.clip(np.nan_to_num(across.positions(theta), nan=low), low, high)
    y = up.positions(loss) if there.any() else loss
    handles = []
    most = 1
    for code, look in looks():
        own = np.flatnonzero(kind == code)
        if own.size and code != INTERRUPTED:
            points, fullest = _thinned(x[own], y[own], up.log)
            most = max(most, fullest)
            ax.plot(
                x[own[points]], y[own[points]], label=look.label, clip_on=False, zorder=2.0 - code / 10, **marked(look)
            )
        if own.size:
            handles.append(handle(look, own.size))
    drawing.legend(ax, handles)
    drawing.note(
        ax,
        named(result.parameters[k]),
        f"1 point = up to {most:,} configurations" * (most > 1),
        f"{np.count_nonzero(beyond):,} that failed lie beyond, drawn at the edges" * bool(beyond.any()),
    )
    ax.set_ylabel("final loss")
    drawing.explain(ax, kind)
    return ax


def _thinned(x: Array, y: Array, log: bool) -> tuple[NDArray[np.intp], int]:
    """Return the first of the points in each of many places, and how many the fullest has; all where they are few."""
    if len(x) <= drawing.MOST_MARKERS**2:
        return np.arange(len(x)), 1
    places = np.zeros(len(x), dtype=np.int64)
    for values, count in ((x, ACROSS), (np.log(y) if log else y, UP)):
        extent = float(np.ptp(values)) or 1.0
        places = places * (count + 1) + ((values - values.min()) / extent * count).astype(np.int64)
    _, first, counts = np.unique(places, return_index=True, return_counts=True)
    return first, int(counts.max())
