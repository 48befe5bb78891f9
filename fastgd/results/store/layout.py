"""How arrays over a grid are cut into tiles, each a run of flat indices and one chunk of every array. No file is read.

A chunk is whole along the last axes, k long along one, and 1 along those before:

    shape    (100, 40, 30)       chunk    (1, 20, 30)       200 tiles of 600 configurations, in flat order

so that what is written at once is contiguous, and readers of zarr see arrays of the grid's own dimensions. At the end
of the axis that is cut a chunk reaches beyond the grid; what is there counts for nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastgd.descent.statuses import Status
from fastgd.results.content import OUTCOMES, dimensions, dtype_of, sizes

CHECKSUM_BYTES = 4
PENDING = int(Status.CANCELLED)  # of a configuration that has not been run yet: no finished tile holds it
LAST = "status"  # written after all others, so that it marks a tile as finished


class Chunked(NamedTuple):
    """An array over the grid."""

    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: np.dtype[Any]
    fill: Any  # of what has not been run yet

    @property
    def bytes(self) -> int:
        """Of a chunk's file."""
        return math.prod(self.chunk) * self.dtype.itemsize + CHECKSUM_BYTES


@dataclass(frozen=True)
class Layout:
    """The tiles of a grid and the arrays that are cut so.

    Attributes
    ----------
    shape : tuple of int
        Of the grid.
    tile : tuple of int
        Lengths of a tile along its axes.
    arrays : dict of str to Chunked
        In the order in which they are written.
    """

    shape: tuple[int, ...]
    tile: tuple[int, ...]
    arrays: dict[str, Chunked]

    @classmethod
    def of(cls, header: dict[str, Any], tile: tuple[int, ...]) -> Layout:
        """Return the layout of the result that a header describes."""
        lengths = sizes(header)
        axes = len(header["shape"])
        arrays = {}
        for name, own in dimensions(header).items():
            if name in ("theta", *OUTCOMES, "trajectory_theta", "trajectory_loss"):
                shape = tuple(lengths[dimension] for dimension in own)
                dtype = np.dtype(dtype_of(name)).newbyteorder("<")
                fill = PENDING if name == LAST else np.nan if dtype.kind == "f" else dtype.type(0)
                arrays[name] = Chunked(own, shape, (*tile, *shape[axes:]), dtype, fill)
        arrays[LAST] = arrays.pop(LAST)
        return cls(tuple(header["shape"]), tile, arrays)

    @property
    def blocks(self) -> tuple[int, ...]:
        """How many tiles there are along each axis."""
        return tuple(-(-length // own) for length, own in zip(self.shape, self.tile, strict=True))

    @property
    def count(self) -> int:
        """How many tiles there are."""
        return math.prod(self.blocks)

    @property
    def tile_size(self) -> int:
        """Configurations of a full tile."""
        return math.prod(self.tile)

    def block(self, tile: int) -> tuple[int, ...]:
        """Return where a tile is among the tiles along each axis."""
        return tuple(int(place) for place in np.unravel_index(tile, self.blocks)) if self.shape else ()

    def range(self, tile: int) -> tuple[int, int]:
        """Return the first flat index of a tile, and the one after its last."""
        corner = [place * own for place, own in zip(self.block(tile), self.tile, strict=True)]
        first = int(np.ravel_multi_index(corner, self.shape)) if self.shape else 0
        lengths = [min(own, n - at) for own, n, at in zip(self.tile, self.shape, corner, strict=True)]
        return first, first + math.prod(lengths)

    def tiles_of(self, flat: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the tile of each flat index."""
        if not self.shape:
            return np.zeros_like(flat)
        places = np.unravel_index(flat, self.shape)
        blocks = [place // own for place, own in zip(places, self.tile, strict=True)]
        return np.asarray(np.ravel_multi_index(blocks, self.blocks))

    def key(self, name: str, tile: int) -> str:
        """Return the name of a tile's file in the folder of an array."""
        tail = len(self.arrays[name].shape) - len(self.shape)
        return ".".join(["c", *map(str, self.block(tile)), *["0"] * tail])

    def tile_of_key(self, key: str) -> int | None:
        """Return the tile whose files have this name, None if it is no such name."""
        letter, *places = key.split(".")
        if letter != "c" or len(places) < len(self.shape) or not all(map(str.isdecimal, places)):
            return None
        block = tuple(map(int, places[: len(self.shape)]))
        if any(place >= n for place, n in zip(block, self.blocks, strict=True)):
            return None
        return int(np.ravel_multi_index(block, self.blocks)) if block else 0


def tile_shape(shape: tuple[int, ...], largest: int) -> tuple[int, ...]:
    """Return the lengths of tiles of at most so many configurations, hardly any of which reach beyond the grid.

    Examples
    --------
    >>> tile_shape((100, 40, 30), 700), tile_shape((1_000_000,), 262_144), tile_shape((5, 7), 1_000)
    ((1, 20, 30), (250000,), (5, 7))
    """
    tile = [1] * len(shape)
    inner = 1
    for axis in reversed(range(len(shape))):
        if inner * shape[axis] > largest:
            parts = math.ceil(shape[axis] / max(largest // inner, 1))
            tile[axis] = math.ceil(shape[axis] / parts)
            break
        tile[axis] = shape[axis]
        inner *= shape[axis]
    return tuple(tile)
