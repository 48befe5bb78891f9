"""A table's cells: names of columns, and numbers; and what to say of one that is neither.

Nothing in a cell is ever executed.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Sequence

from fastgd.data_files.dialect import Dialect

_SHOWN = 60  # letters of a cell
_COLUMNS_SHOWN = 20

_WORDS = {"true": 1.0, "false": 0.0}
_MISSING = {
    *("", "na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "+nan", "nat", "null", "none", "nil", "missing"),
    *("?", "-", "--", ".", "1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind"),
    *("\\n", "(null)", "n.a.", "#n/a n/a"),  # \N of MySQL and PostgreSQL, casefolded as all
}

_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    r"\d{4}[-/]\d{1,2}|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d\d){1,2}( .*)?"
    rf"|\d{{1,2}}:\d\d(:.*)?|\d{{1,2}}[- .]+{_MONTH}\b.*|{_MONTH}[- .]+\d.*",
    re.IGNORECASE,
)
_WITH_THOUSANDS = re.compile(
    r"(?P<whole>[-+]?\d{1,3}(?:(?P<mark>[,.' \u00a0\u2009\u202f\u2019])\d{3})(?:(?P=mark)\d{3})*)"
    r"(?:(?!(?P=mark))[.,](?P<decimals>\d*))?"
)
_OTHER_DECIMAL = re.compile(r"[-+]?\d*[.,]\d*([eE][-+]?\d+)?")


def column_index(path: str, header: Sequence[str], name: str, hint: Callable[[], str] = str) -> int:
    """Return where a column stands; `hint` is asked why it may be missing if no other is named nearly so."""
    count = header.count(name)
    if count == 1:
        return header.index(name)
    if count > 1:
        raise ValueError(f"{path} has {count} columns named {name!r}, expected one")
    known = ", ".join(map(repr, header[:_COLUMNS_SHOWN]))
    more = f" and {len(header) - _COLUMNS_SHOWN} more" if len(header) > _COLUMNS_SHOWN else ""
    raise ValueError(f"{path} has no column {name!r}, it has {known}{more}{_nearly(header, name) or hint()}")


def _nearly(header: Sequence[str], name: str) -> str:
    """Return the question whether a column was meant whose name differs in case, spaces, or a letter or two."""
    plain = {_plain(other): other for other in reversed(header) if other}
    close = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=0.8)
    return f"; did you mean {plain[close[0]]!r}?" if close else ""


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter not in " _-.")


def number(text: str, dialect: Dialect) -> float | None:
    """Return a cell's number, NaN if it has none and such rows are dropped, or None if it is not a finite number."""
    text = text.strip()
    word = text.casefold()
    if word in _WORDS:
        return _WORDS[word]
    if word in _MISSING:
        return math.nan if dialect.drop_missing else None
    if "_" in text or (dialect.decimal != "." and "." in text):  # float takes 1_000; 1.000 may be a thousand
        return None
    try:
        value = float(text.replace(dialect.decimal, "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def is_number(text: str, dialect: Dialect) -> bool:
    """Tell whether a cell holds a finite number by the dialect's decimal mark."""
    return number(text, dialect._replace(drop_missing=False)) is not None


def complaint(column: str, text: str, dialect: Dialect) -> str:
    """Return what is wrong with a cell, and what to type or to mend where that can be told."""
    text = text.strip()
    what = repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...") if text else "nothing"
    if _DATE.fullmatch(text):
        return f"column {column} holds dates or times, got {what}, expected finite numbers"
    return f"column {column} has {what}, expected a finite number{_hint(column, text, dialect)}"


def _hint(column: str, text: str, dialect: Dialect) -> str:
    other = "," if dialect.decimal == "." else "."
    as_decimal = f"; if {other!r} is its decimal mark, {'type --decimal ,' if other == ',' else 'leave out --decimal'}"
    if text.casefold() in _MISSING:
        return "; --drop-missing leaves such rows out"
    if repr(text) == column:
        return "; this line repeats the names of the columns"
    if thousands := _WITH_THOUSANDS.fullmatch(text):
        plain = thousands["whole"].replace(thousands["mark"], "")
        plain += f"{dialect.decimal}{thousands['decimals']}" if thousands["decimals"] else ""
        return f"; if it has thousands separators, write {plain}" + (as_decimal if _may_be_decimal(other, text) else "")
    if _OTHER_DECIMAL.fullmatch(text) and other in text and dialect.decimal not in text:
        return as_decimal
    if text[:1] in ("\u2212", "\u2013"):
        return "; its minus sign is another character than '-'"
    if "\0" in text:
        return "; it has a NUL byte"
    return ""


def _may_be_decimal(mark: str, text: str) -> bool:
    """Tell whether a mark may stand before the decimals of a number with thousands separators."""
    _, found, decimals = text.partition(mark)
    return bool(found) and (not decimals or decimals.isdigit())
