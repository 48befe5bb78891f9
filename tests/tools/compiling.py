"""What Numba compiles meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from numba.core import event


class Compilation(NamedTuple):
    """A function that is compiled, and for which types."""

    module: str
    function: str
    types: str


class _Passes(event.Listener):  # type: ignore[misc]
    """Notes every function that a pass of the compiler works on.

    Numba's own event of a compilation is not told of C functions, nor of what is merged into its caller.
    """

    def __init__(self) -> None:
        self.compilations: dict[Compilation, None] = {}

    def on_start(self, happened: event.Event) -> None:
        name = happened.data["qualname"].rpartition(".")[2]
        self.compilations[Compilation(happened.data["module"], name, str(happened.data["args"]))] = None

    def on_end(self, happened: event.Event) -> None:
        pass


@contextmanager
def compilations() -> Iterator[dict[Compilation, None]]:
    """Give what is compiled while this is open, in any thread and in its order."""
    listener = _Passes()
    with event.install_listener("numba:run_pass", listener):
        yield listener.compilations


def names(compiled: dict[Compilation, None]) -> list[str]:
    return [compilation.function for compilation in compiled]
