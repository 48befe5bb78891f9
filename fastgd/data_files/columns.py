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

from fastgd.data_files import arrow, numpy_file
from fastgd.data_files.cells import column_index, complaint, is_number, number
from fastgd.data_files.dialect import Dialect, cells_of, named_separator, reader, separator_hint
from fastgd.data_files.opening import decoded, lines_of, opened
from fastgd.data_files.spooled import Spooled
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


def read_columns(path: str, names: Sequence[str], dialect: Dialect | None = None) -> Table:
    """Return the named columns; without a header the names are columns' numbers, from 1 on.

    Raises
    ------
    ValueError
        If the file can't be read, has no such column, or a cell of these columns is not a finite number.
    """
    dialect = dialect or Dialect()
    rows = 0
    named_by_numbers = False
    with opened(path) as (kind, file), Spooled(path, len(names)) as columns:
        if kind == "text":
            text = _Text(path, file, names, dialect)
            parts = text.parts()
            named_by_numbers = text.is_named_by_numbers
        elif dialect != Dialect(drop_missing=dialect.drop_missing):
            raise ValueError(f"{path} must be a text file with --separator, --decimal or --no-header, got {kind}")
        elif kind == numpy_file.KIND and not dialect.drop_missing:
            mapped = numpy_file.read(path, names)
            return Table(mapped, len(mapped[0]), 0, False)
        else:
            parts = _checked_parts(path, names, _parts_of(path, file, kind, names), dialect)
        for part in parts:
            rows += len(part[0])
            missing = np.logical_or.reduce([np.isnan(values) for values in part])
            columns.add([values[~missing] for values in part] if missing.any() else part)
        if rows == 0:
            raise ValueError(f"{path} has names of columns and no rows, expected rows of numbers")
        if columns.rows == 0:
            raise ValueError(f"{path} has no row with a number in each of these columns, expected one at least")
        return Table(columns.columns(), rows, rows - columns.rows, named_by_numbers)


def _parts_of(path: str, file: BinaryIO, kind: str, names: Sequence[str]) -> Iterator[_Columns]:
    """Return parts of the columns of a table without cells of text."""
    if kind != numpy_file.KIND:
        return arrow.read(path, file, kind, names)
    mapped = numpy_file.read(path, names)
    starts = range(0, len(mapped[0]), ROWS_AT_ONCE)
    return ([column[first : first + ROWS_AT_ONCE].astype(np.float64) for column in mapped] for first in starts)


def _checked_parts(path: str, names: Sequence[str], parts: Iterator[_Columns], dialect: Dialect) -> Iterator[_Columns]:
    """Yield parts; ValueError if a column of a table without cells of text has something else than a finite number."""
    before = 0
    for part in parts:
        for name, values in zip(names, part, strict=True):
            wrong = np.isinf(values) if dialect.drop_missing else ~np.isfinite(values)
            if wrong.any():
                row = int(np.argmax(wrong))
                text = "" if np.isnan(values[row]) else str(values[row])
                raise ValueError(f"{path}, row {before + row + 1}: {complaint(repr(name), text, dialect)}")
        yield part
        before += len(part[0])


class _Text:
    """A table of text: its first row, which is the header if there is one, and the rows below it."""

    def __init__(self, path: str, file: BinaryIO, names: Sequence[str], dialect: Dialect) -> None:
        self.path = path
        self.names = names
        self.dialect = dialect
        lines = lines_of(path, file)
        first = ""
        comment = ""
        separator = dialect.separator
        self.line = 0  # of the head
        for line in lines:
            named = named_separator(line)
            if named is not None and not comment:
                separator = separator or named
            elif line.lstrip().startswith("#"):
                comment = line
            elif line.strip():
                first = line
                break
            self.line += 1
        self.separator = separator or ","
        self.start = [first, *islice(lines, LINES_FOR_HINTS)] if first else []
        self.rows = self._rows(chain(self.start, lines), self.line)
        self.head = self._names_in(comment, cells_of(first, self.separator))
        if not self.head:
            self._read_head()

    def _names_in(self, comment: str, first: list[str]) -> list[str]:
        """Return the names that stand in a comment right above rows of numbers, as NumPy's savetxt writes them."""
        if not comment or not self.dialect.header or set(self.names) <= set(first):
            return []
        header = cells_of(decoded(comment.strip().lstrip("#")), self.separator)
        if header and not header[0]:
            header[0] = "#"  # a column's own name
        of_first = len(header) == len(first) and any(is_number(cell, self.dialect) for cell in first)
        return header if of_first or set(self.names) <= set(header) or not first else []

    def _read_head(self) -> None:
        self.line += 1
        try:
            row = next(self.rows, None)
        except ValueError as error:  # quotes that a table with this separator can't have
            raise ValueError(f"{error}{self._explanation()}") from None
        if row is None:
            expected = "a line with the names of the columns and then rows of numbers"
            raise ValueError(f"{self.path} is empty, expected {expected}")
        self.line, cells = row
        self.head = [decoded(cell).strip() for cell in cells]
        if not self.dialect.header:
            self.rows = chain([row], self.rows)

    def _rows(self, lines: Iterator[str], skipped: int) -> Iterator[_Row]:
        """Yield the rows that are not blank, each with its last line's number."""
        parser = reader(lines, self.separator)
        before = skipped
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
            raise ValueError(f"{self.path}, line {before + 1}: {what}") from None

    @property
    def is_named_by_numbers(self) -> bool:
        """Whether there is a header, of numbers only."""
        return self.dialect.header and bool(self.head) and all(is_number(cell, self.dialect) for cell in self.head)

    def parts(self) -> Iterator[_Columns]:
        """Yield some rows of the columns after the other, NaN where one has nothing and such rows are dropped."""
        indices = [self._index(name) for name in self.names]
        rows = 0
        while chunk := list(islice(self.rows, ROWS_AT_ONCE)):
            for line, cells in chunk:
                if len(cells) != len(self.head):
                    raise ValueError(f"{self.path}, line {line}: {self._of_other_length(cells)}")
            rows += len(chunk)
            yield [self._numbers(name, chunk, index) for name, index in zip(self.names, indices, strict=True)]
        if not rows:
            raise ValueError(f"{self.path} has a line of names and no rows below it, expected rows of numbers")

    def _index(self, name: str) -> int:
        if self.dialect.header:
            return column_index(self.path, self.head, name, self._explanation)
        most = max(map(int, self.names))
        if most > len(self.head):
            width = counted(len(self.head), "column")
            raise ValueError(f"{self.path} has {width}, expected {most} at least{self._explanation()}")
        text = self.head[int(name) - 1]
        if number(text, self.dialect._replace(drop_missing=True)) is None:
            hint = self._explanation() or "; leave out --no-header if this line names the columns"
            raise ValueError(f"{self.path}, line {self.line}: {complaint(name, text, self.dialect)}{hint}")
        return int(name) - 1

    def _explanation(self) -> str:
        """Return why a column may be missing: the table is written in another way. ValueError if there is no table."""
        other = _other_kind("".join(self.start)[:10_000].lstrip())
        if other:
            raise ValueError(f"{self.path} is {other}, expected a table of columns: lines with as many cells each")
        wanted = self.names if self.dialect.header else max(map(int, self.names))
        hint = separator_hint(self.start, wanted, self.separator)
        if hint or not self.dialect.header:
            return hint
        if len(self.head) == 1 and self.separator in self.head[0]:
            return "; its lines are in quotes as wholes: remove these"
        if self.is_named_by_numbers:
            return (
                "; its first line looks like numbers: if it names no columns, type --no-header and give columns by "
                "number, for example --no-header --x 1 --y 2"
            )
        for line, text in enumerate(self.start[1:], self.line + 1):
            if set(self.names) <= set(cells_of(text, self.separator)):
                return f"; line {line} has these names: remove what stands above it"
        return ""

    def _of_other_length(self, cells: list[str]) -> str:
        where = "as in the first line" if self.line == 1 else f"as in line {self.line}"
        sentence = f"{counted(len(cells), 'cell')}, expected {len(self.head)} {where}"
        if cells[0].lstrip().startswith("#"):
            return f"{sentence}; comments may stand above the names only"
        if len(cells) > len(self.head) and not cells[-1].strip():
            return f"{sentence}; it ends in a separator"
        return sentence

    def _numbers(self, name: str, chunk: list[_Row], index: int) -> NDArray[np.float64]:
        texts = [cells[index] for _, cells in chunk]
        if self.dialect.decimal == ".":
            try:
                values = np.array([float(text) for text in texts])
            except ValueError:
                values = None
            if values is not None and np.isfinite(values).all() and "_" not in "".join(texts):
                return values
        numbers = [number(text, self.dialect) for text in texts]
        if None in numbers:
            wrong = numbers.index(None)
            label = repr(name) if self.dialect.header else name
            what = complaint(label, decoded(texts[wrong]), self.dialect)
            raise ValueError(f"{self.path}, line {chunk[wrong][0]}: {what}")
        return np.array(numbers, dtype=np.float64)


def _other_kind(start: str) -> str:
    """Return what a file is that begins so, if that is no table of text."""
    if re.match(r"<!doctype|<\?xml|<[a-z]+[\s>].*</", start, re.IGNORECASE | re.DOTALL):
        return "HTML or XML"
    if re.match(r"\{\s*\"|\[\s*[\[{\"\d]", start):
        return "JSON"
    if start.count("\0") * 3 > len(start):
        return "text in UTF-16 or UTF-32 without its mark, or no text"
    return ""
