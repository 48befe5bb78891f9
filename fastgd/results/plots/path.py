"""A descent's path on the contours of the loss over two of its parameters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastgd.check import Array, about, choice
from fastgd.extras import imported
from fastgd.results.outcomes import Run, Trajectory
from fastgd.results.plots import drawing
from fastgd.results.plots.states import Window, around, check_problem, in_sight, least_known, recorded
from fastgd.results.plots.way import draw_way, frame
from fastgd.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CELLS = 121  # of contours, a side
FEWEST_CELLS = 25
PRODUCTS = 1e9  # of a feature and a parameter, that contours may cost: a second
LEVELS = 14
NAMES_SHOWN = 3
LEGEND = 36.0  # points that its two rows take above the axes


def plot_path(run: Run, problem: Any, x: str | None = None, y: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw a descent's path on the contours of the loss over two parameters.

    Levels are spaced evenly in the logarithm of what the loss is above its least, so that a narrow valley shows.

    Parameters
    ----------
    run : Descent
        With a trajectory.
    problem : Problem
        What descended, of two parameters or more.
    x, y : str, optional
        Names of the parameters; the first two by default.
    ax : matplotlib.axes.Axes, optional
        Where; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        Of more than two parameters the path is projected: contours are of the others at the minimum, or at the
        descent's last state where the problem has no `minimum()`, and each point is coloured by its true loss.

    Raises
    ------
    ValueError, TypeError
        If the problem has one parameter, nothing was recorded, or a name is not one of its parameters.

    Examples
    --------
    >>> import fastgd
    >>> from matplotlib.figure import Figure
    >>> problem = fastgd.examples.pizza()
    >>> run = fastgd.descend(problem, learning_rate=0.004, max_steps=200)
    >>> ax = plot_path(run, problem, x="b", y="w", ax=Figure().subplots())
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('b', 'w')
    """
    trajectory = recorded(run, "a picture of the path")
    check_problem(problem)
    across, up = _chosen(run, problem, x, y)
    minimum = least_known(problem)
    held, where = _held(trajectory, minimum)
    view = _view(trajectory, minimum, across, up)
    ax = drawing.axes(ax, "plot.path")
    looks, level = _draw_contours(ax, problem, _grid_of(held, view, problem.sample_count, across, up), minimum)
    frame(ax, view)
    ax.set_ylabel(drawing.named(run.parameters[up]))
    if minimum is not None:
        ax.plot(
            *minimum.theta[[across, up]],
            "*",
            color="white",
            markeredgecolor="black",
            ms=13,
            zorder=3.8,
            label="minimum",
        )
    theta = trajectory.theta
    stroke = imported("matplotlib.patheffects", "plot", "plot.path").withStroke(linewidth=3.0, foreground="black")
    line = {"color": "white", "linewidth": 1.4, "path_effects": [stroke]}  # seen on every colour
    looks |= {"c": trajectory.loss, "edgecolors": "black", "line": line}
    notes = draw_way(ax, view, theta[:, across], theta[:, up], run.status, **looks)
    drawing.legend(ax, ax.get_legend_handles_labels()[0])
    drawing.note(ax, drawing.named(run.parameters[across]), level, *notes)
    ax.set_title(_what_is_held(run, held, where, across, up), fontsize="medium", loc="left", pad=LEGEND)
    return ax


def _chosen(run: Run, problem: Any, x: str | None, y: str | None) -> tuple[int, int]:
    """Return the numbers of two parameters."""
    names = run.parameters
    if problem.dimension != len(names):
        what = f"must be what descended, of {counted(len(names), 'parameter')}, got one of {problem.dimension}"
        raise ValueError(about("problem", what))
    if len(names) < 2:
        what = "must have two parameters or more for a path on contours, got 1"
        raise ValueError(about("problem", f"{what}; plot.curve draws the loss of one"))
    if x is None and y is not None:
        x = next(name for name in names if name != choice("y", y, names))
    x = names[0] if x is None else choice("x", x, names)
    y = next(name for name in names if name != x) if y is None else choice("y", y, names)
    if x == y:
        raise ValueError(about("y", f"must be another parameter than x, got {y!r} for both"))
    return names.index(x), names.index(y)


def _held(trajectory: Trajectory, minimum: Any) -> tuple[Array, str]:
    """Return theta (P,) where the parameters that aren't drawn are held, and what it is."""
    if minimum is not None:
        return minimum.theta, "the minimum"
    finite = np.flatnonzero(np.isfinite(trajectory.theta).all(axis=1))
    return trajectory.theta[finite[-1] if len(finite) else 0], "the descent's last state"


def _what_is_held(run: Run, held: Array, where: str, across: int, up: int) -> str:
    """Return a title, where a path of more than two parameters is projected."""
    others = [number for number in range(len(held)) if number not in (across, up)]
    if not others:
        return ""
    values = [f"{drawing.named(run.parameters[number])} = {held[number]:.3g}" for number in others[:NAMES_SHOWN]]
    more = f" and {len(others) - NAMES_SHOWN:,} more" if len(others) > NAMES_SHOWN else ""
    return f"path projected; contours with the others at {where}:\n{', '.join(values)}{more}"


def _view(trajectory: Trajectory, minimum: Any, across: int, up: int) -> Window:
    theta = trajectory.theta[in_sight(trajectory.loss, None if minimum is None else minimum.loss)]
    if minimum is not None:
        theta = np.concatenate([theta, minimum.theta[None]])
    return Window(*around(theta[:, across], 0.15), *around(theta[:, up], 0.15))


def _grid_of(held: Array, view: Window, sample_count: int, across: int, up: int) -> tuple[Array, Array, Array]:
    """Return the contours' coordinates (n,) and (n,), and theta (n * n, P) at each pair of them, x fastest."""
    n = int(np.clip(math.sqrt(PRODUCTS / (sample_count * len(held))), FEWEST_CELLS, CELLS))
    x = np.linspace(view.left, view.right, n)
    y = np.linspace(view.bottom, view.top, n)
    theta = np.tile(held, (n * n, 1))
    theta[:, across] = np.tile(x, n)
    theta[:, up] = np.repeat(y, n)
    return x, y, theta


def _draw_contours(
    ax: Axes, problem: Any, grid: tuple[Array, Array, Array], minimum: Any
) -> tuple[dict[str, Any], str]:
    """Draw the contours and their colour bar, and return the colours of a loss, and why there are none."""
    colors = imported("matplotlib.colors", "plot", "a picture")
    x, y, theta = grid
    loss = np.reshape(problem.loss(theta), (len(y), len(x)))
    loss = np.where(drawing.are_drawn(loss), loss, np.inf)  # matplotlib takes levels to 1e250
    cmap = imported("matplotlib", "plot", "a picture").colormaps["viridis"]
    levels = _levels(loss, None if minimum is None else minimum.loss)
    if levels is None:
        words = "the loss is the same everywhere here" if np.isfinite(loss).any() else "the loss is beyond 1e200 here"
        return {"cmap": cmap, "norm": colors.Normalize()}, words
    norm = colors.BoundaryNorm(levels, cmap.N, extend="both")
    contours = ax.contourf(x, y, np.ma.masked_invalid(loss), levels=levels, norm=norm, cmap=cmap, extend="both")
    ticks = levels[::3].tolist()
    bar = ax.figure.colorbar(contours, ax=ax, label="loss", ticks=ticks, format=f"%.{drawing.telling(levels[::3])}g")
    bar.minorticks_off()
    return {"cmap": cmap, "norm": norm}, ""


def _levels(loss: Array, least: float | None) -> Array | None:
    """Return increasing levels, evenly spaced in the logarithm of the loss above its least; None if it is level."""
    finite = loss[np.isfinite(loss)]
    if not finite.size:
        return None
    floor = min(finite.min(), finite.min() if least is None else least)
    height = finite - floor
    height = height[height > 0.0]
    if not height.size:
        return None
    lowest = max(np.quantile(height, 0.004), height.max() * 1e-12)
    levels = np.unique(floor + np.geomspace(lowest, height.max(), LEVELS))
    return levels if len(levels) > 1 else None
