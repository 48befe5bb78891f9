"""Where a column stands among the names of a table, and what to say of one that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

_COLUMNS_SHOWN = 20


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
