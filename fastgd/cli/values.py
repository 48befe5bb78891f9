"""What is typed, as the library takes it: numbers, axes, starts, bounds; and the library's sentences, as typed.

Everything here raises ValueError in a sentence that begins with the option.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import check
from fastgd.data_files.dialect import Dialect, checked_separator
from fastgd.problems.losses import Huber, LogCosh, Loss, checked_loss
from fastgd.sweeps.grid import HYPERPARAMETERS
from fastgd.text import counted, listed

LARGEST_AXIS = 10**8
_NAMED_OTHERWISE = {"theta0": "--start", "record_every": "--every", "sample_weight": "--weight", "X": "--x", "x": "--x"}
_WORDS = (*HYPERPARAMETERS, "rule", "schedule", "bounds", "engine", "threads", "degree", "loss", "reduction", "l2")
_OPTIONS = _NAMED_OTHERWISE | {word: "--" + word.replace("_", "-") for word in _WORDS}

_REAL = r"-?\d+(?:\.\d*(?:e[-+]?\d+)?|e[-+]?\d+)"  # as Python writes a float, not an int


def with_defaults(arguments: argparse.Namespace, defaults: Mapping[str, str]) -> str:
    """Give options that were not typed a problem's defaults; return these as they would be typed."""
    missing = {name: text for name, text in defaults.items() if getattr(arguments, name) is None}
    for name, text in missing.items():
        setattr(arguments, name, text)
    return " ".join(f"{_OPTIONS[name]} {text}" for name, text in missing.items())


def keywords(arguments: argparse.Namespace, *, axes: bool, degrees: bool) -> dict[str, Any]:
    """Return the keywords of `sweep` (or of `descend`, without axes) for the options that were typed.

    With `degrees`, starts and bounds may be angles in degrees.
    """
    chosen: dict[str, Any] = {}
    for name, rule in HYPERPARAMETERS.items():
        text = getattr(arguments, name)
        if text is not None:
            chosen[name] = None if text == "none" and rule.optional else _hyperparameter(name, text, rule.whole, axes)
    for name in ("rule", "schedule", "engine"):
        if getattr(arguments, name) is not None:
            chosen[name] = getattr(arguments, name)
    if arguments.threads is not None:
        chosen["threads"] = whole("--threads", arguments.threads, minimum=1)
    if arguments.start:
        chosen["theta0"] = _starts(arguments.start, axes, degrees)
    if arguments.bounds not in (None, "none"):
        chosen["bounds"] = _bounds(arguments.bounds, degrees)
    return chosen


def loss(text: str) -> Loss:
    """Return the loss of a residual that a word names."""
    word, colon, delta = text.partition(":")
    if word == "huber" and colon:
        try:
            return Huber(number("--loss huber", delta))
        except ValueError as error:
            raise ValueError(re.sub("^delta", "--loss huber", str(error))) from None
    if text == "log-cosh":
        return LogCosh()
    if text not in ("squared", "absolute"):
        raise ValueError(f"--loss must be squared, absolute, log-cosh or huber:DELTA, got {text!r}")
    return checked_loss(text)


def number(option: str, text: str) -> float:
    """Return a number."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{option} must be a number, got {text!r}") from None


def whole(option: str, text: str, *, minimum: int, maximum: int | None = None) -> int:
    """Return a whole number of at least `minimum`, and of at most `maximum` if there is one."""
    try:
        value = float(text)  # 1e6 is a whole number, too
    except ValueError:
        value = math.nan
    if not value.is_integer():
        raise ValueError(f"{option} must be a whole number, got {text!r}")
    return check.whole(option, int(value), minimum, maximum)


def dialect(arguments: argparse.Namespace) -> Dialect:
    """Return how a text file is written, as far as that was typed."""
    decimal = arguments.decimal or "."
    if decimal not in (".", ","):
        raise ValueError(f"--decimal must be . or , (what begins the decimals of a number), got {decimal!r}")
    return Dialect(
        None if arguments.separator is None else checked_separator(arguments.separator),
        decimal,
        not arguments.no_header,
        arguments.drop_missing,
    )


def columns(arguments: argparse.Namespace) -> list[str]:
    """Return the names of the columns that were typed, those of --x, --y and --weight; numbers without a header."""
    names = [("--x", name) for name in arguments.x] + [("--y", arguments.y)]
    names += [] if arguments.weight is None else [("--weight", arguments.weight)]
    if not arguments.no_header:
        return [name.strip() for _, name in names]
    return [str(whole(f"{option} with --no-header", name, minimum=1)) for option, name in names]


def in_degrees(arguments: argparse.Namespace) -> bool:
    """Tell whether angles were typed in degrees: the starts, or else the bounds."""
    return any("deg" in text for text in arguments.start or [arguments.bounds or ""])


def check_length(start: Any, parameters: tuple[str, ...]) -> None:
    """Raise ValueError unless a start, or each of several, has a number for each parameter."""
    P, count = len(parameters), np.shape(start)[-1:]
    if count not in ((), (P,)):
        raise ValueError(f"--start must have {counted(P, 'number')} ({listed(parameters)}), got {count[0]}")


@contextmanager
def in_typed_words(parameters: Sequence[str] = (), *, degrees: bool = False) -> Iterator[None]:
    """Let what the library refuses be told as it was typed, of `parameters` by name and of angles in degrees.

    Sentences with a file's own words don't come by here.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        sentence = as_typed(str(error))
        if degrees and sentence.startswith(("--start", "--bounds")):
            sentence = re.sub(_REAL, lambda angle: f"{math.degrees(float(angle[0])):.8g}deg", sentence)
        if parameters:
            sentence = re.sub(r"for parameter (\d+)", lambda k: f"for {parameters[int(k[1])]}", sentence)
        raise ValueError(sentence) from None


def as_typed(sentence: str) -> str:
    """Return a library's sentence with its keywords as options, where they can't be plain words."""
    for name, option in _OPTIONS.items():
        sentence = re.sub(rf"\b{name}=(['\"]?)([\w.+-]+)\1", rf"{option} \2", sentence)
        sentence = re.sub(rf"\b{name}\b" if "_" in name or name == "theta0" else rf"^{name}\b", option, sentence)
    return sentence.replace("within bounds", "within --bounds").replace(", or set it to None", "")


def _hyperparameter(name: str, text: str, counts: bool, axes: bool) -> float | NDArray[np.float64]:
    option = _OPTIONS[name]
    if axes:
        return _axis(option, text, counts=counts)
    if ":" in text or "," in text:
        raise ValueError(f"{option} must be one number for descend, got {text!r}; fastgd sweep takes lists and ranges")
    return _number(option, text)


def _axis(option: str, text: str, *, counts: bool = False, degrees: bool = False) -> float | NDArray[np.float64]:
    """Return one number, or the axis that a list or a range stands for; ranges of `counts` are made whole."""
    if ":" in text:
        values = _range(option, text, degrees)
        return np.unique(np.rint(values)) if counts else values
    if "," in text:
        return np.array(_list(option, text, degrees))
    return _number(option, text, degrees=degrees, expected="a number, a list a,b,c or a range lo:hi:count[:linear]")


def _range(option: str, text: str, degrees: bool) -> NDArray[np.float64]:
    """Return lo:hi:count (geometric) or lo:hi:count:linear."""
    parts = text.split(":")
    if len(parts) not in (3, 4) or parts[3:] not in ([], ["linear"]):
        raise ValueError(f"{option} must be a range lo:hi:count or lo:hi:count:linear, got {text!r}")
    low, high = (_number(option, part, degrees=degrees, within=text) for part in parts[:2])
    count = _number(option, parts[2], within=text)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"{option} must be a range between finite numbers, got {text!r}")
    if not 2 <= count <= LARGEST_AXIS or count != int(count):
        raise ValueError(f"{option} must be a range of 2 to {LARGEST_AXIS:,} values, got {parts[2]!r} in {text!r}")
    with np.errstate(all="ignore"):  # an overflow becomes a value that is refused in the library's words
        if parts[3:]:
            return np.linspace(low, high, int(count))
        if min(low, high) <= 0.0 <= max(low, high):
            raise ValueError(
                f"{option} must be a geometric range between two positive numbers, got {text!r}; "
                f"add :linear for even spacing"
            )
        return np.geomspace(low, high, int(count))


def _list(option: str, text: str, degrees: bool) -> list[float]:
    return [_number(option, part, degrees=degrees, within=text) for part in text.split(",")]


def _number(
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
        raise ValueError(
            f"{option} must be a plain number here, got {text!r}; angles are for the dart's start and bounds"
        )
    return math.radians(value) if angle else value


def _starts(texts: list[str], axes: bool, degrees: bool) -> NDArray[np.float64]:
    """Return one start (P,), or (M, P) if --start was repeated or is a range for a problem of one parameter."""
    if len(texts) == 1 and ":" in texts[0] and axes:
        return np.asarray(_axis("--start", texts[0], degrees=degrees))[:, None]
    starts = [_list("--start", text, degrees) for text in texts]
    lengths = {len(start) for start in starts}
    if len(lengths) > 1:
        raise ValueError(f"--start must have as many numbers each time, got {' and '.join(map(str, sorted(lengths)))}")
    if len(starts) > 1 and not axes:
        raise ValueError(
            f"--start must be given once for descend, got it {len(starts)} times; fastgd sweep takes several"
        )
    return np.array(starts if len(starts) > 1 else starts[0])


def _bounds(text: str, degrees: bool) -> tuple[Any, Any]:
    """Return lo:hi as (lower, upper), each a number or a list."""
    sides = text.split(":")
    if len(sides) != 2:
        raise ValueError(f"--bounds must be LO:HI, got {text!r}")
    lower, upper = (_list("--bounds", side, degrees) for side in sides)
    return (lower[0] if len(lower) == 1 else lower), (upper[0] if len(upper) == 1 else upper)
