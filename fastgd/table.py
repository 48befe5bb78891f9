"""Columns of a CSV file, as arrays: every cell is read as a number, and nothing in the file is ever executed.

The first line names the columns. Everything wrong with a file is one sentence with the file, the line and the column.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

ROWS_AT_ONCE = 65_536
NAMES_SHOWN = 20

_Row = tuple[int, list[str]]  # the number of its line, its cells


def read_columns(path: str | Path, names: Sequence[str]) -> list[NDArray[np.float64]]:
    """Return the named columns, each (N,).

    Raises
    ------
    ValueError
        If the file can't be read, has no such column, or a cell of these columns is not a finite number.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return _columns(str(path), file, names)
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a text file in UTF-8, as a CSV file must be") from None


def _columns(path: str, file: TextIO, names: Sequence[str]) -> list[NDArray[np.float64]]:
    rows = _rows(path, file)
    first = next(rows, None)
    if first is None:
        raise ValueError(f"{path} is empty, expected a line with the names of the columns and then rows of numbers")
    header = [cell.strip() for cell in first[1]]
    if len(header) == 1:
        for mark, word in ((";", "semicolons"), ("\t", "tabs")):
            if mark in header[0]:
                raise ValueError(f"{path} separates its columns by {word}, expected commas")
    indices = [_index(path, header, name) for name in names]
    chunks: list[list[NDArray[np.float64]]] = [[] for _ in names]
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        for line, cells in chunk:
            if len(cells) != len(header):
                raise ValueError(
                    f"{path}, line {line}: {len(cells)} cell{'s' * (len(cells) != 1)}, "
                    f"expected {len(header)} as in the first line"
                )
        for parts, index in zip(chunks, indices, strict=True):
            parts.append(_numbers(path, header[index], chunk, index))
    if not any(chunks):
        raise ValueError(f"{path} has a line of names and no rows below it, expected rows of numbers")
    return [np.concatenate(parts) for parts in chunks]


def _rows(path: str, file: TextIO) -> Iterator[_Row]:
    """Yield the rows that are not blank, each with its line's number."""
    reader = csv.reader(file, strict=True)
    try:
        for row in reader:
            if row and (len(row) > 1 or row[0].strip()):
                yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: not a row of a CSV file ({error})") from None


def _index(path: str, header: list[str], name: str) -> int:
    """Return where a column stands."""
    count = header.count(name)
    if count == 1:
        return header.index(name)
    if count > 1:
        raise ValueError(f"{path} has {count} columns named {name!r}, expected one")
    known = ", ".join(repr(other) for other in header[:NAMES_SHOWN])
    more = f" and {len(header) - NAMES_SHOWN} more" if len(header) > NAMES_SHOWN else ""
    hint = "; its first line must name the columns" if all(map(_is_number, header)) else ""
    raise ValueError(f"{path} has no column {name!r}, it has {known}{more}{hint}")


def _numbers(path: str, column: str, chunk: list[_Row], index: int) -> NDArray[np.float64]:
    """Return one column of some rows."""
    texts = [cells[index] for _, cells in chunk]
    try:
        values = np.array([float(text) for text in texts])
    except ValueError:
        values = None
    if values is not None and np.isfinite(values).all() and "_" not in "".join(texts):
        return values
    line, text = next((line, cells[index]) for line, cells in chunk if not _is_number(cells[index]))
    what = f"{text!r}" if text.strip() else "nothing"
    raise ValueError(f"{path}, line {line}: column {column!r} has {what}, expected a finite number")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and "_" not in text  # float takes 1_000
    except ValueError:
        return False
