"""Words for a terminal or a notebook: what others named, harmlessly; counts and rounded numbers.

Nothing heavy is imported here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from html import escape

_NAMES_SHOWN = 8
_LEFT = 'style="text-align: left"'


def printable(text: str) -> str:
    """Return text as a terminal may show it: control characters, which could drive it, as their escapes."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def counted(count: int, thing: str, things: str = "") -> str:
    """Return a count with its thing, which is one or several.

    Examples
    --------
    >>> counted(1, "step"), counted(12_000, "step")
    ('1 step', '12,000 steps')
    """
    return f"{count:,} {thing if count == 1 else things or thing + 's'}"


def brief(name: str, letters: int = 60) -> str:
    """Return a name, cut where it would crowd out all else.

    Examples
    --------
    >>> brief("theta"), brief("theta", 4)
    ('theta', 'the…')
    """
    return name if len(name) <= letters else f"{name[: letters - 1]}…"


def with_article(noun: str) -> str:
    """Return a noun after "a" or "an", by its first letter.

    Examples
    --------
    >>> with_article("Parquet file"), with_article("Arrow file")
    ('a Parquet file', 'an Arrow file')
    """
    return f"{'an' if noun[:1].casefold() in tuple('aeiou') else 'a'} {noun}"


def either(words: Sequence[str]) -> str:
    """Return what one may choose from.

    Examples
    --------
    >>> either(["squared", "absolute", "log-cosh"])
    'squared, absolute or log-cosh'
    """
    return " or ".join([", ".join(words[:-1])] * (len(words) > 1) + [words[-1]])


def listed(names: Sequence[str]) -> str:
    """Return the first of some names, as a terminal may show them."""
    return ", ".join(map(printable, names[:_NAMES_SHOWN])) + ", ..." * (len(names) > _NAMES_SHOWN)


def apart(names: Sequence[str], taken: Iterable[str]) -> list[str]:
    """Return names for columns of theta: as they are, but after "theta_" where others have them already.

    Half a surrogate pair, which no table can hold, becomes its escape.

    Examples
    --------
    >>> apart(["w", "loss"], taken=["loss", "steps"])
    ['w', 'theta_loss']
    """
    used = set(taken)
    found = []
    for name in (given.encode("utf-8", "backslashreplace").decode() for given in names):
        while name in used:
            name = f"theta_{name}"
        used.add(name)
        found.append(name)
    return found


def html_table(title: str, rows: Iterable[Sequence[str]], end: str = "") -> str:
    """Return rows of two or more cells under a title as HTML; the cells are text, whatever is in it.

    Examples
    --------
    >>> html_table("a < b", [("c", "&")]).count("&lt;")
    1
    """
    table = list(rows)
    widest = max(map(len, table), default=0)
    lines = []
    for row in table:
        first, *cells = (escape(printable(cell.strip())) for cell in row)
        span = f'colspan="{widest - len(cells)}"'  # of the last: long text moves no column of numbers aside
        rest = [f"<td {_LEFT}>{cell}</td>" for cell in cells[:-1]] + [f"<td {_LEFT} {span}>{cells[-1]}</td>"]
        lines.append(f"<tr><th {_LEFT}>{first}</th>{''.join(rest)}</tr>")
    below = f"<p>{escape(printable(end))}</p>" * bool(end)
    return f"<div><p>{escape(printable(title))}</p><table>{''.join(lines)}</table>{below}</div>"


def at_most(value: float, digits: int = 6) -> str:
    """Return a number in a few digits that is not above it: who takes a limit by the word stays below it."""
    return _rounded(value, digits, ROUND_FLOOR)


def nearest(value: float, below: float) -> str:
    """Return a number in six digits, rounded down where rounding would take it to what it must stay below."""
    text = f"{value:.6g}"
    return text if float(text) < below else at_most(value)


def at_least(value: float, digits: int = 6) -> str:
    """Return a number in a few digits that is not below it."""
    return _rounded(value, digits, ROUND_CEILING)


def _rounded(value: float, digits: int, direction: str) -> str:
    if math.isfinite(value):
        value = float(Context(prec=digits, rounding=direction).create_decimal(repr(float(value))))
    return f"{value:.{digits}g}"


def least_round(number: int) -> int:
    """Return the least of 1, 2, 5, 10, 20, ... that is not below a whole number.

    Examples
    --------
    >>> least_round(0), least_round(3), least_round(1_001)
    (1, 5, 2000)
    """
    magnitude = int(10 ** (len(str(number)) - 1))
    return next(digit * magnitude for digit in (1, 2, 5, 10) if digit * magnitude >= number)
