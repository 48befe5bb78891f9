"""The one place that schedules: tiles to threads, progress, and stopping early.

A tile is a contiguous run of flat indices. Its state is a view of the sweep's result arrays, so what is finished is in
the result whatever happens afterwards, and what is not is marked CANCELLED.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

from fastgd.check import RUN
from fastgd.kernels.descent.records import State
from fastgd.results.configurations import Grid
from fastgd.sweeps.engines.plan import KeepGoing, Plan
from fastgd.sweeps.engines.state import clear, mark_not_begun
from fastgd.sweeps.progress import Reports

AHEAD = 1024  # tiles given to the pool before the first of them is back: a grid of millions would take seconds to give

Range = tuple[int, int]


class Tiles:
    """The tiles of a sweep, or of a run of its configurations, begun in order.

    Without workers they are run in the calling thread, else on a pool of their own. `state` is that of configurations
    `first` to `last` - 1. Tiles at work also return soon after `goes_on()` became false.
    """

    def __init__(
        self,
        plan: Plan,
        grid: Grid,
        state: State,
        first: int = 0,
        last: int | None = None,
        goes_on: KeepGoing = lambda: True,
    ) -> None:
        self.plan = plan
        self.grid = grid
        self.state = state
        self.first = first
        self.size = (grid.size if last is None else last) - first
        self.cut = plan.cut if self.size == grid.size else plan.cut.within(self.size)
        self.begun = bytearray(-(-self.size // self.cut.tile_size))
        self.stopped = threading.Event()
        self.goes_on = goes_on
        self.pool: ThreadPoolExecutor | None = None
        if self.cut.workers:
            self.pool = ThreadPoolExecutor(min(self.cut.workers, len(self.begun)), thread_name_prefix="fastgd")

    def run(self, reports: Reports) -> None:
        """Run every tile. On an exception (Ctrl-C included) tiles at work return within a fraction of a second."""
        try:
            for first, last in self._completed():
                reports.add(self.state.status[first:last])
        finally:
            self._stop()

    def passes(self) -> int:
        """Return how often they went through the samples."""
        return self.plan.passes(self.state.part(0, self.size))

    def mark_the_rest(self) -> None:
        """Mark the configurations of all tiles that have not begun, after `run` was left by an exception."""
        self._stop()  # again: a second Ctrl-C may have ended the first before its threads were
        begun = self.begun.find(0)
        if begun < 0:
            return
        starts = range(begun * self.cut.tile_size, self.size, RUN)
        with ThreadPoolExecutor(max(1, self.cut.workers)) as pool:  # memory that nobody has touched: 1 GB/s each
            list(pool.map(lambda first: mark_not_begun(self.state.part(first, first + RUN)), starts))

    def _stop(self) -> None:
        self.stopped.set()
        if self.pool is not None:
            self.pool.shutdown(wait=True, cancel_futures=True)

    def _run_one(self, tile: int) -> Range:
        """Run one tile and return where it is in the state."""
        first = tile * self.cut.tile_size
        last = min(first + self.cut.tile_size, self.size)
        own = self.state.part(first, last)
        if not self.goes_on():
            mark_not_begun(own)
            return first, last
        clear(own)
        self.begun[tile] = 1
        begin = self.first + first
        end = self.first + last
        self.plan.run(self.grid, begin, end, own, keep_going=lambda: not self.stopped.is_set() and self.goes_on())
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
