"""How a peer says that it is not there."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


class Missing(Exception):
    """A peer can't be measured here; its text is the reason."""


def need(module: str) -> ModuleType:
    """Import an optional library, or say why it can't be."""
    try:
        return import_module(module)
    except ImportError as error:
        raise Missing(str(error)) from error
