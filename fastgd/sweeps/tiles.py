"""The one place that schedules: tiles to threads, progress, and stopping early.

A tile is a contiguous run of flat indices. Its state is a view of the sweep's result arrays, so what is finished is in
the result whatever happens afterwards, and what is not is marked CANCELLED.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

import numpy as np

from fastgd.check import RUN
from fastgd.descent.statuses import Status
from fastgd.kernels.descent.records import State
from fastgd.results.configurations import Grid
from fastgd.sweeps.engines.plan import Plan
from fastgd.sweeps.engines.state import clear, mark_not_begun
from fastgd.sweeps.progress import Progress, ProgressFailed

REPORT_EVERY = 0.1  # seconds between calls of progress
AHEAD = 1024  # tiles given to the pool before the first of them is back: a grid of millions would take seconds to give

Range = tuple[int, int]


class Tiles:
    """The tiles of a sweep, begun in order: in the calling thread without workers, else on a pool of their own."""

    def __init__(self, plan: Plan, grid: Grid, state: State) -> None:
        self.plan = plan
        self.grid = grid
        self.state = state
        self.begun = bytearray(-(-grid.size // plan.cut.tile_size))
        self.stopped = threading.Event()
        self.pool: ThreadPoolExecutor | None = None
        if plan.cut.workers:
            self.pool = ThreadPoolExecutor(min(plan.cut.workers, len(self.begun)), thread_name_prefix="fastgd")

    def run(self, progress: Progress | None) -> None:
        """Run every tile. On an exception (Ctrl-C included) tiles at work return within a fraction of a second."""
        C = self.grid.size
        done = 0
        counts = Counter[int]()
        reported = time.monotonic()
        try:
            for first, last in self._completed():
                done += last - first
                if progress is None:
                    continue
                counts.update(dict(zip(*np.unique_counts(self.state.status[first:last]), strict=True)))
                if done == C or time.monotonic() - reported > REPORT_EVERY:
                    reported = time.monotonic()
                    try:
                        progress(done, C, {Status(code).name: int(counts[code]) for code in sorted(counts)})
                    except Exception as error:
                        raise ProgressFailed from error
        finally:
            self._stop()

    def mark_the_rest(self) -> None:
        """Mark the configurations of all tiles that have not begun, after `run` was left by an exception."""
        self._stop()  # again: a second Ctrl-C may have ended the first before its threads were
        begun = self.begun.find(0)
        if begun < 0:
            return
        starts = range(begun * self.plan.cut.tile_size, self.grid.size, RUN)
        with ThreadPoolExecutor(max(1, self.plan.cut.workers)) as pool:  # memory that nobody has touched: 1 GB/s each
            list(pool.map(lambda first: mark_not_begun(self.state.part(first, first + RUN)), starts))

    def _stop(self) -> None:
        self.stopped.set()
        if self.pool is not None:
            self.pool.shutdown(wait=True, cancel_futures=True)

    def _run_one(self, tile: int) -> Range:
        first = tile * self.plan.cut.tile_size
        last = min(first + self.plan.cut.tile_size, self.grid.size)
        own = self.state.part(first, last)
        clear(own)
        self.begun[tile] = 1
        self.plan.run(self.grid, first, last, own, keep_going=lambda: not self.stopped.is_set())
        return first, last

    def _completed(self) -> Iterator[Range]:
        tiles = range(len(self.begun))
        if self.pool is None:
            yield from map(self._run_one, tiles)
            return
        finished: SimpleQueue[Future[Range]] = SimpleQueue()
        for tile in tiles:
            if tile >= AHEAD:
                yield finished.get().result()
            self.pool.submit(self._run_one, tile).add_done_callback(finished.put)
        for _ in tiles[:AHEAD]:
            yield finished.get().result()
