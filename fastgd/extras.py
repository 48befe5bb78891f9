"""Packages that only some capabilities need. They are imported when they are used, never by `import fastgd`."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def imported(module: str, extra: str, what: str) -> Any:
    """Return a module of an optional package.

    Raises
    ------
    ModuleNotFoundError
        If the package is not there: in one sentence, with what needs it and the command that installs it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # the package is there, and lacks one of its own
        sentence = f"{what} needs the package {package}: pip install 'fastgd[{extra}]'"
        raise ModuleNotFoundError(sentence, name=package) from None
