"""Which configuration a picture shows in each of its cells: the best of all that fall there.

Cells lie along the axes of the picture; along a long one several neighbours share a cell, as a screen has some thousand
pixels. The other axes of the grid are within every cell.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array, OfPython, Sentence, about, choice
from fastgd.descent.statuses import Status
from fastgd.results.outcomes import Outcomes, Part
from fastgd.results.plots.drawing import LEAST, are_drawn, is_geometric, named
from fastgd.results.tally import best_places
from fastgd.text import listed

MOST_CELLS = 1000  # along an axis
NARROWEST = 1e-13  # part of its values that an axis is long: matplotlib widens what is hardly wider than rounding
_LAST = np.finfo(np.float64).max  # before infinity


class Along(NamedTuple):
    """What a picture's axis measures.

    Attributes
    ----------
    label : str
    values : ndarray (n,)
        Along the grid's axis; of starts of several parameters, or of values that come twice or too near to
        one another to be drawn apart, their index.
    log : bool
        Whether they are chosen by factors.
    number : int or None
        Of the grid's axis; None if all configurations have the one value.
    """

    label: str
    values: Array
    log: bool
    number: int | None


class Cells(NamedTuple):
    """The configurations shown.

    Attributes
    ----------
    chosen : ndarray (cells along each axis of the picture)
        Flat indices.
    orders : tuple of ndarray
        For each axis of the picture, the indices of its values in ascending order.
    blocks : tuple of int
        How many neighbours share a cell along each.
    within : dict of str to int
        The axes of the grid that are within each cell, with their lengths.
    """

    chosen: NDArray[np.intp]
    orders: tuple[NDArray[np.intp], ...]
    blocks: tuple[int, ...]
    within: dict[str, int]

    def notes(self, thing: str, best: str = "best") -> list[str]:
        """Return what is to be said of the choice, if there was any: a thing is a cell or a point."""
        neighbours = math.prod(self.blocks)
        count = neighbours * math.prod(self.within.values())
        if count == 1:
            return []
        over = f" over {listed(list(self.within))}" if self.within else " neighbours"
        both = " and neighbours" if self.within and neighbours > 1 else ""
        return [f"1 {thing} = {best} of {count:,}{over}{both}"]


def along(result: Outcomes, argument: str, name: str | None) -> Along:
    """Return what a picture's axis measures, by name: an axis of the grid, or a column or the value of what varies not.

    Raises
    ------
    ValueError, TypeError
        If there is no such axis.
    """
    grid = result.grid
    if name is None:
        name = usual_axis(result)
    else:
        choice(argument, name, names_along(result))
    if name == "start":
        values = grid.axes["start"]
        if values.shape[1] > 1:
            return Along("start (index)", np.arange(len(values), dtype=np.float64), False, grid.axis_of("start"))
        return _checked(f"start of {named(result.parameters[0])}", values[:, 0], grid.axis_of("start"))
    if name == "configuration":
        return Along(name, np.arange(grid.size, dtype=np.float64), False, 0)
    values = grid.values[name]
    if values.ndim == 0:
        return Along(name, values.reshape(1).astype(np.float64), False, None)
    if grid.zipped:
        return Along(name, values.astype(np.float64), is_geometric(values), 0)
    return _checked(name, values, grid.axis_of(name))


def _are_apart(values: Array) -> bool:
    """Tell whether each of an axis' values has a place of its own, rather than two of them the same."""
    placed = np.where(np.abs(values) < LEAST, 0.0, np.where(are_drawn(values), values, np.inf))
    drawn = placed[are_drawn(placed)]
    finest = NARROWEST * np.abs(drawn).max(initial=0.0)
    return len(np.unique(placed)) == len(values) and (drawn.size < 2 or bool(np.ptp(drawn) > finest))


def _checked(label: str, values: Array, number: int) -> Along:
    values = values.astype(np.float64)
    if not _are_apart(values):
        return Along(f"{label} (index)", np.arange(len(values), dtype=np.float64), False, number)
    return Along(label, values, is_geometric(values), number)


def names_along(result: Outcomes) -> list[str]:
    """Return what may stand along an axis of a picture: axes of the grid, zipped columns, or one learning rate."""
    names = list(result.axes)
    if result.grid.zipped:
        names += [name for name, values in result.grid.values.items() if values.ndim]
    return names or ["learning_rate"]


def usual_axis(result: Outcomes) -> str:
    """Return the learning rate, if it varies, or else the longest axis."""
    names = names_along(result)
    rates = result.grid.values["learning_rate"]
    if "learning_rate" in names and (rates.size > 1 or result.grid.size == 1):
        return "learning_rate"
    return max(result.axes, key=lambda name: len(result.axes[name]), default="learning_rate")


def two_axes(result: Outcomes, x: str | None, y: str | None) -> tuple[str, str]:
    """Return the names of a map's axes: those given, and else the longest, in the grid's order.

    Raises
    ------
    ValueError, TypeError
        If there is no such axis, or there are no two.
    """
    names = list(result.axes)
    for argument, name in (("x", x), ("y", y)):
        if name is not None:
            choice(argument, name, names)
    if len(names) < 2:
        there = f"has only one, {names[0]}" if names else "has none"
        in_python = OfPython("; draw it with plot.loss()")
        raise ValueError(Sentence(f"a map needs a sweep over two axes, and this one {there}", in_python))
    if x is not None and x == y:
        raise ValueError(about("y", f"must be another axis than x, got {y!r} for both"))
    free = sorted((name for name in names if name not in (x, y)), key=lambda name: -len(result.axes[name]))
    free = sorted(free[: (x is None) + (y is None)], key=names.index)
    return x or free.pop(0), y or free.pop(0)


def cells(result: Outcomes, axes: tuple[Along, ...], *, by: str = "loss", most: int = MOST_CELLS) -> Cells:
    """Choose the configuration that each cell shows.

    Parameters
    ----------
    axes : tuple of Along
        Of the picture.
    by : {"loss", "steps"}
        The best has the least loss of those that did not fail, or converged in the fewest steps. Where all failed it is
        the one that went furthest; what was interrupted comes last.
    most : int
        Cells along an axis.
    """
    numbers = [each.number for each in axes if each.number is not None]
    others = [k for k in range(len(result.grid.shape)) if k not in numbers]
    lengths = {name: len(values) for k, (name, values) in enumerate(result.axes.items()) if k in others}
    within = {name: length for name, length in lengths.items() if length > 1}
    orders = tuple(np.argsort(each.values, kind="stable") for each in axes)
    blocks = tuple(math.ceil(len(order) / most) for order in orders)
    counts = [math.ceil(len(order) / block) for order, block in zip(orders, blocks, strict=True)]
    if not within and math.prod(blocks) == 1:
        flat: NDArray[np.intp] = np.arange(result.grid.size).reshape(result.grid.shape)
        flat = np.transpose(flat, numbers + others).reshape([len(order) for order in orders])
        return Cells(flat[np.ix_(*orders)], orders, blocks, within)
    ranks = [np.argsort(order) // block for order, block in zip(orders, blocks, strict=True)]

    def cell_of(part: Part) -> NDArray[np.intp]:
        at = np.zeros(part.last - part.first, dtype=np.intp)
        for each, rank, count in zip(axes, ranks, counts, strict=True):
            own = 0 if each.number is None else rank[part.places(result.grid, each.number)]
            at = at * count + own
        return at

    chosen = best_places(result, lambda part: shown_first(part, by), cell_of, math.prod(counts))
    return Cells(chosen.reshape(counts), orders, blocks, within)


def shown_first(part: Part, by: str) -> tuple[Array, Array]:
    """Return what is less for a better configuration, and what decides among equals."""
    steps = part["steps"].astype(np.float64)
    status = part["status"]
    failed = status < 0
    furthest = np.where(status == Status.CANCELLED, _LAST, -steps)
    if by == "loss":
        return np.where(failed, np.inf, part["loss"]), np.where(failed, furthest, steps)
    moved = (status > 0) & ~part["stalled"]
    fewest = np.where(moved, steps, np.where(failed, np.inf, _LAST))
    return fewest, np.where(failed, furthest, part["loss"])


def values_at(result: Outcomes, each: Along, chosen: NDArray[np.intp]) -> Array:
    """Return the values of chosen configurations along an axis of the picture."""
    if each.number is None:
        return np.full(chosen.shape, each.values[0])
    return np.asarray(each.values[np.unravel_index(chosen, result.grid.shape)[each.number]])


def edges(positions: Array, *, log: bool) -> Array:
    """Return the edges (n + 1,) of cells about ascending positions (n,), midway as the scale measures."""
    measured = np.log(positions) if log else positions
    middle = (measured[1:] + measured[:-1]) / 2.0
    if len(measured) == 1:
        half = 0.5 if log else 0.5 * abs(measured[0]) or 0.5
        ends = measured[0] - half, measured[0] + half
    else:
        ends = measured[0] - (middle[0] - measured[0]), measured[-1] + (measured[-1] - middle[-1])
    bounds = np.concatenate([ends[:1], middle, ends[1:]])
    return np.asarray(np.exp(bounds) if log else bounds)
