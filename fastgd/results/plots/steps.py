"""The steps until a descent converges against the learning rate, or another axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastgd.results.outcomes import Outcomes
from fastgd.results.plots import drawing
from fastgd.results.plots.drawing import CONVERGED, INTERRUPTED
from fastgd.results.plots.lines import Lines, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_steps(result: Outcomes, x: str | None = None, hue: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the steps of a sweep's descents against an axis: until they converged, or until they stopped otherwise.

    A line joins those that converged. The others are marked at the steps that they took until they failed or were
    stopped.

    Parameters
    ----------
    result : SweepResult
    x : str, optional
        An axis, or a zipped column; `learning_rate` if it varies, or else the longest axis.
    hue : str, optional
        Another axis, a line for each of its values, at most eight evenly picked ones. Over all axes else each point is
        the fastest: the one that converged in the fewest steps.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        If there is no such axis.
    ModuleNotFoundError
        Without matplotlib, with the command that installs it.

    Examples
    --------
    >>> import fastgd
    >>> from fastgd.results.plots.steps import plot_steps
    >>> square = fastgd.examples.square()
    >>> result = fastgd.sweep(square, learning_rate=[0.25, 0.375, 0.5], loss_threshold=1e-6)
    >>> ax = plot_steps(result)
    >>> ax.lines[0].get_ydata()
    array([10.,  5.,  1.])
    """
    ax = drawing.axes(ax, "plot_steps")
    lines = Lines(result, x, hue, by="steps")
    steps = lines.taken("steps")
    draw(ax, lines, steps, lines.kind == CONVERGED, log=drawing.is_wide(steps), best="fastest")
    if ax.get_yscale() == "linear":
        ax.locator_params(axis="y", integer=True)
    ax.set_ylabel("steps until it stopped" if (lines.kind != CONVERGED).any() else "steps to converge")
    if (lines.kind == INTERRUPTED).all():
        drawing.explain(ax, lines.kind)
    return ax
