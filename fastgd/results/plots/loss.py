"""The final loss against the learning rate, or another axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastgd.results.outcomes import Outcomes
from fastgd.results.plots import drawing
from fastgd.results.plots.drawing import FAILED
from fastgd.results.plots.lines import Lines, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_loss(result: Outcomes, x: str | None = None, hue: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the final loss of a sweep against an axis, and where descents converge, take all steps, or fail.

    Those that failed are in a strip of their own above, whatever their loss. With a constant learning rate the
    stability limit and the best rate are marked, where the curvature tells them exactly and they lie on the axis.

    Parameters
    ----------
    result : SweepResult
    x : str, optional
        An axis, or a zipped column; `learning_rate` if it varies, or else the longest axis.
    hue : str, optional
        Another axis, a line for each of its values, at most eight evenly picked ones. Over all axes else each point is
        the best: the least loss of those that did not fail.
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
    >>> from fastgd.results.plots.loss import plot_loss
    >>> result = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.01, 0.1, 0.5, 2.0], max_steps=20)
    >>> ax = plot_loss(result)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['took all steps (3)', 'failed (1)', 'stability limit 1', 'best fixed rate 0.5']
    """
    ax = drawing.axes(ax, "plot_loss")
    lines = Lines(result, x, hue, by="loss")
    success = lines.kind < FAILED
    loss = np.where(success, lines.taken("loss"), np.inf)
    draw(ax, lines, loss, success, log=drawing.is_wide(loss), best="best")
    ax.set_ylabel("final loss")
    drawing.explain(ax, lines.kind)
    return ax
