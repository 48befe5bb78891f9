"""Which minimum descents reach, over two axes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array, number_between
from fastgd.extras import imported
from fastgd.results.outcomes import Outcomes
from fastgd.results.plots import drawing, images
from fastgd.results.plots.drawing import COLOURS, CONVERGED, FAILED, named
from fastgd.results.plots.minima import Minima, minima, usual_tolerance
from fastgd.text import counted

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

FAILED_GREY = "0.55"
ELSEWHERE = "0.85"
PALEST = 0.75  # part of white in the colour of the fewest steps
MOST_NAMED = len(COLOURS) - 1  # minima with a colour of their own, the fullest; the last colour is for all others


def plot_basins(
    result: Outcomes,
    x: str | None = None,
    y: str | None = None,
    ax: Axes | None = None,
    tolerance: float | None = None,
) -> Axes:
    """Draw a cell for each configuration over two axes: the hue says which minimum it reached, darker after more steps.

    Minima are places where descents converged, or if none did, where they stood at their end. They are numbered by
    their thetas, and named where many descents are. What neither failed nor reached one of them is light grey.

    Parameters
    ----------
    result : SweepResult
    x, y : str, optional
        Two axes; the longest by default. Over all others each cell shows the best, the least loss of those that did not
        fail, and is failed if all are. So does a cell that several neighbours share, where there are thousands.
    ax : matplotlib.axes.Axes, optional
        A new figure's by default.
    tolerance : float, optional
        What is nearer to one another, in each component of theta, is at one minimum. A hundredth of the greatest extent
        of starts and minima by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        If there are no two axes, or none of that name, or the tolerance is not positive.
    ModuleNotFoundError
        Without matplotlib, with the command that installs it.

    Examples
    --------
    >>> import numpy as np, fastgd
    >>> from fastgd.results.plots.basins import plot_basins
    >>> wells = fastgd.Objective(lambda theta: (theta**2 - 1) ** 2, lambda theta: 4 * theta * (theta**2 - 1))
    >>> starts = np.linspace(-2, 2, 8)[:, None]
    >>> result = fastgd.sweep(wells, theta0=starts, learning_rate=[0.01, 0.1], gradient_tolerance=1e-8)
    >>> ax = plot_basins(result)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['theta = -1', 'theta = 1']
    """
    image = images.Image(result, x, y)
    if tolerance is not None:
        tolerance = number_between("tolerance", tolerance, minimum=sys.float_info.min)
    ax = drawing.axes(ax, "plot_basins")
    success = image.kind < FAILED
    theta = result.at("theta", image.chosen[success])
    settled = image.kind[success] == CONVERGED
    why = "" if settled.any() or not success.any() else "none converged: where they stood at their end"
    settled = np.ones(len(theta), dtype=np.bool_) if why else settled
    tolerance = tolerance or usual_tolerance(theta[settled], result.grid.starts)
    found = minima(theta, image.taken("loss")[success], settled, tolerance)
    steps = image.taken("steps")[success]
    colour_of = _colours(found)
    to_rgb = imported("matplotlib.colors", "plot", "plot_basins").to_rgb
    cells = np.ones((*image.kind.shape, 3))
    cells[image.kind == FAILED] = to_rgb(FAILED_GREY)
    pale = PALEST * (1.0 - _share(steps))[:, None] * (found.number >= 0)[:, None]
    cells[success] = np.array([to_rgb(colour) for colour in colour_of])[found.number] * (1.0 - pale) + pale
    images.draw(ax, image, cells, _said(steps), why)
    drawing.legend(ax, [*_named(result, found, colour_of, tolerance), *images.others(result, FAILED_GREY, "1.0")])
    drawing.explain(ax, image.kind)
    return ax


def _colours(found: Minima) -> list[str]:
    """Return a colour for each minimum, and last the one of what is at none."""
    fullest = np.argsort(-np.bincount(found.number[found.number >= 0], minlength=len(found.theta)), kind="stable")
    colours = [COLOURS[-1]] * len(found.theta)
    coloured = sorted(fullest[:MOST_NAMED].tolist())
    for number, colour in zip(coloured, COLOURS[: len(coloured)], strict=True):
        colours[number] = colour
    return [*colours, ELSEWHERE]


def _share(steps: NDArray[np.int64]) -> Array:
    """Return where steps lie between the fewest, 0, and the most, 1, by factors."""
    if not steps.size or steps.min() == steps.max():
        return np.ones(steps.shape)
    logarithm = np.log1p(steps)
    return np.asarray((logarithm - logarithm.min()) / (logarithm.max() - logarithm.min()))


def _said(steps: NDArray[np.int64]) -> str:
    if not steps.size or steps.min() == steps.max():
        return ""
    return f"pale: {counted(int(steps.min()), 'step')}, dark: {counted(int(steps.max()), 'step')}"


def _named(result: Outcomes, found: Minima, colours: list[str], tolerance: float) -> list[Artist]:
    """Return a legend's entries for minima and what is at none."""
    patch = imported("matplotlib.patches", "plot", "plot_basins").Patch
    entries = []
    places = np.where(np.abs(found.theta) < tolerance / 100.0, 0.0, found.theta)
    for theta, colour in zip(places, colours[:-1], strict=True):
        if colour != COLOURS[-1]:
            entries.append(patch(facecolor=colour, label=_place(result.parameters, theta)))
    unnamed = colours.count(COLOURS[-1])
    if unnamed:
        entries.append(patch(facecolor=COLOURS[-1], label=counted(unnamed, "other minimum", "other minima")))
    if (found.number < 0).any():
        entries.append(patch(facecolor=ELSEWHERE, label="at none of them"))
    return entries


def _place(parameters: tuple[str, ...], theta: Array) -> str:
    """Return a minimum in a few words."""
    if len(theta) == 1:
        return f"{named(parameters[0])} = {theta[0]:.4g}"
    return f"({', '.join(f'{value:.4g}' for value in theta[:4])}{', ...' * (len(theta) > 4)})"
