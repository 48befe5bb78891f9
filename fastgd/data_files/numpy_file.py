"""Columns of an array in a .npy file, mapped into memory: those of a table by number, or the fields of records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastgd.data_files.cells import column_index

KIND = "NumPy"


def read(path: str, names: Sequence[str]) -> list[Any]:
    """Return the columns as views of a memory map, each (N,).

    Raises
    ------
    ValueError
        If the file is damaged or no such table.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError):
        raise ValueError(f"{path} can't be read as a NumPy file, it is damaged, not whole, or of objects") from None
    if array.dtype.names is not None and array.ndim == 1:
        columns = {name: array[name] for name in array.dtype.names}
    elif array.ndim == 2:
        columns = {str(k + 1): array[:, k] for k in range(array.shape[1])}
    else:
        raise ValueError(f"{path} must be a table of rows and columns, or of records, got an array of {array.shape}")
    if not len(array):
        raise ValueError(f"{path} has columns and no rows, expected rows of numbers")
    found = []
    for name in names:
        column_index(path, list(columns), name)
        if columns[name].dtype.kind not in "fiub":
            raise ValueError(f"{path}: column {name!r} is of type {columns[name].dtype}, expected finite numbers")
        found.append(columns[name])
    return found
