"""What pictures of a quantity against an axis share: a line for each hue, kinds of outcomes told apart, exact facts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array, choice
from fastgd.extras import imported
from fastgd.results.advice import limits_of
from fastgd.results.outcomes import Outcomes
from fastgd.results.plots.cells import MOST_CELLS, along, cells, edges, values_at
from fastgd.results.plots.drawing import (
    COLOURS,
    FAILED,
    INTERRUPTED,
    MOST_MARKERS,
    ROUNDING,
    counts_of_kinds,
    failed_or,
    handle,
    ink,
    kinds_at,
    legend,
    looks,
    marked,
    note,
    scaled,
    telling,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

MOST_LINES = len(COLOURS)


class Lines:
    """The configurations that such a picture shows: one for each of its points.

    Attributes
    ----------
    chosen : ndarray (lines, points)
        Flat indices.
    kind : ndarray (lines, points)
        Codes of their kinds.
    """

    def __init__(self, result: Outcomes, x: str | None, hue: str | None, by: str) -> None:
        self.result = result
        self.x = along(result, "x", x)
        others = [name for k, name in enumerate(result.axes) if k != self.x.number]
        self.hue = None if hue is None else along(result, "hue", choice("hue", hue, others))
        self.cells = cells(result, (self.x,) if self.hue is None else (self.x, self.hue), by=by)
        lines = np.atleast_2d(self.cells.chosen.T)
        self.count = len(lines)
        self.chosen = lines[np.linspace(0, self.count - 1, min(self.count, MOST_LINES)).astype(np.intp)]
        self.kind = kinds_at(result, self.chosen)

    def taken(self, name: str) -> Array:
        """Return what the chosen configurations have of an array (*axes), as floats."""
        return self.result.at(name, self.chosen).astype(np.float64)


def draw(ax: Axes, lines: Lines, values: Array, joined: NDArray[np.bool_], *, log: bool, best: str) -> None:
    """Draw values (lines, points).

    Parameters
    ----------
    values : ndarray (lines, points)
        Infinite where they belong to the strip above, which is that of those that failed.
    joined : ndarray of bool
        Which of them a line joins.
    log : bool
        Whether on a log scale.
    best : str
        What the chosen ones are of those that fall on a point.
    """
    drawn = lines.kind != INTERRUPTED
    x = values_at(lines.result, lines.x, lines.chosen)
    across = scaled(ax.xaxis, x, log=lines.x.log)
    strip = failed_or(values, lines.kind < FAILED)
    up = scaled(ax.yaxis, values[drawn], log=log, beyond=strip, rows=len(values), rounding=ROUNDING)
    x = across.positions(x)
    zipped = lines.result.grid.zipped  # neighbours of which differ in all else too
    if lines.hue is None and not zipped:
        _draw_regions(ax, lines.kind[0], edges(x[0], log=across.log))
    for row, kind in enumerate(lines.kind):
        y = up.positions(np.where(drawn[row], values[row], 0.0), row)
        colour = "" if lines.hue is None else COLOURS[row]
        if not zipped:
            ax.plot(x[row], np.where(joined[row], y, np.nan), color=colour or "0.25", linewidth=1.2, zorder=2.0)
        _mark(ax, x[row], y, kind, colour, MOST_CELLS if zipped else MOST_MARKERS / len(values))
    few = len(values) < lines.count
    left_out = f"{len(values)} of {lines.count:,} lines are shown" if few else ""
    note(ax, lines.x.label, *lines.cells.notes("point", best), left_out)
    legend(ax, [*_hues(lines), *_kinds_there(lines), *_facts(ax, lines)])


def _draw_regions(ax: Axes, kind: NDArray[np.intp], bounds: Array) -> None:
    """Shade where along the axis which kind is, with a hatch each."""
    begins = np.flatnonzero(np.diff(kind, prepend=-1))
    ends = np.append(begins[1:], len(kind))
    for code, look in looks():
        own = kind[begins] == code
        if own.any() and code != INTERRUPTED:
            left = bounds[begins[own]]
            spans = list(zip(left, bounds[ends[own]] - left, strict=True))
            shade: dict[str, Any] = {"facecolor": (look.colour, 0.12), "edgecolor": (look.colour, 0.4)}
            ax.broken_barh(
                spans,
                (0.0, 1.0),
                transform=ax.get_xaxis_transform(),
                hatch=look.hatch,
                linewidth=0.0,
                zorder=0.5,
                **shade,
            )


def _mark(ax: Axes, x: Array, y: Array, kind: NDArray[np.intp], colour: str, most: float) -> None:
    """Mark the points of a line by their kinds: all that failed, of many others some, and those that stand alone."""
    alone = np.diff(kind, prepend=-1).astype(bool) & np.diff(kind, append=-1).astype(bool)
    stride = math.ceil(len(x) / most)
    for code, look in looks():
        places = np.flatnonzero(kind == code)
        if code == INTERRUPTED or not places.size:
            continue
        if code != FAILED:
            places = places[(np.arange(places.size) % stride == 0) | alone[places]]
        ax.plot(x[places], y[places], zorder=3.0, label=look.label, **marked(look, colour or None))


def _hues(lines: Lines) -> list[Artist]:
    """Return a legend's entry for each line, by its value."""
    if lines.hue is None:
        return []
    values = values_at(lines.result, lines.hue, lines.chosen[:, 0])
    line = imported("matplotlib.lines", "plot", "plot").Line2D
    form = f".{telling(values, 6)}g"
    return [
        line([], [], color=COLOURS[row], label=f"{lines.hue.label} {value:{form}}") for row, value in enumerate(values)
    ]


def _kinds_there(lines: Lines) -> list[Artist | tuple[Artist, ...]]:
    """Return a legend's entry for each kind that there is, with how many configurations are of it."""
    patch = imported("matplotlib.patches", "plot", "plot").Patch
    counts = counts_of_kinds(lines.result)
    entries: list[Artist | tuple[Artist, ...]] = []
    for code, look in looks():
        if not counts[code]:
            continue
        if lines.hue is not None or lines.result.grid.zipped:
            entries.append(handle(look, int(counts[code]), None if lines.hue is None else "0.25"))
        else:
            shade = patch(facecolor=(look.colour, 0.12), edgecolor=(look.colour, 0.4), hatch=look.hatch, linewidth=0.0)
            entries.append((shade, handle(look, int(counts[code]))))
    return entries


def _facts(ax: Axes, lines: Lines) -> list[Artist]:
    """Draw what is exactly known of constant learning rates, where it lies on the axis; return the legend's entries."""
    result = lines.result
    limits = limits_of(result) if result.settings.schedule == "constant" else None
    if lines.x.label != "learning_rate" or limits is None or result.spectrum is None:
        return []
    at_least = " at least" * result.spectrum.is_bound
    unbounded = result.settings.bounds is None
    known = {f"stability limit{'s' * (limits.size > 1)}{at_least}{' without bounds' * (not unbounded)}": limits}
    if result.settings.rule == "gradient" and unbounded and not at_least:
        known["best fixed rate"] = np.array([result.spectrum.best_learning_rate])
    low, high = ax.get_xlim()
    entries: list[Artist] = []
    for (label, rates), dashes in zip(known.items(), ((6.0, 2.0), (1.0, 1.5)), strict=False):
        text = f"{label} {rates.min():.4g}{f' to {rates.max():.4g}' * (rates.size > 1)}"
        there = [rate for rate in np.unique([rates.min(), rates.max()]) if low <= rate <= high]
        drawn = [ax.axvline(rate, color=ink(ax), linewidth=1.1, dashes=dashes, zorder=2.5) for rate in there]
        entries += drawn[:1]
        for line in drawn:
            line.set_label(text)
    return entries
