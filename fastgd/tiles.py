"""The one place that schedules: tiles to threads, progress, and stopping early.

A tile is a contiguous run of flat indices. Its state is a view of the sweep's result arrays, so what is finished is in
the result whatever happens afterwards, and what is not is marked CANCELLED.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from typing import Any, Protocol

import numpy as np

from fastgd.engines.state import clear
from fastgd.grid import Grid
from fastgd.progress import Progress, ProgressFailed
from fastgd.rules import Status

KeepGoing = Callable[[], bool]

REPORT_EVERY = 0.1  # seconds between calls of progress


class Plan(Protocol):
    """What an engine prepared: how to cut the grid and how to run one tile of it."""

    tile_size: int
    workers: int  # threads of a pool; 0 runs the tiles in the calling thread

    def counts(self, state: Any) -> dict[str, Any]:
        """Return the fields of a Timing that depend on the engine."""

    def run(self, grid: Grid, first: int, last: int, state: Any, keep_going: KeepGoing) -> None:
        """Run configurations first..last-1 to their stops, or until `keep_going()`, asked every 0.1 s, is false."""


def run_tiles(plan: Plan, grid: Grid, state: Any, progress: Progress | None) -> None:
    """Run every tile. On an exception (Ctrl-C included) tiles at work return within a fraction of a second."""
    C = grid.size
    tiles = [(first, min(first + plan.tile_size, C)) for first in range(0, C, plan.tile_size)]
    stopped, not_begun = threading.Event(), set(tiles)

    def part(first: int, last: int) -> Any:
        return type(state)(*(array[first:last] for array in state))

    def run_one(first: int, last: int) -> tuple[int, int]:
        not_begun.discard((first, last))
        own = part(first, last)
        clear(own)
        plan.run(grid, first, last, own, keep_going=lambda: not stopped.is_set())
        return first, last

    def clear_the_rest() -> None:
        for tile in not_begun:
            clear(part(*tile))

    done, counts, reported = 0, Counter[int](), time.monotonic()
    with ExitStack() as at_the_end:
        at_the_end.callback(clear_the_rest)
        completed = at_the_end.enter_context(  # closing stops tiles at work
            closing(_completed(run_one, tiles, plan.workers, stopped))
        )
        for first, last in completed:
            done += last - first
            if progress is None:
                continue
            counts.update(dict(zip(*np.unique_counts(state.status[first:last]), strict=True)))
            if done == C or time.monotonic() - reported > REPORT_EVERY:
                reported = time.monotonic()
                try:
                    progress(done, C, {Status(code).name: int(counts[code]) for code in sorted(counts)})
                except Exception as error:
                    raise ProgressFailed from error


def _completed(
    run_one: Callable[[int, int], tuple[int, int]],
    tiles: list[tuple[int, int]],
    workers: int,
    stopped: threading.Event,
) -> Generator[tuple[int, int], None, None]:
    """Yield tiles as they finish: in the calling thread without workers, else on a pool that lives for this call."""
    if workers == 0:
        for tile in tiles:
            yield run_one(*tile)
        return
    pool = ThreadPoolExecutor(min(workers, len(tiles)), thread_name_prefix="fastgd")
    try:
        running = {pool.submit(run_one, *tile) for tile in tiles}
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    finally:
        stopped.set()
        pool.shutdown(wait=True, cancel_futures=True)
