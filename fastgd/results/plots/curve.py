"""The loss curve of a problem of one parameter, and a descent's way down it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastgd.check import Array, about, choice, finite, numbers_between, real_array, shown
from fastgd.extras import imported
from fastgd.results.outcomes import Run, Trajectory
from fastgd.results.plots import drawing
from fastgd.results.plots.states import COLUMNS, Window, around, check_problem, in_sight, least_known, recorded
from fastgd.results.plots.way import draw_way, frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVE = "0.6"  # grey
TANGENTS = ("#D55E00", "#CC79A7", "#009E73", "#E69F00")
VISITS = 1e9  # of samples, that the curve may cost: a second
FEWEST_POINTS = 100  # of it
REACH = 0.2  # of the picture's width or height, a tangent's to either side
LEVEL = 1e-12  # of the picture's height, below which a rise over its width is rounding, at a minimum say
STEEP = 1e3  # times the curve's middle rise, above which its highest point would make all else a line
WALL = 40.0  # times half that rise, that is shown then


def plot_curve(
    run: Run,
    problem: Any,
    ax: Axes | None = None,
    window: tuple[float, float] | None = None,
    tangent: str | float | Sequence[float] | None = "last",
) -> Axes:
    """Draw the loss curve of a problem of one parameter with the points that a descent visited, in order.

    Parameters
    ----------
    run : Descent
        With a trajectory.
    problem : Problem
        What descended, of one parameter.
    ax : matplotlib.axes.Axes, optional
        Where; a new figure by default.
    window : (low, high), optional
        Of the parameter; by default the visited points and the minimum, until the loss is a million times the first.
        Points outside are drawn at its edge.
    tangent : {"last", "start"}, float, sequence of float or None
        Where the curve's slope is drawn: at the last point in the window, at the start, at parameters of your choice.

    Returns
    -------
    matplotlib.axes.Axes
        The minimum is `problem.minimum()`, and of a problem without one the least loss that was evaluated.

    Raises
    ------
    ValueError, TypeError
        If the problem has several parameters, nothing was recorded, or an argument is not as above.

    Examples
    --------
    >>> import fastgd
    >>> from matplotlib.figure import Figure
    >>> problem = fastgd.examples.square()
    >>> run = fastgd.descend(problem, 3.0, learning_rate=0.3, max_steps=20, tolerance=1e-5)
    >>> ax = plot_curve(run, problem, ax=Figure().subplots())
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('theta', 'loss')
    """
    trajectory = recorded(run, "a picture of the visited points")
    check_problem(problem)
    if problem.dimension != 1 or trajectory.theta.shape[1] != 1:
        what = f"must have one parameter to be drawn as a curve, got {problem.dimension}"
        raise ValueError(about("problem", f"{what}; plot.path draws the loss over two of several"))
    theta = trajectory.theta[:, 0]
    minimum = least_known(problem)
    low, high = _window(window, theta, trajectory.loss, minimum)
    x = np.linspace(low, high, int(np.clip(VISITS / problem.sample_count, FEWEST_POINTS, COLUMNS)))
    y = problem.loss(x[:, None])
    view = Window(low, high, *_heights(y, trajectory, low, high))
    touched = _touched(tangent, trajectory, view)
    ax = drawing.axes(ax, "plot.curve")
    frame(ax, view)
    ax.set_ylabel("loss")
    ax.plot(x, np.where(np.isfinite(y), y, np.nan), color=CURVE, label="_curve")
    for colour, at in zip(itertools.cycle(TANGENTS), touched, strict=False):
        _draw_tangent(ax, problem, at, view, colour)
    looks = {"c": np.arange(len(theta)), "cmap": "Blues", "norm": _from_light(len(theta)), "edgecolors": "black"}
    looks["line"] = {"color": "0.35", "linewidth": 0.8}
    notes = draw_way(ax, view, theta, trajectory.loss, run.status, **looks)
    _mark_minimum(ax, view, minimum, np.append(x, theta), np.append(y, trajectory.loss))
    drawing.legend(ax, ax.get_legend_handles_labels()[0])
    drawing.note(ax, drawing.named(run.parameters[0]), *notes)
    return ax


def _window(given: Any, theta: Array, loss: Array, minimum: Any) -> tuple[float, float]:
    if given is not None:
        ends = finite("window", real_array("window", given)).tolist()
        if np.ndim(ends) != 1 or len(ends) != 2 or not ends[0] < ends[1]:
            raise ValueError(about("window", f"must be two parameters, the lower one first, got {shown(given)}"))
        return ends[0], ends[1]
    if minimum is None:
        return around(theta[in_sight(loss)])
    return around(np.append(theta[in_sight(loss, minimum.loss)], minimum.theta))


def _heights(curve: Array, trajectory: Trajectory, low: float, high: float) -> tuple[float, float]:
    """Return the range of losses: of the curve and the points on it, but not where one wall would hide the rest."""
    theta = trajectory.theta[:, 0]
    seen = np.append(curve, trajectory.loss[(theta >= low) & (theta <= high)])
    seen = seen[np.isfinite(seen)]
    finite = curve[np.isfinite(curve)]
    if not finite.size:
        return around(seen)
    least = seen.min()
    rise = np.median(finite) / 2.0 - least / 2.0  # halves, as a difference may overflow
    is_walled = rise > 0.0 and seen.max() / 2.0 - least / 2.0 > STEEP * rise
    return around(np.array([least, least + WALL * rise]) if is_walled else seen)


def _touched(tangent: Any, trajectory: Trajectory, view: Window) -> list[float]:
    """Return where tangents are drawn."""
    if tangent is None:
        return []
    if not isinstance(tangent, str):
        return list(finite("tangent", numbers_between("tangent", tangent)).reshape(-1).tolist())
    choice("tangent", tangent, ("last", "start"))
    theta = trajectory.theta[:, 0]
    seen = theta[view.holds(theta, trajectory.loss)]
    return seen[[0 if tangent == "start" else -1]].tolist() if len(seen) else []


def _draw_tangent(ax: Axes, problem: Any, at: float, view: Window, colour: str) -> None:
    """Draw the tangent at a parameter, no longer than reads well; nothing where the slope is not finite."""
    loss = float(problem.loss(np.array([at])))
    slope = float(problem.gradient(np.array([at]))[0])
    if not (math.isfinite(loss) and math.isfinite(slope)):
        return
    reach = REACH * (view.right - view.left)
    if abs(slope) * reach > REACH * (view.top - view.bottom):
        reach = REACH * (view.top - view.bottom) / abs(slope)
    x = np.array([at - reach, at + reach])
    is_level = abs(slope) * (view.right - view.left) < LEVEL * (view.top - view.bottom)
    label = f"slope {0.0 if is_level else slope:.4g} at {at:.4g}"
    ax.plot(x, loss + slope * (x - at), color=colour, linewidth=2.2, linestyle="--", zorder=2.8, label=label)


def _mark_minimum(ax: Axes, view: Window, minimum: Any, x: Array, y: Array) -> None:
    """Mark the minimum, or the least loss that was evaluated."""
    if minimum is not None:
        words = "minimum"
        at = minimum.theta[0]
        loss = minimum.loss
    elif np.isfinite(y).any():
        words = "least evaluated"
        at = x[np.argmin(np.where(np.isfinite(y), y, np.inf))]
        loss = np.min(y, where=np.isfinite(y), initial=np.inf)
    else:
        return
    where = "" if view.holds(at, loss) else f" at {at:.4g}, outside"
    looks: dict[str, Any] = {"color": "white", "markeredgecolor": "black", "markersize": 13, "zorder": 3.8}
    ax.plot([at], [loss], "*", label=f"{words}, loss {loss:.4g}{where}", **looks)


def _from_light(K: int) -> Any:
    """Return the colours of K states, none of them as light as the paper."""
    return imported("matplotlib.colors", "plot", "a picture").Normalize(-0.4 * K, max(K - 1, 1))
