"""What maps share: cells over two axes, drawn where they lie and as they are, and those that failed marked as such."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array
from fastgd.extras import imported
from fastgd.results.outcomes import Outcomes
from fastgd.results.plots.cells import along, cells, edges, two_axes
from fastgd.results.plots.drawing import (
    FAILED,
    INTERRUPTED,
    LOOKS,
    counts_of_kinds,
    handle,
    kinds_at,
    marked,
    note,
    scaled,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

MOST_MARKS = 20  # of those that failed, along an axis
MARK = {"marker": "X", "markersize": 4.0, "markerfacecolor": "white", "markeredgewidth": 0.5}  # seen on any ground


class Image:
    """The configurations that a map shows: one for each of its cells.

    Attributes
    ----------
    chosen : ndarray (cells down, cells across)
        Flat indices.
    kind : ndarray (cells down, cells across)
        Codes of their kinds.
    """

    def __init__(self, result: Outcomes, x: str | None, y: str | None) -> None:
        self.result = result
        names = two_axes(result, x, y)
        self.x = along(result, "x", names[0])
        self.y = along(result, "y", names[1])
        self.cells = cells(result, (self.x, self.y))
        self.chosen: NDArray[np.intp] = self.cells.chosen.T
        self.kind = kinds_at(result, self.chosen)

    def taken(self, name: str) -> NDArray[Any]:
        """Return what the chosen configurations have of an array (*axes)."""
        return self.result.at(name, self.chosen)


def draw(ax: Axes, image: Image, colours: Array, *notes: str, **style: Any) -> QuadMesh:
    """Draw cells (down, across), numbers or colours, with labelled axes; mark those that failed.

    They are a mesh rather than an image, which knows no uneven axes; a million of them take half a second.
    """
    bounds = []
    for each, axis, order, block in zip(
        (image.x, image.y), (ax.xaxis, ax.yaxis), image.cells.orders, image.cells.blocks, strict=True
    ):
        scale = scaled(axis, each.values, log=each.log)
        every = edges(scale.positions(each.values[order]), log=scale.log)
        bounds.append(np.append(every[:-1:block], every[-1]))
    mesh = ax.pcolormesh(bounds[0], bounds[1], colours, shading="flat", rasterized=True, zorder=1.0, **style)
    ax.set_xlim(bounds[0][0], bounds[0][-1])
    ax.set_ylim(bounds[1][0], bounds[1][-1])
    _mark_failed(ax, image.kind == FAILED, bounds[0], bounds[1])
    note(ax, image.x.label, *image.cells.notes("cell"), *notes)
    ax.set_ylabel(image.y.label)
    return mesh


def _mark_failed(ax: Axes, failed: NDArray[np.bool_], across: Array, down: Array) -> None:
    """Mark failed cells, of many those on a lattice, so that they are seen without colour: a mesh can't be hatched."""
    strides = [-(-n // MOST_MARKS) for n in failed.shape]
    rows, columns = (np.arange(stride // 2, n, stride) for n, stride in zip(failed.shape, strides, strict=True))
    row, column = np.nonzero(failed[np.ix_(rows, columns)])
    middles = []
    for bounds, log, places in (
        (across, ax.get_xscale() == "log", columns[column]),
        (down, ax.get_yscale() == "log", rows[row]),
    ):
        low = bounds[places]
        high = bounds[places + 1]
        middles.append(np.sqrt(low * high) if log else (low + high) / 2.0)
    look = LOOKS["failed"]
    style = marked(look, "black") | MARK
    ax.plot(middles[0], middles[1], label=look.label, zorder=2.0, scalex=False, scaley=False, **style)


def others(result: Outcomes, failed: Any, interrupted: Any) -> list[Artist | tuple[Artist, ...]]:
    """Return a legend's entries for what failed and what was interrupted, on grounds of these colours."""
    patch = imported("matplotlib.patches", "plot", "plot").Patch
    counts = counts_of_kinds(result)
    entries: list[Artist | tuple[Artist, ...]] = []
    if counts[FAILED]:
        mark = handle(LOOKS["failed"], int(counts[FAILED]), "black")
        mark.set(**MARK)
        entries.append((patch(facecolor=failed), mark))
    if counts[INTERRUPTED]:
        entries.append(
            patch(
                facecolor=interrupted, edgecolor="0.5", label=f"{LOOKS['interrupted'].label} ({counts[INTERRUPTED]:,})"
            )
        )
    return entries
