"""A store of a larger grid made of a smaller one's: what is there is carried over, and only what is new is left to run.

Each axis of the new grid has all values that the old one had along it, or the one that all its configurations shared.
A tile of which some configurations were carried over holds the others as not run yet.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.results.configurations import Grid
from fastgd.results.store.layout import LAST, PENDING, Layout
from fastgd.results.store.reading import Store
from fastgd.results.store.writing import write_tile

KEPT_CHUNKS = 16  # of the old store, read and held
Places = NDArray[np.int64]  # (n,) of an axis' values in the old grid, -1 of what is new


def is_part(identity: dict[str, Any], grid: Grid, of: dict[str, Any], larger: Grid) -> bool:
    """Tell whether a call's configurations are a part of another's, or all of them, and nothing else differs."""
    return identity | {"grid": None} == of | {"grid": None} and places_in(grid, larger) is not None


def places_in(old: Grid, new: Grid) -> dict[str, Places] | None:
    """Return where each axis' values are in the old grid, None if that is no part of the new one.

    Along an axis that the old grid does not have, the value that all its configurations shared is at 0.
    """
    if old.zipped or new.zipped:
        return _rows_in(old, new)
    if not set(old.axes) <= set(new.axes):
        return None
    found = {}
    for name in ("start", *new.values):
        before = _values(old, name)
        places = _places(before, _values(new, name))
        if len(np.unique_values(places[places >= 0])) < len(np.unique(_rows(before))):
            return None  # a value is gone
        if name in new.axes:
            found[name] = places
    return found


def _values(grid: Grid, name: str) -> NDArray[Any]:
    return grid.starts if name == "start" else np.atleast_1d(grid.values[name])


def _places(before: NDArray[Any], now: NDArray[Any]) -> Places:
    """Return where each row of `now` first is among those before, to the bit; -1 where it is not."""
    known, first = np.unique(_rows(before), return_index=True)
    at = np.searchsorted(known, _rows(now)) % len(known)
    return np.where(known[at] == _rows(now), first[at], -1)


def _rows(values: NDArray[Any]) -> NDArray[Any]:
    """Return each row as one element, whose bits compare."""
    raw = np.ascontiguousarray(values).reshape(len(values), -1)
    return raw.view(f"V{raw.dtype.itemsize * raw.shape[1]}").ravel()


def _rows_in(old: Grid, new: Grid) -> dict[str, Places] | None:
    """Return the same of zipped configurations, which may only have become more."""
    if not (old.zipped and new.zipped and old.size <= new.size):
        return None
    for name in ("start", *new.values):
        before = _rows(_values(old, name))
        now = _rows(_values(new, name))
        if (len(before) > 1) != (len(now) > 1) or not np.array_equal(before, now[: len(before)]):
            return None
    return {"configuration": np.where(np.arange(new.size) < old.size, np.arange(new.size), -1)}


def old_indices(places: dict[str, Places], old: Grid, at: tuple[NDArray[np.intp], ...]) -> Places:
    """Return the flat indices in the old grid of configurations at these places on the new axes, -1 of what is new."""
    flat = np.zeros(at[0].shape if at else (1,), dtype=np.int64)
    known = np.ones(flat.shape, dtype=np.bool_)
    for (name, numbers), own in zip(places.items(), at, strict=True):
        known &= numbers[own] >= 0
        flat = flat * len(old.axes[name]) + numbers[own] if name in old.axes else flat
    return np.where(known, flat, -1)


def new_indices(old: Grid, new: Grid, flat: Places) -> Places:
    """Return where configurations at flat indices (n,) of the old grid are in a new one that it is part of."""
    if new.zipped:
        return flat
    at = dict(zip(old.axes, np.unravel_index(flat, old.shape), strict=True)) if old.shape else {}
    found = np.zeros(flat.shape, dtype=np.int64)
    for name, values in new.axes.items():
        found = found * len(values) + _places(_values(new, name), _values(old, name))[at.get(name, 0)]
    return found


@dataclass
class Carrying:
    """Carries what an old store has over to a new one."""

    old: Store
    grid: Grid  # the old one
    places: dict[str, Places]
    state: NDArray[np.int8]  # of the old store's tiles, see `Store.state`
    chunks: OrderedDict[tuple[str, int], NDArray[Any]] = field(default_factory=OrderedDict)

    def write(self, folder: Path, layout: Layout) -> None:
        """Write every tile of which the old store has some configurations."""
        for tile in range(layout.count):
            first, last = layout.range(tile)
            old = old_indices(self.places, self.grid, np.unravel_index(np.arange(first, last), layout.shape))
            there = np.flatnonzero(old >= 0)
            there = there[self._at(LAST, old[there]) != PENDING]
            if there.size:
                arrays = {}
                for name, chunked in layout.arrays.items():
                    tail = chunked.chunk[len(layout.tile) :]
                    whole = np.full((layout.tile_size, *tail), chunked.fill, chunked.dtype)
                    carried = self._at(name, old[there])
                    whole[(there, *(slice(n) for n in carried.shape[1:]))] = carried  # more states may be recorded now
                    arrays[name] = whole
                write_tile(folder, layout, tile, arrays)

    def _at(self, name: str, flat: Places) -> NDArray[Any]:
        layout = self.old.layout
        chunked = layout.arrays[name]
        found = np.full((flat.size, *chunked.chunk[len(layout.tile) :]), chunked.fill, chunked.dtype)
        tiles = layout.tiles_of(flat)
        for tile in np.unique_values(tiles).tolist():
            if self.state[tile]:
                chosen = tiles == tile
                found[chosen] = self._chunk(name, tile)[flat[chosen] - layout.range(tile)[0]]
        return found

    def _chunk(self, name: str, tile: int) -> NDArray[Any]:
        if (name, tile) not in self.chunks:
            self.chunks[name, tile] = self.old.read(name, tile)
            if len(self.chunks) > KEPT_CHUNKS:
                self.chunks.popitem(last=False)
        return self.chunks[name, tile]
