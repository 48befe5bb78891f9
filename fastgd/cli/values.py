"""What is typed, as the library takes it: numbers, axes, starts and bounds.

Everything here raises ValueError in a sentence that begins with the option.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import check
from fastgd.cli.sentences import option
from fastgd.descent.hyperparameters import HYPERPARAMETERS

LARGEST_AXIS = 10**8


def with_defaults(arguments: argparse.Namespace, defaults: Mapping[str, str]) -> str:
    """Give options that were not typed a problem's defaults; return these as they would be typed."""
    missing = {name: text for name, text in defaults.items() if getattr(arguments, name) is None}
    for name, text in missing.items():
        setattr(arguments, name, text)
    return " ".join(f"{option(name)} {text}" for name, text in missing.items())


def keywords(arguments: argparse.Namespace, *, axes: bool, degrees: bool) -> dict[str, Any]:
    """Return the keywords of `sweep` (or of `descend`, without axes) for the options that were typed.

    With `degrees`, starts and bounds may be angles in degrees.
    """
    chosen: dict[str, Any] = {}
    for name, about in HYPERPARAMETERS.items():
        text = getattr(arguments, name)
        if text == "none" and about.optional:
            chosen[name] = None
        elif text is not None:
            chosen[name] = axis(option(name), text, whole=about.whole) if axes else _single(option(name), text)
    words = {name: getattr(arguments, name) for name in ("rule", "schedule", "engine")}
    chosen |= {name: word for name, word in words.items() if word is not None}
    if arguments.threads is not None:
        chosen["threads"] = whole("--threads", arguments.threads, minimum=1)
    if arguments.start:
        chosen["theta0"] = _starts(arguments.start, axes, degrees)
    if arguments.bounds not in (None, "none"):
        chosen["bounds"] = _bounds(arguments.bounds, degrees)
    return chosen


def number(
    option: str, text: str, *, degrees: bool = False, expected: str = "a number", within: str | None = None
) -> float:
    """Return a number; with `degrees` it may be an angle such as 30deg, which becomes radians."""
    plain = text.strip()
    angle = plain.endswith("deg")
    try:
        value = float(plain.removesuffix("deg"))
    except ValueError:
        where = "" if within is None else f" in {within!r}"
        raise ValueError(f"{option} must be {expected}, got {text!r}{where}") from None
    if angle and not degrees:
        elsewhere = "angles are for the dart's start and bounds"
        raise ValueError(f"{option} must be a plain number here, got {text!r}; {elsewhere}")
    return math.radians(value) if angle else value


def whole(option: str, text: str, *, minimum: int, maximum: int | None = None) -> int:
    """Return a whole number of at least `minimum`, and of at most `maximum` if there is one."""
    try:
        value = float(text)  # 1e6 is a whole number, too
    except ValueError:
        value = math.nan
    if not value.is_integer():
        raise ValueError(f"{option} must be a whole number, got {text!r}")
    return check.whole(option, int(value), minimum, maximum)


def axis(option: str, text: str, *, whole: bool = False, degrees: bool = False) -> float | NDArray[np.float64]:
    """Return one number, or the axis that a list or a range stands for; a range is made `whole` by rounding."""
    if ":" in text:
        values = _range(option, text, degrees)
        return np.unique(np.rint(values)) if whole else values
    if "," in text:
        return np.array(_list(option, text, degrees))
    return number(option, text, degrees=degrees, expected="a number, a list a,b,c or a range lo:hi:count[:linear]")


def _single(option: str, text: str) -> float:
    if ":" in text or "," in text:
        raise ValueError(f"{option} must be one number for descend, got {text!r}; fastgd sweep takes lists and ranges")
    return number(option, text)


def _range(option: str, text: str, degrees: bool) -> NDArray[np.float64]:
    """Return lo:hi:count (geometric) or lo:hi:count:linear."""
    parts = text.split(":")
    if len(parts) not in (3, 4) or parts[3:] not in ([], ["linear"]):
        raise ValueError(f"{option} must be a range lo:hi:count or lo:hi:count:linear, got {text!r}")
    low, high = (number(option, part, degrees=degrees, within=text) for part in parts[:2])
    count = number(option, parts[2], within=text)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"{option} must be a range between finite numbers, got {text!r}")
    if not 2 <= count <= LARGEST_AXIS or count != int(count):
        raise ValueError(f"{option} must be a range of 2 to {LARGEST_AXIS:,} values, got {parts[2]!r} in {text!r}")
    with np.errstate(all="ignore"):  # an overflow becomes a value that is refused in the library's words
        if parts[3:]:
            return np.linspace(low, high, int(count))
        if min(low, high) <= 0.0 <= max(low, high):
            expected = "a geometric range between two positive numbers"
            raise ValueError(f"{option} must be {expected}, got {text!r}; add :linear for even spacing")
        return np.geomspace(low, high, int(count))


def _list(option: str, text: str, degrees: bool) -> list[float]:
    return [number(option, part, degrees=degrees, within=text) for part in text.split(",")]


def _starts(texts: list[str], axes: bool, degrees: bool) -> NDArray[np.float64]:
    """Return one start (P,), or (M, P) if --start was repeated or is a range for a problem of one parameter."""
    if len(texts) == 1 and ":" in texts[0] and axes:
        return np.asarray(axis("--start", texts[0], degrees=degrees))[:, None]
    starts = [_list("--start", text, degrees) for text in texts]
    lengths = {len(start) for start in starts}
    if len(lengths) > 1:
        raise ValueError(f"--start must have as many numbers each time, got {' and '.join(map(str, sorted(lengths)))}")
    if len(starts) > 1 and not axes:
        got = f"got it {len(starts)} times; fastgd sweep takes several"
        raise ValueError(f"--start must be given once for descend, {got}")
    return np.array(starts if len(starts) > 1 else starts[0])


def _bounds(text: str, degrees: bool) -> tuple[float | list[float], ...]:
    """Return lo:hi as (lower, upper), each a number or a list."""
    sides = [_list("--bounds", side, degrees) for side in text.split(":")]
    if len(sides) != 2:
        raise ValueError(f"--bounds must be LO:HI, got {text!r}")
    lower, upper = (side[0] if len(side) == 1 else side for side in sides)
    return lower, upper
