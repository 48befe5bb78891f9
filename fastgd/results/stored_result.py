"""A sweep's result that stands in a store: read when it is asked for, and all of it only where all is asked for."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.check import path_of
from fastgd.digest import digest_of_json
from fastgd.extras import imported
from fastgd.once import computed_once
from fastgd.record import protected
from fastgd.results.content import OUTCOMES, Told, curvature, outline
from fastgd.results.outcomes import Outcome, Part, Trajectory
from fastgd.results.roofline import available_memory
from fastgd.results.selection import at_places
from fastgd.results.store.extending import is_part, new_indices
from fastgd.results.store.layout import LAST, PENDING
from fastgd.results.store.reading import Replaced, Store, mark_of
from fastgd.results.store.writing import METADATA, STARTS, UNNAMED, restore, write_json
from fastgd.results.sweep_result import SweepResult
from fastgd.results.tables import HEADER, start_names
from fastgd.text import counted

SURELY_THERE = 1 << 28  # bytes for which the system is not asked
ENDING = "ending"  # the group beside the arrays whose attributes say what is known after a call


def _read(name: str) -> Any:
    return computed_once(lambda result: result._whole(name))


class StoredResult(SweepResult):
    """A sweep's result in a store, as it was when it was opened: `SweepResult` says what it has.

    It stays so when the store is made larger.

    Its arrays are read at their first use, and refused in one sentence where they do not fit in memory. `best`,
    `fastest`, `best_along`, `outcome`, `isel`, `sel` and what is printed go through the store tile by tile.
    Configurations that have not been run yet are CANCELLED.

    Attributes
    ----------
    path : str
        Of the store.
    tiles : int
        How many tiles the store has.
    tiles_finished, configurations_finished : int
        How many of them, and of the configurations, were finished.
    """

    unfinished = "not run yet"

    path: str
    _store: Store
    _states: int | None
    _tiles: NDArray[np.int8]
    _larger: StoredResult | None  # in the store that was put in the place of this one's

    _pending: dict[int, NDArray[np.uint8]]  # of tiles that are partly there: which configurations are not, a bit each

    def __init__(self, store: Store, told: Told) -> None:
        own = {"path": str(store.path), "_store": store, "_states": told.states, "_tiles": store.state()}
        for name, value in (told.fields() | own | {"_larger": None}).items():
            self.__dict__[name] = protected(value)
        partly = np.flatnonzero(self._tiles == 1).tolist()
        self.__dict__["_pending"] = {tile: np.packbits(store.read(LAST, tile) == PENDING) for tile in partly}

    theta = _read("theta")
    loss = _read("loss")
    gradient_norm = _read("gradient_norm")
    steps = _read("steps")
    status = _read("status")
    initial_loss = _read("initial_loss")
    stalled = _read("stalled")

    @computed_once
    def trajectory(self) -> Trajectory | None:
        """The recorded states."""
        if self.recorded is None:
            return None
        return Trajectory(self.recorded, self._whole("trajectory_theta"), self._whole("trajectory_loss"))

    @property
    def recorded(self) -> NDArray[np.int64] | None:
        """The steps t of recorded states (K,), None if there are none."""
        every = self.settings.record_every
        return None if every is None else np.arange(self._states or 0) * every

    @property
    def tiles(self) -> int:
        """How many tiles the store has."""
        return int(self._tiles.size)

    @property
    def tiles_finished(self) -> int:
        """How many of them were finished when it was opened."""
        return int((self._tiles == 2).sum())

    @property
    def configurations_finished(self) -> int:
        """How many configurations were finished when it was opened."""
        ranges = map(self._store.layout.range, np.flatnonzero(self._tiles == 2).tolist())
        partly = map(self._reader, np.flatnonzero(self._tiles == 1).tolist())
        carried = sum(int((read(LAST) != PENDING).sum()) for read in partly)
        return carried + sum(last - first for first, last in ranges)

    def parts(self) -> Iterator[Part]:
        """Yield the tiles."""
        for tile in range(self.tiles):
            first, last = self._store.layout.range(tile)
            yield Part(first, last, self._reader(tile))

    def at(self, name: str, places: NDArray[np.integer[Any]], states: NDArray[np.intp] | None = None) -> NDArray[Any]:
        """Return what an array has at flat indices of any shape, of the tiles that these are in; see `Outcomes`."""
        layout = self._store.layout
        chunked = layout.arrays[name]
        flat = np.ravel(places)
        tail = chunked.shape[len(layout.shape) :]
        tail = tail if states is None else (states.size, *tail[1:])
        found = np.full((flat.size, *tail), chunked.fill, chunked.dtype)
        tiles = layout.tiles_of(flat)
        order = np.argsort(tiles, kind="stable")
        for chosen in np.split(order, np.flatnonzero(np.diff(tiles[order])) + 1) if order.size else ():
            tile = int(tiles[chosen[0]])
            own = self._reader(tile)(name)[flat[chosen] - layout.range(tile)[0]]
            found[chosen] = own if states is None else own[:, states]
        return found.reshape((*np.shape(places), *found.shape[1:]))

    def outcome(self, index: Any) -> Outcome:
        """Return one configuration's outcome by its flat index, or by an index on each axis; negative from the end."""
        places = np.unravel_index(self._flat(index), self.grid.shape)
        return at_places(self, dict(zip(self.grid.axes, map(np.asarray, places), strict=True))).outcome(0)

    def replaced(self, **fields: Any) -> SweepResult:  # type: ignore[override]
        """Return the result with other values of these fields, in memory."""
        names = ("theta", *OUTCOMES, "trajectory", *Told._fields[:-1])
        return SweepResult(**{name: fields[name] if name in fields else getattr(self, name) for name in names})

    def to_xarray(self) -> Any:
        """Return arrays labelled by the grid's axes, which are read when they are asked for; see `SweepResult`.

        Chunked by `.chunk()`, they are dask's.
        """
        xarray = imported("xarray", "table", "to_xarray")
        dataset = xarray.open_zarr(self.path, chunks=None)
        self._store.check_there()
        del dataset.attrs[HEADER]  # which no file but a store has as a dictionary
        if STARTS in dataset:
            starts = dataset[STARTS].variable
            named = {name: starts[:, k] for k, name in enumerate(start_names(self._store.header))}
            dataset = dataset.drop_vars(STARTS).assign_coords(named)
        return dataset

    def _reader(self, tile: int) -> Callable[[str], NDArray[Any]]:
        """Return what reads an array of a tile; of one that is not there, what stands for it."""
        if self._tiles[tile]:
            return lambda name: self._of_tile(name, tile)
        first, last = self._store.layout.range(tile)

        def pending(name: str) -> NDArray[Any]:
            chunked = self._store.layout.arrays[name]
            return np.full((last - first, *chunked.shape[len(self.grid.shape) :]), chunked.fill, chunked.dtype)

        return pending

    def _of_tile(self, name: str, tile: int) -> NDArray[Any]:
        """Return an array's numbers of a tile that was there when the store was opened, at least partly."""
        found = self._now(name, tile)
        if tile in self._pending:  # what was not may be there by now, in some arrays
            pending = np.unpackbits(self._pending[tile], count=len(found)).astype(np.bool_)
            found[pending] = self._store.layout.arrays[name].fill
        return found

    def _now(self, name: str, tile: int) -> NDArray[Any]:
        """Return an array's numbers of a tile, also from a larger store in this one's place."""
        if self._larger is None:
            try:
                return self._store.read(name, tile)
            except Replaced:
                larger = open_result(self.path)
                if not is_part(self._store.identity, self.grid, larger._store.identity, larger.grid):
                    raise
                self.__dict__["_larger"] = larger
        assert self._larger is not None
        first, last = self._store.layout.range(tile)
        found = self._larger.at(name, new_indices(self.grid, self._larger.grid, np.arange(first, last)))
        tail = self._store.layout.arrays[name].shape[len(self.grid.shape) :]
        return found[(slice(None), *map(slice, tail))]  # more states may be recorded now

    def _whole(self, name: str) -> NDArray[Any]:
        """Return an array over the whole grid; ValueError in one sentence if that does not fit in memory."""
        chunked = self._store.layout.arrays[name]
        size = chunked.dtype.itemsize * int(np.prod(chunked.shape, dtype=object))
        if size > SURELY_THERE and size > available_memory():
            many = counted(self.grid.size, "configuration")
            raise ValueError(
                f"{name} must fit in memory to be had whole, got {size / 2**30:,.4g} GiB of {many}; take a part by "
                "isel or sel, or to_xarray(), which reads it piece by piece"
            )
        array = np.empty((self.grid.size, *chunked.shape[len(self.grid.shape) :]), chunked.dtype)
        for part in self.parts():
            array[part.first : part.last] = part[name]
        return np.asarray(protected(array.reshape(chunked.shape)))

    def __repr__(self) -> str:
        done = f"{self.tiles_finished:,} of {counted(self.tiles, 'tile')} finished"
        return f"{super().__repr__().removesuffix('>')}, in {self.path!r}, {done}>"


def open_result(path: str | os.PathLike[str]) -> StoredResult:
    """Return the result in a store that `sweep(..., store=path)` writes, also while it is written or after a crash.

    It is read when it is asked for. Configurations that have not been run yet are CANCELLED. What is read is checked:
    a damaged file is an error that names it.

    Parameters
    ----------
    path : str or path-like
        Of the store's folder.

    Returns
    -------
    SweepResult
        As the store is now.

    Raises
    ------
    ValueError
        In one sentence with the path, if there is no store, or it was changed.
    ModuleNotFoundError
        Without zarr, with the command that installs it.

    Examples
    --------
    >>> import tempfile, fastgd
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = f"{folder}/run.zarr"
    ...     _ = fastgd.sweep(fastgd.examples.square(), learning_rate=[0.1, 0.5], max_steps=5, store=store)
    ...     result = fastgd.open_result(store)
    ...     result.best.configuration["learning_rate"], result.tiles_finished
    (0.5, 1)
    """
    place = Path(path_of("path", path))
    while True:
        if not place.exists():
            with contextlib.suppress(OSError):
                restore(place)
        mark = mark_of(place)
        try:
            store = Store.open(str(place))
            result = StoredResult(store, told_by_store(store))
        except (OSError, ValueError):
            if mark_of(place) == mark:
                raise
        else:
            if mark_of(place) == mark:
                return result
        # a larger one was put in its place meanwhile: what was read may be of both


def told_by_store(store: Store) -> Told:
    """Return what a store tells, with what calls that came to an end have added."""
    return store.told(_read_ending(store.path))


def write_ending(path: Path, told: Told) -> None:
    """Keep in a store what is known after a call: the time that it took, and what its failures have made worth it."""
    header = outline(told) | curvature(told)
    known = {name: header[name] for name in ("timing", "facts", "spectrum")}
    attributes = known | {UNNAMED: digest_of_json(known)}
    (path / ENDING).mkdir(exist_ok=True)
    write_json(path / ENDING / METADATA, {"zarr_format": 3, "node_type": "group", "attributes": attributes})


def _read_ending(path: Path) -> dict[str, Any]:
    """Return what calls have added, nothing where none did or somebody changed it."""
    try:
        known = dict(json.loads((path / ENDING / METADATA).read_bytes())["attributes"])
        return known if known.pop(UNNAMED) == digest_of_json(known) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
