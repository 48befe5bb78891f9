"""A run written down: what a TOML file in place of PROBLEM says is as if it were typed as options.

    problem = "data.csv"
    x = ["width", "height"]
    y = "price"
    learning_rate = "1e-6:1:1000"
    max_steps = [100, 1000]
    out = "result.npz"

Keys are the options' names, values are numbers, texts as they are typed, or lists of them. Paths are those from the
file's folder. An option that is typed as well counts instead.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from pathlib import Path
from typing import Any

from fastgd.check import shown
from fastgd.cli.parser import Parser
from fastgd.examples.lessons import LESSONS
from fastgd.extras import imported
from fastgd.text import either

SUFFIX = ".toml"
PATHS = ("problem", "out", "plot", "page", "store")
_ALONE = ("help", "json")  # of the command, not of the run

_Number = str | int | float
_KINDS: dict[str, Any] = {
    **dict.fromkeys(PATHS, str),
    "x": str | int | list[str | int],  # without a header, columns have numbers
    "start": _Number | list[_Number | list[_Number]],
    "bounds": str | tuple[_Number | list[_Number], _Number | list[_Number]],
}
_MEANT = {"bool": "true or false", "str": "a text", "array": "a list", "int": "a number", "float": "a number"}


def is_run_file(arguments: argparse.Namespace) -> bool:
    """Tell whether PROBLEM is a run file."""
    return str(arguments.problem).lower().endswith(SUFFIX)


def take_up(arguments: argparse.Namespace) -> None:
    """Give the options that were not typed what the run file says; ValueError names the file and the key."""
    path = Path(arguments.problem)
    try:
        text = path.read_text(encoding="utf-8-sig")  # with the mark that Windows' editors begin with, or without
        said = tomllib.loads(text)
    except UnicodeDecodeError:
        raise ValueError(f"{path} must be a text in UTF-8, got other bytes") from None
    except ValueError as error:  # what TOML is not, or numbers of more digits than Python reads
        raise ValueError(f"{path} can't be read as TOML: {error}") from None
    except RecursionError:
        raise ValueError(f"{path} can't be read as TOML: lists are too deep") from None
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}") from None
    keys = [key.replace("-", "_") for key in said]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise ValueError(f"{path}: {twice} is given twice, also with dashes")
    said = _checked(path, dict(zip(keys, said.values(), strict=True)), arguments.parser)
    for key, value in said.items():
        if key == "problem" or getattr(arguments, key) is arguments.parser.get_default(key):
            setattr(arguments, key, _as_typed(key, value, path.parent))
    if is_run_file(arguments):
        raise ValueError(f"{path}: problem must be no other run file, got {said['problem']!r}")


def _checked(path: Path, said: dict[str, Any], parser: Parser) -> dict[str, Any]:
    """Return what a run file says, whose keys and kinds of values are those of the verb's options."""
    msgspec = imported("msgspec", "cli", "a run file")
    kinds = {key: kind for key, kind in _kinds(parser).items() if key not in _ALONE}
    fields = [(key, kind) if key == "problem" else (key, kind | None, None) for key, kind in kinds.items()]
    schema = msgspec.defstruct("Run", fields, forbid_unknown_fields=True, kw_only=True)
    try:
        msgspec.convert(said, schema)
    except msgspec.ValidationError as error:
        raise ValueError(f"{path}: {_sentence(str(error), said, parser)}") from None
    return said


def _kinds(parser: Parser) -> dict[str, Any]:
    """Return the kind of value that each option takes."""
    flags = (argparse._StoreTrueAction, argparse.BooleanOptionalAction)
    usual = _Number | list[_Number]
    actions = {action.dest: action for action in parser._actions}  # argparse has no public way to ask
    return {name: _KINDS.get(name, bool if isinstance(action, flags) else usual) for name, action in actions.items()}


def _sentence(reason: str, said: dict[str, Any], parser: Parser) -> str:
    """Return in the words of this command line why msgspec refuses a run file."""
    if unknown := re.search("unknown field `(.*)`", reason):
        key = unknown[1]
        if key in _ALONE:
            return f"{key} must be typed, as --{key}"
        close = [option.removeprefix("--").replace("-", "_") for option in parser.close("--" + key.replace("_", "-"))]
        close = [name for name in close if key and name in _kinds(parser).keys() - set(_ALONE)]
        return f"there is no key {key!r}" + (f"; did you mean {either(close)}?" if close else f", see {parser.prog} -h")
    if missing := re.search("missing required field `(.*)`", reason):
        return f"{missing[1]} must be given: an example ({', '.join(LESSONS)}) or a CSV, Parquet or .npy file"
    expected = re.findall("`(.*?)`", reason)[0]
    key = re.findall(r"`\$\.(\w+)", reason)[0]
    words = dict.fromkeys(_MEANT[kind] for kind in re.findall("|".join(_MEANT), expected))
    if "of length 2" in reason:
        words = {"a list of two": None}
    return f"{key} must be {either(list(words))}, got {shown(said[key])}"


def _as_typed(key: str, value: Any, folder: Path) -> Any:
    """Return a value as argparse would have left it."""
    if isinstance(value, bool):
        return value
    if key in PATHS:
        return value if value in LESSONS else str(folder / str(value))
    if key == "x":
        return list(map(str, value if isinstance(value, list) else [value])) or None
    if key == "start":
        several = isinstance(value, list) and any(isinstance(part, list) for part in value)
        return [_text(part) for part in value] if several else [_text(value)]
    if key == "bounds" and isinstance(value, list):
        return ":".join(map(_text, value))
    return _text(value)


def _text(value: Any) -> str:
    """Return a number, or a list of them, as it would be typed; a text stays what it is."""
    return ",".join(map(_text, value)) if isinstance(value, list) else str(value)
