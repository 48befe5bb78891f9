"""Whether every file of a store is as it was written."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastgd.results.content import STATUS_CODES
from fastgd.results.store.layout import LAST, PENDING
from fastgd.results.store.reading import Store
from fastgd.results.store.writing import PARTIAL


class Verified(NamedTuple):
    """What was found.

    Attributes
    ----------
    tiles, finished : int
        How many tiles the store has, and how many of them are finished.
    files : int
        How many files of tiles were read.
    damaged : list of str
        Those that are not as they were written: each by its name, and why.
    left : int
        How many files writers left that were killed, or are at work; a sweep that goes on removes them.
    """

    tiles: int
    finished: int
    files: int
    damaged: list[str]
    left: int


def verify(store: Store) -> Verified:
    """Read every number of a store; ValueError in one sentence if an axis, or what it kept of samples, is damaged."""
    store.told({})
    store.statistics()
    finished = store.finished()
    damaged = []
    files = 0
    left = 0
    for name, chunked in store.layout.arrays.items():
        for file in sorted((store.path / name).iterdir()):
            tile = store.layout.tile_of_key(file.name)
            left += file.name.endswith(PARTIAL)
            if tile is None:
                continue
            files += 1
            if (size := file.stat().st_size) != chunked.bytes:
                damaged.append(f"{name}/{file.name}: it has {size:,} bytes, not {chunked.bytes:,}")
            elif why := _damage(store, name, tile, in_finished=bool(finished[tile])):
                damaged.append(f"{name}/{file.name}: {why}")
    return Verified(finished.size, int(finished.sum()), files, damaged, left)


def _damage(store: Store, name: str, tile: int, *, in_finished: bool) -> str:
    """Return why a file is not as it was written, nothing if it is."""
    if why := store.damage(name, tile):
        return why
    if name == LAST and in_finished:
        codes = store.read(name, tile)
        if not np.isin(codes, STATUS_CODES).all() or (codes == PENDING).any():
            return "it has statuses that no finished tile has"
    return ""
