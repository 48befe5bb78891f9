"""Words for a terminal: what others named, harmlessly, and counted things. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Sequence

NAMES_SHOWN = 8


def printable(text: str) -> str:
    """Return text as a terminal may show it: control characters, which could drive it, as their escapes."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def counted(count: int, thing: str) -> str:
    """Return a count with its thing, which is one or several.

    Examples
    --------
    >>> counted(1, "step"), counted(12_000, "step")
    ('1 step', '12,000 steps')
    """
    return f"{count:,} {thing}{'s' * (count != 1)}"


def listed(names: Sequence[str]) -> str:
    """Return the first of some names, as a terminal may show them."""
    return ", ".join(map(printable, names[:NAMES_SHOWN])) + ", ..." * (len(names) > NAMES_SHOWN)
