"""The library's sentences as they are told to who typed a command: with options in place of arguments."""

from __future__ import annotations

import argparse
import math
from collections.abc import Collection

import numpy as np

from fastgd.check import Argument, Coordinates, OfPython, Parameter, Sentence
from fastgd.descent.hyperparameters import HYPERPARAMETERS

_NAMED_OTHERWISE = {"theta0": "start", "record_every": "every", "sample_weight": "weight", "X": "x", "path": "out"}


def option(argument: str) -> str:
    """Return the option for an argument of the library; an option is one already."""
    return argument if argument.startswith("--") else "--" + _NAMED_OTHERWISE.get(argument, argument).replace("_", "-")


def renamed(sentence: str, arguments: Collection[str], as_typed: str) -> str:
    """Return a sentence with another name for these arguments."""

    def other(part: object) -> object:
        match part:
            case Sentence():
                return renamed(part, arguments, as_typed)
            case Argument(name, value) if name in arguments:
                return Argument(as_typed, value)
        return part

    return Sentence(*map(other, sentence.parts)) if isinstance(sentence, Sentence) else sentence


def refusal_as_typed(error: ValueError, arguments: argparse.Namespace) -> str:
    """Return why something was refused, with parameters by name, and angles in degrees if they were typed so.

    Those are the starts, or else the bounds.
    """
    angles = getattr(arguments, "start", None) or [getattr(arguments, "bounds", None) or ""]
    in_degrees = any("deg" in text for text in angles)

    def spelt(part: object) -> str:
        match part:
            case Argument(name, None):
                return option(name)
            case Argument(name, value):
                return f"{option(name)} {value}"
            case Parameter(_, name):
                return name
            case OfPython():
                return ""
            case Coordinates(value) if in_degrees:
                typed = " ".join(f"{math.degrees(angle):.8g}deg" for angle in np.atleast_1d(value).tolist())
                return f"[{typed}]" if np.ndim(value) else typed
        return str(part)

    sentence = error.args[0] if error.args else ""
    return sentence.spelt(spelt) if isinstance(sentence, Sentence) else str(error)


def advice_as_typed(advice: str) -> str:
    """Return advice with options for the hyperparameters whose names can't be plain words."""
    for name in HYPERPARAMETERS:
        if "_" in name:
            advice = advice.replace(name, option(name))
    return advice
