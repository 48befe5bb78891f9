"""A store as it is found: what it tells, which of its tiles are finished, and their numbers, each checked."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd._version import __version__
from fastgd.check import about
from fastgd.digest import digest_of_json
from fastgd.extras import imported
from fastgd.results.content import Told, dimensions, told_by
from fastgd.results.store.layout import CHECKSUM_BYTES, LAST, PENDING, Layout
from fastgd.results.store.writing import FORMAT, METADATA, RESIDUE, STARTS, STATISTICS, UNNAMED, crc32c
from fastgd.results.tables import HEADER


class Replaced(ValueError):
    """A store that was opened is not there any more: one of a larger grid, or another, has its place."""


@dataclass(frozen=True)
class Store:
    """A store on the disk, of which only the group's file has been read.

    Attributes
    ----------
    path : Path
    header : dict
        Of the result, as `content` has it.
    identity : dict
        Of the call that it belongs to.
    layout : Layout
    """

    path: Path
    header: dict[str, Any]
    identity: dict[str, Any]
    layout: Layout
    mark: tuple[int, int]  # of the group's file, which no other store's has
    named: str = "path"  # the argument that sentences name
    is_extended: bool = False  # it was made of a smaller one, and has tiles that are partly there

    @classmethod
    def open(cls, path: str, named: str = "path") -> Store:
        """Return the store at a path; ValueError in one sentence if there is none, or somebody changed it."""
        try:
            mark = mark_of(Path(path))  # first: one that takes its place meanwhile has another
            own = _own(Path(path))
            layout = Layout.of(own["header"], tuple(own["tile"]))
            return cls(Path(path), own["header"], own["identity"], layout, mark, named, own["extended"])
        except OSError as error:
            why = error.strerror or str(error)
        except ValueError as error:
            why = str(error)
        except (KeyError, TypeError, AttributeError):
            why = "it is damaged"
        raise ValueError(about(named, f"must be a store of a sweep, got {path!r}: {why}"))

    def state(self) -> NDArray[np.int8]:
        """Tell of each tile (n,) whether it is finished, 2, all its files being there with the right length.

        It is 1 of one that was carried over from a smaller grid, and has configurations that are yet to run; 0 of one
        that is not there.
        """
        state = self._are_there().astype(np.int8) * 2
        if self.is_extended:
            for tile in np.flatnonzero(state).tolist():
                state[tile] = 2 - bool(self._is_partial(tile))
        return state

    def finished(self) -> NDArray[np.bool_]:
        """Tell which tiles are finished (n,)."""
        return np.asarray(self.state() == 2)

    def _is_partial(self, tile: int) -> bool:
        return bool((self.read(LAST, tile) == PENDING).any())

    def _are_there(self) -> NDArray[np.bool_]:
        """Tell of which tiles all files are there, with the right length."""
        done = np.ones(self.layout.count, dtype=np.bool_)
        for name, chunked in self.layout.arrays.items():
            there = np.zeros_like(done)
            with os.scandir(self.path / name) as files:
                for file in files:
                    tile = self.layout.tile_of_key(file.name)
                    if tile is not None and file.stat().st_size == chunked.bytes:
                        there[tile] = True
            done &= there
        return done

    def is_finished(self, tile: int) -> bool:
        """Tell whether a tile is finished."""
        return self.is_there(tile) and not (self.is_extended and self._is_partial(tile))

    def is_there(self, tile: int) -> bool:
        """Tell whether all files of a tile are there, the mark first."""
        try:
            return all(
                (self.path / name / self.layout.key(name, tile)).stat().st_size == self.layout.arrays[name].bytes
                for name in (LAST, *self.layout.arrays)
            )
        except FileNotFoundError:
            return False

    def read(self, name: str, tile: int) -> NDArray[Any]:
        """Return an array's numbers of a finished tile (T, ...), in flat order.

        Raises
        ------
        ValueError
            In one sentence that names the file, if it is damaged or not there any more.
        Replaced
            If that may be, or the numbers another store's, because one has the place of this one.
        """
        raw, why = self._raw(name, tile)
        if why:
            raise self._damaged(name, tile, why)
        chunked = self.layout.arrays[name]
        first, last = self.layout.range(tile)
        tail = chunked.chunk[len(self.layout.tile) :]
        # rows that reach beyond the grid are the last ones
        return raw[:-CHECKSUM_BYTES].view(chunked.dtype).reshape(-1, *tail)[: last - first]

    def damage(self, name: str, tile: int) -> str:
        """Return why a tile's file is not as it was written, nothing if it is."""
        return self._raw(name, tile)[1]

    def _raw(self, name: str, tile: int) -> tuple[NDArray[np.uint8], str]:
        """Return the bytes of a tile's file, and what is wrong with them."""
        expected = self.layout.arrays[name].bytes
        why = ""
        try:
            raw: NDArray[np.uint8] = np.fromfile(self.path / name / self.layout.key(name, tile), dtype=np.uint8)
        except OSError as error:
            why = error.strerror or str(error)
        self.check_there()  # afterwards: what was read before is its own
        if why:
            return np.zeros(0, dtype=np.uint8), why
        if raw.size != expected:
            return raw, f"it has {raw.size:,} bytes, not {expected:,}"
        return raw, "" if crc32c(raw) == RESIDUE else "its numbers do not add up to its checksum"

    def check_there(self) -> None:
        """Raise Replaced if another store has its place, or none."""
        if mark_of(self.path) == self.mark:
            return
        rest = f"must be the store that was opened, got {str(self.path)!r}, where another is now: open it again"
        raise Replaced(about(self.named, rest))

    def _damaged(self, name: str, tile: int, why: str) -> ValueError:
        """Return the sentence that names a file which is not as it was written."""
        file = f"{name}/{self.layout.key(name, tile)}"
        return ValueError(
            about(
                self.named,
                f"must be a store whose files are as they were written, got {str(self.path)!r} with {file}: {why}; "
                "delete that file, and the call that wrote the store runs its tile again",
            )
        )

    def told(self, later: dict[str, Any]) -> Told:
        """Return what the result tells beside its arrays over the grid, and was known later.

        ValueError in one sentence if an axis is damaged.
        """
        names = [name for name in dimensions(self.header) if name not in self.layout.arrays]
        along = self._numbers(".", {name: STARTS if name == "start" else name for name in names})
        return told_by(self.header | later, along)

    def statistics(self) -> dict[str, NDArray[Any]]:
        """Return what the engine took of the samples; ValueError in one sentence if it is damaged."""
        names = [each.name for each in (self.path / STATISTICS).iterdir() if each.is_dir()]
        return self._numbers(STATISTICS, {name: name for name in names})

    def _numbers(self, group: str, names: dict[str, str]) -> dict[str, NDArray[Any]]:
        """Return whole arrays of a group, each by its own name; a file that is not there would be zeros to zarr."""
        opened = imported("zarr", "store", "a store").open_group(str(self.path / group), mode="r", zarr_format=3)
        found = {}
        for name, called in names.items():
            array = opened[called]
            try:
                if len(list((self.path / group / called).glob("c*"))) < array.nchunks:
                    raise ValueError("a file is missing")
                found[name] = np.asarray(array[...])
            except (ValueError, OSError) as error:
                why = f"{called} is damaged: {error}"
                raise ValueError(about(self.named, f"must be a whole store, got {str(self.path)!r}: {why}")) from None
        return found


def is_store(path: str) -> bool:
    """Tell whether a folder is a store of a sweep, rather than a result that was saved, or anything else."""
    try:
        return isinstance(json.loads(Path(path, METADATA).read_bytes())["attributes"][HEADER], dict)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def mark_of(path: Path) -> tuple[int, int]:
    """Return what tells a store from one that has its place later: its file's number, and when that was written.

    Zeros if there is none.
    """
    try:
        found = os.stat(path / METADATA)
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns


def _own(path: Path) -> dict[str, Any]:
    """Return what the group's file says of fastgd's, checked; ValueError in words that follow the path."""
    try:
        said = json.loads((path / METADATA).read_bytes())
        own = said["attributes"][HEADER]
        known = own["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("it has no header of fastgd's") from None
    if known != FORMAT:
        by = f"format {known} of {said['attributes'].get('source')}"
        raise ValueError(f"it has {by}, and this is fastgd {__version__}, which reads {FORMAT}")
    if own.pop(UNNAMED, None) != digest_of_json(said):
        raise ValueError(f"its {METADATA} was changed after fastgd wrote it")
    for name, metadata in said["consolidated_metadata"]["metadata"].items():
        if _alone(json.loads((path / name / METADATA).read_bytes())) != _alone(metadata):
            raise ValueError(f"its {name}/{METADATA} was changed after fastgd wrote it")
    return dict(own)


def _alone(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what an array's, or a group's, file says without what is in the group."""
    return {name: value for name, value in metadata.items() if name != "consolidated_metadata"}
