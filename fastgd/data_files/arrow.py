"""Columns of a Parquet or Arrow file, by the package pyarrow: its import takes 0.05 s, that of pandas 0.4 s."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fastgd.data_files.cells import column_index
from fastgd.text import with_article


def read(path: str, file: BinaryIO, kind: str, names: Sequence[str]) -> list[NDArray[np.float64]]:
    """Return the named columns, each (N,), NaN where one has nothing.

    Raises
    ------
    ValueError
        If pyarrow is missing, the file is damaged, or has no such columns of numbers.
    """
    try:
        import pyarrow
    except ModuleNotFoundError:
        raise ValueError(
            f"{path} is {with_article(kind)} file, which needs the package pyarrow: pip install 'fastgd[table]'"
        ) from None
    if not file.seekable():
        raise ValueError(f"{path} must be a file and no pipe to be read as {kind}")
    try:
        found = _columns(path, file, kind, names)
    except (pyarrow.ArrowException, OSError):
        raise ValueError(f"{path} can't be read as {with_article(kind)} file, it is damaged or not whole") from None
    return [_numbers(path, name, column) for name, column in zip(names, found, strict=True)]


def _columns(path: str, file: BinaryIO, kind: str, names: Sequence[str]) -> list[Any]:
    if kind == "Parquet":
        from pyarrow.parquet import ParquetFile

        source = ParquetFile(file)
        header = source.schema_arrow.names
    else:
        from pyarrow.ipc import open_file

        table = open_file(file).read_all()
        header = table.schema.names
    for name in names:
        column_index(path, header, name)
    if kind == "Parquet":
        table = source.read(columns=list(names))  # "a" brings "a.b" along
    return [table.column(name) for name in names]


def _numbers(path: str, name: str, column: Any) -> NDArray[np.float64]:
    import pyarrow
    from pyarrow import types

    kind = column.type
    if types.is_temporal(kind):
        raise ValueError(f"{path}: column {name!r} holds dates or times, expected finite numbers")
    wanted = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal, types.is_null)
    if not any(is_kind(kind) for is_kind in wanted):
        raise ValueError(f"{path}: column {name!r} is of type {kind}, expected finite numbers")
    if types.is_boolean(kind):
        column = column.cast(pyarrow.int8())
    values = column.cast(pyarrow.float64(), safe=False).to_numpy()
    return np.asarray(values, dtype=np.float64)
