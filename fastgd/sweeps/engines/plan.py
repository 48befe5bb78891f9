"""What an engine prepares for a sweep, as the scheduler of tiles takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from fastgd.sweeps.grid import Grid

KeepGoing = Callable[[], bool]


class Plan(Protocol):
    """How to cut the grid, and how to run one tile of it."""

    tile_size: int
    workers: int  # threads of a pool; 0 runs the tiles in the calling thread

    def counts(self, state: Any) -> dict[str, Any]:
        """Return the fields of a Timing that depend on the engine."""

    def run(self, grid: Grid, first: int, last: int, state: Any, keep_going: KeepGoing) -> None:
        """Run configurations first..last-1 to their stops, or until `keep_going()`, asked every 0.1 s, is false."""
