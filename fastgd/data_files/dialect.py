"""How a text file writes its table: what is typed, what its first lines say, and guesses to tell where they differ."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
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


def checked_dialect(separator: str | None, decimal: str | None, no_header: bool, drop_missing: bool) -> Dialect:
    """Return how a table is written, as it was typed, a separator as a character or by its name; None was not typed."""
    if decimal not in (None, ".", ","):
        raise ValueError(f"--decimal must be . or , (what begins the decimals of a number), got {decimal!r}")
    if separator is not None:
        mark = _NAMED.get(separator.lower(), separator)
        if len(mark) != 1 or mark.isalnum() or mark in "\"'.+-_\r\n\0":
            expected = "one character that is in no number, or tab, space, comma, semicolon or pipe"
            raise ValueError(f"--separator must be {expected}, got {separator!r}")
        separator = mark
    return Dialect(separator, decimal or ".", not no_header, drop_missing)


def named_separator(line: str) -> str | None:
    """Return the separator that a first line such as `sep=;` names."""
    found = _SEPARATOR_LINE.fullmatch(line)
    return found[1] if found else None


def reader(lines: Iterable[str], separator: str, *, strict: bool = True) -> Any:
    """Return csv's reader of lines. Spaces separate in any number; elsewhere they don't count around quotes."""
    if separator == " ":
        tidy = (line.replace("\t", " ").rstrip() + "\n" for line in lines)
    else:
        closed = re.compile(rf'" +(?={re.escape(separator)}|[\r\n]|$)')
        tidy = (closed.sub('"', line) if '" ' in line else line for line in lines)
    return csv.reader(tidy, delimiter=separator, skipinitialspace=True, strict=strict)


def cells_of(line: str, separator: str) -> list[str]:
    """Return the cells of one line."""
    rows = list(reader([line], separator, strict=False))
    return [cell.strip() for cell in rows[0]] if rows else []


def separator_hint(lines: Sequence[str], wanted: Sequence[str] | int, separator: str) -> str:
    """Return what to type if another separator gives the first lines the wanted names, or so many columns.

    Failing that, and if this one gives no table, one by which all lines have as many cells, two at least.
    """
    compared = [line for line in lines[:LINES_COMPARED] if line.strip()]
    rows_by = {by: [cells_of(line, by) for line in compared] for by in (separator, *_SEPARATORS)}
    even = [by for by, rows in rows_by.items() if len(rows[0]) > 1 and len(set(map(len, rows))) == 1]
    if isinstance(wanted, int):
        serving = [by for by in even if len(rows_by[by][0]) >= wanted]
    else:
        serving = [by for by, rows in rows_by.items() if set(wanted) <= set(rows[0])]
    likely = [by for by in serving if by != separator] or ([] if separator in even else even)
    if not likely:
        return ""
    other = likely[0]
    typed = f"--separator {_TYPED.get(other, other)}"
    if other != "," and any(_DECIMAL_COMMA.fullmatch(cell) for row in rows_by[other] for cell in row):
        typed += " --decimal ,"
    return f"; {_SEPARATORS[other]} seem to separate its columns: type {typed}"
