"""A store's files: how a store is made, and how a tile's chunks are written.

zarr writes what describes the arrays, and those along the axes. The chunks of tiles are written here, in zarr's format:
raw numbers and their CRC-32C. By zarr that took 1.6 times the processor's time, which is the sweep's, and it has no way
to a disk before the file has its name.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd._version import __version__
from fastgd.digest import digest_of_json
from fastgd.extras import imported
from fastgd.results.content import Told, coordinates, curvature, dimensions, outline, plain
from fastgd.results.store.claims import WHOLE, Claims, held, remove_unheld
from fastgd.results.store.layout import CHECKSUM_BYTES, Layout
from fastgd.results.tables import HEADER, attributes_of
from fastgd.text import printable

FORMAT = 1  # to be raised when a fastgd that reads this one would read the next one wrongly
RESIDUE = 0x48674BC7  # the CRC-32C of anything followed by its own
LARGEST_CHUNK = 1 << 18  # values of an array along an axis
PARTIAL = ".partial"
OLD = ".old"
STARTS = "theta0"  # the array of starts: none may have the name of its dimension
STATISTICS = "statistics"
METADATA = "zarr.json"
UNNAMED = "digest"  # of all else that the group's file says


def crc32c(array: NDArray[Any]) -> int:
    """Return the checksum of an array's bytes."""
    read_only = array.view()
    read_only.flags.writeable = False
    return int(imported("google_crc32c", "store", "store=").value(read_only))


def write_chunk(path: Path, array: NDArray[Any], *, durable: bool) -> None:
    """Write a chunk's file, which takes its name when it is whole and, if it is to be durable, on the disk."""
    partial = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}{PARTIAL}")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        checksum = crc32c(array).to_bytes(CHECKSUM_BYTES, "little")
        raw: Any = array
        rest = memoryview(raw).cast("B")
        while rest:
            rest = rest[os.write(file, rest) :]
        os.write(file, checksum)
        if durable:
            os.fsync(file)
    except BaseException:
        os.close(file)
        partial.unlink(missing_ok=True)
        raise
    os.close(file)
    os.replace(partial, path)


def write_tile(
    folder: Path, layout: Layout, tile: int, arrays: Mapping[str, NDArray[Any]], *, durable: bool = False
) -> None:
    """Write the chunks of a tile; the status, which marks it as finished, when all others are there."""
    for name, chunked in layout.arrays.items():
        path = folder / name / layout.key(name, tile)
        write_chunk(path, np.ascontiguousarray(arrays[name], dtype=chunked.dtype), durable=durable)
        if durable:
            sync(path.parent)


def sync(folder: Path) -> None:
    """Bring a file, or a folder's names, to the disk, where the system opens folders."""
    with contextlib.suppress(PermissionError):
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def sweep_partials(folder: Path, layout: Layout, is_ours: Any) -> None:
    """Remove what writers that were killed left of tiles; `is_ours(tile)` tells whether nobody else is writing it."""
    for name in layout.arrays:
        for left in (folder / name).glob(f"*{PARTIAL}"):
            tile = layout.tile_of_key(left.name.removesuffix(PARTIAL).rpartition(".")[0])
            if tile is None or is_ours(tile):
                left.unlink(missing_ok=True)


def create(
    path: Path,
    told: Told,
    tile: tuple[int, ...],
    identity: dict[str, Any],
    statistics: Mapping[str, NDArray[Any]],
    *,
    durable: bool,
    carry: Callable[[Path, Layout], object] | None = None,
) -> None:
    """Make a store without a finished tile, aside, and give it its name; if somebody else was first, theirs stays.

    With `carry`, which writes tiles, it takes the place of the store that is there.
    """
    aside = path.with_name(f"{_aside(path)}{os.getpid()}.{threading.get_ident()}{PARTIAL}")
    try:
        with held(aside, "store") as whole:
            layout = _fill(whole, told, tile, identity, statistics, is_extended=carry is not None)
            if carry is not None:
                carry(whole, layout)
            if durable:
                for parent, _, files in os.walk(whole):
                    for name in files:
                        sync(Path(parent, name))
                    sync(Path(parent))
            if carry is not None:
                _replace(whole, path)
            else:
                os.rename(whole, path)
            if durable:
                sync(path.parent)
    except OSError:
        if carry is not None or not (path / METADATA).is_file():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def sweep_half_made(path: Path) -> None:
    """Remove what of stores of this name was killed while it was made."""
    for left in path.parent.glob(f"{glob.escape(_aside(path))}*{PARTIAL}"):
        remove_unheld(left)


def _aside(path: Path) -> str:
    return f".{path.name[:40]}."


def _replace(whole: Path, path: Path) -> None:
    """Put a store in another's place, which is held; `restore` makes good where this was killed between."""
    old = path.with_name(f"{_aside(path)}{os.getpid()}{OLD}")
    os.rename(path, old)
    os.rename(whole, path)
    shutil.rmtree(old, ignore_errors=True)


def restore(path: Path) -> None:
    """Give back its name to a store that was to be replaced, and remove one that was."""
    for old in path.parent.glob(f"{glob.escape(_aside(path))}*{OLD}"):
        with contextlib.suppress(FileNotFoundError), contextlib.closing(Claims(old / METADATA)) as claims:
            while not claims.take(WHOLE):  # whoever replaces it is at work
                time.sleep(0.001)
            if not path.exists():
                os.rename(old, path)
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)


def _fill(
    folder: Path,
    told: Told,
    tile: tuple[int, ...],
    identity: dict[str, Any],
    statistics: Mapping[str, NDArray[Any]],
    *,
    is_extended: bool,
) -> Layout:
    zarr = imported("zarr", "store", "store=")
    header = outline(told) | curvature(told)
    layout = Layout.of(header, tile)
    own = {"format": FORMAT, "identity": identity, "tile": list(tile), "extended": is_extended, "header": header}
    told_to_all = {
        "Conventions": "CF-1.11",
        "source": f"fastgd {__version__}",
        **{name: printable(header[name]) for name in ("problem", "engine", "rule", "schedule")},
    }
    with warnings.catch_warnings(), zarr.config.set({"array.write_empty_chunks": True}):
        # that other programs may not know consolidated metadata: they read the others, and xarray wants these
        warnings.filterwarnings("ignore", "Consolidated metadata", UserWarning)
        group = zarr.create_group(str(folder), zarr_format=3)
        along = _write_coordinates(group, header, told)
        group.attrs.update(told_to_all | {"coordinates": " ".join(along), HEADER: own})
        for name, chunked in layout.arrays.items():
            _array(
                group,
                name,
                chunked.dimensions,
                shape=chunked.shape,
                chunks=chunked.chunk,
                dtype=chunked.dtype,
                fill_value=chunked.fill,
            )
            (folder / name).mkdir(exist_ok=True)
        kept = group.create_group(STATISTICS)
        for name, numbers in statistics.items():
            _write(kept, name, tuple(f"{name}_{k}" for k in range(numbers.ndim)), numbers)
        zarr.consolidate_metadata(str(folder))
    _sign(folder / METADATA)
    return layout


def _write_coordinates(group: Any, header: dict[str, Any], told: Told) -> list[str]:
    """Write what the grid has along its axes and what all configurations share; return the names."""
    _write(group, "parameter", ("parameter",), np.array([printable(name) for name in told.parameters], dtype=object))
    values = coordinates(told.grid)
    names = []
    for name, own in dimensions(header).items():
        if name in Layout.of(header, tuple(header["shape"])).arrays:
            continue
        if name == "recorded":
            values[name] = np.arange(header["states"], dtype=np.int64) * header["record_every"]
        names.append(STARTS if name == "start" else name)
        _write(group, names[-1], own, values[name])
    for name in header["shared"]:
        names.append(name)
        _write(group, name, (), values[name])
    return names


def _write(group: Any, name: str, own: tuple[str, ...], values: NDArray[Any]) -> None:
    rows = max(LARGEST_CHUNK // max(int(np.prod(values.shape[1:])), 1), 1)
    chunks = tuple(max(min(n, rows if k == 0 else n), 1) for k, n in enumerate(values.shape))
    is_text = values.dtype == object
    array = _array(group, name, own, shape=values.shape, chunks=chunks, dtype=str if is_text else values.dtype)
    if values.size:
        array[...] = values


def _array(group: Any, name: str, own: tuple[str, ...], **shape: Any) -> Any:
    checked = imported("zarr", "store", "store=").codecs.Crc32cCodec()
    return group.create_array(
        name,
        **shape,
        compressors=[checked],
        filters=None,
        dimension_names=own,
        chunk_key_encoding={"name": "default", "separator": "."},
        attributes=plain(attributes_of(name)) if own[:1] != (f"{name}_0",) and name != "parameter" else {},
    )


def _sign(path: Path) -> None:
    """Put a digest of all else into a group's file, so that who reads it knows whether anybody changed it."""
    said = json.loads(path.read_text(encoding="utf-8"))
    said["attributes"][HEADER][UNNAMED] = digest_of_json(said)
    path.write_text(json.dumps(said, indent=1, allow_nan=False), encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a small file whole, whatever happens meanwhile."""
    partial = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}{PARTIAL}")
    partial.write_text(json.dumps(value, allow_nan=False), encoding="utf-8")
    os.replace(partial, path)
