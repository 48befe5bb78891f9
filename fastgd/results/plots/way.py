"""A descent's way over a picture: its points in order, where it began, where it ended, and what lies outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array
from fastgd.results.plots import drawing
from fastgd.results.plots.states import FEW_STATES, Window
from fastgd.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EDGE = "0.35"  # grey


def frame(ax: Axes, view: Window) -> None:
    """Give the axes their limits, and ticks that are written out: a common factor would stand where the legend is."""
    for axis, ends in ((ax.xaxis, view[:2]), (ax.yaxis, view[2:])):
        drawing.scaled(axis, np.array(ends), log=False)
    ax.set(xlim=view[:2], ylim=view[2:])


def draw_way(ax: Axes, view: Window, x: Array, y: Array, status: int, **looks: Any) -> list[str]:
    """Draw a descent's states (K,) over a window in order, and return sentences about what can't be seen.

    Points outside are drawn at the window's edge, so that none is lost. `looks` are of `Axes.scatter`, `c` (K,) among
    them, and `line` has those of the line from one to the next.
    """
    placed = np.flatnonzero(~(np.isnan(x) | np.isnan(y)))
    drawn = placed[view.moves(x[placed], y[placed])]
    colours = looks.pop("c")
    across, up = view.clipped(x, y)
    inside = drawn[view.holds(x[drawn], y[drawn])]
    outside = np.setdiff1d(drawn, inside)
    ax.plot(across[drawn], up[drawn], zorder=2.5, label="_way", **looks.pop("line"))
    few = len(drawn) <= FEW_STATES
    looks |= {"s": 26.0 if few else 2.5, "linewidths": 0.5 if few else 0.0, "zorder": 3.0}
    ax.scatter(x[inside], y[inside], c=colours[inside], label="_visited", **looks)
    if len(outside):
        edge: dict[str, Any] = {
            "marker": "D",
            "facecolors": "none",
            "edgecolors": EDGE,
            "clip_on": False,
            "zorder": 3.5,
        }
        ax.scatter(across[outside], up[outside], s=30, label=f"outside ({len(outside):,})", **edge)
    if len(drawn):
        _draw_ends(ax, across, up, drawn, len(x), status)
    notes = [f"{len(drawn):,} of {len(placed):,} states drawn"] * (len(drawn) < len(placed))
    missing = len(x) - len(placed)
    return notes + [f"{counted(missing, 'state')} not finite"] * (missing > 0)


def _draw_ends(ax: Axes, across: Array, up: Array, drawn: NDArray[np.intp], K: int, status: int) -> None:
    ring: dict[str, Any] = {
        "marker": "o",
        "facecolors": "none",
        "edgecolors": drawing.ink(ax),
        "clip_on": False,
        "zorder": 4,
    }
    if drawn[0] == 0:
        ax.scatter(across[:1], up[:1], s=90, linewidths=1.4, label="start", **ring)
    look = drawing.LOOKS[list(drawing.LOOKS)[int(drawing.kind_of(status))]]
    last = drawn[-1:]
    word = "end" if drawn[-1] == K - 1 else "last finite state"
    face = {} if look.marker in "x|" else {"facecolors": look.face, "edgecolors": look.colour}
    looks: dict[str, Any] = {"marker": look.marker, "color": look.colour, "clip_on": False, "zorder": 4.5} | face
    ax.scatter(across[last], up[last], s=60, linewidths=1.8, label=f"{word}: {look.label}", **looks)
