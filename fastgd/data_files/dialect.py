"""How a text file writes its table: what is typed, what its first lines say, and guesses to tell where they differ."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "spaces"}
_TYPED = {"\t": "tab", " ": "space", ";": "';'", "|": "'|'"}  # as a shell takes them
_NAMED = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}

LINES_COMPARED = 5

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+\s*")


class Dialect(NamedTuple):
    """How a table is written; a separator of None is the comma, or what the file's first line says."""

    separator: str | None = None
    decimal: str = "."
    header: bool = True
    drop_missing: bool = False


def checked_separator(text: str) -> str:
    """Return the separator that was typed, as a character or by its name."""
    separator = _NAMED.get(text.lower(), text)
    if len(separator) != 1 or separator.isalnum() or separator in "\"'.+-_\r\n\0":
        raise ValueError(
            f"--separator must be one character that is in no number, or tab, space, comma, semicolon or pipe, "
            f"got {text!r}"
        )
    return separator


def named_separator(line: str) -> str | None:
    """Return the separator that a first line such as `sep=;` names."""
    found = _SEPARATOR_LINE.fullmatch(line)
    return found[1] if found else None


def reader(lines: Iterable[str], separator: str, *, strict: bool = True) -> Any:
    """Return csv's reader of lines. Spaces separate in any number; elsewhere they don't count around quotes."""
    tidy = _single_spaced(lines) if separator == " " else _without_spaces_after_quotes(lines, separator)
    return csv.reader(tidy, delimiter=separator, skipinitialspace=True, strict=strict)


def _single_spaced(lines: Iterable[str]) -> Iterator[str]:
    return (line.replace("\t", " ").rstrip() + "\n" for line in lines)


def _without_spaces_after_quotes(lines: Iterable[str], separator: str) -> Iterator[str]:
    closed = re.compile(rf'" +(?={re.escape(separator)}|[\r\n]|$)')
    return (closed.sub('"', line) if '" ' in line else line for line in lines)


def cells_of(line: str, separator: str) -> list[str]:
    """Return the cells of one line."""
    rows = list(reader([line], separator, strict=False))
    return [cell.strip() for cell in rows[0]] if rows else []


def separator_hint(lines: Sequence[str], wanted: Sequence[str] | int, separator: str) -> str:
    """Return what to type if another separator gives the first lines the wanted names, or so many columns.

    Failing that, and if this one gives no table, one by which all lines have as many cells, two at least.
    """
    rows_by = {candidate: _first_rows(lines, candidate) for candidate in (separator, *_SEPARATORS)}
    even = [candidate for candidate, rows in rows_by.items() if 1 < len(rows[0]) == max(map(len, rows))]
    even = [candidate for candidate in even if len(rows_by[candidate][0]) == min(map(len, rows_by[candidate]))]
    if isinstance(wanted, int):
        serving = [candidate for candidate in even if len(rows_by[candidate][0]) >= wanted]
    else:
        serving = [candidate for candidate, rows in rows_by.items() if set(wanted) <= set(rows[0])]
    likely = [candidate for candidate in serving if candidate != separator] or ([] if separator in even else even)
    return _advice(likely[0], rows_by[likely[0]]) if likely else ""


def _first_rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    return [cells_of(line, separator) for line in lines[:LINES_COMPARED] if line.strip()]


def _advice(separator: str, rows: list[list[str]]) -> str:
    typed = f"--separator {_TYPED.get(separator, separator)}"
    if separator != "," and any(_DECIMAL_COMMA.fullmatch(cell) for row in rows for cell in row):
        typed += " --decimal ,"
    return f"; {_SEPARATORS[separator]} seem to separate its columns: type {typed}"
