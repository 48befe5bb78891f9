"""The formats of results in files, by suffix: how each is written to a path, and how it is read.

Each holds the content of a result, `content`, so that it is read as what was written:

    .npz      a member each array, and what all configurations share by its name; the header in the member "fastgd"
    .json     the header and, beside it, the arrays as nested lists; statuses by name
    .csv      a row a configuration; the header, without curvature, in the last column of the first row
    .parquet  the same columns; the header in the schema's metadata
    .nc       a dataset, in netCDF 4, the header among its attributes
    .zarr     the same as a folder, a zarr store of format 3
"""

from __future__ import annotations

import csv
import io
import json
import warnings
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastgd.extras import imported
from fastgd.results.content import (
    STATUS_CODES,
    STATUS_NAMES,
    Content,
    content_of,
    dimensions,
    dtype_of,
    header_of,
    plain,
    status_places,
)
from fastgd.results.outcomes import Outcomes
from fastgd.results.tables import HEADER, Layout, content_of_dataset, to_xarray

ROWS_AT_ONCE = 65_536
_CODES = dict(zip(STATUS_NAMES, STATUS_CODES.tolist(), strict=True))
_NAMED = ("axes", "parameters", "problem", "engine", "rule", "schedule")  # told by name in .npz


class Format(NamedTuple):
    """A format of files."""

    write: Callable[[Path, Outcomes], None]  # to a file or a folder that is there and empty
    read: Callable[[Path], Content]
    needs: tuple[str, ...] = ()  # packages
    extra: str = ""  # by which they are installed
    records: bool = True  # whether it keeps recorded states
    is_folder: bool = False


def _write_npz(path: Path, result: Outcomes) -> None:
    """Write arrays by name, among them what the header says that NumPy's users may want; bounds are (2, P)."""
    content = content_of(result)
    settings = result.settings
    told = {name: np.array(content.header[name], dtype=str) for name in _NAMED}
    told |= {name: result.grid.values[name] for name in content.header["shared"]}
    told["bounds"] = np.stack([settings.lower, settings.upper])
    told |= {"status_codes": STATUS_CODES, "status_names": np.array(STATUS_NAMES), HEADER: np.array(content.text)}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **told, **content.arrays)


def _read_npz(path: Path) -> Content:
    # opened here, since NumPy leaves a file open that is no whole archive; and no array, which it would load as well
    with path.open("rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as members:
        header = header_of(str(members[HEADER]) if HEADER in members.files else "{}")
        return Content(header, {name: members[name] for name in dimensions(header) if name in members})


def _write_json(path: Path, result: Outcomes) -> None:
    content = content_of(result)
    header = content.header
    texts = {name: plain(values) for name, values in content.arrays.items()}
    names = np.array(STATUS_NAMES)[status_places(content.arrays["status"])]
    texts["status"] = names.tolist()
    axes = {name: texts.pop(name) for name in header["axes"]}
    columns = {name: texts.pop(name) for name in ("start", *header["varied"]) if name in texts}
    path.write_text(json.dumps(header | {"axes": axes, "columns": columns} | texts, allow_nan=False), encoding="ascii")


def _read_json(path: Path) -> Content:
    header = header_of(path.read_bytes())
    known_names = dimensions(header)
    lists = header | header["axes"] | header.pop("columns")
    lists["status"] = _codes(lists["status"])
    arrays: dict[str, NDArray[Any]] = {
        name: np.array(lists[name], dtype=dtype_of(name)) for name in known_names if name in lists
    }
    header = {name: value for name, value in header.items() if name not in known_names}
    return Content(header | {"axes": list(header["axes"])}, arrays)


def _codes(names: Any) -> Any:
    return [_codes(name) for name in names] if isinstance(names, list) else _CODES[names]


def _csv_layout(header: dict[str, Any]) -> tuple[Layout, list[str]]:
    """Return the columns of a CSV file, and those that are the same in every row, after them."""
    sides = () if header["bounds"] is None else ("lower", "upper")
    same = ["rule", "schedule", "engine"] + [f"{side}_{name}" for side in sides for name in header["parameters"]]
    return Layout.of(header, shared=True, taken=(*same, HEADER)), same


def _write_csv(path: Path, result: Outcomes) -> None:
    """Write a row a configuration: its hyperparameters, theta by name, what came out; then what all share.

    That is rule, schedule, engine and, if there are any, bounds. Floats have as many digits as tell them apart.
    """
    content = content_of(result, with_curvature=False)
    header = content.header
    layout, same = _csv_layout(header)
    bounds = [] if header["bounds"] is None else result.settings.bounds.ravel().tolist()  # type: ignore[union-attr]
    shared = "".join(f",{value}" for value in (*(header[name] for name in same[:3]), *map(repr, bounds)))
    quoted = content.text.replace('"', '""')
    ends = chain([f'{shared},"{quoted}"\n'], iter(lambda: f"{shared},\n", None))
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as text:
        names = io.StringIO()
        csv.writer(names).writerow([*layout.names, *same, HEADER])  # ends in \r\n: so it quotes names with either
        text.write(names.getvalue().removesuffix("\r\n") + "\n")
        for first in range(0, result.status.size, ROWS_AT_ONCE):
            last = min(first + ROWS_AT_ONCE, result.status.size)
            rows = zip(*_as_text(layout.columns(result, first, last)), strict=True)
            text.writelines(",".join(row) + end for row, end in zip(rows, ends, strict=False))


def _as_text(columns: dict[str, NDArray[Any]]) -> Iterator[list[str]]:
    for name, values in columns.items():
        if name == "status":
            yield [STATUS_NAMES[place] for place in status_places(values).tolist()]
        else:
            yield list(map(repr, values.tolist()))


def _read_csv(path: Path) -> Content:
    with path.open(encoding="utf-8", newline="") as text:
        _skip_names(text)
        row = next(text, "")
        header = header_of(row.partition(',"')[2].rstrip("\r\n")[:-1].replace('""', '"') or "{}")
        layout, _ = _csv_layout(header)
        types = [_csv_type(name) if name in layout.known else np.float64 for name in layout.names]
        columns = np.loadtxt(
            chain([row], text),
            dtype=[(str(place), kind) for place, kind in enumerate(types)],
            delimiter=",",
            comments=None,
            quotechar='"',
            usecols=range(len(types)),
            ndmin=1,
        )
    by_name = {name: columns[str(place)] for place, name in enumerate(layout.names)}
    names, places = np.unique(by_name["status"], return_inverse=True)
    by_name["status"] = np.array([_CODES[name] for name in names.tolist()], dtype=np.int8)[places]
    by_name["stalled"] = by_name["stalled"] == "True"
    return Content(header, layout.arrays(header, by_name))


def _skip_names(text: io.TextIOBase) -> None:
    """Read the first row. Names may go over several lines, and be longer than `csv.reader` takes."""
    quotes = 0
    for line in text:
        quotes += line.count('"')
        if quotes % 2 == 0:
            return


def _csv_type(name: str) -> Any:
    return f"U{max(map(len, STATUS_NAMES))}" if name in ("status", "stalled") else dtype_of(name)


def _write_parquet(path: Path, result: Outcomes) -> None:
    pyarrow = imported("pyarrow", "table", "writing .parquet")
    content = content_of(result)
    columns: dict[str, Any] = Layout.of(content.header).columns(result, 0, result.status.size)
    columns["status"] = pyarrow.DictionaryArray.from_arrays(status_places(columns["status"]), STATUS_NAMES)
    table = pyarrow.Table.from_arrays(list(map(pyarrow.array, columns.values())), list(columns))
    parquet = imported("pyarrow.parquet", "table", "writing .parquet")
    parquet.write_table(table.replace_schema_metadata({HEADER: content.text}), path, write_page_checksum=True)


def _read_parquet(path: Path) -> Content:
    parquet = imported("pyarrow.parquet", "table", "reading .parquet")
    # as a file: a path may be a data set of many to Arrow
    with path.open("rb") as file, parquet.ParquetFile(file, page_checksum_verification=True) as opened:
        header = header_of((opened.schema_arrow.metadata or {}).get(HEADER.encode(), b"{}"))
        table = opened.read().unify_dictionaries().combine_chunks()
    layout = Layout.of(header)
    columns = dict(zip(layout.names, table.columns, strict=True))
    status = columns["status"].chunk(0)
    codes = np.array([_CODES[name] for name in status.dictionary.to_pylist()], dtype=np.int8)
    arrays = {name: column.to_numpy() for name, column in columns.items() if name != "status"}
    arrays["status"] = codes[status.indices.to_numpy()]
    return Content(header, layout.arrays(header, arrays))


def _write_netcdf(path: Path, result: Outcomes) -> None:
    # by way of memory: HDF5, on a full disk, takes the whole process down when it can't close its file
    path.write_bytes(to_xarray(result).to_netcdf(engine="h5netcdf"))


def _read_netcdf(path: Path) -> Content:
    # without h5netcdf, which prints a traceback of its own about what is damaged
    with imported("h5py", "table", "reading .nc").File(path, "r") as file:
        return content_of_dataset(file)


def _write_zarr(path: Path, result: Outcomes) -> None:
    dataset = to_xarray(result)
    with warnings.catch_warnings():
        # that other programs may not know consolidated metadata: they read the others, and xarray wants these
        warnings.filterwarnings("ignore", "Consolidated metadata", UserWarning)
        dataset.to_zarr(path, mode="w-", zarr_format=3, consolidated=True)


def _read_zarr(path: Path) -> Content:
    return content_of_dataset(imported("zarr", "store", "reading .zarr").open_group(path, mode="r"))


_XARRAY = ("pandas", "xarray")
FORMATS = {
    ".npz": Format(_write_npz, _read_npz),
    ".csv": Format(_write_csv, _read_csv, records=False),
    ".json": Format(_write_json, _read_json),
    ".parquet": Format(_write_parquet, _read_parquet, ("pyarrow",), "table", records=False),
    ".nc": Format(_write_netcdf, _read_netcdf, (*_XARRAY, "h5netcdf", "h5py"), "table"),
    ".zarr": Format(_write_zarr, _read_zarr, (*_XARRAY, "zarr"), "all", is_folder=True),
}
