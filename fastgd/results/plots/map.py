"""A map of a sweep over two axes, in two phases: what failed, and what did not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastgd.extras import imported
from fastgd.results.outcomes import Outcomes
from fastgd.results.plots import drawing, images, phases

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_map(result: Outcomes, x: str | None = None, y: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw a cell for each configuration over two axes: its loss or, where it failed, after how many steps.

    Each phase is ranked by itself, so that its colours are used evenly, and a gap between them shows the boundary. The
    colour bar tells true values. Those that failed are marked too: of many, some.

    Parameters
    ----------
    result : SweepResult
    x, y : str, optional
        Two axes; the longest by default. Over all others each cell shows the best, the least loss of those that did not
        fail, and is failed if all are. So does a cell that several neighbours share, where there are thousands.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        If there are no two axes, or none of that name.
    ModuleNotFoundError
        Without matplotlib, with the command that installs it.

    Examples
    --------
    >>> import fastgd
    >>> from fastgd.results.plots.map import plot_map
    >>> square = fastgd.examples.square()
    >>> result = fastgd.sweep(square, theta0=[[1.0], [2.0]], learning_rate=[0.25, 0.5, 2.0], max_steps=4)
    >>> ax = plot_map(result)
    >>> ax.get_xlabel(), ax.get_ylabel(), ax.collections[0].get_array().shape
    ('start of theta', 'learning_rate', (3, 2))
    """
    image = images.Image(result, x, y)
    ax = drawing.axes(ax, "plot_map")
    loss = image.taken("loss")
    steps = image.taken("steps")
    shades = phases.phases(image.kind, loss, steps)
    colours = imported("matplotlib", "plot", "plot_map").colormaps[phases.MAP].with_extremes(bad="0.75")
    mesh = images.draw(ax, image, np.ma.masked_invalid(shades), cmap=colours, vmin=-1.0, vmax=1.0)
    phases.colour_bar(ax, mesh, image.kind, shades, loss, steps)
    drawing.legend(ax, images.others(result, colours(0.2), "0.75"))
    if np.isnan(shades).all():
        drawing.explain(ax, image.kind)
    return ax
