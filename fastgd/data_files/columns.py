"""Columns of a data file, as arrays: every cell is read as a number, and nothing in the file is ever executed.

Everything wrong with a file is one sentence with the file, the line and the column.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastgd.data_files import arrow
from fastgd.data_files.cells import complaint, is_number, number
from fastgd.data_files.dialect import Dialect, cells_of, named_separator, reader, separator_hint
from fastgd.data_files.header import column_index
from fastgd.data_files.opening import decoded, lines_of, opened
from fastgd.text import counted

ROWS_AT_ONCE = 65_536
LINES_FOR_HINTS = 20

_Row = tuple[int, list[str]]  # the number of its last line, its cells
_Columns = list[NDArray[np.float64]]


class Table(NamedTuple):
    """Columns that were read, each (N,), and what there is to tell of it.

    How many rows the file has, how many of them were dropped, and whether the names of its columns are numbers.
    """

    columns: _Columns
    rows: int
    dropped: int
    named_by_numbers: bool


class _Head(NamedTuple):
    """A text file's beginning: where its first row stands, the row, and lines from it on, for hints."""

    line: int
    cells: list[str]
    lines: list[str]
    separator: str


def read_columns(path: str, names: Sequence[str], dialect: Dialect | None = None) -> Table:
    """Return the named columns; without a header the names are columns' numbers, from 1 on.

    Raises
    ------
    ValueError
        If the file can't be read, has no such column, or a cell of these columns is not a finite number.
    """
    dialect = dialect or Dialect()
    with opened(path) as (kind, file):
        if kind == "text":
            columns, named_by_numbers = _text_columns(path, file, names, dialect)
        else:
            if dialect != Dialect(drop_missing=dialect.drop_missing):
                raise ValueError(f"{path} must be a text file with --separator, --decimal or --no-header, got {kind}")
            columns, named_by_numbers = arrow.read(path, file, kind, names), False
            _check_rows(path, names, columns, dialect)
    rows = len(columns[0])
    missing = np.logical_or.reduce([np.isnan(values) for values in columns])
    if missing.all():
        raise ValueError(f"{path} has no row with a number in each of these columns, expected one at least")
    dropped = int(missing.sum())
    return Table([values[~missing] for values in columns] if dropped else columns, rows, dropped, named_by_numbers)


def _check_rows(path: str, names: Sequence[str], columns: _Columns, dialect: Dialect) -> None:
    """Raise ValueError if a column of a table without cells of text has something else than a finite number."""
    if not len(columns[0]):
        raise ValueError(f"{path} has names of columns and no rows, expected rows of numbers")
    for name, values in zip(names, columns, strict=True):
        wrong = np.isinf(values) if dialect.drop_missing else ~np.isfinite(values)
        if wrong.any():
            row = int(np.argmax(wrong))
            text = "" if np.isnan(values[row]) else str(values[row])
            raise ValueError(f"{path}, row {row + 1}: {complaint(repr(name), text, dialect)}")


def _text_columns(path: str, file: BinaryIO, names: Sequence[str], dialect: Dialect) -> tuple[_Columns, bool]:
    """Return the columns, and whether there is a header of numbers only."""
    head, rows = _begin(path, lines_of(path, file), names, dialect)
    dialect = dialect._replace(separator=head.separator)
    indices = _indices(path, head, names, dialect)
    labels = [repr(name) if dialect.header else name for name in names]
    chunks: list[_Columns] = [[] for _ in names]
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        for line, cells in chunk:
            if len(cells) != len(head.cells):
                raise ValueError(f"{path}, line {line}: {_of_other_length(cells, head)}")
        for parts, label, index in zip(chunks, labels, indices, strict=True):
            parts.append(_numbers(path, label, chunk, index, dialect))
    if not any(chunks):
        raise ValueError(f"{path} has a line of names and no rows below it, expected rows of numbers")
    return [np.concatenate(parts) for parts in chunks], dialect.header and _all_numbers(head.cells, dialect)


def _begin(path: str, lines: Iterator[str], names: Sequence[str], dialect: Dialect) -> tuple[_Head, Iterator[_Row]]:
    """Return the first row, which is the header if there is one, and the rows below it."""
    skipped, comment, separator = 0, "", dialect.separator
    for line in lines:
        named = named_separator(line)
        if named is not None and not comment:
            separator = separator or named
        elif line.lstrip().startswith("#"):
            comment = line
        elif line.strip():
            break
        skipped += 1
    else:
        line = ""
    separator = separator or ","
    first = [line, *islice(lines, LINES_FOR_HINTS)] if line else []
    rows = _rows(path, chain(first, lines), separator, skipped)
    above = _names_in_comment(comment, cells_of(line, separator), names, separator, dialect)
    if above:
        return _Head(skipped, above, first, separator), rows
    if not line:
        raise ValueError(f"{path} is empty, expected a line with the names of the columns and then rows of numbers")
    try:
        number_of_line, cells = next(rows)
    except ValueError as error:  # quotes that a table with this separator can't have
        hint = _explanation(path, _Head(skipped + 1, [], first, separator), names, dialect)
        raise ValueError(f"{error}{hint}") from None
    if not dialect.header:
        rows = chain([(number_of_line, cells)], rows)
    return _Head(number_of_line, [decoded(cell).strip() for cell in cells], first, separator), rows


def _names_in_comment(
    comment: str, first: list[str], names: Sequence[str], separator: str, dialect: Dialect
) -> list[str]:
    """Return the names that stand in a comment right above rows of numbers, as NumPy's savetxt writes them."""
    if not comment or not dialect.header or set(names) <= set(first):
        return []
    header = cells_of(decoded(comment.strip().lstrip("#")), separator)
    if header and not header[0]:
        header[0] = "#"  # a column's own name
    of_first = len(header) == len(first) and any(is_number(cell, dialect) for cell in first)
    return header if of_first or set(names) <= set(header) or not first else []


def _rows(path: str, lines: Iterator[str], separator: str, skipped: int) -> Iterator[_Row]:
    """Yield the rows that are not blank, each with its last line's number."""
    parser, before = reader(lines, separator), skipped
    try:
        for row in parser:
            before = skipped + parser.line_num
            if row and (len(row) > 1 or row[0].strip()):
                yield before, row
    except csv.Error as error:
        what = "a quote is closed before the end of its cell"
        if "end of data" in str(error):
            what = "a quote is opened and not closed"
        if "limit" in str(error):
            what = f"a cell has more than {counted(csv.field_size_limit(), 'letter')}, is a quote not closed?"
        raise ValueError(f"{path}, line {before + 1}: {what}") from None


def _indices(path: str, head: _Head, names: Sequence[str], dialect: Dialect) -> list[int]:
    """Return where the columns stand."""
    if dialect.header:
        return [
            column_index(path, head.cells, name, lambda: _explanation(path, head, names, dialect)) for name in names
        ]
    width, most = len(head.cells), max(map(int, names))
    if most > width:
        hint = _explanation(path, head, names, dialect)
        raise ValueError(f"{path} has {counted(width, 'column')}, expected {most} at least{hint}")
    for name in names:
        text = head.cells[int(name) - 1]
        if number(text, dialect._replace(drop_missing=True)) is None:
            hint = _explanation(path, head, names, dialect) or "; leave out --no-header if this line names the columns"
            raise ValueError(f"{path}, line {head.line}: {complaint(name, text, dialect)}{hint}")
    return [int(name) - 1 for name in names]


def _explanation(path: str, head: _Head, names: Sequence[str], dialect: Dialect) -> str:
    """Return why a column may be missing: the table is written in another way. ValueError if there is no table."""
    other = _other_kind("".join(head.lines)[:10_000].lstrip())
    if other:
        raise ValueError(f"{path} is {other}, expected a table of columns: lines with as many cells each")
    wanted = names if dialect.header else max(map(int, names))
    separators = separator_hint(head.lines, wanted, head.separator)
    if separators or not dialect.header:
        return separators
    if len(head.cells) == 1 and head.separator in head.cells[0]:
        return "; its lines are in quotes as wholes: remove these"
    if _all_numbers(head.cells, dialect):
        return (
            "; its first line looks like numbers: if it names no columns, type --no-header and give columns by number, "
            "for example --no-header --x 1 --y 2"
        )
    for line, text in enumerate(head.lines[1:], head.line + 1):
        if set(names) <= set(cells_of(text, head.separator)):
            return f"; line {line} has these names: remove what stands above it"
    return ""


def _all_numbers(cells: list[str], dialect: Dialect) -> bool:
    return bool(cells) and all(is_number(cell, dialect) for cell in cells)


def _other_kind(start: str) -> str:
    """Return what a file is that begins so, if that is no table of text."""
    if re.match(r"<!doctype|<\?xml|<[a-z]+[\s>].*</", start, re.IGNORECASE | re.DOTALL):
        return "HTML or XML"
    if re.match(r"\{\s*\"|\[\s*[\[{\"\d]", start):
        return "JSON"
    if start.count("\0") * 3 > len(start):
        return "text in UTF-16 or UTF-32 without its mark, or no text"
    return ""


def _of_other_length(cells: list[str], head: _Head) -> str:
    where = "as in the first line" if head.line == 1 else f"as in line {head.line}"
    sentence = f"{counted(len(cells), 'cell')}, expected {len(head.cells)} {where}"
    if cells[0].lstrip().startswith("#"):
        return f"{sentence}; comments may stand above the names only"
    if len(cells) > len(head.cells) and not cells[-1].strip():
        return f"{sentence}; it ends in a separator"
    return sentence


def _numbers(path: str, label: str, chunk: list[_Row], index: int, dialect: Dialect) -> NDArray[np.float64]:
    """Return one column of some rows."""
    texts = [cells[index] for _, cells in chunk]
    if dialect.decimal == ".":
        try:
            values = np.array([float(text) for text in texts])
        except ValueError:
            values = None
        if values is not None and np.isfinite(values).all() and "_" not in "".join(texts):
            return values
    numbers = [number(text, dialect) for text in texts]
    if None in numbers:
        wrong = numbers.index(None)
        line, text = chunk[wrong][0], decoded(texts[wrong])
        raise ValueError(f"{path}, line {line}: {complaint(label, text, dialect)}")
    return np.array(numbers, dtype=np.float64)
