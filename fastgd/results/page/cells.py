"""Which configurations a page shows: all of them or, of a grid too large for a page, the best of each block.

Blocks are runs of neighbours on each axis; of zipped columns, neighbours by the first column that varies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array
from fastgd.results.configurations import Grid
from fastgd.results.outcomes import Outcomes, Part
from fastgd.results.plots.cells import shown_first
from fastgd.results.tally import best_places
from fastgd.text import counted

FEW = 9  # values of an axis, below which each can have its label


@dataclass(frozen=True)
class Axis:
    """An axis of cells, evenly spaced in its coordinate: log10 of its values, its values, or their numbers.

    Attributes
    ----------
    name : str
    kind : str
        "log", "linear" or "index".
    first, step : float
        The first cell's coordinate, and what lies between two.
    values : ndarray (m,)
        Of the middle of each cell.
    """

    name: str
    kind: str
    first: float
    step: float
    values: Array


@dataclass(frozen=True)
class Cells:
    """The cells of a page.

    Attributes
    ----------
    axes : tuple of Axis
        At least one; the cells are their product, the last one fastest.
    block : int
        Configurations of a cell, at most.
    places : ndarray (cells,)
        The flat index of each cell's configuration: the best of its block or, where all failed, the one that lasted
        longest.
    said : str
        How many configurations a cell stands for, in words; empty if it is one.
    """

    axes: tuple[Axis, ...]
    block: int
    places: NDArray[np.intp]
    said: str


def cells_of(result: Outcomes, most: int) -> Cells:
    """Return at most so many cells of a result's grid."""
    grid = result.grid
    shape = grid.shape or (1,)
    values = [_numbers(grid, name) for name in grid.axes] or [np.zeros(1)]
    names = list(grid.axes) or ["configuration"]
    blocks = _blocks(shape, most)
    axes = tuple(map(_axis, names, values, blocks))
    block = math.prod(blocks)
    places = _in_order(grid) if block == 1 else _best_of_blocks(result, blocks)
    return Cells(axes, block, places, _said(names, blocks, grid) if block > 1 else "")


def varied(grid: Grid) -> list[str]:
    """Return the hyperparameters that differ between zipped configurations, those that move a descent first."""
    return [name for name, values in grid.values.items() if values.ndim and values.min() < values.max()]


def _blocks(shape: tuple[int, ...], most: int) -> list[int]:
    """Return how many neighbours on each axis are one cell; the axis with the most cells is cut first."""
    blocks = [1] * len(shape)
    counts = list(shape)
    while math.prod(counts) > most:
        longest = counts.index(max(counts))
        blocks[longest] += 1
        counts[longest] = -(-shape[longest] // blocks[longest])
    return blocks


def _in_order(grid: Grid) -> NDArray[np.intp]:
    """Return all flat indices; of zipped configurations, by the first hyperparameter that varies among them."""
    names = varied(grid) if grid.zipped else []
    return np.argsort(grid.values[names[0]], kind="stable") if names else np.arange(grid.size)


def _best_of_blocks(result: Outcomes, blocks: list[int]) -> NDArray[np.intp]:
    grid = result.grid
    counts = [-(-length // block) for length, block in zip(grid.shape, blocks, strict=True)]
    ranks = np.argsort(_in_order(grid)) if grid.zipped else None

    def block_of(part: Part) -> NDArray[np.intp]:
        if ranks is not None:
            return np.asarray(ranks[part.first : part.last] // blocks[0])
        at = np.zeros(part.last - part.first, dtype=np.intp)
        for axis, (block, count) in enumerate(zip(blocks, counts, strict=True)):
            at = at * count + part.places(grid, axis) // block
        return at

    return best_places(result, lambda part: shown_first(part, "loss"), block_of, math.prod(counts))


def _said(names: list[str], blocks: list[int], grid: Grid) -> str:
    cut = [f"{block:,} of {name}" for name, block in zip(names, blocks, strict=True) if block > 1]
    if grid.zipped:
        cut = [f"neighbours by {name}" for name in varied(grid)[:1]] or ["neighbours"]
    return f"1 cell = best of {counted(math.prod(blocks), 'configuration')} ({' x '.join(cut)})"


def _numbers(grid: Grid, name: str) -> Array:
    """Return an axis as numbers: starts of one parameter are their values, those of more have only their place."""
    values = grid.axes[name]
    if name == "configuration" or (values.ndim == 2 and values.shape[1] > 1):
        return np.arange(len(values), dtype=np.float64)
    return values.reshape(-1).astype(np.float64)


def _axis(name: str, values: Array, block: int) -> Axis:
    middles = np.minimum(np.arange(0, len(values), block) + block // 2, len(values) - 1)
    kind = _kind(values)
    if kind == "index":
        return Axis(name, kind, 0.0, 1.0, values[middles])
    ends = np.log10(values[[0, -1]]) if kind == "log" else values[[0, -1]]
    step = float(ends[1] - ends[0]) / (len(values) - 1)
    return Axis(name, kind, float(ends[0]) + step * (block - 1) / 2, step * block, values[middles])


def _kind(values: Array) -> str:
    """Return in which coordinate values are evenly spaced."""
    if len(values) < FEW or not np.isfinite(values).all():
        return "index"
    rising = bool((np.diff(values) > 0).all())
    if rising and values[0] > 0 and values[-1] >= 5 * values[0] and _even(np.log10(values)):
        return "log"
    return "linear" if rising and _even(values) else "index"


def _even(coordinates: Array) -> bool:
    gaps = np.diff(coordinates)
    return bool(np.ptp(gaps) <= 1e-3 * gaps.mean())
